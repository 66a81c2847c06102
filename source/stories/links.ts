import {once} from 'node:events';
import {type AddressInfo, connect, createServer, type Server, type Socket} from 'node:net';
import type {Address} from '../cluster.ts';
import type {ReplicaId} from '../consensus/types.ts';
import {monotonicMs} from '../history-file.ts';
import type {Direction} from './evidence.ts';

/** One replica dials another through here. On this connection only the dialed one speaks. */
type Link = {
	readonly server: Server;
	readonly ends: Set<Socket>;
	isCut: boolean;
	/** What it carries in a second, each way; null: as much as comes. */
	bytesPerSecond: number | null;
};

/** How often a slow link lets something through, and the longest for which it makes up when we were late. In milliseconds. */
const dripMs = 10;
const longestDripMs = 50;

/**
 * Between every two replicas stand two TCP proxies, one for each direction:
 * each replica dials all the others to hear them. A link that is cut carries
 * nothing and hangs up on nobody, as when packets get lost on their way; what
 * was said meanwhile arrives late, or never. One that is slow lets everything
 * through in order, and nobody sees how much waits in front of it: the system
 * takes far more from who speaks than it has carried.
 */
export class Links {
	readonly #links = new Map<string, Link>();
	readonly #drip: NodeJS.Timeout;
	#drippedAt = monotonicMs();

	static async open(replicas: readonly Address[]): Promise<Links> {
		const links = new Links();
		for (const {id: hearer} of replicas)
			for (const {id: speaker, host, port} of replicas)
				if (speaker !== hearer) await links.#open(speaker, hearer, host, port);
		return links;
	}

	private constructor() {
		this.#drip = setInterval(() => this.#dripAll(), dripMs);
	}

	/** Where a replica dials another one to hear it. */
	port(speaker: ReplicaId, hearer: ReplicaId): number {
		return (this.#links.get(`${speaker} ${hearer}`)!.server.address() as AddressInfo).port;
	}

	/** From now on these are silent, and all others are not. */
	cut(directions: readonly Direction[]): void {
		const names = new Set(directions.map(([speaker, hearer]) => `${speaker} ${hearer}`));
		for (const [name, link] of this.#links) {
			link.isCut = names.has(name);
			settle(link);
		}
	}

	/** From now on these carry so much, and all others as much as comes. */
	slow(directions: readonly Direction[], bytesPerSecond: number): void {
		const names = new Set(directions.map(([speaker, hearer]) => `${speaker} ${hearer}`));
		for (const [name, link] of this.#links) {
			link.bytesPerSecond = names.has(name) ? bytesPerSecond : null;
			settle(link);
		}
	}

	close(): void {
		clearInterval(this.#drip);
		for (const {server, ends} of this.#links.values()) {
			server.close();
			for (const end of ends) end.destroy();
		}
	}

	async #open(speaker: ReplicaId, hearer: ReplicaId, host: string, port: number): Promise<void> {
		const server = createServer({pauseOnConnect: true, noDelay: true});
		const link: Link = {server, ends: new Set(), isCut: false, bytesPerSecond: null};
		this.#links.set(`${speaker} ${hearer}`, link);
		server.on('connection', near => {
			const far = connect({host, port, noDelay: true});
			join(link, near, far);
			join(link, far, near);
		});
		server.listen(0, '127.0.0.1');
		await once(server, 'listening');
	}

	#dripAll(): void {
		const now = monotonicMs();
		const passedMs = Math.min(now - this.#drippedAt, longestDripMs);
		this.#drippedAt = now;
		for (const {isCut, bytesPerSecond, ends} of this.#links.values()) {
			if (isCut || bytesPerSecond === null) continue;
			const most = Math.ceil((bytesPerSecond * passedMs) / 1000);
			// What is read of a socket that is paused goes the way of all its data.
			for (const end of ends) end.read(Math.min(most, end.readableLength));
		}
	}
}

const flows = ({isCut, bytesPerSecond}: Link): boolean => !isCut && bytesPerSecond === null;

function settle(link: Link): void {
	for (const end of link.ends) {
		if (flows(link)) end.resume();
		else end.pause();
	}
}

/** What comes in at one end goes out at the other, as fast as that takes it, unless the link is slow. */
function join(link: Link, from: Socket, to: Socket): void {
	link.ends.add(from);
	from.on('data', data => {
		if (!to.write(data)) from.pause();
	});
	to.on('drain', () => {
		if (flows(link)) from.resume();
	});
	// Its close follows, and that is all we need to know of it.
	from.on('error', () => {});
	from.on('close', () => {
		link.ends.delete(from);
		to.end();
	});
	if (flows(link)) from.resume();
	else from.pause();
}
