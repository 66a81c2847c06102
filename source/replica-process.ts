import {type ChildProcess, spawn} from 'node:child_process';
import {resolve} from 'node:path';
import {createInterface} from 'node:readline';
import {fileURLToPath} from 'node:url';
import type {ReplicaId, Slot} from './consensus/types.ts';
import {isCount} from './value-text.ts';

/** What a supervisor says to a replica over the channel between them. */
export type ToReplica =
	/** Take no new requests from now on, and say how far you are. */
	| {readonly type: 'quiesce'}
	/** Say how far you are. */
	| {readonly type: 'report'};
/** What the replica answers. */
export type FromReplica =
	/** It listens. Said once, unasked. */
	{readonly type: 'ready'} | Report;
/** How far a replica is, and how many connections its clients, monitors and administrators have. */
export type Report = {readonly type: 'executed'; readonly slot: Slot; readonly clients: number};

export type Launch = {
	readonly id: ReplicaId;
	readonly configPath: string;
	readonly dataDirectory: string;
	/** More arguments for `paxos-chat replica ID`. */
	readonly extraArguments: readonly string[];
	/** More variables for its environment. */
	readonly environment: Readonly<Record<string, string>>;
	/** What runs as `SCRIPT replica ID …`; our own command line, if absent. */
	readonly script?: string | undefined;
	readonly onLine: (line: string) => void;
};

/**
 * One replica as a child process. It leaves by itself when the channel to this
 * process closes, however this process ended. It has a process group of its
 * own, so that Ctrl+C in the terminal reaches the supervisor alone, which then
 * stops its replicas in good order.
 */
export class ReplicaProcess {
	readonly id: ReplicaId;
	/** True when it listens, false if it was gone before. */
	readonly ready: Promise<boolean>;
	/** Resolves when it is gone, with how: `exit code 1`, `SIGKILL`. */
	readonly gone: Promise<string>;
	/** Its last word since it was asked. */
	report: Report | null = null;
	/** The last line that it wrote. */
	lastLine = '';
	readonly #process: ChildProcess;
	#isReady = false;

	constructor({id, configPath, dataDirectory, extraArguments, environment, script, onLine}: Launch) {
		this.id = id;
		const place = ['--config', resolve(configPath), '--data', resolve(dataDirectory)];
		const words = [script ?? ownScript, 'replica', String(id), ...place, ...extraArguments];
		const child = spawn(process.execPath, words, {
			stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
			detached: true,
			env: {...process.env, NODE_ENV: 'production', ...environment},
		});
		this.#process = child;
		this.gone = new Promise(resolveGone => {
			child.once('error', error => resolveGone(error.message));
			child.once('close', (code, signal) => resolveGone(signal ?? `exit code ${code}`));
		});
		this.ready = new Promise(resolveReady => {
			child.on('message', message => {
				const said = messageOf(message);
				if (said?.type === 'executed') this.report = said;
				if (said?.type !== 'ready') return;
				this.#isReady = true;
				resolveReady(true);
			});
			void this.gone.then(() => resolveReady(false));
		});
		for (const stream of [child.stdout, child.stderr]) {
			createInterface(stream!).on('line', line => {
				this.lastLine = line;
				onLine(line);
			});
		}
	}

	get pid(): number | null {
		return this.#process.pid ?? null;
	}

	/** It listens, and can be asked. */
	get isLive(): boolean {
		return this.#isReady && this.#process.connected;
	}

	/** The answer, if one comes, will be its `report`, which is null until then. */
	ask(type: ToReplica['type']): void {
		this.report = null;
		this.#process.send({type} satisfies ToReplica, () => {});
	}

	end(signal: 'SIGTERM' | 'SIGKILL'): void {
		this.#process.kill(signal);
	}
}

/** From the sources as from dist: the command line that lies beside this file. */
const ownScript = fileURLToPath(
	new URL(`../cli/main${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url),
);

/** The other end may be another version one day: its words are checked like any. */
function messageOf(message: unknown): FromReplica | undefined {
	if (typeof message !== 'object' || message === null || !('type' in message)) return undefined;
	if (message.type === 'ready') return {type: 'ready'};
	if (message.type !== 'executed' || !('slot' in message) || !isCount(message.slot)) return undefined;
	const clients = 'clients' in message && isCount(message.clients) ? message.clients : 0;
	return {type: 'executed', slot: message.slot, clients};
}
