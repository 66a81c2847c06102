import type {Options, ReplicaId, Request, Slot, View} from '../consensus/types.ts';
import {describeMessage} from './describe.ts';
import {type Local, Space} from './explore-space.ts';
import type {Act} from './puppet.ts';

/** How often a thing may happen. Within these bounds everything that can happen does, in every order. */
export type Bounds = {
	/** Views 0 to one less than this. */
	readonly views: number;
	/** How often each of the two clients may say its one message: to any replica, and again to any other. */
	readonly says: readonly [number, number];
	/** A machine that crashed may start again at any time. */
	readonly crashes: number;
	/** A replica is told that the connection to its primary is closed. */
	readonly doubts: number;
	readonly beats: number;
	/** A packet arrives and is still under way. That packets are lost needs no bound: nobody has to deliver them. */
	readonly repeats: number;
	readonly checkpoints: number;
};

/** A small world, and all that may become of it. */
export type Scope = Bounds & {
	/**
	 * nothing: nobody has ever run. sessions: replica 0 leads view 0, and both clients have opened their sessions.
	 * vote: then replica 0 died in the middle of its write, and replica 2 alone holds what it had proposed; replica 1
	 * leads view 1 with replica 0, and knows nothing of it.
	 */
	readonly from: 'nothing' | 'sessions' | 'vote';
	/** A machine that writes does nothing else before the write has ended, unless it crashes; or all else as well. */
	readonly writes: 'first' | 'beside';
};

const none: Scope = {
	from: 'sessions',
	writes: 'first',
	views: 1,
	says: [0, 0],
	crashes: 0,
	doubts: 0,
	beats: 0,
	repeats: 0,
	checkpoints: 0,
};

/** Small enough to be seen whole in seconds. */
const quick = {
	/** Nobody has ever led: who is the first? */
	birth: {...none, from: 'nothing', views: 2, crashes: 1, beats: 1},
	/** One message, and one crash anywhere. */
	message: {...none, says: [1, 0], crashes: 1},
	/** It is said twice, and something arrives twice. */
	again: {...none, says: [2, 0], repeats: 1},
	/** Writes take as long as they like, and those who wait share the next one. */
	writes: {...none, writes: 'beside', says: [1, 0], crashes: 1},
	/** Another primary takes over while a message is under way. */
	succession: {...none, says: [1, 0], views: 2, doubts: 2},
	/** And one after that. */
	views: {...none, views: 3, doubts: 4},
	/** What one replica alone has voted for meets what a later view decides. */
	vote: {...none, from: 'vote', says: [0, 1], views: 3, doubts: 2},
	/** Somebody forgets what is decided, and somebody else has not heard of it. */
	checkpoint: {...none, checkpoints: 1, crashes: 1, beats: 2},
} as const satisfies Record<string, Scope>;

/** As far as patience goes. */
const long = {
	/** Two messages race, one of them said twice. */
	race: {...none, says: [2, 1]},
	/** A primary fails and another follows, with a crash anywhere. */
	fall: {...none, says: [1, 0], views: 2, doubts: 2, crashes: 1},
	/** Two primaries after each other, and a crash anywhere. */
	falls: {...none, views: 3, doubts: 4, crashes: 1},
	/** A checkpoint, and another primary that may not have heard of what it covers. */
	forgetting: {...none, says: [1, 0], views: 2, doubts: 2, checkpoints: 1, beats: 2, crashes: 1},
	/** All of it. */
	all: {
		...none,
		writes: 'beside',
		says: [2, 2],
		views: 3,
		doubts: 4,
		crashes: 2,
		beats: 2,
		repeats: 1,
		checkpoints: 1,
	},
} as const satisfies Record<string, Scope>;

export const scopes = {...quick, ...long};
export type ScopeName = keyof typeof scopes;
export const quickScopes = Object.keys(quick) as ScopeName[];
export const longScopes = Object.keys(long) as ScopeName[];

export type Exploration = {
	/** Different worlds that were seen; different machines that they are made of. */
	readonly states: number;
	readonly machines: number;
	/** Acts from world to world, and those for which the real code had to run. */
	readonly acts: number;
	readonly taken: number;
	/** Every world that is fewer acts than this away from the beginning was seen. */
	readonly depth: number;
	/** Types of messages that arrived somewhere. */
	readonly messages: readonly string[];
	/** There is nothing more within these bounds. */
	readonly isComplete: boolean;
	/** The theorem that broke, and the shortest way to it, as a script; null if none did. */
	readonly violation: {readonly theorem: string; readonly script: string} | null;
};

