import {once} from 'node:events';
import {type AddressInfo, connect, createServer, type Server, type Socket} from 'node:net';
import type {Address} from '../cluster.ts';
import type {ReplicaId} from '../consensus/types.ts';
import type {Direction} from './evidence.ts';

/** One replica dials another through here. On this connection only the dialed one speaks. */
type Link = {
	readonly server: Server;
	readonly ends: Set<Socket>;
	isCut: boolean;
};

/**
 * Between every two replicas stand two TCP proxies, one for each direction:
 * each replica dials all the others to hear them. A link that is cut carries
 * nothing and hangs up on nobody, as when packets get lost on their way; what
 * was said meanwhile arrives late, or never.
 */
export class Links {
	readonly #links = new Map<string, Link>();

	static async open(replicas: readonly Address[]): Promise<Links> {
		const links = new Links();
		for (const {id: hearer} of replicas)
			for (const {id: speaker, host, port} of replicas)
				if (speaker !== hearer) await links.#open(speaker, hearer, host, port);
		return links;
	}

	private constructor() {}

	/** Where a replica dials another one to hear it. */
	port(speaker: ReplicaId, hearer: ReplicaId): number {
		return (this.#links.get(`${speaker} ${hearer}`)!.server.address() as AddressInfo).port;
	}

	/** From now on these are silent, and all others are not. */
	cut(directions: readonly Direction[]): void {
		const names = new Set(directions.map(([speaker, hearer]) => `${speaker} ${hearer}`));
		for (const [name, link] of this.#links) {
			link.isCut = names.has(name);
			for (const end of link.ends) {
				if (link.isCut) end.pause();
				else end.resume();
			}
		}
	}

	close(): void {
		for (const {server, ends} of this.#links.values()) {
			server.close();
			for (const end of ends) end.destroy();
		}
	}

	async #open(speaker: ReplicaId, hearer: ReplicaId, host: string, port: number): Promise<void> {
		const server = createServer({pauseOnConnect: true, noDelay: true});
		const link: Link = {server, ends: new Set(), isCut: false};
		this.#links.set(`${speaker} ${hearer}`, link);
		server.on('connection', near => {
			const far = connect({host, port, noDelay: true});
			join(link, near, far);
			join(link, far, near);
		});
		server.listen(0, '127.0.0.1');
		await once(server, 'listening');
	}
}

/** What comes in at one end goes out at the other, as fast as that takes it. */
function join(link: Link, from: Socket, to: Socket): void {
	link.ends.add(from);
	from.on('data', data => {
		if (!to.write(data)) from.pause();
	});
	to.on('drain', () => {
		if (!link.isCut) from.resume();
	});
	// Its close follows, and that is all we need to know of it.
	from.on('error', () => {});
	from.on('close', () => {
		link.ends.delete(from);
		to.end();
	});
	if (link.isCut) from.pause();
	else from.resume();
}
