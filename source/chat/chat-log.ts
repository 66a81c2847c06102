import {dirname} from 'node:path';
import {Failure, lostMemory} from '../failure.ts';
import {type LogFile, type LogFiles, realLogFiles} from './log-file.ts';
import {linesBetween, longestLineBytes, readAt} from './log-lines.ts';
import type {Line} from './types.ts';

/** A page of history that has reached this size takes no more lines. */
const pageBytes = 262_144;
/** The binary search ends here: from a page of the disk the lines are read one after the other. */
const nearBytes = 4096;
/** Of so many pages that were read it is remembered where they ended, for those who read on. */
const mostPlaces = 16;
/** Enough for the head of a line with any position in it. */
const headBytes = 32;

/**
 * The file chat.log of one replica. Lines are appended without waiting for the
 * disk: after a crash they are written again from the journal. History is read
 * from the file, and no index of it is kept, so memory does not grow with it.
 * Whoever reads page after page is not searched for again: in a replica under
 * load the search for a page took longer than the page.
 */
export class ChatLog {
	readonly #path: string;
	readonly #file: LogFile;
	readonly #onError: (error: Error) => void;
	/** Not handed to the system yet. */
	#queue: Part[] = [];
	#isPlanned = false;
	#bytes: number;
	/** Behind the line of a position: where the next one begins. The oldest comes first. */
	readonly #places = new Map<number, number>();
	/** Of these bytes, from the first on, the system has all: they can be read. */
	#written: number;
	/** The first error, or that it was closed. It is final. */
	#end: Error | undefined;

	/**
	 * Cuts the file to `bytes`, which its checkpoint names: what follows may be
	 * torn, and comes again from the journal. Throws a Failure if it is shorter.
	 * `onError` hears of the first write or sync that fails; nothing is written after it.
	 */
	static async open(
		path: string,
		bytes: number,
		onError: (error: Error) => void,
		files: LogFiles = realLogFiles,
	): Promise<ChatLog> {
		const file = await files.openLog(path);
		try {
			const size = await file.size();
			if (size < bytes)
				throw lostMemory(`${path} is damaged: it has ${size} bytes, and its checkpoint names ${bytes}`);
			if (bytes > 0 && (await readAt(file, bytes - 1, 1))[0] !== 10)
				throw lostMemory(`${path} is damaged: no line ends at byte ${bytes}, which its checkpoint names`);
			await file.truncate(bytes);
			await files.syncDirectory(dirname(path));
			return new ChatLog(path, file, bytes, onError);
		} catch (error) {
			await file.close();
			throw error;
		}
	}

	private constructor(path: string, file: LogFile, bytes: number, onError: (error: Error) => void) {
		this.#path = path;
		this.#file = file;
		this.#bytes = bytes;
		this.#written = bytes;
		this.#onError = onError;
	}

	/** Of all that was appended, also of what is still on its way. */
	get bytes(): number {
		return this.#bytes;
	}

