import {once} from 'node:events';
import type {Server as HttpServer} from 'node:http';
import {Server, type Socket} from 'socket.io';
import type {Cluster} from '../cluster.ts';
import type {MemoryClaim, MemoryName, Message, ReplicaId} from '../consensus/types.ts';
import {type Handshake, isProof, newNonce, proofOf} from './auth.ts';
import {Dialer} from './dialer.ts';
import {
	type DiskReport,
	type Identity,
	type PeerToServer,
	paths,
	protocolVersion,
	type ServerToPeer,
} from './events.ts';
import {
	type Acquaintances,
	disagreement,
	memoryLost,
	type PeerHello,
	readHello,
	type Trouble,
	unproven,
	unreadable,
	wrongCaller,
} from './handshake.ts';
import type {Network} from './network.ts';
import {encode, split} from './wire.ts';

/** Nothing comes in at this server but `hello`: a longer frame cuts its connection before it is read. */
const helloBytes = 16_384;
/** From the connection to a hello that proves something. */
const handshakeMs = 5000;
/** How long somebody who is refused has to read why. */
const farewellMs = 1000;
/** Connections at a time, strangers included. */
const mostConnections = 1000;
/** What may wait for a peer that does not read. Beyond it is cut, and may come back. */
const mostPackets = 10_000;
const leastBacklog = 33_554_432;
/** Words on a connection that is there to hear, until we hang up. */
const mostStrikes = 3;

type PeerSocket = Socket<PeerToServer, ServerToPeer>;
/** A connection on which a peer hears us, and what waits in it because the kernel takes no more. */
type Listener = {readonly socket: PeerSocket; packets: number; characters: number};

/** One of the other replicas: where we hear it, and where it hears us. */
type Peer = {
	readonly id: ReplicaId;
	/** With its address, for the log. */
	readonly name: string;
	readonly dialer: Dialer;
	listener: Listener | undefined;
	/** It has proved itself since it was last found gone. */
	isMet: boolean;
	/** What was said about it in the log since then. */
	readonly told: Set<Trouble['kind']>;
};

/** Who has said hello, and proved it. */
type Caller = {readonly peer: Peer; readonly hello: PeerHello; readonly handshake: Handshake};

/**
 * The replicas to each other. Each runs a server and dials all the others: it
 * speaks into rooms of its own server (`replicas`, `replica:ID`), which the
 * others enter by a handshake that proves who they are, and it hears where it
 * dialed. What is said leaves in the same turn of the event loop.
 *
 * Nothing is kept for those who are away, and a connection that breaks takes
 * its last words with it; the protocol expects worse. What comes in was
 * rebuilt by wire.ts: whoever is told of it can rely on its form. An exception
 * in a callback is a bug of ours and is not caught.
 */
export class Rooms implements Network {
	readonly #id: ReplicaId;
	readonly #identity: Identity;
	readonly #memory: () => MemoryClaim;
	readonly #hasRoom: () => boolean;
	readonly #secret: Buffer;
	readonly #acquaintances: Acquaintances;
	readonly #mostBacklog: number;
	readonly #onDisconnected: (peer: ReplicaId) => void;
	readonly #onHears: (peers: readonly ReplicaId[]) => void;
	readonly #onTrouble: (text: string) => void;
	readonly #server: Server<PeerToServer, ServerToPeer>;
	readonly #peers = new Map<ReplicaId, Peer>();
	readonly #toldOfStrangers = new Set<Trouble['kind']>();
	#hears: readonly ReplicaId[] = [];
	#isClosed = false;