const replicas = 3;
const ids: readonly ReplicaId[] = [0, 1, 2];
const clients = ['ada', 'bob'] as const;

/** As short as the core allows. */
const optionsOf = (id: ReplicaId): Options => ({
	id,
	replicas,
	heartbeatTicks: 1,
	patienceTicks: 2,
	startPatienceTicks: 3,
	staggerTicks: 3,
	holePatienceTicks: 2,
	windowSlots: 4,
	batchRequests: 4,
	batchBytes: 2000,
	retainBytes: 0,
	queueRequests: 8,
	skip: [],
});

/** Three machines, what is under way between them, and what may still happen. */
type World = {
	readonly locals: readonly Local[];
	/** Numbers of packets, in order, each once: said again while it is under way, it is the same. */
	readonly packets: readonly number[];
	readonly left: readonly number[];
};
const kinds = ['crash', 'doubt', 'beat', 'repeat', 'checkpoint', 'ada', 'bob'] as const;
type Kind = (typeof kinds)[number];

/** Something that can happen in a world: acts of one machine in a row, and what they cost. */
type Move = {
	readonly owner: ReplicaId;
	readonly acts: readonly number[];
	readonly costs: readonly Kind[];
	/** What it receives. */
	readonly packet?: number;
};
/** What comes of it. */
type Outcome =
	| {readonly next: Local; readonly sent: readonly number[]; readonly broken?: undefined}
	| {readonly broken: string};

/** Breadth first, so that the first violation is one of the nearest. Ends at `states` different worlds. */
export function explore(scope: Scope, states: number, onProgress?: (states: number) => void): Exploration {
	return new Explorer(scope, states, onProgress).run();
}

/** The same as an object, for whoever wants to look behind it. */
export class Explorer {
	readonly #scope: Scope;
	readonly #most: number;
	readonly #onProgress: ((states: number) => void) | undefined;
	readonly #space = new Space(ids.map(optionsOf));
	readonly #seen = new Set<string>();
	/** All worlds in the order in which they were found; where each came from, and by which move. */
	readonly #worlds: string[] = [];
	readonly #origins: Int32Array;
	readonly #moves: Int32Array;
	readonly #knownMoves: Move[] = [];
	readonly #movesByText = new Map<string, number>();
	readonly #receipts: number[] = [];
	#acts = 0;
	#violation: Exploration['violation'] = null;
	readonly #start: number;
	readonly #write: number;
	readonly #beat: number;
	readonly #doubt: number;
	readonly #checkpoint: number;
	readonly #crashes: readonly [number, number];

	constructor(scope: Scope, most: number, onProgress?: (states: number) => void) {
		this.#scope = scope;
		this.#most = most;
		this.#onProgress = onProgress;
		this.#origins = new Int32Array(most);
		this.#moves = new Int32Array(most);
		this.#now = {...this.#now, locals: ids.map(id => this.#space.empty(id))};
		const number = (act: Act) => this.#space.numberOf(act);
		this.#start = number({type: 'start'});
		this.#write = number({type: 'write'});
		this.#beat = number({type: 'beat'});
		this.#doubt = number({type: 'doubt'});
		this.#checkpoint = number({type: 'checkpoint'});
		this.#crashes = [number({type: 'crash', isKept: false}), number({type: 'crash', isKept: true})];
	}

	run(): Exploration {
		let depth = 0;
		let end = 0;
		let at = 0;
		const first = this.#begin();
		if (first) this.#add(first, 0, {owner: 0, acts: [], costs: []});
		for (; at < this.#worlds.length && !this.#isOver; at++) {
			if (at === end) {
				end = this.#worlds.length;
				depth++;
			}

			this.#expand(at);
		}

		return {
			states: this.#worlds.length,
			machines: this.#space.locals.length,
			acts: this.#acts,
			taken: this.#space.taken,
			depth,
			messages: this.#messages,
			isComplete: !this.#isOver,
			violation: this.#violation,
		};
	}

