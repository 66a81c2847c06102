import type {Line} from '../chat/types.ts';
import type {ReplicaId, Slot} from '../consensus/types.ts';
import type {Weather} from '../network/events.ts';
import {Store} from './store.ts';

/** How a client stands with the cluster. */
export type Connection = {
	readonly state:
		| 'connecting' // looking for the first replica, or for the next one
		| 'online'
		| 'electing' // connected, but nobody leads
		| 'no quorum' // connected, but too few replicas hear each other
		| 'waiting' // connected, but everything waits: for a hole, or for room on the disks
		| 'offline'; // a whole round found no replica; the next one begins at `retryAt`
	/** Since when it is in this state, in Unix milliseconds. */
	readonly since: number;
	/** Where it is connected, or tries to be. */
	readonly replica: ReplicaId | null;
	/** host:port of that replica. */
	readonly address: string | null;
	readonly roundTripMs: number | null;
	/** In Unix milliseconds; only while offline. */
	readonly retryAt: number | null;
	/** For people, with the reason: `waiting: slot 12 is a hole`. */
	readonly sentence: string;
};

/** A message of one's own, from the moment it is said. */
export type Pending = {
	/** Names it in this store. */
	readonly key: number;
	readonly client: string;
	/** Its number in the session; null until it is its turn. With `client` it finds the line in the feed. */
	readonly sequence: number | null;
	readonly nick: string;
	readonly text: string;
	readonly state:
		| 'queued' // not sent yet: not connected, or an earlier one of the session is not acknowledged
		| 'sent'
		| 'retried' // sent more than once, under the same number, so it is executed at most once
		| 'decided' // acknowledged: it has its position for ever
		| 'failed'; // refused, given up, or nobody can tell: `why` says which
	/** Whom it was sent to, in order, at most the last four. */
	readonly replicas: readonly ReplicaId[];
	/** How often it was sent again. */
	readonly retries: number;
	/** When it was said, in Unix milliseconds. */
	readonly since: number;
	/** When it was decided or failed, in Unix milliseconds. */
	readonly settledAt?: number;
	readonly position?: number;
	readonly slot?: Slot;
	readonly why?: string;
	/** Failed, and it may nevertheless stand in the log: only the feed can tell. */
	readonly isUnknown?: boolean;
};

export type ClientSnapshot = {
	readonly connection: Connection;
	/** The last word of the replica it is, or was, connected to. */
	readonly weather: Weather | null;
	/** The replica takes fault orders. */
	readonly hasFaults: boolean;
	/** The end of the chat, in order, without gaps between positions. */
	readonly lines: readonly Line[];
	/** The highest position heard of; lines up to there may still be on their way. */
	readonly position: number;
	/** History before the first line was asked for and is not here yet. */
	readonly isLoading: boolean;
	/** Own messages: those that wait, and the last that were settled. */
	readonly pending: readonly Pending[];
};

/** Lines kept while the reader is at the end, and while the reader has scrolled back. */
const keptLines = 5000;
const keptHistory = 20_000;
/** Lines trimmed at once, so that the array is not moved for each. */
const slackLines = 1000;
/** Settled messages kept. */
const keptSettled = 200;
const keptReplicas = 4;

