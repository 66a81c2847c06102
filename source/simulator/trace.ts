import {createHash} from 'node:crypto';

/** What a line of a trace is about, so that a reader can leave out what it does not want. */
export type Kind = 'message' | 'disk' | 'note' | 'executed' | 'client' | 'replica';

/**
 * All that was sent, written and executed, as one hash: the same seed must give
 * the same hash for ever. Somebody may read along.
 */
export class Trace {
	reader: ((kind: Kind, line: string) => void) | undefined;
	readonly #hash = createHash('sha256');
	/** Not in the hash yet: it is much faster with big pieces. */
	#lines = '';

	/** `line`: for the hash, and for the reader unless there are better words; '' is nothing worth reading. */
	add(kind: Kind, line: string, words?: () => string): void {
		this.#lines += `${line}\n`;
		if (this.#lines.length > 65_536) this.#digest();
		if (!this.reader) return;
		const text = words?.() ?? line;
		if (text !== '') this.reader(kind, text);
	}

	get hash(): string {
		this.#digest();
		return this.#hash.copy().digest('hex');
	}

	#digest() {
		this.#hash.update(this.#lines);
		this.#lines = '';
	}
}
