import {once} from 'node:events';
import {
	cpSync,
	existsSync,
	mkdirSync,
	readdirSync,
	readFileSync,
	renameSync,
	rmSync,
	truncateSync,
	writeFileSync,
} from 'node:fs';
import {createServer} from 'node:net';
import {dirname, join} from 'node:path';
import {afterEach, describe, expect, test} from '@jest/globals';
import {Chat} from '../../source/chat/chat.ts';
import {Client} from '../../source/client/client.ts';
import {Failure} from '../../source/failure.ts';
import {readCheckpoint, writeCheckpoint} from '../../source/storage/checkpoint.ts';
import {beginAnew, openReplicaDirectory} from '../../source/storage/directory.ts';
import {type Files, realFiles} from '../../source/storage/files.ts';
import {realGround} from '../../source/storage/ground.ts';
import {recover} from '../../source/storage/recovery.ts';
import {verify} from '../../source/storage/verify.ts';
import {Place, smallCheckpoints, until} from './servers.ts';

const places: Place[] = [];

async function place(f: number, tunables?: object): Promise<Place> {
	const made = await Place.make(f, tunables);
	places.push(made);
	return made;
}

afterEach(async () => {
	await Promise.all(places.splice(0).map(each => each.clear()));
});

/** One line for the user, of a start that must fail. */
async function refusal(start: Promise<unknown>): Promise<string> {
	const error = await start.then(
		() => undefined,
		(failure: unknown) => failure,
	);
	if (!(error instanceof Failure)) throw error ?? new Error('it started');
	expect(error.message).not.toContain('\n');
	return error.message;
}

