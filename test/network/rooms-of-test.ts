import {createServer, type Server as HttpServer} from 'node:http';
import type {AddressInfo, Socket as TcpSocket} from 'node:net';
import {setTimeout as pause} from 'node:timers/promises';
import {type Address, defaults} from '../../source/cluster.ts';
import type {MemoryClaim, ReplicaId} from '../../source/consensus/types.ts';
import type {Identity} from '../../source/network/events.ts';
import {Rooms} from '../../source/network/rooms.ts';
import type {Heard} from './network.contract.ts';

export const secret = Buffer.from('5e'.repeat(32), 'hex');
/** Of the memory of a replica that never lost it. */
export const incarnationOf = (id: ReplicaId): string => String(id).padStart(32, '0');
export const founderOf = (id: ReplicaId): MemoryClaim => ({
	incarnation: incarnationOf(id),
	isNewcomer: false,
	groups: 0,
});
export const identity: Identity = {cluster: 'cluster', replicas: 3, rules: 'rules'};

/** One replica's place in a test: a server on a port of its own, rooms on it, and all that they reported. */
export class Place {
	readonly id: ReplicaId;
	readonly port: number;
	readonly http: HttpServer;
	readonly connections = new Set<TcpSocket>();
	readonly heard: Heard = [];
	readonly gone: ReplicaId[] = [];
	/** Peers that have met this one when it had another memory. */
	readonly lostFor: ReplicaId[] = [];
	/** How far the journals of the others are, and whether their disks have room, as they said last. */
	readonly durable = new Map<ReplicaId, number>();
	readonly room = new Map<ReplicaId, boolean>();
	/** Of its own disk. */
	hasRoom = true;
	/** What it remembers of the memories of others: an Acquaintances without a disk. */
	readonly met = new Map<ReplicaId, string>();
	readonly troubles: string[] = [];
	readonly hearings: Array<readonly ReplicaId[]> = [];
	#rooms: Rooms | undefined;

	private constructor(id: ReplicaId, http: HttpServer) {
		this.id = id;
		this.http = http;
		this.port = (http.address() as AddressInfo).port;
		http.on('connection', tcp => {
			this.connections.add(tcp);
			tcp.on('close', () => this.connections.delete(tcp));
		});
	}

	/** A port of the system's choice, or the one of an earlier life. */
	static async at(id: ReplicaId, port = 0): Promise<Place> {
		const http = createServer((_request, response) => response.writeHead(404).end());
		await new Promise<void>((resolve, reject) => {
			http.once('error', reject);
			http.listen(port, '127.0.0.1', resolve);
		});
		return new Place(id, http);
	}

	get rooms(): Rooms {
		if (this.#rooms === undefined) throw new Error('not open');
		return this.#rooms;
	}

	open(
		addresses: readonly Address[],
		different: Partial<Identity> & {secret?: Buffer; memory?: MemoryClaim} = {},
	): this {
		const {secret: otherSecret, memory = founderOf(this.id), ...otherIdentity} = different;
		this.#rooms = new Rooms({
			id: this.id,
			cluster: {...defaults, replicas: addresses},
			identity: {...identity, replicas: addresses.length, ...otherIdentity},
			memory,
			groups: () => memory.groups,
			hasRoom: () => this.hasRoom,
			acquaintances: {
				remembered: peer => {
					const incarnation = this.met.get(peer);
					return incarnation === undefined ? undefined : {incarnation, isNewcomer: false, groups: 0};
				},
				knows: (peer, {incarnation}) => this.met.get(peer) === incarnation,
				hear: (peer, {groups}) => this.durable.set(peer, groups),
				meet: async (peer, {incarnation, isNewcomer}) => {
					if (isNewcomer) return true;
					if (!this.met.has(peer)) this.met.set(peer, incarnation);
					return this.met.get(peer) === incarnation;
				},
			},
			secret: otherSecret ?? secret,
			httpServer: this.http,
			onMessages: (from, messages) => {
				for (const message of messages) this.heard.push({from, message});
			},
			onRoom: (peer, hasRoom) => this.room.set(peer, hasRoom),
			onDisconnected: peer => this.gone.push(peer),
			onLost: peer => this.lostFor.push(peer),
			onHears: peers => this.hearings.push(peers),
			onTrouble: text => this.troubles.push(text),
		});
		this.#rooms.start();
		return this;
	}

	async close(): Promise<void> {
		await this.#rooms?.close();
		if (!this.http.listening) return;
		const closed = new Promise<void>(resolve => this.http.close(() => resolve()));
		for (const tcp of this.connections) tcp.destroy();
		await closed;
	}
}

export const addressesOf = (
	places: ReadonlyArray<{readonly id: ReplicaId; readonly port: number}>,
): Address[] => places.map(({id, port}) => ({id, host: '127.0.0.1', port, bind: '127.0.0.1'}));

/** Looks every few milliseconds; an error that says what was waited for, if it takes too long. */
export async function until(condition: () => boolean, what = 'a condition', withinMs = 5000): Promise<void> {
	const end = performance.now() + withinMs;
	while (!condition()) {
		if (performance.now() > end) throw new Error(`waited ${withinMs} ms for ${what}`);
		await pause(2);
	}
}
