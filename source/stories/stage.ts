import {execFile} from 'node:child_process';
import {appendFileSync} from 'node:fs';
import {readFile} from 'node:fs/promises';
import {join} from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import {promisify} from 'node:util';
import {Administrator} from '../client/administrator.ts';
import type {Cluster} from '../cluster.ts';
import type {ReplicaId, Slot, View} from '../consensus/types.ts';
import type {ReplicaLog} from '../history.ts';
import {monotonicMs} from '../history-file.ts';
import type {Order, Status} from '../network/events.ts';
import {Supervisor} from '../supervisor.ts';
import {Book} from './book.ts';
import {Crowd, type CrowdOptions, script} from './crowd.ts';
import {flip, flipOld, litter, tearOff} from './damage.ts';
import {wrappedDisk} from './disk-orders.ts';
import {
	type Direction,
	type End,
	type Evidence,
	type Kill,
	retriesAnswered,
	type Sample,
	type Verdict,
} from './evidence.ts';
import {Hands} from './hands.ts';
import {Lookout} from './lookout.ts';
import {Place, type PlaceOptions} from './place.ts';

export type StageOptions = PlaceOptions & {
	readonly title: string;
	/** More variables for the replicas' environment. */
	readonly environment?: Readonly<Record<string, string>>;
	/** What the heap of each replica may hold; as Node has it, if absent. */
	readonly heapMegabytes?: number;
	/** The disk of each replica takes orders, by the module that stands around it. */
	readonly wrapsDisks?: boolean;
};

