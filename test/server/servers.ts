import {mkdtempSync, readFileSync, rmSync} from 'node:fs';
import {copyFile, mkdir} from 'node:fs/promises';
import {createServer} from 'node:net';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {setTimeout as pause} from 'node:timers/promises';
import {type BatchEnd, type BatchOptions, type BatchReport, runBatch} from '../../source/client/batch.ts';
import {type Cluster, parseCluster} from '../../source/cluster.ts';
import type {ReplicaId} from '../../source/consensus/types.ts';
import {check, type Operation} from '../../source/history.ts';
import {Server, type ServerOptions} from '../../source/server.ts';
import {ensureData} from '../../source/storage/private-files.ts';
import {ensureSecret} from '../../source/storage/secret.ts';

/** Checkpoints after some hundred messages, and nothing kept of what they cover. */
export const smallCheckpoints = {segmentBytes: 32_768, checkpointBytes: 65_536, retainBytes: 0};

/** One cluster of a test: addresses that the system gave, a DATA for each replica as on machines of their own. */
export class Place {
	readonly path = mkdtempSync(join(tmpdir(), 'paxos-chat-'));
	readonly cluster: Cluster;
	readonly servers = new Map<ReplicaId, Server>();
	/** What each replica said to its operator, and how it failed. */
	readonly lines = new Map<ReplicaId, string[]>();
	readonly failures = new Map<ReplicaId, Error>();
	/** Of all batches. */
	readonly operations: Operation[] = [];

	private constructor(cluster: Cluster) {
		this.cluster = cluster;
	}

	static async make(f: number, tunables: object = {}): Promise<Place> {
		const ports = await freePorts(2 * f + 1);
		const replicas = ports.map((port, id) => ({id, host: '127.0.0.1', port}));
		const place = new Place(parseCluster(JSON.stringify({f, replicas, ...tunables}), 'cluster.json'));
		await ensureData(place.data(0));
		await ensureSecret(place.data(0), place.cluster);
		for (const {id} of replicas) await place.shareSecret(id);
		return place;
	}

	/** A new DATA may hold nothing but the secret. */
	async shareSecret(id: ReplicaId): Promise<void> {
		if (id === 0) return;
		await mkdir(this.data(id), {recursive: true, mode: 0o700});
		await copyFile(join(this.data(0), 'secret'), join(this.data(id), 'secret'));
	}

	data(id: ReplicaId): string {
		return join(this.path, `data-${id}`);
	}

	file(id: ReplicaId, name: string): string {
		return join(this.data(id), `replica-${id}`, name);
	}

	log(id: ReplicaId): Buffer {
		return readFileSync(this.file(id, 'chat.log'));
	}

	server(id: ReplicaId): Server {
		return this.servers.get(id)!;
	}

	said(id: ReplicaId): string {
		return (this.lines.get(id) ?? []).join('\n');
	}

	async start(id: ReplicaId, more: Partial<ServerOptions> = {}): Promise<Server> {
		this.lines.set(id, this.lines.get(id) ?? []);
		const server = await Server.start({
			cluster: this.cluster,
			id,
			data: this.data(id),
			skip: [],
			loss: 0,
			hasFaults: false,
			log: line => this.lines.get(id)!.push(line),
			onFatal: error => {
				if (this.failures.has(id)) throw new Error('a replica fails once');
				this.failures.set(id, error);
			},
			...more,
		});
		this.servers.set(id, server);
		return server;
	}

	async startAll(): Promise<void> {
		await Promise.all(this.cluster.replicas.map(({id}) => this.start(id)));
	}

	async stop(id: ReplicaId): Promise<void> {
		await this.servers.get(id)?.stop();
		this.servers.delete(id);
	}

	/** So many messages; all of them must be acknowledged. */
	async batch(messages: number, more: Partial<BatchOptions> = {}): Promise<BatchReport> {
		const {report, why} = await this.tryBatch(messages, more);
		if (report.acknowledged !== messages) throw new Error(`${why}: ${JSON.stringify(report)}`);
		return report;
	}

	tryBatch(messages: number, more: Partial<BatchOptions> = {}): Promise<BatchEnd> {
		return runBatch({
			cluster: this.cluster,
			messages,
			clients: 100,
			size: 100,
			nick: 'bench',
			timeoutMs: 20_000,
			sessionsPerConnection: 50,
			onOperation: operation => this.operations.push(operation),
			...more,
		});
	}

	/** What is wrong with these logs, given all that was acknowledged. */
	violations(ids: readonly ReplicaId[] = this.cluster.replicas.map(({id}) => id)) {
		return check(
			[this.operations],
			ids.map(replica => ({replica, bytes: this.log(replica)})),
		).violations;
	}

	/** All that run have executed the same slot, and so much of it that none is still on its way. */
	async untilLevel(withinMs?: number): Promise<void> {
		const servers = [...this.servers.values()];
		const isLevel = () => new Set(servers.map(({executed}) => executed)).size === 1;
		await until(
			isLevel,
			() => `all to be level: ${servers.map(({id, executed}) => `r${id} ${executed}`)}`,
			withinMs,
		);
		// The end of the log may still be on its way to the file.
		await until(
			() => new Set(servers.map(({id}) => this.log(id).length)).size === 1,
			() => 'logs of one length',
		);
	}

	async clear(): Promise<void> {
		await Promise.all([...this.servers.values()].map(server => server.stop().catch(() => {})));
		rmSync(this.path, {recursive: true, force: true, maxRetries: 20, retryDelay: 50});
	}
}

export async function until(condition: () => boolean, what: () => string, withinMs = 15_000): Promise<void> {
	const end = performance.now() + withinMs;
	while (!condition()) {
		if (performance.now() > end) throw new Error(`waited ${withinMs} ms for ${what()}`);
		await pause(5);
	}
}

export async function freePorts(count: number): Promise<number[]> {
	const servers = Array.from({length: count}, () => createServer());
	await Promise.all(servers.map(server => new Promise<void>(done => server.listen(0, '127.0.0.1', done))));
	const ports = servers.map(server => (server.address() as {port: number}).port);
	await Promise.all(servers.map(server => new Promise(done => server.close(done))));
	return ports;
}