	/**
	 * Appends whole lines, or nothing at all. `done` is called later, in the
	 * order of the calls, when they stand in the file; never after an error.
	 */
	append(text: string, done: () => void): void {
		this.#enqueue(Buffer.from(text), error => {
			if (!error) done();
		});
	}

	/** Resolves when all that was appended before would survive a loss of power. */
	sync(): Promise<void> {
		return new Promise((resolve, reject) => {
			this.#enqueue(Buffer.alloc(0), error => {
				if (error) return reject(error);
				// A second attempt could succeed although the pages are lost, so the first failure is final.
				this.#file.datasync().then(resolve, failure => reject(this.#fail('sync', failure)));
			});
		});
	}

	/**
	 * The lines after this position, in order: at most `limit` and about 256 KiB,
	 * but at least one if there is one. Only lines that stand in the file.
	 */
	async read(after: number, limit: number): Promise<Line[]> {
		const end = this.#written;
		const page: Line[] = [];
		if (limit < 1) return page;
		let size = 0;
		const from = this.#places.get(after) ?? (await this.#near(after, end));
		for await (const {start, text, line} of linesBetween(this.#file, from, end)) {
			if (!line) throw this.#damage(start);
			if (line.position <= after) continue;
			page.push(line);
			size += text.length;
			if (page.length < limit && size < pageBytes) continue;
			this.#remember(line.position, start + Buffer.byteLength(text));
			break;
		}

		return page;
	}

	/**
	 * The lines after this position as they stand in the file, but none from byte `end` on, where one begins: not more
	 * than so many bytes, or the one that is longer than that. They are not looked at, as whoever gets them knows their
	 * hash: of a primary that gave 50,000 lines in a second it took a tenth of that.
	 */
	async readText(after: number, end: number, bytes: number): Promise<string> {
		const from = this.#places.get(after) ?? (await this.#behind(after, end));
		for (let most = Math.min(bytes, end - from); most > 0; most = Math.min(2 * most, end - from)) {
			const page = await readAt(this.#file, from, most);
			const length = 1 + (most > bytes ? page.indexOf(10) : page.lastIndexOf(10));
			if (length > 0) {
				const last = page.lastIndexOf(10, length - 2) + 1;
				const position = positionOf(page.subarray(last, length));
				if (positionOf(page) !== after + 1 || position === undefined) throw this.#damage(from);
				this.#remember(position, from + length);
				return page.toString('utf8', 0, length);
			}

			// The last of them ends at `end`.
			if (most === end - from || most > longestLineBytes) throw this.#damage(from);
		}

		return '';
	}

	/** The byte at which the first line after this position begins; `end` if there is none before it. */
	async #behind(after: number, end: number): Promise<number> {
		for await (const {start, line} of linesBetween(this.#file, await this.#near(after, end), end)) {
			if (!line) throw this.#damage(start);
			if (line.position > after) return start;
		}

		return end;
	}

	#remember(position: number, place: number): void {
		this.#places.delete(position);
		this.#places.set(position, place);
		const [oldest] = this.#places.keys();
		if (this.#places.size > mostPlaces && oldest !== undefined) this.#places.delete(oldest);
	}

	/** Waits for what was appended; nothing can be appended any more. */
	async close(): Promise<void> {
		await new Promise<void>(resolve => this.#enqueue(Buffer.alloc(0), () => resolve()));
		this.#end ??= new Failure(`${this.#path} is closed`);
		await this.#file.close();
	}

	#enqueue(bytes: Buffer, done: Part['done']): void {
		if (this.#end) {
			const end = this.#end;
			process.nextTick(() => done(end));
			return;
		}

		this.#bytes += bytes.length;
		this.#queue.push({bytes, done});
		if (this.#isPlanned) return;
		this.#isPlanned = true;
		process.nextTick(() => this.#writeAll());
	}

	/**
	 * One write for all that was appended in this turn. No thread does it: a
	 * write into the memory of the system takes less time than the way to a
	 * thread and back, for which a single client would wait (with that of the
	 * journal 1.7 ms instead of 1.1 ms a message, on two cores).
	 */
	#writeAll(): void {
		this.#isPlanned = false;
		const parts = this.#queue;
		this.#queue = [];
		const bytes = Buffer.concat(parts.map(part => part.bytes));
		const failure = this.#write(bytes);
		const error = failure === undefined ? (this.#end ?? null) : this.#fail('write', failure);
		if (!error) this.#written += bytes.length;
		for (const {done} of parts) done(error);
	}

	/** Returns what went wrong. The system may take a part only, for instance when the disk is all but full. */
	#write(bytes: Buffer): unknown {
		try {
			for (let from = 0; from < bytes.length; ) {
				const count = this.#file.write(bytes, from, bytes.length - from, this.#written + from);
				if (count === 0) return new Error('the system took no byte');
				from += count;
			}

			return undefined;
		} catch (error) {
			return error;
		}
	}

	/** The first failure ends the log, for all that wait and all that come. */
	#fail(what: 'write' | 'sync', cause: unknown): Error {
		if (this.#end) return this.#end;
		const {message: why} = cause as Error;
		const next = /^(?:ENOSPC|EDQUOT)/.test(why) ? 'make room on the disk' : 'see to the disk';
		const error = new Failure(`cannot ${what} ${this.#path}: ${why}; ${next}, then start again`, 1, {cause});
		this.#end = error;
		const parts = this.#queue;
		this.#queue = [];
		this.#onError(error);
		for (const {done} of parts) done(error);
		return error;
	}

	/**
	 * A byte at which a line begins: at or before the first line after this
	 * position, and near it. Every line before `low` has a position up to
	 * `after`, every line that begins at `high` or later has a greater one.
	 */
	async #near(after: number, end: number): Promise<number> {
		let low = 0;
		let high = end;
		while (high - low > nearBytes) {
			const middle = Math.floor((low + high) / 2);
			const start = await this.#lineStart(middle, high);
			if (start >= high || (await this.#positionAt(start)) > after) high = middle;
			else low = start;
		}

		return low;
	}

	/** Where the first line begins that begins at this byte or later; `end` if none does before it. */
	async #lineStart(from: number, end: number): Promise<number> {
		for (let offset = from - 1; offset < end; ) {
			const bytes = await readAt(this.#file, offset, Math.min(nearBytes, end - offset));
			if (bytes.length === 0) throw this.#damage(offset);
			const newline = bytes.indexOf(10);
			if (newline >= 0) return offset + newline + 1;
			offset += bytes.length;
		}

		return end;
	}

	async #positionAt(start: number): Promise<number> {
		const head = await readAt(this.#file, start, headBytes);
		const position = positionOf(head);
		if (position === undefined) throw this.#damage(start);
		return position;
	}

	#damage(start: number): Failure {
		return new Failure(
			`${this.#path} is damaged at byte ${start}: there is no line as this program writes it; this replica stops; copy the file from another replica, where it is the same, and start again`,
		);
	}
}

/** Of the line that begins here. */
function positionOf(line: Buffer): number | undefined {
	const head = line.toString('latin1', 0, headBytes);
	const position = /^\{"position":(\d+),/.exec(head)?.[1];
	return position === undefined ? undefined : Number(position);
}

type Part = {readonly bytes: Buffer; readonly done: (error: Error | null) => void};
