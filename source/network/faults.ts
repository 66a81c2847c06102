import type {Message, ReplicaId} from '../consensus/types.ts';
import type {Network} from './network.ts';

/**
 * Bad weather on order, between a replica and its peers: what it hears can get
 * lost, and it can be cut off from all of them. Messages are dropped, never
 * connections closed, so that the others cannot tell it from a bad line. It
 * stands around any network, live or simulated.
 */
export class Faults {
	readonly #die: () => number;
	readonly #receive: (from: ReplicaId, messages: readonly Message[]) => void;
	readonly #disconnected: (peer: ReplicaId) => void;
	readonly #dropped = new Map<Message['type'], number>();
	/** Peers that hung up during the isolation and were not heard again. */
	readonly #gone = new Set<ReplicaId>();
	#loss = 0;
	#isIsolated = false;

	/** `die` gives a number from 0 to 1, 1 excluded; the others are where a replica is told of its peers. */
	constructor(options: {
		die: () => number;
		receive(from: ReplicaId, messages: readonly Message[]): void;
		disconnected(peer: ReplicaId): void;
	}) {
		this.#die = options.die;
		this.#receive = options.receive;
		this.#disconnected = options.disconnected;
	}

	/** The share of messages that is lost, of those that the replica hears: from 0 to 1. */
	get loss(): number {
		return this.#loss;
	}

	get isIsolated(): boolean {
		return this.#isIsolated;
	}

	/** How many messages were dropped since the start, in both directions. */
	get dropped(): number {
		let sum = 0;
		for (const count of this.#dropped.values()) sum += count;
		return sum;
	}

	get droppedByType(): ReadonlyMap<Message['type'], number> {
		return this.#dropped;
	}

	/** The order "loss"; anything but a number from 0 to 1 is a RangeError. */
	lose(probability: number) {
		if (!(probability >= 0 && probability <= 1)) throw new RangeError('a probability is from 0 to 1');
		this.#loss = probability;
	}

	isolate() {
		this.#isIsolated = true;
	}

	/** The end of loss and isolation. Now the replica learns who hung up in the meantime. */
	heal() {
		this.#loss = 0;
		this.#isIsolated = false;
		const gone = [...this.#gone];
		this.#gone.clear();
		for (const peer of gone) this.#disconnected(peer);
	}

	/** What the replica says to its peers goes through here. */
	around(network: Network): Network {
		const isCut = (messages: readonly Message[]) => this.#isIsolated && this.#drop(messages);
		return {
			broadcast: messages => {
				if (!isCut(messages)) network.broadcast(messages);
			},
			send: (to, messages) => {
				if (!isCut(messages)) network.send(to, messages);
			},
		};
	}

	/** What it hears. Every message has a fate of its own, also in one packet with others. */
	receive(from: ReplicaId, messages: readonly Message[]) {
		this.#gone.delete(from);
		if (this.#isIsolated) {
			this.#drop(messages);
			return;
		}

		const heard = this.#loss === 0 ? messages : messages.filter(message => !this.#isLost(message));
		if (heard.length > 0) this.#receive(from, heard);
	}

	/** A peer hung up. Whoever is cut off does not notice. */
	disconnected(peer: ReplicaId) {
		if (this.#isIsolated) this.#gone.add(peer);
		else this.#disconnected(peer);
	}

	#isLost(message: Message): boolean {
		return this.#die() < this.#loss && this.#drop([message]);
	}

	#drop(messages: readonly Message[]): true {
		for (const {type} of messages) this.#dropped.set(type, (this.#dropped.get(type) ?? 0) + 1);
		return true;
	}
}
