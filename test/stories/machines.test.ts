import {type ChildProcess, type ChildProcessByStdio, execFileSync, spawn} from 'node:child_process';
import {once} from 'node:events';
import {cp, mkdir, mkdtemp, readFile, rm, writeFile} from 'node:fs/promises';
import {type AddressInfo, createServer} from 'node:net';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {createInterface} from 'node:readline';
import type {Readable, Writable} from 'node:stream';
import {setTimeout as sleep} from 'node:timers/promises';
import {afterAll, expect, test} from '@jest/globals';
import type {Line} from '../../source/chat/types.ts';
import {check, type Operation} from '../../source/history.ts';
import {monotonicMs, readHistory} from '../../source/history-file.ts';

/**
 * Several machines: each replica with an address, a DATA directory and a
 * secret of its own, and clients on yet another one. Then the machine of the
 * primary is gone: nobody hangs up, it only falls silent.
 */
type Machines = {
	readonly addresses: ReadonlyArray<{readonly host: string; readonly port: number}>;
	/** What stands before a command that shall run on a machine; the last one is that of the clients. */
	on(machine: number): readonly string[];
	/** No packet leaves or reaches it any more. */
	unplug(machine: number): void;
	remove(): void;
};

const replicas = [0, 1, 2];
const clients = 3;
const ip = (...words: string[]) => execFileSync('ip', words, {stdio: ['ignore', 'ignore', 'pipe']});

/** Network namespaces on one bridge, if this user may make them. */
function namespaces(): Machines | undefined {
	const mark = `px${process.pid.toString(36)}`;
	const subnet = `10.213.${process.pid % 250}`;
	const machines = [...replicas, clients];
	const remove = () => {
		for (const command of [
			...machines.map(machine => ['link', 'del', `${mark}v${machine}`]),
			...machines.map(machine => ['netns', 'del', `${mark}n${machine}`]),
			['link', 'del', `${mark}b`],
		]) {
			try {
				ip(...command);
			} catch {
				// It was never made.
			}
		}
	};
	try {
		ip('link', 'add', `${mark}b`, 'type', 'bridge');
		ip('link', 'set', `${mark}b`, 'up');
		for (const machine of machines) {
			const name = `${mark}n${machine}`;
			ip('netns', 'add', name);
			ip('link', 'add', `${mark}v${machine}`, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name);
			ip('link', 'set', `${mark}v${machine}`, 'master', `${mark}b`, 'up');
			ip('-n', name, 'addr', 'add', `${subnet}.${machine + 1}/24`, 'dev', 'eth0');
			ip('-n', name, 'link', 'set', 'eth0', 'up');
			ip('-n', name, 'link', 'set', 'lo', 'up');
		}
	} catch {
		remove();
		return undefined;
	}

	return {
		addresses: replicas.map(machine => ({host: `${subnet}.${machine + 1}`, port: 7100})),
		on: machine => ['ip', 'netns', 'exec', `${mark}n${machine}`],
		unplug: machine => void ip('link', 'set', `${mark}v${machine}`, 'down'),
		remove,
	};
}

/** Addresses of one loopback: on some systems only the first is there. A machine dies with its process here. */
async function loopbacks(): Promise<Machines | undefined> {
	const servers = replicas.map(machine => createServer().listen(0, `127.0.0.${machine + 1}`));
	try {
		await Promise.all(servers.map(server => once(server, 'listening')));
		const addresses = servers.map((server, machine) => {
			const {port} = server.address() as AddressInfo;
			return {host: `127.0.0.${machine + 1}`, port};
		});
		return {addresses, on: () => [], unplug: () => {}, remove: () => {}};
	} catch {
		return undefined;
	} finally {
		for (const server of servers) server.close();
	}
}

const kinds = [
	{
		machines: namespaces(),
		says: 'replicas on machines of their own go on when the machine of the primary is gone',
		skipped: 'this user may not make network namespaces',
	},
	{
		machines: await loopbacks(),
		says: 'replicas on addresses of their own go on when the primary is gone',
		skipped: 'this system has no 127.0.0.2',
	},
];
const processes: ChildProcess[] = [];
const directories: string[] = [];

afterAll(async () => {
	const live = processes.filter(({exitCode, signalCode}) => exitCode === null && signalCode === null);
	await Promise.all(
		live.map(child => {
			child.kill('SIGKILL');
			return once(child, 'close');
		}),
	);
	for (const {machines} of kinds) machines?.remove();
	await Promise.all(directories.map(directory => rm(directory, {recursive: true, force: true})));
});

type Program = {
	readonly child: ChildProcessByStdio<Writable, Readable, Readable>;
	/** What it wrote to standard error, and to standard output. */
	readonly lines: string[];
	readonly data: string[];
	readonly end: Promise<number | null>;
};

