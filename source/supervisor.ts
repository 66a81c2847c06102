import {setTimeout as sleep} from 'node:timers/promises';
import type {Cluster} from './cluster.ts';
import type {ReplicaId, Slot} from './consensus/types.ts';
import {Failure} from './failure.ts';
import {ReplicaProcess, type Report, type ToReplica} from './replica-process.ts';
import {RestartDoor} from './restart-door.ts';

export type SupervisorOptions = {
	readonly cluster: Cluster;
	/** cluster.json, for the replicas to read. */
	readonly configPath: string;
	readonly dataDirectory: string;
	/** Which replicas; all, if absent. */
	readonly ids?: readonly ReplicaId[];
	/** More arguments for `paxos-chat replica ID`; asked at every start. */
	readonly extraArguments?: (id: ReplicaId) => readonly string[];
	/** More variables for their environment. */
	readonly environment?: Readonly<Record<string, string>>;
	/** Each line that a replica writes. */
	readonly onLine?: (id: ReplicaId, line: string) => void;
	/** A replica is gone, asked for or not. `how`: `exit code 1`, `SIGKILL`. */
	readonly onExit?: (id: ReplicaId, how: string) => void;
	/** What runs as `SCRIPT replica ID …`; our own command line, if absent. */
	readonly script?: string;
};

/** Between two looks at replicas that shall come to a quiet end, and how many looks must be alike. */
const lookMs = 25;
const quietLooks = 3;
/** From SIGTERM to SIGKILL. */
const graceMs = 2000;

/** The replicas of one machine as child processes. None is started again unasked. */
export class Supervisor {
	readonly ids: readonly ReplicaId[];
	readonly #options: SupervisorOptions;
	readonly #replicas = new Map<ReplicaId, ReplicaProcess>();
	readonly #restarts = new Map<ReplicaId, Promise<number>>();
	#door: RestartDoor | undefined;
	#stopping: Promise<void> | undefined;

	constructor(options: SupervisorOptions) {
		this.#options = options;
		this.ids = options.ids ?? options.cluster.replicas.map(({id}) => id);
	}

	/** Listens for `restart`, and launches all. What came of each, in order of `ids`: its process id, or a Failure. */
	async start(): Promise<ReadonlyArray<PromiseSettledResult<number>>> {
		this.#door = await RestartDoor.open(this.#options.dataDirectory, id => this.restart(id));
		return Promise.allSettled(this.ids.map(id => this.launch(id)));
	}

	/** Process id of a replica; null while it does not run. */
	pid(id: ReplicaId): number | null {
		return this.#replicas.get(id)?.pid ?? null;
	}

	/** Starts a replica that does not run; resolves with its process id as soon as it listens. */
	async launch(id: ReplicaId): Promise<number> {
		const replica = this.#spawn(id);
		if (await replica.ready) return replica.pid!;
		const how = await replica.gone;
		const why = replica.lastLine.replace(/^paxos-chat: /, '') || how;
		throw new Failure(`r${id} did not start: ${why}`, how === 'exit code 2' ? 2 : 1);
	}

	/** SIGKILL; resolves when it is gone, at once if it does not run. */
	async kill(id: ReplicaId): Promise<void> {
		const replica = this.#replicas.get(id);
		replica?.end('SIGKILL');
		await replica?.gone;
	}

	/** Kills a live one first. Resolves with the new process id as soon as it listens. */
	restart(id: ReplicaId): Promise<number> {
		// Two who ask at the same time get the same new process.
		const restarting =
			this.#restarts.get(id) ??
			this.kill(id)
				.then(() => this.launch(id))
				.finally(() => this.#restarts.delete(id));
		this.#restarts.set(id, restarting);
		return restarting;
	}

	/** How far the live replicas are, and who is connected. Who does not answer in time is left out. */
	async reports(withinMs: number): Promise<readonly Report[]> {
		const live = this.#ask('report');
		const end = performance.now() + withinMs;
		while (live.some(({report}) => report === null) && performance.now() < end) await sleep(5);
		return live.flatMap(({report}) => report ?? []);
	}

	/**
	 * Ends new requests, waits up to `quietMs` until all live replicas have
	 * executed the same slot, and ends them: by SIGTERM, then by SIGKILL.
	 */
	stop(quietMs = 2000): Promise<void> {
		this.#stopping ??= this.#stop(quietMs);
		return this.#stopping;
	}

	async #stop(quietMs: number): Promise<void> {
		this.#door?.close();
		await this.#quiesce(quietMs);
		const replicas = [...this.#replicas.values()];
		for (const replica of replicas) replica.end('SIGTERM');
		const timer = setTimeout(() => {
			for (const replica of replicas) replica.end('SIGKILL');
		}, graceMs);
		await Promise.all(replicas.map(({gone}) => gone));
		clearTimeout(timer);
	}

	/** Equal once may be chance, while a decision is on its way: equal and unmoved for a few looks is the end. */
	async #quiesce(withinMs: number): Promise<void> {
		const end = performance.now() + withinMs;
		let last: Slot | undefined;
		for (let alike = 0; alike < quietLooks && performance.now() < end; ) {
			const live = this.#ask('quiesce');
			if (live.length < 2) return;
			await sleep(lookMs);
			const slots = new Set(live.map(({report}) => report?.slot));
			const slot = slots.size === 1 ? [...slots][0] : undefined;
			if (slot === undefined) alike = 0;
			else alike = slot === last ? alike + 1 : 1;
			last = slot;
		}
	}

	/** Gives those that were asked. */
	#ask(type: ToReplica['type']): readonly ReplicaProcess[] {
		const live = [...this.#replicas.values()].filter(({isLive}) => isLive);
		for (const replica of live) replica.ask(type);
		return live;
	}

	#spawn(id: ReplicaId): ReplicaProcess {
		if (this.#stopping) throw new Failure(`r${id}: the supervisor is stopping its replicas`);
		if (!this.ids.includes(id)) throw new Failure(`r${id}: this supervisor runs ${this.#names}`, 2);
		if (this.#replicas.has(id)) throw new Failure(`r${id}: runs already`);
		const {configPath, dataDirectory, extraArguments, environment, script, onLine, onExit} = this.#options;
		const replica = new ReplicaProcess({
			id,
			configPath,
			dataDirectory,
			extraArguments: extraArguments?.(id) ?? [],
			environment: environment ?? {},
			script,
			onLine: line => onLine?.(id, line),
		});
		this.#replicas.set(id, replica);
		void replica.gone.then(how => {
			this.#replicas.delete(id);
			onExit?.(id, how);
		});
		return replica;
	}

	get #names(): string {
		return this.ids.map(id => `r${id}`).join(', ');
	}
}
