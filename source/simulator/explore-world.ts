import type {Options, ReplicaId, Request, Slot} from '../consensus/types.ts';
import type {Scope} from './explore-scopes.ts';
import {type Local, Space} from './explore-space.ts';
import {admittedBy, judge} from './explore-theorems.ts';
import type {Act} from './puppet.ts';

export const replicas = 3;
export const ids: readonly ReplicaId[] = [0, 1, 2];
export const clients = ['ada', 'bob'] as const;
export type Client = (typeof clients)[number];

/** As short as the core allows. */
const optionsOf = (id: ReplicaId): Options => ({
	id,
	replicas,
	incarnation: `${id}`.repeat(32),
	isNewcomer: false,
	heartbeatTicks: 1,
	patienceTicks: 2,
	startPatienceTicks: 3,
	staggerTicks: 4,
	holePatienceTicks: 2,
	windowSlots: 4,
	batchRequests: 4,
	batchBytes: 2000,
	retainBytes: 0,
	backlogBytes: 1_000_000,
	queueRequests: 8,
	skip: [],
});

/** Three machines, what is under way between them, and what may still happen. */
export type World = {
	readonly locals: readonly Local[];
	/** Numbers of packets, in order, each once: said again while it is under way, it is the same. */
	readonly packets: readonly number[];
	readonly left: readonly number[];
};
const kinds = ['crash', 'doubt', 'beat', 'repeat', 'checkpoint', 'loss', 'exchange', 'ada', 'bob'] as const;
type Kind = (typeof kinds)[number];

/** Something that can happen in a world: acts of one machine in a row, and what they cost. */
export type Move = {
	readonly owner: ReplicaId;
	readonly acts: readonly number[];
	readonly costs: readonly Kind[];
	/** What it receives. */
	readonly packet?: number;
};
/** What comes of it. */
export type Outcome =
	| {readonly next: Local; readonly sent: readonly number[]; readonly broken?: undefined}
	| {readonly broken: string};

/** What can happen in a world within the bounds of a scope, and what comes of it. */
export class Possibilities {
	readonly space = new Space(ids.map(optionsOf));
	/** Of each client: the slot that opened its session. */
	readonly sessions = new Map<string, Slot>();
	readonly #scope: Scope;
	readonly #receipts: number[] = [];
	readonly #start: number;
	readonly #write: number;
	readonly #beat: number;
	readonly #doubt: number;
	readonly #checkpoint: number;
	readonly #crashes: readonly [number, number];
	readonly #beginAnew: number;
	readonly #putBack: number;

	constructor(scope: Scope) {
		this.#scope = scope;
		const number = (act: Act) => this.space.numberOf(act);
		this.#start = number({type: 'start'});
		this.#write = number({type: 'write'});
		this.#beat = number({type: 'beat'});
		this.#doubt = number({type: 'doubt'});
		this.#checkpoint = number({type: 'checkpoint'});
		this.#crashes = [number({type: 'crash', isKept: false}), number({type: 'crash', isKept: true})];
		this.#beginAnew = number({type: 'begin anew'});
		this.#putBack = number({type: 'put back'});
	}

	/** Nobody has ever run, and everything may still happen. */
	get empty(): World {
		const {crashes, doubts, beats, repeats, checkpoints, losses, exchanges, says} = this.#scope;
		const left = [crashes, doubts, beats, repeats, checkpoints, losses, exchanges, ...says];
		return {locals: ids.map(id => this.space.empty(id)), packets: [], left};
	}

	messageOf(client: string): Request {
		const session = this.sessions.get(client) ?? 0;
		return {client: idOf(client), session, sequence: 1, nick: client, text: `${client} speaks`};
	}

