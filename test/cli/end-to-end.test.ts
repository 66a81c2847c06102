import {existsSync, readFileSync, writeFileSync} from 'node:fs';
import {createConnection, createServer, type Server} from 'node:net';
import {join} from 'node:path';
import {afterAll, afterEach, beforeAll, describe, expect, jest, test} from '@jest/globals';
import {Place, type Running, until} from './processes.ts';

/** Real replicas, on a machine that may be busy. */
jest.setTimeout(60_000);

const logOf = (place: Place, id: number) =>
	readFileSync(join(place.path, `data/replica-${id}/chat.log`), 'utf8');

const isListening = (port: number) =>
	new Promise<boolean>(resolve => {
		const socket = createConnection({host: '127.0.0.1', port});
		socket.once('connect', () => resolve(true));
		socket.once('error', () => resolve(false));
		socket.once('connect', () => socket.destroy());
	});

describe('the plain command without a terminal', () => {
	const place = new Place();
	beforeAll(() => place.write(1));
	afterAll(() => place.clear());

	test('starts the cluster, says its lines, prints them with their positions, and stops the cluster', async () => {
		const {code, stdout, stderr} = await place.run(['--nick', 'alice'], 'one\n\ntwo\n');
		expect({code, stdout}).toEqual({code: 0, stdout: '#1 alice: one\n#2 alice: two\n'});
		expect(stderr).toMatch(
			/^no replica answers: starting r0 r1 r2; what they say goes to data\/replicas\.log\n/,
		);
		for (const port of place.ports) expect(await isListening(port)).toBe(false);
		expect(logOf(place, 1)).toBe(logOf(place, 0));
		expect(logOf(place, 2)).toBe(logOf(place, 0));
		expect(logOf(place, 0).split('\n')).toHaveLength(3);
	});

	test('goes on where the chat ended, tells what it did not send, and shows no control characters', async () => {
		const long = 'x'.repeat(4097);
		const input = Buffer.concat([
			Buffer.from(`\u001b[31mred\n${long}\n`),
			Buffer.from([0xff, 0x0a]),
			Buffer.from('last, without an end'),
		]);
		const {code, stdout, stderr} = await place.run(['--nick', 'bob'], input);
		expect(code).toBe(1);
		expect(stdout).toBe('#3 bob: red\n#4 bob: last, without an end\n');
		expect(stderr).toContain('line 2: has 4097 bytes, and 4096 are the most; it was not sent\n');
		expect(stderr).toContain('line 3: is not UTF-8; it was not sent\n');
		expect(stdout + stderr).not.toContain('\u001b');
		// The log has what was said.
		expect(logOf(place, 0)).toContain('"text":"\\u001b[31mred"');
	});

	test('with nothing to say leaves with nothing said', async () => {
		expect(await place.run(['--nick', 'bob'])).toMatchObject({code: 0, stdout: ''});
	});
});

describe('the plain command, when others came', () => {
	const place = new Place();
	beforeAll(() => place.write(1));
	afterAll(() => place.clear());
	const areListening = async () => (await Promise.all(place.ports.map(isListening))).includes(true);

	test('waits for them to leave before it stops the replicas', async () => {
		const host = place.start(['--nick', 'host']);
		host.process.stdin!.write('welcome\n');
		await until(() => host.stdout === '#1 host: welcome\n', 'the first line');
		const guest = place.start(['--nick', 'guest']);
		guest.process.stdin!.write('thanks\n');
		await until(() => host.stdout.endsWith('#2 guest: thanks\n'), 'the guest');
		host.process.stdin!.end();
		await host.until(/^waiting for 1 other to leave; Ctrl\+C stops the replicas now$/m);
		expect(await areListening()).toBe(true);
		guest.process.stdin!.end('bye\n');
		expect(await guest.ended).toMatchObject({code: 0, stdout: '#2 guest: thanks\n#3 guest: bye\n'});
		expect((await host.ended).code).toBe(0);
		expect(await areListening()).toBe(false);
	});

	test('a signal ends it and its replicas within two seconds, whatever it is doing', async () => {
		const host = place.start(['--nick', 'host']);
		host.process.stdin!.write('again\n');
		await until(() => host.stdout === '#4 host: again\n', 'the line');
		const {code, ms} = await host.end('SIGTERM');
		expect(code).toBe(143);
		expect(ms).toBeLessThan(2000);
		await until(async () => !(await areListening()), 'the replicas to leave');
		expect(logOf(place, 1)).toBe(logOf(place, 0));
	});

	test('with --read-only it starts nothing', async () => {
		const {code, stderr} = await place.run(['--read-only', '--timeout', '0.5']);
		expect(code).toBe(3);
		expect(stderr).not.toContain('starting');
	});
});

