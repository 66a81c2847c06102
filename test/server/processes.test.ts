import {execFile} from 'node:child_process';
import {appendFileSync, existsSync, readdirSync, rmSync, watch, writeFileSync} from 'node:fs';
import {connect, type Socket} from 'node:net';
import {join, resolve} from 'node:path';
import {promisify} from 'node:util';
import {afterEach, describe, expect, test} from '@jest/globals';
import {Chat} from '../../source/chat/chat.ts';
import type {Request} from '../../source/consensus/types.ts';
import {writeCheckpoint} from '../../source/storage/checkpoint.ts';
import {openReplicaDirectory} from '../../source/storage/directory.ts';
import {verify} from '../../source/storage/verify.ts';
import {Child, plain} from './child.ts';
import {Place, smallCheckpoints, until} from './servers.ts';

const places: Place[] = [];

async function place(f: number, tunables?: object): Promise<Place> {
	const made = await Place.make(f, tunables);
	writeFileSync(join(made.path, 'cluster.json'), JSON.stringify({...made.cluster}));
	places.push(made);
	return made;
}

afterEach(async () => {
	await Child.killAll();
	await Promise.all(places.splice(0).map(each => each.clear()));
});

/** Resolves when a file of such a name is made, renamed or removed there. */
function appears(directory: string, pattern: RegExp): Promise<void> {
	return new Promise(resolved => {
		const watcher = watch(directory, (_kind, name) => {
			if (name === null || !pattern.test(name)) return;
			watcher.close();
			resolved();
		});
	});
}

describe('kill -9', () => {
	test('in the middle of checkpoints, again and again: what was acknowledged stands where it was told', async () => {
		const all = await place(1, {...smallCheckpoints, checkpointBytes: 16_384, segmentBytes: 8192});
		const running = await Promise.all([0, 1, 2].map(id => new Child(all, id).listening()));
		const stop = new AbortController();
		const load = all.tryBatch(1_000_000, {signal: stop.signal, clients: 60, sessionsPerConnection: 20});
		let interrupted = 0;
		for (let round = 0; round < 6; round++) {
			const id = round % 3;
			const child = running[id]!;
			// An unfinished checkpoint, or something in the journal, appears under its name: now, or a moment later.
			await (round % 2 === 0
				? appears(all.file(id, ''), /^checkpoint\.new$/)
				: appears(all.file(id, 'journal'), /\.segment/));
			if (round > 3) await new Promise(later => setTimeout(later, 3));
			child.process.kill('SIGKILL');
			expect(await child.gone).toBe('SIGKILL');
			const isUnfinished =
				existsSync(all.file(id, 'checkpoint.new')) ||
				readdirSync(all.file(id, 'journal')).some(name => name.endsWith('.new'));
			interrupted += Number(isUnfinished);
			running[id] = await new Child(all, id).listening();
		}

		stop.abort();
		const {report} = await load;
		expect(report.acknowledged).toBeGreaterThan(500);
		const [zero, one, two] = [0, 1, 2].map(id => () => all.log(id));
		await until(
			() => zero!().equals(one!()) && one!().equals(two!()),
			() => running.map(({errors}) => errors).join('\n'),
		);
		expect(all.violations()).toEqual([]);
		// The kills struck where they should: some left something unfinished behind.
		expect(interrupted).toBeGreaterThan(0);

		for (const {process} of running) process.kill('SIGTERM');
		expect(await Promise.all(running.map(({gone}) => gone))).toEqual([143, 143, 143]);
		for (const id of [0, 1, 2]) {
			const {ok, replicas} = await verify(all.data(id));
			expect([ok, replicas[0]!.problems, replicas[0]!.journal!.tornAt]).toEqual([true, [], null]);
		}
	}, 60_000);
});

test('SIGTERM under load: gone within two seconds, and the disk is clean', async () => {
	const all = await place(0, smallCheckpoints);
	const child = await new Child(all, 0).listening();
	const stop = new AbortController();
	const load = all.tryBatch(1_000_000, {signal: stop.signal, drainMs: 10});
	await until(
		() => all.operations.length > 500,
		() => 'some messages',
	);
	const start = performance.now();
	child.process.kill('SIGTERM');
	expect(await child.gone).toBe(143);
	expect(performance.now() - start).toBeLessThan(2000);
	stop.abort();
	await load;
	const {ok, replicas} = await verify(all.data(0));
	expect([ok, replicas[0]!.problems, replicas[0]!.journal!.tornAt]).toEqual([true, [], null]);
	expect(all.violations()).toEqual([]);
	expect(existsSync(all.file(0, 'checkpoint.new'))).toBe(false);
}, 20_000);

test('a file system that takes no more: one line, exit 1, nothing acknowledged after it; the others go on', async () => {
	const all = await place(1, smallCheckpoints);
	// No file of this one may be longer than 100 KiB: an error of the kernel, in the middle of a write of chat.log.
	const poor = new Child(all, 2, 'ulimit -f 100');
	const others = [new Child(all, 0), new Child(all, 1)];
	await Promise.all([poor, ...others].map(child => child.listening()));
	await all.batch(1200);
	expect(await poor.gone).toBe(1);
	const last = poor.errors.trimEnd().split('\n').at(-1);
	expect(last).toMatch(/^paxos-chat: .*chat\.log.*EFBIG/);
	expect(poor.errors).not.toMatch(/ at |internal error/);
	expect(all.log(2).length).toBeLessThanOrEqual(102_400);

	const again = await new Child(all, 2).listening();
	await all.batch(100);
	await until(
		() => all.log(2).equals(all.log(0)) && all.log(1).equals(all.log(0)),
		() => again.errors,
	);
	expect(all.violations()).toEqual([]);
}, 30_000);

