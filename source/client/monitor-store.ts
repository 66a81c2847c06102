import type {ReplicaId, Slot} from '../consensus/types.ts';
import type {StampedNote, Status} from '../network/events.ts';
import {calmRoundTrip} from './round-trip.ts';
import {Store} from './store.ts';

/** One replica as the monitor sees it. */
export type Watched = {
	readonly id: ReplicaId;
	/** host:port. */
	readonly address: string;
	/**
	 * `down`: not heard for a second. `electing`: knows no leader in its view.
	 * `behind`: more than 1,000 slots, or 2 seconds, behind the one that executed most.
	 */
	readonly state: 'up' | 'electing' | 'behind' | 'down';
	/** Since when it is in this state, in Unix milliseconds. */
	readonly since: number;
	/** Its last word; kept when it goes down. */
	readonly status: Status | null;
	/** When that was heard, in Unix milliseconds. */
	readonly heardAt: number | null;
	readonly roundTripMs: number | null;
	/** A connection to it stands. One that is `down` nevertheless does not speak on it. */
	readonly isConnected: boolean;
	/** Why it is not up, for people; empty if it is. */
	readonly sentence: string;
};

/** Whether replicas that executed the same slot hold the same chat. */
export type Agreement = {
	/** Once diverged, a monitor says so as long as it runs. */
	readonly state: 'identical' | 'diverged' | 'unknown';
	/** The slot after which the hashes were compared. */
	readonly comparedAt: Slot | null;
	readonly hashes: ReadonlyArray<{readonly id: ReplicaId; readonly hash: string}>;
	/** Live replicas that are too far behind to be compared. */
	readonly leftOut: readonly ReplicaId[];
	readonly sentence: string;
};

export type MonitorSnapshot = {
	/** In order of id. */
	readonly replicas: readonly Watched[];
	readonly agreement: Agreement;
	/** Messages executed per second, now and in each of the last sixty seconds, oldest first. */
	readonly throughput: {readonly perSecond: number; readonly history: readonly number[]};
	/** What the replicas told, in order of arrival, at most 2,000. */
	readonly notes: readonly StampedNote[];
};

/** Not heard for so long: down. The same for how far behind may be. */
const downMs = 1000;
const behindSlots = 1000;
const behindMs = 2000;
const keptNotes = 2000;
const keptSeconds = 60;

type Seen = {
	status: Status | null;
	heardAt: number | null;
	roundTripMs: number | null;
	state: Watched['state'];
	since: number;
	sentence: string;
	/** Why its connection is gone; empty while there is one. */
	gone: string;
};

/**
 * What the monitor knows, for the screen. It is fed by the monitor, or by
 * anything else that has statuses to show; times are Unix milliseconds of a
 * clock that never goes back.
 */
