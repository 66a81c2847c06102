import type {Line} from '../chat/types.ts';
import type {Lines} from '../network/events.ts';

/** Where to begin: after a position, at most so many lines before the end, or at the end. */
export type FollowFrom = {readonly after: number} | {readonly last: number} | 'now';

export type FeedOptions = {
	readonly from: FollowFrom;
	/** Asks the present replica for the lines after a position. */
	readonly follow: (after: number) => void;
	/** New lines, each once, in order, without gaps. */
	readonly onLines: (lines: readonly Line[]) => void;
	/** Older lines that were asked for; none, if the replica could not be asked to the end. */
	readonly onHistory: (lines: readonly Line[]) => void;
};

/** Lines of history fetched at once. */
const pageLines = 500;

/**
 * Follows the chat across replicas: whatever arrives, from whomever and how
 * often, each line is passed on once and in order. Where one is missing, the
 * feed asks again from there.
 */
export class Feed {
	readonly #options: FeedOptions;
	/** The last line passed on; null until the first replica said where the end is. */
	#position: number | null = null;
	/** A follow that was not answered yet. */
	#isAsking = false;
	/** History that is being fetched: lines after `after` and before `before`. */
	#wanted: {readonly before: number; after: number; readonly lines: Line[]} | null = null;

	constructor(options: FeedOptions) {
		this.#options = options;
		if (typeof options.from === 'object' && 'after' in options.from) this.#position = options.from.after;
	}

	/** Something was asked for and did not come yet. */
	get isAsking(): boolean {
		return this.#isAsking || this.#wanted !== null;
	}

	get position(): number {
		return this.#position ?? 0;
	}

	/** Another replica, whose chat ends at this position. */
	onLink(end: number): void {
		if (this.#position === null) {
			const {from} = this.#options;
			const last = typeof from === 'object' && 'last' in from ? from.last : 0;
			this.#position = Math.max(0, end - last);
		}

		this.#dropHistory();
		this.#ask();
	}

	onLines({lines, isLive}: Lines): void {
		if (this.#position === null) return;
		this.#takeHistory(lines);
		const first = lines.findIndex(({position}) => position > this.#position!);
		const fresh = first === -1 ? [] : lines.slice(first);
		if (fresh[0] !== undefined && fresh[0].position !== this.#position + 1) {
			// Asked once already, the answer is on its way: these come again with it.
			if (!this.#isAsking) this.#ask();
			return;
		}

		if (isLive) this.#isAsking = false;
		if (fresh.length > 0) {
			this.#position = fresh.at(-1)!.position;
			this.#options.onLines(fresh);
			// A page of history: the next one does not come by itself.
			if (!isLive) this.#ask();
		}
	}

	/** Whether older lines than this one will come. */
	fetchBefore(position: number): boolean {
		if (this.#position === null || this.#wanted !== null || position <= 1) return false;
		this.#wanted = {before: position, after: Math.max(0, position - 1 - pageLines), lines: []};
		this.#options.follow(this.#wanted.after);
		return true;
	}

	/** It took too long, or the chat goes on without us: asks again from where we are. */
	again(): void {
		this.#dropHistory();
		this.#ask();
	}

	#ask(): void {
		this.#isAsking = true;
		this.#options.follow(this.#position!);
	}

	#takeHistory(lines: readonly Line[]): void {
		const wanted = this.#wanted;
		const first = lines[0];
		// Pages answer the last follow; others are news, or answers to an earlier one.
		if (wanted === null || first === undefined || first.position !== wanted.after + 1) return;
		for (const line of lines) if (line.position < wanted.before) wanted.lines.push(line);
		wanted.after += lines.length;
		if (wanted.after < wanted.before - 1) {
			this.#options.follow(wanted.after);
			return;
		}

		this.#wanted = null;
		this.#options.onHistory(wanted.lines);
		// For the sake of the history the replica may have stopped the news.
		this.#ask();
	}

	#dropHistory(): void {
		if (this.#wanted === null) return;
		this.#wanted = null;
		this.#options.onHistory([]);
	}
}
