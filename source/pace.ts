/** The first page of a series. So little hardly delays anything, whatever the line. */
const leastBytes = 2048;
const mostBytes = 262_144;
/** So long a page may keep the line busy: a beat that waits behind it comes late by half of the time to the next. In milliseconds. */
const lineMs = 50;
/**
 * The speed of the line is that of the fastest of so many pages: what slowed the others down was something else.
 * Where the way takes 20 ms and, at random, some 200 ms more, as on a machine with far too much to do, half as many
 * pages made a transfer half as fast.
 */
const fewPages = 8;
/** What is asked for again is under way for so long, and each time that it is sent for twice as long, up to a bound. In milliseconds. */
const leastWaitMs = 200;
const mostWaitMs = 5000;

/**
 * How much of what a peer is behind it is sent at a time. Heartbeats, and what
 * it votes on, go over the same line and wait behind each page, and what waits
 * on that line nobody here can see: the system takes more than a slow line
 * carries in seconds. But whoever is behind asks for one page after the other,
 * and the time from a page to the next question tells what the line bears. So
 * a series of pages begins with a small one, and the others are as large as
 * the line carries in a moment: a fast one soon has the largest.
 */
export class Pace {
	#bytes = leastBytes;
	/** The page that was sent last: from where to before where, and how much that was. */
	#first = 0;
	#next = 0;
	#sentBytes = 0;
	#sentAt = Number.NEGATIVE_INFINITY;
	/** The next question follows it at once. */
	#hasMore = false;
	/** For how long it is under way at least. */
	#waitMs = leastWaitMs;
	/** There and back, however little is sent. */
	#wayMs = Number.POSITIVE_INFINITY;
	/** Bytes in a millisecond, of the last few pages. */
	#speeds: number[] = [];

	/** How much a peer gets that asks for what begins here; nothing, if that is under way. */
	bytesFor(first: number, now: number): number {
		const tookMs = Math.max(1, now - this.#sentAt);
		const isAgain = first >= this.#first && first < this.#next;
		if (isAgain && tookMs < this.#waitMs) return 0;
		if (first === this.#next && this.#hasMore) this.#measure(tookMs);
		else this.#begin();
		// It was lost, or the line is slower than all that is known of it.
		this.#waitMs = isAgain ? Math.min(2 * this.#waitMs, mostWaitMs) : leastWaitMs;
		return this.#bytes;
	}

	/** A page was sent; if it has more behind it, the peer asks for that as soon as this one is there. */
	sent(first: number, next: number, bytes: number, hasMore: boolean, now: number): void {
		this.#first = first;
		this.#next = next;
		this.#sentBytes = bytes;
		this.#hasMore = hasMore;
		this.#sentAt = now;
		if (this.#speeds.length > 0) this.#waitMs += this.#wayMs + bytes / this.#speed;
	}

	get #speed(): number {
		return Math.max(...this.#speeds);
	}

	#begin(): void {
		this.#bytes = leastBytes;
		this.#wayMs = Number.POSITIVE_INFINITY;
		this.#speeds = [];
	}

	#measure(tookMs: number): void {
		// The least tells how long the way is now, also if it has become longer.
		this.#wayMs = this.#bytes === leastBytes ? tookMs : Math.min(this.#wayMs, tookMs);
		this.#speeds = [...this.#speeds, this.#sentBytes / tookMs].slice(-fewPages);
		const carried = this.#speed * (this.#wayMs + lineMs);
		// On a long way a small page tells little of the speed: what took no longer than a smaller one may be larger.
		const isQuick = tookMs < this.#wayMs + lineMs / 2;
		const bytes = isQuick ? Math.max(carried, 2 * this.#bytes) : carried;
		this.#bytes = Math.floor(Math.min(Math.max(bytes, leastBytes), mostBytes));
	}
}