describe('three replicas', () => {
	test('have the same bytes through many checkpoints, and after a restart of all', async () => {
		const all = await place(1, smallCheckpoints);
		await all.startAll();
		await all.batch(3000);
		await all.untilLevel();
		expect(all.violations()).toEqual([]);
		const log = all.log(0);
		expect([all.log(1).equals(log), all.log(2).equals(log)]).toEqual([true, true]);
		const before = await readCheckpoint(all.file(1, 'checkpoint'));
		// The journal did not keep what three thousand messages took.
		const segments = readdirSync(all.file(1, 'journal')).length;
		expect(segments * smallCheckpoints.segmentBytes).toBeLessThan(log.length);

		for (const id of [0, 1, 2]) await all.stop(id);
		for (const id of [0, 1, 2]) {
			const {ok, problems, replicas} = await verify(all.data(id));
			expect([ok, problems, replicas[0]?.problems, replicas[0]?.journal?.tornAt]).toEqual([
				true,
				[],
				[],
				null,
			]);
			expect(existsSync(all.file(id, 'fetched-lines'))).toBe(false);
		}

		await all.startAll();
		await all.batch(2000);
		await all.untilLevel();
		expect(all.violations()).toEqual([]);
		expect(all.log(1).subarray(0, log.length).equals(log)).toBe(true);
		const after = await readCheckpoint(all.file(1, 'checkpoint'));
		expect(after!.slot).toBeGreaterThan(before!.slot);
		expect([...all.failures]).toEqual([]);
	}, 40_000);

	test('one that comes back far behind is brought up to date while the others go on', async () => {
		const all = await place(1, smallCheckpoints);
		await all.startAll();
		await all.batch(200);
		await all.untilLevel();
		await all.stop(2);
		await all.batch(12_000, {clients: 400, sessionsPerConnection: 200});

		// People wait at the one that is behind: one follows from the start, one speaks.
		const lines: number[] = [];
		const load = all.batch(4000, {via: 0});
		const started = performance.now();
		await all.start(2);
		const follower = new Client({
			cluster: all.cluster,
			via: 2,
			follow: {after: 0},
			onLines: page => lines.push(...page.map(({position}) => position)),
			patienceMs: 60_000,
		});
		try {
			const said = follower.session('alice').say('while you are behind');
			await until(
				() => all.said(2).includes('goes on after a checkpoint that was fetched'),
				() => all.said(2),
			);
			await load;
			expect((await said).status).toBe('ok');
			await all.untilLevel();
			expect(performance.now() - started).toBeLessThan(15_000);
			const log = all.log(0).toString();
			const count = log.split('\n').length - 1;
			await until(
				() => lines.length >= count,
				() => `${lines.length} of ${count} lines`,
			);
			expect(lines).toEqual(Array.from({length: count}, (_, index) => index + 1));
		} finally {
			await follower.close();
		}

		expect(all.log(2).equals(all.log(0))).toBe(true);
		// The logs may be level before the last transfer has come to its end.
		await until(
			() => !existsSync(all.file(2, 'fetched-lines')),
			() => 'what was fetched is still kept aside',
		);

		// What it installed is its own now: it starts from it, alone with one other, and takes part.
		await all.stop(2);
		await all.stop(0);
		await all.start(2);
		await all.batch(500);
		await all.untilLevel();
		expect(all.log(2).equals(all.log(1))).toBe(true);
		const {ok, replicas} = await verify(all.data(1));
		expect([ok, replicas[0]!.problems]).toEqual([true, []]);
		expect([...all.failures]).toEqual([]);
	}, 60_000);

	test('stop in the middle of everything, again and again, and are whole', async () => {
		const all = await place(1, smallCheckpoints);
		await all.startAll();
		const enough = new AbortController();
		const load = all.tryBatch(1_000_000, {timeoutMs: 30_000, signal: enough.signal});
		for (let round = 0; round < 6; round++) {
			const id = round % 3;
			const before = all.server(id).executed;
			await until(
				() => all.server(id).executed > before + 3,
				() => `r${id} to execute`,
			);
			await all.stop(id);
			const {ok, replicas} = await verify(all.data(id));
			expect([ok, replicas[0]!.problems, replicas[0]!.journal!.tornAt]).toEqual([true, [], null]);
			await all.start(id);
		}

		enough.abort();
		const {report} = await load;
		expect(report.acknowledged).toBeGreaterThan(100);
		await all.untilLevel();
		expect(all.violations()).toEqual([]);
		expect([...all.failures]).toEqual([]);
	}, 60_000);

	test('take no new requests before the end, but answer what was executed', async () => {
		const all = await place(0);
		const server = await all.start(0);
		await all.batch(10, {clients: 1});
		server.quiesce();
		const client = new Client({cluster: all.cluster});
		let isSettled = false;
		void client
			.session('late')
			.say('too late')
			.then(() => {
				isSettled = true;
			});
		await until(
			() => server.clients === 1,
			() => 'the client',
		);
		const {executed} = server;
		await all.stop(0);
		expect([isSettled, server.executed]).toEqual([false, executed]);
		await client.close();
	});
});

