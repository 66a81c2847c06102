/** A small seeded generator (mulberry32): all chance in a simulation comes from one of these. */
export class Random {
	#state: number;

	constructor(seed: number) {
		this.#state = seed >>> 0;
	}

	/** From 0 to less than 1. */
	next(): number {
		this.#state = (this.#state + 0x6d2b79f5) >>> 0;
		let t = this.#state;
		t = Math.imul(t ^ (t >>> 15), t | 1);
		t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
		return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
	}

	chance(probability: number): boolean {
		return this.next() < probability;
	}

	/** A whole number from 0 to less than `limit`. */
	below(limit: number): number {
		return Math.floor(this.next() * limit);
	}

	/** A whole number from `least` to `most`. */
	between(least: number, most: number): number {
		return least + this.below(most - least + 1);
	}

	pick<Item>(items: readonly Item[]): Item {
		return items[this.below(items.length)]!;
	}
}
