import {once} from 'node:events';
import {WebSocket, WebSocketServer} from 'ws';
import {type Handshake, newNonce, proofOf} from '../../source/network/auth.ts';
import {type Challenge, paths, protocolVersion} from '../../source/network/events.ts';
import {founderOf, identity, secret} from './rooms-of-test.ts';

/** A caller that speaks frame by frame, so that it can also say what no library would. */
export class RawCaller {
	readonly socket: WebSocket;
	/** Events in order: [name, …data]. */
	readonly events: unknown[][] = [];
	bytes = 0;
	#wake = () => {};

	constructor(port: number, options: {origin?: string; path?: string} = {}) {
		const {path = paths.peers, origin} = options;
		const url = `ws://127.0.0.1:${port}${path}?EIO=4&transport=websocket`;
		this.socket = new WebSocket(url, origin === undefined ? {} : {origin});
		this.socket.on('error', () => {});
		this.socket.on('message', data => {
			const frame = data.toString();
			this.bytes += frame.length;
			if (frame === '2') this.socket.send('3');
			if (frame.startsWith('42')) this.events.push(JSON.parse(frame.slice(2)) as unknown[]);
			this.#wake();
		});
		this.socket.on('close', () => this.#wake());
	}

	/** Connected, and asked who it is. */
	static async challenged(port: number): Promise<{caller: RawCaller; challenge: Challenge}> {
		const caller = new RawCaller(port);
		await once(caller.socket, 'open');
		caller.socket.send('40');
		const challenge = (await caller.event('challenge')) as Challenge;
		return {caller, challenge};
	}

	/** Let in as that peer. */
	static async proven(port: number, id: number): Promise<{caller: RawCaller; hello: object}> {
		const {caller, challenge} = await RawCaller.challenged(port);
		const hello = helloTo(challenge, id);
		caller.say('hello', hello);
		await caller.event('welcome');
		return {caller, hello};
	}

	say(...event: unknown[]) {
		this.socket.send(`42${JSON.stringify(event)}`);
	}

	/** What the first event of that name carried. Rejects if the connection ends without it. */
	async event(name: string): Promise<unknown> {
		for (;;) {
			const found = this.events.find(([event]) => event === name);
			if (found) return found[1];
			if (this.isClosed) throw new Error(`closed without ${name}, after ${JSON.stringify(this.events)}`);
			await new Promise<void>(resolve => {
				this.#wake = resolve;
			});
		}
	}

	get isClosed(): boolean {
		return this.socket.readyState === WebSocket.CLOSED;
	}

	async closed(): Promise<void> {
		if (!this.isClosed) await new Promise(resolve => this.socket.once('close', resolve));
	}
}

/** An honest hello, to be spoilt by the test. */
export function helloTo(challenge: Challenge, id: number) {
	const nonce = newNonce();
	const handshake: Handshake = {
		...identity,
		role: 'replica',
		server: challenge.id,
		serverNonce: challenge.nonce,
		dialer: id,
		dialerNonce: nonce,
		memory: founderOf(id),
	};
	return {
		...identity,
		role: 'replica',
		version: protocolVersion,
		id,
		...founderOf(id),
		nonce,
		proof: proofOf(secret, 'dialer', handshake),
	};
}

/** A server at a peer's address that says to whoever dials it what the test wants. */
export class RawServer {
	readonly #server: WebSocketServer;
	/** How often it was dialed. */
	dialed = 0;

	constructor(onCaller: (socket: WebSocket) => void) {
		this.#server = new WebSocketServer({port: 0, host: '127.0.0.1'});
		this.#server.on('connection', socket => {
			this.dialed++;
			socket.on('error', () => {});
			onCaller(socket);
		});
	}

	async port(): Promise<number> {
		if (this.#server.address() === null) await once(this.#server, 'listening');
		return (this.#server.address() as {port: number}).port;
	}

	async close(): Promise<void> {
		for (const client of this.#server.clients) client.terminate();
		await new Promise(resolve => this.#server.close(resolve));
	}
}

export const opening = `0${JSON.stringify({sid: 'x', upgrades: [], pingInterval: 5000, pingTimeout: 5000, maxPayload: 1000})}`;
