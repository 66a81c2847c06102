import type {Progress} from '../../source/client/batch.ts';

/** How long answers took so far, in milliseconds, counted in steps. */
export type Latency = {
	readonly p50: number;
	readonly p95: number;
	readonly p99: number;
	readonly max: number;
	/** How many took at most `steps[index]`; in the last one, those that took longer. */
	readonly counts: readonly number[];
};

/** What one message came to; `end` is null unless it was acknowledged. Milliseconds of one clock. */
export type Answer = {
	readonly start: number;
	readonly end: number | null;
	readonly status: 'ok' | 'unknown' | 'failed';
};

/** How a load goes. */
export type Load = {
	readonly acknowledged: number;
	readonly unknown: number;
	readonly failed: number;
	/** Acknowledged a second in each stretch of `stretchMs`, from the start on. */
	readonly rates: readonly number[];
	readonly stretchMs: number;
	/** Acknowledged a second, in the last second. */
	readonly now: number;
	readonly latency: Latency;
	/** The longest time without an acknowledgement that has ended, and after how many milliseconds it began. */
	readonly pause: {readonly ms: number; readonly after: number} | null;
	/** Milliseconds since the start. */
	readonly elapsed: number;
	/** Milliseconds since the last acknowledgement, or since the start. */
	readonly silent: number;
	readonly progress: Progress | null;
};

export const steps = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000] as const;
/** Percentiles are of so many of the last. */
const kept = 5000;
const firstStretchMs = 250;
/** The whole load stays in the picture: when there are so many stretches, each becomes twice as long. */
const mostStretches = 480;

/** Watches a load. Times are those of its operations. */
export class Meter {
	readonly #startedAt: number;
	readonly #counts = Array.from({length: steps.length + 1}, () => 0);
	#last: number[] = [];
	#max = 0;
	#acknowledged = 0;
	#unknown = 0;
	#failed = 0;
	#stretchMs = firstStretchMs;
	#stretches: number[] = [];
	#answeredAt: number;
	#pause: Load['pause'] = null;
	#progress: Progress | null = null;

	constructor(startedAt: number) {
		this.#startedAt = startedAt;
		this.#answeredAt = startedAt;
	}

	add({start, end, status}: Answer): void {
		if (end === null) {
			if (status === 'failed') this.#failed++;
			else this.#unknown++;
			return;
		}

		this.#acknowledged++;
		this.#took(end - start);
		const index = this.#stretchAt(end);
		while (this.#stretches.length <= index) this.#stretches.push(0);
		this.#stretches[index]!++;
		const ms = end - this.#answeredAt;
		if (ms > (this.#pause?.ms ?? 0)) this.#pause = {ms, after: this.#answeredAt - this.#startedAt};
		this.#answeredAt = Math.max(this.#answeredAt, end);
	}

	/** What the load says of itself. */
	heard(progress: Progress): void {
		this.#progress = progress;
	}

	at(now: number): Load {
		// The stretch that has just begun has no rate yet.
		const full = this.#stretchAt(now);
		const rates = Array.from({length: full}, (_, index) => this.#rate(this.#stretches[index] ?? 0, 1));
		const recent = Math.max(1, Math.min(full, Math.round(1000 / this.#stretchMs)));
		const count = this.#stretches
			.slice(Math.max(0, full - recent), full)
			.reduce((sum, each) => sum + each, 0);
		return {
			acknowledged: this.#acknowledged,
			unknown: this.#unknown,
			failed: this.#failed,
			rates,
			stretchMs: this.#stretchMs,
			now: this.#rate(count, recent),
			latency: this.#latency(),
			pause: this.#pause,
			elapsed: Math.max(0, now - this.#startedAt),
			silent: Math.max(0, now - this.#answeredAt),
			progress: this.#progress,
		};
	}

	#rate(count: number, stretches: number): number {
		return Math.round((count * 1000) / (stretches * this.#stretchMs));
	}

	#stretchAt(time: number): number {
		let index = Math.max(0, Math.floor((time - this.#startedAt) / this.#stretchMs));
		while (index >= mostStretches) {
			const halves = this.#stretches;
			this.#stretches = Array.from(
				{length: Math.ceil(halves.length / 2)},
				(_, pair) => halves[2 * pair]! + (halves[2 * pair + 1] ?? 0),
			);
			this.#stretchMs *= 2;
			index = Math.floor(index / 2);
		}

		return index;
	}

	#took(ms: number): void {
		const step = steps.findIndex(most => ms <= most);
		const index = step === -1 ? steps.length : step;
		this.#counts[index] = this.#counts[index]! + 1;
		this.#max = Math.max(this.#max, ms);
		this.#last.push(ms);
		if (this.#last.length > 2 * kept) this.#last = this.#last.slice(-kept);
	}

	#latency(): Latency {
		const sorted = this.#last.slice(-kept).sort((one, other) => one - other);
		const at = (share: number) => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0;
		return {p50: at(0.5), p95: at(0.95), p99: at(0.99), max: this.#max, counts: [...this.#counts]};
	}
}

/** How a load stands before it began. */
export const noLoad: Load = new Meter(0).at(0);
