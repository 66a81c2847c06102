import type {Line} from '../chat/types.ts';
import {linesOf} from './client-wire.ts';
import type {ClientServer, Connection} from './connection.ts';

export type FeedLimits = {
	/** Of a page of history. */
	readonly pageLines: number;
	/** Of a page of history, and of a broadcast: about. A single line may be larger. */
	readonly pageBytes: number;
	/** Pages that are read from disk at the same time. */
	readonly reads: number;
};

export type FeedOptions = {
	readonly server: ClientServer;
	/** Lines after this position, from disk, at most `limit`; none if the log does not reach so far yet. */
	readonly read: (after: number, limit: number) => Promise<readonly Line[]>;
	/** The last line of the log when the first follower comes. */
	readonly position: () => number;
	readonly onError: (error: unknown) => void;
	readonly limits: FeedLimits;
};

type Follower = {
	readonly connection: Connection;
	/** It has all lines up to here. While it is live: up to here or to what was published, whichever is more. */
	after: number;
	/** In the room `chat`. */
	isLive: boolean;
	/** A page is being read for it. */
	isReading: boolean;
	/** How often it changed its mind, so that a page is handed out only to who still wants it. */
	turn: number;
};

const room = 'chat';

/**
 * The lines of the chat, to everybody who follows it. There is one mark: up to
 * where lines were published, and the room holds exactly those who have
 * everything up to the mark. Published lines go to the room and move the mark,
 * in one step. A follower that lacks lines below the mark gets pages from disk,
 * cut off at the mark, and enters the room in the step in which its page
 * reaches it. So nobody misses a line and nobody gets one twice, however
 * reading and publishing interleave.
 */
export class Feed {
	readonly #options: FeedOptions;
	readonly #followers = new Map<Connection, Follower>();
	/** Undefined until the first follower or line. */
	#published: number | undefined;
	/** Followers that want a page, in the order in which they came. */
	readonly #queue = new Set<Follower>();
	#reads = 0;
	/** Followers whose lines could not be read yet: the log is being written. */
	readonly #early = new Set<Follower>();

	constructor(options: FeedOptions) {
		this.#options = options;
	}

