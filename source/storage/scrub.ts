import {Failure} from '../failure.ts';
import {type Checkpoint, previousOf, readCheckpoint} from './checkpoint.ts';
import {isMissing, realReader} from './files.ts';
import {checkLog} from './log-check.ts';
import {readPastCache} from './past-cache.ts';
import {checkSegment} from './recovery.ts';
import {listSegments} from './segment.ts';
import type {Mark} from './watermark.ts';

/** Some milliseconds of work. */
const pieceBytes = 65_536;

export type ScrubOptions = {
	/** The file; and a directory. */
	readonly checkpoint: string;
	readonly chatLog: string;
	readonly journal: string;
	/** The latest durable checkpoint, undefined if there is none. */
	readonly latest: () => Checkpoint | undefined;
	/** The segment that is being written; those before it do not change any more. */
	readonly segment: () => number;
};

/**
 * Reads again, slowly and past the cache, what the next start would need and
 * nobody looks at meanwhile: disks lose bits, and a replica that votes on
 * would learn of it when it can no longer be helped.
 */
export class Scrub {
	readonly #options: ScrubOptions;
	#round: AsyncGenerator<void, void, undefined> | undefined;
	/** Of everything, that have come to their end. */
	rounds = 0;

	constructor(options: ScrubOptions) {
		this.#options = options;
	}

	/** Looks at the next piece. Rejects with a Failure that names what is damaged, or with an error of the disk. */
	async look(): Promise<void> {
		this.#round ??= this.#everything();
		const {done} = await this.#round.next();
		if (!done) return;
		this.#round = undefined;
		this.rounds++;
	}

	async *#everything() {
		const {checkpoint} = this.#options;
		for (const path of [checkpoint, previousOf(checkpoint)]) {
			await readCheckpoint(path, readPastCache).catch(refuse);
			yield;
		}

		yield* this.#chatLog();
		yield* this.#journal();
	}

	/** Up to the latest checkpoint. What follows is written again at a start. */
	async *#chatLog() {
		const {latest, chatLog} = this.#options;
		const checkpoint = latest();
		if (!checkpoint) return;
		yield* checkLog(chatLog, checkpoint, (from, to) => readPastCache(chatLog, from, to), pieceBytes);
	}

	/** Segments that are complete, one after the other: each goes on where the one before it ends. */
	async *#journal() {
		const {journal, segment} = this.#options;
		let last: Mark | undefined;
		for (const {number, path} of await listSegments(realReader, journal)) {
			if (number >= segment()) return;
			try {
				last = checkSegment(number, path, await readPastCache(path), last);
			} catch (error) {
				// A checkpoint has made it superfluous meanwhile, and those that follow may be gone as well.
				if (isMissing(error)) return;
				throw error;
			}

			yield;
		}
	}
}

/** A start might do without it, but a disk that loses one thing loses another. */
function refuse(error: unknown): never {
	if (!(error instanceof Failure)) throw error;
	throw new Failure(`${error.message}; this replica stops; see to the disk, then start again`);
}
