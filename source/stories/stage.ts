import {execFile} from 'node:child_process';
import {appendFileSync} from 'node:fs';
import {readFile, stat} from 'node:fs/promises';
import {connect} from 'node:net';
import {join} from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import {Administrator} from '../client/administrator.ts';
import {Monitor} from '../client/monitor.ts';
import type {Cluster} from '../cluster.ts';
import type {ReplicaId, Slot, View} from '../consensus/types.ts';
import type {ReplicaLog} from '../history.ts';
import {monotonicMs} from '../history-file.ts';
import type {Order, Status} from '../network/events.ts';
import {Supervisor} from '../supervisor.ts';
import {jumpSignal, jumpsMs} from './clock.ts';
import {Crowd, type CrowdOptions, script} from './crowd.ts';
import {flip, flipOld, litter, tearOff} from './damage.ts';
import {
	type Direction,
	type End,
	type Evidence,
	type Kill,
	type Ordeal,
	retriesAnswered,
	type Sample,
	type Skip,
	type Start,
	type Verdict,
	type What,
	type Word,
} from './evidence.ts';
import {Place, type PlaceOptions} from './place.ts';
import {failSync, type Hold, killAtCall, limitFiles, limitOpenFiles, openFiles, slowDown} from './tools.ts';

export type StageOptions = PlaceOptions & {
	readonly title: string;
	/** More variables for the replicas' environment. */
	readonly environment?: Readonly<Record<string, string>>;
	/** What the heap of each replica may hold; as Node has it, if absent. */
	readonly heapMegabytes?: number;
};

