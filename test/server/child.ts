import {spawn} from 'node:child_process';
import {join, resolve} from 'node:path';
import type {ReplicaId} from '../../source/consensus/types.ts';
import {type Place, until} from './servers.ts';

/** What a process inherits that is no test. */
export const plain = {...process.env, NODE_OPTIONS: ''};

/** `paxos-chat replica ID` as a process; `before` is what a shell does first. */
export class Child {
	readonly process;
	readonly gone: Promise<number | NodeJS.Signals | null>;
	errors = '';

	/** All that were started and not killed yet. */
	static readonly #all = new Set<Child>();

	static async killAll(): Promise<void> {
		for (const child of Child.#all) child.process.kill('SIGKILL');
		await Promise.all([...Child.#all].map(({gone}) => gone));
		Child.#all.clear();
	}

	constructor(at: Place, id: ReplicaId, before = ':') {
		const words = [resolve('cli/main.ts'), 'replica', `${id}`, '--config', join(at.path, 'cluster.json')];
		const all = [process.execPath, '--disable-warning=ExperimentalWarning', ...words, '--data', at.data(id)];
		this.process = spawn('sh', ['-c', `${before}; exec "$@"`, 'sh', ...all], {
			env: plain,
			stdio: ['ignore', 'ignore', 'pipe'],
		});
		this.process.stderr.setEncoding('utf8').on('data', (text: string) => {
			this.errors += text;
		});
		this.gone = new Promise(done => {
			this.process.once('close', (code, signal) => done(signal ?? code));
		});
		Child.#all.add(this);
	}

	async listening(): Promise<this> {
		await until(
			() => this.errors.includes('listens on'),
			() => this.errors,
		);
		return this;
	}
}
