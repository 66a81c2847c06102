import {sizeOf} from './consensus/requests.ts';
import type {Chunk, Decided, Message, ReplicaId, Value} from './consensus/types.ts';
import type {Network} from './network/network.ts';
import {Pace} from './pace.ts';

/**
 * What goes to those who are behind, on its way to the network. The core
 * answers them with pages of one size, and at every beat again: such a page is
 * cut to what the line to the peer bears, and one that is under way is not
 * sent twice. The core expects no better: pages get lost, and a shorter one is
 * followed by the next. A transfer asks beforehand how much it may send.
 */
export class Pages implements Network {
	readonly #network: Network;
	readonly #now: () => number;
	readonly #decided = new Map<ReplicaId, Pace>();
	readonly #chunks = new Map<ReplicaId, Pace>();

	/** `now` gives milliseconds of a clock that does not jump. */
	constructor(network: Network, now: () => number) {
		this.#network = network;
		this.#now = now;
	}

	/** How much of the chat after a position, or of the checkpoint there from an offset on, a peer gets; nothing, while that is under way to it. */
	bytesFor(peer: ReplicaId, after: number, offset = 0): number {
		return paceOf(this.#chunks, peer).bytesFor(after + offset, this.#now());
	}

	broadcast(messages: readonly Message[]) {
		this.#network.broadcast(messages);
	}

	send(to: ReplicaId, messages: readonly Message[]) {
		const left: Message[] = [];
		for (const message of messages) {
			if (message.type === 'chunk') this.#onChunk(to, message);
			const passed = message.type === 'decided' ? this.#cut(to, message) : message;
			if (passed) left.push(passed);
		}

		if (left.length > 0) this.#network.send(to, left);
	}

	/** Each line has its newline, and a position of its own; behind the last one the characters of the checkpoint are counted on. */
	#onChunk(to: ReplicaId, {after, lines, checkpoint}: Chunk) {
		const first = after + (checkpoint?.offset ?? 0);
		const {length} = checkpoint?.text ?? lines;
		const next = first + (checkpoint ? length : lines.split('\n').length - 1);
		paceOf(this.#chunks, to).sent(first, next, length, !checkpoint?.isLast, this.#now());
	}

	#cut(to: ReplicaId, page: Decided): Decided | undefined {
		const pace = paceOf(this.#decided, to);
		const now = this.#now();
		const most = pace.bytesFor(page.from, now);
		if (most === 0) return undefined;
		const values: Value[] = [];
		let bytes = 0;
		for (const value of page.values) {
			if (bytes >= most) break;
			values.push(value);
			bytes += sizeOf(value);
		}

		const next = page.from + values.length;
		pace.sent(page.from, next, bytes, next <= page.delivered, now);
		return {...page, values};
	}
}

function paceOf(paces: Map<ReplicaId, Pace>, peer: ReplicaId): Pace {
	const pace = paces.get(peer) ?? new Pace();
	paces.set(peer, pace);
	return pace;
}
