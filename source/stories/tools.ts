import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {readdirSync} from 'node:fs';
import type {DiskCall} from './disk-orders.ts';

/** Something has a process, or its disk, in its hands. */
export type Hold = {
	/** For the evidence. */
	readonly by: 'wrapper' | 'strace' | 'prlimit';
	/** Lets go of it, as if nothing had been. */
	release(): Promise<void>;
};

/**
 * Lets every fdatasync of a process take so much longer, by strace. Gives the
 * reason in words, if this machine does not let us.
 */
export async function slowDown(pid: number, delayMs: number): Promise<Hold | string> {
	const words = ['-f', '-e', 'trace=fdatasync', '-e', `inject=fdatasync:delay_enter=${delayMs * 1000}`];
	return strace(pid, words);
}

/** What the system calls them here. */
const systemCalls: Readonly<Record<DiskCall, string>> = {
	write: 'pwrite64',
	sync: 'fdatasync',
	rename: 'rename',
};

/** SIGKILL at the so-manieth call of a thread from now on. */
export async function killAtCall(pid: number, kind: DiskCall, count: number): Promise<Hold | string> {
	const call = systemCalls[kind];
	return strace(pid, ['-f', '-e', `trace=${call}`, '-e', `inject=${call}:signal=SIGKILL:when=${count}`]);
}

/** The next fdatasync of a process fails, once; those after it do not. */
export async function failSync(pid: number): Promise<Hold | string> {
	return strace(pid, ['-f', '-e', 'trace=fdatasync', '-e', 'inject=fdatasync:error=EIO:when=1']);
}

/** It says on standard error that it holds the process, thread by thread. */
async function strace(pid: number, words: readonly string[]): Promise<Hold | string> {
	const child = spawn('strace', [...words, '-o', '/dev/null', '-p', String(pid)], {
		stdio: ['ignore', 'ignore', 'pipe'],
	});
	let said = '';
	const isThere = Promise.withResolvers<boolean>();
	child.stderr.setEncoding('utf8').on('data', (text: string) => {
		said += text;
		if (said.includes('attached')) isThere.resolve(true);
	});
	const gone = new Promise<void>(resolve => {
		child.once('error', error => {
			said = absent(error);
			resolve();
		});
		child.once('close', () => resolve());
	});
	void gone.then(() => isThere.resolve(false));
	if (!(await isThere.promise))
		return `strace cannot hold a process here: ${said.trim().split('\n').at(-1) ?? ''}`;
	return {
		by: 'strace',
		release: async () => {
			child.kill('SIGINT');
			await gone;
		},
	};
}

/** No file of a process may grow beyond so many bytes: what a full disk says, it says by EFBIG. */
export const limitFiles = (pid: number, bytes: number): Promise<Hold | string> =>
	prlimit(pid, `--fsize=${bytes}:`, '--fsize=unlimited:');

/** A process may hold so many files open. Sockets are files. Then it may hold 1,024, as on most systems. */
export const limitOpenFiles = (pid: number, count: number): Promise<Hold | string> =>
	prlimit(pid, `--nofile=${count}:`, '--nofile=1024:');

/** How many files a process holds open: sockets, too. */
export const openFiles = (pid: number): number => readdirSync(`/proc/${pid}/fd`).length;

async function prlimit(pid: number, limit: string, lifted: string): Promise<Hold | string> {
	const why = await setLimit(pid, limit);
	// A process that is gone by then has no limits.
	return why ?? {by: 'prlimit', release: () => setLimit(pid, lifted).then(() => {})};
}

/** Gives the reason in words, if this machine does not let us. */
async function setLimit(pid: number, limit: string): Promise<string | undefined> {
	const child = spawn('prlimit', ['--pid', String(pid), limit], {stdio: ['ignore', 'ignore', 'pipe']});
	let said = '';
	child.stderr.setEncoding('utf8').on('data', (text: string) => {
		said += text;
	});
	try {
		const [code] = await once(child, 'close');
		return code === 0 ? undefined : `prlimit cannot limit a process here: ${said.trim()}`;
	} catch (error) {
		return `prlimit cannot limit a process here: ${absent(error)}`;
	}
}

const absent = (error: unknown): string =>
	(error as NodeJS.ErrnoException).code === 'ENOENT' ? 'it is not installed' : (error as Error).message;
