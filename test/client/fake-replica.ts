import {createServer, type Server as HttpServer} from 'node:http';
import type {AddressInfo} from 'node:net';
import {Server, type Socket} from 'socket.io';
import type {Answer, Line} from '../../source/chat/types.ts';
import {type Cluster, defaults} from '../../source/cluster.ts';
import type {ReplicaId, Request} from '../../source/consensus/types.ts';
import {clientOf, newNonce} from '../../source/network/auth.ts';
import {linesOf, readSay, saidRow} from '../../source/network/client-wire.ts';
import {
	type ClientToServer,
	type Follow,
	type Hello,
	paths,
	protocolVersion,
	type ServerToClient,
	type Status,
	type TurnedAway,
	type Weather,
} from '../../source/network/events.ts';

export type FakeSocket = Socket<ClientToServer, ServerToClient>;
/** Answers by client, not by the number that it has on a connection. */
export type Answered = Answer | TurnedAway;

/** The chat that all fake replicas of a test share, as if consensus had been reached by magic. */
export class FakeChat {
	readonly lines: Line[] = [];
	slot = 0;
	readonly #sessions = new Map<string, {session: number; sequence: number; ok: Answered | null}>();

	execute({client, session, sequence, nick, text}: Request): Answered | undefined {
		const known = this.#sessions.get(client);
		this.slot++;
		if (session === 0) {
			const open = known ?? {session: this.slot, sequence: 0, ok: null};
			this.#sessions.set(client, open);
			return {status: 'opened', client, nonce: text, session: open.session, sequence: open.sequence};
		}

		if (known?.session !== session) return {status: 'expired', client, session, sequence};
		if (sequence > known.sequence + 1) return {status: 'gap', client, session, sequence};
		if (sequence < known.sequence) return undefined;
		if (sequence === known.sequence) return known.ok ?? undefined;
		const {slot} = this;
		const position = this.add(nick, text, client, sequence);
		known.sequence = sequence;
		known.ok = {status: 'ok', client, session, sequence, position, slot};
		return known.ok;
	}

	/** A line of somebody; returns its position. */
	add(nick: string, text: string, client = clientOf(nick), sequence = this.lines.length + 1): number {
		const position = this.lines.length + 1;
		const line = {
			position,
			slot: Math.max(1, this.slot),
			client,
			sequence,
			nick,
			text,
			at: 1_790_000_000_000,
		};
		this.lines.push(line);
		return position;
	}

	/** The session is thrown out of the table. */
	expire(client: string): void {
		this.#sessions.delete(client);
	}

	/** The last number executed, as the table has it. */
	setSequence(client: string, sequence: number): void {
		this.#sessions.get(client)!.sequence = sequence;
	}
}

/** What a fake replica does. Every part can be replaced by a test. */
export type Script = {
	/** Answers to what was said; the shared chat executes it, if absent. */
	say?: (requests: readonly Request[], socket: FakeSocket) => void;
	follow?: (follow: Follow, socket: FakeSocket) => void;
	/** False: it takes connections and says nothing, like a stopped process. */
	isGreeting?: boolean;
	/** It is slow to say its first word, as with too many who come at once. In milliseconds. */
	greetingMs?: number;
	/** False: questions stay unanswered. */
	isAnswering?: boolean;
	hash?: (slot: number) => string | null;
	/** How far its log goes; to the end, if absent. */
	position?: () => number;
};

/** A replica's door, played by a script: a real socket.io server that decides nothing. */
export class FakeReplica {
	readonly id: ReplicaId;
	readonly chat: FakeChat;
	readonly script: Script;
	weather: Weather;
	status: Status;
	/** What it heard, in order. */
	readonly hellos: Hello[] = [];
	readonly says: Array<readonly Request[]> = [];
	readonly follows: number[] = [];
	readonly sockets = new Set<FakeSocket>();
	/** Whom each has entered, by number. */
	readonly #clients = new Map<FakeSocket, string[]>();
	readonly pageLines = 10;
	port = 0;
	readonly #replicas: number;
	readonly #identity: string;
	#http: HttpServer | null = null;
	#server: Server<ClientToServer, ServerToClient> | null = null;

	constructor(id: ReplicaId, replicas: number, chat: FakeChat, script: Script = {}, identity = 'fake') {
		this.#identity = identity;
		this.id = id;
		this.#replicas = replicas;
		this.chat = chat;
		this.script = script;
		this.weather = {view: 0, leader: 0, position: 0, executed: 0, hasQuorum: true, hole: null, full: []};
		this.status = statusOf(id);
	}

