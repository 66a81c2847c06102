import {io, type ManagerOptions, type Socket, type SocketOptions} from 'socket.io-client';
import type {Address} from '../cluster.ts';
import type {MemoryClaim, Message, ReplicaId} from '../consensus/types.ts';
import {type Handshake, isProof, newNonce, proofOf} from './auth.ts';
import {
	type DiskReport,
	type Identity,
	type PeerToServer,
	paths,
	protocolVersion,
	type ServerToPeer,
} from './events.ts';
import {guardFrames} from './frames.ts';
import {
	type Acquaintances,
	disagreement,
	memoryLost,
	readChallenge,
	readDisk,
	readWelcome,
	type Trouble,
	unproven,
	unreadable,
	wrongId,
} from './handshake.ts';
import {decode} from './wire.ts';

/** From dialing to the welcome. */
const handshakeMs = 5000;
/** Pauses between attempts: none before the first one, then these, doubling, and up to half of it less. */
const shortestPauseMs = 20;
const longestPauseMs = 500;
/** A connection that did not last this long does not make the next attempt any sooner. */
const steadyMs = 100;
/** The longest frame that a peer may send. */
export const frameBytes = 16_777_216;
/** Packets that are not what they should be, until we hang up. */
const mostStrikes = 3;

type PeerSocket = Socket<ServerToPeer, PeerToServer>;

/**
 * The ear of a replica: a connection to one peer's server, on which the peer
 * speaks, dialed again and again whenever it breaks. Nothing is ever said on
 * it but `hello`, so nothing can pile up here for a peer that is away.
 */
export class Dialer {
	/** The peer has proved itself, and is heard on the present connection. */
	isHearing = false;
	/** Nobody listens at the peer's address: its process is gone. */
	isRefused = false;

	readonly #peer: Address;
	readonly #self: ReplicaId;
	readonly #identity: Identity;
	readonly #memory: () => MemoryClaim;
	readonly #secret: Buffer;
	readonly #acquaintances: Acquaintances;
	/** Whom we hear. */
	#met: MemoryClaim | undefined;
	readonly #onLost: (isOlder: boolean) => void;
	readonly #onMessages: (messages: readonly Message[]) => void;
	readonly #onRoom: (hasRoom: boolean) => void;
	readonly #onChange: () => void;
	readonly #onTrouble: (trouble: Trouble) => void;
	#socket: PeerSocket | undefined;
	/** While a connection is made: when it must be proven. Between two: when the next attempt is due. */
	#timer: NodeJS.Timeout | undefined;
	#attempts = 0;
	#hearingSince = 0;
	#isClosed = false;

	constructor(options: {
		readonly peer: Address;
		/** Who dials. */
		readonly self: ReplicaId;
		readonly identity: Identity;
		/** Our own. */
		memory(): MemoryClaim;
		readonly secret: Buffer;
		readonly acquaintances: Acquaintances;
		/** The peer has proved that it met us when we had another memory. */
		onLost(isOlder: boolean): void;
		onMessages(messages: readonly Message[]): void;
		/** Whether the peer's disk has room, said again and again. */
		onRoom(hasRoom: boolean): void;
		/** `isHearing` or `isRefused` changed. */
		onChange(): void;
		/** A handshake failed for a reason that somebody has to remove. */
		onTrouble(trouble: Trouble): void;
	}) {
		this.#peer = options.peer;
		this.#self = options.self;
		this.#identity = options.identity;
		this.#memory = options.memory;
		this.#secret = options.secret;
		this.#acquaintances = options.acquaintances;
		this.#onLost = options.onLost;
		this.#onMessages = options.onMessages;
		this.#onRoom = options.onRoom;
		this.#onChange = options.onChange;
		this.#onTrouble = options.onTrouble;
	}

	start() {
		this.#dial();
	}

