import {Chat, type ChatState} from '../chat/chat.ts';
import type {Answer} from '../chat/types.ts';
import {Replica} from '../consensus/replica.ts';
import type {
	Chunk,
	Decision,
	Entry,
	Fetch,
	Message,
	Note,
	ReplicaId,
	Request,
	Slot,
} from '../consensus/types.ts';
import {Host, type Service} from '../host.ts';
import {isNoOlderCopy} from '../storage/acquaintances.ts';
import type {Disk} from '../storage/disk.ts';
import {MemoryDisk, type Older} from '../storage/memory-disk.ts';
import type {Image} from '../storage/memory-journal.ts';
import {Transfer} from '../transfer.ts';
import {describeEntry, describeLines, describeNote} from './describe.ts';
import type {World} from './world.ts';

export type Checkpoint = {readonly state: ChatState; readonly log: string};
/** The newest, and the one before it. */
export type Checkpoints = {
	readonly newest: Checkpoint | undefined;
	readonly previous: Checkpoint | undefined;
};

/** A directory: what a replica knows when it starts. */
type Memory = {
	/** Of the machine's memories, in the order in which they were begun, from 0. */
	readonly number: number;
	readonly incarnation: string;
	readonly isNewcomer: boolean;
	readonly disk: MemoryDisk;
	checkpoints: Checkpoints;
	/** How many groups of its journal each memory of a peer had, when it was last heard. */
	heard: Map<string, number>;
	/** The same as it is on disk. */
	noted: ReadonlyMap<string, number>;
	notedAt: number;
	/** What it was earlier. */
	copy: Copy | undefined;
	/** How many groups are in the older copy that took its place; undefined, if none did. */
	olderCopyGroups: number | undefined;
};
type Copy = Pick<Memory, 'checkpoints' | 'noted'> & {readonly image: Image; readonly groups: number};

/** Units of time in a tick. Messages take 1 to 8 units, late ones up to 200. */
export const tick = 10;
/** As if a tick took the 10 ms that it takes by default. */
const millisecondsPerUnit = 1;
/** In one piece of a transfer. */
const transferLines = 3;
/** Of a checkpoint, which is some hundreds of characters long: so that it takes several pieces. */
const transferBytes = 200;
/** What is heard of the journals of others is on disk so late at most. */
const noteUnits = 500;

/**
 * A computer with a disk and a clock, on which replicas live and die. It
 * outlives them: a new life knows what the disk and the checkpoint say.
 */
export class Machine {
	readonly id: ReplicaId;
	life: Life | undefined;
	/** How wrong its time of day is, in milliseconds. */
	skew = 0;
	isStalled = false;
	/** How many times as long its writes take. */
	slowness = 1;
	isFull = false;
	/** Its directory is gone or damaged: no replica is started here before it begins anew (rule R12). */
	isRuined = false;
	/** Its directory was lost, and it has not taken part again. */
	#isLost = false;
	/** See fallBackTo. */
	#hasFallenBack = false;
	#memory: Memory;
	/** A directory that was found again, or of which there was a copy. */
	#former: Memory | undefined;
	#memories = 0;
	#isStandingStill = false;
	/** What would have happened here meanwhile. */
	#missed: (() => void)[] = [];
	/** Slots to leave out, which the next life is given at its start. */
	skip: readonly Slot[] = [];
	readonly #world: World;

	constructor(world: World, id: ReplicaId) {
		this.#world = world;
		this.id = id;
		this.#memory = this.#newMemory(false);
	}

	get disk(): MemoryDisk {
		return this.#memory.disk;
	}

	get checkpoint(): Checkpoint | undefined {
		return this.#memory.checkpoints.newest;
	}

	get checkpoints(): Checkpoints {
		return this.#memory.checkpoints;
	}

	set checkpoints(checkpoints: Checkpoints) {
		this.#memory.checkpoints = checkpoints;
	}

	/** Its newest checkpoint is damaged: it starts from the one before it, or from its journal alone. */
	fallBackTo(found: Checkpoint | undefined): void {
		this.checkpoints = {newest: found, previous: undefined};
		this.#hasFallenBack = true;
	}

	/** An older copy of its memory is in the place of it, and nobody has refused it yet. */
	get isOlderCopy(): boolean {
		return this.#memory.olderCopyGroups !== undefined && !this.isRuined;
	}

	get incarnation(): string {
		return this.#memory.incarnation;
	}

	get isNewcomer(): boolean {
		return this.#memory.isNewcomer;
	}

