import {spawn} from 'node:child_process';
import {appendFile, mkdir, mkdtemp, readFile, rm, writeFile} from 'node:fs/promises';
import {homedir, tmpdir} from 'node:os';
import {dirname, join} from 'node:path';
import {Administrator} from '../../source/client/administrator.ts';
import type {MonitorStore} from '../../source/client/monitor-store.ts';
import type {Cluster} from '../../source/cluster.ts';
import type {ReplicaId} from '../../source/consensus/types.ts';
import type {Order} from '../../source/network/events.ts';
import {askForRestart} from '../../source/restart-door.ts';
import {safeLine} from '../../source/safe-text.ts';
import {readSecret, secretPath} from '../../source/storage/secret.ts';
import type {Supervisor} from '../../source/supervisor.ts';
import {type Fault, tell} from './faults.ts';
import type {Event} from './model.ts';
import {leaderOf, namesOf} from './world.ts';

const restartMs = 30_000;

/** Carries out what the operator confirmed. It never throws: what came of it is an event. */
export class FaultConsole {
	readonly #cluster: Cluster;
	readonly #dataDirectory: string;
	readonly #monitor: MonitorStore;
	#supervisor: Supervisor | null;
	#administrator: Administrator | null = null;

	constructor(cluster: Cluster, dataDirectory: string, monitor: MonitorStore, supervisor: Supervisor | null) {
		this.#cluster = cluster;
		this.#dataDirectory = dataDirectory;
		this.#monitor = monitor;
		this.#supervisor = supervisor;
	}

	/** Why no fault order can be given; null if it can. */
	async open(): Promise<string | null> {
		try {
			const secret = await readSecret(this.#dataDirectory);
			if (secret === undefined)
				return `no ${secretPath(this.#dataDirectory)}: name the directory of the replicas with --data`;
			this.#administrator = new Administrator({cluster: this.#cluster, secret});
			return null;
		} catch (error) {
			return reasonOf(error);
		}
	}

	/** These replicas are ours to restart. */
	supervise(supervisor: Supervisor | null): void {
		this.#supervisor = supervisor;
	}

	async carryOut(fault: Fault): Promise<Event> {
		try {
			const text = await this.#order(fault);
			return {type: 'outcome', isOk: true, text: safeLine(text)};
		} catch (error) {
			return {type: 'outcome', isOk: false, text: safeLine(`${tell(fault)}: ${reasonOf(error)}`)};
		}
	}

	close(): void {
		this.#administrator?.close();
	}

	async #restart(id: ReplicaId): Promise<string> {
		const isOwn = this.#supervisor?.ids.includes(id) === true;
		const pid = isOwn
			? await this.#supervisor!.restart(id)
			: await askForRestart(this.#dataDirectory, id, restartMs);
		if (pid === null)
			throw new Error(
				`nobody supervises the replicas of ${this.#dataDirectory}; type: paxos-chat replica ${id} --faults`,
			);
		return `r${id} runs again, as process ${pid}`;
	}

	async #order(fault: Fault): Promise<string> {
		switch (fault.kind) {
			case 'restart':
				return this.#restart(fault.id);
			case 'kill':
				await this.#tell(fault.id, {kind: 'kill'});
				return `r${fault.id} is killed`;
			case 'isolate':
				await this.#tell(fault.id, {kind: 'isolate'});
				return `r${fault.id} is isolated`;
			case 'skip': {
				const {id} = leaderOf(this.#monitor.getSnapshot());
				if (id === null) throw new Error('nobody leads just now');
				const slot = await this.#tell(id, {kind: 'skip', slot: fault.slot});
				return `r${id} leaves slot ${slot} out; say something, and see the hole`;
			}
			case 'loss':
				return this.#tellAll(
					fault.id,
					{kind: 'loss', probability: fault.share},
					`${Math.round(fault.share * 100)}% of what they hear is lost`,
				);
			case 'heal':
				return this.#tellAll(fault.id, {kind: 'heal'}, 'healed');
		}
	}