	constructor(options: {
		readonly id: ReplicaId;
		readonly cluster: Pick<Cluster, 'replicas' | 'windowSlots' | 'batchBytes'>;
		readonly identity: Identity;
		/** Our own. */
		readonly memory: MemoryName;
		/** How many groups of our journal are durable. */
		groups(): number;
		/** Whether our disk has more room than the reserve. */
		hasRoom(): boolean;
		/** Which memories the peers had when they were first met. */
		readonly acquaintances: Acquaintances;
		readonly secret: Buffer;
		/** Made, listened to and closed by the caller. Other paths than `paths.peers` are left alone. */
		readonly httpServer: HttpServer;
		onMessages(from: ReplicaId, messages: readonly Message[]): void;
		/** Whether a peer's disk has room, said again and again. */
		onRoom(peer: ReplicaId, hasRoom: boolean): void;
		/** The last connection with the peer's process broke, and at its address nobody listens any more. */
		onDisconnected(peer: ReplicaId): void;
		/** This peer has proved that it met us with another memory, or `isOlder`: with more of this one. We must not vote (rule R12). */
		onLost(peer: ReplicaId, isOlder: boolean): void;
		/** `hears` has changed. */
		onHears(peers: readonly ReplicaId[]): void;
		/** A sentence about somebody who does not fit in here. Once; of a peer again only after it was let in. */
		onTrouble?(text: string): void;
	}) {
		const {id, cluster, identity, acquaintances, secret, onMessages} = options;
		const memory = () => ({...options.memory, groups: options.groups()});
		this.#id = id;
		this.#identity = identity;
		this.#memory = memory;
		this.#hasRoom = () => options.hasRoom();
		this.#acquaintances = acquaintances;
		this.#secret = secret;
		// A new primary proposes a whole window again in one breath, which must not look like a peer that does not read.
		this.#mostBacklog = Math.max(leastBacklog, 4 * cluster.windowSlots * cluster.batchBytes);
		this.#onDisconnected = options.onDisconnected;
		this.#onHears = options.onHears;
		this.#onTrouble = options.onTrouble ?? (() => {});
		for (const address of cluster.replicas) {
			if (address.id === id) continue;
			const name = `replica ${address.id} at ${address.host}:${address.port}`;
			const dialer = new Dialer({
				peer: address,
				self: id,
				identity,
				memory,
				secret,
				acquaintances,
				onLost: isOlder => options.onLost(address.id, isOlder),
				onMessages: messages => onMessages(address.id, messages),
				onRoom: hasRoom => options.onRoom(address.id, hasRoom),
				onChange: () => this.#onDialer(peer),
				onTrouble: trouble => this.#tell(name, trouble, peer),
			});
			const peer: Peer = {id: address.id, name, dialer, listener: undefined, isMet: false, told: new Set()};
			this.#peers.set(address.id, peer);
		}

		this.#server = new Server(options.httpServer, {
			path: paths.peers,
			transports: ['websocket'],
			allowUpgrades: false,
			serveClient: false,
			perMessageDeflate: false,
			httpCompression: false,
			maxHttpBufferSize: helloBytes,
			connectTimeout: handshakeMs,
			// For connections whose other end vanished without a word. A dead primary is noticed otherwise, and sooner.
			pingInterval: 5000,
			pingTimeout: 5000,
			allowRequest: ({headers}, done) => {
				// A page in somebody's browser says where it comes from; a replica does not.
				if (headers.origin !== undefined) done('replicas only', false);
				else done('too many connections', this.#server.engine.clientsCount < mostConnections);
			},
		});
		this.#server.on('connection', socket => this.#onConnection(socket));
	}

	/** The peers that we hear, in order of id: each has proved who it is, and the connection stands. */
	get hears(): readonly ReplicaId[] {
		return this.#hears;
	}

	/** Begins to dial. */
	start() {
		for (const {dialer} of this.#peers.values()) dialer.start();
	}

	/** Hangs up on everybody; no callback comes after the call. Resolves when all who called are gone. */
	async close(): Promise<void> {
		this.#isClosed = true;
		for (const {dialer} of this.#peers.values()) dialer.close();
		const gone = [...this.#server.sockets.sockets.values()].map(socket => {
			const {socket: tcp} = socket.request;
			const closed = tcp.closed ? undefined : once(tcp, 'close');
			cut(socket, farewellMs);
			return closed;
		});
		this.#server.engine.close();
		await Promise.allSettled(gone);
	}

	broadcast(messages: readonly Message[]) {
		this.#say('replicas', messages);
	}

	send(to: ReplicaId, messages: readonly Message[]) {
		this.#say(`replica:${to}`, messages);
	}

	/** Says how far our journal is on disk, so that nobody takes an older copy of it for ours, and whether there is room for more. */
	tellDisk() {
		this.#server.to('replicas').emit('disk', this.#disk);
	}

	get #disk(): DiskReport {
		return {groups: this.#memory().groups, hasRoom: this.#hasRoom()};
	}

	#say(room: string, messages: readonly Message[]) {
		if (messages.length === 0 || !this.#server.sockets.adapter.rooms.has(room)) return;
		for (const part of split(messages)) this.#server.to(room).emit('message', encode(part));
		for (const {listener} of this.#peers.values()) {
			if (listener && this.#isSlow(listener)) cut(listener.socket, 0);
		}
	}

	/** The socket of Node holds what the engine has handed over and the kernel has not taken yet. */
	#isSlow({socket, packets, characters}: Listener): boolean {
		const backlog = characters + socket.request.socket.writableLength;
		return packets > mostPackets || backlog > this.#mostBacklog;
	}

	/** The handshake as the server sees it; see events.ts. */
	#onConnection(socket: PeerSocket) {
		const nonce = newNonce();
		const listener: Listener = {socket, packets: 0, characters: 0};
		const deadline = setTimeout(() => cut(socket, 0), handshakeMs);
		let peer: Peer | undefined;
		let strikes = 0;
		// Every event ends here, whatever its name: none goes on to a listener.
		socket.use(([event, ...said]) => {
			if (peer !== undefined) {
				if (++strikes >= mostStrikes) cut(socket, farewellMs);
				return;
			}
			const answer = this.#judge(event, said, nonce);
			if ('trouble' in answer) {
				this.#tell(`a caller from ${socket.handshake.address}`, answer.trouble, answer.peer);
				socket.emit('refused', answer.trouble.text);
				cut(socket, farewellMs);
				return;
			}
			peer = answer.peer;
			// A peer that was never met is remembered before it is welcomed.
			this.#acquaintances.meet(peer.id, answer.hello).then(
				isKnown => {
					clearTimeout(deadline);
					this.#greet(answer, listener, isKnown);
				},
				() => cut(socket, 0), // Our disk failed, and whoever owns it knows.
			);
		});
		socket.on('disconnect', () => {
			clearTimeout(deadline);
			if (peer?.listener === listener) this.#leave(peer);
		});
		socket.conn.on('packetCreate', ({data}: {data?: string}) => {
			listener.packets++;
			listener.characters += data?.length ?? 0;
		});
		socket.conn.on('flush', () => {
			listener.packets = 0;
			listener.characters = 0;
		});
		socket.emit('challenge', {...this.#identity, version: protocolVersion, id: this.#id, nonce});
	}

	/** Lets a peer in, unless it has lost its memory: then it hears that, with the proof that it is true. */
	#greet({peer, handshake}: Caller, listener: Listener, isKnown: boolean) {
		const {socket} = listener;
		if (this.#isClosed || !socket.connected) return;
		const memory = isKnown ? this.#memory() : this.#acquaintances.remembered(peer.id)!;
		const proof = proofOf(this.#secret, isKnown ? 'server' : 'witness', {...handshake, memory});
		socket.emit(isKnown ? 'welcome' : 'lost', {id: this.#id, ...memory, proof});
		if (isKnown) return this.#letIn(peer, listener);
		this.#tell(peer.name, memoryLost(peer.id), peer);
		cut(socket, farewellMs);
	}

	/** Whom the first word on a connection proves, or why nobody. */
	#judge(
		event: unknown,
		said: readonly unknown[],
		nonce: string,
	): Caller | {trouble: Trouble; peer?: Peer | undefined} {
		const data = event === 'hello' && said.length === 1 ? said[0] : undefined;
		const hello = readHello(data);
		if (hello === undefined) return {trouble: unreadable(data)};
		const peer = this.#peers.get(hello.id);
		const trouble = disagreement(this.#identity, hello);
		if (trouble) return {trouble, peer};
		if (peer === undefined) return {trouble: wrongCaller(hello.id)};
		const handshake: Handshake = {
			...this.#identity,
			role: 'replica',
			server: this.#id,
			serverNonce: nonce,
			dialer: hello.id,
			dialerNonce: hello.nonce,
		};
		const isProven = isProof(hello.proof, this.#secret, 'dialer', {
			...handshake,
			memory: hello,
		});
		return isProven ? {peer, hello, handshake} : {trouble: unproven, peer};
	}

	#letIn(peer: Peer, listener: Listener) {
		const previous = peer.listener;
		peer.listener = listener;
		// The end of the old connection may not have been noticed yet: only one of the two hears us.
		if (previous) cut(previous.socket, 0);
		void listener.socket.join(['replicas', `replica:${peer.id}`]);
		listener.socket.emit('disk', this.#disk);
		this.#onMet(peer);
		peer.dialer.hurry();
	}

	#leave(peer: Peer) {
		peer.listener = undefined;
		if (this.#isClosed) return;
		peer.dialer.hurry();
		this.#ifGone(peer);
	}

	#onDialer(peer: Peer) {
		if (this.#isClosed) return;
		if (peer.dialer.isHearing) this.#onMet(peer);
		if (peer.dialer.isHearing !== this.#hears.includes(peer.id)) {
			this.#hears = [...this.#peers.values()].filter(({dialer}) => dialer.isHearing).map(({id}) => id);
			this.#onHears(this.#hears);
		}
		this.#ifGone(peer);
	}

	#onMet(peer: Peer) {
		peer.isMet = true;
		peer.told.clear();
	}

	#ifGone(peer: Peer) {
		const {listener, dialer, isMet} = peer;
		if (!isMet || listener !== undefined || dialer.isHearing || !dialer.isRefused) return;
		peer.isMet = false;
		this.#onDisconnected(peer.id);
	}

	#tell(who: string, {kind, text}: Trouble, about?: Peer) {
		const told = about?.told ?? this.#toldOfStrangers;
		if (this.#isClosed || told.has(kind)) return;
		told.add(kind);
		this.#onTrouble(`${who} ${text}`);
	}
}

/** Hangs up, now or when the last words had time to arrive: a peer that does not read would never let them go. */
function cut(socket: PeerSocket, afterMs: number) {
	const {socket: tcp} = socket.request;
	socket.disconnect(true);
	if (afterMs === 0) tcp.destroy();
	else setTimeout(() => tcp.destroy(), afterMs).unref();
}