	/** Something happened at the peer: if this waits for its next attempt, it need not wait any longer. */
	hurry() {
		if (this.#isClosed || this.#socket !== undefined || this.#timer === undefined) return;
		this.isRefused = false;
		this.#dial();
	}

	close() {
		this.#isClosed = true;
		clearTimeout(this.#timer);
		const socket = this.#socket;
		this.#socket = undefined;
		this.isHearing = false;
		socket?.disconnect();
	}

	#dial() {
		const {host, port} = this.#peer;
		const options = {
			path: paths.peers,
			transports: ['websocket'],
			forceNew: true,
			reconnection: false,
			// The types do not know that this may be false, nor of maxPayload.
			perMessageDeflate: false,
			maxPayload: frameBytes,
			// A peer that does not answer the closing of a connection does not keep this process alive.
			autoUnref: true,
		} as unknown as Partial<ManagerOptions & SocketOptions>;
		const socket: PeerSocket = io(`ws://${host.includes(':') ? `[${host}]` : host}:${port}`, options);
		this.#socket = socket;
		clearTimeout(this.#timer);
		this.#timer = setTimeout(() => this.#end(socket), handshakeMs);
		socket.on('connect', () => {
			this.isRefused = false;
		});
		socket.on('connect_error', error => {
			if (this.#socket === socket) this.isRefused = isRefusal(error);
			this.#end(socket);
		});
		socket.on('disconnect', () => this.#end(socket));
		guardFrames(socket, () => this.#giveUp(socket, unreadable(undefined)));
		this.#listen(socket);
	}

	/** Every event comes through here, whatever its name: no listeners of single events exist. */
	#listen(socket: PeerSocket) {
		let handshake: Handshake | undefined;
		let isMeeting = false;
		let strikes = 0;
		socket.onAny((event: unknown, ...said: unknown[]) => {
			if (this.#socket !== socket) return;
			const data = said.length === 1 ? said[0] : undefined;
			// What it says at our first meeting, before we have remembered it, is lost as any message may be.
			if (isMeeting) return;
			if (this.isHearing) {
				const messages = event === 'message' ? decode(data) : undefined;
				const disk = event === 'disk' ? readDisk(data) : undefined;
				if (messages) this.#onMessages(messages);
				else if (disk) this.#onDisk(disk);
				else if (++strikes >= mostStrikes) this.#giveUp(socket, unreadable(undefined));
			} else if (event === 'challenge' && handshake === undefined) {
				const answer = this.#answer(data);
				if ('kind' in answer) return this.#giveUp(socket, answer);
				handshake = answer;
				this.#sayHello(socket, answer);
			} else if (event === 'welcome' && handshake !== undefined) {
				const memory = this.#proven('server', handshake, data);
				if (memory === undefined) return this.#giveUp(socket, unproven);
				if (this.#acquaintances.knows(this.#peer.id, memory)) return this.#hear(memory);
				isMeeting = true;
				this.#acquaintances.meet(this.#peer.id, memory).then(
					isKnown => {
						isMeeting = false;
						if (this.#socket !== socket) return;
						if (isKnown) this.#hear(memory);
						else this.#giveUp(socket, memoryLost(this.#peer.id));
					},
					() => this.#end(socket), // Our disk failed, and whoever owns it knows.
				);
			} else if (event === 'lost' && handshake !== undefined) {
				const memory = this.#proven('witness', handshake, data);
				const own = this.#memory();
				const isOlder = memory?.incarnation === own.incarnation;
				const isTrue = memory !== undefined && (!isOlder || memory.groups > own.groups + 1);
				this.#giveUp(socket, isTrue ? weLost : unproven);
				if (isTrue) this.#onLost(isOlder);
			} else if (event === 'refused') {
				this.#giveUp(socket, {kind: 'refused', text: `refuses this replica: it ${printable(data)}`});
			} else {
				this.#giveUp(socket, unreadable(data));
			}
		});
	}

	#sayHello(socket: PeerSocket, handshake: Handshake) {
		const memory = this.#memory();
		socket.emit('hello', {
			role: 'replica',
			version: protocolVersion,
			...this.#identity,
			id: this.#self,
			...memory,
			nonce: handshake.dialerNonce,
			proof: proofOf(this.#secret, 'dialer', {...handshake, memory}),
		});
	}

	/** The memory that the server names, if it is the peer and has proved what it says. */
	#proven(prover: 'server' | 'witness', handshake: Handshake, data: unknown): MemoryClaim | undefined {
		const welcome = readWelcome(data);
		if (welcome?.id !== this.#peer.id) return undefined;
		const {incarnation, isNewcomer, groups, proof} = welcome;
		const memory = {incarnation, isNewcomer, groups};
		return isProof(proof, this.#secret, prover, {...handshake, memory}) ? memory : undefined;
	}

	/** The handshake that follows from a challenge, or why there is none. */
	#answer(data: unknown): Handshake | Trouble {
		const challenge = readChallenge(data);
		if (challenge === undefined) return unreadable(data);
		const trouble = disagreement(this.#identity, challenge);
		if (trouble) return trouble;
		if (challenge.id !== this.#peer.id) return wrongId(this.#peer.id, challenge.id);
		return {
			...this.#identity,
			role: 'replica',
			server: challenge.id,
			serverNonce: challenge.nonce,
			dialer: this.#self,
			dialerNonce: newNonce(),
		};
	}

	#hear(memory: MemoryClaim) {
		clearTimeout(this.#timer);
		this.#met = memory;
		this.#remember(memory.groups);
		this.isHearing = true;
		this.#hearingSince = performance.now();
		this.#onChange();
	}

	#onDisk({groups, hasRoom}: DiskReport) {
		this.#remember(groups);
		this.#onRoom(hasRoom);
	}

	#remember(groups: number) {
		if (this.#met) this.#acquaintances.hear(this.#peer.id, {...this.#met, groups});
	}

	/** Nothing will be different in a moment. */
	#giveUp(socket: PeerSocket, trouble: Trouble) {
		if (this.#socket !== socket) return;
		this.#end(socket, longestPauseMs);
		this.#onTrouble(trouble);
	}

	#end(socket: PeerSocket, leastPauseMs = 0) {
		if (this.#socket !== socket) return;
		clearTimeout(this.#timer);
		this.#socket = undefined;
		socket.disconnect();
		if (this.isHearing && performance.now() - this.#hearingSince >= steadyMs) this.#attempts = 0;
		this.isHearing = false;
		this.#again(leastPauseMs);
		this.#onChange();
	}

	#again(leastPauseMs: number) {
		const doubled = this.#attempts === 0 ? 0 : shortestPauseMs * 2 ** (this.#attempts - 1);
		const pause = Math.max(leastPauseMs, Math.min(doubled, longestPauseMs));
		this.#attempts++;
		if (pause === 0) this.#dial();
		else this.#timer = setTimeout(() => this.#dial(), pause * (1 - Math.random() / 2));
	}
}

const weLost: Trouble = {kind: 'memory', text: 'has met this replica when it had another memory'};

/** `connect_error` wraps the error of the socket in an event in an error. */
function isRefusal(error: unknown): boolean {
	const {description} = error as {description?: {error?: {code?: unknown; errors?: unknown}}};
	const cause = description?.error;
	// A name with several addresses is refused when all of them are.
	if (Array.isArray(cause?.errors))
		return cause.errors.every(({code}: {code?: unknown}) => code === 'ECONNREFUSED');
	return cause?.code === 'ECONNREFUSED';
}

/** Words of a server that has proved nothing, fit for a log. */
const printable = (data: unknown): string =>
	typeof data === 'string' ? data.slice(0, 200).replaceAll(/[^\x20-\x7e]/g, '?') : 'gives no reason';
