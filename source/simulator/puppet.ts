import {Chat, type ChatState} from '../chat/chat.ts';
import {Replica} from '../consensus/replica.ts';
import type {
	Chunk,
	Decision,
	Entry,
	Fetch,
	MemoryName,
	Message,
	Options,
	ReplicaId,
	Request,
	Slot,
	View,
} from '../consensus/types.ts';
import {noView, primaryOf} from '../consensus/views.ts';
import {Host, type Service} from '../host.ts';
import {Transfer} from '../transfer.ts';
import {encodeValue} from '../value-text.ts';
import {Broken} from './checker.ts';

/** One thing that can happen to one machine. */
export type Act =
	| {readonly type: 'receive'; readonly from: ReplicaId; readonly messages: readonly Message[]}
	| {readonly type: 'say'; readonly request: Request}
	/** As much time passes as lies between two beats. */
	| {readonly type: 'beat'}
	/** The connection to the primary is reported closed, rightly or not: it is doubted. */
	| {readonly type: 'doubt'}
	/** The write under way ends. */
	| {readonly type: 'write'}
	/** What was not synced is lost, or has reached the disk all the same. */
	| {readonly type: 'crash'; readonly isKept: boolean}
	| {readonly type: 'start'}
	/** Its directory is lost, and another one is begun in its place (rule R12). */
	| {readonly type: 'begin anew'}
	/** The directory that was put away comes back, in place of this one, which is put away. */
	| {readonly type: 'put back'}
	/** All that is executed goes into a checkpoint, and the journal begins anew. */
	| {readonly type: 'checkpoint'};

/** For another machine; nobody knows yet what becomes of it. */
export type Sent = {readonly to: ReplicaId; readonly messages: readonly Message[]};

/** What one machine did that the theorems about all of them are made of; over all its lives. */
export type Deeds = {
	/** Votes that were durable at some time, and proposals that were sent: 'view slot' to a value as text. */
	readonly voted: ReadonlyMap<string, string>;
	readonly proposed: ReadonlyMap<string, string>;
	/** What a slot held when it was executed, and what the chat was after it. */
	readonly executed: ReadonlyMap<Slot, {readonly value: string; readonly after: string}>;
};

/** A directory: what a life begins with, and what the theorems know of it. */
type Memory = {
	readonly incarnation: string;
	readonly isNewcomer: boolean;
	/** What a restart reads. */
	durable: readonly Entry[];
	checkpoint: {readonly state: ChatState; readonly log: string} | undefined;
	/** The highest view that is durable, and all votes that ever were: 'view slot'. */
	promised: View;
	readonly votes: Set<string>;
	/** It has executed its own admission; others have heard it take part; it found out that it was replaced. */
	wasAdmitted: boolean;
	hasTakenPart: boolean;
	isReplaced: boolean;
};

const newMemory = (incarnation: string, isNewcomer: boolean): Memory => ({
	incarnation,
	isNewcomer,
	durable: [],
	checkpoint: undefined,
	promised: noView,
	votes: new Set(),
	wasAdmitted: false,
	hasTakenPart: false,
	isReplaced: false,
});

/** How many sessions a chat remembers: more than there are clients. */
const sessions = 10;

/**
 * A machine of which every move is chosen from outside: the real Replica, Host,
 * Chat and Transfer on a disk that writes when it is told to, with a clock that
 * stands still. What it does follows from its acts alone. The theorems that
 * speak of one machine are watched here; a broken one throws Broken.
 */
export class Puppet implements Service, Deeds {
	readonly voted = new Map<string, string>();
	readonly proposed = new Map<string, string>();
	readonly executed = new Map<Slot, {readonly value: string; readonly after: string}>();
	readonly #options: Options;
	/** All that were ever begun here, the one that counts on this machine now, and the one that was put away last. */
	readonly #memories: Memory[];
	#memory: Memory;
	#former: Memory | undefined;
	/** What a crash may lose, and the write under way with the end of it. */
	#unsynced: Entry[] = [];
	#write: {readonly count: number; readonly done: () => void} | undefined;
	/** One life. */
	#host: Host | undefined;
	#chat = new Chat({sessions});
	#log = '';
	#transfer: Transfer | undefined;
	/** Lines that were fetched and are not believed yet, and all that was said about fetching in this life. */
	#kept = '';
	#fetching: string[] = [];
	readonly #prepared = new Set<View>();
	/** Said during an act; and what a host that writes will say, which only its outputs tell. */
	#sent: Sent[] = [];
	#written: unknown[] = [];
	#unwritten: unknown[] = [];

	constructor(options: Options) {
		this.#options = options;
		this.#memory = newMemory(options.incarnation, options.isNewcomer);
		this.#memories = [this.#memory];
	}