/** How often a condition is looked at. */
const pollMs = 20;
/** The longest that replicas may take to be equal once nobody talks any more, and that a new one may take to answer. */
const settleSeconds = 20;
const startSeconds = 20;
/** The longest that a replica may take that must go down by itself. */
const endSeconds = 10;
/** A disk that is nearly full has room for this. */
const fillBytes = 2048;
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
	readonly #place: Place;
	readonly #tell: (line: string) => void;
	/** One for each replica, in order of id: each has its own cluster.json or DATA, if the act wants it. */
	readonly #supervisors: readonly Supervisor[];
	readonly #monitor: Monitor;
	readonly #administrator: Administrator;
	readonly #crowds: Crowd[] = [];
	readonly #samples: Sample[] = [];
	readonly #starts: Start[] = [];
	readonly #kills: Kill[] = [];
	readonly #skips: Skip[] = [];
	readonly #ordeals: Ordeal[] = [];
	readonly #ends: End[] = [];
	readonly #verdicts: Verdict[] = [];
	readonly #words: Word[] = [];
	/** Those that are meant to go down, and how it went. */
	readonly #expected = new Map<ReplicaId, (how: string) => void>();
	/** What holds their processes. */
	readonly #holds = new Set<Hold>();
	/** When each life of each replica began, in Unix milliseconds: a status tells its own time, and so its life. */
	readonly #lives: number[][];
	/** How often the clock of each replica has jumped in its life. */
	readonly #jumps: number[];
	readonly #alive = new Set<ReplicaId>();
	readonly #heardAt = new Map<ReplicaId, number>();
	#unsubscribe: () => void = () => {};
	#highest = 0;
	#loss = 0;
	#skipped: string | null = null;
	/** A replica that went down without our doing. */
	#accident: Error | undefined;

	/** Makes its place. Nothing runs yet. */
	static async open(options: StageOptions, directory: string, tell: (line: string) => void): Promise<Stage> {
		return new Stage(options, await Place.make(options, directory), tell);
	}

	private constructor(options: StageOptions, place: Place, tell: (line: string) => void) {
		const {cluster, secret} = place;
		this.#options = options;
		this.#place = place;
		this.#tell = tell;
		this.cluster = cluster;
		this.replicas = cluster.replicas.length;
		this.#lives = cluster.replicas.map(() => []);
		this.#jumps = cluster.replicas.map(() => 0);
		this.#monitor = new Monitor({cluster});
		this.#administrator = new Administrator({cluster, secret});
		this.#supervisors = cluster.replicas.map(({id}) => this.#supervisorOf(id));
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
			config: this.#place.config,
			data: this.data,
			replicas: this.replicas,
			historyOf: index => join(this.#place.directory, `history-${this.#crowds.length}-${index}.jsonl`),
		});
		this.#crowds.push(crowd);
		return crowd;
	}

	/** Whatever the act waits for, it waits no longer. */
	breakOff(why: Error): void {
		this.#accident ??= why;
		for (const [id, supervisor] of this.#supervisors.entries()) void supervisor.kill(id);
	}

	/** Who runs. */
	get alive(): readonly ReplicaId[] {
		return [...this.#alive].sort((a, b) => a - b);
	}

	/** Process id of a replica; null while it does not run. */
	pid(id: ReplicaId): number | null {
		return this.#supervisors[id]!.pid(id);
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

	get kills(): readonly Kill[] {
		return this.#kills;
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

	/** Waits until a replica has as many lines as anybody told of by now. */
	async caughtUp(id: ReplicaId, seconds = 15): Promise<void> {
		const goal = this.#highest;
		await this.until(`replica ${id} has caught up`, seconds, () => (this.status(id)?.messages ?? 0) >= goal);
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
		const pid = this.pid(id);
		if (pid === null || !this.#alive.has(id)) throw new Error(`replica ${id} does not run`);
		const status = this.status(id);
		const left = this.alive.filter(other => other !== id && this.status(other) !== undefined).length;
		this.#alive.delete(id);
		process.kill(pid, 'SIGKILL');
		const at = monotonicMs();
		const wasPrimary = status?.role === 'primary';
		this.#kills.push({at, replica: id, pid, wasPrimary, view: status?.view ?? 0, left});
		this.tell(`kill -9 of replica ${id}${wasPrimary ? `, primary of view ${status.view}` : ''}`);
		await this.#supervisors[id]!.kill(id);
	}

	/** Starts a replica that does not run, and waits until it answers. */
	async restart(id: ReplicaId): Promise<void> {
		if (this.#accident !== undefined) throw this.#accident;
		this.#beginLife(id);
		await this.#supervisors[id]!.launch(id).catch(error => {
			throw this.#accident ?? error;
		});
		this.#alive.add(id);
		this.#monitor.dial(id);
		await this.until(`replica ${id} answers`, startSeconds, () => this.status(id));
	}

	/** Starts all that do not run. */
	async restartAll(): Promise<void> {
		const down = this.#ids.filter(id => !this.#alive.has(id));
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

	/** SIGSTOP, and SIGCONT after so many milliseconds. The process is there, its connections too, and it says nothing. */
	async pause(id: ReplicaId, milliseconds: number): Promise<void> {
		const pid = this.#pidOf(id);
		this.tell(`replica ${id} is stopped for ${milliseconds} ms`);
		const end = this.#begin({kind: 'pause', replica: id});
		process.kill(pid, 'SIGSTOP');
		const over = monotonicMs() + milliseconds;
		try {
			await this.until('the pause is over', milliseconds / 1000 + 1, () => monotonicMs() >= over);
		} finally {
			if (this.pid(id) === pid) process.kill(pid, 'SIGCONT');
		}

		end();
	}

	/** The next jump of the clock of a replica that was started with `jumpingClock`. */
	async jump(id: ReplicaId): Promise<void> {
		const byMs = jumpsMs[this.#jumps[id]! % jumpsMs.length]!;
		this.tell(`the clock of replica ${id} jumps by ${byMs} ms`);
		const end = this.#begin({kind: 'jump', replica: id, byMs});
		this.#jumps[id]!++;
		process.kill(this.#pidOf(id), jumpSignal);
		const was = this.status(id);
		await this.until(
			'it tells another time',
			5,
			() => this.status(id) !== was && this.status(id) !== undefined,
		);
		end();
	}

	/**
	 * Strangers come to a replica until it may open no more files, and stay; what it gives sends them away and ends
	 * that. Undefined, if it cannot be done here.
	 */
	async crowdOut(id: ReplicaId, most: number, strangers: number): Promise<(() => Promise<void>) | undefined> {
		const pid = this.#pidOf(id);
		const why = await limitOpenFiles(pid, most);
		if (why !== undefined) {
			this.#skipped = why;
			return undefined;
		}

		this.tell(`${strangers} strangers come to replica ${id}, which may hold ${most} files open`);
		const {host, port} = this.cluster.replicas[id]!;
		let sentAway = 0;
		const sockets = Array.from({length: strangers}, () =>
			connect({host, port})
				.on('error', () => {})
				.on('close', () => sentAway++),
		);
		const begun = {kind: 'files', replica: id, most, files: 0, sentAway: 0} as const;
		const end = this.#begin(begun);
		let files = 0;
		await this.until(`replica ${id} has run out of files`, 10, () => {
			files = Math.max(files, openFiles(pid));
			return files >= most - 1 && sentAway > 0;
		});
		return async () => {
			end({files, sentAway});
			for (const socket of sockets) socket.destroy();
			await limitOpenFiles(pid);
		};
	}

	/** Cuts a replica off from its peers, by order; what it gives ends that. */
	async isolate(id: ReplicaId): Promise<() => Promise<void>> {
		this.tell(`replica ${id} is cut off`);
		const end = this.#begin({kind: 'isolation', replica: id});
		await this.#order(id, {kind: 'isolate'});
		return async () => {
			this.tell(`replica ${id} is back among the others`);
			await this.#order(id, {kind: 'heal'});
			end();
		};
	}

	/** Cuts these directions and no others; what it gives makes all whole again. */
	cut(directions: readonly Direction[]): () => void {
		this.tell(`cuts ${directions.map(pair => pair.join('>')).join(' ')}`);
		const end = this.#begin({kind: 'cut', links: directions});
		this.#place.links!.cut(directions);
		return () => {
			this.#place.links!.cut([]);
			end();
		};
	}

	/** Every sync of its disk takes so much longer; what it gives ends that. Undefined, if it cannot be done here. */
	async slow(id: ReplicaId, delayMs: number): Promise<(() => Promise<void>) | undefined> {
		const hold = await slowDown(this.#pidOf(id), delayMs);
		if (typeof hold === 'string') {
			this.#skipped = hold;
			return undefined;
		}

		this.tell(`every sync of replica ${id} takes ${delayMs} ms longer`);
		this.#holds.add(hold);
		const end = this.#begin({kind: 'slow', replica: id});
		return async () => {
			this.#holds.delete(hold);
			await hold.release();
			end();
		};
	}

	/** SIGKILL at a replica's so-manieth call of this kind from now on. Resolves when it is down; false, if it cannot be done here. */
	killAtCall(id: ReplicaId, call: string, count: number): Promise<boolean> {
		this.tell(`kill -9 of replica ${id} at call ${count} of ${call}`);
		return this.#endBy(id, pid => killAtCall(pid, call, count));
	}

	/** The next sync of a replica fails, once. Resolves when it is down; false, if it cannot be done here. */
	async failSync(id: ReplicaId): Promise<boolean> {
		this.tell(`the next sync of replica ${id} fails`);
		const end = this.#begin({kind: 'failed sync', replica: id});
		const isDone = await this.#endBy(id, failSync);
		if (isDone) end();
		else this.#ordeals.pop();
		return isDone;
	}

	/** Files of a replica may not grow any more. Resolves when it is down; false, if it cannot be done here. */
	async fill(id: ReplicaId): Promise<boolean> {
		const {size} = await stat(join(this.#place.homeOf(id), 'chat.log'));
		const at = monotonicMs();
		const gone = this.#goneOf(id);
		const end = this.#begin({kind: 'full', replica: id});
		const why = await limitFiles(this.#pidOf(id), size + fillBytes);
		if (why !== undefined) {
			this.#expected.delete(id);
			this.#ordeals.pop();
			this.#skipped = why;
			return false;
		}

		this.tell(`the files of replica ${id} cannot grow any more`);
		await this.#endOf(id, at, gone);
		end();
		return true;
	}

	/** Damages the end of a journal of a replica that is down: bytes are cut off, or bytes of chance stand behind it. */
	async tear(id: ReplicaId, how: 'cut' | 'litter'): Promise<void> {
		const place = await (how === 'cut' ? tearOff : litter)(this.#journalOf(id));
		this.tell(`${how === 'cut' ? 'cut off' : 'litter'} at byte ${place.offset} of ${place.path}`);
		this.#begin({kind: 'tear', replica: id, path: place.path, offset: place.offset})();
	}

	/** Flips a bit in the older half of a journal of a replica that is down; what it gives flips it back. */
	async flip(id: ReplicaId): Promise<() => Promise<void>> {
		const place = await flipOld(this.#journalOf(id));
		this.tell(`flips a bit of byte ${place.offset} of ${place.path}`);
		const end = this.#begin({kind: 'flip', replica: id, path: place.path, offset: place.offset});
		return async () => {
			await flip(place);
			end();
		};
	}

	/** Removes all that a replica that is down remembers. */
	async wipe(id: ReplicaId): Promise<void> {
		if (this.pid(id) !== null) throw new Error(`replica ${id} runs: its files are its own`);
		this.tell(`removes ${await this.#place.wipe(id)}`);
		this.#begin({kind: 'wipe', replica: id})();
	}

	/** Starts a replica that must not come up, and waits until it has gone down again by itself. */
	async startInVain(id: ReplicaId): Promise<End> {
		if (this.#accident !== undefined) throw this.#accident;
		this.tell(`starts replica ${id}, which must not come up`);
		const at = monotonicMs();
		this.#beginLife(id);
		const gone = this.#goneOf(id);
		// Whether it listens first or not is its own business.
		await this.#supervisors[id]!.launch(id).catch(() => {});
		return this.#endOf(id, at, gone);
	}

	/** `paxos-chat verify` on DATA, as the replicas run. */
	async verify(): Promise<Verdict> {
		const at = monotonicMs();
		const words = [script, 'verify', '--json', '--data', this.data];
		const {code, stdout} = await new Promise<{code: number; stdout: string}>(resolve => {
			execFile(process.execPath, words, {maxBuffer: 1 << 26}, (error, stdout) =>
				resolve({code: Number(error?.code ?? 0), stdout}),
			);
		});
		const {problems, replicas} = JSON.parse(stdout) as {
			problems: string[];
			replicas: Array<{problems: string[]}>;
		};
		const verdict = {at, code, problems: [...problems, ...replicas.flatMap(each => each.problems)]};
		this.#verdicts.push(verdict);
		return verdict;
	}

	/** The highest view that anybody has told of. */
	get highestView(): View {
		return this.#samples.reduce((highest, {status}) => Math.max(highest, status.view), 0);
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
				status => status !== undefined && this.#madeAt(status) > since && status.executed === first?.executed,
			);
		});
		const alive = this.alive;
		await this.close();
		const histories = (await Promise.all(this.#crowds.map(crowd => crowd.histories()))).flat();
		const logs = await Promise.all(this.#ids.map(id => this.#readLog(id, alive.includes(id))));
		return {...this.#evidence(), alive, histories, logs: logs.filter(log => log !== undefined)};
	}

	/** Ends every process. May be called at any time, and again. */
	async close(): Promise<void> {
		this.#unsubscribe();
		this.#alive.clear();
		for (const crowd of this.#crowds) crowd.kill();
		await this.#letGo();
		this.#monitor.close();
		this.#administrator.close();
		// Nothing is judged of an act that went wrong: its replicas need no time to say goodbye.
		if (this.#accident !== undefined)
			await Promise.all(this.#supervisors.map((supervisor, id) => supervisor.kill(id)));
		await Promise.all(this.#supervisors.map(supervisor => supervisor.stop(0)));
		this.#place.links?.close();
	}

	/** DATA of this cluster; of its administrators alone, if each replica has its own. */
	get data(): string {
		return this.#place.data;
	}

	#supervisorOf(id: ReplicaId): Supervisor {
		return new Supervisor({
			cluster: this.cluster,
			ids: [id],
			configPath: this.#place.configOf(id),
			dataDirectory: this.#place.dataOf(id),
			extraArguments: () => ['--faults'],
			environment: environmentOf(this.#options),
			onLine: (_, line) => {
				this.#words.push({at: monotonicMs(), replica: id, line});
				// For the look at a story that failed.
				appendFileSync(join(this.#place.directory, `replica-${id}.txt`), `${line}\n`);
			},
			onExit: (_, how) => {
				const expected = this.#expected.get(id);
				this.#expected.delete(id);
				const wasAlive = this.#alive.delete(id);
				if (expected !== undefined) expected(how);
				else if (wasAlive) this.#accident ??= new Error(`replica ${id} went down by itself: ${how}`);
			},
		});
	}

	get #leaderNow(): ReplicaId | null {
		const view = this.highestView;
		return (
			this.alive.find(id => this.status(id)?.role === 'primary' && this.status(id)?.view === view) ?? null
		);
	}

	#pidOf(id: ReplicaId): number {
		const pid = this.pid(id);
		if (pid === null || !this.#alive.has(id)) throw new Error(`replica ${id} does not run`);
		return pid;
	}

	#journalOf(id: ReplicaId): string {
		if (this.pid(id) !== null) throw new Error(`replica ${id} runs: its files are its own`);
		return join(this.#place.homeOf(id), 'journal');
	}

	/** Its next end is no accident. */
	#goneOf(id: ReplicaId): Promise<string> {
		return new Promise(resolve => this.#expected.set(id, resolve));
	}

	/** Something takes hold of its process, and it goes down by that. */
	async #endBy(id: ReplicaId, take: (pid: number) => Promise<Hold | string>): Promise<boolean> {
		const at = monotonicMs();
		const pid = this.#pidOf(id);
		const gone = this.#goneOf(id);
		const hold = await take(pid);
		if (typeof hold === 'string') {
			this.#expected.delete(id);
			this.#skipped = hold;
			return false;
		}

		this.#holds.add(hold);
		await this.#endOf(id, at, gone);
		this.#holds.delete(hold);
		await hold.release();
		return true;
	}

	async #endOf(id: ReplicaId, at: number, gone: Promise<string>): Promise<End> {
		let how: string | undefined;
		void gone.then(said => {
			how = said;
		});
		await this.until(`replica ${id} goes down by itself`, endSeconds, () => how);
		const end: End = {at, until: monotonicMs(), replica: id, how: how!};
		this.#ends.push(end);
		return end;
	}

	get #ids(): readonly ReplicaId[] {
		return this.cluster.replicas.map(({id}) => id);
	}

	/** When a status was made, by our own time of day: the clock of its replica may have jumped. */
	#madeAt({id, now}: Status): number {
		const jumps = Array.from({length: this.#jumps[id]!}, (_, index) => jumpsMs[index % jumpsMs.length]!);
		return jumps.reduce((time, byMs) => time - byMs, now);
	}

	#beginLife(id: ReplicaId): void {
		this.#jumps[id] = 0;
		this.#lives[id]!.push(Date.now());
		this.#starts.push({at: monotonicMs(), replica: id});
	}

	/** Writes down that something begins; what it gives writes down the end. */
	#begin(what: What): (more?: Partial<What>) => void {
		const index = this.#ordeals.length;
		const begun: Ordeal = {
			at: monotonicMs(),
			until: null,
			view: this.highestView,
			leader: this.#leaderNow,
			...what,
		};
		this.#ordeals.push(begun);
		return more => {
			this.#ordeals[index] = {...begun, ...more, until: monotonicMs()} as Ordeal;
		};
	}

	async #letGo(): Promise<void> {
		const holds = [...this.#holds];
		this.#holds.clear();
		await Promise.all(holds.map(hold => hold.release()));
	}

	/** Writes down each new status. */
	#sample(): void {
		const at = monotonicMs();
		for (const {id, status, heardAt} of this.#monitor.store.getSnapshot().replicas) {
			if (status === null || heardAt === null || heardAt === this.#heardAt.get(id)) continue;
			this.#heardAt.set(id, heardAt);
			this.#highest = Math.max(this.#highest, status.messages);
			const life = this.#lives[id]!.filter(began => began <= this.#madeAt(status)).length;
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
			starts: this.#starts,
			kills: this.#kills,
			skips: this.#skips,
			ordeals: this.#ordeals,
			ends: this.#ends,
			words: this.#words,
			verdicts: this.#verdicts,
			skipped: this.#skipped,
			loss: this.#loss,
			heapMegabytes: this.#options.heapMegabytes ?? null,
		};
	}

	/** What a kill -9 tore off in the middle of a line, the next start would have cut away: only whole lines count. */
	async #readLog(replica: ReplicaId, isAlive: boolean): Promise<ReplicaLog | undefined> {
		const wipes = this.#ordeals.filter(({kind}) => kind === 'wipe');
		if (!isAlive && wipes.some(wipe => wipe.kind === 'wipe' && wipe.replica === replica)) return undefined;
		const bytes = await readFile(join(this.#place.homeOf(replica), 'chat.log'));
		return {replica, bytes: isAlive ? bytes : bytes.subarray(0, bytes.lastIndexOf(0x0a) + 1)};
	}
}

type Present<Value> = Exclude<Value, false | undefined>;

const environmentOf = ({environment, heapMegabytes}: StageOptions): Readonly<Record<string, string>> => ({
	...(heapMegabytes !== undefined && {NODE_OPTIONS: `--max-old-space-size=${heapMegabytes}`}),
	...environment,
});