	/** Packets that were delivered have an act of their own. */
	get #messages(): string[] {
		const received = this.#space.acts.flatMap(act => (act.type === 'receive' ? act.messages : []));
		return [...new Set(received.map(({type}) => type))].sort();
	}

	/** See Space. */
	recheck(): number {
		return this.#space.recheck();
	}

	get #isOver(): boolean {
		return this.#violation !== null || this.#worlds.length >= this.#most;
	}

	#expand(at: number) {
		const world = this.#read(this.#worlds[at]!);
		for (const first of this.#movesOf(world)) {
			for (const [move, outcome] of this.#courses(world, first)) {
				this.#acts++;
				const broken = outcome.broken ?? this.#judge(world, move.owner, outcome);
				if (broken !== undefined) {
					const script = [...this.#scriptTo(at), ...this.#describe(move), `# ${broken}`];
					this.#violation = {theorem: broken, script: script.join('\n')};
					return;
				}

				const next = this.#after(world, move, outcome);
				if (next) this.#add(next, at, move);
				if (this.#isOver) return;
			}
		}
	}

	/** All that can happen. */
	*#movesOf({locals, packets, left}: World): Generator<Move> {
		const may = (kind: Kind) => left[kinds.indexOf(kind)]! > 0;
		for (const {owner, isAlive, isWriting, canCheckpoint} of locals) {
			if (!isAlive) {
				yield {owner, acts: [this.#start], costs: []};
				continue;
			}

			if (isWriting) yield {owner, acts: [this.#write], costs: []};
			if (may('crash')) for (const crash of this.#crashes) yield {owner, acts: [crash], costs: ['crash']};
			if (may('doubt')) yield {owner, acts: [this.#doubt], costs: ['doubt']};
			if (may('beat')) yield {owner, acts: [this.#beat], costs: ['beat']};
			if (may('checkpoint') && canCheckpoint) yield {owner, acts: [this.#checkpoint], costs: ['checkpoint']};
			for (const client of clients)
				if (may(client)) yield {owner, acts: [this.#sayOf(client)], costs: [client]};
		}

		for (const packet of packets) {
			const owner = this.#space.packets[packet]!.to;
			if (!locals[owner]!.isAlive) continue;
			const acts = [this.#receiptOf(packet)];
			yield {owner, acts, packet, costs: []};
			if (may('repeat')) yield {owner, acts, packet, costs: ['repeat']};
		}
	}

	/** Where writes come first, a move goes on until all are done; or until a crash, in the middle of each. */
	*#courses(world: World, first: Move): Generator<readonly [Move, Outcome]> {
		let move = first;
		let outcome: Outcome = this.#space.step(world.locals[move.owner]!, move.acts[0]!);
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
		const step = this.#space.step(next, act);
		return step.broken === undefined ? {next: step.next, sent: [...sent, ...step.sent]} : step;
	}

	/** Undefined if it lies beyond the bounds, or is the same world with less under way. */
	#after(world: World, {owner, costs, packet}: Move, outcome: Outcome): World | undefined {
		if (outcome.broken !== undefined || outcome.next.view >= this.#scope.views) return undefined;
		const {next, sent} = outcome;
		if (next === world.locals[owner] && sent.every(each => world.packets.includes(each))) return undefined;
		const locals = world.locals.with(owner, next);
		const packets = new Set(world.packets);
		if (packet !== undefined && !costs.includes('repeat')) packets.delete(packet);
		for (const each of sent) packets.add(each);
		for (const each of packets) {
			const isNew = sent.includes(each) || this.#space.packets[each]!.to === owner;
			if (isNew && this.#isDeadLetter(locals, each)) packets.delete(each);
		}

		const left = [...world.left];
		for (const cost of costs) left[kinds.indexOf(cost)]!--;
		return {locals, packets: [...packets].sort((one, other) => one - other), left};
	}

	/** Of a view that its receiver has left for ever, and nothing to it now, as the real code says. */
	#isDeadLetter(locals: readonly Local[], packet: number): boolean {
		const {to, view} = this.#space.packets[packet]!;
		const local = locals[to]!;
		if (view >= local.promised || !local.isAlive) return false;
		const step = this.#space.step(local, this.#receiptOf(packet));
		return step.broken === undefined && step.next === local && step.sent.length === 0;
	}

	#receiptOf(packet: number): number {
		const known = this.#receipts[packet];
		if (known !== undefined) return known;
		const {from, messages} = this.#space.packets[packet]!;
		const act = this.#space.numberOf({type: 'receive', from, messages});
		this.#receipts[packet] = act;
		return act;
	}

	#sayOf(client: string): number {
		const session = this.#sessions.get(client) ?? 0;
		return this.#space.numberOf({type: 'say', request: messageOf(client, session)});
	}

	readonly #sessions = new Map<string, Slot>();

	/** Only what this move added can break a theorem that held before. */
	#judge({locals}: World, owner: ReplicaId, outcome: Outcome): string | undefined {
		if (outcome.broken !== undefined) return outcome.broken;
		const before = locals[owner]!.deeds;
		const {voted, proposed, executed} = outcome.next.deeds;
		const isSame =
			voted.size === before.voted.size &&
			proposed.size === before.proposed.size &&
			executed.size === before.executed.size;
		return isSame ? undefined : judge(locals.with(owner, outcome.next));
	}

	#add(world: World, origin: number, move: Move) {
		const {locals, packets, left} = world;
		const text = `${locals.map(({number}) => number).join(' ')}|${left.join(' ')}|${packets.join(' ')}`;
		if (this.#seen.has(text)) return;
		this.#seen.add(text);
		this.#origins[this.#worlds.length] = origin;
		this.#moves[this.#worlds.length] = this.#numberOf(move);
		if (this.#worlds.push(text) % 50_000 === 0) this.#onProgress?.(this.#worlds.length);
	}

	#read(text: string): World {
		const [locals, left, packets] = text.split('|') as [string, string, string];
		return {
			locals: locals.split(' ').map(number => this.#space.locals[Number(number)]!),
			left: left.split(' ').map(Number),
			packets: packets === '' ? [] : packets.split(' ').map(Number),
		};
	}

	/** The first world: everybody starts, and nothing else; or all that the scope begins with. */
	#begin(): World | undefined {
		const {crashes, doubts, beats, repeats, checkpoints, says, from} = this.#scope;
		const left = [crashes, doubts, beats, repeats, checkpoints, ...says];
		for (const owner of ids) this.#act(owner, {type: 'start'});
		if (from !== 'nothing') {
			this.#open();
			if (!this.#violation)
				this.#prologue.splice(
					0,
					Infinity,
					'# all goes well: r0 leads view 0, ada and bob open their sessions',
				);
		}

		if (from === 'vote') this.#leaveVote();
		return this.#violation ? undefined : {...this.#now, left};
	}

	/** The world while it begins: all that happens to it is told. */
	#now: World = {locals: [], packets: [], left: kinds.map(() => 0)};
	readonly #prologue: string[] = [];

	#act(owner: ReplicaId, act: Act, packet?: number) {
		if (this.#violation) return;
		const number = this.#space.numberOf(act);
		const move: Move = {owner, acts: [number], costs: [], ...(packet !== undefined && {packet})};
		const outcome = this.#space.step(this.#now.locals[owner]!, number);
		this.#prologue.push(...this.#describe(move));
		const broken = outcome.broken ?? this.#judge(this.#now, owner, outcome);
		if (broken !== undefined) {
			this.#violation = {
				theorem: broken,
				script: [`replicas ${replicas}`, ...this.#prologue, `# ${broken}`].join('\n'),
			};
			return;
		}

		const packets = this.#now.packets.filter(each => each !== packet);
		this.#now = this.#after(this.#now, move, outcome) ?? {...this.#now, packets};
	}

	/** Lets writes end and packets arrive, the oldest first, until there are none; between some of the machines. */
	#settle(among: readonly ReplicaId[] = ids) {
		for (let moves = 0; moves < 1000 && !this.#violation; moves++) {
			const {locals, packets} = this.#now;
			const writer = locals.find(local => local.isWriting);
			const packet = packets.find(each => {
				const {from, to} = this.#space.packets[each]!;
				return among.includes(from) && among.includes(to) && locals[to]!.isAlive;
			});
			if (writer) this.#act(writer.owner, {type: 'write'});
			else if (packet === undefined) return;
			else this.#receive(packet);
		}
	}

	#receive(packet: number) {
		const {from, to, messages} = this.#space.packets[packet]!;
		this.#act(to, {type: 'receive', from, messages}, packet);
	}

	#open() {
		this.#settle();
		for (const client of clients) {
			this.#act(0, {type: 'say', request: openingOf(client)});
			this.#settle();
			this.#sessions.set(client, Math.max(0, ...this.#now.locals[0]!.deeds.executed.keys()));
		}

		// Until everybody has heard how far everybody is, and trusts the primary.
		for (let beats = 0; beats < 4; beats++) {
			for (const owner of ids) this.#act(owner, {type: 'beat'});
			this.#settle();
		}
	}

	#leaveVote() {
		this.#act(0, {type: 'say', request: messageOf('ada', this.#sessions.get('ada') ?? 0)});
		this.#act(0, {type: 'crash', isKept: false});
		const accept = this.#now.packets.find(packet => this.#space.packets[packet]!.to === 2);
		if (accept !== undefined) this.#receive(accept);
		if (this.#now.locals[2]!.isWriting) this.#act(2, {type: 'write'});
		this.#now = {...this.#now, packets: []};
		this.#act(0, {type: 'start'});
		this.#act(1, {type: 'doubt'});
		this.#settle([0, 1]);
		this.#now = {...this.#now, packets: []};
	}

	#numberOf({owner, acts, costs}: Move): number {
		const isRepeat = costs.includes('repeat');
		const text = `${owner} ${acts.join(' ')} ${isRepeat}`;
		const known = this.#movesByText.get(text) ?? this.#knownMoves.push({owner, acts, costs}) - 1;
		this.#movesByText.set(text, known);
		return known;
	}

	#scriptTo(at: number): string[] {
		const script: string[][] = [];
		for (let now = at; now > 0; now = this.#origins[now]!)
			script.push(this.#describe(this.#knownMoves[this.#moves[now]!]!));
		return [`replicas ${replicas}`, ...this.#prologue, '', ...script.reverse().flat()];
	}

	#describe({owner, acts, costs}: Move): string[] {
		return acts.map(act => this.#describeAct(owner, act, costs.includes('repeat')));
	}

	#describeAct(owner: ReplicaId, act: number, isRepeat: boolean): string {
		const what = this.#space.acts[act]!;
		switch (what.type) {
			case 'receive': {
				const words = what.messages.map(describeMessage).join(' | ');
				return `deliver ${what.from}>${owner} ${words}${isRepeat ? ' # and it stays under way' : ''}`;
			}
			case 'say': {
				const {nick, session} = what.request;
				return `say ${nick} at ${owner}: ${session === 0 ? 'opens its session' : what.request.text}`;
			}
			case 'crash':
				return `crash ${owner} # what was not synced ${what.isKept ? 'reached the disk' : 'is lost'}`;
			case 'doubt':
				return `doubt ${owner} # its connection to the primary is reported closed`;
			case 'write':
				return `write ${owner} # its write ends`;
			case 'start':
			case 'beat':
			case 'checkpoint':
				return `${what.type} ${owner}`;
		}
	}
}

const idOf = (client: string) => Buffer.from(client).toString('hex').padEnd(32, '0');
const openingOf = (client: string): Request => ({
	client: idOf(client),
	session: 0,
	sequence: 0,
	nick: client,
	text: `${client} is here`,
});
const messageOf = (client: string, session: Slot): Request => ({
	client: idOf(client),
	session,
	sequence: 1,
	nick: client,
	text: `${client} speaks`,
});

/** The theorems about all machines, on what each of them ever did; undefined if they hold. */
export function judge(locals: readonly Pick<Local, 'deeds' | 'owner'>[]): string | undefined {
	const chosen = chosenBy(locals);
	for (const {owner, deeds} of locals) {
		for (const [key, text] of deeds.proposed) {
			const [view, slot] = key.split(' ').map(Number) as [View, Slot];
			const other = chosen.find(each => each.slot === slot && each.view < view && each.text !== text);
			if (other)
				return `what may be decided stays: r${owner} proposes ${text} for slot ${slot} in view ${view}, a majority voted for ${other.text} in view ${other.view}`;
		}

		for (const [slot, {value, after}] of deeds.executed) {
			if (!chosen.some(each => each.slot === slot && each.text === value))
				return `decided by a majority: r${owner} executed slot ${slot} without one, ${value}`;
			for (const peer of locals) {
				const theirs = peer.deeds.executed.get(slot);
				if (theirs && theirs.value !== value)
					return `agreement: slot ${slot} holds ${value} at r${owner} and ${theirs.value} at r${peer.owner}`;
				if (theirs && theirs.after !== after)
					return `one log everywhere: r${owner} and r${peer.owner} differ after slot ${slot}`;
			}
		}
	}

	const twice = chosen.find(one => chosen.some(other => other.slot === one.slot && other.text !== one.text));
	return twice && `agreement: two values were decided for slot ${twice.slot}`;
}

type Chosen = {readonly view: View; readonly slot: Slot; readonly text: string};

function chosenBy(locals: readonly Pick<Local, 'deeds'>[]): Chosen[] {
	const votes = new Map<string, number>();
	for (const {deeds} of locals) {
		for (const [key, text] of deeds.voted) {
			const vote = `${key} ${text}`;
			votes.set(vote, (votes.get(vote) ?? 0) + 1);
		}
	}

	const chosen: Chosen[] = [];
	for (const [vote, count] of votes) {
		// Counted here, so that a wrong idea of a majority is not shared.
		if (2 * count <= locals.length) continue;
		const [view, slot, ...text] = vote.split(' ');
		chosen.push({view: Number(view), slot: Number(slot), text: text.join(' ')});
	}

	return chosen;
}
