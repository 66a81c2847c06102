import {type ChildProcess, spawn} from 'node:child_process';
import {mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {createServer} from 'node:net';
import {tmpdir} from 'node:os';
import {join, resolve} from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';

/** The program as it was built, which `npm test` does first, and from its sources. */
const binScript = resolve('cli/bin.js');
export const mainScript = resolve('cli/main.ts');

export type Ended = {readonly code: number | null; readonly stdout: string; readonly stderr: string};

/** A process under test: what it says, and how it ends. */
export class Running {
	readonly process: ChildProcess;
	readonly ended: Promise<Ended>;
	stdout = '';
	stderr = '';

	constructor(
		words: readonly string[],
		{
			cwd,
			script = binScript,
			environment = {},
		}: {cwd: string; script?: string; environment?: NodeJS.ProcessEnv},
	) {
		const {NODE_OPTIONS: _, ...inherited} = process.env;
		this.process = spawn(process.execPath, [script, ...words], {cwd, env: {...inherited, ...environment}});
		this.process.stdout!.setEncoding('utf8').on('data', (text: string) => {
			this.stdout += text;
		});
		this.process.stderr!.setEncoding('utf8').on('data', (text: string) => {
			this.stderr += text;
		});
		this.ended = new Promise(end => {
			this.process.once('close', code => end({code, stdout: this.stdout, stderr: this.stderr}));
		});
	}

	/** Resolves when it has said something like this on standard error. */
	async until(pattern: RegExp): Promise<void> {
		await until(() => pattern.test(this.stderr), `${pattern} in:\n${this.stderr}`);
	}

	/** Sends a signal; resolves with how it ended, and after how many milliseconds. */
	async end(signal: NodeJS.Signals): Promise<Ended & {readonly ms: number}> {
		const start = performance.now();
		this.process.kill(signal);
		const ended = await this.ended;
		return {...ended, ms: performance.now() - start};
	}
}

/** Waits for a condition; ten seconds are far more than any needs. */
export async function until(isTrue: () => boolean | Promise<boolean>, what: string): Promise<void> {
	const end = performance.now() + 10_000;
	while (!(await isTrue())) {
		if (performance.now() > end) throw new Error(`waited in vain for ${what}`);
		await sleep(20);
	}
}

/** Runs one command to its end. */
export function run(
	words: readonly string[],
	options: {cwd: string; input?: string | Uint8Array; script?: string; environment?: NodeJS.ProcessEnv},
): Promise<Ended> {
	const running = new Running(words, options);
	running.process.stdin!.end(options.input ?? '');
	return running.ended;
}

/** Ports that are free now. */
export async function freePorts(count: number): Promise<number[]> {
	const servers = Array.from({length: count}, () => createServer());
	await Promise.all(
		servers.map(server => new Promise<void>(listening => server.listen(0, '127.0.0.1', listening))),
	);
	const ports = servers.map(server => (server.address() as {port: number}).port);
	await Promise.all(servers.map(server => new Promise(closed => server.close(closed))));
	return ports;
}

/** A directory with a cluster.json for this machine, and what is to be cleaned up in the end. */
export class Place {
	readonly path = mkdtempSync(join(tmpdir(), 'paxos-chat-'));
	readonly #running: Running[] = [];
	ports: readonly number[] = [];

	async write(f: number, more: object = {}): Promise<void> {
		this.ports = await freePorts(2 * f + 1);
		const replicas = this.ports.map((port, id) => ({id, host: '127.0.0.1', port}));
		writeFileSync(join(this.path, 'cluster.json'), JSON.stringify({f, replicas, ...more}));
	}

	run(words: readonly string[], input: string | Uint8Array = ''): Promise<Ended> {
		return run(words, {cwd: this.path, input});
	}

	start(words: readonly string[]): Running {
		const running = new Running(words, {cwd: this.path});
		this.#running.push(running);
		return running;
	}

	async clear(): Promise<void> {
		for (const running of this.#running) {
			running.process.kill('SIGKILL');
			await running.ended;
		}

		// Replicas that lost their supervisor are still on their way out, and may write a last word.
		rmSync(this.path, {recursive: true, force: true, maxRetries: 20, retryDelay: 100});
	}
}
