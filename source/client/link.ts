import {io, type ManagerOptions, type Socket, type SocketOptions} from 'socket.io-client';
import type {Address} from '../cluster.ts';
import {
	readChallenge,
	readDone,
	readHash,
	readLines,
	readNotes,
	readRefused,
	readSaid,
	readStatus,
	readWeather,
	readWelcome,
} from '../network/client-wire.ts';
import {
	type Challenge,
	type ClientToServer,
	type Done,
	type Hash,
	type Hello,
	type Lines,
	paths,
	protocolVersion,
	type Said,
	type StampedNote,
	type Status,
	type Weather,
	type Welcome,
} from '../network/events.ts';
import {guardFrames} from '../network/frames.ts';
import {safeLine} from '../safe-text.ts';

/** What a replica said, once its schema has rebuilt it. */
export type Heard =
	| {readonly name: 'said'; readonly said: Said}
	| {readonly name: 'lines'; readonly lines: Lines}
	| {readonly name: 'weather'; readonly weather: Weather}
	| {readonly name: 'status'; readonly status: Status}
	| {readonly name: 'notes'; readonly notes: readonly StampedNote[]}
	| {readonly name: 'hash'; readonly hash: Hash}
	| {readonly name: 'done'; readonly done: Done};

export type LinkOptions = {
	readonly address: Address;
	/** Replicas of the cluster: one that counts otherwise has another cluster.json. */
	readonly replicas: number;
	/** How long it may take until the welcome, in milliseconds. */
	readonly patienceMs: number;
	/** Answers the challenge. */
	readonly hello: (challenge: Challenge) => Hello;
	/** Why a replica that was reached is not the right one; undefined if it is. */
	readonly complaint?: (challenge: Challenge, welcome: Welcome | null) => string | undefined;
	readonly onWelcome: (welcome: Welcome) => void;
	readonly onHeard: (heard: Heard) => void;
	/** Said once, with the reason in a few words, unless `close` came first: the connection cannot be made, or is broken. */
	readonly onGone: (why: string) => void;
};

/**
 * How long a dialed replica may take until its welcome, in milliseconds, after
 * so many failures. Longer than any healthy one; a stopped process takes for
 * ever. Where many come at once and all of them are slow, those who hang up too
 * soon come again, and would keep it so.
 */
export const patienceAfter = (failures: number): number => Math.min(4000, 1000 * 2 ** failures);

/** The longest frame that a replica may send. */
const frameBytes = 16_777_216;

const socketOptions = {
	path: paths.clients,
	transports: ['websocket'],
	reconnection: false,
	forceNew: true,
	// The types do not know that this may be false, nor of maxPayload.
	perMessageDeflate: false,
	maxPayload: frameBytes,
	// A replica that does not answer the closing of a connection does not keep this process alive.
	autoUnref: true,
} as unknown as Partial<ManagerOptions & SocketOptions>;

/**
 * One connection to one replica, from dialing it to its end; it is never
 * repaired. What it hears was rebuilt by a schema, and what does not fit one
 * is dropped.
 */
export class Link {
	readonly id: number;
	/** What the replica says of itself; null until it has spoken. */
	challenge: Challenge | null = null;
	/** Events heard; it stands still while the replica is silent. */
	heard = 0;
	readonly #options: LinkOptions;
	readonly #socket: Socket<Record<string, (value: unknown) => void>, ClientToServer>;
	readonly #timer: NodeJS.Timeout;
	#state: 'dialing' | 'open' | 'gone' = 'dialing';

