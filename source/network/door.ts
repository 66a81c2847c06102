import type {Server as HttpServer, IncomingMessage} from 'node:http';
import type {Duplex} from 'node:stream';
import {type BroadcastOperator, Server} from 'socket.io';
import type {Answer, Line} from '../chat/types.ts';
import type {ReplicaId, Request, Slot} from '../consensus/types.ts';
import {clientOf, type Handshake, isProof, newNonce, proofOf} from './auth.ts';
import {
	type GuestHello,
	readEnter,
	readFollow,
	readHashOf,
	readHello,
	readOrder,
	readSay,
	refusalOf,
	saidRow,
	turnedAway,
} from './client-wire.ts';
import {
	bury,
	type ClientServer,
	type ClientSocket,
	Connection,
	type QueueLimits,
	type Wire,
} from './connection.ts';
import {
	type Done,
	type Enter,
	type Hash,
	type Identity,
	type Order,
	paths,
	protocolVersion,
	type ServerToClient,
	type StampedNote,
	type Status,
	type TurnedAway,
	type Weather,
} from './events.ts';
import {Feed, type FeedLimits} from './feed.ts';
import {Speakers} from './speakers.ts';

/** What the door takes to the rest of its replica. None of these may throw for what a client said: that would be a bug. */
export type Handlers = {
	/** Requests that may go into the log: well-formed, of clients that proved who they are. */
	readonly say: (requests: readonly Request[]) => void;
	/** Lines after a position, from disk, at most `limit`; none if the log does not reach so far yet. */
	readonly read: (after: number, limit: number) => Promise<readonly Line[]>;
	/** Of the last line in the log; asked when the first follower comes. */
	readonly position: () => number;
	readonly hash: (slot: Slot) => Hash;
	readonly order: (order: Order) => Promise<Done>;
	readonly weather: () => Weather;
	/** For a monitor that has just come: the next ones follow when something has changed. */
	readonly status: () => Status;
	/** A handler failed, which is a bug of ours or the end of a disk. */
	readonly failed: (error: unknown) => void;
};

export type Limits = QueueLimits &
	FeedLimits & {
		/** Size of a packet from outside. */
		readonly packetBytes: number;
		/** From the connection to the hello. */
		readonly helloMs: number;
		/** Events that make no sense before the connection is cut. */
		readonly strikes: number;
		/** Clients that one connection may speak for, and that all may. */
		readonly clients: number;
		readonly allClients: number;
		/** Requests of one connection that are not answered yet. */
		readonly requests: number;
		/** How often slow and silent connections are looked for. */
		readonly sweepMs: number;
	};

export const doorLimits: Limits = {
	packetBytes: 1_048_576,
	helloMs: 5000,
	strikes: 10,
	clients: 4096,
	allClients: 65_536,
	requests: 8192,
	sweepMs: 1000,
	softPackets: 256,
	softBytes: 1_048_576,
	hardPackets: 1000,
	hardBytes: 4_194_304,
	stallMs: 10_000,
	pageLines: 200,
	pageBytes: 262_144,
	reads: 16,
};

export type DoorOptions = {
	readonly id: ReplicaId;
	readonly identity: Identity;
	/** Of the cluster: what administrators prove to know. */
	readonly secret: Buffer;
	/** Whether orders of administrators are taken. */
	readonly hasFaults: boolean;
	/** It may carry other things under other paths. */
	readonly httpServer: HttpServer;
	/** Clients and monitors that are let in. */
	readonly connections: number;
	readonly handlers: Handlers;
	readonly limits?: Partial<Limits>;
};

const keptNotes = 100;

/** Kept free for administrators, and for telling the others that there is no room. */
const spareConnections = 16;

/**
 * The door of a replica for clients, monitors and administrators: who may come
 * in, what they may say, and what they hear. Whatever comes through it may be
 * the work of a stranger. It is taken apart by `client-wire.ts`, it cannot make
 * anything here throw, and all that a stranger can make grow has a bound.
 */