	/** On the port that it had, if it was up before. */
	async start(): Promise<void> {
		const http = createServer();
		const server = new Server<ClientToServer, ServerToClient>(http, {
			path: paths.clients,
			transports: ['websocket'],
			serveClient: false,
		});
		server.on('connection', socket => this.#onConnection(socket));
		await new Promise<void>(resolve => http.listen(this.port, '127.0.0.1', resolve));
		this.port = (http.address() as AddressInfo).port;
		this.#http = http;
		this.#server = server;
	}

	/** As a killed process: all connections end, dialing is refused. */
	async stop(): Promise<void> {
		const http = this.#http;
		if (http === null) return;
		this.#http = null;
		for (const socket of this.sockets) socket.conn.request.socket.destroy();
		http.closeAllConnections();
		await this.#server?.close();
	}

	get position(): number {
		return this.script.position?.() ?? this.chat.lines.length;
	}

	setWeather(change: Partial<Weather>): void {
		this.weather = {...this.weather, ...change};
		for (const socket of this.sockets) socket.emit('weather', this.weather);
	}

	/** To all who are connected. */
	publish(lines: readonly Line[]): void {
		for (const socket of this.sockets) socket.emit('lines', linesOf(lines, true));
	}

	/** All requests it heard, openings left out. */
	get messages(): readonly Request[] {
		return this.says.flat().filter(({sequence}) => sequence > 0);
	}

	setStatus(change: Partial<Status>): void {
		this.status = {...this.status, ...change};
	}

	#onConnection(socket: FakeSocket): void {
		this.sockets.add(socket);
		socket.on('disconnect', () => this.sockets.delete(socket));
		if (this.script.isGreeting === false) return;
		const identity = {cluster: this.#identity, replicas: this.#replicas, rules: 'fake'};
		const greet = () =>
			socket.emit('challenge', {...identity, version: protocolVersion, id: this.id, nonce: newNonce()});
		const {greetingMs} = this.script;
		if (greetingMs === undefined) greet();
		else setTimeout(greet, greetingMs);
		socket.on('hello', hello => {
			this.hellos.push(hello);
			this.weather = {...this.weather, position: this.position, executed: this.chat.slot};
			socket.emit('welcome', {id: this.id, proof: null, weather: this.weather, hasFaults: true});
			if (hello.role === 'monitor') this.#report(socket);
		});
		const clients: string[] = [];
		this.#clients.set(socket, clients);
		socket.on('enter', ({secrets}) => void clients.push(...secrets.map(clientOf)));
		socket.on('say', rows => {
			const say = readSay(rows, clients)!;
			this.says.push(say);
			if (this.script.say) this.script.say(say, socket);
			else this.answer(say, socket);
		});
		socket.on('follow', follow => {
			this.follows.push(follow.after);
			if (this.script.follow) this.script.follow(follow, socket);
			else this.page(follow, socket);
		});
		socket.on('hash', ({slot}) => {
			if (this.script.isAnswering === false) return;
			const isKnown = slot <= this.status.executed;
			const hash = this.script.hash ? this.script.hash(slot) : isKnown ? 'a'.repeat(64) : null;
			socket.emit('hash', {slot, hash, executed: this.status.executed});
		});
	}

	#report(socket: FakeSocket): void {
		const tell = () => void (this.script.isAnswering !== false && socket.emit('status', this.status));
		tell();
		const timer = setInterval(tell, 100);
		socket.on('disconnect', () => clearInterval(timer));
	}

	/** Executes, and answers in one list. */
	answer(say: readonly Request[], socket: FakeSocket): void {
		const said = say.flatMap(request => this.chat.execute(request) ?? []);
		this.tell(socket, said);
	}

	/** By the numbers that the clients have on this connection; whom it has not entered has none, and gets one of nobody. */
	tell(socket: FakeSocket, answers: readonly Answered[]): void {
		const clients = this.#clients.get(socket)!;
		const numberOf = (client: string) => (clients.includes(client) ? clients.lastIndexOf(client) : 4000);
		socket.emit(
			'said',
			answers.map(answer => saidRow(numberOf(answer.client), answer)),
		);
	}

	page({after}: Follow, socket: FakeSocket): void {
		const lines = this.chat.lines.slice(after, Math.min(this.position, after + this.pageLines));
		socket.emit('lines', linesOf(lines, after + lines.length >= this.position));
	}
}

/** Fake replicas on ports of the system, up and running, and the cluster.json that leads to them. */
export async function fakeCluster(
	count: number,
	scripts: readonly Script[] = [],
	identity = 'fake',
): Promise<{cluster: Cluster; replicas: FakeReplica[]; chat: FakeChat; stop: () => Promise<void>}> {
	const chat = new FakeChat();
	const replicas = Array.from(
		{length: count},
		(_, id) => new FakeReplica(id, count, chat, scripts[id], identity),
	);
	await Promise.all(replicas.map(replica => replica.start()));
	const addresses = replicas.map(({id, port}) => ({id, host: '127.0.0.1', bind: '127.0.0.1', port}));
	return {
		cluster: {...defaults, f: (count - 1) / 2, replicas: addresses},
		replicas,
		chat,
		stop: async () => {
			await Promise.all(replicas.map(replica => replica.stop()));
		},
	};
}

export function statusOf(id: ReplicaId, change: Partial<Status> = {}): Status {
	return {
		view: 0,
		leader: 0,
		role: id === 0 ? 'primary' : 'backup',
		isDoubting: false,
		accepted: 0,
		decided: 0,
		delivered: 0,
		holes: [],
		waiting: 0,
		skips: [],
		id,
		now: 1_790_000_000_000,
		executed: 0,
		messages: 0,
		hash: '0'.repeat(64),
		hashSlot: 0,
		since: 0,
		clients: 0,
		hears: [],
		faults: null,
		counts: {retriesAnswered: 0, viewsEntered: 0, noOps: 0},
		...change,
	};
}

/** Waits for a condition; fails with its name if it does not come true within some seconds. */
export async function until(what: string, isTrue: () => boolean, withinMs = 5000): Promise<void> {
	const deadline = performance.now() + withinMs;
	while (!isTrue()) {
		if (performance.now() > deadline) throw new Error(`waited in vain until ${what}`);
		await new Promise(resolve => setTimeout(resolve, 5));
	}
}
