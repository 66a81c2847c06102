import type {Cluster} from '../cluster.ts';
import type {ReplicaId, Slot, View} from '../consensus/types.ts';
import {type Hash, protocolVersion, type Status} from '../network/events.ts';
import {compare} from './agreement.ts';
import {type Heard, Link, patienceAfter, placeOf} from './link.ts';
import {type Agreement, MonitorStore, type Watched} from './monitor-store.ts';

/** What `monitor --once --json` prints. What is unknown is null. */
export type MonitorReport = {
	readonly agreement: Agreement['state'];
	readonly comparedAt: Slot | null;
	/** Live replicas that were too far behind to be compared. */
	readonly leftOut: readonly ReplicaId[];
	readonly replicas: readonly ReplicaReport[];
};
export type ReplicaReport = {
	readonly id: ReplicaId;
	/** host:port. */
	readonly address: string;
	readonly state: Watched['state'];
	/** Why it is not up; null if it is. */
	readonly why: string | null;
	readonly view: View | null;
	readonly leader: ReplicaId | null;
	readonly role: Status['role'] | null;
	readonly accepted: Slot | null;
	readonly decided: Slot | null;
	readonly executed: Slot | null;
	readonly messages: number | null;
	/** The hash chain after slot `hashSlot`, in hex: where it was compared, `hashSlot` is `comparedAt`. */
	readonly hash: string | null;
	readonly hashSlot: Slot | null;
	readonly holes: readonly Slot[] | null;
	readonly waiting: number | null;
	readonly skips: readonly Slot[] | null;
	readonly clients: number | null;
	readonly hears: readonly ReplicaId[] | null;
	readonly faults: Status['faults'];
	readonly counts: Status['counts'] | null;
};

export type MonitorOptions = {
	readonly cluster: Cluster;
	/** How often live replicas are compared; default 1,000. */
	readonly compareEveryMs?: number;
};

/** One timer looks after everything, this often. */
const scanMs = 200;
/** A replica that does not answer for so long is down. */
const answerMs = 1000;
/** Nobody is believed for longer. */
const askAgainMs = 10_000;
/** `once` gives one that is behind this long to show that it is not more than that behind. */
const behindMs = 2000;
/** Whoever wants to know how far away a replica is does not want to see it twitch. */
const probeMs = 5000;
/** Pauses before a replica is dialed again. */
const shortestPauseMs = 100;
const longestPauseMs = 500;

/** Listens to every replica at once, and compares what they hold. */
export class Monitor {
	readonly store: MonitorStore;
	readonly #watches: readonly Watch[];
	readonly #compareEveryMs: number;
	readonly #timer: NodeJS.Timeout;
	readonly #startedAt = now();
	#comparedAt = Number.NEGATIVE_INFINITY;
	#isComparing = false;
	/** What was compared last: who was there, and what they said of themselves. */
	#compared = '';

	constructor({cluster, compareEveryMs = 1000}: MonitorOptions) {
		this.#compareEveryMs = compareEveryMs;
		this.store = new MonitorStore(cluster.replicas.map(placeOf), now());
		this.#watches = cluster.replicas.map(({id}) => new Watch(cluster, id, this.store));
		this.#timer = setInterval(() => this.#scan(), scanMs);
	}

	/**
	 * The cluster as it is now. Takes as long as it takes to hear every live replica, at most
	 * a second and for one that is behind two more.
	 */
	async once(): Promise<MonitorReport> {
		// Who was not heard of a second after the start, is down.
		await this.#until(this.#startedAt + answerMs, () => this.#watches.every(({isSettled}) => isSettled));
		const mark = this.store.executed;
		// Who is more than two seconds behind, does not reach within two seconds what another has executed now.
		await this.#until(now() + behindMs, () =>
			this.#live().every(({status, state}) => status!.executed >= mark || state === 'behind'),
		);
		this.store.compared(await this.#compare());
		this.store.review(now());
		// Not from the snapshot: whoever listens to the store gets that only ten times a second.
		return reportOf(this.#watched, this.store.agreement);
	}

	/** Whoever knows that a replica has just come up need not wait until it is dialed again. */
	dial(id: ReplicaId): void {
		this.#watches[id]?.dial();
	}

	close(): void {
		clearInterval(this.#timer);
		for (const watch of this.#watches) watch.close();
	}

	#scan(): void {
		const time = now();
		for (const watch of this.#watches) watch.tick(time);
		this.store.review(time);
		if (this.#isComparing || time - this.#comparedAt < this.#compareEveryMs) return;
		// Who says the same as the last time holds the same; now and then they are asked all the same.
		const claims = this.#live()
			.map(({id, status}) => `${id} ${status!.executed} ${status!.hash}`)
			.join();
		if (claims === this.#compared && time - this.#comparedAt < askAgainMs) return;
		this.#comparedAt = time;
		this.#isComparing = true;
		void this.#compare().then(agreement => {
			this.#isComparing = false;
			this.#compared = agreement.state === 'identical' ? claims : '';
			this.store.compared(agreement);
		});
	}

	#compare(): Promise<Agreement> {
		const live = this.#live().map(({id, status}) => ({id, executed: status!.executed}));
		return compare(live, (id, slot) => this.#watches[id]!.askHash(slot));
	}

	get #watched(): readonly Watched[] {
		return this.#watches.map(({id}) => this.store.watched(id)!);
	}

	#live(): readonly Watched[] {
		return this.#watched.filter(({state, status}) => state !== 'down' && status !== null);
	}

	async #until(deadline: number, isTrue: () => boolean): Promise<void> {
		while (!isTrue() && now() < deadline) await new Promise(resolve => setTimeout(resolve, 20));
	}
}