describe('a replica that lost its memory', () => {
	test('begins anew, learns from a checkpoint, is admitted, and votes; its old memory is refused', async () => {
		const all = await place(1, smallCheckpoints);
		await all.startAll();
		await all.batch(2000);
		await all.untilLevel();
		await all.stop(2);
		const kept = await beginAnew({data: all.data(2), id: 2, cluster: all.cluster});
		expect(kept).toBe(join(all.data(2), 'replica-2.lost-1'));

		await all.start(2);
		await until(
			() => /goes on after a checkpoint that was fetched.*this replica takes part again/s.test(all.said(2)),
			() => all.said(2),
		);
		await all.untilLevel();
		await all.stop(0);
		// Nothing is decided now without the new memory.
		await all.batch(300);
		await all.start(0);
		await all.untilLevel();
		expect(all.violations()).toEqual([]);

		await all.stop(2);
		renameSync(join(all.data(2), 'replica-2'), join(all.data(2), 'new'));
		renameSync(kept!, join(all.data(2), 'replica-2'));
		await all.start(2);
		await until(
			() => all.failures.has(2),
			() => 'r2 to give up',
		);
		expect(all.failures.get(2)!.message).toMatch(/^replica 2 has lost its memory: /);
	});

	test('for a part, as an older copy was put back, is refused by those who have met it with more', async () => {
		const all = await place(1);
		await all.startAll();
		await all.batch(100);
		await all.untilLevel();
		await all.stop(2);
		const backup = join(dirname(all.data(2)), 'backup');
		cpSync(join(all.data(2), 'replica-2'), backup, {recursive: true});
		await all.start(2);
		for (let round = 0; round < 5; round++) await all.batch(100);
		const groupsOf = (file: string) => JSON.parse(readFileSync(file, 'utf8')).peers[2].groups as number;
		const before = groupsOf(all.file(0, 'peers'));
		await until(
			() => groupsOf(all.file(0, 'peers')) > before + 4,
			() => `r0 to note that r2 went on after group ${before}`,
		);
		await all.stop(2);
		rmSync(join(all.data(2), 'replica-2'), {recursive: true});
		cpSync(backup, join(all.data(2), 'replica-2'), {recursive: true});
		// What they know outlives them.
		await all.stop(0);
		await all.start(0);
		await all.start(2);
		await until(
			() => all.failures.has(2),
			() => 'r2 to give up',
		);
		expect(all.failures.get(2)!.message).toMatch(
			/^replica 2 has lost its memory: replica \d has met it with more than is in /,
		);
		await all.batch(100);
		expect(all.violations([0, 1])).toEqual([]);
	}, 30_000);

	test('is refused by those who have met it, says so, and the others go on', async () => {
		const all = await place(1);
		await all.startAll();
		await all.batch(300);
		await all.untilLevel();
		await all.stop(2);
		rmSync(all.data(2), {recursive: true});
		await all.shareSecret(2);

		await all.start(2);
		await until(
			() => all.failures.has(2),
			() => 'r2 to give up',
		);
		const {message} = all.failures.get(2)!;
		expect(all.failures.get(2)).toBeInstanceOf(Failure);
		expect(message).toMatch(
			/^replica 2 has lost its memory: replica [01] has met it with another one .* the others go on/,
		);
		await until(
			() => [0, 1].some(id => /replica 2 at \S+ has lost its memory/.test(all.said(id))),
			() => all.said(0),
		);
		await all.stop(2);

		await all.batch(300);
		await all.untilLevel();
		expect(all.violations([0, 1])).toEqual([]);
		expect([...all.failures.keys()]).toEqual([2]);

		// It never had a say, and learned nothing.
		expect(all.log(2).length).toBe(0);
		// The two others remember, also in their next lives.
		await all.stop(0);
		await all.stop(1);
		all.failures.clear();
		await all.start(2);
		await all.start(0);
		await until(
			() => all.failures.has(2),
			() => 'r2 to give up again',
		);
	}, 30_000);

	test('three of them that never met anybody begin as new', async () => {
		const all = await place(1);
		await all.startAll();
		await all.batch(10);
		for (const id of [0, 1, 2]) {
			const {peers} = JSON.parse(readFileSync(all.file(id, 'peers'), 'utf8')) as {
				peers: Record<string, string>;
			};
			expect(Object.keys(peers)).toEqual(['0', '1', '2'].filter(peer => peer !== String(id)));
		}
	});
});

