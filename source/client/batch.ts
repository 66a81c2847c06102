import type {Cluster} from '../cluster.ts';
import type {ReplicaId, View} from '../consensus/types.ts';
import type {Operation} from '../history.ts';
import {monotonicMs} from '../history-file.ts';
import {Client} from './client.ts';
import type {Result, Session} from './session.ts';

export type BatchOptions = {
	readonly cluster: Cluster;
	/** How many in all. */
	readonly messages: number;
	/** Sessions, each with one message under way at a time. */
	readonly clients: number;
	/** Bytes of each message. */
	readonly size: number;
	readonly nick: string;
	/**
	 * Whom to talk to first; replica 0, if absent. Clients of the primary cost the cluster a quarter less than
	 * clients spread over three replicas, whose requests have one hop more (64 sockets, CPU of all replicas).
	 */
	readonly via?: ReplicaId;
	/** Gives up when nothing was acknowledged for so long. */
	readonly timeoutMs: number;
	/** Sessions that share a connection: 1, if absent. */
	readonly sessionsPerConnection?: number;
	/** Aborted: nothing new is said; what is under way has `drainMs` to come to its end. */
	readonly signal?: AbortSignal;
	readonly drainMs?: number;
	/** What came of each message, as it comes. */
	readonly onOperation?: (operation: Operation) => void;
	/** Once a second. */
	readonly onProgress?: (progress: Progress) => void;
};
export type Progress = {
	readonly requested: number;
	readonly acknowledged: number;
	/** Acknowledged in the last second. */
	readonly perSecond: number;
	readonly view: View | null;
	/** How the first connection stands, for people. */
	readonly sentence: string;
	/** Said and not answered yet. */
	readonly underWay: number;
	/** Answered messages that were said more than once. */
	readonly retried: number;
};

/** The answer of `--batch --json`. */
export type BatchReport = {
	readonly requested: number;
	readonly acknowledged: number;
	/** They may or may not stand in the log. */
	readonly unknown: number;
	readonly failed: number;
	readonly clients: number;
	/** Messages that were said more than once. */
	readonly retried: number;
	/** From the first word to the last acknowledgement. */
	readonly seconds: number;
	/** Acknowledged per second. */
	readonly throughput: number;
	/** From saying to acknowledgement; of the first message of each session, with the opening of the session. */
	readonly latencyMs: {
		readonly p50: number | null;
		readonly p95: number | null;
		readonly p99: number | null;
		readonly max: number | null;
	};
	/** By how much the view grew meanwhile. */
	readonly viewChanges: number;
};
export type BatchEnd = {
	readonly report: BatchReport;
	/** `silent`: nothing was acknowledged for too long. */
	readonly reason: 'done' | 'silent' | 'aborted';
	/** Some replica took one of our connections in. */
	readonly isReached: boolean;
	/** The first thing that went wrong, as it was told. */
	readonly why: string | null;
	/** How the first connection stood at the end, for people. */
	readonly sentence: string;
};

const usualDrainMs = 1500;

/** Says so many messages as fast as they are acknowledged, a closed loop for each session. Never throws. */
export function runBatch(options: BatchOptions): Promise<BatchEnd> {
	return new Batch(options).run();
}

class Batch {
	readonly #options: BatchOptions;
	readonly #connections: Client[] = [];
	readonly #latencies = new Latencies();
	/** Said so far, and settled so far. */
	#said = 0;
	#settled = 0;
	#acknowledged = 0;
	#unknown = 0;
	#failed = 0;
	#retried = 0;
	#startedAt = 0;
	#acknowledgedAt = 0;
	#firstView: View | null = null;
	#why: string | null = null;
	#isEnding = false;
	#end: (reason: BatchEnd['reason']) => void = () => {};

	constructor(options: BatchOptions) {
		this.#options = options;
	}