	/** What it promised is gone with a directory, and no new one was heard to take part instead. See Machine. */
	get isLost(): boolean {
		const {isNewcomer, hasTakenPart, isReplaced} = this.#memory;
		return isReplaced || this.#memory !== this.#memories.at(-1) || (isNewcomer && !hasTakenPart);
	}

	/** The directory that could be put back. */
	get former(): MemoryName | undefined {
		return this.#former;
	}

	get isAlive(): boolean {
		return this.#host !== undefined;
	}

	get isWriting(): boolean {
		return this.#write !== undefined;
	}

	/** Of the living; otherwise what its disk says. */
	get view(): View {
		return this.#host?.replica.view ?? this.promised;
	}

	get promised(): View {
		return this.#memory.promised;
	}

	get leads(): boolean {
		return this.#host?.replica.proposer.phase === 'leading';
	}

	/** The last slot executed. */
	get slot(): Slot {
		return this.#chat.slot;
	}

	/** Of the client's last message that was executed in this life, or before the checkpoint. */
	lastOf(client: string): number {
		return this.#chat.state().sessions.find(session => session.client === client)?.sequence ?? -1;
	}

	/** Whether this can happen now. */
	can(act: Act['type']): boolean {
		if (act === 'start') return !this.isAlive && !this.#memory.isReplaced;
		if (act === 'begin anew') return !this.isAlive;
		if (act === 'put back') return !this.isAlive && this.#former !== undefined;
		if (act === 'write') return this.isWriting;
		if (act === 'checkpoint')
			return this.isAlive && !this.isWriting && this.slot > (this.#memory.checkpoint?.state.slot ?? 0);
		return this.isAlive;
	}

	/** What happens, and what is said because of it. */
	act(act: Act): readonly Sent[] {
		this.#sent = [];
		switch (act.type) {
			case 'receive':
				this.#host!.receive(act.from, act.messages);
				break;
			case 'say':
				if (!this.#chat.answerTo(act.request)) this.#host!.submit([act.request]);
				break;
			case 'beat':
				for (let ticks = 0; ticks < this.#options.heartbeatTicks; ticks++) this.#host!.tick();
				this.#stopIfReplaced();
				break;
			case 'doubt':
				this.#host!.disconnected(this.#host!.replica.primary);
				break;
			case 'write':
				this.#endWrite();
				break;
			case 'crash':
				this.#crash(act.isKept);
				break;
			case 'start':
				this.#start();
				break;
			case 'begin anew':
				this.#beginAnew();
				break;
			case 'put back':
				this.#exchangeFor(this.#former!);
				break;
			case 'checkpoint':
				this.#keep({state: this.#chat.state(), log: this.#log});
				this.#host!.checkpoint(this.#chat.slot);
				this.#shortenJournal();
				break;
		}

		if (!this.#write) this.#unwritten = [];
		return this.#sent;
	}

	/**
	 * All that decides what this machine does from here on, and what the
	 * theorems will say of it: equal texts, equal machines. Times and numbers of
	 * lives are not in it.
	 */
	fingerprint(): string {
		const disk = [this.#unsynced, this.#write?.count ?? null, this.#memories.indexOf(this.#memory)];
		const former = this.#former && this.#memories.indexOf(this.#former);
		const memories = this.#memories.map(({checkpoint, votes, ...memory}) => [
			Object.values(memory),
			[...votes],
			checkpoint?.state.slot ?? 0,
		]);
		const deeds = [[...this.voted].sort(), [...this.proposed].sort(), [...this.executed]];
		if (!this.#host) return JSON.stringify([disk, former, memories, deeds]);
		const life = [this.#host.replica.imprint(), this.#chat.state(), [...this.#prepared], this.#fetching];
		return JSON.stringify([disk, former, memories, deeds, life, this.#written, this.#unwritten]);
	}

	// What the host wants of us.

	execute(decisions: readonly Decision[]): void {
		for (const {slot, value} of decisions) {
			if (slot !== this.slot + 1)
				throw new Broken('no slot is executed past a hole', `slot ${slot} after slot ${this.slot}`);
			const {text} = this.#chat.execute(slot, value);
			this.#log += text;
			this.#sameAsBefore(slot, {value: encodeValue(value), after: this.#chat.hash});
			this.#lookForAdmission();
		}

		this.#exactlyOnce();
	}

	hasSettled(request: Request): boolean {
		return this.#chat.hasSettled(request);
	}

	refuse(): void {}

	fetch(from: ReplicaId): void {
		this.#fetching.push(`from ${from}`);
		this.#transfer!.begin(from);
	}

	transfer(from: ReplicaId, message: Fetch | Chunk): void {
		if (message.type === 'chunk') this.#fetching.push(`${from} ${JSON.stringify(message)}`);
		this.#transfer!.onMessage(from, message);
	}

	note(): void {}

	// Disk, network, life.

	#start() {
		const {durable, checkpoint, incarnation, isNewcomer} = this.#memory;
		this.#chat = new Chat({sessions}, checkpoint?.state);
		this.#log = checkpoint?.log ?? '';
		this.#kept = '';
		this.#fetching = [];
		this.#prepared.clear();
		const since = this.slot;
		const options = {...this.#options, incarnation, isNewcomer};
		const replica = new Replica(options, durable, since, checkpoint?.state.admitted);
		this.#nothingIsForgotten(replica, since);
		const disk = {
			append: (entries: readonly Entry[], done: () => void) => {
				this.#unsynced.push(...entries);
				this.#write = {count: this.#unsynced.length, done};
				this.#written = this.#unwritten;
				this.#unwritten = [];
			},
			defer: (entries: readonly Entry[]) => this.#unsynced.push(...entries),
		};
		const network = {
			broadcast: (messages: readonly Message[]) => {
				for (let to = 0; to < this.#options.replicas; to++)
					if (to !== this.#options.id) this.#send(to, messages);
			},
			send: (to: ReplicaId, messages: readonly Message[]) => this.#send(to, messages),
		};
		this.#transfer = this.#newTransfer(network.send);
		const watch = (_input: unknown, step: () => ReturnType<Replica['step']>) => {
			const output = step();
			this.#unwritten.push(output.messages);
			return output;
		};
		// Its first tick comes while it is being made.
		const host = new Host(replica, disk, network, this, () => 1, watch);
		this.#host = host;
		this.#noAdmissionIsForgotten(replica);
	}

	#beginAnew() {
		const memory = newMemory(`${this.#options.id}${this.#memories.length}`.padStart(32, '0'), true);
		this.#memories.push(memory);
		this.#exchangeFor(memory);
	}

	#exchangeFor(memory: Memory) {
		this.#former = this.#memory;
		this.#memory = memory;
		// If it comes back, it has to find out again.
		memory.isReplaced = false;
	}

	/** As the server does, at a tick. */
	#stopIfReplaced() {
		if (this.#host?.replica.membership.standing !== 'replaced') return;
		this.#crash(false);
		this.#memory.isReplaced = true;
	}

	#lookForAdmission() {
		const {incarnation} = this.#memory;
		this.#memory.wasAdmitted ||= this.#chat.admitted.some(each => each.incarnation === incarnation);
	}

	#newTransfer(send: (to: ReplicaId, messages: readonly Message[]) => void) {
		return new Transfer({
			chat: () => this.#chat,
			checkpoint: () => this.#memory.checkpoint?.state,
			bytesFor: () => Number.POSITIVE_INFINITY,
			// Time stands still here: whoever is passed over for a while would be so for ever.
			leader: () => null,
			read: (after, _bytes, done) =>
				done(
					this.#log
						.split('\n')
						.slice(after, this.#memory.checkpoint?.state.position)
						.map(line => `${line}\n`)
						.join(''),
				),
			send: (to, message) => send(to, [message]),
			// Disks do not lie here.
			witnesses: () => ({same: [0, 1, 2], other: []}),
			keep: lines => {
				this.#kept += lines;
			},
			forget: () => {
				this.#kept = '';
			},
			install: state => {
				this.#keep({state, log: this.#log + this.#kept});
				this.#log += this.#kept;
				this.#chat = new Chat({sessions}, state);
				this.#lookForAdmission();
				this.#host!.install(state.slot, state.admitted);
				this.#shortenJournal();
			},
			progress: () => this.#host!.progress(),
			tell: () => {},
			now: () => 0,
			later: run => run(),
		});
	}

	#keep(checkpoint: {readonly state: ChatState; readonly log: string}) {
		this.#memory.checkpoint = structuredClone(checkpoint);
	}

	/** With what must be restated. A write under way is part of that, and ends all the same. */
	#shortenJournal() {
		const restated = this.#host!.replica.restate();
		this.#memory.durable = restated;
		this.#unsynced = [];
		if (this.#write) this.#write = {...this.#write, count: 0};
		this.#onDurable(restated);
	}

	#endWrite() {
		const {count, done} = this.#write!;
		this.#write = undefined;
		this.#written = [];
		const written = this.#unsynced.splice(0, count);
		this.#memory.durable = [...this.#memory.durable, ...written];
		this.#onDurable(written);
		done();
	}

	#crash(isKept: boolean) {
		if (isKept) {
			this.#memory.durable = [...this.#memory.durable, ...this.#unsynced];
			this.#onDurable(this.#unsynced);
		}

		this.#unsynced = [];
		this.#write = undefined;
		this.#written = [];
		this.#unwritten = [];
		this.#host = undefined;
	}

	#onDurable(entries: readonly Entry[]) {
		for (const entry of entries) {
			if (entry.type === 'decided') continue;
			this.#memory.promised = Math.max(this.promised, entry.view);
			if (entry.type !== 'accepted') continue;
			const {view, slot, value} = entry;
			this.#memory.votes.add(`${view} ${slot}`);
			// Whichever memory it votes with, it is one voice.
			this.#once(this.voted, 'one vote per view and slot', view, slot, encodeValue(value));
		}
	}

	#send(to: ReplicaId, messages: readonly Message[]) {
		for (const message of messages) this.#onSent(message);
		this.#sent.push({to, messages});
	}

	// The theorems about one machine.

	#onSent(message: Message) {
		if (!('view' in message)) return;
		const {view, type} = message;
		const {id, replicas} = this.#options;
		this.#admittedBeforeItTakesPart(type);
		if (view > this.promised)
			throw new Broken(
				'no view on the wire that is not on disk',
				`r${id} said ${type} of view ${view}, its disk says ${this.promised}`,
			);
		if (type === 'accepted') this.#isDurable(view, message.slot);
		if (type === 'promise') for (const {view, slot} of message.accepted) this.#isDurable(view, slot);
		if (type !== 'prepare' && type !== 'accept') return;
		if (primaryOf(view, replicas) !== id)
			throw new Broken('only the primary proposes', `r${id} proposed in view ${view}`);
		if (type === 'prepare') this.#prepared.add(view);
		else if (!this.#prepared.has(view))
			throw new Broken('nothing is led that was not prepared in this life', `r${id} in view ${view}`);
		if (type === 'accept')
			this.#once(
				this.proposed,
				'one proposal per view and slot',
				view,
				message.slot,
				encodeValue(message.value),
			);
	}

