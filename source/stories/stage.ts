import {appendFileSync} from 'node:fs';
import {mkdir, readFile, writeFile} from 'node:fs/promises';
import {createServer} from 'node:net';
import {join} from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import {Administrator} from '../client/administrator.ts';
import {Monitor} from '../client/monitor.ts';
import {type Cluster, parseCluster} from '../cluster.ts';
import type {ReplicaId, Slot} from '../consensus/types.ts';
import type {ReplicaLog} from '../history.ts';
import {monotonicMs} from '../history-file.ts';
import type {Order, Status} from '../network/events.ts';
import {ensureData} from '../storage/private-files.ts';
import {ensureSecret} from '../storage/secret.ts';
import {Supervisor} from '../supervisor.ts';
import {Crowd, type CrowdOptions} from './crowd.ts';
import {type Evidence, type Kill, retriesAnswered, type Sample, type Skip} from './evidence.ts';

export type StageOptions = {
	readonly title: string;
	/** How many replicas may be down: there are 2f + 1. */
	readonly f: number;
	/** Keys of cluster.json beside the replicas. */
	readonly tunables?: Readonly<Partial<Record<keyof Cluster, number>>>;
};

/** How often a condition is looked at. */
const pollMs = 20;
/** The longest that replicas may take to be equal once nobody talks any more, and that a new one may take to answer. */
const settleSeconds = 20;
const startSeconds = 20;
/** Statuses come five times a second: two in a row that are equal are not a coincidence. */
const statusMs = 250;

/**
 * A cluster of real processes for one act, and the hands that do things to it.
 * Everything that is done or seen is written down, for the judge.
 */
export class Stage {
	readonly replicas: number;
	readonly cluster: Cluster;
	readonly #options: StageOptions;
	readonly #directory: string;
	readonly #tell: (line: string) => void;
	readonly #supervisor: Supervisor;
	readonly #monitor: Monitor;
	readonly #administrator: Administrator;
	readonly #crowds: Crowd[] = [];
	readonly #samples: Sample[] = [];
	readonly #kills: Kill[] = [];
	readonly #skips: Skip[] = [];
	/** When each life of each replica began, in Unix milliseconds: a status tells its own time, and so its life. */
	readonly #lives: number[][];
	readonly #alive = new Set<ReplicaId>();
	readonly #heardAt = new Map<ReplicaId, number>();
	#unsubscribe: () => void = () => {};
	#highest = 0;
	#loss = 0;
	/** A replica that went down without our doing. */
	#accident: Error | undefined;

	/** Writes cluster.json into a directory and makes a secret. Nothing runs yet. */
	static async open(options: StageOptions, directory: string, tell: (line: string) => void): Promise<Stage> {
		await mkdir(directory, {recursive: true});
		const path = join(directory, 'cluster.json');
		const ports = await freePorts(2 * options.f + 1);
		const replicas = ports.map((port, id) => ({id, host: '127.0.0.1', port}));
		const text = JSON.stringify({f: options.f, ...options.tunables, replicas}, null, '\t');
		await writeFile(path, `${text}\n`);
		const data = join(directory, 'data');
		const cluster = parseCluster(text, path);
		await ensureData(data);
		return new Stage(options, directory, tell, cluster, await ensureSecret(data, cluster));
	}