describe('a cluster in the foreground', () => {
	const place = new Place();
	let cluster: Running;
	beforeAll(async () => {
		await place.write(1);
		cluster = place.start(['cluster']);
		await cluster.until(/^r0 r1 r2 run: Ctrl\+C stops them$/m);
	});
	afterAll(() => place.clear());

	const look = async () => {
		const {code, stdout} = await place.run(['monitor', '--once', '--json']);
		expect(code).toBe(0);
		return JSON.parse(stdout) as {
			agreement: string;
			replicas: Array<{
				id: number;
				state: string;
				leader: number | null;
				messages: number;
				faults: {loss: number; isIsolated: boolean};
			}>;
		};
	};
	/** Who leads, once somebody does. */
	const leader = async (): Promise<number> => {
		let found: number | null = null;
		await until(async () => {
			const {replicas} = await look();
			found = replicas.find(({id, state, leader}) => state === 'up' && leader === id)?.id ?? null;
			return found !== null;
		}, 'a leader');
		return found!;
	};

	test('is joined, not started again, and left running; --read-only only listens, and says so', async () => {
		const listener = place.start(['--read-only']);
		listener.process.stdin!.end('one\ntwo\n');
		await listener.until(/^what comes in is not sent: --read-only sends nothing$/m);
		const {code, stdout, stderr} = await place.run(['--nick', 'alice'], 'hello\n');
		expect({code, stdout}).toEqual({code: 0, stdout: '#1 alice: hello\n'});
		expect(stderr).not.toContain('starting');
		await until(() => listener.stdout === '#1 alice: hello\n', 'what somebody else says');
		expect((await listener.end('SIGINT')).code).toBe(130);
		for (const port of place.ports) expect(await isListening(port)).toBe(true);
	});

	test('is looked at as a table, and as JSON', async () => {
		const {code, stdout} = await place.run(['monitor', '--once']);
		expect(code).toBe(0);
		expect(stdout).toMatch(/^replica +address +state +view +leader +role/);
		expect(stdout).toMatch(/^r2 +127\.0\.0\.1:\d+ +up/m);
		expect(stdout).toMatch(/^agreement identical at slot \d+$/m);
		const {agreement, replicas} = await look();
		expect(agreement).toBe('identical');
		expect(replicas.map(({messages}) => messages)).toEqual([1, 1, 1]);
	});

	test('a second one is refused, and so is a replica of it', async () => {
		expect(await place.run(['cluster'])).toMatchObject({
			code: 1,
			stderr: expect.stringMatching(
				/^paxos-chat: .*supervisor\.sock: another supervisor runs the replicas .*\n$/,
			),
		});
		expect(await place.run(['replica', '1'])).toMatchObject({
			code: 1,
			stderr: 'paxos-chat: data/replica-1 is in use by another process: replica 1 runs already\n',
		});
		expect(await place.run(['replica', '1', '--data', 'elsewhere'])).toMatchObject({
			code: 1,
			stderr: expect.stringMatching(/^paxos-chat: r1 cannot listen on .*: the port is in use; .*\n$/),
		});
	});

	test('faults are ordered by whoever knows the secret', async () => {
		expect(await place.run(['loss', '25%', '2'])).toMatchObject({
			code: 0,
			stdout: 'r2 loses 25% of what it hears from its peers\n',
		});
		expect(await place.run(['isolate', '2'])).toMatchObject({
			code: 0,
			stdout: 'r2 is cut off from its peers\n',
		});
		expect((await look()).replicas[2]!.faults).toMatchObject({loss: 0.25, isIsolated: true});
		expect(await place.run(['heal'])).toMatchObject({
			code: 0,
			stdout: expect.stringMatching(/^(r[012] .*\n){3}$/),
		});
		expect((await look()).replicas[2]!.faults).toMatchObject({loss: 0, isIsolated: false});
		expect(await place.run(['kill', '2', '--data', 'elsewhere/else'])).toMatchObject({
			code: 2,
			stderr: expect.stringContaining('there is no elsewhere/else/secret'),
		});
		expect(await place.run(['kill', '2', '--read-only'])).toMatchObject({code: 2});
		expect(await place.run(['kill', '3'])).toMatchObject({
			code: 2,
			stderr: 'paxos-chat: ID: must be the id of a replica in cluster.json, from 0 to 2, is "3"\n',
		});
	});

	test('a skipped slot is printed, a taken one refused with the next free one', async () => {
		await leader();
		const {code, stdout} = await place.run(['skip']);
		expect(code).toBe(0);
		const slot = Number(stdout);
		expect(slot).toBeGreaterThan(1);
		expect(await place.run(['skip', '1'])).toMatchObject({
			code: 1,
			stdout: '',
			stderr: expect.stringMatching(/^paxos-chat: slot 1 is proposed already; the next free slot is \d+\n$/),
		});
		expect(await place.run(['heal'])).toMatchObject({code: 0});
	});

	test('a killed replica stays down until it is restarted, and the chat goes on', async () => {
		const primary = await leader();
		expect(await place.run(['kill', String(primary)])).toMatchObject({
			code: 0,
			stdout: `r${primary} is killed\n`,
		});
		await cluster.until(
			new RegExp(
				`^r${primary} is gone \\(SIGKILL\\); to start it again: paxos-chat restart ${primary}$`,
				'm',
			),
		);
		expect(await place.run(['kill', String(primary)])).toMatchObject({
			code: 3,
			stderr: expect.stringContaining('refused'),
		});
		expect((await look()).replicas[primary]!.state).toBe('down');
		const said = await place.run(['--nick', 'carol'], 'still here\n');
		expect(said).toMatchObject({code: 0, stdout: '#2 carol: still here\n'});
		const {code, stdout} = await place.run(['restart', String(primary)]);
		expect(code).toBe(0);
		expect(stdout).toMatch(new RegExp(`^r${primary} runs as process \\d+\n$`));
		await until(
			async () => (await look()).replicas[primary]!.messages === 2,
			'the restarted one to catch up',
		);
	});

	test('whoever stops reading ends the monitor, which is no failure', async () => {
		const monitor = place.start(['monitor', '--json']);
		await until(() => monitor.stdout.includes('\n'), 'a line');
		expect(JSON.parse(monitor.stdout.split('\n')[0]!)).toMatchObject({agreement: 'identical'});
		monitor.process.stdout!.destroy();
		expect(await monitor.ended).toMatchObject({code: 0, stderr: ''});
	});

	test('Ctrl+C stops it within two seconds, with equal logs', async () => {
		const batch = place.start(['--batch', '100000', '--clients', '8', '--json']);
		await until(() => logOf(place, 0).length > 10_000, 'a busy cluster');
		const {code, ms} = await cluster.end('SIGINT');
		expect(code).toBe(130);
		expect(ms).toBeLessThan(2000);
		expect(logOf(place, 1)).toBe(logOf(place, 0));
		expect(logOf(place, 2)).toBe(logOf(place, 0));
		expect((await batch.end('SIGTERM')).code).toBe(143);
		expect(await place.run(['verify'])).toMatchObject({code: 0, stdout: expect.stringMatching(/^ok: /m)});
	});

	test('without a supervisor restart tells the command to type', async () => {
		expect(await place.run(['restart', '0'])).toMatchObject({
			code: 1,
			stderr:
				'paxos-chat: nobody supervises the replicas of data; start r0 yourself: paxos-chat replica 0 --faults\n',
		});
		expect(await place.run(['restart', '0', '--data', 'its own'])).toMatchObject({
			code: 1,
			stderr: expect.stringContaining("paxos-chat replica 0 --data 'its own' --faults\n"),
		});
	});

	test('replicas leave when their supervisor is killed', async () => {
		const second = place.start(['cluster', '--no-faults']);
		await second.until(/Ctrl\+C stops them$/m);
		expect(await place.run(['kill', '0'])).toMatchObject({
			code: 1,
			stderr: expect.stringContaining('takes no fault orders'),
		});
		second.process.kill('SIGKILL');
		await until(
			async () => !(await Promise.all(place.ports.map(isListening))).includes(true),
			'all to leave',
		);
	});

	test('one whose disk is damaged is told and left out, as a majority is left', async () => {
		writeFileSync(join(place.path, 'data/replica-2/meta'), 'nonsense');
		const third = place.start(['cluster']);
		await third.until(/^r2 did not start: .+\nr0 r1 run: Ctrl\+C stops them$/m);
		expect(await place.run(['--nick', 'dora'], 'two will do\n')).toMatchObject({code: 0});
		expect((await third.end('SIGTERM')).code).toBe(143);
		expect((await place.run(['verify'])).code).toBe(1);
	});
});

