import {type ChildProcess, spawn} from 'node:child_process';
import {once} from 'node:events';
import {cpus} from 'node:os';
import {createInterface} from 'node:readline';
import {setTimeout as sleep} from 'node:timers/promises';
import {fileURLToPath} from 'node:url';
import type {BatchReport} from '../source/client/batch.ts';
import {Monitor} from '../source/client/monitor.ts';
import type {ReplicaId, Slot} from '../source/consensus/types.ts';
import {monotonicMs} from '../source/history-file.ts';
import {BenchCluster} from './cluster.ts';

/**
 * The speed of three replicas that share this machine: durable, 100-byte
 * messages, one watcher on the feed. Each row is the median run of several by
 * throughput, as machines are noisy: compare ratios within a run of this program.
 */
type Load = {
	readonly name: string;
	readonly messages: number;
	readonly clients: number;
	readonly sessionsPerConnection: number;
};
const loads: readonly Load[] = [
	{name: '1 client', messages: 2000, clients: 1, sessionsPerConnection: 1},
	{name: '16 clients', messages: 20_000, clients: 16, sessionsPerConnection: 1},
	{name: '64 clients', messages: 40_000, clients: 64, sessionsPerConnection: 1},
	{name: '256 clients', messages: 60_000, clients: 256, sessionsPerConnection: 1},
	{name: '1,024 clients', messages: 60_000, clients: 1024, sessionsPerConnection: 1},
	{name: '1,024 over 4 sockets', messages: 400_000, clients: 1024, sessionsPerConnection: 256},
];
const rounds = 3;
const kills = 30;
/** What a replica misses while it is away, messages, and how long the others are looked at without it and when it is back, ms. */
const missed = 50_000;
const lookMs = 5000;
/** Replicas tell of themselves so often at least, as long as something happens, ms. */
const statusMs = 500;

const script = (name: string) => fileURLToPath(new URL(`./${name}.js`, import.meta.url));

function load(configPath: string, options: object): ChildProcess {
	return spawn(process.execPath, [script('load'), JSON.stringify({configPath, ...options})], {
		stdio: ['ignore', 'pipe', 'inherit'],
		env: {...process.env, NODE_ENV: 'production'},
	});
}

async function measure(
	configPath: string,
	{messages, clients, sessionsPerConnection}: Load,
): Promise<BatchReport> {
	const child = load(configPath, {messages, clients, sessionsPerConnection});
	let text = '';
	child.stdout!.on('data', data => {
		text += data;
	});
	await once(child, 'close');
	return JSON.parse(text) as BatchReport;
}

async function throughput(): Promise<void> {
	const bench = await BenchCluster.start();
	const watcher = spawn(process.execPath, [script('watcher'), bench.configPath], {stdio: 'inherit'});
	try {
		await measure(bench.configPath, {...loads[2]!, messages: 10_000});
		print('load', 'messages/s', 'p50 ms', 'p99 ms', 'view changes');
		for (const row of loads) {
			const reports: BatchReport[] = [];
			for (let round = 0; round < rounds; round++) reports.push(await measure(bench.configPath, row));
			const {throughput: speed, latencyMs} = reports.sort((a, b) => a.throughput - b.throughput)[
				rounds >> 1
			]!;
			const changes = reports.reduce((sum, {viewChanges}) => sum + viewChanges, 0);
			print(row.name, Math.round(speed), fixed(latencyMs.p50), fixed(latencyMs.p99), changes);
		}
	} finally {
		watcher.kill();
		await bench.stop();
	}
}

/** From kill -9 of the primary to the first acknowledgement of a message that was said after it. */
async function failover(): Promise<void> {
	const bench = await BenchCluster.start();
	const monitor = new Monitor({cluster: bench.cluster});
	const {child, said} = talk(bench.configPath);
	const milliseconds: number[] = [];
	try {
		for (let round = 0; round < kills; round++) {
			const leader = await settled(monitor, () => said.length);
			said.length = 0;
			const killedAt = monotonicMs();
			process.kill(bench.supervisor.pid(leader)!, 'SIGKILL');
			for (;;) {
				const next = said.filter(([start]) => start > killedAt).map(([, end]) => end);
				if (next.length > 0) {
					milliseconds.push(Math.min(...next) - killedAt);
					break;
				}

				await sleep(5);
			}

			await bench.supervisor.restart(leader);
		}

		milliseconds.sort((a, b) => a - b);
		print();
		print(`failover, ${kills} kills`, 'p50 ms', 'max ms');
		print('', fixed(milliseconds[kills >> 1]!), fixed(milliseconds.at(-1)!));
	} finally {
		child.kill();
		monitor.close();
		await bench.stop();
	}
}