	constructor(options: LinkOptions) {
		this.#options = options;
		this.id = options.address.id;
		this.#socket = io(urlOf(options.address), {...socketOptions, timeout: options.patienceMs});
		guardFrames(this.#socket, () => this.#end('it does not speak as a replica does'));
		this.#timer = setTimeout(() => this.#end('no answer'), options.patienceMs);
		this.#socket.on('connect_error', error => this.#end(whyOf(error)));
		this.#socket.on('disconnect', () => this.#end('the connection broke'));
		this.#hear('challenge', readChallenge, challenge => this.#onChallenge(challenge));
		this.#hear('welcome', readWelcome, welcome => this.#onWelcome(welcome));
		this.#hear('refused', readRefused, why => this.#end(`turned away: ${safeLine(why)}`));
		this.#pass('said', readSaid, said => ({name: 'said', said}));
		this.#pass('lines', readLines, lines => ({name: 'lines', lines}));
		this.#pass('weather', readWeather, weather => ({name: 'weather', weather}));
		this.#pass('status', readStatus, status => ({name: 'status', status}));
		this.#pass('notes', readNotes, notes => ({name: 'notes', notes}));
		this.#pass('hash', readHash, hash => ({name: 'hash', hash}));
		this.#pass('done', readDone, done => ({name: 'done', done}));
	}

	/** Whether it went out. Nothing is kept for later: what is not sent now is the caller's to send elsewhere. */
	emit<Name extends Exclude<keyof ClientToServer, 'hello'>>(
		name: Name,
		...values: Parameters<ClientToServer[Name]>
	): boolean {
		if (this.#state !== 'open' || !this.#socket.connected) return false;
		this.#socket.emit(name, ...values);
		return true;
	}

	close(): void {
		this.#state = 'gone';
		clearTimeout(this.#timer);
		this.#socket.disconnect();
	}

	#onChallenge(challenge: Challenge): void {
		const {address, replicas, hello, complaint} = this.#options;
		if (this.challenge !== null) return;
		this.challenge = challenge;
		const {id, version} = challenge;
		if (version !== protocolVersion)
			this.#end(`it speaks version ${version} of the protocol, not ${protocolVersion}`);
		else if (id !== address.id) this.#end(`replica ${id} answers there`);
		else if (challenge.replicas !== replicas)
			this.#end(`it counts ${challenge.replicas} replicas, not ${replicas}`);
		else {
			const why = complaint?.(challenge, null);
			if (why === undefined) this.#socket.emit('hello', hello(challenge));
			else this.#end(why);
		}
	}

	#onWelcome(welcome: Welcome): void {
		if (this.#state !== 'dialing' || this.challenge === null) return;
		const why = this.#options.complaint?.(this.challenge, welcome);
		if (why !== undefined) {
			this.#end(why);
			return;
		}

		this.#state = 'open';
		clearTimeout(this.#timer);
		this.#options.onWelcome(welcome);
	}

	#hear<T>(name: string, read: (value: unknown) => T | undefined, then: (value: T) => void): void {
		this.#socket.on(name, value => {
			if (this.#state === 'gone') return;
			const rebuilt = read(value);
			if (rebuilt === undefined) return;
			this.heard++;
			then(rebuilt);
		});
	}

	#pass<T>(name: string, read: (value: unknown) => T | undefined, wrap: (value: T) => Heard): void {
		this.#hear(name, read, value => {
			if (this.#state === 'open') this.#options.onHeard(wrap(value));
		});
	}

	#end(why: string): void {
		if (this.#state === 'gone') return;
		this.close();
		this.#options.onGone(why);
	}
}

export const placeOf = ({host, port}: {readonly host: string; readonly port: number}): string =>
	`${host.includes(':') ? `[${host}]` : host}:${port}`;

const urlOf = (address: Address): string => `http://${placeOf(address)}`;

/** Why dialing failed, in a few words. */
function whyOf(error: unknown): string {
	const {description} = error as {description?: {error?: {code?: unknown; message?: unknown}}};
	const code = description?.error?.code;
	switch (code) {
		case 'ECONNREFUSED':
			return 'refused';
		case 'ECONNRESET':
			return 'the connection broke';
		case 'ENOTFOUND':
		case 'EAI_AGAIN':
			return 'no such host';
		case 'ETIMEDOUT':
			return 'no answer';
		default: {
			const message = error instanceof Error ? error.message : 'it failed';
			return typeof code === 'string' ? code : message === 'timeout' ? 'no answer' : message;
		}
	}
}