describe('a start that cannot be', () => {
	test('a port in use: one line, and nothing is left open', async () => {
		const all = await place(0);
		const thief = createServer().listen(all.cluster.replicas[0]!.port, '127.0.0.1');
		await once(thief, 'listening');
		const address = `127.0.0.1:${all.cluster.replicas[0]!.port}`;
		expect(await refusal(all.start(0))).toBe(
			`r0 cannot listen on ${address}: the port is in use; stop what uses it, or change cluster.json`,
		);
		await new Promise(closed => thief.close(closed));
		// The directory was given back, and so were all files.
		const before = readdirSync('/proc/self/fd').length;
		await all.start(0);
		await all.stop(0);
		expect(readdirSync('/proc/self/fd').length).toBeLessThanOrEqual(before);
		await all.start(0);
		await all.batch(10);
	});

	test('a directory in use', async () => {
		const all = await place(0);
		await all.start(0);
		expect(await refusal(all.start(0))).toMatch(
			/replica-0 is in use by another process: replica 0 runs already/,
		);
		await all.batch(10);
	});

	test('checkpoints that are damaged, gone or too old; a log that is too short; a journal with a hole', async () => {
		const all = await place(0, smallCheckpoints);
		await all.start(0);
		await all.batch(1000);
		await until(
			() => existsSync(all.file(0, 'checkpoint')),
			() => 'a checkpoint',
		);
		await all.stop(0);
		const older = readFileSync(all.file(0, 'checkpoint'));
		const {slot} = (await readCheckpoint(all.file(0, 'checkpoint')))!;
		// The journal before a checkpoint goes when the next but one is there.
		for (let since = 0; since <= slot; ) {
			await all.start(0);
			await all.batch(1000);
			await all.stop(0);
			({since} = await recover(all.file(0, 'journal')));
		}

		const newer = readFileSync(all.file(0, 'checkpoint'));
		const previous = readFileSync(all.file(0, 'checkpoint.previous'));
		const log = all.log(0);

		const damaged = Buffer.from(newer);
		damaged[100]! ^= 1;
		writeFileSync(all.file(0, 'checkpoint'), damaged);
		writeFileSync(all.file(0, 'checkpoint.previous'), older);
		expect(await refusal(all.start(0))).toMatch(
			/checkpoint is damaged: its checksum does not match; \S+ is of slot \d+; the journal begins after slot \d+: .* does not vote/,
		);
		writeFileSync(all.file(0, 'checkpoint'), older);
		expect(await refusal(all.start(0))).toMatch(
			/checkpoint is of slot \d+; \S+ is of slot \d+; the journal begins/,
		);
		rmSync(all.file(0, 'checkpoint'));
		rmSync(all.file(0, 'checkpoint.previous'));
		expect(await refusal(all.start(0))).toMatch(/checkpoint is missing; \S+ is missing; the journal begins/);
		// What could not start has not touched the log.
		expect(all.log(0).equals(log)).toBe(true);

		writeFileSync(all.file(0, 'checkpoint'), newer);
		const {bytes} = (await readCheckpoint(all.file(0, 'checkpoint')))!;
		truncateSync(all.file(0, 'chat.log'), bytes - 1);
		expect(await refusal(all.start(0))).toMatch(
			/chat\.log is damaged: it has \d+ bytes, and its checkpoint names/,
		);
		writeFileSync(all.file(0, 'chat.log'), log);

		const [first] = readdirSync(all.file(0, 'journal'))
			.filter(name => name.endsWith('.segment'))
			.sort();
		const segment = readFileSync(all.file(0, `journal/${first}`));
		writeFileSync(all.file(0, `journal/${first}`), Buffer.alloc(segment.length));
		expect(await refusal(all.start(0))).toMatch(/does not vote/);
		expect(all.log(0).equals(log)).toBe(true);
		writeFileSync(all.file(0, `journal/${first}`), segment);

		// The newest checkpoint alone is no loss, also twice: the one before it and the journal give the same.
		writeFileSync(all.file(0, 'checkpoint.previous'), previous);
		// Reading beside a writer may catch it between two steps.
		const rotation = () =>
			recover(all.file(0, 'journal')).then(
				found => found.rotation?.number,
				() => undefined,
			);
		for (let start = 1; start <= 2; start++) {
			writeFileSync(all.file(0, 'checkpoint'), damaged);
			const begun = await rotation();
			await all.start(0);
			expect(all.said(0).match(/checkpoint is damaged: .*: starts from the one before it/g)).toHaveLength(
				start,
			);
			await until(
				() => all.log(0).length === log.length,
				() => 'the log to be written again',
			);
			expect(all.log(0).equals(log)).toBe(true);
			// From the journal it came to where that checkpoint was, made one again, and began the journal anew.
			for (let now = begun; now === begun; ) now = (await rotation()) ?? begun;
			await all.stop(0);
		}

		await all.start(0);
		await all.batch(10);
		expect(all.log(0).subarray(0, log.length).equals(log)).toBe(true);
		expect(all.violations()).toEqual([]);
	}, 20_000);
});