	private constructor(
		options: StageOptions,
		directory: string,
		tell: (line: string) => void,
		cluster: Cluster,
		secret: Buffer,
	) {
		this.#options = options;
		this.#directory = directory;
		this.#tell = tell;
		this.cluster = cluster;
		this.replicas = cluster.replicas.length;
		this.#lives = cluster.replicas.map(() => []);
		this.#monitor = new Monitor({cluster});
		this.#administrator = new Administrator({cluster, secret});
		this.#supervisor = new Supervisor({
			cluster,
			configPath: this.#config,
			dataDirectory: this.data,
			extraArguments: () => ['--faults'],
			// For the look at a story that failed.
			onLine: (id, line) => appendFileSync(join(directory, `replica-${id}.txt`), `${line}\n`),
			onExit: (id, how) => {
				if (this.#alive.delete(id)) this.#accident ??= new Error(`replica ${id} went down by itself: ${how}`);
			},
		});
	}

	/** Starts all replicas, and waits until one leads. */
	async start(): Promise<void> {
		this.tell(`starts ${this.replicas} replicas`);
		this.#unsubscribe = this.#monitor.store.subscribe(() => this.#sample());
		await this.restartAll();
		await this.leader();
	}

	/** Client processes that talk until the act is over. */
	crowd(options: CrowdOptions): Crowd {
		this.tell(`${options.processes} client processes talk`);
		const crowd = new Crowd(options, {
			config: this.#config,
			data: this.data,
			replicas: this.replicas,
			historyOf: index => join(this.#directory, `history-${this.#crowds.length}-${index}.jsonl`),
		});
		this.#crowds.push(crowd);
		return crowd;
	}

	/** Whatever the act waits for, it waits no longer. */
	breakOff(why: Error): void {
		this.#accident ??= why;
		for (const id of this.#supervisor.ids) void this.#supervisor.kill(id);
	}

	/** Who runs. */
	get alive(): readonly ReplicaId[] {
		return [...this.#alive].sort((a, b) => a - b);
	}

	/** Process id of a replica; null while it does not run. */
	pid(id: ReplicaId): number | null {
		return this.#supervisor.pid(id);
	}

	/** The last word of a replica in its present life. */
	status(id: ReplicaId): Status | undefined {
		if (!this.#alive.has(id)) return undefined;
		const sample = this.#samples.findLast(({status}) => status.id === id);
		return sample?.life === this.#lives[id]!.length ? sample.status : undefined;
	}

	/** All that replicas have said of themselves so far. */
	get samples(): readonly Sample[] {
		return this.#samples;
	}

	/** The most lines that any replica told of. */
	get highest(): number {
		return this.#highest;
	}

	get retriesAnswered(): number {
		return retriesAnswered(this.#evidence());
	}

	get hasKilledPrimary(): boolean {
		return this.#kills.some(({wasPrimary}) => wasPrimary);
	}

	/** Waits for somebody who leads, in the highest view that anybody is in. */
	leader(): Promise<ReplicaId> {
		return this.until('somebody leads', 15, () => {
			const statuses = this.alive.map(id => this.status(id));
			const highest = Math.max(...statuses.map(status => status?.view ?? 0));
			return statuses.find(status => status?.role === 'primary' && status.view === highest)?.id;
		});
	}

	/** Waits until so many more messages were executed than now. */
	async growth(messages: number, seconds: number): Promise<void> {
		const goal = this.#highest + messages;
		await this.until(`${messages} more messages are executed`, seconds, () => this.#highest >= goal);
	}

	/** Waits for a condition (anything but false and undefined), and throws in words when it takes too long. */
	async until<Value>(what: string, seconds: number, condition: () => Value): Promise<Present<Value>> {
		const end = monotonicMs() + seconds * 1000;
		for (;;) {
			if (this.#accident !== undefined) throw this.#accident;
			const value = condition();
			if (value !== undefined && value !== false) return value as Present<Value>;
			if (monotonicMs() > end) throw new Error(`waited ${seconds} s in vain: ${what}`);
			await sleep(pollMs);
		}
	}

	/** kill -9, of the process. Resolves when it is gone. */
	async kill(id: ReplicaId): Promise<void> {
		const pid = this.#supervisor.pid(id);
		if (pid === null || !this.#alive.has(id)) throw new Error(`replica ${id} does not run`);
		const status = this.status(id);
		const left = this.alive.filter(other => other !== id && this.status(other) !== undefined).length;
		this.#alive.delete(id);
		process.kill(pid, 'SIGKILL');
		const at = monotonicMs();
		const wasPrimary = status?.role === 'primary';
		this.#kills.push({at, replica: id, pid, wasPrimary, view: status?.view ?? 0, left});
		this.tell(`kill -9 of replica ${id}${wasPrimary ? `, primary of view ${status.view}` : ''}`);
		await this.#supervisor.kill(id);
	}

	/** Starts a replica that does not run, and waits until it answers. */
	async restart(id: ReplicaId): Promise<void> {
		if (this.#accident !== undefined) throw this.#accident;
		this.#lives[id]!.push(Date.now());
		await this.#supervisor.launch(id).catch(error => {
			throw this.#accident ?? error;
		});
		this.#alive.add(id);
		await this.until(`replica ${id} answers`, startSeconds, () => this.status(id));
	}

	/** Starts all that do not run. */
	async restartAll(): Promise<void> {
		const down = this.#supervisor.ids.filter(id => !this.#alive.has(id));
		await Promise.all(down.map(id => this.restart(id)));
	}

	/** Makes the primary leave its next free slot out. */
	async skip(primary: ReplicaId): Promise<Slot> {
		const view = this.status(primary)?.view ?? 0;
		const done = await this.#order(primary, {kind: 'skip', slot: null});
		const slot = done ?? 0;
		this.#skips.push({at: monotonicMs(), replica: primary, slot, view});
		this.tell(`replica ${primary} leaves slot ${slot} out`);
		return slot;
	}

	/** From now on this share of what a replica hears from its peers is lost; everywhere, without an id. */
	async lose(probability: number, id?: ReplicaId): Promise<void> {
		if (id === undefined) this.#loss = probability;
		this.tell(
			`${id === undefined ? 'every replica' : `replica ${id}`} loses ${probability * 100} % of what it hears`,
		);
		const ids = id === undefined ? this.alive : [id];
		await Promise.all(ids.map(each => this.#order(each, {kind: 'loss', probability})));
	}

	tell(line: string): void {
		this.#tell(`${this.#options.title}: ${line}`);
	}

	/** Lets the clients come to their end and the replicas to equal logs, stops everything, and hands over what was seen. */
	async finish(): Promise<Evidence> {
		await Promise.all(this.#crowds.map(crowd => crowd.stop()));
		await Promise.all(this.alive.map(id => this.#order(id, {kind: 'heal'})));
		const since = Date.now() + statusMs;
		await this.until('all live replicas have executed the same', settleSeconds, () => {
			const statuses = this.alive.map(id => this.status(id));
			const [first] = statuses;
			return statuses.every(
				status => status !== undefined && status.now > since && status.executed === first?.executed,
			);
		});
		const alive = this.alive;
		await this.close();
		const histories = (await Promise.all(this.#crowds.map(crowd => crowd.histories()))).flat();
		const logs = await Promise.all(this.#supervisor.ids.map(id => this.#readLog(id, alive.includes(id))));
		return {...this.#evidence(), alive, histories, logs};
	}

	/** Ends every process. May be called at any time, and again. */
	async close(): Promise<void> {
		this.#unsubscribe();
		this.#alive.clear();
		for (const crowd of this.#crowds) crowd.kill();
		this.#monitor.close();
		this.#administrator.close();
		// Nothing is judged of an act that went wrong: its replicas need no time to say goodbye.
		if (this.#accident !== undefined)
			await Promise.all(this.#supervisor.ids.map(id => this.#supervisor.kill(id)));
		await this.#supervisor.stop(0);
	}

	get #config(): string {
		return join(this.#directory, 'cluster.json');
	}

	/** DATA of this cluster. */
	get data(): string {
		return join(this.#directory, 'data');
	}

	/** Writes down each new status. */
	#sample(): void {
		const at = monotonicMs();
		for (const {id, status, heardAt} of this.#monitor.store.getSnapshot().replicas) {
			if (status === null || heardAt === null || heardAt === this.#heardAt.get(id)) continue;
			this.#heardAt.set(id, heardAt);
			this.#highest = Math.max(this.#highest, status.messages);
			const life = this.#lives[id]!.filter(began => began <= status.now).length;
			this.#samples.push({at, life, status});
		}
	}

	async #order(id: ReplicaId, order: Order): Promise<Slot | undefined> {
		const done = await this.#administrator.order(id, order);
		if (!done.ok) throw new Error(`replica ${id} does not ${order.kind}: ${done.why}`);
		return done.slot;
	}

	#evidence(): Evidence {
		return {
			title: this.#options.title,
			replicas: this.replicas,
			histories: [],
			logs: [],
			alive: this.alive,
			samples: this.#samples,
			notes: this.#monitor.store.getSnapshot().notes,
			kills: this.#kills,
			skips: this.#skips,
			loss: this.#loss,
		};
	}

	/** What a kill -9 tore off in the middle of a line, the next start would have cut away: only whole lines count. */
	async #readLog(replica: ReplicaId, isAlive: boolean): Promise<ReplicaLog> {
		const bytes = await readFile(join(this.data, `replica-${replica}`, 'chat.log'));
		return {replica, bytes: isAlive ? bytes : bytes.subarray(0, bytes.lastIndexOf(0x0a) + 1)};
	}
}

type Present<Value> = Exclude<Value, false | undefined>;

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