	/**
	 * This connection has all lines up to `after` and wants the next. A page that
	 * does not reach the mark is all it gets until it asks again: whoever reads
	 * slowly asks slowly. One that is ahead of this replica waits in the room.
	 */
	follow(connection: Connection, after: number): void {
		this.#published ??= this.#options.position();
		const follower = this.#followers.get(connection) ?? {
			connection,
			after,
			isLive: false,
			isReading: false,
			turn: 0,
		};
		this.#followers.set(connection, follower);
		this.#leave(follower);
		follower.after = after;
		this.#want(follower);
	}

	/** The next lines of the log. They are on disk, so that whoever is sent to the log finds them there. */
	publish(lines: readonly Line[]): void {
		if (lines.length === 0) return;
		this.#published ??= lines[0]!.position - 1;
		const next = this.#published + 1;
		const fresh = lines[0]!.position < next ? lines.filter(({position}) => position >= next) : lines;
		if (fresh.length === 0) return;
		// The log grew by lines that were never published, as it does when a replica is given what it missed.
		// Nor is there anything to do for nobody.
		if (fresh[0]!.position > next || this.#followers.size === 0) this.#jump(fresh.at(-1)!.position);
		else for (const page of pages(fresh, this.#options.limits.pageBytes)) this.#broadcast(page);
		this.retry();
	}

	/** Once more for those who could not be served. To be called now and then. */
	retry(): void {
		const early = [...this.#early];
		this.#early.clear();
		for (const follower of early) this.#want(follower);
	}

	leave(connection: Connection): void {
		const follower = this.#followers.get(connection);
		if (!follower) return;
		this.#followers.delete(connection);
		this.#queue.delete(follower);
		this.#early.delete(follower);
	}

	#broadcast(lines: readonly Line[]): void {
		let isHeard = false;
		for (const follower of this.#followers.values()) {
			if (!follower.isLive) continue;
			if (!follower.connection.isSlow) isHeard = true;
			else {
				this.#leave(follower);
				this.#want(follower);
			}
		}

		if (isHeard) this.#options.server.to(room).emit('lines', linesOf(lines, true));
		this.#published = lines.at(-1)!.position;
	}

	#jump(position: number): void {
		const lacking: Follower[] = [];
		for (const follower of this.#followers.values()) {
			if (!follower.isLive) continue;
			this.#leave(follower);
			lacking.push(follower);
		}

		this.#published = position;
		for (const follower of lacking) this.#want(follower);
	}

	/** Not in the room any more: from now on `after` alone says what it has. */
	#leave(follower: Follower): void {
		if (!follower.isLive) return;
		follower.isLive = false;
		follower.after = Math.max(follower.after, this.#published!);
		void follower.connection.socket.leave(room);
	}

	/** A page for this follower, as soon as it has taken what waits for it and a read is free. */
	#want(follower: Follower): void {
		const {connection} = follower;
		const turn = ++follower.turn;
		if (connection.isSlow) {
			connection.whenDrained(() => {
				if (this.#awaits(follower, turn)) this.#enqueue(follower);
			});
		} else this.#enqueue(follower);
	}

	#awaits(follower: Follower, turn: number): boolean {
		return this.#followers.get(follower.connection) === follower && follower.turn === turn;
	}

	#enqueue(follower: Follower): void {
		this.#queue.add(follower);
		this.#serve();
	}

	#serve(): void {
		for (const follower of this.#queue) {
			if (this.#reads >= this.#options.limits.reads) return;
			// One page at a time, however often it asks.
			if (follower.isReading) continue;
			this.#queue.delete(follower);
			if (follower.after >= this.#published!) this.#hand(follower, []);
			else void this.#read(follower);
		}
	}

	async #read(follower: Follower): Promise<void> {
		const {after, turn} = follower;
		follower.isReading = true;
		this.#reads++;
		try {
			const lines = await this.#options.read(after, this.#options.limits.pageLines);
			if (this.#awaits(follower, turn)) this.#hand(follower, this.#page(after, lines));
		} catch (error) {
			follower.connection.refuse('this replica cannot read its log');
			this.#options.onError(error);
		} finally {
			this.#reads--;
			follower.isReading = false;
			this.#serve();
		}
	}

	/** The lines that follow `after`, up to the mark and to the size of a page. */
	#page(after: number, lines: readonly Line[]): readonly Line[] {
		const until = lines.findIndex(
			({position}, index) => position !== after + 1 + index || position > this.#published!,
		);
		const wanted = until === -1 ? lines : lines.slice(0, until);
		return pages(wanted, this.#options.limits.pageBytes).next().value ?? [];
	}

	#hand(follower: Follower, lines: readonly Line[]): void {
		const {connection} = follower;
		follower.after = lines.at(-1)?.position ?? follower.after;
		follower.isLive = follower.after >= this.#published!;
		if (follower.isLive) void connection.socket.join(room);
		else if (lines.length === 0) {
			this.#early.add(follower);
			return;
		}

		connection.socket.emit('lines', linesOf(lines, follower.isLive));
	}
}

/** The lines in pieces of about so many bytes. */
function* pages(lines: readonly Line[], pageBytes: number): Generator<readonly Line[], void> {
	let start = 0;
	let bytes = 0;
	for (let index = 0; index < lines.length; index++) {
		const size = sizeOf(lines[index]!);
		if (index > start && bytes + size > pageBytes) {
			yield lines.slice(start, index);
			start = index;
			bytes = 0;
		}

		bytes += size;
	}

	if (start < lines.length) yield start === 0 ? lines : lines.slice(start);
}

/** About as many bytes as a line takes on the wire. */
const sizeOf = ({text}: Line): number => 180 + text.length;
