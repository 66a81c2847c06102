import {on, once} from 'node:events';
import {createServer, type Server as HttpServer} from 'node:http';
import type {AddressInfo, Socket} from 'node:net';
import {io} from 'socket.io-client';
import {WebSocket} from 'ws';
import type {Answer, Line} from '../../source/chat/types.ts';
import type {Request} from '../../source/consensus/types.ts';
import {clientOf, newNonce, proofOf} from '../../source/network/auth.ts';
import {readLines, readSaid, sayRow} from '../../source/network/client-wire.ts';
import {Door, type DoorOptions, type Handlers} from '../../source/network/door.ts';
import {
	type Challenge,
	type Identity,
	type Lines,
	paths,
	protocolVersion,
	type ServerToClient,
	type TurnedAway,
	type Weather,
} from '../../source/network/events.ts';
import {statusOf} from '../client/fake-replica.ts';

/** A door on a port of its own, and people who come to it. */

export const identity: Identity = {cluster: 'c'.repeat(64), replicas: 3, rules: 'r'.repeat(64)};
export const secret = Buffer.alloc(32, 7);
export const calm: Weather = {
	view: 0,
	leader: 0,
	position: 0,
	executed: 0,
	hasQuorum: true,
	hole: null,
	full: [],
};

/** A log on a slow disk: a line can be read some turns after it was asked for. */
export class SlowLog {
	readonly lines: Line[] = [];
	/** Called before each read returns: whatever happens in the meantime. */
	beforeRead: () => Promise<void> = () => new Promise(resolve => setImmediate(resolve));
	reads = 0;

	read = async (after: number, limit: number): Promise<readonly Line[]> => {
		this.reads++;
		await this.beforeRead();
		return this.lines.slice(after, after + limit);
	};

	/** Writes lines, which from then on can be read, and returns them. */
	write(count: number, text = 'hi'): readonly Line[] {
		const first = this.lines.length + 1;
		const lines = Array.from({length: count}, (_, index): Line => {
			const position = first + index;
			return {position, slot: position, client: '0'.repeat(32), sequence: 1, nick: 'a', text, at: position};
		});
		this.lines.push(...lines);
		return lines;
	}
}

export type House = {
	readonly door: Door;
	readonly log: SlowLog;
	readonly said: Request[];
	readonly failures: unknown[];
	readonly httpServer: HttpServer;
	readonly port: number;
	close(): Promise<void>;
};

type HouseOptions = Partial<Omit<DoorOptions, 'handlers'>> & {readonly handlers?: Partial<Handlers>};

export async function openHouse({handlers, ...options}: HouseOptions = {}): Promise<House> {
	const httpServer = createServer();
	const log = new SlowLog();
	const said: Request[] = [];
	const failures: unknown[] = [];
	const door = new Door({
		id: 1,
		identity,
		secret,
		hasFaults: true,
		httpServer,
		connections: 1000,
		...options,
		limits: {sweepMs: 20, ...options.limits},
		handlers: {
			say: requests => said.push(...requests),
			read: log.read,
			position: () => log.lines.length,
			hash: slot => ({slot, hash: null, executed: log.lines.length}),
			order: () => Promise.resolve({ok: true}),
			status: () => statusOf(0),
			weather: () => calm,
			failed: error => failures.push(error),
			...handlers,
		},
	});
	httpServer.listen(0, '127.0.0.1');
	await once(httpServer, 'listening');
	return {
		door,
		log,
		said,
		failures,
		httpServer,
		port: (httpServer.address() as AddressInfo).port,
		async close() {
			await door.close();
			httpServer.close();
			httpServer.closeAllConnections();
			await once(httpServer, 'close');
		},
	};
}

type Heard = Omit<
	{[Event in keyof ServerToClient]: Parameters<ServerToClient[Event]>[0]},
	'said' | 'lines'
> & {
	said: ReadonlyArray<Answer | TurnedAway>;
	lines: Lines;
};

/** Somebody with socket.io's own client. What it hears waits until it is asked for. */
export class Visitor {
	readonly socket;
	readonly #heard = new Map<string, unknown[]>();
	readonly #waiting = new Map<string, (value: unknown) => void>();
	/** Whom it has entered, by number. */
	readonly #clients: string[] = [];
	readonly closed: Promise<string>;
	/** Why it could not connect. */
	readonly failed: Promise<Error>;