	/** Everything that can happen in a world, and what comes of it. */
	*moves(world: World): Generator<readonly [Move, Outcome]> {
		for (const first of this.#movesOf(world)) yield* this.#courses(world, first);
	}

	/** All that can happen. */
	*#movesOf({locals, packets, left}: World): Generator<Move> {
		const may = (kind: Kind) => left[kinds.indexOf(kind)]! > 0;
		for (const local of locals) {
			if (may('loss') && mayLose(locals, local)) yield* this.#exchange(local, this.#beginAnew, 'loss');
			if (may('exchange') && mayPutBack(locals, local))
				yield* this.#exchange(local, this.#putBack, 'exchange');
		}

		for (const {owner, isAlive, canStart, isWriting, canCheckpoint} of locals) {
			if (canStart) yield {owner, acts: [this.#start], costs: []};
			if (!isAlive) continue;

			if (isWriting) yield {owner, acts: [this.#write], costs: []};
			if (may('crash')) for (const crash of this.#crashes) yield {owner, acts: [crash], costs: ['crash']};
			if (may('doubt')) yield {owner, acts: [this.#doubt], costs: ['doubt']};
			if (may('beat')) yield {owner, acts: [this.#beat], costs: ['beat']};
			if (may('checkpoint') && canCheckpoint) yield {owner, acts: [this.#checkpoint], costs: ['checkpoint']};
			for (const client of clients)
				if (may(client))
					yield {
						owner,
						acts: [this.space.numberOf({type: 'say', request: this.messageOf(client)})],
						costs: [client],
					};
		}

		for (const packet of packets) {
			const owner = this.space.packets[packet]!.to;
			if (!locals[owner]!.isAlive) continue;
			const acts = [this.receiptOf(packet)];
			yield {owner, acts, packet, costs: []};
			if (may('repeat')) yield {owner, acts, packet, costs: ['repeat']};
		}
	}

	/** It dies, if it lives, and begins another life with another directory. */
	*#exchange({owner, isAlive}: Local, act: number, cost: Kind): Generator<Move> {
		const ways = isAlive ? this.#crashes.map(crash => [crash]) : [[]];
		for (const way of ways) yield {owner, acts: [...way, act, this.#start], costs: [cost]};
	}

	/** Where writes come first, a move goes on until all are done; or until a crash, in the middle of each. */
	*#courses(world: World, first: Move): Generator<readonly [Move, Outcome]> {
		let move = first;
		const [act, ...acts] = move.acts;
		let outcome: Outcome = this.space.step(world.locals[move.owner]!, act!);
		for (const next of acts) if (outcome.broken === undefined) outcome = this.#follow(outcome, next);
		const mayCrash = world.left[kinds.indexOf('crash')]! > 0 && this.#scope.writes === 'first';
		while (this.#scope.writes === 'first' && outcome.broken === undefined && outcome.next.isWriting) {
			for (const crash of mayCrash ? this.#crashes : [])
				yield [
					{...move, acts: [...move.acts, crash], costs: [...move.costs, 'crash']},
					this.#follow(outcome, crash),
				];
			move = {...move, acts: [...move.acts, this.#write]};
			outcome = this.#follow(outcome, this.#write);
		}

		yield [move, outcome];
	}

	#follow({next, sent}: Exclude<Outcome, {broken: string}>, act: number): Outcome {
		const step = this.space.step(next, act);
		return step.broken === undefined ? {next: step.next, sent: [...sent, ...step.sent]} : step;
	}

	/** Undefined if it lies beyond the bounds, or is the same world with less under way. */
	after(world: World, {owner, costs, packet}: Move, outcome: Outcome): World | undefined {
		if (outcome.broken !== undefined || outcome.next.view >= this.#scope.views) return undefined;
		const {next, sent} = outcome;
		if (next === world.locals[owner] && sent.every(each => world.packets.includes(each))) return undefined;
		const left = [...world.left];
		for (const cost of costs) left[kinds.indexOf(cost)]!--;
		// What is nothing to this memory may be something to another one.
		const mayReturn = left[kinds.indexOf('loss')]! > 0 || left[kinds.indexOf('exchange')]! > 0;
		const locals = world.locals.with(owner, next);
		const packets = new Set(world.packets);
		if (packet !== undefined && !costs.includes('repeat')) packets.delete(packet);
		for (const each of sent) packets.add(each);
		for (const each of packets) {
			const isNew = sent.includes(each) || this.space.packets[each]!.to === owner;
			if (isNew && !mayReturn && this.#isDeadLetter(locals, each)) packets.delete(each);
		}

		return {locals, packets: [...packets].sort((one, other) => one - other), left};
	}

	/** Of a view that its receiver has left for ever, and nothing to it now, as the real code says. */
	#isDeadLetter(locals: readonly Local[], packet: number): boolean {
		const {to, view} = this.space.packets[packet]!;
		const local = locals[to]!;
		if (view >= local.promised || !local.isAlive) return false;
		const step = this.space.step(local, this.receiptOf(packet));
		return step.broken === undefined && step.next === local && step.sent.length === 0;
	}

	receiptOf(packet: number): number {
		const known = this.#receipts[packet];
		if (known !== undefined) return known;
		const {from, messages} = this.space.packets[packet]!;
		const act = this.space.numberOf({type: 'receive', from, messages});
		this.#receipts[packet] = act;
		return act;
	}

	/** Only what this move added can break a theorem that held before. */
	judge({locals}: World, owner: ReplicaId, outcome: Outcome): string | undefined {
		if (outcome.broken !== undefined) return outcome.broken;
		const before = locals[owner]!.deeds;
		const {voted, proposed, executed} = outcome.next.deeds;
		const isSame =
			voted.size === before.voted.size &&
			proposed.size === before.proposed.size &&
			executed.size === before.executed.size;
		return isSame ? undefined : judge(locals.with(owner, outcome.next));
	}
}

/** No more than a minority of the memories is lost at a time. */
const mayLose = (locals: readonly Local[], local: Local): boolean =>
	local.isLost || 2 * (locals.filter(({isLost}) => isLost).length + 1) < locals.length;

/** A new memory that was never admitted may still be: then nobody could say which of the two is lost. */
const mayPutBack = (locals: readonly Local[], local: Local): boolean => {
	const {former} = local;
	if (!former || !mayLose(locals, local)) return false;
	return !former.isNewcomer || admittedBy(locals).some(({incarnation}) => incarnation === former.incarnation);
};

const idOf = (client: string) => Buffer.from(client).toString('hex').padEnd(32, '0');
export const openingOf = (client: string): Request => ({
	client: idOf(client),
	session: 0,
	sequence: 0,
	nick: client,
	text: `${client} is here`,
});
