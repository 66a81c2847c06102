/**
 * What the outside said, as plain snapshots that never change: `getSnapshot`
 * gives the same object until the listeners are told of a newer one. The two
 * functions are bound, as React's useSyncExternalStore takes them.
 */
export abstract class Store<Snapshot> {
	readonly #listeners = new Set<() => void>();
	#snapshot: Snapshot | undefined;
	#isStale = true;
	#isAnnounced = false;
	#toldAt = Number.NEGATIVE_INFINITY;
	#timer: NodeJS.Timeout | undefined;

	readonly getSnapshot = (): Snapshot => {
		// With nobody listening nothing is built until somebody looks: a store that is only filled costs nothing.
		if (this.#snapshot === undefined || (this.#isStale && this.#listeners.size === 0)) this.#rebuild();
		return this.#snapshot as Snapshot;
	};

	/** Calls back after every change; returns the function that ends it. */
	readonly subscribe = (listener: () => void): (() => void) => {
		this.getSnapshot();
		this.#listeners.add(listener);
		return () => {
			this.#listeners.delete(listener);
			if (this.#listeners.size === 0) this.#stopTimer();
		};
	};

	/** Made of what the store knows now. */
	protected abstract build(): Snapshot;

	/** Data changed: listeners hear of it soon, at most ten times a second. */
	protected changed(): void {
		this.#isStale = true;
		if (this.#listeners.size === 0 || this.#timer !== undefined || this.#isAnnounced) return;
		const wait = Math.max(0, this.#toldAt + tellEveryMs - performance.now());
		this.#timer = setTimeout(this.#tell, wait);
		this.#timer.unref();
	}

	/** Data changed in what is no news to listeners: whoever looks without listening sees it. */
	protected aged(): void {
		this.#isStale = true;
	}

	/** The user's own action: listeners hear of it at the end of this turn, once for all that it did. */
	protected acted(): void {
		this.#isStale = true;
		if (this.#listeners.size === 0 || this.#isAnnounced) return;
		this.#isAnnounced = true;
		queueMicrotask(this.#tell);
	}

	readonly #tell = (): void => {
		this.#stopTimer();
		this.#isAnnounced = false;
		if (!this.#isStale) return;
		this.#toldAt = performance.now();
		this.#rebuild();
		for (const listener of this.#listeners) listener();
	};

	#rebuild(): void {
		this.#isStale = false;
		this.#snapshot = this.build();
	}

	#stopTimer(): void {
		clearTimeout(this.#timer);
		this.#timer = undefined;
	}
}

const tellEveryMs = 100;