describe('a limit of open files', () => {
	test('is kept by strangers who come back as soon as they are sent away: the disk has its files', async () => {
		const all = await place(1, {...smallCheckpoints, checkpointBytes: 16_384, segmentBytes: 8192});
		const poor = new Child(all, 0, 'ulimit -n 160');
		await Promise.all([poor, new Child(all, 1), new Child(all, 2)].map(child => child.listening()));
		expect(poor.errors).toContain('may have 160 files open: takes 50 connections, not 4000; ');
		let sentAway = 0;
		const strangers = new Set<Socket>();
		const isOver = new AbortController();
		const come = () => {
			if (isOver.signal.aborted) return;
			const stranger = connect(all.cluster.replicas[0]!.port, '127.0.0.1');
			strangers.add(stranger);
			stranger.on('error', () => {});
			stranger.on('close', () => {
				sentAway++;
				strangers.delete(stranger);
				come();
			});
		};
		for (let count = 0; count < 200; count++) come();
		try {
			await until(
				() => sentAway > 1000,
				() => `${sentAway} sent away`,
			);
			const before = sentAway;
			await all.batch(3000);
			// The primary writes its checkpoints meanwhile: no stranger takes the place of a file.
			await until(
				() => sentAway > before + 1000 && existsSync(all.file(0, 'checkpoint.previous')),
				() => `${sentAway} sent away; ${poor.errors}`,
			);
		} finally {
			isOver.abort();
			for (const stranger of strangers) stranger.destroy();
		}

		expect(poor.process.exitCode).toBeNull();
		expect(all.violations()).toEqual([]);
	}, 60_000);

	test('that is too low is refused in one line', async () => {
		const all = await place(0);
		const poor = new Child(all, 0, 'ulimit -n 100');
		expect(await poor.gone).toBe(2);
		expect(poor.errors).toMatch(
			/^paxos-chat: a replica needs 128 open files, and this process may have 100: raise the limit/m,
		);
		expect(existsSync(all.file(0, 'journal'))).toBe(false);
	}, 20_000);
});

test('a replica without its memory is refused, and exits with one line', async () => {
	const all = await place(1);
	const running = await Promise.all([0, 1, 2].map(id => new Child(all, id).listening()));
	await all.batch(100);
	running[1]!.process.kill('SIGKILL');
	await running[1]!.gone;
	rmSync(all.data(1), {recursive: true});
	await all.shareSecret(1);
	const amnesiac = new Child(all, 1);
	expect(await amnesiac.gone).toBe(1);
	expect(amnesiac.errors).toMatch(
		/^paxos-chat: replica 1 has lost its memory: .*the others go on without it.*$/m,
	);
	await all.batch(100);
	expect(all.violations([0, 2])).toEqual([]);
}, 20_000);

describe('a start after many messages', () => {
	/** The disk of a single replica that has executed so many messages, a hundred in a slot, as a checkpoint leaves it. */
	async function made(messages: number): Promise<Place> {
		const all = await place(0);
		const directory = await openReplicaDirectory({data: all.data(0), id: 0, cluster: all.cluster});
		const chat = new Chat({sessions: all.cluster.sessions});
		const client = 'ab'.repeat(16);
		chat.execute(1, {at: 0, requests: [{client, session: 0, sequence: 0, nick: 'a', text: ''}]});
		let bytes = 0;
		for (let sequence = 0; sequence < messages; ) {
			const requests = Array.from({length: 100}, (): Request => {
				sequence++;
				return {client, session: 1, sequence, nick: 'a', text: `message ${sequence} ${'x'.repeat(60)}`};
			});
			const {text} = chat.execute(chat.slot + 1, {at: sequence, requests});
			appendFileSync(directory.chatLog, text);
			bytes += text.length;
		}

		await writeCheckpoint(directory.checkpoint, {...chat.state(), bytes});
		await directory.release();
		return all;
	}

	const run = promisify(execFile);
	async function costOf(messages: number): Promise<{ms: number; bytes: number; executed: number}> {
		const all = await made(messages);
		const script = resolve('test/server/start-cost.ts');
		const flags = ['--expose-gc', '--disable-warning=ExperimentalWarning'];
		const words = [...flags, script, join(all.path, 'cluster.json'), all.data(0)];
		const {stdout} = await run(process.execPath, words, {env: plain});
		return JSON.parse(stdout) as {ms: number; bytes: number; executed: number};
	}

	test('is fast, and takes no more memory than one after few', async () => {
		const few = await costOf(2000);
		const many = await costOf(200_000);
		expect([few.executed, many.executed]).toEqual([21, 2001]);
		expect(many.ms).toBeLessThan(few.ms + 500);
		expect(many.bytes).toBeLessThan(few.bytes + 1_000_000);
	}, 30_000);
});
