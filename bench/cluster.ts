import {mkdtemp, rm, writeFile} from 'node:fs/promises';
import {createServer} from 'node:net';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {type Cluster, readCluster} from '../source/cluster.ts';
import {Supervisor} from '../source/supervisor.ts';

/** Three replicas as processes of their own on this machine, on its real disk; what is not said has the defaults of cluster.json. */
export class BenchCluster {
	readonly cluster: Cluster;
	readonly configPath: string;
	readonly supervisor: Supervisor;
	readonly #directory: string;

	static async start(settings: object = {}): Promise<BenchCluster> {
		const directory = await mkdtemp(join(tmpdir(), 'paxos-chat-bench-'));
		const ports = await freePorts(3);
		const replicas = ports.map((port, id) => ({id, host: '127.0.0.1', port}));
		const configPath = join(directory, 'cluster.json');
		await writeFile(configPath, JSON.stringify({...settings, f: 1, replicas}));
		const bench = new BenchCluster(directory, configPath);
		for (const outcome of await bench.supervisor.start()) {
			if (outcome.status === 'rejected') throw outcome.reason;
		}

		return bench;
	}

	private constructor(directory: string, configPath: string) {
		this.#directory = directory;
		this.configPath = configPath;
		this.cluster = readCluster(configPath);
		this.supervisor = new Supervisor({
			cluster: this.cluster,
			configPath,
			dataDirectory: join(directory, 'data'),
			// As users start them: what was compiled once is kept.
			script: fileURLToPath(new URL('../../cli/bin.js', import.meta.url)),
		});
	}

	async stop(): Promise<void> {
		await this.supervisor.stop(0);
		await rm(this.#directory, {recursive: true, force: true});
	}
}

/** Ports that nobody used a moment ago. */
export async function freePorts(count: number): Promise<number[]> {
	const servers = await Promise.all(
		Array.from({length: count}, async () => {
			const server = createServer();
			await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
			return server;
		}),
	);
	return Promise.all(
		servers.map(async server => {
			const address = server.address();
			await new Promise(resolve => server.close(resolve));
			if (typeof address !== 'object' || address === null) throw new Error('a server without a port');
			return address.port;
		}),
	);
}