	/** To one replica, or to all that are there. */
	async #tellAll(id: ReplicaId | null, order: Order, done: string): Promise<string> {
		const ids =
			id === null
				? this.#monitor
						.getSnapshot()
						.replicas.filter(({state}) => state !== 'down')
						.map(each => each.id)
				: [id];
		const outcomes = await Promise.allSettled(ids.map(each => this.#tell(each, order)));
		const failed = outcomes.find(({status}) => status === 'rejected');
		if (failed?.status === 'rejected') throw failed.reason;
		return `${namesOf(ids)}: ${done}`;
	}

	/** The slot that was skipped, if the order was to skip one. */
	async #tell(id: ReplicaId, order: Order): Promise<number | undefined> {
		if (this.#administrator === null) throw new Error('there is no secret');
		const outcome = await this.#administrator.order(id, order);
		if (outcome.ok) return outcome.slot;
		const next = outcome.slot === undefined ? '' : `; the next free slot is ${outcome.slot}`;
		throw new Error(`${outcome.why}${next}`);
	}
}

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Writes a new file for its owner's eyes; resolves with what was done, in words. One that is there already stays as it is. */
export async function saveText(path: string, text: string): Promise<Event> {
	const place = path.startsWith('~/') ? join(homedir(), path.slice(2)) : path;
	try {
		await writeFile(place, text, {flag: 'wx', mode: 0o600});
		return {
			type: 'outcome',
			isOk: true,
			text: safeLine(`${text.split('\n#').length} messages are in ${place}`),
		};
	} catch (error) {
		const why = (error as NodeJS.ErrnoException).code === 'EEXIST' ? 'it is there already' : reasonOf(error);
		return {type: 'outcome', isOk: false, text: safeLine(`cannot write ${place}: ${why}`)};
	}
}

/** The draft in the editor of the user, who has the terminal meanwhile. */
export async function editText(
	text: string,
	{VISUAL, EDITOR}: Readonly<NodeJS.ProcessEnv> = process.env,
): Promise<Event> {
	const editor = VISUAL || EDITOR || 'vi';
	const directory = await mkdtemp(join(tmpdir(), 'paxos-chat-draft-'));
	try {
		const path = join(directory, 'draft.txt');
		await writeFile(path, text, {mode: 0o600});
		const code = await new Promise<number | null>((ended, failed) => {
			// A shell, as an editor may have arguments: EDITOR='code --wait'.
			spawn('/bin/sh', ['-c', `${editor} "$1"`, 'sh', path], {stdio: 'inherit'})
				.once('error', failed)
				.once('exit', ended);
		});
		if (code !== 0) throw new Error(`it ended with code ${code}`);
		return {type: 'edited', text: await readFile(path, 'utf8')};
	} catch (error) {
		return {
			type: 'outcome',
			isOk: false,
			text: safeLine(`${editor}: ${reasonOf(error)}; the draft is as it was`),
		};
	} finally {
		await rm(directory, {recursive: true, force: true});
	}
}

const mostHistory = 1000;

/** Earlier input, under the state directory of the user: one JSON string a line. That it cannot be kept harms nobody. */
export class HistoryFile {
	readonly #path: string;
	#writing: Promise<void> = Promise.resolve();

	constructor(environment: Readonly<NodeJS.ProcessEnv> = process.env) {
		const state = environment.XDG_STATE_HOME || join(environment.HOME || homedir(), '.local', 'state');
		this.#path = join(state, 'paxos-chat', 'history');
	}

	async read(): Promise<readonly string[]> {
		try {
			const lines = (await readFile(this.#path, 'utf8')).split('\n').flatMap(textOf);
			const entries = [...new Set(lines.toReversed())].toReversed().slice(-mostHistory);
			if (lines.length > 2 * mostHistory)
				await writeFile(this.#path, entries.map(text => `${JSON.stringify(text)}\n`).join(''), {mode: 0o600});
			return entries;
		} catch {
			return [];
		}
	}

	add(text: string): void {
		this.#writing = this.#writing
			.then(async () => {
				await mkdir(dirname(this.#path), {recursive: true, mode: 0o700});
				await appendFile(this.#path, `${JSON.stringify(text)}\n`, {mode: 0o600});
			})
			.catch(() => {});
	}

	close(): Promise<void> {
		return this.#writing;
	}
}

function textOf(line: string): readonly string[] {
	try {
		const text: unknown = JSON.parse(line);
		return typeof text === 'string' && text.length <= 20_000 ? [text] : [];
	} catch {
		return [];
	}
}
