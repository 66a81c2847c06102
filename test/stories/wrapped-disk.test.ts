import {type ChildProcess, fork} from 'node:child_process';
import {once} from 'node:events';
import {existsSync, readdirSync, statSync} from 'node:fs';
import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join, resolve} from 'node:path';
import {afterEach, beforeEach, describe, expect, test} from '@jest/globals';
import {type DiskCall, holdDisk, type Order, wrappedDisk} from '../../source/stories/disk-orders.ts';
import {filesIn, textOf} from '../source-files.ts';
import type {Deed, Result} from './disk-user.ts';

const writtenBytes = 100;
const writes: readonly Deed[] = ['write', 'log write', 'keep'];
const syncs: readonly Deed[] = ['fdatasync', 'fsync', 'log sync', 'directory sync'];
/** Far longer than anything takes here that is not meant to. */
const delayMs = 400;

let directory: string;
let orders: string;
let child: ChildProcess;
/** By which signal it died. */
let death: Promise<string>;

beforeEach(async () => {
	directory = await mkdtemp(join(tmpdir(), 'paxos-chat disk+%-'));
	orders = join(directory, 'disk.order');
	child = fork(resolve('test/stories/disk-user.ts'), [directory], {
		execArgv: [],
		env: {...process.env, NODE_OPTIONS: wrappedDisk(orders)},
	});
	death = new Promise(done => child.once('exit', (_, signal) => done(signal!)));
	await once(child, 'message');
}, 20_000);

afterEach(async () => {
	if (child.exitCode === null && child.signalCode === null) {
		child.kill('SIGKILL');
		await once(child, 'close');
	}

	await rm(directory, {recursive: true});
});

const hold = (order: Order) => holdDisk(child.pid!, orders, order);

/** What came of it; `SIGKILL`, if the process died of it. */
async function does(deed: Deed): Promise<Result | string> {
	const answer = new Promise<Result>(done => {
		const hear = (result: Result) => {
			if (result.deed !== deed) return;
			child.off('message', hear);
			done(result);
		};
		child.on('message', hear);
	});
	child.send(deed);
	return Promise.race([answer, death]);
}

async function all(deeds: readonly Deed[]): Promise<Result[]> {
	const results: Result[] = [];
	for (const deed of deeds) results.push((await does(deed)) as Result);
	return results;
}

const sizeOf = (name: string): number => statSync(join(directory, name)).size;
const wellDone = (deeds: readonly Deed[]) =>
	deeds.map(deed => ({
		deed,
		ms: expect.any(Number),
		...(writes.includes(deed) && {value: writtenBytes}),
	}));
const refused = (deeds: readonly Deed[], error: object) =>
	deeds.map(deed => ({deed, ms: expect.any(Number), error}));

test('without an order nothing is different', async () => {
	const every: readonly Deed[] = [...writes, ...syncs, 'rename'];
	expect(await all(every)).toEqual(wellDone(every));
	expect(sizeOf('journal')).toBe(writtenBytes);
	expect(sizeOf('log')).toBe(writtenBytes);
	expect(readdirSync(directory).sort()).toEqual(['journal', 'log', 'renamed']);
}, 20_000);

test('every sync takes longer, and nothing else does, until the order is withdrawn', async () => {
	const order = await hold({kind: 'slow', delayMs});
	for (const {ms, error} of await all(syncs)) {
		expect(error).toBeUndefined();
		// Timers of Node may be a millisecond early.
		expect(ms).toBeGreaterThan(delayMs - 2);
	}

	const others = await all([...writes, 'rename']);
	expect(others).toEqual(wellDone([...writes, 'rename']));
	for (const {ms} of others) expect(ms).toBeLessThan(delayMs / 2);
	await order.release();
	for (const {ms} of await all(syncs)) expect(ms).toBeLessThan(delayMs / 2);
}, 20_000);

test('a sync that stands still ends when the order is withdrawn, and the process does other things meanwhile', async () => {
	const order = await hold({kind: 'slow', delayMs: 30_000});
	const standing = Promise.all(syncs.map(does));
	let isOver = false;
	void standing.then(() => {
		isOver = true;
	});
	expect(await all(writes)).toEqual(wellDone(writes));
	expect(isOver).toBe(false);
	await order.release();
	for (const result of await standing) {
		expect(result).toEqual({deed: expect.any(String), ms: expect.any(Number)});
		expect((result as Result).ms).toBeLessThan(10_000);
	}
}, 20_000);