/** How often a condition is looked at. */
const pollMs = 20;
/** The longest that replicas may take to be equal once nobody talks any more, and that a new one may take to answer. */
const settleSeconds = 20;
const startSeconds = 20;
/** The longest that a replica may take that must go down by itself. */
const endSeconds = 10;
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
	readonly #lookout: Lookout;
	readonly #administrator: Administrator;
	readonly #book: Book;
	/** What takes hold of running processes. */
	readonly hands: Hands;
	readonly #crowds: Crowd[] = [];
	/** Those that are meant to go down, and how it went. */
	readonly #expected = new Map<ReplicaId, (how: string) => void>();
	readonly #alive = new Set<ReplicaId>();
	/** A replica that went down without our doing. */
	#accident: Error | undefined;

	/** Makes its place. Nothing runs yet. `prefersSystem`: disks are held by programs of the system, where these can. */
	static async open(
		options: StageOptions,
		directory: string,
		tell: (line: string) => void,
		prefersSystem: boolean,
	): Promise<Stage> {
		return new Stage(options, await Place.make(options, directory), tell, prefersSystem);
	}

	private constructor(
		options: StageOptions,
		place: Place,
		tell: (line: string) => void,
		prefersSystem: boolean,
	) {
		const {cluster, secret} = place;
		this.#options = options;
		this.#place = place;
		this.#tell = tell;
		this.cluster = cluster;
		this.replicas = cluster.replicas.length;
		this.#lookout = new Lookout(cluster);
		this.#book = new Book(() => ({view: this.highestView, leader: this.#leaderNow}));
		this.hands = new Hands({
			cluster,
			lookout: this.#lookout,
			book: this.#book,
			tell: line => this.tell(line),
			pidOf: id => this.#pidOf(id),
			homeOf: id => place.homeOf(id),
			ordersOf: id => place.ordersOf(id),
			prefersSystem,
			until: (what, seconds, condition) => this.until(what, seconds, condition),
			expectEnd: id => this.#expectEnd(id),
		});
		this.#administrator = new Administrator({cluster, secret});
		this.#supervisors = cluster.replicas.map(({id}) => this.#supervisorOf(id));
	}

	/** Starts all replicas, and waits until one leads. */
	async start(): Promise<void> {
		this.tell(`starts ${this.replicas} replicas`);
		this.#lookout.open();
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

	/** More clients than the cluster takes; what it gives sends them away. */
	overload(options: CrowdOptions): () => Promise<void> {
		const end = this.#book.begin({kind: 'overload', clients: options.processes * (options.clients ?? 1)});
		const crowd = this.crowd(options);
		return async () => {
			this.tell('the overload is over');
			await crowd.stop();
			end();
		};
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
		return this.#alive.has(id) ? this.#lookout.status(id) : undefined;
	}

	/** All that replicas have said of themselves so far. */
	get samples(): readonly Sample[] {
		return this.#lookout.samples;
	}

	/** The most lines that any replica told of. */
	get highest(): number {
		return this.#lookout.highest;
	}

	get retriesAnswered(): number {
		return retriesAnswered(this.#evidence());
	}

	get kills(): readonly Kill[] {
		return this.#book.kills;
	}

	get hasKilledPrimary(): boolean {
		return this.#book.kills.some(({wasPrimary}) => wasPrimary);
	}

	/** Waits for somebody who leads, in the highest view that anybody is in. */
	leader(): Promise<ReplicaId> {
		return this.until('somebody leads', 15, () => {
			const statuses = this.alive.map(id => this.status(id));
			const highest = Math.max(...statuses.map(status => status?.view ?? 0));
			return statuses.find(status => status?.role === 'primary' && status.view === highest)?.id;
		});
	}

	/**
	 * Waits until so many messages that were said after now are acknowledged, and the replicas have told of as many;
	 * in vain, if there is not one more for so long. One alone would not do: what replicas tell of themselves is up to
	 * a fifth of a second old, and what clients know no replica may have told of yet.
	 */
	async growth(messages: number, seconds: number): Promise<void> {
		const goal = this.highest + messages;
		const counters = this.#crowds.map(crowd => crowd.counter());
		let answered = 0;
		const hasGrown = () => {
			answered = counters.reduce((sum, counter) => sum + counter(), 0);
			return answered >= messages && this.highest >= goal;
		};
		const progress = () => answered + this.highest;
		await this.until(`${messages} more messages are acknowledged`, seconds, hasGrown, progress);
	}

	/** Waits until a replica has as many lines as anybody told of by now. */
	async caughtUp(id: ReplicaId, seconds = 15): Promise<void> {
		const goal = this.highest;
		const messages = () => this.status(id)?.messages ?? 0;
		await this.until(`replica ${id} has caught up`, seconds, () => messages() >= goal, messages);
	}

	/**
	 * Waits for a condition (anything but false and undefined), and throws in words when it takes too long: when
	 * `progress`, if there is one, has been the same for all the time. How fast it goes is up to the machine.
	 */
	async until<Value>(
		what: string,
		seconds: number,
		condition: () => Value,
		progress: () => unknown = () => undefined,
	): Promise<Present<Value>> {
		let end = monotonicMs() + seconds * 1000;
		for (let last = progress(); ; ) {
			if (this.#accident !== undefined) throw this.#accident;
			const value = condition();
			if (value !== undefined && value !== false) return value as Present<Value>;
			const now = progress();
			if (now !== last) end = monotonicMs() + seconds * 1000;
			last = now;
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
		this.#book.kills.push({at, replica: id, pid, wasPrimary, view: status?.view ?? 0, left});
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
		this.#lookout.dial(id);
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
		this.#book.skips.push({at: monotonicMs(), replica: primary, slot, view});
		this.tell(`replica ${primary} leaves slot ${slot} out`);
		return slot;
	}

	/** From now on this share of what a replica hears from its peers is lost; everywhere, without an id. */
	async lose(probability: number, id?: ReplicaId): Promise<void> {
		if (id === undefined) this.#book.loss = probability;
		this.tell(
			`${id === undefined ? 'every replica' : `replica ${id}`} loses ${probability * 100} % of what it hears`,
		);
		const ids = id === undefined ? this.alive : [id];
		await Promise.all(ids.map(each => this.#order(each, {kind: 'loss', probability})));
	}

	/** Cuts a replica off from its peers, by order; what it gives ends that. */
	async isolate(id: ReplicaId): Promise<() => Promise<void>> {
		this.tell(`replica ${id} is cut off`);
		const end = this.#book.begin({kind: 'isolation', replica: id});
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
		const end = this.#book.begin({kind: 'cut', links: directions});
		this.#place.links!.cut(directions);
		return () => {
			this.#place.links!.cut([]);
			end();
		};
	}

	/** These directions carry so much and no more, and all others what comes; what it gives makes all whole again. */
	slowLinks(directions: readonly Direction[], bytesPerSecond: number): () => void {
		this.tell(`${directions.map(pair => pair.join('>')).join(' ')} carry ${bytesPerSecond} bytes a second`);
		const end = this.#book.begin({kind: 'slow links', links: directions, bytesPerSecond});
		this.#place.links!.slow(directions, bytesPerSecond);
		return () => {
			this.#place.links!.slow([], bytesPerSecond);
			end();
		};
	}

	/** Damages the end of a journal of a replica that is down: bytes are cut off, or bytes of chance stand behind it. */
	async tear(id: ReplicaId, how: 'cut' | 'litter'): Promise<void> {
		const place = await (how === 'cut' ? tearOff : litter)(this.#journalOf(id));
		this.tell(`${how === 'cut' ? 'cut off' : 'litter'} at byte ${place.offset} of ${place.path}`);
		this.#book.begin({kind: 'tear', replica: id, path: place.path, offset: place.offset})();
	}

	/** Flips a bit in the older half of a journal of a replica that is down; what it gives flips it back. */
	async flip(id: ReplicaId): Promise<() => Promise<void>> {
		const place = await flipOld(this.#journalOf(id));
		this.tell(`flips a bit of byte ${place.offset} of ${place.path}`);
		const end = this.#book.begin({kind: 'flip', replica: id, path: place.path, offset: place.offset});
		return async () => {
			await flip(place);
			end();
		};
	}

	/** Removes all that a replica that is down remembers. */
	async wipe(id: ReplicaId): Promise<void> {
		if (this.pid(id) !== null) throw new Error(`replica ${id} runs: its files are its own`);
		this.tell(`removes ${await this.#place.wipe(id)}`);
		this.#book.begin({kind: 'wipe', replica: id})();
	}

	/** `paxos-chat readmit`: a replica that is down shall begin with a new memory; its old one is kept beside it. */
	async readmit(id: ReplicaId): Promise<void> {
		const own = ['--config', this.#place.configOf(id), '--data', this.#place.dataOf(id)];
		this.tell(`lets replica ${id} begin anew`);
		await promisify(execFile)(process.execPath, [script, 'readmit', String(id), ...own]);
		this.#book.begin({kind: 'readmit', replica: id})();
	}

	/** Puts the so-manieth memory that a replica had before in the place of the one that it has now; the same again undoes it. */
	async exchange(id: ReplicaId, former: number): Promise<void> {
		if (this.pid(id) !== null) throw new Error(`replica ${id} runs: its files are its own`);
		this.tell(`exchanges the memory of replica ${id} for an old one, or back`);
		await this.#place.exchange(id, former);
		this.#book.begin({kind: 'exchange', replica: id})();
	}

	/** Starts a replica that must not come up, and waits until it has gone down again by itself. */
	async startInVain(id: ReplicaId): Promise<End> {
		if (this.#accident !== undefined) throw this.#accident;
		this.tell(`starts replica ${id}, which must not come up`);
		const expected = this.#expectEnd(id);
		this.#beginLife(id);
		// Whether it listens first or not is its own business.
		await this.#supervisors[id]!.launch(id).catch(() => {});
		return expected.wait();
	}

	/** `paxos-chat verify` on DATA, as the replicas run. */
	async verify(): Promise<Verdict> {
		const at = monotonicMs();
		const words = [script, 'verify', '--json', '--config', this.#place.config, '--data', this.data];
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
		this.#book.verdicts.push(verdict);
		return verdict;
	}

	/** The highest view that anybody has told of. */
	get highestView(): View {
		return this.#lookout.highestView;
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
				status =>
					status !== undefined && this.#lookout.madeAt(status) > since && status.executed === first?.executed,
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
		this.#lookout.close();
		this.#alive.clear();
		for (const crowd of this.#crowds) crowd.kill();
		await this.hands.release();
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
			environment: environmentOf(this.#options, this.#place.ordersOf(id)),
			onLine: (_, line) => {
				this.#book.words.push({at: monotonicMs(), replica: id, line});
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
	#expectEnd(id: ReplicaId): {wait(): Promise<End>} {
		const at = monotonicMs();
		let how: string | undefined;
		this.#expected.set(id, said => {
			how = said;
		});
		return {
			wait: async () => {
				// A slow machine needs longer until the call comes at which it dies.
				const progress = () => this.status(id)?.executed;
				await this.until(`replica ${id} goes down by itself`, endSeconds, () => how, progress);
				const end: End = {at, until: monotonicMs(), replica: id, how: how!};
				this.#book.ends.push(end);
				return end;
			},
		};
	}

	get #ids(): readonly ReplicaId[] {
		return this.cluster.replicas.map(({id}) => id);
	}

	#beginLife(id: ReplicaId): void {
		this.#lookout.beginLife(id);
		this.#book.starts.push({at: monotonicMs(), replica: id});
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
			samples: this.#lookout.samples,
			notes: this.#lookout.notes,
			starts: this.#book.starts,
			kills: this.#book.kills,
			skips: this.#book.skips,
			ordeals: this.#book.ordeals,
			ends: this.#book.ends,
			words: this.#book.words,
			verdicts: this.#book.verdicts,
			skipped: this.#book.skipped,
			heldBy: [...this.#book.heldBy],
			loss: this.#book.loss,
			heapMegabytes: this.#options.heapMegabytes ?? null,
		};
	}

	/** What a kill -9 tore off in the middle of a line, the next start would have cut away: only whole lines count. */
	async #readLog(replica: ReplicaId, isAlive: boolean): Promise<ReplicaLog | undefined> {
		const wipes = this.#book.ordeals.filter(({kind}) => kind === 'wipe');
		if (!isAlive && wipes.some(wipe => wipe.kind === 'wipe' && wipe.replica === replica)) return undefined;
		const bytes = await readFile(join(this.#place.homeOf(replica), 'chat.log'));
		return {replica, bytes: isAlive ? bytes : bytes.subarray(0, bytes.lastIndexOf(0x0a) + 1)};
	}
}

type Present<Value> = Exclude<Value, false | undefined>;

function environmentOf(
	{environment, heapMegabytes, wrapsDisks}: StageOptions,
	orders: string,
): Readonly<Record<string, string>> {
	const words = [
		...(heapMegabytes === undefined ? [] : [`--max-old-space-size=${heapMegabytes}`]),
		...(wrapsDisks ? [wrappedDisk(orders)] : []),
	];
	return {...(words.length > 0 && {NODE_OPTIONS: words.join(' ')}), ...environment};
}