	/**
	 * Its memory is gone, and no new one was heard to take part in its place. One that comes back after another
	 * was begun stays lost: the admission of that other one may stand in the log, and cannot be taken back. One that
	 * has lost the checkpoint that told of its own admission is a learner again, and so lost, until it has another.
	 */
	get isLost(): boolean {
		const isHeard = this.isNewcomer && this.#world.checker.hasTakenPart(this.incarnation);
		if (this.#isLatest && isHeard && !this.isRuined && !this.isOlderCopy) this.#isLost = false;
		const admitted = this.checkpoint?.state.admitted ?? [];
		const isTold = admitted.some(({incarnation}) => incarnation === this.incarnation);
		return this.#isLost || (this.isNewcomer && this.#hasFallenBack && !isTold);
	}

	/** It waits to be admitted, with the latest memory that was begun here: an earlier one may find out that it was replaced. */
	get isLearner(): boolean {
		return this.#isLatest && this.replica?.membership.standing === 'learner';
	}

	get #isLatest(): boolean {
		return this.#memory.number === this.#memories - 1;
	}

	/** Its directory is gone. */
	ruin(): void {
		this.isRuined = true;
		this.#isLost = true;
	}

	/** By order of somebody who knows that the old directory is gone, or believes it. */
	beginAnew(): void {
		if (!this.isRuined) return;
		this.#putAway();
		this.#memory = this.#newMemory(true);
		this.#hasFallenBack = false;
		this.isRuined = false;
		this.#world.checker.onMemory(this.id, this.incarnation, true);
		this.start();
	}

	/** There is a directory before this one, and it counts or will find out that it does not. */
	get hasFormer(): boolean {
		const found = this.#former;
		return found !== undefined && (!found.isNewcomer || this.#world.checker.wasAdmitted(found.incarnation));
	}

	/** The directory before this one is found, and put where it was; false if there was none. */
	putBack(): boolean {
		const found = this.#former;
		if (!found) return false;
		this.#world.crash(this.id);
		if (this.#world.checker.admittedAt(this.id) > 0) this.#world.see('a replaced memory came back');
		this.#putAway();
		this.#memory = found;
		this.isRuined = false;
		this.#isLost = true;
		this.#world.checker.onMemory(this.id, this.incarnation, this.isNewcomer);
		return true;
	}

	/** Nobody puts back what was refused as older than what it had been. */
	#putAway(): void {
		this.#former = this.#memory.olderCopyGroups === undefined ? this.#memory : undefined;
	}

	/** Somebody copies its directory as it is now. */
	makeCopy(): void {
		const {disk, checkpoints, noted} = this.#memory;
		this.#memory.copy = {image: disk.picture.image, groups: disk.groups, checkpoints, noted};
	}

	/** There is a copy, and whoever has met this replica knows on disk that it has been further. */
	get hasOlderCopy(): boolean {
		const {copy, incarnation} = this.#memory;
		const hasHeard = (machine: Machine) => (machine.#memory.noted.get(incarnation) ?? 0) > copy!.groups + 1;
		return copy !== undefined && this.#world.machines.every(machine => machine === this || hasHeard(machine));
	}

	/** The copy takes the place of what it is a copy of. */
	putCopyBack(): void {
		const {copy, disk} = this.#memory;
		if (!copy) return;
		const {image, groups, checkpoints, noted} = copy;
		this.#world.crash(this.id);
		disk.reopen(image);
		const heard = new Map(noted);
		this.#memory = {...this.#memory, checkpoints, noted, heard, copy: undefined, olderCopyGroups: groups};
		this.#isLost = true;
		this.#world.checker.onOlderCopy(this.id);
	}

	#newMemory(isNewcomer: boolean): Memory {
		const delay = () => this.#world.random.between(...this.#world.faults.write) * this.slowness;
		const disk = new MemoryDisk((time, run) => this.later(time, run), delay, 10 * tick);
		const number = this.#memories++;
		// Apart, or the tenth memory of replica 0 would have the name of the first one of replica 1.
		const incarnation = `${this.id}${String(number).padStart(4, '0')}`.padStart(32, '0');
		if (!isNewcomer) this.#world.checker.onMemory(this.id, incarnation, false);
		return {
			number,
			incarnation,
			isNewcomer,
			disk,
			checkpoints: {newest: undefined, previous: undefined},
			heard: new Map(),
			noted: new Map(),
			notedAt: 0,
			copy: undefined,
			olderCopyGroups: undefined,
		};
	}

	/** Of the replica that lives here. */
	get replica(): Replica | undefined {
		return this.life?.replica;
	}

	start(): void {
		if (this.life) return;
		if (this.isRuined || this.isFull) {
			this.#world.see(
				this.isRuined
					? 'a replica without its memory was not started'
					: 'a replica could not start on a full disk',
			);
			return;
		}

		this.disk.start();
		this.life = new Life(this.#world, this, this.#world.nextLife());
		this.life.begin();
		this.skip = [];
	}

	/**
	 * What was not synced is lost, or reached the disk all the same: any prefix
	 * of it, which is more than a journal allows; or what `leaving` says.
	 */
	crash(leaving?: Leaving): void {
		if (!this.life) return;
		const {random, trace, situations} = this.#world;
		situations.onCrash(this);
		this.life = undefined;
		this.isStalled = false;
		this.#isStandingStill = false;
		this.#missed = [];
		trace.add('replica', () => `r${this.id} dies`);
		this.#memory.heard = new Map(this.#memory.noted);
		this.disk.crash((count, underWay) => {
			const kept = leaving ? random.pick(leaving(underWay)) : random.between(0, count);
			situations.onLost(count, kept, underWay);
			return kept;
		}, leaving === inCache);
	}

	/** Its disk fails with the next write that ends, and the replica stops. It may start again, unless `isFull`. */
	failDisk(isFull: boolean, stopped: () => void, leaving?: Leaving): void {
		if (!this.life) return;
		this.disk.fail(() => {
			this.isFull = isFull;
			this.#world.see(
				isFull ? 'a write found no room, and the replica stopped' : 'a sync failed, and the replica stopped',
			);
			this.#world.crash(this.id, true, leaving);
			stopped();
		});
	}