test.each(syncs)(
	'the next %s fails, once',
	async deed => {
		await hold({kind: 'fail'});
		expect(await all(writes)).toEqual(wellDone(writes));
		const call = deed === 'fdatasync' || deed === 'log sync' ? 'fdatasync' : 'fsync';
		const error = {code: 'EIO', errno: -5, message: `EIO: i/o error, ${call}`};
		expect(await all([deed])).toEqual(refused([deed], error));
		expect(await all([deed, ...syncs])).toEqual(wellDone([deed, ...syncs]));
	},
	20_000,
);

test('a full disk takes a part of a write, then none of any, and syncs; with room again it takes all', async () => {
	const order = await hold({kind: 'full', bytes: 250});
	const [first, second, third] = await all(['write', 'log write', 'write']);
	expect([first, second, third].map(result => result?.value)).toEqual([writtenBytes, writtenBytes, 50]);
	const error = {code: 'ENOSPC', errno: -28, message: 'ENOSPC: no space left on device, write'};
	expect(await all([...writes, 'write'])).toEqual(refused([...writes, 'write'], error));
	expect([sizeOf('journal'), sizeOf('log')]).toEqual([writtenBytes + 50, writtenBytes]);
	expect(await all(syncs)).toEqual(wellDone(syncs));
	await order.release();
	expect(await all(writes)).toEqual(wellDone(writes));
}, 20_000);

describe('SIGKILL in the third', () => {
	const kinds: ReadonlyArray<[call: DiskCall, deeds: readonly [Deed, Deed, Deed], others: readonly Deed[]]> =
		[
			['write', ['log write', 'write', 'write'], [...syncs, 'rename']],
			['write', ['write', 'keep', 'log write'], syncs],
			['sync', ['fdatasync', 'log sync', 'directory sync'], [...writes, 'rename']],
			['sync', ['fsync', 'directory sync', 'fdatasync'], writes],
			['rename', ['rename', 'rename', 'rename'], [...writes, ...syncs]],
		];
	test.each(kinds)(
		'%s: %j',
		async (call, deeds, others) => {
			const order = await hold({kind: 'kill', call, count: 3});
			expect(await all([...others, ...deeds.slice(0, 2)])).toEqual(
				wellDone([...others, ...deeds.slice(0, 2)]),
			);
			const [before, logBefore] = [sizeOf('journal'), sizeOf('log')];
			expect(await does(deeds[2])).toBe('SIGKILL');
			// Of a write one half is done, and of a rename nothing.
			expect(sizeOf('journal')).toBe(before + (deeds[2] === 'write' ? writtenBytes / 2 : 0));
			expect(sizeOf('log')).toBe(logBefore + (deeds[2] === 'log write' ? writtenBytes / 2 : 0));
			expect(existsSync(join(directory, 'new'))).toBe(call === 'rename');
			// The order went with the process: to let go leaves nothing behind.
			await order.release();
			expect(existsSync(orders)).toBe(false);
		},
		20_000,
	);
});

/** What is wrapped; and what neither changes what a file holds, nor waits for the disk, nor gives a file another's place. */
const wrapped = ['fdatasync', 'fsync', 'rename', 'writeSync'];
const harmless = [
	...['chmod', 'close', 'constants', 'existsSync', 'FileHandle', 'link', 'lstat', 'mkdir', 'open', 'readdir'],
	...['readFile', 'rm', 'stat', 'statfs', 'unlink'],
];

test('what replicas write to their disks, they write by what is wrapped', () => {
	const names = filesIn('source/storage', 'source/chat')
		.flatMap(path => [...textOf(path).matchAll(/import \{([^}]*)\} from 'node:fs(?:\/promises)?'/g)])
		.flatMap(([, list]) => list!.split(','))
		.map(name =>
			name
				.trim()
				.replace(/^type /, '')
				.replace(/ as .*/, ''),
		);
	expect([...new Set(names)].filter(name => !harmless.includes(name)).sort()).toEqual(wrapped);
	// Methods of open files are not imported.
	for (const path of filesIn('source/storage', 'source/chat'))
		expect(textOf(path)).not.toMatch(/import (?:\* as )?\w+ from 'node:fs|\.writev\(|createWriteStream/);
});