	async run(): Promise<BatchEnd> {
		const {signal, timeoutMs, drainMs = usualDrainMs} = this.#options;
		this.#startedAt = monotonicMs();
		this.#acknowledgedAt = this.#startedAt;
		const ended = new Promise<BatchEnd['reason']>(resolve => {
			this.#end = resolve;
		});
		const silence = setInterval(
			() => {
				if (monotonicMs() - this.#acknowledgedAt > timeoutMs) this.#end('silent');
			},
			Math.min(100, timeoutMs / 4),
		);
		const progress = this.#tellProgress();
		let drain: NodeJS.Timeout | undefined;
		const abort = () => {
			this.#isEnding = true;
			if (this.#settled === this.#said) this.#end('aborted');
			drain = setTimeout(() => this.#end('aborted'), drainMs);
		};
		if (signal?.aborted) abort();
		else signal?.addEventListener('abort', abort, {once: true});
		this.#open();
		const reason = await ended;
		this.#isEnding = true;
		for (const timer of [silence, progress, drain]) clearInterval(timer);
		signal?.removeEventListener('abort', abort);
		const viewChanges = this.#viewChanges();
		const sentence = this.#sentence();
		const isReached = this.#connections.some(client => client.wasReached);
		// What is still under way ends as unknown now, and is part of the report.
		for (const client of this.#connections) client.close();
		return {report: this.#report(viewChanges), reason, isReached, why: this.#why, sentence};
	}

	#open(): void {
		const {cluster, clients, sessionsPerConnection = 1, via, nick, messages} = this.#options;
		const sessions = Math.min(clients, messages);
		for (let first = 0; first < sessions; first += sessionsPerConnection) {
			const client = new Client({cluster, via: via ?? 0, follow: null});
			this.#connections.push(client);
			const own = Math.min(sessionsPerConnection, sessions - first);
			for (let count = 0; count < own; count++) this.#next(client, client.session(nick));
		}
	}

	/** One round of the loop of one session. */
	#next(client: Client, session: Session): void {
		const {messages, size} = this.#options;
		if (this.#isEnding || this.#said === messages) return;
		const text = textOf(session.client, this.#said++, size);
		const start = monotonicMs();
		session.send(text, result => {
			this.#settle({client: session.client, text, start}, result);
			// A session that lost its place in the log is not gone on with: numbers would be used twice.
			this.#next(client, result.status === 'ok' ? session : client.session(this.#options.nick));
			this.#endIfDone();
		});
	}

	#settle(said: {client: string; text: string; start: number}, result: Result): void {
		const end = monotonicMs();
		this.#settled++;
		if (result.retries > 0) this.#retried++;
		if (result.status === 'ok') {
			this.#acknowledged++;
			this.#acknowledgedAt = end;
			this.#latencies.add(end - said.start);
			if (this.#firstView === null) this.#firstView = this.#view();
		} else {
			if (result.status === 'failed') this.#failed++;
			else this.#unknown++;
			this.#why ??= result.why;
		}

		const {sequence, status} = result;
		const answer =
			result.status === 'ok'
				? {end, position: result.position, slot: result.slot}
				: {end: null, position: null, slot: null};
		const {client, text, start} = said;
		this.#options.onOperation?.({client, sequence, text, start, ...answer, status});
	}

	#endIfDone(): void {
		if (this.#settled < this.#said) return;
		if (this.#said === this.#options.messages) this.#end('done');
		else if (this.#isEnding) this.#end('aborted');
	}

	/** The highest view that any replica told us of. */
	#view(): View | null {
		const views = this.#connections.flatMap(client => client.store.getSnapshot().weather?.view ?? []);
		return views.length === 0 ? null : Math.max(...views);
	}

	#viewChanges(): number {
		const view = this.#view();
		return view === null || this.#firstView === null ? 0 : Math.max(0, view - this.#firstView);
	}

	#sentence(): string {
		return this.#connections[0]?.store.getSnapshot().connection.sentence ?? '';
	}

	#tellProgress(): NodeJS.Timeout | undefined {
		const {onProgress, messages: requested} = this.#options;
		if (onProgress === undefined) return undefined;
		let before = 0;
		let toldAt = this.#startedAt;
		return setInterval(() => {
			const now = monotonicMs();
			const perSecond = Math.round(((this.#acknowledged - before) * 1000) / (now - toldAt));
			before = this.#acknowledged;
			toldAt = now;
			onProgress({
				requested,
				acknowledged: before,
				perSecond,
				view: this.#view(),
				sentence: this.#sentence(),
				underWay: this.#said - this.#settled,
				retried: this.#retried,
			});
		}, 1000);
	}

	#report(viewChanges: number): BatchReport {
		const seconds = (this.#acknowledgedAt - this.#startedAt) / 1000;
		return {
			requested: this.#options.messages,
			acknowledged: this.#acknowledged,
			unknown: this.#unknown,
			failed: this.#failed,
			clients: this.#options.clients,
			retried: this.#retried,
			seconds: rounded(seconds),
			throughput: seconds > 0 ? rounded(this.#acknowledged / seconds) : 0,
			latencyMs: this.#latencies.summary(),
			viewChanges,
		};
	}
}

/** Every latency there was: percentiles are exact, at 8 bytes a message. */
class Latencies {
	#values = new Float64Array(1024);
	#count = 0;

	add(milliseconds: number): void {
		if (this.#count === this.#values.length) {
			const larger = new Float64Array(this.#count * 2);
			larger.set(this.#values);
			this.#values = larger;
		}

		this.#values[this.#count++] = milliseconds;
	}

	summary(): BatchReport['latencyMs'] {
		const sorted = this.#values.subarray(0, this.#count).toSorted();
		// The smallest value that this share of all values does not exceed (nearest rank).
		const at = (share: number): number | null => {
			const value = sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];
			return value === undefined ? null : rounded(value);
		};
		return {p50: at(0.5), p95: at(0.95), p99: at(0.99), max: at(1)};
	}
}

const rounded = (value: number): number => Math.round(value * 1000) / 1000;

/** Exactly `size` bytes, different for each message as far as so few bytes can be: the number comes first. */
function textOf(client: string, number: number, size: number): string {
	return `${number.toString(36)} ${client} `.padEnd(size, 'x').slice(0, size);
}