/** What a client knows, for the chat screen. Filled by Client; nothing but `loadBefore`, `atEnd` and `forget` is for readers. */
export class ClientStore extends Store<ClientSnapshot> {
	#connection: Connection = {
		state: 'connecting',
		since: Date.now(),
		replica: null,
		address: null,
		roundTripMs: null,
		retryAt: null,
		sentence: 'connecting',
	};
	#weather: Weather | null = null;
	#hasFaults = false;
	#lines: Line[] = [];
	#shown: readonly Line[] | null = [];
	#isHolding = false;
	#isLoading = false;
	#position = 0;
	#keys = 0;
	#settled = 0;
	readonly #pending = new Map<number, Pending>();
	readonly #load: (before: number) => boolean;

	/** `load` fetches lines before a position, and says whether it will. */
	constructor(load: (before: number) => boolean = () => false) {
		super();
		this.#load = load;
	}

	/**
	 * For the reader who scrolled back to the first line: fetches older ones, which then
	 * appear before it. While they are looked at more lines are kept; `atEnd` ends that.
	 */
	loadBefore(position: number): void {
		if (this.#isLoading || position !== this.first || position <= 1) return;
		if (this.#lines.length >= keptHistory || !this.#load(position)) return;
		this.#isHolding = true;
		this.#isLoading = true;
		this.acted();
	}

	/** The reader is at the last line again. */
	atEnd(): void {
		if (!this.#isHolding) return;
		this.#isHolding = false;
		this.#trim(0);
		this.acted();
	}

	/** Takes a settled message off the list. */
	forget(key: number): void {
		const pending = this.#pending.get(key);
		if (pending?.settledAt === undefined) return;
		this.#pending.delete(key);
		this.#settled--;
		this.acted();
	}

	/** The highest position heard of. */
	get position(): number {
		return this.#position;
	}

	/** Position of the first line kept; 0 if there is none. */
	get first(): number {
		return this.#lines[0]?.position ?? 0;
	}

	setConnection(connection: Connection): void {
		const isSameState = connection.state === this.#connection.state;
		this.#connection = isSameState ? {...connection, since: this.#connection.since} : connection;
		this.changed();
	}

	setWeather(weather: Weather, hasFaults = this.#hasFaults): void {
		this.#weather = weather;
		this.#hasFaults = hasFaults;
		this.#position = Math.max(this.#position, weather.position);
		this.changed();
	}

	/** Lines that follow the last one without a gap. */
	append(lines: readonly Line[]): void {
		const last = lines.at(-1);
		if (last === undefined) return;
		for (const line of lines) this.#lines.push(line);
		this.#shown = null;
		this.#position = Math.max(this.#position, last.position);
		this.#trim(slackLines);
		this.changed();
	}

	/** Lines that end just before the first one; none, if there is nothing to be had. */
	prepend(lines: readonly Line[]): void {
		this.#isLoading = false;
		const last = lines.at(-1);
		if (last !== undefined && last.position === this.first - 1) {
			this.#lines = [...lines, ...this.#lines];
			this.#shown = null;
			this.#trim(0);
		}

		this.acted();
	}

	/** A message of one's own, just said; returns its key. */
	say(client: string, nick: string, text: string): number {
		const key = ++this.#keys;
		const since = Date.now();
		this.#pending.set(key, {
			key,
			client,
			sequence: null,
			nick,
			text,
			state: 'queued',
			replicas: [],
			retries: 0,
			since,
		});
		this.acted();
		return key;
	}

	/** It was sent to this replica under this number. */
	sent(key: number, {client, sequence}: Pick<Line, 'client' | 'sequence'>, replica: ReplicaId): void {
		const pending = this.#pending.get(key);
		if (pending === undefined) return;
		const isFirst = pending.replicas.length === 0;
		this.#pending.set(key, {
			...pending,
			client,
			sequence,
			state: isFirst ? 'sent' : 'retried',
			replicas: [...pending.replicas, replica].slice(-keptReplicas),
			retries: isFirst ? 0 : pending.retries + 1,
		});
		this.acted();
	}

	settle(
		key: number,
		change: Partial<Pick<Pending, 'position' | 'slot' | 'why' | 'isUnknown'>> & {state: 'decided' | 'failed'},
	): void {
		const pending = this.#pending.get(key);
		if (pending === undefined) return;
		this.#pending.set(key, {...pending, ...change, settledAt: Date.now()});
		this.#settled++;
		this.#dropSettled();
		this.acted();
	}

	protected override build(): ClientSnapshot {
		this.#shown ??= this.#lines.slice(-this.#kept);
		return {
			connection: this.#connection,
			weather: this.#weather,
			hasFaults: this.#hasFaults,
			lines: this.#shown,
			position: this.#position,
			isLoading: this.#isLoading,
			pending: [...this.#pending.values()],
		};
	}

	get #kept(): number {
		return this.#isHolding ? keptHistory : keptLines;
	}

	#trim(slack: number): void {
		const surplus = this.#lines.length - this.#kept;
		if (surplus <= slack) return;
		this.#lines.splice(0, surplus);
		this.#shown = null;
	}

	#dropSettled(): void {
		if (this.#settled <= keptSettled) return;
		for (const {key, settledAt} of this.#pending.values()) {
			if (settledAt === undefined) continue;
			this.#pending.delete(key);
			this.#settled--;
			return;
		}
	}
}
