import {Replica} from '../../source/consensus/replica.ts';
import type {
	Accept,
	Decision,
	Entry,
	Input,
	Message,
	Note,
	Options,
	Outgoing,
	Output,
	Promised,
	Proposal,
	ReplicaId,
	Request,
	Slot,
	Value,
	View,
} from '../../source/consensus/types.ts';

export const options: Options = {
	id: 0,
	replicas: 3,
	incarnation: '0'.repeat(32),
	isNewcomer: false,
	heartbeatTicks: 2,
	patienceTicks: 6,
	startPatienceTicks: 20,
	staggerTicks: 6,
	holePatienceTicks: 8,
	windowSlots: 4,
	batchRequests: 2,
	batchBytes: 1000,
	retainBytes: 0,
	backlogBytes: 1_000_000,
	queueRequests: 4,
	skip: [],
};

export const request = (sequence: number, client = 'ada'): Request => ({
	client,
	session: 1,
	sequence,
	nick: client,
	text: `${client} ${sequence}`,
});
export const value = (...requests: readonly Request[]): Value => ({at: 1000, requests});

/** What came out since it was last asked. */
type Told = {
	readonly writes: Entry[];
	readonly messages: Outgoing[];
	readonly decisions: Decision[];
	readonly busy: Request[];
	readonly notes: Note[];
};

/**
 * A replica behind its door, with the one thing that a host does: what it says
 * to itself comes back to it, after the write.
 */
export class Door {
	readonly replica: Replica;
	#told: Told = {writes: [], messages: [], decisions: [], busy: [], notes: []};
	readonly #id: ReplicaId;

	constructor(
		id: ReplicaId,
		overrides: Partial<Options> = {},
		entries: readonly Entry[] = [],
		since: Slot = 0,
	) {
		this.#id = id;
		this.replica = new Replica({...options, ...overrides, id}, entries, since);
	}

	/** What it wrote, said, decided since the last call. */
	take(): Told {
		const told = this.#told;
		this.#told = {writes: [], messages: [], decisions: [], busy: [], notes: []};
		return told;
	}

	/** What it said since the last call, of this type. */
	said<Type extends Message['type']>(type: Type): Extract<Message, {type: Type}>[] {
		const messages = this.take().messages.map(({message}) => message);
		return messages.filter((message): message is Extract<Message, {type: Type}> => message.type === type);
	}

	tick(count = 1): this {
		for (let index = 0; index < count; index++) this.#step({type: 'tick', now: 1000});
		return this;
	}

	ask(...requests: readonly Request[]): this {
		return this.#step({type: 'request', now: 1000, requests});
	}

	hear(from: ReplicaId, ...messages: readonly Message[]): this {
		return this.#step({type: 'packet', now: 1000, from, messages});
	}

	do(input: Input): this {
		return this.#step(input);
	}

	/** Lets the others doubt until it takes this view, one of its own. */
	campaign(view: View = 0): this {
		while (this.replica.view < view) {
			for (const peer of [0, 1, 2]) {
				if (peer !== this.#id) this.hear(peer, beat(this.replica.view, {isDoubting: true}));
			}

			this.tick();
		}

		return this;
	}

	/** Lets it lead this view of three, with one promise beside its own. */
	lead(view: View = 0, accepted: readonly Proposal[] = [], since: Slot = 0): this {
		this.campaign(view);
		const from = this.replica.learner.through + 1;
		const other = (this.#id + 1) % 3;
		return this.hear(other, promise(view, from, {accepted, since}));
	}

	#step(input: Input): this {
		const queue: Input[] = [input];
		for (let next = queue.shift(); next; next = queue.shift()) {
			const output = this.replica.step(next);
			this.#keep(output);
			const own = output.messages
				.filter(({to}) => to === 'all' || to === this.#id)
				.map(({message}) => message);
			if (own.length > 0) queue.push({type: 'packet', now: 1000, from: this.#id, messages: own});
		}

		return this;
	}

	#keep({writes, messages, decisions, busy, notes}: Output) {
		this.#told.writes.push(...writes);
		this.#told.messages.push(...messages);
		this.#told.decisions.push(...decisions);
		this.#told.busy.push(...busy);
		this.#told.notes.push(...notes);
	}
}

export const beat = (
	view: View,
	{
		delivered = 0,
		isLeading = false,
		isDoubting = false,
	}: {delivered?: Slot; isLeading?: boolean; isDoubting?: boolean} = {},
): Message => ({type: 'heartbeat', view, delivered, isLeading, isDoubting});
export const prepare = (view: View, from: Slot): Message => ({type: 'prepare', view, from});
/** Of an acceptor that has accepted, forgotten and delivered nothing, but for `rest`. */
export const promise = (view: View, from: Slot, rest: Partial<Promised> = {}): Promised => ({
	type: 'promise',
	view,
	from,
	until: null,
	accepted: [],
	since: 0,
	admitted: 0,
	delivered: 0,
	...rest,
});
export const accept = (view: View, slot: Slot, offered: Value): Accept => ({
	type: 'accept',
	view,
	slot,
	value: offered,
	epoch: 0,
});
export const accepted = (view: View, slot: Slot): Message => ({type: 'accepted', view, slot});