export class Door {
	readonly #options: DoorOptions;
	readonly #handlers: Handlers;
	readonly #limits: Limits;
	readonly #server: ClientServer;
	readonly #connections = new Map<Wire, Connection>();
	/** All that is open, also what has not come as far as being a connection. */
	readonly #wires = new Set<Wire>();
	readonly #speakers = new Speakers();
	readonly #feed: Feed;
	/** Every event that is listened to: from whom, in which form, and what comes of it. */
	readonly #listeners = new Map<unknown, Listener>([
		['hello', listener([null], readHello, (connection, hello) => this.#onHello(connection, hello))],
		['enter', listener(['client'], readEnter, (connection, enter) => this.#onEnter(connection, enter))],
		[
			'say',
			listener(
				['client'],
				(say, {clients}) => readSay(say, clients),
				(connection, say) => this.#onSay(connection, say),
			),
		],
		[
			'follow',
			listener(['client'], readFollow, (connection, {after}) => this.#feed.follow(connection, after)),
		],
		[
			'hash',
			listener(
				everybody,
				readHashOf,
				({socket}, {slot}) => void socket.emit('hash', this.#handlers.hash(slot)),
			),
		],
		['order', listener(everybody, readOrder, (connection, order) => void this.#onOrder(connection, order))],
	]);
	readonly #sweeper: NodeJS.Timeout;
	/** Clients and monitors that were let in. */
	#guests = 0;
	#clients = 0;
	/** What happened last: told to monitors that come later. */
	#story: readonly StampedNote[] = [];
	/** The last that was told, and the last that was heard of. */
	#toldWeather: Weather | undefined;
	#weather: Weather | undefined;
	#isClosed = false;

	constructor(options: DoorOptions) {
		this.#options = options;
		this.#handlers = options.handlers;
		this.#limits = {...doorLimits, ...options.limits};
		this.#server = new Server(options.httpServer, {
			path: paths.clients,
			// The peers have an engine of their own on this port.
			destroyUpgrade: false,
			transports: ['websocket'],
			allowUpgrades: false,
			serveClient: false,
			maxHttpBufferSize: this.#limits.packetBytes,
			connectTimeout: this.#limits.helloMs,
			pingInterval: 5000,
			pingTimeout: 5000,
			perMessageDeflate: false,
			httpCompression: false,
			allowRequest: (request, decide) => {
				const why = this.#objectionTo(request);
				decide(why, why === undefined);
			},
		});
		this.#feed = new Feed({
			server: this.#server,
			read: (after, limit) => this.#handlers.read(after, limit),
			position: () => this.#handlers.position(),
			onError: error => this.#handlers.failed(error),
			limits: this.#limits,
		});
		this.#guard(options.httpServer);
		this.#server.on('connection', socket => this.#onConnection(socket));
		this.#sweeper = setInterval(() => this.#sweep(), this.#limits.sweepMs).unref();
	}

	/** Clients that are connected; monitors and administrators do not count. */
	get clients(): number {
		return this.#clients;
	}

	/** To the connections whose clients they name: one `said` to each, with all that is for it. */
	answer(answers: ReadonlyArray<Answer | TurnedAway>): void {
		this.#speakers.answer(answers);
	}

	/** Lines that were just executed, in order, and stand in the log on disk. */
	publish(lines: readonly Line[]): void {
		if (!this.#isClosed) this.#feed.publish(lines);
	}

	/** To clients: at once if it turned, now and then if only the log grew. */
	weather(weather: Weather): void {
		this.#weather = weather;
		if (hasTurned(this.#toldWeather, weather)) this.#tellWeather(weather);
	}

	/** To monitors. The next one says it better, so who does not keep up does not get it. */
	status(status: Status): void {
		this.#attentiveMonitors().emit('status', status);
	}

	/** To monitors that keep up. */
	notes(notes: readonly StampedNote[]): void {
		if (notes.length === 0) return;
		this.#story = [...this.#story, ...notes].slice(-keptNotes);
		this.#attentiveMonitors().emit('notes', notes);
	}

	/** Says nothing more and hangs up. Whoever comes from now on is sent away. */
	async close(): Promise<void> {
		this.#isClosed = true;
		clearInterval(this.#sweeper);
		await Promise.all(
			Array.from(this.#wires, wire => {
				wire.close(true);
				return bury(wire);
			}),
		);
	}

	/** What the engine lets through and we do not. */
	#guard(httpServer: HttpServer): void {
		const {engine} = this.#server;
		// With the name of an open connection the engine would let in a second one in its place, and not ask us.
		engine.use(({_query: query}: Queried, _response: unknown, next: (error?: Error) => void) => {
			next('sid' in query ? new Error('no upgrades') : undefined);
		});
		engine.on('connection', (wire: Wire) => {
			this.#wires.add(wire);
			// Nothing of ours is binary, and unfinished binary packets could pile up for as long as the connection lives.
			wire.on('packet', ({data}: {data?: unknown}) => {
				if (data !== undefined && typeof data !== 'string') wire.request.socket.destroy();
			});
			wire.once('close', () => {
				this.#wires.delete(wire);
				void bury(wire);
			});
		});
		// Two engines look away from each other's paths, so nobody would answer to any other: it would stay open.
		httpServer.on('upgrade', ({url = ''}: IncomingMessage, socket: Duplex) => {
			if (!Object.values(paths).some(path => url.startsWith(path))) socket.destroy();
		});
	}

	#objectionTo(request: IncomingMessage): string | undefined {
		if (this.#isClosed) return 'this replica is stopping';
		// A page of the web could otherwise drive the cluster of whoever looks at it. Our clients send no origin.
		if (request.headers.origin !== undefined) return 'web pages may not connect';
		if (this.#server.engine.clientsCount >= this.#options.connections + spareConnections) return this.#full;
		return undefined;
	}

	get #full(): string {
		return `replica ${this.#options.id} has all the ${this.#options.connections} connections it takes: try another`;
	}

	#onConnection(socket: ClientSocket): void {
		if (this.#isClosed || this.#connections.has(socket.conn)) {
			socket.disconnect(true);
			return;
		}

		// It may be as large as a packet, and would be kept as long as the connection.
		socket.handshake.auth = {};
		const connection = new Connection(socket, newNonce(), this.#limits);
		this.#connections.set(socket.conn, connection);
		socket.on('disconnect', () => this.#onDisconnect(connection));
		// Every event ends here, known or not: it is not passed on to listeners.
		socket.use(([event, payload]: readonly unknown[]) => this.#receive(connection, event, payload));
		const {id, identity} = this.#options;
		socket.emit('challenge', {...identity, version: protocolVersion, id, nonce: connection.nonce});
	}

	#onDisconnect(connection: Connection): void {
		const {role, socket} = connection;
		this.#connections.delete(socket.conn);
		this.#feed.leave(connection);
		this.#speakers.leave(connection);
		if (role === 'client') this.#clients--;
		if (role === 'client' || role === 'monitor') this.#guests--;
		// Whoever left may not come back by the same connection: each has one life.
		socket.conn.close();
	}

	#receive(connection: Connection, event: unknown, payload: unknown): void {
		if (connection.isClosed || this.#isClosed) return;
		try {
			const listener = this.#listeners.get(event);
			const flaw = listener ? listener(connection, payload) : 'an unknown event';
			if (flaw !== undefined) this.#strike(connection, flaw);
		} catch (error) {
			this.#fail(connection, error);
		}
	}

	#onHello(connection: Connection, hello: GuestHello): void {
		const why = this.#objectionToHello(connection, hello);
		if (why !== undefined || hello.role === 'replica') {
			connection.refuse(why ?? `replicas connect to ${paths.peers}`);
			return;
		}

		const {role} = hello;
		const {hasFaults, id, secret} = this.#options;
		const {socket} = connection;
		connection.role = role;
		if (role === 'client') this.#clients++;
		if (role === 'administrator') {
			const proof = proofOf(secret, 'server', this.#handshake(connection, hello.nonce));
			socket.emit('welcome', {id, proof, weather: this.#handlers.weather(), hasFaults});
			return;
		}

		this.#guests++;
		void socket.join(role === 'client' ? 'clients' : 'monitors');
		socket.emit('welcome', {id, proof: null, weather: this.#handlers.weather(), hasFaults});
		if (role !== 'monitor') return;
		socket.emit('status', this.#handlers.status());
		if (this.#story.length > 0) socket.emit('notes', this.#story);
	}

	#objectionToHello(connection: Connection, hello: GuestHello): string | undefined {
		const {connections, id, secret} = this.#options;
		if (hello.version !== protocolVersion)
			return `replica ${id} speaks version ${protocolVersion} and you ${hello.version}: update the older one`;
		if (hello.role === 'administrator') {
			const handshake = this.#handshake(connection, hello.nonce);
			return isProof(hello.proof, secret, 'dialer', handshake)
				? undefined
				: `the proof is wrong: the secret is not that of replica ${id}`;
		}

		return this.#guests < connections ? undefined : this.#full;
	}

	#handshake(connection: Connection, dialerNonce: string): Handshake {
		const {id, identity} = this.#options;
		return {
			...identity,
			role: 'administrator',
			server: id,
			serverNonce: connection.nonce,
			dialer: null,
			dialerNonce,
		};
	}

	#onEnter(connection: Connection, {secrets}: Enter): void {
		const {clients, allClients} = this.#limits;
		// All secrets count, also one that was said before: each costs a hash.
		if (connection.clients.length + secrets.length > clients)
			connection.refuse(`a connection speaks for at most ${clients} clients`);
		else if (this.#speakers.size + secrets.length > allClients)
			connection.refuse(`replica ${this.#options.id} speaks for too many clients: try another`);
		else for (const secret of secrets) this.#speakers.enter(connection, clientOf(secret));
	}

	#onSay(connection: Connection, say: readonly Request[]): void {
		const fit: Request[] = [];
		const unfit: TurnedAway[] = [];
		for (const request of say) {
			const why = refusalOf(request);
			if (why !== undefined) unfit.push(turnedAway(request, 'refused', why));
			else if (this.#speakers.open(connection, request, this.#limits.requests)) fit.push(request);
			else unfit.push(turnedAway(request, 'busy', 'too many requests of this connection wait already'));
		}

		if (fit.length > 0) this.#handlers.say(fit);
		if (unfit.length === 0) return;
		const {numbers, socket} = connection;
		socket.emit(
			'said',
			unfit.map(answer => saidRow(numbers.get(answer.client)!, answer)),
		);
	}

	async #onOrder(connection: Connection, order: Order): Promise<void> {
		const why = this.#objectionToOrder(connection);
		if (why !== undefined) {
			connection.socket.emit('done', {ok: false, why});
			return;
		}

		connection.isOrdering = true;
		try {
			connection.socket.emit('done', await this.#handlers.order(order));
		} catch (error) {
			this.#fail(connection, error);
		} finally {
			connection.isOrdering = false;
		}
	}

	#objectionToOrder(connection: Connection): string | undefined {
		if (connection.role !== 'administrator') {
			this.#strike(connection, 'an order from somebody who is no administrator');
			return 'only administrators give orders: they prove that they know the secret';
		}

		if (!this.#options.hasFaults)
			return `replica ${this.#options.id} takes no fault orders: start it with --faults`;
		if (connection.isOrdering) return 'one order at a time: the last one is not done yet';
		return undefined;
	}

	#strike(connection: Connection, flaw: string): void {
		connection.strikes++;
		if (connection.strikes >= this.#limits.strikes)
			connection.refuse(`too much that makes no sense, at last ${flaw}`);
	}

	#fail(connection: Connection, error: unknown): void {
		connection.refuse(`replica ${this.#options.id} failed: try another`);
		this.#handlers.failed(error);
	}

	#sweep(): void {
		for (const connection of this.#connections.values()) {
			connection.pass(this.#limits.sweepMs);
			if (connection.role === null && connection.ageMs > this.#limits.helloMs)
				connection.refuse(`no hello within ${this.#limits.helloMs / 1000} s`);
		}

		this.#feed.retry();
		if (this.#weather && hasGrown(this.#toldWeather, this.#weather)) this.#tellWeather(this.#weather);
	}

	#tellWeather(weather: Weather): void {
		this.#toldWeather = weather;
		if (!this.#isClosed) this.#server.to('clients').emit('weather', weather);
	}

	/**
	 * The room without those who have not taken what they got before. (What
	 * socket.io calls volatile would drop everything but the first packet of a
	 * turn, and so the notes that come along with a status.)
	 */
	#attentiveMonitors(): BroadcastOperator<ServerToClient, unknown> {
		const slow: string[] = [];
		for (const {isSlow, role, socket} of this.#connections.values())
			if (role === 'monitor' && isSlow) slow.push(socket.id);
		return this.#server.to('monitors').except(slow);
	}
}

/** A request with the query as the engine has read it. */
type Queried = IncomingMessage & {readonly _query: Readonly<Record<string, string>>};

type Listener = (connection: Connection, payload: unknown) => string | undefined;
const everybody: ReadonlyArray<Connection['role']> = ['client', 'monitor', 'administrator'];

/** Returns what is wrong with an event, if anything is, and otherwise acts on it. */
function listener<Event>(
	roles: ReadonlyArray<Connection['role']>,
	read: (payload: unknown, connection: Connection) => Event | undefined,
	act: (connection: Connection, event: Event) => void,
): Listener {
	return (connection, payload) => {
		if (!roles.includes(connection.role)) return 'an event out of its turn';
		const event = read(payload, connection);
		if (event === undefined) return 'a malformed event';
		act(connection, event);
		return undefined;
	};
}

/** What people wait for is not what it was. */
const hasTurned = (told: Weather | undefined, weather: Weather): boolean =>
	told?.view !== weather.view ||
	told.leader !== weather.leader ||
	told.hasQuorum !== weather.hasQuorum ||
	told.hole !== weather.hole ||
	told.full.join() !== weather.full.join();

const hasGrown = (told: Weather | undefined, weather: Weather): boolean =>
	told?.position !== weather.position || told.executed !== weather.executed;
