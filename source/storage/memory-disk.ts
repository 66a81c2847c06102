import type {Entry, Slot} from '../consensus/types.ts';
import type {Disk} from './disk.ts';
import {type Group, type Image, MemoryJournal, type Picture, type Step} from './memory-journal.ts';
import type {Recovered} from './recovery.ts';

/** Runs something after a delay of virtual time. */
type Later = (delay: number, run: () => void) => void;

/** A group that restates, and how many entries there were before it, also those that are removed. */
type Rotation = {readonly number: number; readonly at: number; readonly since: Slot};

type Rotating = {readonly at: number; readonly count: number; readonly since: Slot; durable?: Rotation};

/** What stands before a rotation: a checkpoint of slot `since` or a later one makes it superfluous. */
export type Older = {readonly since: Slot; readonly remove: () => void};

/**
 * The simulated disk: virtual time, and a crash that loses what was not synced.
 * It commits in groups like the journal: one write is under way, what comes
 * meanwhile goes with the next one.
 *
 * The object outlives its replica. After `crash` the next life begins with
 * `start`, reads `entries` and goes on with the same disk; callbacks of the life
 * before are never called.
 *
 * It holds entries, and makes bytes of them only when somebody asks: for what a
 * crash or damage did to these, as `reopen` reads them.
 */
export class MemoryDisk implements Disk {
	readonly #later: Later;
	readonly #delay: () => number;
	readonly #idleDelay: number;
	#durable: Entry[] = [];
	/** In order: the write under way, what waits for the next one, what was deferred. */
	#unsynced: Entry[] = [];
	/** Entries in the write under way. */
	#writing = 0;
	#isWriting = false;
	#isStalled = false;
	/** The next write that ends does so with an error. */
	#onError: (() => void) | undefined;
	/** A write that a stalled disk would have finished. */
	#isHeld = false;
	/** All entries since this life began: a count that rotation does not change. */
	#appended = 0;
	#synced = 0;
	/** In order of `through`. */
	#waiting: {readonly through: number; readonly done: () => void}[] = [];
	#life = 0;
	/** Rotations that are not durable yet: where in this life they begin, and how many entries they restate. */
	#rotations: Rotating[] = [];
	/** The last one that is. */
	#rotation: Rotation | undefined;
	#removed = 0;
	/** The group before which all is removed. */
	#beginning = 0;
	#since: Slot = 0;
	/** A journal begins with an empty group. */
	#groups = 1;
	/** What it has in bytes, and what happened since then. */
	#journal: MemoryJournal | undefined;
	#steps: Step[] = [{type: 'group', number: 1, entries: []}];

	/**
	 * `delay` says how long the next write takes. Deferred entries that nothing
	 * follows are written after `idleDelay`. All in the units of `later`.
	 */
	constructor(later: Later, delay: () => number, idleDelay = 100) {
		this.#later = later;
		this.#delay = delay;
		this.#idleDelay = idleDelay;
	}

	/** What a restart reads. */
	get entries(): readonly Entry[] {
		return this.#durable;
	}

	/** A checkpoint of this slot or a later one must be there: entries before it may be gone. */
	get since(): Slot {
		return this.#since;
	}

	/** The number of the last group that is durable. */
	get groups(): number {
		return this.#groups;
	}