describe('a disk that loses what it holds', () => {
	test('is looked through while the replica works, and nothing is wrong', async () => {
		const all = await place(0, {...smallCheckpoints, scrubMs: 1});
		await all.start(0);
		for (let count = 0; count < 4; count++) await all.batch(1000);
		expect([...all.failures]).toEqual([]);
		expect(all.violations()).toEqual([]);
	}, 30_000);

	test('is found out: one line, and the replica stops; with the log of another one it starts again', async () => {
		const all = await place(1, {...smallCheckpoints, scrubMs: 1});
		await all.startAll();
		await all.batch(2000);
		await all.untilLevel();
		const content = all.log(2);
		content[1000]! ^= 1;
		writeFileSync(all.file(2, 'chat.log'), content);
		await until(
			() => all.failures.has(2),
			() => 'r2 to stop',
		);
		expect(all.failures.get(2)).toBeInstanceOf(Failure);
		expect(all.failures.get(2)!.message).toMatch(
			/chat\.log is damaged [^\n]*; copy the file from another replica/,
		);
		await all.stop(2);
		const [found] = (await verify(all.data(2))).replicas;
		expect(found!.problems).toEqual([expect.stringContaining('chat.log')]);

		all.failures.clear();
		writeFileSync(all.file(2, 'chat.log'), all.log(0));
		await all.start(2);
		await all.batch(500);
		await all.untilLevel();
		expect(all.violations()).toEqual([]);
		expect([...all.failures]).toEqual([]);
	}, 30_000);
});

/** The disk of a single replica that has executed so many messages, one in a slot, as a checkpoint leaves it. */
async function longLog(messages: number): Promise<Place> {
	const all = await place(0);
	const directory = await openReplicaDirectory({data: all.data(0), id: 0, cluster: all.cluster});
	const chat = new Chat({sessions: all.cluster.sessions});
	const client = 'ab'.repeat(16);
	chat.execute(1, {at: 0, requests: [{client, session: 0, sequence: 0, nick: 'a', text: ''}]});
	let text = '';
	for (let sequence = 1; sequence <= messages; sequence++) {
		const request = {client, session: 1, sequence, nick: 'a', text: `message ${sequence}`};
		text += chat.execute(sequence + 1, {at: sequence, requests: [request]}).text;
	}

	writeFileSync(directory.chatLog, text);
	await writeCheckpoint(directory.checkpoint, {...chat.state(), bytes: text.length});
	await directory.release();
	return all;
}

