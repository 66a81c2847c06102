import {faultKinds} from './faults.ts';
import {type Mix, mixNames, type Report} from './simulate.ts';
import {situations} from './situations.ts';

/** What came of all runs of a mix. */
export type MixReport = {
	readonly mix: Mix;
	readonly ok: boolean;
	readonly runs: number;
	/** The first failures, each with its seed. */
	readonly failures: readonly string[];
	readonly failed: number;
	/** The fewest of any run: packets and requests that reached a replica, and faults that struck. */
	readonly leastEvents: number;
	/** Sums over all runs. */
	readonly events: number;
	readonly messages: number;
	readonly slots: number;
	readonly lines: number;
	/** The highest of all runs: views after the healing and later on, and the slowest answer in ticks. */
	readonly viewsToHeal: number;
	readonly viewsLater: number;
	readonly slowestTicks: number;
};

const failuresShown = 10;

/** Adds up what came of many runs, one after the other: of a million nobody keeps the reports. */
export class Tally {
	/** In how many runs each situation came up, and each fault struck. */
	readonly sights: Record<string, number> = {};
	/** How often each kind of fault struck. */
	readonly faults: Record<string, number> = {};
	/** Of the first run that failed. */
	failedSeed: number | null = null;
	readonly #mixes = new Map<Mix, MixReport>();

	add(report: Report): void {
		this.#mixes.set(report.mix, sum(this.#mixes.get(report.mix) ?? nothing(report.mix), report));
		for (const [sight, times] of Object.entries(report.sights)) {
			this.sights[sight] = (this.sights[sight] ?? 0) + 1;
			if (!sight.startsWith(faultPrefix)) continue;
			const kind = sight.slice(faultPrefix.length);
			this.faults[kind] = (this.faults[kind] ?? 0) + times;
		}

		if (!report.ok) this.failedSeed ??= report.seed;
	}

	get mixes(): readonly MixReport[] {
		return mixNames.flatMap(mix => this.#mixes.get(mix) ?? []);
	}

	/** Situations and faults that never came up. */
	get missing(): readonly string[] {
		const faults = Object.keys(faultKinds).map(kind => `${faultPrefix}${kind}`);
		return [...situations, ...faults].filter(sight => !this.sights[sight]);
	}
}

const faultPrefix = 'fault: ';

const nothing = (mix: Mix): MixReport => ({
	mix,
	ok: true,
	runs: 0,
	failures: [],
	failed: 0,
	leastEvents: Number.POSITIVE_INFINITY,
	events: 0,
	messages: 0,
	slots: 0,
	lines: 0,
	viewsToHeal: 0,
	viewsLater: 0,
	slowestTicks: 0,
});

function sum(so: MixReport, report: Report): MixReport {
	const {ok, failure, events, messages, slots, lines, views, slowest} = report;
	return {
		mix: so.mix,
		ok: so.ok && ok,
		runs: so.runs + 1,
		failures: failure === null ? so.failures : [...so.failures, failure].slice(0, failuresShown),
		failed: so.failed + (ok ? 0 : 1),
		leastEvents: Math.min(so.leastEvents, events),
		events: so.events + events,
		messages: so.messages + messages,
		slots: so.slots + slots,
		lines: so.lines + lines,
		// A run that failed was broken off.
		viewsToHeal: Math.max(so.viewsToHeal, ok ? views.healing : 0),
		viewsLater: Math.max(so.viewsLater, ok ? views.later : 0),
		slowestTicks: Math.max(so.slowestTicks, ok ? slowest : 0),
	};
}
