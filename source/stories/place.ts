import {cp, mkdir, rename, rm, writeFile} from 'node:fs/promises';
import {createServer} from 'node:net';
import {join} from 'node:path';
import {type Cluster, parseCluster} from '../cluster.ts';
import type {ReplicaId} from '../consensus/types.ts';
import {ensureData} from '../storage/private-files.ts';
import {ensureSecret} from '../storage/secret.ts';
import {Links} from './links.ts';

export type PlaceOptions = {
	/** How many replicas may be down: there are 2f + 1. */
	readonly f: number;
	/** Keys of cluster.json beside the replicas. */
	readonly tunables?: Readonly<Partial<Record<keyof Cluster, number>>>;
	/** The replicas hear each other through links that can be cut. */
	readonly hasLinks?: boolean;
	/** Each replica has a DATA of its own, as on a machine of its own. */
	readonly hasOwnData?: boolean;
};

/** Where a cluster lives: what lies in its directory, and the links between its replicas. */
export class Place {
	readonly directory: string;
	readonly cluster: Cluster;
	readonly secret: Buffer;
	readonly links: Links | undefined;
	readonly #options: PlaceOptions;

	/** Writes cluster.json into a directory and makes a secret. */
	static async make(options: PlaceOptions, directory: string): Promise<Place> {
		await mkdir(directory, {recursive: true});
		const ports = await freePorts(2 * options.f + 1);
		const replicas = ports.map((port, id) => ({id, host: '127.0.0.1', port}));
		const textFor = (each: typeof replicas) =>
			`${JSON.stringify({f: options.f, ...options.tunables, replicas: each}, null, '\t')}\n`;
		const path = join(directory, 'cluster.json');
		await writeFile(path, textFor(replicas));
		const cluster = parseCluster(textFor(replicas), path);
		const data = join(directory, 'data');
		await ensureData(data);
		const secret = await ensureSecret(data, cluster);
		const links = options.hasLinks ? await Links.open(cluster.replicas) : undefined;
		const place = new Place(options, directory, cluster, secret, links);
		for (const {id} of replicas) {
			if (options.hasOwnData) await place.#layData(id);
			if (links === undefined) continue;
			const seen = replicas.map(each => (each.id === id ? each : {...each, port: links.port(each.id, id)}));
			await writeFile(place.configOf(id), textFor(seen));
		}

		return place;
	}

	private constructor(
		options: PlaceOptions,
		directory: string,
		cluster: Cluster,
		secret: Buffer,
		links: Links | undefined,
	) {
		this.#options = options;
		this.directory = directory;
		this.cluster = cluster;
		this.secret = secret;
		this.links = links;
	}

	/** cluster.json for everybody but replicas. */
	get config(): string {
		return join(this.directory, 'cluster.json');
	}

	/** That of a replica: it may dial the others through links. */
	configOf(id: ReplicaId): string {
		return this.links ? join(this.directory, `cluster-${id}.json`) : this.config;
	}

	/** DATA of this cluster; of its administrators alone, if each replica has its own. */
	get data(): string {
		return join(this.directory, 'data');
	}

	dataOf(id: ReplicaId): string {
		return this.#options.hasOwnData ? `${this.data}-${id}` : this.data;
	}

	/** The directory that is a replica's memory. */
	homeOf(id: ReplicaId): string {
		return join(this.dataOf(id), `replica-${id}`);
	}

	/** Where the module around a replica's disk looks for orders. */
	ordersOf(id: ReplicaId): string {
		return join(this.directory, `disk-${id}.order`);
	}

	/** Removes the directory of a replica; or the whole of its own DATA, and puts the secret there again. Gives what was removed. */
	async wipe(id: ReplicaId): Promise<string> {
		const path = this.#options.hasOwnData ? this.dataOf(id) : this.homeOf(id);
		await rm(path, {recursive: true});
		if (this.#options.hasOwnData) await this.#layData(id);
		return path;
	}

	/** Exchanges the directory of a replica for one that `readmit` has put aside. */
	async exchange(id: ReplicaId, former: number): Promise<void> {
		const home = this.homeOf(id);
		const [old, meanwhile] = [`${home}.lost-${former}`, `${home}.meanwhile`];
		await rename(home, meanwhile);
		await rename(old, home);
		await rename(meanwhile, old);
	}

	async #layData(id: ReplicaId): Promise<void> {
		await ensureData(this.dataOf(id));
		await cp(join(this.data, 'secret'), join(this.dataOf(id), 'secret'));
	}
}

/**
 * Ports that nobody listens on, below those that the system gives to outgoing
 * connections: a replica that is down must find its port free when it comes
 * back, and nobody who dials it meanwhile may be connected to himself.
 */
async function freePorts(count: number): Promise<number[]> {
	const ports = new Set<number>();
	while (ports.size < count) {
		const port = 10_000 + Math.floor(Math.random() * 20_000);
		if (!ports.has(port) && (await isFree(port))) ports.add(port);
	}

	return [...ports];
}

const isFree = (port: number): Promise<boolean> =>
	new Promise(resolve => {
		const server = createServer()
			.once('error', () => resolve(false))
			.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
	});
