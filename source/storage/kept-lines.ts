import {type FileHandle, open, unlink} from 'node:fs/promises';
import {readAt} from '../chat/log-lines.ts';
import {failureOf, isMissing, whenAllowed} from './files.ts';

const pieceBytes = 262_144;

/**
 * Lines of a chat log that were fetched and are not believed yet: in a file
 * beside the log, as they can be many. They need not survive anything.
 */
export class KeptLines {
	readonly #path: string;
	readonly #onError: (error: Error) => void;
	#file: FileHandle | undefined;
	/** Everything that was asked for so far, one after the other. */
	#work: Promise<void> = Promise.resolve();

	/** What an earlier life has left there is of no use. `onError` hears of the first failure of the disk and of those that follow. */
	constructor(path: string, onError: (error: Error) => void) {
		this.#path = path;
		this.#onError = onError;
		this.forget();
	}

	/** Whole lines, each with its newline. */
	keep(lines: string): void {
		this.#then(async () => {
			this.#file ??= await whenAllowed(() => open(this.#path, 'w+', 0o600));
			await this.#file.appendFile(lines);
		});
	}

	forget(): void {
		this.#then(() => this.#remove());
	}

	/** All that is kept, in pieces of whole lines. */
	async *pieces(): AsyncGenerator<string, void, undefined> {
		await this.#work;
		const file = this.#file;
		if (!file) return;
		let rest: Buffer = Buffer.alloc(0);
		for (let offset = 0; ; ) {
			const chunk = await readAt(file, offset, pieceBytes);
			if (chunk.length === 0) return;
			offset += chunk.length;
			const bytes = Buffer.concat([rest, chunk]);
			const end = bytes.lastIndexOf(10) + 1;
			rest = bytes.subarray(end);
			if (end > 0) yield bytes.toString('utf8', 0, end);
		}
	}

	/** Waits for what is under way, and removes the file. */
	async close(): Promise<void> {
		await this.#work;
		await this.#remove();
	}

	async #remove(): Promise<void> {
		const file = this.#file;
		this.#file = undefined;
		await file?.close();
		await unlink(this.#path).catch((error: unknown) => {
			if (!isMissing(error)) throw error;
		});
	}

	#then(work: () => Promise<void>): void {
		this.#work = this.#work.then(work).catch((error: unknown) => this.#onError(failureOf(this.#path, error)));
	}
}
