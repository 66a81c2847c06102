import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {mkdtemp, readFile, rm, writeFile} from 'node:fs/promises';
import {createServer} from 'node:net';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, beforeAll, describe, expect, test} from '@jest/globals';
import {type BatchOptions, runBatch} from '../../source/client/batch.ts';
import {type Cluster, parseCluster} from '../../source/cluster.ts';
import {check, type Operation} from '../../source/history.ts';
import {monotonicMs, readHistory} from '../../source/history-file.ts';
import {Server} from '../../source/server.ts';

let directory: string;
let cluster: Cluster;
const servers: Server[] = [];

/** Three replicas in this process, on real disks and sockets. */
beforeAll(async () => {
	directory = await mkdtemp(join(tmpdir(), 'paxos-chat-batch-'));
	const text = JSON.stringify({f: 1, replicas: await replicas(3)});
	await writeFile(join(directory, 'cluster.json'), text);
	cluster = parseCluster(text, 'cluster.json');
	for (const {id} of cluster.replicas) {
		servers.push(
			await Server.start({
				cluster,
				id,
				data: join(directory, 'data'),
				skip: [],
				loss: 0,
				hasFaults: false,
				log: () => {},
				onFatal: error => {
					throw error;
				},
			}),
		);
	}
});

afterAll(async () => {
	await Promise.all(servers.map(server => server.stop()));
	await rm(directory, {recursive: true, force: true});
});

async function replicas(count: number) {
	const listeners = await Promise.all(
		Array.from({length: count}, async () => {
			const server = createServer().listen(0, '127.0.0.1');
			await once(server, 'listening');
			return server;
		}),
	);
	const ports = listeners.map(server => (server.address() as {port: number}).port);
	for (const server of listeners) server.close();
	return ports.map((port, id) => ({id, host: '127.0.0.1', port}));
}

const run = async (options: Partial<BatchOptions> = {}) => {
	const operations: Operation[] = [];
	const end = await runBatch({
		cluster,
		messages: 100,
		clients: 4,
		size: 100,
		nick: 'batch',
		timeoutMs: 20_000,
		onOperation: operation => operations.push(operation),
		...options,
	});
	return {...end, operations};
};
const logs = () =>
	Promise.all(
		cluster.replicas.map(async ({id}) => ({
			replica: id,
			bytes: await readFile(join(directory, 'data', `replica-${id}`, 'chat.log')),
		})),
	);

/** Everything said in this file: whatever stands in the logs must be among it. */
const everything: Operation[] = [];

describe('a batch', () => {
	test('is acknowledged, and every message stands where its client was told', async () => {
		const {report, reason, isReached, operations} = await run({messages: 301, clients: 7, size: 64});
		everything.push(...operations);
		expect({reason, isReached}).toEqual({reason: 'done', isReached: true});
		expect(report).toMatchObject({
			requested: 301,
			acknowledged: 301,
			unknown: 0,
			failed: 0,
			clients: 7,
			viewChanges: 0,
		});
		expect(report.seconds).toBeGreaterThan(0);
		expect((report.throughput * report.seconds) / 301).toBeCloseTo(1, 2);
		expect(new Set(operations.map(({client}) => client)).size).toBe(7);
		expect(new Set(operations.map(({text}) => text)).size).toBe(301);
		expect(new Set(operations.map(({text}) => Buffer.byteLength(text)))).toEqual(new Set([64]));
		expect(check([everything], await logs()).violations).toEqual([]);
	}, 30_000);

	test('shows percentiles that are exact', async () => {
		const {report, operations} = await run({messages: 200});
		everything.push(...operations);
		const sorted = operations.map(({start, end}) => end! - start).sort((a, b) => a - b);
		const {p50, p95, p99, max} = report.latencyMs;
		for (const [value, rank] of [
			[p50, 100],
			[p95, 190],
			[p99, 198],
			[max, 200],
		] as const)
			expect(value).toBeCloseTo(sorted[rank - 1]!, 2);
	}, 30_000);

	test('of fewer messages than clients opens no idle session; sessions may share connections', async () => {
		const few = await run({messages: 3, clients: 50});
		expect(new Set(few.operations.map(({client}) => client)).size).toBe(3);
		const shared = await run({messages: 200, clients: 20, sessionsPerConnection: 8, size: 4096});
		expect(shared.report).toMatchObject({acknowledged: 200, clients: 20});
		everything.push(...few.operations, ...shared.operations);
		expect(check([everything], await logs()).violations).toEqual([]);
	}, 30_000);

	test('that is broken off says nothing new and drains', async () => {
		const controller = new AbortController();
		let seen = 0;
		const {report, reason, operations} = await run({
			messages: 1_000_000,
			signal: controller.signal,
			onOperation: operation => {
				everything.push(operation);
				if (++seen === 50) controller.abort();
			},
		});
		expect(operations).toEqual([]);
		expect(reason).toBe('aborted');
		expect(report.acknowledged).toBeGreaterThanOrEqual(50);
		expect(report).toMatchObject({requested: 1_000_000, unknown: 0, failed: 0});
		expect(report.acknowledged).toBeLessThan(60);
	}, 30_000);

	test('gives up when nobody is there, and says that nobody ever was', async () => {
		const nobody = parseCluster(JSON.stringify({f: 1, replicas: await replicas(3)}), 'nobody.json');
		const began = monotonicMs();
		const {report, reason, isReached, operations} = await run({cluster: nobody, timeoutMs: 400});
		expect({reason, isReached}).toEqual({reason: 'silent', isReached: false});
		expect(report).toMatchObject({requested: 100, acknowledged: 0, throughput: 0});
		expect(report.latencyMs).toEqual({p50: null, p95: null, p99: null, max: null});
		expect(operations.map(({status, sequence}) => ({status, sequence}))).toEqual(
			Array.from({length: 4}, () => ({status: 'failed', sequence: null})),
		);
		expect(monotonicMs() - began).toBeLessThan(5000);
	}, 20_000);
});