/** Of a backup that has missed messages and many checkpoints: how soon it is where the others are, and what that costs them. */
async function catchingUp(): Promise<void> {
	const bytes = 524_288;
	const bench = await BenchCluster.start({checkpointBytes: bytes, segmentBytes: bytes, retainBytes: 0});
	const monitor = new Monitor({cluster: bench.cluster});
	const {child, said} = talk(bench.configPath);
	const speed = (from: number, to: number) =>
		(1000 * said.filter(([, end]) => end > from && end <= to).length) / (to - from);
	const results: Array<{tookMs: number; without: number; meanwhile: number; after: number}> = [];
	try {
		for (let round = 0; round < rounds; round++) {
			const backup = ((await settled(monitor, () => said.length)) + 1) % 3;
			said.length = 0;
			process.kill(bench.supervisor.pid(backup)!, 'SIGKILL');
			while (said.length < missed) await sleep(20);
			const back = monotonicMs();
			await bench.supervisor.restart(backup);
			await levelled(monitor, backup);
			const there = monotonicMs();
			await sleep(lookMs);
			results.push({
				tookMs: there - back,
				without: speed(back - lookMs, back),
				meanwhile: speed(back, there),
				after: speed(there, there + lookMs),
			});
		}

		const ratio = ({without, meanwhile, after}: (typeof results)[number]) =>
			meanwhile / Math.min(without, after);
		const {tookMs, without, meanwhile, after} = results.sort((a, b) => ratio(a) - ratio(b))[rounds >> 1]!;
		print();
		print(`${missed} missed`, 'there ms', 'without it/s', 'meanwhile/s', 'after/s');
		print('16 clients', Math.round(tookMs), ...[without, meanwhile, after].map(Math.round));
	} finally {
		child.kill();
		monitor.close();
		await bench.stop();
	}
}

/** Clients that talk without end: when each message was said, and when it was acknowledged. */
function talk(configPath: string) {
	const said: Array<readonly [start: number, end: number]> = [];
	const child = load(configPath, {messages: 1e9, clients: 16, sessionsPerConnection: 1, isTimed: true});
	createInterface(child.stdout!).on('line', line => {
		const [start, end] = line.split(' ').map(Number);
		said.push([start!, end!]);
	});
	return {child, said};
}

/** A replica that was away has executed what the others had when it was last heard of. */
async function levelled(monitor: Monitor, replica: ReplicaId): Promise<void> {
	/** As was told, the latest last: its words are older than those of the others by as much as these take to come. */
	const told: Array<{at: number; executed: Slot}> = [];
	for (; ; await sleep(5)) {
		const {replicas} = monitor.store.getSnapshot();
		const others = replicas.filter(({id}) => id !== replica).map(({status}) => status?.executed ?? 0);
		told.push({at: monotonicMs(), executed: Math.max(...others)});
		while (told[1] !== undefined && told[1].at < monotonicMs() - statusMs) told.shift();
		const {state, status} = replicas.find(({id}) => id === replica)!;
		if (state === 'up' && status !== null && status.executed >= told[0]!.executed) return;
	}
}

/** All replicas are up, agree on who leads, and somebody is being answered. */
async function settled(monitor: Monitor, count: () => number) {
	for (const before = count(); ; await sleep(20)) {
		const {replicas} = monitor.store.getSnapshot();
		const leaders = new Set(replicas.map(({status}) => status?.leader));
		const [leader] = leaders;
		const isUp = replicas.every(({state}) => state === 'up');
		if (isUp && leaders.size === 1 && typeof leader === 'number' && count() > before + 100) return leader;
	}
}

const fixed = (value: number | null) => (value === null ? '-' : value.toFixed(2));
function print(name = '', ...cells: Array<string | number>) {
	process.stdout.write(`${name.padEnd(24)}${cells.map(cell => String(cell).padStart(14)).join('')}\n`);
}

print(`${cpus().length} cores, Node ${process.versions.node}, ${cpus()[0]?.model ?? ''}`);
await throughput();
await failover();
await catchingUp();
