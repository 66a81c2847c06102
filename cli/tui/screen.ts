import type {ClientSnapshot} from '../../source/client/client-store.ts';
import type {MonitorSnapshot} from '../../source/client/monitor-store.ts';
import {draw, type Frame} from './draw.ts';
import type {Effect, Event, Model} from './model.ts';
import {type Row, textOf} from './rows.ts';
import {update} from './update/update.ts';
import type {About, World} from './world.ts';

/** What a store of the client or the monitor is for the screen. */
export type Source<Snapshot> = {
	readonly getSnapshot: () => Snapshot;
	readonly subscribe: (listener: () => void) => () => void;
};

export type ScreenParts = {
	readonly client: Source<ClientSnapshot>;
	readonly monitor: Source<MonitorSnapshot>;
	readonly about: About;
	readonly model: Model;
	readonly size: () => {readonly columns: number; readonly rows: number};
	/** Does what the screen wants done. */
	readonly perform: (effect: Effect) => void;
	/** A bug of ours: the screen cannot go on. It is thrown, if nobody wants to know. */
	readonly fail?: (error: unknown) => void;
	readonly now?: () => number;
};

/**
 * Joins what the fingers did with what the cluster said into one picture. A
 * new picture is made whenever something happened, and shown only if it is a
 * different one: an idle screen costs nothing.
 */
export class Screen {
	readonly #parts: ScreenParts;
	readonly #now: () => number;
	readonly #listeners = new Set<() => void>();
	readonly #ends: ReadonlyArray<() => void>;
	readonly #clock: NodeJS.Timeout;
	#timer: NodeJS.Timeout | undefined;
	#newsAt = Number.NEGATIVE_INFINITY;
	#model: Model;
	#frame: Frame;
	#about: About;
	#pending: ClientSnapshot['pending'] = [];

	constructor(parts: ScreenParts) {
		this.#parts = parts;
		this.#now = parts.now ?? Date.now;
		this.#about = parts.about;
		this.#model = parts.model;
		this.#frame = draw(this.#model, this.#world());
		this.#ends = [parts.client.subscribe(this.#onClientNews), parts.monitor.subscribe(this.#onNews)];
		// Ages are told in seconds.
		this.#clock = setInterval(() => this.dispatch({type: 'news'}), 1000);
		this.#clock.unref();
	}

	get model(): Model {
		return this.#model;
	}

	readonly getFrame = (): Frame => this.#frame;

	/** Calls back when there is another picture; returns the function that ends it. */
	readonly subscribe = (listener: () => void): (() => void) => {
		this.#listeners.add(listener);
		return () => this.#listeners.delete(listener);
	};

	dispatch(event: Event): void {
		this.#guard(() => {
			const {model, effects} = update(this.#model, event, this.#world());
			this.#model = model;
			for (const effect of effects) this.#parts.perform(effect);
			this.#redraw();
		});
	}

	/** Something about the screen itself became known later. */
	learn(about: Partial<About>): void {
		this.#about = {...this.#about, ...about};
		this.refresh();
	}

	/** The window may have another size. */
	refresh(): void {
		this.#guard(() => this.#redraw());
	}

	close(): void {
		for (const end of this.#ends) end();
		clearInterval(this.#clock);
		clearTimeout(this.#timer);
	}

	#redraw(): void {
		const frame = draw(this.#model, this.#world());
		if (isSame(frame, this.#frame)) return;
		// Rows that are the same stay the same objects, so that they are not laid out again.
		const rows = frame.rows.map((row, index) => {
			const before = this.#frame.rows[index];
			return before !== undefined && isSameRow(row, before) ? before : row;
		});
		this.#frame = {...frame, rows};
		for (const listener of this.#listeners) listener();
	}

	/** Events come from timers and streams: what is thrown there would end the process in the middle of a picture. */
	#guard(work: () => void): void {
		const {fail} = this.#parts;
		try {
			work();
		} catch (error) {
			if (fail === undefined) throw error;
			fail(error);
		}
	}

	readonly #onNews = (): void => {
		if (this.#timer !== undefined) return;
		const wait = Math.max(0, this.#newsAt + 1000 / this.#model.hz - performance.now());
		this.#timer = setTimeout(() => {
			this.#timer = undefined;
			this.#newsAt = performance.now();
			this.dispatch({type: 'news'});
		}, wait);
	};

	/** What became of one's own message is seen at once; what others do can wait a moment. */
	readonly #onClientNews = (): void => {
		const {pending} = this.#parts.client.getSnapshot();
		const isOwn = pending.length !== this.#pending.length || pending.at(-1) !== this.#pending.at(-1);
		this.#pending = pending;
		if (isOwn) this.dispatch({type: 'news'});
		else this.#onNews();
	};

	#world(): World {
		const {client, monitor, size} = this.#parts;
		return {
			client: client.getSnapshot(),
			monitor: monitor.getSnapshot(),
			about: {...this.#about, isAscii: this.#model.isAscii ?? this.#about.isAscii},
			...size(),
			now: this.#now(),
		};
	}
}

function isSame(one: Frame, other: Frame): boolean {
	return (
		one.columns === other.columns &&
		one.theme === other.theme &&
		one.rows.length === other.rows.length &&
		one.cursor?.x === other.cursor?.x &&
		one.cursor?.y === other.cursor?.y &&
		one.rows.every((row, index) => isSameRow(row, other.rows[index]!))
	);
}

const isSameRow = (one: Row, other: Row): boolean =>
	one.length === other.length &&
	one.every((span, index) => span.text === other[index]!.text && span.tone === other[index]!.tone);

/** The picture as text, for tests and documentation. */
export const pictureOf = ({rows}: Frame): string => rows.map(row => textOf(row).trimEnd()).join('\n');
