import type {Message, ReplicaId} from '../consensus/types.ts';
import * as wire from '../network/wire.ts';
import {describeMessage} from './describe.ts';
import type {World} from './world.ts';

/** What becomes of a certain message: lost, the next one or every one, or held until all that is held is let go. */
export type Doom = {
	readonly type: string;
	readonly from: ReplicaId;
	readonly to: ReplicaId;
	readonly fate: 'lost' | 'always lost' | 'held';
};

/**
 * The simulated network: loses, repeats, delays and reorders messages, and
 * knows links that carry nothing. Every message is a copy, made as the wire makes it.
 */
export class Links {
	/** Written 'from>to'. */
	readonly cut = new Set<string>();
	/** Replicas of which only heartbeats are heard. */
	readonly grey = new Set<ReplicaId>();
	/** How much the links of a replica lose, beside the faults of the world. */
	readonly lossy = new Map<ReplicaId, number>();
	/** How much longer a link takes, written 'from>to'. */
	readonly slow = new Map<string, number>();
	/** Messages of which somebody wants that they do not arrive as others do. */
	doomed: Doom[] = [];
	#held: (() => void)[] = [];
	/** How many messages of each type were sent. */
	readonly sent = new Map<Message['type'], number>();
	readonly #world: World;

	constructor(world: World) {
		this.#world = world;
	}

	/** Cuts the links from each of `from` to each of `to`. */
	sever(from: readonly ReplicaId[], to: readonly ReplicaId[]): void {
		for (const a of from) for (const b of to) if (a !== b) this.cut.add(`${a}>${b}`);
	}

	mend(from: readonly ReplicaId[], to: readonly ReplicaId[]): void {
		for (const a of from) for (const b of to) this.cut.delete(`${a}>${b}`);
	}

	isolate(id: ReplicaId): void {
		this.sever([id], this.#world.ids);
		this.sever(this.#world.ids, [id]);
	}

	rejoin(id: ReplicaId): void {
		this.mend([id], this.#world.ids);
		this.mend(this.#world.ids, [id]);
	}

	/** Leaves only these links, in both directions. */
	connectOnly(...links: readonly (readonly [ReplicaId, ReplicaId])[]): void {
		this.sever(this.#world.ids, this.#world.ids);
		for (const [a, b] of links) {
			this.mend([a], [b]);
			this.mend([b], [a]);
		}
	}

	broadcast(from: ReplicaId, life: number, messages: readonly Message[]): void {
		this.send(
			from,
			life,
			this.#world.ids.filter(id => id !== from),
			messages,
		);
	}

	send(from: ReplicaId, life: number, to: readonly ReplicaId[], messages: readonly Message[]): void {
		const {checker, trace, clock} = this.#world;
		for (const message of messages) {
			checker.onSent(from, life, message);
			this.sent.set(message.type, (this.sent.get(message.type) ?? 0) + 1);
		}

		this.#world.situations.onSent(to, messages);
		const packet = encode(messages);
		trace.add('message', `${clock} ${from}>${to} ${packet}`, () => {
			const words = messages.filter(({type}) => type !== 'heartbeat').map(describeMessage);
			if (words.length === 0) return '';
			return `${clock} r${from} to ${to.map(id => `r${id}`).join(' ')}: ${words.join(' | ')}`;
		});
		for (const peer of to) this.#carry(from, peer, messages, packet);
	}

	#carry(from: ReplicaId, to: ReplicaId, messages: readonly Message[], packet: string): void {
		const {random, faults} = this.#world;
		if (this.cut.has(`${from}>${to}`)) return;
		const loss = Math.max(faults.loss, this.lossy.get(from) ?? 0, this.lossy.get(to) ?? 0);
		const isGrey = this.grey.has(from);
		if (loss + faults.repeat + faults.late + this.doomed.length === 0 && !isGrey) {
			this.#deliver(
				from,
				to,
				packet,
				random.between(...faults.delay) * (this.slow.get(`${from}>${to}`) ?? 1),
			);
			return;
		}

		for (const message of messages) {
			if (random.chance(loss) || (isGrey && message.type !== 'heartbeat')) continue;
			if (this.#isDoomed(from, to, message)) continue;
			const copies = random.chance(faults.repeat) ? 2 : 1;
			for (let copy = 0; copy < copies; copy++) {
				const [least, most] = faults.delay;
				const delay = random.between(least, random.chance(faults.late) ? 200 : most);
				this.#deliver(from, to, encode([message]), delay * (this.slow.get(`${from}>${to}`) ?? 1));
			}
		}
	}

	/** Lets go what was held. */
	release(): void {
		for (const deliver of this.#held) deliver();
		this.#held = [];
	}

	#isDoomed(from: ReplicaId, to: ReplicaId, message: Message): boolean {
		const {type} = message;
		const doom = this.doomed.find(each => each.type === type && each.from === from && each.to === to);
		if (!doom) return false;
		if (doom.fate !== 'always lost') this.doomed = this.doomed.filter(each => each !== doom);
		if (doom.fate === 'held') this.#held.push(() => this.#deliver(from, to, encode([message]), 1));
		this.#world.trace.add('replica', `${this.#world.clock} ${type} from r${from} to r${to} is ${doom.fate}`);
		return true;
	}

	#deliver(from: ReplicaId, to: ReplicaId, packet: string, delay: number): void {
		this.#world.events.later(delay, () => {
			// A cut link carries nothing, not even what was under way.
			if (this.cut.has(`${from}>${to}`)) return;
			this.#world.machines[to]!.receive(from, decode(packet));
		});
	}
}

const encode = (messages: readonly Message[]): string => JSON.stringify(wire.encode(messages));

function decode(packet: string): readonly Message[] {
	const messages = wire.decode(JSON.parse(packet));
	if (!messages) throw new Error(`the wire does not know its own words: ${packet}`);
	return messages;
}
