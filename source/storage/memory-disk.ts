import type {Entry} from '../consensus/types.ts';
import type {Disk} from './disk.ts';

/** Runs something after a delay of virtual time. */
type Later = (delay: number, run: () => void) => void;

/**
 * The simulated disk: virtual time, and a crash that loses what was not synced.
 * It commits in groups like the journal: one write is under way, what comes
 * meanwhile goes with the next one.
 *
 * The object outlives its replica. After `crash` the next life reads `entries`
 * and goes on with the same disk; callbacks of the life before are never called.
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

	/** How many entries a crash might lose now. */
	get unsynced(): number {
		return this.#unsynced.length;
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
	 * everything older; until it is called, a restart reads both.
	 */
	rotate(restated: readonly Entry[], done: (removeOlder: () => void) => void): void {
		const life = this.#life;
		const older = this.#appended;
		this.append(restated, () => {
			done(() => {
				// What this life appended before the rotation is the oldest part, after what it found.
				const kept = this.#synced - older;
				if (life === this.#life && kept < this.#durable.length)
					this.#durable = this.#durable.slice(this.#durable.length - kept);
			});
		});
	}

	/**
	 * The machine loses its power. `keep` chooses how many of the first `count`
	 * unsynced entries had reached the disk all the same, 0 to `count`. A journal
	 * writes in groups, so that either none or all of the `underWay` had done so.
	 */
	crash(keep: (count: number, underWay: number) => number): void {
		const kept = keep(this.#unsynced.length, this.#writing);
		if (!Number.isInteger(kept) || kept < 0 || kept > this.#unsynced.length)
			throw new Error(`a crash cannot keep ${kept} of ${this.#unsynced.length} unsynced entries`);
		this.#durable.push(...this.#unsynced.slice(0, kept));
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
		for (const entry of written) this.#durable.push(entry);
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
}