	/** From now on all is well here, but for what is gone. */
	repair(): void {
		this.isFull = false;
		this.slowness = 1;
		this.disk.repair();
		this.resume();
		this.goOn();
		this.start();
	}

	/** Nothing happens here until it goes on: as if the process were stopped, and not killed. */
	standStill(): void {
		this.#isStandingStill = this.life !== undefined;
	}

	/** All that it missed comes at once. */
	goOn(): void {
		if (!this.#isStandingStill) return;
		this.#world.situations.onWakingUp(this);
		this.#isStandingStill = false;
		// Any of this may kill the replica, and what it missed with it.
		for (let next = this.#missed.shift(); next; next = this.#missed.shift()) next();
	}

	/** Something happens here after so long, or when the machine goes on. */
	later(delay: number, run: () => void): void {
		this.#world.events.later(delay, () => this.#soon(run));
	}

	/** `number`: of the life that said it. */
	receive(from: ReplicaId, number: number, messages: readonly Message[]): void {
		if (!this.life || !this.#hears(this.#world.machines[from]!, number)) return;
		this.#world.happenings++;
		this.#soon(() => {
			this.#world.situations.onReceived(this, from, messages);
			this.life?.host.receive(from, messages);
		});
	}

	/** Each has looked at the memory of the other before it hears anything of it, as rooms and dialers do. */
	#hears(peer: Machine, number: number): boolean {
		const isThere = peer.life?.number === number;
		const {met} = this.life!;
		if (!met.has(number)) {
			// Its last words may come late. Of those who were never met they do not come at all.
			const isWelcome = isThere
				? this.#knows(peer) && peer.#knows(this)
				: !this.isOlderCopy && !this.#world.olderCopies.has(number);
			if (!isWelcome) return false;
			met.add(number);
		}

		if (!isThere) return true;
		const memory = this.#memory;
		memory.heard.set(peer.incarnation, peer.disk.groups);
		const {now} = this.#world.events;
		if (now - memory.notedAt < noteUnits) return true;
		memory.notedAt = now;
		memory.noted = new Map(memory.heard);
		return true;
	}

	/** It has the memory that it had, and no older copy of it; or it hears that it has. */
	#knows(peer: Machine): boolean {
		const {checker} = this.#world;
		const heard = this.#memory.heard.get(peer.incarnation) ?? 0;
		if (isNoOlderCopy(peer.disk.groups, heard)) {
			const {olderCopyGroups} = peer.#memory;
			if (olderCopyGroups === undefined) return true;
			if (isNoOlderCopy(olderCopyGroups, heard)) checker.noOlderCopyIsHeard(peer.id, this.id);
			// It has written as much again as it lacks, before anybody looked at it: nobody promises to notice that.
		} else if (!peer.isOlderCopy) {
			checker.noFalseAlarm(peer.id, `it has ${peer.disk.groups} groups, and r${this.id} heard of ${heard}`);
		} else {
			this.#world.see('an older copy was refused');
		}