describe('too few', () => {
	const place = new Place();
	let stranger: Server | undefined;
	beforeAll(() => place.write(1));
	afterEach(() => {
		stranger?.close();
	});
	afterAll(() => place.clear());

	test('nobody who is a replica: exit code 3', async () => {
		// Somebody answers there, so no cluster is started.
		stranger = createServer(socket => socket.destroy());
		await new Promise<void>(listening => stranger!.listen(place.ports[0], '127.0.0.1', listening));
		const {code, stdout, stderr} = await place.run(['--timeout', '1'], 'hello\n');
		expect({code, stdout}).toEqual({code: 3, stdout: ''});
		expect(stderr).toMatch(
			/^paxos-chat: no replica was reached within 1 s \(.*\); start one: paxos-chat cluster\n/m,
		);
		expect(existsSync(join(place.path, 'data'))).toBe(false);
		expect((await place.run(['monitor', '--once', '--json'])).code).toBe(3);
		expect((await place.run(['--batch', '1', '--timeout', '1'])).code).toBe(3);
	});

	test('one of three: exit code 4, and SIGTERM ends it within two seconds', async () => {
		const replica = place.start(['replica', '0']);
		await replica.until(/^listens on 127\.0\.0\.1:\d+$/m);
		const {code, stdout, stderr} = await place.run(['--timeout', '1'], 'hello\n');
		expect({code, stdout}).toEqual({code: 4, stdout: ''});
		expect(stderr).toMatch(/^no quorum: /m);
		expect(stderr).toMatch(
			/^paxos-chat: nothing was acknowledged for 1 s \(.*\); see paxos-chat monitor --once$/m,
		);
		expect((await place.run(['monitor', '--once'])).stdout).toMatch(
			/^no quorum: 1 of 3 replicas answer, and 2 are needed to decide$/m,
		);
		expect((await place.run(['skip', '--timeout', '1'])).code).toBe(4);
		expect(await place.run(['--batch', '5', '--clients', '2', '--timeout', '1'])).toMatchObject({
			code: 4,
			stdout: expect.stringContaining('2 failed, 3 never said'),
		});
		expect((await place.run(['kill', '0'])).stderr).toContain('takes no fault orders');
		const {code: ended, ms} = await replica.end('SIGTERM');
		expect(ended).toBe(143);
		expect(ms).toBeLessThan(2000);
	});
});
