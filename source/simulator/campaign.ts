import {availableParallelism} from 'node:os';
import {Worker} from 'node:worker_threads';
import {strikes} from './faults.ts';
import {type Choice, type Mix, mixNames, type Report, simulate} from './simulate.ts';
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

export type CampaignReport = {
	readonly ok: boolean;
	readonly seed: number;
	readonly runs: number;
	readonly seconds: number;
	readonly mixes: readonly MixReport[];
	/** In how many runs each situation came up, and each fault struck. */
	readonly sights: Readonly<Record<string, number>>;
	/** Situations and faults that never did. A campaign of 2,000 runs or more fails if there is one. */
	readonly missing: readonly string[];
	/** Of the first run that failed. */
	readonly failedSeed: number | null;
};

export type CampaignOptions = {
	/** The first of `runs` seeds in a row. */
	readonly seed: number;
	readonly runs: number;
	/** Threads; by default as many as the machine runs at once. */
	readonly threads?: number;
	readonly onProgress?: (done: number) => void;
};

/** Runs in one message to a thread: enough to keep it busy, few enough to share fairly. */
const portion = 8;
const failuresShown = 10;
/** From so many runs on nothing may be missing. */
const thoroughRuns = 2000;

/** Simulates many seeds on all cores. */
export async function campaign({seed, runs, threads, onProgress}: CampaignOptions): Promise<CampaignReport> {
	const started = performance.now();
	const choices: Choice[] = Array.from({length: runs}, (_, index) => ({seed: seed + index}));
	const reports = await simulateAll(choices, threads ?? availableParallelism(), onProgress);
	const mixes = mixNames
		.map(mix =>
			sum(
				mix,
				reports.filter(report => report.mix === mix),
			),
		)
		.filter(report => report.runs > 0);
	const sights: Record<string, number> = {};
	for (const report of reports) {
		for (const sight of Object.keys(report.sights)) sights[sight] = (sights[sight] ?? 0) + 1;
	}

	const seconds = (performance.now() - started) / 1000;
	const faults = Object.keys(strikes).map(strike => `fault: ${strike}`);
	const missing = [...situations, ...faults].filter(sight => !sights[sight]);
	const ok = mixes.every(mix => mix.ok) && (runs < thoroughRuns || missing.length === 0);
	const failedSeed = reports.find(report => !report.ok)?.seed ?? null;
	return {ok, seed, runs, seconds, mixes, sights, missing, failedSeed};
}

/** Reports in the order of the choices, whatever thread made them. */
export async function simulateAll(
	choices: readonly Choice[],
	threads: number,
	onProgress?: (done: number) => void,
): Promise<Report[]> {
	if (choices.length <= 1 || threads <= 1) return choices.map(choice => simulate(choice));
	const reports: Report[] = [];
	let next = 0;
	let done = 0;
	const work = async () => {
		const worker = new Worker(
			new URL(import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js', import.meta.url),
			// What this process was started with, a test runner or a piece of text, is not for a thread.
			{execArgv: []},
		);
		try {
			while (next < choices.length) {
				const from = next;
				next += portion;
				const answers = await ask(worker, choices.slice(from, from + portion));
				for (const [index, report] of answers.entries()) reports[from + index] = report;
				done += answers.length;
				onProgress?.(done);
			}
		} finally {
			await worker.terminate();
		}
	};
	await Promise.all(Array.from({length: Math.min(threads, Math.ceil(choices.length / portion))}, work));
	return reports;
}

function ask(worker: Worker, choices: readonly Choice[]): Promise<Report[]> {
	return new Promise((resolve, reject) => {
		const settle = () => {
			worker.off('message', onMessage);
			worker.off('error', onError);
			worker.off('exit', onExit);
		};
		const onMessage = (reports: Report[]) => {
			settle();
			resolve(reports);
		};
		const onError = (error: unknown) => {
			settle();
			reject(error);
		};
		const onExit = () => onError(new Error('a thread of the campaign ended before its time'));
		worker.on('message', onMessage);
		worker.on('error', onError);
		worker.on('exit', onExit);
		worker.postMessage(choices);
	});
}

function sum(mix: Mix, reports: readonly Report[]): MixReport {
	const total = (of: (report: Report) => number) => reports.reduce((so, report) => so + of(report), 0);
	const good = reports.filter(({ok}) => ok);
	const highest = (of: (report: Report) => number) => Math.max(0, ...good.map(of));
	const failures = reports.flatMap(({failure}) => failure ?? []);
	return {
		mix,
		ok: failures.length === 0,
		runs: reports.length,
		failures: failures.slice(0, failuresShown),
		failed: failures.length,
		leastEvents: Math.min(...reports.map(({events}) => events)),
		events: total(({events}) => events),
		messages: total(({messages}) => messages),
		slots: total(({slots}) => slots),
		lines: total(({lines}) => lines),
		viewsToHeal: highest(({views}) => views.healing),
		viewsLater: highest(({views}) => views.later),
		slowestTicks: highest(({slowest}) => slowest),
	};
}
