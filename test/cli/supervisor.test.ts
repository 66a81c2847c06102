import {
	chmodSync,
	lstatSync,
	mkdirSync,
	mkdtempSync,
	realpathSync,
	rmSync,
	statSync,
	writeFileSync,
} from 'node:fs';
import {createConnection} from 'node:net';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, describe, expect, jest, test} from '@jest/globals';
import {parseCluster} from '../../source/cluster.ts';
import {askForRestart, hasSupervisor, RestartDoor, SupervisorRuns} from '../../source/restart-door.ts';
import {Supervisor, type SupervisorOptions} from '../../source/supervisor.ts';

/** Many processes, on a machine that may be busy. */
jest.setTimeout(30_000);

/** Does what a replica does towards its supervisor, and nothing else. What it shall be like, it reads from its arguments. */
const fakeReplica = `
const [id, ...words] = process.argv.slice(3);
const has = word => words.includes(word);
console.error('begins with ' + words.join(' '));
if (has('broken')) {
	console.error('paxos-chat: the disk is full; make room');
	process.exit(has('misused') ? 2 : 1);
}

let slot = has('slow') ? 0 : 5;
process.on('message', ({type}) => {
	if (type === 'quiesce' && slot < 5 && !has('stuck')) slot++;
	process.send({type: 'executed', slot, clients: Number(id)});
});
process.on('disconnect', () => process.exit(0));
process.on('SIGTERM', () => {
	console.error('ends at slot ' + slot);
	if (!has('deaf')) process.exit(143);
});
process.send({type: 'ready'});
`;

const cluster = parseCluster(
	JSON.stringify({f: 1, replicas: [0, 1, 2].map(id => ({id, host: 'localhost', port: 7100 + id}))}),
	'x',
);

let directory: string;
let lines: string[];
let exits: string[];
let supervisors: Supervisor[];
let doors: RestartDoor[];
beforeEach(() => {
	directory = realpathSync(mkdtempSync(join(tmpdir(), 'paxos-chat-')));
	writeFileSync(join(directory, 'fake-replica.cjs'), fakeReplica);
	lines = [];
	exits = [];
	supervisors = [];
	doors = [];
});
afterEach(async () => {
	for (const supervisor of supervisors) await supervisor.stop(0);
	for (const door of doors) door.close();
	rmSync(directory, {recursive: true});
});

function supervise(options: Partial<SupervisorOptions> = {}): Supervisor {
	const supervisor = new Supervisor({
		cluster,
		configPath: join(directory, 'cluster.json'),
		dataDirectory: join(directory, 'data'),
		script: join(directory, 'fake-replica.cjs'),
		onLine: (id, line) => lines.push(`r${id} ${line}`),
		onExit: (id, how) => exits.push(`r${id} ${how}`),
		...options,
	});
	supervisors.push(supervisor);
	return supervisor;
}

async function open(data: string, restart: (id: number) => Promise<number>): Promise<RestartDoor> {
	const door = await RestartDoor.open(data, restart);
	doors.push(door);
	return door;
}

const isRunning = (pid: number) => {
	try {
		return process.kill(pid, 0);
	} catch {
		return false;
	}
};

describe('a supervisor', () => {
	test('starts every replica as a process of its own, and is told when it listens', async () => {
		const supervisor = supervise({extraArguments: id => ['--loss', `0.${id}`], environment: {LIFE: '42'}});
		const starts = await supervisor.start();
		const pids = starts.map(start => (start.status === 'fulfilled' ? start.value : null));
		expect(new Set(pids).size).toBe(3);
		expect([0, 1, 2].map(id => supervisor.pid(id))).toEqual(pids);
		expect(pids.every(pid => pid !== null && isRunning(pid))).toBe(true);
		const place = `--config ${directory}/cluster.json --data ${directory}/data`;
		expect(lines.toSorted()).toEqual([0, 1, 2].map(id => `r${id} begins with ${place} --loss 0.${id}`));
		expect(await supervisor.reports(5000)).toEqual(
			[0, 1, 2].map(clients => ({type: 'executed', slot: 5, clients})),
		);
	});

	test('kills by SIGKILL, and never restarts unasked', async () => {
		const supervisor = supervise();
		await supervisor.start();
		const pid = supervisor.pid(1)!;
		await supervisor.kill(1);
		expect(exits).toEqual(['r1 SIGKILL']);
		expect(isRunning(pid)).toBe(false);
		expect(await supervisor.reports(5000)).toHaveLength(2);
		expect(supervisor.pid(1)).toBeNull();
		await supervisor.kill(1);
		await supervisor.stop(0);
		expect(lines.filter(line => line.startsWith('r1 begins'))).toHaveLength(1);
	});

	test('restarts a live one and a dead one, once for all who ask at the same time', async () => {
		const supervisor = supervise();
		await supervisor.start();
		const [first, second] = [supervisor.pid(0)!, supervisor.pid(1)!];
		const [one, other] = await Promise.all([supervisor.restart(0), supervisor.restart(0)]);
		expect(one).toBe(other);
		expect(one).not.toBe(first);
		expect(isRunning(first)).toBe(false);
		await supervisor.kill(1);
		expect(await supervisor.restart(1)).not.toBe(second);
		expect(exits).toEqual(['r0 SIGKILL', 'r1 SIGKILL']);
	});

	test('says why one did not start, in the words of the replica', async () => {
		const words = ['broken', 'broken misused', ''];
		const supervisor = supervise({extraArguments: id => words[id]!.split(' ')});
		const starts = await supervisor.start();
		const why = 'did not start: the disk is full; make room';
		expect(starts[0]).toMatchObject({status: 'rejected', reason: {message: `r0 ${why}`, exitCode: 1}});
		expect(starts[1]).toMatchObject({status: 'rejected', reason: {message: `r1 ${why}`, exitCode: 2}});
		expect(starts[2]!.status).toBe('fulfilled');
		await expect(supervisor.launch(2)).rejects.toThrow('r2: runs already');
		await expect(supervisor.restart(7)).rejects.toThrow('r7: this supervisor runs r0, r1, r2');
	});

	test('waits until all have executed the same slot, then ends them by SIGTERM', async () => {
		const supervisor = supervise({extraArguments: id => (id === 1 ? ['slow'] : [])});
		await supervisor.start();
		await supervisor.stop(10_000);
		expect(exits.toSorted()).toEqual(['r0 exit code 143', 'r1 exit code 143', 'r2 exit code 143']);
		expect(lines).toContain('r1 ends at slot 5');
		await expect(supervisor.launch(1)).rejects.toThrow('r1: the supervisor is stopping its replicas');
		expect(await hasSupervisor(join(directory, 'data'))).toBe(false);
	});

	test('does not wait for ever for one that does not get there, or does not end', async () => {
		const supervisor = supervise({extraArguments: id => (id === 1 ? ['slow', 'stuck', 'deaf'] : [])});
		await supervisor.start();
		await supervisor.stop(100);
		expect(lines).toContain('r1 ends at slot 0');
		expect(exits.toSorted()).toEqual(['r0 exit code 143', 'r1 SIGKILL', 'r2 exit code 143']);
	});
});

