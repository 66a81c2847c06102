import {type ChildProcess, spawn} from 'node:child_process';
import {once} from 'node:events';
import {cpus} from 'node:os';
import {createInterface} from 'node:readline';
import {setTimeout as sleep} from 'node:timers/promises';
import {fileURLToPath} from 'node:url';
import type {BatchReport} from '../source/client/batch.ts';
import {Monitor} from '../source/client/monitor.ts';
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
	const child = load(bench.configPath, {messages: 1e9, clients: 16, sessionsPerConnection: 1, isTimed: true});
	const said: Array<readonly [start: number, end: number]> = [];
	createInterface(child.stdout!).on('line', line => {
		const [start, end] = line.split(' ').map(Number);
		said.push([start!, end!]);
	});
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
