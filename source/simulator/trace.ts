import {createHash} from 'node:crypto';

/** What a line of a trace is about, so that a reader can leave out what it does not want. */
export type Kind = 'message' | 'disk' | 'note' | 'executed' | 'client' | 'replica';

/**
 * All that was sent, written and executed, each line with its moment. Somebody
 * may read along, or want all of it as one hash: the same seed must give the
 * same one for ever. Without either nothing is put into words, as that takes time.
 */
export class Trace {
	reader: ((kind: Kind, line: string) => void) | undefined;
	isHashed = false;
	readonly #hash = createHash('sha256');
	/** Not in the hash yet: it is much faster with big pieces. */
	#lines = '';
	readonly #clock: () => string;

	constructor(clock: () => string) {
		this.#clock = clock;
	}

	/** `line`: for the hash, and for the reader unless there are better words; '' is nothing worth reading. */
	add(kind: Kind, line: () => string, words = line): void {
		if (this.isHashed) {
			this.#lines += `${this.#clock()} ${line()}\n`;
			if (this.#lines.length > 65_536) this.#digest();
		}

		if (!this.reader) return;
		const text = words();
		if (text !== '') this.reader(kind, `${this.#clock()} ${text}`);
	}

	/** Null if nobody wanted it from the start. */
	get hash(): string | null {
		if (!this.isHashed) return null;
		this.#digest();
		return this.#hash.copy().digest('hex');
	}

	#digest() {
		this.#hash.update(this.#lines);
		this.#lines = '';
	}
}
