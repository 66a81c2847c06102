type Event = {readonly at: number; readonly order: number; readonly run: () => void};

const isBefore = (a: Event, b: Event) => a.at < b.at || (a.at === b.at && a.order < b.order);

/**
 * Virtual time: what is to happen, and when. A binary heap; what falls on the
 * same moment happens in the order in which it was announced, so that a seed
 * always tells the same story.
 */
export class Events {
	/** In units; a tick of a replica takes about ten of them. */
	now = 0;
	/** How many things have happened. */
	count = 0;
	#announced = 0;
	readonly #heap: Event[] = [];

	later(delay: number, run: () => void): void {
		const event = {at: this.now + delay, order: this.#announced++, run};
		const heap = this.#heap;
		let at = heap.length;
		while (at > 0) {
			const parent = (at - 1) >> 1;
			if (!isBefore(event, heap[parent]!)) break;
			heap[at] = heap[parent]!;
			at = parent;
		}

		heap[at] = event;
	}

	/** Lets the next thing happen, if it does so until then. */
	step(until: number): boolean {
		const event = this.#heap[0];
		if (!event || event.at > until) return false;
		this.#removeFirst();
		this.now = event.at;
		this.count++;
		event.run();
		return true;
	}

	#removeFirst(): void {
		const heap = this.#heap;
		const last = heap.pop()!;
		if (heap.length === 0) return;
		let at = 0;
		for (;;) {
			let child = 2 * at + 1;
			if (child >= heap.length) break;
			if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++;
			if (!isBefore(heap[child]!, last)) break;
			heap[at] = heap[child]!;
			at = child;
		}

		heap[at] = last;
	}
}
