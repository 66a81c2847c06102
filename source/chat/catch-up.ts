import type {Slot} from '../consensus/types.ts';
import type {ChatState} from './chat.ts';
import {chain} from './hash-chain.ts';
import {decodeLine, encodeLine} from './line-text.ts';

/** More slots than this between two lines nobody has ever decided: following them would only keep us busy. */
const mostSlots = 10_000_000;
/** Some milliseconds of hashing; then others may go on. */
const biteSlots = 5000;
/** Characters of lines in one piece, and in one slot: several times what the largest batch can come to. */
const mostCharacters = 16_777_216;

/** Where a chat stands, all but its sessions. */
type Mark = Pick<ChatState, 'slot' | 'position' | 'at' | 'hash'>;

/** Work in bites, which says in the end whether all of it was right. */
export type Bites = Generator<void, boolean, undefined>;

/**
 * Follows a chat log from where we are to somebody's checkpoint, and believes
 * in it only if the hash chain over all of its lines ends in the hash that the
 * checkpoint names. It looks at each line once and remembers none. Once
 * something was wrong, it is of no more use.
 */
export class CatchUp {
	/** Where our own chat stood: if it has moved since, all this was in vain. */
	readonly start: Slot;
	#position: number;
	#at: number;
	/** The slot of the last line, the chain up to before it, and its lines so far. */
	#slot: Slot;
	#hash: Buffer;
	#text = '';
	/** The chain over the slot at the start is complete; later ones are not before the next begins. */
	#isOpen = false;

	constructor(from: Mark) {
		this.start = from.slot;
		this.#slot = from.slot;
		this.#position = from.position;
		this.#at = from.at;
		this.#hash = Buffer.from(from.hash, 'hex');
	}

	/** Of the last line that was taken. */
	get position(): number {
		return this.#position;
	}

	/** Of the last line that was taken, or where our own chat stood. */
	get slot(): Slot {
		return this.#slot;
	}

	/** The next lines, each with its newline. False if they are not lines that follow. */
	*take(lines: string): Bites {
		// What stands after the last newline would be kept with the lines, and is no part of the chain.
		if (lines.length > mostCharacters || (lines !== '' && !lines.endsWith('\n'))) return false;
		for (const text of lines.split('\n').slice(0, -1)) {
			const line = decodeLine(text);
			if (!line || encodeLine(line) !== `${text}\n`) return false;
			if (line.position !== this.#position + 1 || line.at < this.#at) return false;
			if (line.slot !== this.#slot && !(yield* this.#goTo(line.slot))) return false;
			if (!this.#isOpen) return false; // A line of a slot that our own chat has executed.
			if (this.#text.length > mostCharacters) return false;
			this.#text += `${text}\n`;
			this.#position = line.position;
			this.#at = line.at;
		}

		return true;
	}

	/** True if these lines, and no others, led up to this state. */
	*endsIn(state: Mark): Bites {
		if (state.position !== this.#position || state.at !== this.#at) return false;
		if (!(yield* this.#goTo(state.slot))) return false;
		this.#close();
		return this.#hash.toString('hex') === state.hash;
	}

	/** Slots without lines count in the chain too. */
	*#goTo(slot: Slot): Bites {
		if (slot < this.#slot || slot > this.#slot + mostSlots) return false;
		for (let count = 1; this.#slot < slot; count++) {
			this.#close();
			this.#slot++;
			this.#isOpen = true;
			if (count % biteSlots === 0) yield;
		}

		return true;
	}

	#close() {
		if (!this.#isOpen) return;
		this.#hash = chain(this.#hash, this.#slot, this.#text);
		this.#text = '';
		this.#isOpen = false;
	}
}