	/** What an earlier life has left before its last rotation. */
	get older(): Older {
		const rotation = this.#rotation;
		return {since: rotation?.since ?? 0, remove: this.#remover(rotation)};
	}

	/** How many entries a crash might lose now. */
	get unsynced(): number {
		return this.#unsynced.length;
	}

	/** A life begins. */
	start(): void {
		this.#steps.push({type: 'start'});
	}

	/** As after a clean stop, or some idleness: behind what matters there is one more group. */
	close(): void {
		if (this.#unsynced.length === 0) this.#steps.push({type: 'group', number: ++this.#groups, entries: []});
	}

	get isWriting(): boolean {
		return this.#isWriting;
	}

	append(entries: readonly Entry[], done: () => void): void {
		this.#take(entries);
		this.#waiting.push({through: this.#appended, done});
		if (!this.#isWriting) this.#write();
	}

	defer(entries: readonly Entry[]): void {
		this.#take(entries);
		if (!this.#isWriting) this.#writeWhenIdle();
	}

	/**
	 * Begins anew with what must be restated, behind all that was appended or
	 * deferred so far. When that is durable, `done` gets a function that removes
	 * everything older; until it is called, a restart reads both. For what is not
	 * restated there must be a checkpoint of slot `since` then.
	 */
	rotate(restated: readonly Entry[], since: Slot, done: (removeOlder: () => void) => void): void {
		const rotating: Rotating = {at: this.#appended, count: restated.length, since};
		this.#rotations.push(rotating);
		this.append(restated, () => done(this.#remover(rotating.durable)));
	}

	#remover(rotation: Rotation | undefined): () => void {
		const life = this.#life;
		return () => {
			if (life !== this.#life || !rotation || rotation.number <= this.#beginning) return;
			const {number, at, since} = rotation;
			this.#beginning = number;
			this.#durable = this.#durable.slice(at - this.#removed);
			this.#removed = at;
			this.#since = Math.max(this.#since, since);
			// Of what never was in bytes nobody needs those that would be removed.
			const first = this.#steps.findIndex(step => step.type === 'group' && step.number === number);
			if (!this.#journal) this.#steps.splice(0, first);
			this.#steps.push({type: 'trim', number: ++this.#groups, rotation: number, since});
		};
	}

	/**
	 * The machine loses its power. `keep` chooses how many of the first `count`
	 * unsynced entries had reached the disk all the same, 0 to `count`. A journal
	 * writes in groups, so that either none or all of the `underWay` had done so.
	 * What is kept may be there only as long as the machine runs: `isInCache`.
	 */
	crash(keep: (count: number, underWay: number) => number, isInCache = false): void {
		const kept = keep(this.#unsynced.length, this.#writing);
		if (!Number.isInteger(kept) || kept < 0 || kept > this.#unsynced.length)
			throw new Error(`a crash cannot keep ${kept} of ${this.#unsynced.length} unsynced entries`);
		if (kept > 0) this.#keep(this.#unsynced.slice(0, kept), isInCache);
		this.#rotations = [];
		this.#unsynced = [];
		this.#waiting = [];
		this.#writing = 0;
		this.#isWriting = false;
		this.#isHeld = false;
		this.#isStalled = false;
		this.#onError = undefined;
		this.#appended = 0;
		this.#synced = 0;
		this.#life++;
	}

	/** Its bytes as they are, and where something stands in them that is only in the cache. */
	get picture(): Picture {
		return this.#bytes.picture;
	}

	/** The same when the write that is under way has come to its end, and where it stands; undefined if there is none. */
	get pictureOfWrite(): Picture | undefined {
		if (!this.#isWriting) return undefined;
		return this.#bytes.pictureWith(this.#groupsOf(this.#unsynced.slice(0, this.#writing))[0]!);
	}

	get #bytes(): MemoryJournal {
		this.#journal ??= new MemoryJournal();
		for (const step of this.#steps) this.#journal.take(step);
		this.#steps = [];
		return this.#journal;
	}

	/** From now on this is what there is, between two lives. Throws the Failure with which a start would refuse it. */
	reopen(image: Image): Recovered {
		const {journal, recovered} = MemoryJournal.open(image);
		const {entries, since, rotation, last} = recovered;
		this.#journal = journal;
		this.#steps = [];
		this.#durable = [...entries];
		this.#removed = 0;
		this.#since = since;
		this.#rotation = rotation;
		this.#beginning = 0;
		this.#groups = last?.number ?? 0;
		return recovered;
	}

	/**
	 * The write under way, or the next one, fails, and nobody knows what of it is
	 * on the disk. That is final: no `done` is called any more, nothing is written.
	 */
	fail(onError: () => void): void {
		this.#onError = onError;
	}

	repair(): void {
		this.#onError = undefined;
	}

	/** From now on no write ends. */
	stall(): void {
		this.#isStalled = true;
	}

	resume(): void {
		this.#isStalled = false;
		if (!this.#isHeld) return;
		this.#isHeld = false;
		this.#finishLater(this.#delay());
	}

	#take(entries: readonly Entry[]): void {
		for (const entry of entries) this.#unsynced.push(entry);
		this.#appended += entries.length;
	}

	#write(): void {
		this.#isWriting = true;
		this.#writing = this.#unsynced.length;
		this.#finishLater(this.#delay());
	}

	#writeWhenIdle(): void {
		const life = this.#life;
		const appended = this.#appended;
		this.#later(this.#idleDelay, () => {
			const isIdle = life === this.#life && appended === this.#appended && !this.#isWriting;
			if (isIdle && this.#unsynced.length > 0) this.#write();
		});
	}

	#finishLater(delay: number): void {
		const life = this.#life;
		this.#later(delay, () => {
			if (life !== this.#life) return;
			if (this.#isStalled) this.#isHeld = true;
			else if (this.#onError) this.#onError();
			else this.#finish();
		});
	}

	#finish(): void {
		const written = this.#unsynced.splice(0, this.#writing);
		this.#writing = 0;
		this.#keep(written, false);
		this.#synced += written.length;
		this.#isWriting = false;
		const waiting = this.#waiting;
		const next = waiting.findIndex(({through}) => through > this.#synced);
		const settled = waiting.splice(0, next === -1 ? waiting.length : next);
		if (waiting.length > 0) this.#write();
		else if (this.#unsynced.length > 0) this.#writeWhenIdle();

		const life = this.#life;
		for (const {done} of settled) {
			// A callback may crash this very disk.
			if (life === this.#life) done();
		}
	}

	/** The next entries are there for good; or the last group of them in the cache only. */
	#keep(entries: readonly Entry[], isInCache: boolean): void {
		const end = this.#synced + entries.length;
		const groups = this.#groupsOf(entries);
		const rotations = this.#rotations.filter(({at, count}) => at + count <= end);
		this.#rotations = this.#rotations.filter(rotating => !rotations.includes(rotating));
		for (const [index, group] of groups.entries()) {
			const {number, since} = group;
			if (since !== undefined) {
				this.#rotation = {number, at: this.#removed + this.#durable.length, since};
				rotations.shift()!.durable = this.#rotation;
			}

			for (const entry of group.entries) this.#durable.push(entry);
			this.#steps.push(isInCache && index === groups.length - 1 ? {...group, isInCache} : group);
			this.#groups = number;
		}
	}

	/** The next entries as a journal would group them: what restates begins a group of its own, if all of it is there. */
	#groupsOf(entries: readonly Entry[]): Group[] {
		const groups: Group[] = [];
		const begin = (from: number, to: number, since?: Slot) => {
			const number = this.#groups + groups.length + 1;
			const part = entries.slice(from, to);
			groups.push({type: 'group', number, entries: part, ...(since === undefined ? {} : {since})});
		};
		const starts = this.#rotations.filter(({at, count}) => at + count <= this.#synced + entries.length);
		const first = (starts[0]?.at ?? this.#synced + entries.length) - this.#synced;
		if (first > 0 || starts.length === 0) begin(0, first);
		for (const [index, {at, since}] of starts.entries()) {
			const next = starts[index + 1]?.at ?? this.#synced + entries.length;
			begin(at - this.#synced, next - this.#synced, since);
		}

		return groups;
	}
}