export class MonitorStore extends Store<MonitorSnapshot> {
	readonly #addresses: readonly string[];
	readonly #seen: readonly Seen[];
	/** The highest executed slot over time, as far back as the rule of the two seconds looks. */
	readonly #marks: Array<{readonly at: number; readonly executed: Slot}> = [];
	#agreement: Agreement = {
		state: 'unknown',
		comparedAt: null,
		hashes: [],
		leftOut: [],
		sentence: 'not compared yet',
	};
	#notes: StampedNote[] = [];
	/** By their names, those above and some older ones. */
	#told = new Set<string>();
	#messages: number | null = null;
	#countedAt = 0;
	#counted = 0;
	#history: readonly number[] = [];

	/** Addresses (host:port) in order of id. */
	constructor(addresses: readonly string[], now: number) {
		super();
		this.#addresses = addresses;
		this.#seen = addresses.map(() => ({
			status: null,
			heardAt: null,
			roundTripMs: null,
			state: 'down',
			since: now,
			sentence: 'not heard yet',
			gone: '',
		}));
	}

	/** The highest slot that any replica was heard to have executed. */
	get executed(): Slot {
		return this.#marks.at(-1)?.executed ?? 0;
	}

	get agreement(): Agreement {
		return this.#agreement;
	}

	watched(id: ReplicaId): Watched | undefined {
		const seen = this.#seen[id];
		if (seen === undefined) return undefined;
		const {gone, ...shown} = seen;
		const isConnected = gone === '' && seen.heardAt !== null;
		return {id, address: this.#addresses[id] ?? '', isConnected, ...shown};
	}

	heard(status: Status, now: number): void {
		const seen = this.#seen[status.id];
		if (seen === undefined) return;
		const isNews = seen.status === null || !saysTheSame(seen.status, status);
		seen.status = status;
		seen.heardAt = now;
		seen.gone = '';
		if (isNews) this.changed();
		else this.aged();
		if (status.executed > this.executed) this.#marks.push({at: now, executed: status.executed});
		this.#messages = Math.max(this.#messages ?? 0, status.messages);
		this.review(now);
	}

	/** The connection to a replica is gone, or cannot be made. */
	gone(id: ReplicaId, why: string, now: number): void {
		const seen = this.#seen[id];
		if (seen === undefined) return;
		seen.gone = why;
		seen.roundTripMs = null;
		this.changed();
		this.review(now);
	}

	roundTrip(id: ReplicaId, ms: number): void {
		const seen = this.#seen[id];
		if (seen === undefined) return;
		const shown = calmRoundTrip(seen.roundTripMs, ms);
		if (shown === seen.roundTripMs) return;
		seen.roundTripMs = shown;
		this.changed();
	}

	noted(notes: readonly StampedNote[]): void {
		// A replica that is dialed again tells its last notes again.
		const fresh = notes.filter(note => !this.#told.has(nameOf(note)));
		if (fresh.length === 0) return;
		this.#notes = [...this.#notes, ...fresh].slice(-keptNotes);
		for (const note of fresh) this.#told.add(nameOf(note));
		if (this.#told.size > 2 * keptNotes) this.#told = new Set(this.#notes.map(nameOf));
		this.changed();
	}

	compared(agreement: Agreement): void {
		if (this.#agreement.state === 'diverged') return;
		const {state, sentence} = this.#agreement;
		this.#agreement = agreement;
		if (agreement.state !== state || agreement.sentence !== sentence) this.changed();
	}

	/** Time passes: silence makes a replica down, and a second is counted. */
	review(now: number): void {
		while ((this.#marks[1]?.at ?? Number.POSITIVE_INFINITY) <= now - behindMs) this.#marks.shift();
		this.#count(now);
		for (const seen of this.#seen) {
			const {state, sentence} = this.#judge(seen, now);
			if (state === seen.state && sentence === seen.sentence) continue;
			if (state !== seen.state) seen.since = now;
			seen.state = state;
			seen.sentence = sentence;
			this.changed();
		}
	}

	protected override build(): MonitorSnapshot {
		return {
			replicas: this.#seen.map((_, id) => this.watched(id)!),
			agreement: this.#agreement,
			throughput: {perSecond: this.#history.at(-1) ?? 0, history: this.#history},
			notes: this.#notes,
		};
	}

	#judge({status, heardAt, gone}: Seen, now: number): {state: Watched['state']; sentence: string} {
		if (gone !== '') return {state: 'down', sentence: gone};
		if (status === null || heardAt === null) return {state: 'down', sentence: 'not heard yet'};
		// Statuses come at least twice a second, so a second without one is silence.
		if (now - heardAt > downMs) return {state: 'down', sentence: 'connected, but silent'};
		if (status.leader === null)
			return {state: 'electing', sentence: `knows no leader in view ${status.view}`};
		const slots = this.executed - status.executed;
		if (slots > behindSlots) return {state: 'behind', sentence: `${slots} slots behind`};
		const [mark] = this.#marks;
		if (mark !== undefined && mark.at <= now - behindMs && status.executed < mark.executed)
			return {state: 'behind', sentence: `${slots} slots, and more than 2 s, behind`};
		return {state: 'up', sentence: ''};
	}

	#count(now: number): void {
		if (this.#messages === null) return;
		if (this.#countedAt === 0) {
			this.#countedAt = now;
			this.#counted = this.#messages;
		}

		const seconds = Math.floor((now - this.#countedAt) / 1000);
		if (seconds < 1) return;
		const each = Math.round((this.#messages - this.#counted) / seconds);
		const counted = Array.from({length: Math.min(seconds, keptSeconds)}, () => each);
		this.#history = [...this.#history, ...counted].slice(-keptSeconds);
		// A second in which nothing happened after others like it is no news, while all are up.
		const isQuiet =
			this.#history.every(count => count === 0) && this.#seen.every(({state}) => state === 'up');
		if (isQuiet) this.aged();
		else this.changed();
		this.#countedAt += seconds * 1000;
		this.#counted = this.#messages;
	}
}

const nameOf = ({replica, at, kind, view, slot, text}: StampedNote): string =>
	JSON.stringify([replica, at, kind, view, slot, text]);

/** Five times a second a replica says how it is, and mostly it is as it was. */
function saysTheSame({now: _, ...one}: Status, {now: __, ...other}: Status): boolean {
	return JSON.stringify(one) === JSON.stringify(other);
}