describe('restart', () => {
	test('is asked for over a socket that only the owner can open', async () => {
		const supervisor = supervise();
		await supervisor.start();
		const data = join(directory, 'data');
		expect(statSync(data).mode & 0o777).toBe(0o700);
		expect(statSync(join(data, 'supervisor.sock')).mode & 0o777).toBe(0o600);
		const before = supervisor.pid(2);
		const pid = await askForRestart(data, 2, 5000);
		expect(pid).toBe(supervisor.pid(2));
		expect(pid).not.toBe(before);
		await expect(askForRestart(data, 3, 5000)).rejects.toThrow('r3: this supervisor runs r0, r1, r2');
	});

	test('finds nobody where nobody is, nor where somebody died', async () => {
		expect(await askForRestart(join(directory, 'nowhere'), 0, 1000)).toBeNull();
		const data = join(directory, 'data');
		const door = await open(data, async () => 1);
		await expect(open(data, async () => 2)).rejects.toThrow(/another supervisor runs/);
		expect(await askForRestart(data, 0, 1000)).toBe(1);
		door.close();
		writeFileSync(join(data, 'supervisor.sock'), '');
		expect(await askForRestart(data, 0, 1000)).toBeNull();
		const next = await open(data, async () => 3);
		expect(await askForRestart(data, 0, 1000)).toBe(3);
		next.close();
	});

	test.each(['data', 'x'.repeat(120)])('of many that start at the same time one runs: %s', async name => {
		const data = join(directory, name);
		const doors = await Promise.allSettled(
			Array.from({length: 10}, (_, index) => open(data, async () => index)),
		);
		const taken = doors.filter(({status}) => status === 'fulfilled');
		expect(taken).toHaveLength(1);
		expect(await askForRestart(data, 0, 1000)).toBe(doors.findIndex(({status}) => status === 'fulfilled'));
		for (const door of doors) {
			if (door.status === 'fulfilled') door.value.close();
			else expect(door.reason).toBeInstanceOf(SupervisorRuns);
		}
	});

	test('works in a directory whose path is too long for a socket', async () => {
		const data = join(directory, 'x'.repeat(120));
		const door = await open(data, async id => 100 + id);
		const path = join(data, 'supervisor.sock');
		expect(lstatSync(path).isSymbolicLink()).toBe(true);
		const place = realpathSync(path);
		expect(statSync(place).mode & 0o777).toBe(0o600);
		expect(await askForRestart(data, 1, 1000)).toBe(101);
		door.close();
		expect(() => statSync(place)).toThrow('ENOENT');
		expect(() => lstatSync(path)).toThrow('ENOENT');
	});

	test('answers nonsense, and survives who hangs up', async () => {
		const data = join(directory, 'data');
		const asked: number[] = [];
		const door = await open(data, async id => asked.push(id));
		const say = (text: string) =>
			new Promise<string>(resolve => {
				let heard = '';
				const socket = createConnection(join(data, 'supervisor.sock'));
				socket.setEncoding('utf8').on('data', chunk => {
					heard += chunk;
				});
				socket.on('error', () => {});
				socket.on('close', () => resolve(heard));
				socket.end(text);
			});
		const refusal = `${JSON.stringify({why: 'ask {"restart":ID}'})}\n`;
		for (const text of [
			'hello\n',
			'{}\n',
			'{"restart":"1"}\n',
			'{"restart":-1}\n',
			'[1]\n',
			'null\n',
			'{"restart',
		])
			expect(await say(text)).toBe(refusal);
		await say('x'.repeat(100_000));
		expect(asked).toEqual([]);
		expect(await askForRestart(data, 5, 1000)).toBe(1);
		door.close();
	});

	test('is refused where the directory is open to others and not ours', async () => {
		const data = join(directory, 'shared');
		mkdirSync(data);
		chmodSync(data, 0o755);
		writeFileSync(join(data, 'letter.txt'), 'private');
		await expect(open(data, async () => 1)).rejects.toThrow(/is open to other users/);
	});
});
