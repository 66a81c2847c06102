import type {Server, Socket} from 'socket.io';
import type {ClientToServer, Hello, SaidRow, ServerToClient} from './events.ts';

export type ClientServer = Server<ClientToServer, ServerToClient>;
export type ClientSocket = Socket<ClientToServer, ServerToClient>;
/** The engine's connection below the socket. */
export type Wire = ClientSocket['conn'];

/**
 * How much may wait to be sent on one connection. Above the soft limits it is
 * slow: it gets nothing that it did not ask for until all has gone out. Above
 * the hard ones, or when nothing goes out for `stallMs`, it is cut.
 */
export type QueueLimits = {
	readonly softPackets: number;
	readonly softBytes: number;
	readonly hardPackets: number;
	readonly hardBytes: number;
	readonly stallMs: number;
};

/** How long a closed connection may take to say goodbye. */
const farewellMs = 1000;

/**
 * One connection of a client, monitor or administrator, and how much waits to
 * be sent on it. Only the engine's own buffer tells that: the socket below it
 * looks empty while a reader that does not read makes megabytes pile up above.
 */
export class Connection {
	/** Null until its hello was believed. */
	role: Exclude<Hello['role'], 'replica'> | null = null;
	readonly nonce: string;
	/** Since it was opened, as far as this process was awake to see it. */
	ageMs = 0;
	/** How often it made no sense. */
	strikes = 0;
	/** The clients it may speak for, in the order in which it said their secrets; and the number of each, its last. */
	readonly clients: string[] = [];
	readonly numbers = new Map<string, number>();
	/** How many of its requests are not answered yet. */
	waiting = 0;
	/** Answers that are being gathered for it. */
	said: SaidRow[] = [];
	/** An order of it is being carried out. */
	isOrdering = false;
	/** Nothing goes in or out any more. */
	isClosed = false;

	readonly socket: ClientSocket;
	readonly #limits: QueueLimits;
	/** Packets and bytes in the engine's buffer, and bytes of the packets that it gave to the socket last and that are not all out. */
	#queuedPackets = 0;
	#queuedBytes = 0;
	#flyingBytes = 0;
	/** How long there were packets in the buffer and none went out. */
	#stalledMs = 0;
	#onDrained: (() => void) | undefined;

	constructor(socket: ClientSocket, nonce: string, limits: QueueLimits) {
		this.socket = socket;
		this.nonce = nonce;
		this.#limits = limits;
		const {conn} = socket;
		conn.on('packetCreate', ({data}: {data?: unknown}) => this.#onQueued(data));
		conn.on('flush', () => this.#onFlushed());
		conn.transport.on('drain', () => this.#onSent());
		socket.on('disconnect', () => {
			this.isClosed = true;
		});
	}

	/** More waits than a reader that reads lets wait. */
	get isSlow(): boolean {
		const {softBytes, softPackets} = this.#limits;
		return this.#queuedBytes + this.#flyingBytes > softBytes || this.#queuedPackets > softPackets;
	}

	/** Once all has gone out. The last one who asks is called. */
	whenDrained(then: () => void): void {
		this.#onDrained = then;
	}

	/** Says why, and closes. */
	refuse(why: string): void {
		if (this.isClosed) return;
		this.socket.emit('refused', why);
		this.isClosed = true;
		this.socket.disconnect(true);
		void bury(this.socket.conn);
	}

	/** Closes without a word and throws away what waits: there is nobody who would read it. */
	cut(): void {
		this.isClosed = true;
		this.socket.conn.request.socket.destroy();
	}

	/** Time has passed. It is told, not looked up, as nobody else is late when it was this process that slept. */
	pass(elapsedMs: number): void {
		this.ageMs += elapsedMs;
		this.#stalledMs = this.#queuedPackets > 0 ? this.#stalledMs + elapsedMs : 0;
		if (this.#stalledMs > this.#limits.stallMs) this.cut();
	}

	#onQueued(data: unknown): void {
		this.#queuedPackets++;
		if (typeof data === 'string') this.#queuedBytes += data.length;
		const {hardBytes, hardPackets} = this.#limits;
		if (this.#queuedBytes + this.#flyingBytes > hardBytes || this.#queuedPackets > hardPackets) this.cut();
	}

	#onFlushed(): void {
		this.#flyingBytes = this.#queuedBytes;
		this.#queuedBytes = 0;
		this.#queuedPackets = 0;
		this.#stalledMs = 0;
	}

	#onSent(): void {
		this.#flyingBytes = 0;
		if (this.#queuedPackets > 0 || this.#onDrained === undefined) return;
		const then = this.#onDrained;
		this.#onDrained = undefined;
		then();
	}
}

/** Ends a connection that may not end by itself: a WebSocket would wait half a minute for the other side's goodbye. */
export function bury({request: {socket}}: Wire): Promise<void> {
	if (socket.destroyed) return Promise.resolve();
	return new Promise(resolve => {
		const timer = setTimeout(() => socket.destroy(), farewellMs);
		socket.once('close', () => {
			clearTimeout(timer);
			resolve();
		});
	});
}