	constructor(port: number, options: object = {}) {
		this.socket = io(`http://127.0.0.1:${port}`, {
			path: paths.clients,
			transports: ['websocket'],
			reconnection: false,
			forceNew: true,
			...options,
		});
		this.closed = new Promise(resolve => this.socket.on('disconnect', resolve));
		this.failed = new Promise(resolve => this.socket.on('connect_error', resolve));
		this.socket.onAny((event: string, data: unknown) => {
			const value = this.#read(event, data);
			const waiting = this.#waiting.get(event);
			this.#waiting.delete(event);
			if (waiting) waiting(value);
			else this.#heard.set(event, [...(this.#heard.get(event) ?? []), value]);
		});
	}

	enter(...names: readonly string[]): void {
		const secrets = names.map(keyOf);
		this.#clients.push(...secrets.map(clientOf));
		this.socket.emit('enter', {secrets});
	}

	say(...requests: readonly Request[]): void {
		this.socket.emit(
			'say',
			requests.map(request => sayRow(this.#clients.lastIndexOf(request.client), request)),
		);
	}

	/** Rows as what they stand for. */
	#read(event: string, data: unknown): unknown {
		if (event === 'lines') return readLines(data);
		if (event !== 'said') return data;
		return readSaid(data)?.map(({speaker, ...answer}) => ({...answer, client: this.#clients[speaker]}));
	}

	/** The next event of this name. */
	next<Event extends keyof Heard>(event: Event): Promise<Heard[Event]> {
		const [first, ...rest] = this.#heard.get(event) ?? [];
		if (first === undefined) return new Promise(resolve => this.#waiting.set(event, resolve as () => void));
		this.#heard.set(event, rest);
		return Promise.resolve(first as Heard[Event]);
	}

	/** How many events of this name nobody asked for yet. */
	unheard(event: keyof Heard): number {
		return this.#heard.get(event)?.length ?? 0;
	}

	/** Until the server has answered something that was asked after all else. */
	async settle(): Promise<void> {
		this.socket.emit('hash', {slot: 0});
		await this.next('hash');
	}

	async hello(role: 'client' | 'monitor'): Promise<this> {
		await this.next('challenge');
		this.socket.emit('hello', {role, version: protocolVersion});
		await this.next('welcome');
		return this;
	}

	close(): void {
		this.socket.disconnect();
	}
}

export const client = (port: number): Promise<Visitor> => new Visitor(port).hello('client');
export const monitor = (port: number): Promise<Visitor> => new Visitor(port).hello('monitor');

/** The hello of an administrator who knows `key`, and how the server proves that it does. */
export function administratorHello({id, version, nonce: serverNonce, ...identity}: Challenge, key = secret) {
	const dialerNonce = newNonce();
	const handshake = {
		...identity,
		role: 'administrator',
		server: id,
		serverNonce,
		dialer: null,
		dialerNonce,
	} as const;
	return {
		hello: {
			role: 'administrator',
			version,
			nonce: dialerNonce,
			proof: proofOf(key, 'dialer', handshake),
		},
		answer: proofOf(key, 'server', handshake),
	};
}

export async function administrator(port: number): Promise<Visitor> {
	const visitor = new Visitor(port);
	visitor.socket.emit('hello', administratorHello(await visitor.next('challenge')).hello);
	await visitor.next('welcome');
	return visitor;
}

/** Somebody who writes frames by hand. */
export async function stranger(port: number, headers: Record<string, string> = {}): Promise<WebSocket> {
	const socket = new WebSocket(`ws://127.0.0.1:${port}${paths.clients}?EIO=4&transport=websocket`, {headers});
	socket.on('error', () => {});
	await once(socket, 'message');
	return socket;
}

/** The same, let in. */
export async function strangeClient(port: number, role = 'client'): Promise<WebSocket> {
	const socket = await stranger(port);
	socket.send('40');
	for await (const [data] of on(socket, 'message', {close: ['close']})) {
		const frame = String(data);
		if (frame.startsWith('42["challenge"'))
			socket.send(`42["hello",{"role":"${role}","version":${protocolVersion}}]`);
		if (frame.startsWith('42["welcome"')) return socket;
	}

	throw new Error('no welcome');
}

export const hasClosed = (socket: WebSocket): Promise<void> =>
	new Promise(resolve => {
		if (socket.readyState === WebSocket.CLOSED) resolve();
		socket.on('error', () => {});
		socket.on('close', () => resolve());
	});

/** To make it stop reading. */
export const tcpOf = (socket: WebSocket): Socket => (socket as unknown as {_socket: Socket})._socket;

export const keyOf = (name: string): string => name.padEnd(32, '.');
export const request = (name: string, sequence: number, text = 'hi'): Request => ({
	client: clientOf(keyOf(name)),
	session: 1,
	sequence,
	nick: 'alice',
	text,
});
