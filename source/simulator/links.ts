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
 * knows links that carry nothing. Every message is a copy, made as the wire makes it;
 * the first copies of one message are one object for all who get them, as nobody changes what it gets.
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
	#held: (Omit<Doom, 'fate'> & {readonly deliver: () => void})[] = [];
	/** How many messages of each type were sent. */
	readonly sent = new Map<Message['type'], number>();
	readonly #world: World;
	/** Of each link from one to another: made once, as they are looked up for each message. */
	readonly #names: ReadonlyArray<readonly string[]>;

	constructor(world: World) {
		this.#world = world;
		this.#names = world.ids.map(from => world.ids.map(to => `${from}>${to}`));
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
		const {checker, trace} = this.#world;
		for (const message of messages) {
			checker.onSent(from, life, message);
			this.sent.set(message.type, (this.sent.get(message.type) ?? 0) + 1);
		}

		this.#world.situations.onSent(to, messages);
		trace.add(
			'message',
			() => `${from}>${to} ${encode(messages)}`,
			() => {
				const words = messages.filter(({type}) => type !== 'heartbeat').map(describeMessage);
				if (words.length === 0) return '';
				return `r${from} to ${to.map(id => `r${id}`).join(' ')}: ${words.join(' | ')}`;
			},
		);
		const copy = once(() => decode(encode(messages)));
		for (const peer of to) this.#carry(from, life, peer, messages, copy);
	}

	/** `copy`: of all these messages, as the wire makes it. */
	#carry(from: ReplicaId, life: number, to: ReplicaId, messages: readonly Message[], copy: Copy): void {
		const {random, faults} = this.#world;
		const link = this.#names[from]![to]!;
		if (this.cut.has(link)) return;
		const loss = Math.max(faults.loss, this.lossy.get(from) ?? 0, this.lossy.get(to) ?? 0);
		const isGrey = this.grey.has(from);
		if (loss + faults.repeat + faults.late + this.doomed.length === 0 && !isGrey) {
			const [least, most] = faults.delay;
			this.#deliver(from, life, to, copy, random.between(least, most) * (this.slow.get(link) ?? 1));
			return;
		}

		for (const [index, message] of messages.entries()) {
			if (random.chance(loss)) {
				this.#world.see('fault: loss');
				continue;
			}

			if (isGrey && message.type !== 'heartbeat') continue;
			const alone = () => [copy()[index]!];
			if (this.#isDoomed(from, life, to, message, alone)) continue;
			const copies = random.chance(faults.repeat) ? 2 : 1;
			for (let nth = 0; nth < copies; nth++) {
				if (nth > 0) this.#world.see('fault: repeat');
				const isLate = random.chance(faults.late);
				if (isLate) this.#world.see('fault: late');
				const [least, most] = faults.delay;
				const delay = random.between(least, isLate ? 200 : most);
				// What arrives twice is not the same object twice.
				const read = nth === 0 ? alone : () => decode(encode([message]));
				this.#deliver(from, life, to, read, delay * (this.slow.get(link) ?? 1));
			}
		}
	}

	/** Lets go what was held, all of it or what `isMeant`. */
	release(isMeant: (held: Omit<Doom, 'fate'>) => boolean = () => true): void {
		const released = this.#held.filter(isMeant);
		this.#held = this.#held.filter(held => !released.includes(held));
		for (const {deliver} of released) deliver();
	}

	#isDoomed(from: ReplicaId, life: number, to: ReplicaId, message: Message, copy: Copy): boolean {
		const {type} = message;
		const doom = this.doomed.find(each => each.type === type && each.from === from && each.to === to);
		if (!doom) return false;
		if (doom.fate !== 'always lost') this.doomed = this.doomed.filter(each => each !== doom);
		if (doom.fate === 'held')
			this.#held.push({type, from, to, deliver: () => this.#deliver(from, life, to, copy, 1)});
		this.#world.trace.add('replica', () => `${type} from r${from} to r${to} is ${doom.fate}`);
		return true;
	}

	#deliver(from: ReplicaId, life: number, to: ReplicaId, copy: Copy, delay: number): void {
		this.#world.events.later(delay, () => {
			// A cut link carries nothing, not even what was under way.
			if (this.cut.has(this.#names[from]![to]!)) return;
			this.#world.machines[to]!.receive(from, life, copy());
		});
	}
}

type Copy = () => readonly Message[];

/** Nothing is read of which nothing arrives. */
function once(read: Copy): Copy {
	let messages: readonly Message[] | undefined;
	return () => {
		messages ??= read();
		return messages;
	};
}

const encode = (messages: readonly Message[]): string => JSON.stringify(wire.encode(messages));

function decode(packet: string): readonly Message[] {
	const messages = wire.decode(JSON.parse(packet));
	if (!messages) throw new Error(`the wire does not know its own words: ${packet}`);
	return messages;
}