		this.#world.crash(peer.id);
		peer.ruin();
		return false;
	}

	ask(request: Request): void {
		if (!this.life) return;
		this.#world.happenings++;
		this.#soon(() => this.life?.ask(request));
	}

	disconnected(peer: ReplicaId): void {
		this.#soon(() => this.life?.host.disconnected(peer));
	}

	#soon(run: () => void): void {
		if (this.#isStandingStill) this.#missed.push(run);
		else run();
	}

	stall(): void {
		this.isStalled = true;
		this.disk.stall();
	}

	resume(): void {
		this.isStalled = false;
		this.disk.resume();
	}
}

/** How much of what was not synced a crash may leave: one of these. */
export type Leaving = (underWay: number) => readonly number[];
/** The write that was under way is there, or not. */
export const inWrite: Leaving = underWay => [0, underWay];
/** It can be read, and need not be on disk. */
export const inCache: Leaving = underWay => [underWay];
export const nothing: Leaving = () => [0];

type Moment =
	| 'while a checkpoint was written'
	| 'between checkpoint and rotation'
	| 'between rotation and the end of the old journal'
	| 'while a fetched checkpoint was installed';

/** One life of a replica: host, core, chat and chat.log, from a start to a crash. */
export class Life implements Service {
	readonly number: number;
	chat: Chat;
	/** The whole of chat.log. */
	log: string;
	readonly #world: World;
	readonly #machine: Machine;
	readonly #since: Slot;
	#host: Host | undefined;
	/** Lives of others whose memories were looked at. */
	readonly met = new Set<number>();
	/** Clients that asked this life something, and hear what came of it. */
	readonly #askers = new Set<string>();
	/** What the journal holds before its last rotation: the checkpoint before the newest may need it; see Keeper. */
	#older: Older;
	#previousSlot: Slot = 0;
	/** How far the checkpoint is that is being made; as a crash would find it. */
	#moment: Moment | undefined;
	/** Whom it asked for a checkpoint, and how far it was itself. */
	#asked: {readonly peer: ReplicaId; readonly slot: Slot} | undefined;
	readonly #transfer: Transfer;
	/** Lines that were fetched and are not believed yet. */
	#kept = '';
	/** What is decided while a fetched checkpoint is being installed, which comes first. */
	#held: Decision[] | undefined;

