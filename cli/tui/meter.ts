/** How long answers took so far, in milliseconds, counted in steps. */
export type Latency = {
	readonly p50: number;
	readonly p95: number;
	readonly p99: number;
	readonly max: number;
	/** How many took at most `steps[index]`; in the last one, those that took longer. */
	readonly counts: readonly number[];
};

export const steps = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000] as const;
/** Percentiles are of so many of the last. */
const kept = 5000;

export class Latencies {
	readonly #counts = Array.from({length: steps.length + 1}, () => 0);
	#last: number[] = [];
	#max = 0;

	add(ms: number): void {
		const step = steps.findIndex(most => ms <= most);
		const index = step === -1 ? steps.length : step;
		this.#counts[index] = this.#counts[index]! + 1;
		this.#max = Math.max(this.#max, ms);
		this.#last.push(ms);
		if (this.#last.length > 2 * kept) this.#last = this.#last.slice(-kept);
	}

	now(): Latency {
		const sorted = this.#last.slice(-kept).sort((one, other) => one - other);
		const at = (share: number) => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0;
		return {p50: at(0.5), p95: at(0.95), p99: at(0.99), max: this.#max, counts: [...this.#counts]};
	}
}