/** Runs the program on a machine. */
function run(machines: Machines, directory: string, machine: number, ...words: string[]): Program {
	const place = [
		...['--config', join(directory, 'cluster.json')],
		...['--data', join(directory, `machine-${machine}`)],
	];
	const [command = '', ...rest] = [
		...machines.on(machine),
		...[process.execPath, join(process.cwd(), 'cli/main.ts'), ...words, ...place],
	];
	const child = spawn(command, rest, {stdio: ['pipe', 'pipe', 'pipe']});
	processes.push(child);
	const lines: string[] = [];
	const data: string[] = [];
	createInterface(child.stderr).on('line', line => lines.push(line));
	createInterface(child.stdout).on('line', line => data.push(line));
	return {child, lines, data, end: once(child, 'close').then(([code]) => code as number | null)};
}

async function until(what: string, seconds: number, condition: () => boolean): Promise<void> {
	const end = Date.now() + seconds * 1000;
	while (!condition()) {
		if (Date.now() > end) throw new Error(`waited ${seconds} s in vain: ${what}`);
		await sleep(20);
	}
}

/** Of a line of progress. */
const countOf = (line = ''): number => Number(/^(\d+) of /.exec(line)?.[1] ?? 0);

async function play(machines: Machines): Promise<void> {
	const directory = await mkdtemp(join(tmpdir(), 'paxos-chat-machines-'));
	directories.push(directory);
	const on = (machine: number, ...words: string[]) => run(machines, directory, machine, ...words);
	const text = {f: 1, replicas: machines.addresses.map((address, id) => ({id, ...address}))};
	await writeFile(join(directory, 'cluster.json'), JSON.stringify(text));

	// The secret is made on one machine and copied to the others.
	expect(await on(0, 'secret').end).toBe(0);
	for (const machine of replicas.slice(1)) {
		await mkdir(join(directory, `machine-${machine}`), {mode: 0o700});
		await cp(join(directory, 'machine-0', 'secret'), join(directory, `machine-${machine}`, 'secret'));
	}

	const servers = replicas.map(machine => on(machine, 'replica', String(machine)));
	// One talks to replica 0, one to another.
	const histories = [0, 1].map(via => join(directory, `history-${via}.jsonl`));
	const batches = [0, 1].map(via =>
		on(clients, '--batch', '1000000', '--clients', '2', '--via', String(via), '--history', histories[via]!),
	);
	await until('messages go through', 20, () => batches.every(({lines}) => countOf(lines.at(-1)) > 0));

	const look = on(clients, 'monitor', '--once', '--json');
	expect(await look.end).toBe(0);
	expect(JSON.parse(look.data.join(''))).toMatchObject({
		replicas: replicas.map(id => ({id, state: 'up', role: id === 0 ? 'primary' : 'backup'})),
	});

	machines.unplug(0);
	servers[0]!.child.kill('SIGKILL');
	await servers[0]!.end;
	const goneAt = monotonicMs();
	// The first line after that may still count what was acknowledged before.
	const before = batches.map(({lines}) => lines.length);
	await until('messages go on, for both', 20, () =>
		batches.every(({lines}, index) => {
			const [first, ...more] = lines.slice(before[index]);
			return countOf(more.at(-1)) > countOf(first) + 10;
		}),
	);
	for (const {child} of batches) child.kill('SIGINT');
	expect(await Promise.all(batches.map(({end}) => end))).toEqual([130, 130]);

	// Lines of a person on yet another machine, and back.
	const start = monotonicMs();
	const chat = on(clients, '--plain', '--nick', 'ada', '--via', '2');
	chat.child.stdin.end('hello from afar\n');
	expect(await chat.end).toBe(0);
	const hello = /^#(\d+) ada: hello from afar$/.exec(chat.data.at(-1) ?? '');
	expect(hello).not.toBeNull();
	const end = monotonicMs();

	for (const {child} of servers.slice(1)) child.kill('SIGTERM');
	await Promise.all(servers.slice(1).map(({end}) => end));
	const logs = await Promise.all(
		replicas.map(async replica => {
			const path = join(directory, `machine-${replica}`, `replica-${replica}`, 'chat.log');
			const bytes = await readFile(path);
			return {replica, bytes: bytes.subarray(0, bytes.lastIndexOf('\n') + 1)};
		}),
	);
	const operations: Operation[] = [];
	for (const history of histories) {
		let afterwards = 0;
		for await (const operation of readHistory(history)) {
			operations.push(operation);
			if (operation.start > goneAt && operation.status === 'ok') afterwards++;
		}

		expect(afterwards).toBeGreaterThan(10);
	}

	// Line mode writes no history: it printed the position, the rest is in the log.
	const last = JSON.parse(logs[2]!.bytes.toString().trimEnd().split('\n').at(-1)!) as Line;
	const {client, sequence, slot} = last;
	const position = Number(hello![1]);
	operations.push({client, sequence, text: 'hello from afar', start, end, position, slot, status: 'ok'});
	const verdict = check([operations], logs);
	expect(verdict.violations).toEqual([]);
}

for (const {machines, says, skipped} of kinds) {
	if (machines === undefined) test.skip(`${says} (skipped: ${skipped})`, () => {});
	else test(says, () => play(machines), 90_000);
}