describe('a log that was damaged while nobody looked', () => {
	/** It starts and stops at once, or does not start at all, depending on how fast the machine is. */
	async function outcome(all: Place, id: number, meanwhile = () => {}): Promise<string> {
		try {
			await all.start(id);
			meanwhile();
		} catch (error) {
			if (!(error instanceof Failure)) throw error;
			return error.message;
		}

		await until(
			() => all.failures.has(id),
			() => `r${id} to stop`,
		);
		expect(all.failures.get(id)).toBeInstanceOf(Failure);
		await all.stop(id);
		const {message} = all.failures.get(id)!;
		all.failures.delete(id);
		return message;
	}

	test('stops the start with one line; with the log of another one it starts again', async () => {
		const all = await place(1, {...smallCheckpoints, scrubMs: 0});
		await all.startAll();
		await all.batch(2000);
		await all.untilLevel();
		await all.stop(2);
		const intact = all.log(2);
		const {bytes} = (await readCheckpoint(all.file(2, 'checkpoint')))!;
		for (const at of [0, Math.floor(bytes / 2), bytes - 10]) {
			const content = Buffer.from(intact);
			content[at]! ^= 1;
			writeFileSync(all.file(2, 'chat.log'), content);
			const message = await outcome(all, 2);
			expect(message).toMatch(/^\S+chat\.log is damaged [^\n]*; copy the file from another replica[^\n]*$/);
		}

		writeFileSync(all.file(2, 'chat.log'), all.log(0));
		await all.start(2);
		await all.batch(500);
		await all.untilLevel();
		expect(all.violations()).toEqual([]);
		expect([...all.failures]).toEqual([]);
	}, 30_000);

	test('and is long: whoever reads waits until it was looked through, and is given no line of one that is damaged', async () => {
		const all = await longLog(150_000);
		const follow = () => {
			const lines: number[] = [];
			const client = new Client({
				cluster: all.cluster,
				via: 0,
				follow: {after: 0},
				onLines: page => lines.push(...page.map(({position}) => position)),
				patienceMs: 60_000,
			});
			return {lines, close: () => client.close()};
		};
		const reader = follow();
		await all.start(0);
		// It takes part before it has come to the end of such a log.
		await all.batch(10);
		await until(
			() => reader.lines.length >= 1000,
			() => 'the first lines',
		);
		await reader.close();
		await all.stop(0);
		expect([...all.failures]).toEqual([]);

		const content = all.log(0);
		content[content.indexOf('message 3"')]! ^= 1;
		writeFileSync(all.file(0, 'chat.log'), content);
		// Many slots more make the look longer than the way of a page to its reader.
		const checkpoint = (await readCheckpoint(all.file(0, 'checkpoint')))!;
		await writeCheckpoint(all.file(0, 'checkpoint'), {...checkpoint, slot: checkpoint.slot + 1_000_000});
		const readers: ReturnType<typeof follow>[] = [];
		expect(await outcome(all, 0, () => readers.push(follow()))).toContain('chat.log is damaged');
		for (const another of readers) {
			await another.close();
			expect(another.lines).toEqual([]);
		}
	}, 60_000);

	test('is given up by a stop', async () => {
		const all = await longLog(100_000);
		await all.start(0);
		const began = performance.now();
		await all.stop(0);
		expect(performance.now() - began).toBeLessThan(5000);
		expect([...all.failures]).toEqual([]);
	}, 30_000);
});

describe('a session table that is not the one of the others', () => {
	test('is found out by what they say about the same slot: that replica stops, the others go on', async () => {
		const all = await place(1, smallCheckpoints);
		await all.startAll();
		await all.batch(2000);
		await all.untilLevel();
		expect([0, 1, 2].map(id => all.said(id)).join()).not.toMatch(/is not the one here/);
		await all.stop(2);
		const path = all.file(2, 'checkpoint');
		const {sessions, ...rest} = (await readCheckpoint(path))!;
		// Each of its checksums is right, and the chat log, too.
		const forged = sessions.map(session => ({...session, sequence: session.sequence + 1}));
		await writeCheckpoint(path, {...rest, sessions: forged});
		// Only what the journal makes of them may give them away, if it has gone on from there.
		for (const problem of (await verify(all.data(2))).replicas[0]!.problems)
			expect(problem).toMatch(/chat\.log: damaged at byte \d+, or else the sessions of the checkpoint are/);

		await all.start(2);
		await until(
			() => all.failures.has(2),
			() => 'r2 to stop',
		);
		expect(all.failures.get(2)).toBeInstanceOf(Failure);
		expect(all.failures.get(2)!.message).toMatch(
			/^replica 2 has another state after slot \d+ than r0 and r1, which agree: [^\n]* the others go on without it$/,
		);
		await all.stop(2);
		await all.batch(300);
		await all.untilLevel();
		expect(all.violations([0, 1])).toEqual([]);
		expect([...all.failures.keys()]).toEqual([2]);
	}, 30_000);
});