/** Runs the command line, on the cluster of this file unless another --config is named. */
async function command(...words: string[]) {
	const config = words.includes('--config') ? [] : ['--config', join(directory, 'cluster.json')];
	const place = [...config, '--data', join(directory, 'client-data')];
	const child = spawn(process.execPath, [join(process.cwd(), 'cli/main.ts'), ...words, ...place], {
		stdio: ['ignore', 'pipe', 'pipe'],
	});
	let stdout = '';
	let stderr = '';
	child.stdout.on('data', data => {
		stdout += String(data);
	});
	child.stderr.on('data', data => {
		stderr += String(data);
		if (words.includes('1000000') && /^\d+ of /m.test(stderr)) child.kill('SIGINT');
	});
	const [code] = await once(child, 'close');
	return {code, stdout, stderr};
}

describe('the command', () => {
	test('prints one JSON object, and writes the history', async () => {
		const path = join(directory, 'history.jsonl');
		const {code, stdout} = await command('--batch', '50', '--clients', '5', '--json', '--history', path);
		expect(code).toBe(0);
		expect(Object.keys(JSON.parse(stdout))).toEqual(
			'requested acknowledged unknown failed clients retried seconds throughput latencyMs viewChanges'.split(
				' ',
			),
		);
		expect(JSON.parse(stdout)).toMatchObject({requested: 50, acknowledged: 50});
		let count = 0;
		for await (const operation of readHistory(path)) {
			everything.push(operation);
			count++;
		}

		expect(count).toBe(50);
		expect(Object.keys(JSON.parse((await readFile(path, 'utf8')).split('\n')[0]!))).toEqual(
			'client sequence text start end position slot status'.split(' '),
		);
	}, 30_000);

	test('prints a summary, after Ctrl+C as well, with progress on standard error', async () => {
		const path = join(directory, 'broken-off.jsonl');
		const {code, stdout, stderr} = await command('--batch', '1000000', '--history', path);
		expect(code).toBe(130);
		expect(stdout).toMatch(/^\d+ of 1000000 messages acknowledged by 1 client in /);
		expect(stderr).toMatch(/^[1-9]\d* of 1000000 acknowledged, \d+ a second, view 0\n/);
		for await (const operation of readHistory(path)) everything.push(operation);
		expect(check([everything], await logs()).violations).toEqual([]);
	}, 30_000);

	test('ends with 3 when no replica was ever reached', async () => {
		const config = join(directory, 'nobody.json');
		await writeFile(config, JSON.stringify({f: 1, replicas: await replicas(3)}));
		const {code, stdout, stderr} = await command(
			...['--batch', '1', '--timeout', '0.5', '--json', '--config', config],
		);
		expect(code).toBe(3);
		expect(JSON.parse(stdout)).toMatchObject({acknowledged: 0, failed: 1});
		expect(stderr.trimEnd().split('\n').at(-1)).toMatch(
			/^paxos-chat: no replica could be reached within 0.5 s/,
		);
	}, 20_000);

	test.each([
		[['--batch', '1', '--via', '3'], 2, '--via: must be the id of a replica'],
		[['--batch', '1', '--read-only'], 2, '--batch changes the cluster'],
		[['--batch', '1', '--history', '/nowhere/at/all'], 2, '--history: cannot write /nowhere/at/all'],
	])(
		'%j ends with %i',
		async (words, code, why) => {
			const end = await command(...words);
			expect(end).toMatchObject({code, stdout: ''});
			expect(end.stderr).toContain(why);
			expect(end.stderr.trimEnd().split('\n')).toHaveLength(1);
		},
		20_000,
	);
});

describe('without a majority', () => {
	test('a batch ends with 4: reached, but no quorum', async () => {
		await Promise.all(servers.slice(1).map(server => server.stop()));
		const {report, reason, isReached, why} = await run({messages: 8, clients: 2, via: 0, timeoutMs: 1500});
		expect({reason, isReached}).toEqual({reason: 'silent', isReached: true});
		expect(report.acknowledged).toBe(0);
		expect(why).toBeTruthy();
		const {code, stderr} = await command('--batch', '1', '--timeout', '1');
		expect(code).toBe(4);
		expect(stderr.trimEnd().split('\n').at(-1)).toMatch(/no quorum/);
	}, 20_000);
});