/** The ear at one replica, dialed again whenever it breaks. */
class Watch {
	readonly id: ReplicaId;
	/** It was heard, or it is known that it cannot be. */
	isSettled = false;
	readonly #cluster: Cluster;
	readonly #store: MonitorStore;
	#link: Link | null = null;
	#isOpen = false;
	#isClosed = false;
	/** Since it was open last. */
	#failures = 0;
	#dialAt = 0;
	#probe: {readonly at: number; readonly slot: Slot} | null = null;
	#probedAt = 0;
	/** Questions that are not answered yet. */
	readonly #asked = new Map<Slot, Array<(hash: Hash | null) => void>>();

	constructor(cluster: Cluster, id: ReplicaId, store: MonitorStore) {
		this.#cluster = cluster;
		this.id = id;
		this.#store = store;
		this.dial();
	}

	tick(time: number): void {
		if (time >= this.#dialAt) this.dial();
		if (!this.#isOpen || this.#probe !== null || time - this.#probedAt < probeMs) return;
		// Any question tells how far away a replica is.
		this.#probe = {at: performance.now(), slot: 0};
		this.#probedAt = time;
		this.#link?.emit('hash', {slot: 0});
	}

	/** Its hash after a slot; null if it does not answer within a second. */
	askHash(slot: Slot): Promise<Hash | null> {
		return new Promise(resolve => {
			if (this.#link === null || !this.#link.emit('hash', {slot})) {
				resolve(null);
				return;
			}

			const timer = setTimeout(() => answer(null), answerMs);
			const answer = (hash: Hash | null) => {
				clearTimeout(timer);
				resolve(hash);
			};
			const waiting = this.#asked.get(slot) ?? [];
			this.#asked.set(slot, waiting);
			waiting.push(answer);
		});
	}

	close(): void {
		this.#isClosed = true;
		this.#link?.close();
		this.#link = null;
		this.#answerNobody();
	}

	/** Nothing, if it is being dialed, or listened to. */
	dial(): void {
		if (this.#link !== null || this.#isClosed) return;
		const link: Link = new Link({
			address: this.#cluster.replicas[this.id]!,
			replicas: this.#cluster.replicas.length,
			patienceMs: patienceAfter(this.#failures),
			hello: () => ({role: 'monitor', version: protocolVersion}),
			onWelcome: () => {
				this.#isOpen = true;
				this.#failures = 0;
			},
			onHeard: heard => this.#onHeard(heard),
			onGone: why => this.#onGone(why),
		});
		this.#link = link;
	}

	#onHeard(heard: Heard): void {
		switch (heard.name) {
			case 'status':
				if (heard.status.id !== this.id) return;
				this.isSettled = true;
				this.#store.heard(heard.status, now());
				break;
			case 'notes':
				this.#store.noted(heard.notes.filter(({replica}) => replica === this.id));
				break;
			case 'hash':
				this.#onHash(heard.hash);
				break;
			case 'said':
			case 'lines':
			case 'weather':
			case 'done':
				break;
		}
	}

	#onHash(hash: Hash): void {
		if (this.#probe?.slot === hash.slot) {
			this.#store.roundTrip(this.id, performance.now() - this.#probe.at);
			this.#probe = null;
		}

		const waiting = this.#asked.get(hash.slot) ?? [];
		this.#asked.delete(hash.slot);
		for (const answer of waiting) answer(hash);
	}

	#onGone(why: string): void {
		this.#link = null;
		this.#isOpen = false;
		this.#probe = null;
		this.isSettled = true;
		const pauseMs = Math.min(longestPauseMs, shortestPauseMs * 2 ** this.#failures++);
		this.#dialAt = now() + pauseMs * (1 - Math.random() / 2);
		this.#store.gone(this.id, why, now());
		this.#answerNobody();
	}

	#answerNobody(): void {
		const waiting = [...this.#asked.values()].flat();
		this.#asked.clear();
		for (const answer of waiting) answer(null);
	}
}

/** Unix milliseconds of a clock that never goes back. */
const now = (): number => performance.timeOrigin + performance.now();

function reportOf(replicas: readonly Watched[], agreement: Agreement): MonitorReport {
	const {state, comparedAt, hashes, leftOut} = agreement;
	return {
		agreement: state,
		comparedAt,
		leftOut,
		replicas: replicas.map(watched => {
			const compared = hashes.find(({id}) => id === watched.id)?.hash;
			const why = leftOut.includes(watched.id) ? 'too far behind to be compared' : null;
			return reportOne(watched, compared === undefined ? null : {hash: compared, slot: comparedAt!}, why);
		}),
	};
}

function reportOne(
	{id, address, state, sentence, ...watched}: Watched,
	compared: {readonly hash: string; readonly slot: Slot} | null,
	why: string | null,
): ReplicaReport {
	// What a replica said before it went down is not known any more.
	const status = state === 'down' ? null : watched.status;
	return {
		id,
		address,
		state,
		why: [sentence, why].filter(each => each).join('; ') || null,
		view: status?.view ?? null,
		leader: status?.leader ?? null,
		role: status?.role ?? null,
		accepted: status?.accepted ?? null,
		decided: status?.decided ?? null,
		executed: status?.executed ?? null,
		messages: status?.messages ?? null,
		hash: compared?.hash ?? status?.hash ?? null,
		hashSlot: compared?.slot ?? status?.hashSlot ?? null,
		holes: status?.holes ?? null,
		waiting: status?.waiting ?? null,
		skips: status?.skips ?? null,
		clients: status?.clients ?? null,
		hears: status?.hears ?? null,
		faults: status?.faults ?? null,
		counts: status?.counts ?? null,
	};
}
