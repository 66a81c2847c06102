import type {Slot} from '../consensus/types.ts';
import type {ChatState} from './chat.ts';
import {chain} from './hash-chain.ts';
import {decodeLine, encodeLine} from './line-text.ts';

/** More slots than this between two lines nobody has ever decided: following them would only keep us busy. */
const mostSlots = 100_000_000;

/**
 * Follows a chat log from where we are to somebody's checkpoint, and believes
 * in it only if the hash chain over all of its lines ends in the hash that the
 * checkpoint names. It looks at each line once and remembers none.
 */
export class CatchUp {
	/** Where our own chat stood: if it has moved since, all this was in vain. */
	readonly start: Slot;
	#position: number;
	/** The slot of the last line, the chain up to before it, and its lines so far. */
	#slot: Slot;
	#hash: Buffer;
	#text = '';
	/** The chain over the slot at the start is complete; later ones are not before the next begins. */
	#isOpen = false;

	constructor(from: Pick<ChatState, 'slot' | 'position' | 'hash'>) {
		this.start = from.slot;
		this.#slot = from.slot;
		this.#position = from.position;
		this.#hash = Buffer.from(from.hash, 'hex');
	}

	/** Of the last line that was taken. */
	get position(): number {
		return this.#position;
	}

	/** The next lines, each with its newline. False if they are not lines that follow. */
	take(lines: string): boolean {
		for (const text of lines.split('\n').slice(0, -1)) {
			const line = decodeLine(text);
			if (!line || encodeLine(line) !== `${text}\n`) return false;
			if (line.position !== this.#position + 1 || !this.#goTo(line.slot)) return false;
			if (!this.#isOpen) return false; // A line of a slot that our own chat has executed.
			this.#text += `${text}\n`;
			this.#position = line.position;
		}

		return true;
	}

	/** True if these lines, and no others, led up to this state. */
	endsIn(state: ChatState): boolean {
		if (state.position !== this.#position || !this.#goTo(state.slot)) return false;
		this.#close();
		return this.#hash.toString('hex') === state.hash;
	}

	/** Slots without lines count in the chain too. */
	#goTo(slot: Slot): boolean {
		if (slot < this.#slot || slot > this.#slot + mostSlots) return false;
		while (this.#slot < slot) {
			this.#close();
			this.#slot++;
			this.#isOpen = true;
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