describe('a disk that fails', () => {
	/** Real files, until told otherwise: then no write or sync succeeds. */
	class FailingFiles implements Files {
		isBroken = false;
		create = realFiles.create;
		close = realFiles.close;
		rename = realFiles.rename;
		unlink = realFiles.unlink;
		makeDirectory = realFiles.makeDirectory;
		removeAll = realFiles.removeAll;
		syncDirectory = realFiles.syncDirectory;
		write: Files['write'] = (fd, buffer, offset, length, position, done) => {
			if (this.isBroken) setImmediate(done, this.#error('write'), 0);
			else realFiles.write(fd, buffer, offset, length, position, done);
		};
		fdatasync: Files['fdatasync'] = (fd, done) => {
			if (this.isBroken) setImmediate(done, this.#error('fdatasync'));
			else realFiles.fdatasync(fd, done);
		};
		fsync: Files['fsync'] = async fd => {
			if (this.isBroken) throw this.#error('fsync');
			await realFiles.fsync(fd);
		};

		#error(call: string): Error {
			return Object.assign(new Error(`EIO: i/o error, ${call}`), {code: 'EIO'});
		}
	}

	test('stops its replica with one line; nothing is acknowledged there any more, and the others go on', async () => {
		const all = await place(1, smallCheckpoints);
		const files = new FailingFiles();
		await Promise.all([all.start(0), all.start(1), all.start(2, {ground: {...realGround, files}})]);
		await all.batch(500);
		const load = all.batch(3000);
		files.isBroken = true;
		await until(
			() => all.failures.has(2),
			() => 'r2 to stop',
		);
		const {executed} = all.server(2);
		expect(all.failures.get(2)!.message).toMatch(
			/^\S+: EIO: i\/o error, \w+; see to the disk, then start again$/,
		);
		expect(all.failures.get(2)).toBeInstanceOf(Failure);
		// What it heard of its peers is noted once more.
		files.isBroken = false;
		await all.stop(2);
		await load;
		expect(all.server(0).executed).toBeGreaterThan(executed);

		// Its memory is whole up to there.
		all.failures.clear();
		await all.start(2);
		await all.batch(500);
		await all.untilLevel();
		expect(all.violations()).toEqual([]);
		expect([...all.failures]).toEqual([]);
	}, 30_000);

	test('alone, it acknowledges nothing after its disk has failed', async () => {
		const all = await place(0);
		const files = new FailingFiles();
		await all.start(0, {ground: {...realGround, files}});
		await all.batch(100);
		files.isBroken = true;
		const {report} = await all.tryBatch(200, {timeoutMs: 1500});
		expect([report.acknowledged, all.failures.size]).toEqual([0, 1]);
		expect(all.server(0).executed).toBeGreaterThan(0);
		await all.stop(0);
		files.isBroken = false;
		all.failures.clear();
		await all.start(0);
		await all.batch(100);
		expect(all.violations()).toEqual([]);
	}, 20_000);

	test('while it is read at a start ends the start with one line', async () => {
		const all = await place(0);
		// The first segment of a life is made in the start, the next one beside it.
		let segments = 0;
		const create: Files['create'] = async path => {
			if (path.endsWith('.segment.new') && ++segments > 1)
				throw Object.assign(new Error('EIO: i/o error, open'), {code: 'EIO'});
			return await realFiles.create(path);
		};
		const start = all.start(0, {ground: {...realGround, files: {...realFiles, create}}});
		await expect(start).rejects.toThrow(
			/\.segment: EIO: i\/o error, open; see to the disk, then start again$/,
		);
		await all.start(0);
		await all.batch(10);
		expect(all.violations()).toEqual([]);
	}, 20_000);

	test('a checkpoint that cannot be written stops the replica with one line', async () => {
		const all = await place(0, smallCheckpoints);
		await all.start(0);
		await all.batch(10);
		// A directory in its place: the disk is whole, and yet nothing can get that name.
		mkdirSync(all.file(0, 'checkpoint.new'));
		await all.tryBatch(2000, {timeoutMs: 1000});
		expect(all.failures.get(0)?.message).toMatch(/replica-0: EISDIR: .*, then start again$/);
		expect(all.failures.get(0)).toBeInstanceOf(Failure);
		await all.stop(0);
		rmSync(all.file(0, 'checkpoint.new'), {recursive: true});
		all.failures.clear();
		await all.start(0);
		await all.batch(2000);
		expect(all.violations()).toEqual([]);
	}, 20_000);
});