	constructor(world: World, machine: Machine, number: number) {
		this.#world = world;
		this.#machine = machine;
		this.number = number;
		const {checkpoint} = machine;
		this.#older = machine.disk.older;
		if (machine.isOlderCopy) world.olderCopies.add(number);
		this.chat = new Chat({sessions: world.sessions}, checkpoint?.state);
		this.log = checkpoint?.log ?? '';
		this.#since = checkpoint?.state.slot ?? 0;
		if (checkpoint) world.see('started from a checkpoint');
		this.#transfer = new Transfer({
			chat: () => this.chat,
			checkpoint: () => machine.checkpoint?.state,
			bytesFor: () => transferBytes,
			read: (after, _bytes, done) => done(this.#read(after)),
			leader: () => this.replica?.leader ?? null,
			send: (to, message) => {
				if (message.type === 'fetch') this.#onAsking(to);
				this.#network().send(to, [message]);
			},
			keep: lines => {
				this.#kept += lines;
			},
			forget: () => {
				this.#kept = '';
			},
			install: state => this.#install(state),
			// Disks do not lie here.
			witnesses: () => ({same: world.machines.map(({id}) => id), other: []}),
			progress: () => this.host.progress(),
			tell: text => world.trace.add('replica', () => `r${machine.id} ${text}`),
			now: () => world.events.now * millisecondsPerUnit,
			later: run => machine.later(0, () => this.isAlive && run()),
		});
	}

	get host(): Host {
		return this.#host!;
	}

	/** Undefined if it could not begin. */
	get replica(): Replica | undefined {
		return this.#host?.replica;
	}

	begin(): void {
		const {id, disk, skip} = this.#machine;
		const world = this.#world;
		const {entries} = disk;
		world.trace.add(
			'replica',
			() => `r${id} starts with ${entries.length} entries after slot ${this.#since}`,
		);
		const {incarnation, isNewcomer} = this.#machine;
		const options = {...world.options, skip, id, replicas: world.replicas, incarnation, isNewcomer};
		const admitted = this.#machine.checkpoint?.state.admitted ?? [];
		const replica = new Replica(options, entries, this.#since, admitted);
		world.checker.onStarted(id, this.#since, replica.view, replica.acceptor.accepted);
		world.checker.logIsComplete(id, this.#since, this.log);
		const watch = world.witness?.(options, entries, this.#since, admitted);
		const now = () => world.timeOfDay(id);
		this.#host = new Host(replica, this.#watched(disk), this.#network(), this, now, watch);
		const {drift} = world.faults;
		const pace = Math.max(1, Math.round(tick * (1 + drift * (2 * world.random.next() - 1))));
		const beat = () => {
			if (!this.isAlive) return;
			world.situations.onBeat(this.#machine);
			this.host.tick();
			if (this.replica?.learner.isFull) this.keepCheckpoint();
			if (this.replica?.membership.standing === 'replaced') {
				world.see('a replica found out that it was replaced');
				world.crash(id);
				this.#machine.ruin();
				return;
			}

			this.#machine.later(pace, beat);
		};
		this.#machine.later(world.random.below(tick), beat);
	}

	get moment(): Moment | undefined {
		return this.#moment;
	}

	/** Who was asked for the checkpoint that is on its way, if one is. */
	get fetchingFrom(): ReplicaId | undefined {
		return this.#asked?.slot === this.chat.slot ? this.#asked.peer : undefined;
	}

	get isAlive(): boolean {
		return this.#machine.life === this;
	}

	ask(request: Request): void {
		this.#askers.add(request.client);
		const answer = this.chat.answerTo(request);
		if (answer) {
			this.#world.see('a retry was answered from the session table');
			if (answer.status === 'ok' && answer.slot <= this.#since)
				this.#world.see('a retry was answered from the session table of a checkpoint');
			this.#answer([answer]);
		} else {
			this.host.submit([request]);
		}
	}

	execute(decisions: readonly Decision[]): void {
		if (this.#held) {
			this.#held.push(...decisions);
			return;
		}

		const {checker, trace, situations} = this.#world;
		const {id} = this.#machine;
		for (const {slot, value} of decisions) {
			checker.onDecided(id, this.chat.slot, slot, value);
			const {at} = this.chat;
			const {text, lines, retries, answers} = this.chat.execute(slot, value);
			checker.onExecuted(id, slot, lines, {text, hash: this.chat.hash, position: this.chat.position});
			situations.onExecuted(value, retries, at);
			trace.add('executed', () => `r${id} executes slot ${slot}: ${describeLines(lines)}`);
			this.log += text;
			this.#answer(answers);
		}

		this.#considerCheckpoint();
	}

	hasSettled(request: Request): boolean {
		return this.chat.hasSettled(request);
	}

	refuse(requests: readonly Request[]): void {
		this.#world.busy += requests.length;
		this.#world.see('busy');
	}

	fetch(from: ReplicaId): void {
		if (!this.#held) this.#transfer.begin(from);
	}

	transfer(from: ReplicaId, message: Fetch | Chunk): void {
		this.#transfer.onMessage(from, message);
	}

	note(notes: readonly Note[]): void {
		const {trace, situations} = this.#world;
		for (const note of notes) trace.add('note', () => `r${this.#machine.id} ${describeNote(note)}`);
		situations.onNotes(this.#machine, notes);
	}

	#onAsking(peer: ReplicaId): void {
		const {slot} = this.chat;
		if (this.#asked?.slot === slot && this.#asked.peer !== peer)
			this.#world.see('a transfer went on with another peer');
		this.#asked = {peer, slot};
	}

	#answer(answers: readonly Answer[]): void {
		for (const answer of answers) {
			const client = this.#world.clients.get(answer.client);
			if (!client || !this.#askers.has(answer.client)) continue;
			this.#world.events.later(this.#world.random.between(1, 3), () => {
				if (this.isAlive) client.onAnswer(answer);
			});
		}
	}

	/** The disk of the machine, with the checker looking on. */
	#watched(disk: MemoryDisk): Disk {
		const {checker, trace} = this.#world;
		const {id} = this.#machine;
		// Written or not, in order; the disk calls back in the same order.
		const unsynced: Entry[] = [];
		let taken = 0;
		let durable = 0;
		const take = (entries: readonly Entry[]) => {
			unsynced.push(...entries);
			taken += entries.length;
		};
		return {
			append: (entries, done) => {
				take(entries);
				const through = taken;
				disk.append(entries, () => {
					const written = unsynced.splice(0, through - durable);
					durable = through;
					checker.onDurable(id, written);
					this.#world.situations.onWritten(written);
					for (const entry of written) trace.add('disk', () => `r${id} has on disk ${describeEntry(entry)}`);
					done();
				});
			},
			defer: entries => {
				take(entries);
				disk.defer(entries);
			},
		};
	}

	#network() {
		const {links} = this.#world;
		const {id} = this.#machine;
		return {
			broadcast: (messages: readonly Message[]) => links.broadcast(id, this.number, messages),
			send: (to: ReplicaId, messages: readonly Message[]) => links.send(id, this.number, [to], messages),
		};
	}

	/**
	 * Every so many slots the state is kept, and when the core takes no more before that. First the checkpoint is durable,
	 * then the core forgets what it covers, then the journal begins anew with what
	 * is left, and at last goes what the checkpoint before it does not need. A crash may strike in between.
	 */
	#considerCheckpoint(): void {
		const {checkpointSlots} = this.#world.faults;
		const since = this.#machine.checkpoint?.state.slot ?? 0;
		const isDue = checkpointSlots > 0 && this.chat.slot >= since + checkpointSlots;
		if (isDue || this.replica?.learner.isFull) this.keepCheckpoint();
	}

	/** Unless one is being made already, or nothing is new since the last one. */
	keepCheckpoint(): void {
		const isNew = this.chat.slot > (this.#machine.checkpoint?.state.slot ?? 0);
		if (this.#moment || this.#held || !isNew) return;
		this.#moment = 'while a checkpoint was written';
		this.#name({state: this.chat.state(), log: this.log}, ({state}) => {
			this.#moment = 'between checkpoint and rotation';
			this.#machine.later(this.#world.random.between(1, 20), () => {
				if (!this.isAlive) return;
				this.host.checkpoint(state.slot);
				this.#shortenJournal();
			});
		});
	}

	/** After the time of a write the checkpoint is durable, unless the disk has stopped. */
	#name(checkpoint: Checkpoint, done: (checkpoint: Checkpoint) => void): void {
		const {random, trace, faults, checker, situations} = this.#world;
		this.#machine.later(random.between(...faults.write), () => {
			if (!this.isAlive) return;
			if (this.#machine.isStalled) {
				this.#name(checkpoint, done);
				return;
			}

			const previous = this.#machine.checkpoint;
			this.#previousSlot = previous?.state.slot ?? 0;
			this.#machine.checkpoints = {newest: checkpoint, previous};
			checker.onCheckpoint(this.#machine.id, checkpoint.state, checkpoint.log);
			situations.onCheckpoint();
			trace.add('replica', () => `r${this.#machine.id} keeps a checkpoint at slot ${checkpoint.state.slot}`);
			done(checkpoint);
		});
	}

	#shortenJournal(): void {
		const {random} = this.#world;
		const {replica} = this.host;
		const {since} = replica.acceptor;
		this.#machine.disk.rotate(replica.restate(), since, remove => {
			const older = this.#older;
			this.#older = {since, remove};
			this.#moment = 'between rotation and the end of the old journal';
			this.#machine.later(random.between(0, 20), () => {
				if (!this.isAlive) return;
				if (older.since <= this.#previousSlot) older.remove();
				this.#moment = undefined;
			});
		});
	}

	/** A peer's state becomes ours, after all of its lines are in our log and the checkpoint is durable. */
	#install(state: ChatState): void {
		if (this.#moment) return;
		this.#moment = 'while a fetched checkpoint was installed';
		this.#held = [];
		const log = this.log + this.#kept;
		this.#name({state, log}, () => {
			const world = this.#world;
			world.situations.onInstalled(this.#machine);
			this.log = log;
			this.chat = new Chat({sessions: world.sessions}, state);
			const held = this.#held ?? [];
			this.#held = undefined;
			this.execute(held.filter(({slot}) => slot > state.slot));
			this.host.install(state.slot, state.admitted);
			this.#shortenJournal();
		});
	}

	/** A few lines at a time, so that a transfer takes many pieces. */
	/** Some lines that the checkpoint covers. */
	#read(after: number): string {
		const end = this.#machine.checkpoint?.state.position ?? 0;
		const lines = this.log.split('\n').slice(after, Math.min(end, after + transferLines));
		return lines.map(line => `${line}\n`).join('');
	}
}