	#isDurable(view: View, slot: Slot) {
		const {votes, checkpoint} = this.#memory;
		if (votes.has(`${view} ${slot}`) || slot <= (checkpoint?.state.slot ?? 0)) return;
		throw new Broken(
			'a vote is durable before it is sent',
			`r${this.#options.id} voted for slot ${slot} in view ${view}, its disk does not know`,
		);
	}

	#once(known: Map<string, string>, theorem: string, view: View, slot: Slot, text: string) {
		const key = `${view} ${slot}`;
		const before = known.get(key) ?? text;
		if (before !== text) throw new Broken(theorem, `view ${view}, slot ${slot}: ${before} and ${text}`);
		known.set(key, text);
	}

	#nothingIsForgotten({view, acceptor}: Replica, since: Slot) {
		const {id} = this.#options;
		if (view < this.promised)
			throw new Broken('promise never falls', `r${id} promised view ${this.promised} and starts in ${view}`);
		for (const key of this.#memory.votes) {
			const text = this.voted.get(key);
			const [voted, slot] = key.split(' ').map(Number) as [View, Slot];
			const known = acceptor.accepted.get(slot);
			const isKept =
				known && (known.view > voted || (known.view === voted && encodeValue(known.value) === text));
			if (slot > since && !isKept)
				throw new Broken('no vote is forgotten', `r${id} voted for slot ${slot} in view ${voted}`);
		}
	}

	#admittedBeforeItTakesPart(type: string) {
		const {isNewcomer, wasAdmitted} = this.#memory;
		this.#memory.hasTakenPart ||= isNewcomer;
		if (!isNewcomer || wasAdmitted) return;
		throw new Broken(
			'admitted before it takes part',
			`r${this.#options.id} said ${type} with a memory that nobody admitted`,
		);
	}

	/** Whoever heard it take part counts on it: it must not be a learner again after a crash. */
	#noAdmissionIsForgotten({membership}: Replica) {
		const {isNewcomer, hasTakenPart} = this.#memory;
		if (!isNewcomer || !hasTakenPart || membership.standing !== 'learner') return;
		throw new Broken('no admission is forgotten', `r${this.#options.id} took part, and starts as a learner`);
	}

	#sameAsBefore(slot: Slot, outcome: {readonly value: string; readonly after: string}) {
		const known = this.executed.get(slot) ?? outcome;
		if (known.value !== outcome.value || known.after !== outcome.after)
			throw new Broken('agreement', `slot ${slot} held ${known.value}, and in a later life ${outcome.value}`);
		this.executed.set(slot, known);
	}

	#exactlyOnce() {
		const said = this.#log
			.split('\n')
			.filter(line => line !== '')
			.map(line => (JSON.parse(line) as {text: string}).text);
		if (new Set(said).size < said.length)
			throw new Broken('exactly once', `r${this.#options.id} has ${said.join(', ')}`);
	}
}
