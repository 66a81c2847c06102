import {existsSync, renameSync, rmSync, writeFileSync} from 'node:fs';
import {setTimeout as sleep} from 'node:timers/promises';
import {monotonicMs} from '../history-file.ts';
import type {Hold} from './tools.ts';

/** What a process does to its own disk, by the module that stands around it: from an order on, until the next one. */
export type Order =
	| {readonly kind: 'nothing'}
	/** Every sync takes so much longer. */
	| {readonly kind: 'slow'; readonly delayMs: number}
	/** The next sync fails, once. */
	| {readonly kind: 'fail'}
	/** There is room for so many bytes more. */
	| {readonly kind: 'full'; readonly bytes: number}
	/** SIGKILL in the so-manieth call of this kind. */
	| {readonly kind: 'kill'; readonly call: DiskCall; readonly count: number};
export type DiskCall = 'write' | 'sync' | 'rename';

/** There is an order. A process without a terminal gets this signal from nobody else. */
export const orderSignal = 'SIGWINCH';
/** For as long a process may have other things to do. */
const takeMs = 10_000;
const pollMs = 5;

/** What NODE_OPTIONS of a process say whose disk takes orders from the file at a path. */
export function wrappedDisk(path: string): string {
	const file = new URL(`./wrapped-disk${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url);
	file.searchParams.set('orders', path);
	return `--import=${file}`;
}

/** Gives the disk of a process an order, that is withdrawn when it is let go. */
export async function holdDisk(pid: number, path: string, order: Order): Promise<Hold> {
	await give(pid, path, order);
	return {by: 'wrapper', release: () => withdraw(pid, path)};
}

/** Resolves when the process has taken it: it removes the file. */
async function give(pid: number, path: string, order: Order): Promise<void> {
	// All of it, or none of it.
	writeFileSync(`${path}.new`, JSON.stringify(order));
	renameSync(`${path}.new`, path);
	process.kill(pid, orderSignal);
	for (const end = monotonicMs() + takeMs; existsSync(path); await sleep(pollMs)) {
		process.kill(pid, 0);
		if (monotonicMs() > end) throw new Error(`process ${pid} takes no order for its disk`);
	}
}

async function withdraw(pid: number, path: string): Promise<void> {
	try {
		await give(pid, path, {kind: 'nothing'});
	} catch (error) {
		// The order went with the process.
		if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
		rmSync(path, {force: true});
	}
}
