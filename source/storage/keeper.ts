import type {ChatState} from '../chat/chat.ts';
import type {Entry, Slot} from '../consensus/types.ts';
import {type Checkpoint, writeCheckpoint} from './checkpoint.ts';
import {type Ground, realGround} from './ground.ts';
import type {Recalled} from './recall.ts';

/** What stands in the journal before its last rotation: the checkpoint before the newest may need it, one of slot `since` does not. */
export type Older = {readonly since: Slot; readonly remove: () => Promise<void>};

export type KeeperOptions = Pick<Recalled, 'checkpoint' | 'older' | 'log' | 'journal'> & {
	/** Where checkpoints go. */
	readonly path: string;
	/** All that the core must not forget; what it has forgotten already, up to slot `since`, is not restated. */
	readonly restate: () => {readonly since: Slot; readonly entries: readonly Entry[]};
	/** Everything up to this slot stands in a durable checkpoint: the core forgets it. */
	readonly forget: (slot: Slot) => void;
	/** Nothing is begun any more. */
	readonly isStopped: () => boolean;
	/** Resolves when the replica has failed: what was appended then is never called back. */
	readonly failed: Promise<void>;
	/** What one of these comes to; if it is an error, it is the end of the replica. */
	readonly onError: (error: unknown) => void;
	readonly ground?: Ground;
};

/**
 * Keeps the memory of a replica short: whatever a checkpoint says need not stand
 * in the journal. The chat log is the state: once it is synced up to a slot, a
 * checkpoint names that slot, and the journal before it is not needed. A crash
 * between any two steps finds the older checkpoint with the whole journal, or the
 * newer one with more of the journal than it needs.
 */
export class Keeper {
	readonly #options: KeeperOptions;
	/** The latest that is durable. */
	#checkpoint: Checkpoint | undefined;
	#older: Older;
	/** Of the checkpoint before it. */
	#previousSlot: Slot = 0;
	/** A checkpoint is being made or installed: the end of it, which never fails. */
	#work: Promise<void> | undefined;

	constructor(options: KeeperOptions) {
		this.#options = options;
		this.#checkpoint = options.checkpoint;
		this.#older = options.older;
	}

	/** The checkpoint that a start would begin with. */
	get latest(): Checkpoint | undefined {
		return this.#checkpoint;
	}

	/** A checkpoint is being made or installed. */
	get isBusy(): boolean {
		return this.#work !== undefined;
	}

	/** Makes a checkpoint of this state, unless one is being made. */
	keep(checkpoint: Checkpoint): void {
		if (this.isBusy) return;
		const {log, isStopped, forget} = this.#options;
		this.#alone(async () => {
			await log.sync();
			await this.#name(checkpoint);
			if (isStopped()) return;
			forget(checkpoint.slot);
			await this.#shortenJournal();
		});
	}

	/**
	 * Makes a peer's state ours. Its lines come behind ours first, where a crash
	 * leaves them to be cut; then the checkpoint names them, before anything
	 * relies on it: `takeOver` is called then, with the last piece of the lines.
	 */
	install(state: ChatState, lines: () => AsyncIterable<string>, takeOver: (lastLines: string) => void): void {
		const {log, isStopped} = this.#options;
		this.#alone(async () => {
			const last = await this.#append(lines());
			if (isStopped()) return;
			const {bytes} = log;
			await log.sync();
			await this.#name({...state, bytes});
			if (isStopped()) return;
			takeOver(last);
			await this.#shortenJournal();
		});
	}

	/** Waits for what is under way. */
	async close(): Promise<void> {
		await this.#work;
	}

	/** One at a time: what comes while a checkpoint is made waits for its end. */
	#alone(make: () => Promise<void>): void {
		const before = this.#work ?? Promise.resolve();
		const work = before.then(make).then(() => {
			if (this.#work === work) this.#work = undefined;
		}, this.#options.onError);
		this.#work = work;
	}

	async #name(checkpoint: Checkpoint): Promise<void> {
		const {path, ground = realGround} = this.#options;
		await writeCheckpoint(path, checkpoint, {files: ground.files, readBack: ground.readPastCache});
		this.#previousSlot = this.#checkpoint?.slot ?? 0;
		this.#checkpoint = checkpoint;
	}

	/**
	 * The journal begins anew, and loses what the checkpoint before this one has
	 * made superfluous: with that one and the rest a start is still possible when
	 * the newest turns out to be damaged.
	 */
	async #shortenJournal(): Promise<void> {
		const {restate, journal} = this.#options;
		// Votes would wait behind a rotation that waits.
		await journal.readyToRotate();
		// What the core has forgotten is not restated: without a checkpoint of at least that slot nobody may start again.
		const {since, entries} = restate();
		const older = this.#older;
		this.#older = {since, remove: await journal.rotate(entries, since)};
		// If the newest was found damaged at the start, the one before it still needs what it stands on.
		if (older.since <= this.#previousSlot) await older.remove();
	}

	/** All of it goes into the log, piece by piece; gives the last piece. */
	async #append(lines: AsyncIterable<string>): Promise<string> {
		const {log, failed, isStopped} = this.#options;
		let last = '';
		for await (const piece of lines) {
			const written = new Promise<void>(resolve => log.append(piece, resolve));
			await Promise.race([written, failed]);
			if (isStopped()) break;
			last = piece;
		}

		return last;
	}
}
