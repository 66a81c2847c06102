import {createHash} from 'node:crypto';
import {
	appendFileSync,
	cpSync,
	mkdirSync,
	readdirSync,
	readFileSync,
	rmSync,
	truncateSync,
	writeFileSync,
} from 'node:fs';
import {rm} from 'node:fs/promises';
import {join} from 'node:path';
import {afterEach, beforeEach, describe, expect, jest, test} from '@jest/globals';
import type {Request} from '../../source/consensus/types.ts';
import {Acquaintances} from '../../source/storage/acquaintances.ts';
import {readCheckpoint, writeCheckpoint} from '../../source/storage/checkpoint.ts';
import {openReplicaDirectory} from '../../source/storage/directory.ts';
import {headerBytes} from '../../source/storage/group.ts';
import {readMeta, writeMeta} from '../../source/storage/meta.ts';
import {recover} from '../../source/storage/recovery.ts';
import {verify} from '../../source/storage/verify.ts';
import {temporaryDirectory} from './journal-rig.ts';
import {live as liveIn, replicas} from './lived.ts';

jest.setTimeout(30_000);

let data: string;
beforeEach(async () => {
	data = await temporaryDirectory();
});
afterEach(() => rm(data, {recursive: true}));

const live = (id: number, slots: number, ...checkpointSlots: number[]) =>
	liveIn(data, id, slots, checkpointSlots);

const problemsOf = async () => {
	const {replicas, problems, ok} = await verify(data);
	const all = [...problems, ...replicas.flatMap(replica => replica.problems)];
	expect(ok).toBe(all.length === 0);
	for (const problem of all) expect(problem).not.toContain('\n');
	return all;
};

describe('verification', () => {
	test('finds nothing wrong with three replicas of different length, and tells what they hold', async () => {
		const lives = [await live(0, 30), await live(1, 25, 12, 20), await live(2, 18, 17)];
		const report = await verify(data);
		expect(report).toMatchObject({ok: true, diverged: false, divergence: null, problems: []});
		expect(report.replicas.map(({id}) => id)).toEqual([0, 1, 2]);
		for (const [index, {chat, chatLog}] of lives.entries()) {
			const {log, checkpoint, isRunning} = report.replicas[index]!;
			expect(isRunning).toBe(false);
			expect(log?.messages).toBe(chat.position);
			expect(log?.hash).toBe(chat.hashAt(log!.hashSlot));
			expect(log?.sha256).toBe(createHash('sha256').update(readFileSync(chatLog)).digest('hex'));
			expect(checkpoint?.slot ?? 0).toBe([0, 20, 17][index]);
		}
		expect(report.replicas[0]?.journal?.entries).toBe(60);
		expect(report.replicas[1]?.journal?.entries).toBe(28);
		expect(JSON.parse(JSON.stringify(report))).toEqual(report);
	});

	test('changes nothing', async () => {
		const {path, journal} = await live(0, 20, 12);
		const snapshot = () =>
			[...readdirSync(journal).map(name => join('journal', name)), 'chat.log', 'checkpoint', 'meta'].map(
				name => [name, readFileSync(join(path, name), 'hex')],
			);
		const before = snapshot();
		await verify(data);
		expect(snapshot()).toEqual(before);
	});

	test('of a replica that runs says so, and is no reason for alarm', async () => {
		await live(0, 12, 8);
		const {release} = await openReplicaDirectory({data, id: 0, cluster: {replicas}});
		expect(await verify(data)).toMatchObject({ok: true, replicas: [{id: 0, isRunning: true}]});
		await release();
	});

	test('of a replica that has never said anything is fine', async () => {
		const {release, chatLog} = await openReplicaDirectory({data, id: 0, cluster: {replicas}});
		await release();
		expect(await verify(data)).toMatchObject({ok: true, replicas: [{log: null, checkpoint: null}]});
		writeFileSync(chatLog, '');
		expect(await verify(data)).toMatchObject({ok: true, replicas: [{log: {messages: 0, bytes: 0}}]});
	});

	test('of a place where nobody has lived is wrong use', async () => {
		await expect(verify(data)).rejects.toMatchObject({
			exitCode: 2,
			message: expect.stringContaining('--data'),
		});
		await expect(verify(join(data, 'nowhere'))).rejects.toMatchObject({exitCode: 2});
	});
});

describe('divergence', () => {
	test('is named by the first position at which two logs differ', async () => {
		const {chatLog} = await live(0, 30);
		await live(1, 22);
		const text = readFileSync(chatLog, 'utf8');
		writeFileSync(chatLog, text.replace('message 9 ', 'message X '));
		expect(await verify(data)).toMatchObject({
			ok: false,
			diverged: true,
			divergence: {position: 9, replicas: [0, 1]},
		});
		writeFileSync(chatLog, text);
		expect(await problemsOf()).toEqual([]);
	});

	test('is found among the shorter ones as well, and by the hash of a checkpoint without any other', async () => {
		await live(0, 30);
		await live(1, 22);
		const {chatLog} = await live(2, 21, 19);
		writeFileSync(chatLog, readFileSync(chatLog, 'utf8').replace('message 5 ', 'message Y '));
		const report = await verify(data);
		expect(report.divergence).toEqual({position: 5, replicas: [0, 2]});
		expect(report.replicas[2]?.problems).toEqual([expect.stringContaining('do not have the hash')]);
	});
});

describe('damage', () => {
	test('in a journal is named with file and offset', async () => {
		const {journal} = await live(0, 30);
		const path = join(journal, readdirSync(journal)[0]!);
		const buffer = readFileSync(path);
		buffer[headerBytes + 50]! ^= 4;
		writeFileSync(path, buffer);
		expect(await problemsOf()).toEqual([expect.stringMatching(/^\/.*\.segment: damaged at byte \d+, group/)]);
	});

	test('that is only the torn end of a crash is told, and no problem', async () => {
		const {journal, path} = await live(0, 3);
		const segments = readdirSync(journal).map(name => join(journal, name));
		const last = segments.findLast(name => readFileSync(name)[0] === 0xff)!;
		const buffer = readFileSync(last);
		const end = buffer.lastIndexOf(0xff);
		buffer.fill(0, end + 10);
		writeFileSync(last, buffer);
		appendFileSync(join(path, 'chat.log'), '{"position":99,');
		const report = await verify(data);
		expect(report.ok).toBe(true);
		expect(report.replicas[0]?.journal?.tornAt).toEqual({path: last, offset: end});
	});

	test('in a checkpoint, or its loss, is named', async () => {
		const {checkpoint} = await live(0, 20, 6, 12);
		const intact = readFileSync(checkpoint);
		writeFileSync(checkpoint, intact.toString().replace('"position":', '"position":1'));
		expect(await problemsOf()).toContainEqual(expect.stringContaining('checkpoint is damaged'));
		rmSync(checkpoint);
		// As a crash may leave it: the one before it is there, and the journal from there on.
		expect(await problemsOf()).toEqual([]);
		const previous = `${checkpoint}.previous`;
		const older = readFileSync(previous);
		rmSync(previous);
		expect(await problemsOf()).toEqual([expect.stringContaining('the journal begins after slot 6')]);
		writeFileSync(checkpoint, intact);
		older[80]! ^= 1;
		writeFileSync(previous, older);
		expect(await problemsOf()).toEqual([expect.stringContaining('checkpoint.previous is damaged')]);
	});

	test('in the watermark of a journal, or in what is known of the others, is named', async () => {
		const {path, journal} = await live(0, 20);
		const file = `${journal}.watermark`;
		const intact = readFileSync(file);
		const bad = Buffer.from(intact);
		bad[20]! ^= 1;
		writeFileSync(file, bad);
		expect(await problemsOf()).toEqual([expect.stringContaining('one of its two copies is damaged')]);
		bad[4096 + 20]! ^= 1;
		writeFileSync(file, bad);
		expect(await problemsOf()).toEqual([expect.stringContaining('journal.watermark is damaged')]);
		rmSync(file);
		expect(await problemsOf()).toEqual([expect.stringContaining('journal.watermark is missing')]);
		writeFileSync(file, intact);
		const met = await Acquaintances.open(join(path, 'peers'));
		await met.meet(1, {incarnation: 'ab'.repeat(16), isNewcomer: false, groups: 5});
		expect(await problemsOf()).toEqual([]);
		writeFileSync(join(path, 'peers'), readFileSync(join(path, 'peers'), 'utf8').replace('abab', 'abac'));
		expect(await problemsOf()).toEqual([expect.stringContaining('peers is damaged')]);
		rmSync(join(path, 'peers'));
		expect(await problemsOf()).toEqual([expect.stringContaining('peers is gone')]);
	});

	test('by an older copy, or by another memory, is named by the neighbour who has met more', async () => {
		const {path} = await live(0, 5);
		const {path: other, journal} = await live(1, 20);
		const memory = await readMeta(other);
		const groups = (await recover(journal)).last!.number;
		const met = await Acquaintances.open(join(path, 'peers'));
		await met.meet(1, {...memory, groups: groups + 1});
		// The last group of a crash may be torn, and is not missed.
		expect(await problemsOf()).toEqual([]);
		await met.hear(1, {...memory, groups: groups + 2});
		await met.close();
		const older = expect.stringContaining(`replica 0 has met it with more than is in ${other}`);
		expect(await problemsOf()).toEqual([older]);
		const {release} = await openReplicaDirectory({data, id: 1, cluster: {replicas}});
		// What is in it now is more than was read a moment ago.
		expect(await problemsOf()).toEqual([]);
		await release();
		await writeMeta(other, {...memory, isNewcomer: false});
		const another = expect.stringContaining(`replica 0 has met it with another one than ${other}`);
		expect(await problemsOf()).toEqual([another]);
		await writeMeta(other, {...memory, isNewcomer: true});
		// It waits to be admitted.
		expect(await problemsOf()).toEqual([]);
		const {incarnation} = await readMeta(other);
		await met.admit(1, incarnation);
		await met.admit(1, 'ab'.repeat(16));
		expect(await problemsOf()).toEqual([another]);
	});

	test('to the sessions of a checkpoint, with all checksums right, is named beside another replica', async () => {
		for (const id of [0, 1, 2]) await live(id, 20, 12);
		expect(await problemsOf()).toEqual([]);
		const path = join(data, 'replica-2', 'checkpoint');
		const checkpoint = (await readCheckpoint(path))!;
		await writeCheckpoint(path, {...checkpoint, sessions: []});
		expect(await problemsOf()).toEqual([
			'the checkpoints of r0 and r2 after slot 12 differ: the sessions of one are damaged',
		]);
	});

	test('that cuts a journal between two groups is named', async () => {
		const {journal} = await live(0, 20);
		const path = join(
			journal,
			readdirSync(journal).findLast(name => readFileSync(join(journal, name))[0] === 0xff)!,
		);
		const buffer = readFileSync(path);
		for (const end of [buffer.lastIndexOf(0xff), buffer.lastIndexOf(0xff, buffer.lastIndexOf(0xff) - 1)])
			buffer.fill(0, end);
		writeFileSync(path, buffer);
		expect(await problemsOf()).toEqual([
			expect.stringMatching(/damaged at byte \d+, group \d+ was on disk once/),
		]);
	});

	test('in a chat log is named with its offset', async () => {
		const {chatLog} = await live(0, 20, 12);
		const text = readFileSync(chatLog, 'utf8');
		const lines = text.split('\n');
		const second = Buffer.byteLength(`${lines[0]}\n`);
		const with2 = (line: string) => [lines[0], line, ...lines.slice(2)].join('\n');
		const cases: [string, string][] = [
			[with2(lines[1]!.replace('"slot"', '"slat"')), `chat.log: damaged at byte ${second}, there is no line`],
			[
				with2(lines[1]!.replace('{"position"', '{ "position"')),
				`damaged at byte ${second}, there is no line`,
			],
			[with2(lines[1]!.replace('"position":2', '"position":3')), 'position 3 follows position 1'],
			[with2(lines[1]!.replace('"slot":2', '"slot":1')), 'slot 1 follows slot 2'],
			[with2(lines[1]!.replace('"slot":2', '"slot":20000000')), 'slot 20000000 follows slot 2'],
			[with2(lines[1]!.replace('"at":', '"at":1')), 'older than the one before it'],
			[with2(lines[1]!.replace('"slot":2', '"slot":3')), 'do not have the hash'],
			[with2(lines[1]!.replace('message', 'massage')), 'do not have the hash'],
		];
		for (const [damaged, expected] of cases) {
			writeFileSync(chatLog, damaged);
			const problems = await problemsOf();
			expect(problems[0]).toEqual(expect.stringContaining(expected));
			expect(problems[0]).toContain(chatLog);
		}
		writeFileSync(chatLog, text);
		truncateSync(chatLog, 300);
		expect(await problemsOf()).toEqual([
			expect.stringMatching(/chat\.log: it ends at byte \d+, and the checkpoint/),
		]);
		rmSync(chatLog);
		expect(await problemsOf()).toEqual([expect.stringContaining('it ends at byte 0')]);
	});

	test('behind the checkpoint is said to be harmless', async () => {
		const {chatLog} = await live(0, 20, 12);
		const text = readFileSync(chatLog, 'utf8');
		writeFileSync(chatLog, text.replace(/"at":(\d+)\}\n$/, '"at":"$1"}\n'));
		expect(await problemsOf()).toEqual([expect.stringContaining('the next start writes it again')]);
	});

	test('behind the checkpoint is named with its byte, even if it is a line all the same', async () => {
		const {chatLog, checkpoint} = await live(0, 20, 12);
		const {bytes} = (await readCheckpoint(checkpoint))!;
		const intact = readFileSync(chatLog);
		for (const at of [
			bytes + 100,
			intact.indexOf('message 20'),
			intact.lastIndexOf('ada'),
			intact.length - 1,
		]) {
			const flipped = Buffer.from(intact);
			flipped[at]! ^= 1;
			writeFileSync(chatLog, flipped);
			const problems = await problemsOf();
			expect(problems).toEqual([expect.stringContaining('the next start writes it again')]);
			const isLine = at !== bytes + 100;
			if (isLine)
				expect(problems[0]).toBe(
					`${chatLog}: damaged at byte ${at}, or else the sessions of the checkpoint are: with them the journal leads to other bytes; behind the checkpoint: the next start writes it again from the journal`,
				);
		}
	});

	test('behind the checkpoint is named without a checkpoint too, and of one replica of three', async () => {
		for (const id of [0, 1, 2]) await live(id, 20);
		const path = join(data, 'replica-1', 'chat.log');
		const text = readFileSync(path, 'utf8');
		const at = Buffer.byteLength(text.slice(0, text.indexOf('message 7 ')));
		writeFileSync(path, text.replace('message 7 ', 'nessage 7 '));
		const report = await verify(data);
		expect(report.divergence).toEqual({position: 7, replicas: [0, 1]});
		expect(report.replicas.map(({problems}) => problems)).toEqual([
			[],
			[expect.stringContaining(`${path}: damaged at byte ${at}, the journal leads to other bytes`)],
			[],
		]);
	});

	test('is not what a crash leaves behind the checkpoint: less than the journal says, a torn end, zeros', async () => {
		const {chatLog, checkpoint} = await live(0, 20, 12);
		const {bytes} = (await readCheckpoint(checkpoint))!;
		const whole = readFileSync(chatLog);
		for (let size = bytes; size <= whole.length; size += 37) {
			writeFileSync(chatLog, whole.subarray(0, size));
			expect(await problemsOf()).toEqual([]);
			writeFileSync(chatLog, Buffer.concat([whole.subarray(0, size), Buffer.alloc(5000)]));
			expect(await problemsOf()).toEqual([]);
		}
	});

	test('is not that the journal knows of fewer decisions than the log has lines', async () => {
		await liveIn(data, 0, 20, [12], true);
		expect(await problemsOf()).toEqual([]);
		// Nor of none behind the checkpoint, as if all marks had waited for a later write.
		const {journal, ...directory} = await live(1, 12, 12);
		const lines = readFileSync(directory.chatLog, 'utf8');
		appendFileSync(
			directory.chatLog,
			readFileSync(join(data, 'replica-0/chat.log'), 'utf8').slice(lines.length),
		);
		expect(await problemsOf()).toEqual([]);
	});

	test('is judged by as many sessions as the cluster remembers', async () => {
		const opening = (client: string): Request => ({client, session: 0, sequence: 0, nick: 'nick', text: ''});
		const word = (client: string, session: number): Request => ({
			...opening(client),
			session,
			sequence: 1,
			text: `word of ${client}`,
		});
		const requests = [opening('a'), opening('b'), opening('c'), word('a', 1), word('c', 3)];
		const decide = (slot: number) => ({at: 1000 + slot, requests: [requests[slot - 1]!]});
		const {chatLog} = await liveIn(data, 0, requests.length, [], false, {sessions: 2, decide});
		expect(readFileSync(chatLog, 'utf8')).toMatch(/^[^\n]*word of c[^\n]*\n$/);
		expect((await verify(data, 2)).ok).toBe(true);
		expect((await verify(data, 3)).ok).toBe(false);
	});

	test('to the secret is named: without it nobody starts', async () => {
		await live(0, 5);
		rmSync(join(data, 'secret'));
		expect(await problemsOf()).toEqual([expect.stringContaining(`${join(data, 'secret')} is missing`)]);
		rmSync(join(data, 'replica-0'), {recursive: true});
		expect(await problemsOf()).toEqual([expect.stringContaining('secret is missing')]);
	});

	test('to a directory is named: gone, empty, exchanged', async () => {
		const {path} = await live(0, 5);
		await live(1, 5);
		const copy = join(data, 'copy');
		cpSync(path, copy, {recursive: true});
		rmSync(path, {recursive: true});
		expect(await problemsOf()).toEqual([expect.stringContaining('the memory of replica 0')]);
		mkdirSync(path);
		expect(await problemsOf()).toContainEqual(expect.stringContaining('meta is missing'));
		rmSync(path, {recursive: true});
		cpSync(join(data, 'replica-1'), path, {recursive: true});
		expect(await problemsOf()).toEqual([expect.stringContaining('is the memory of replica 1')]);
	});

	test('to everything in turn is never overlooked', async () => {
		const {path, journal} = await live(0, 40, 20);
		const files = [...readdirSync(journal).map(name => join('journal', name)), 'chat.log', 'checkpoint'];
		let named = 0;
		for (const name of files.filter(name => readFileSync(join(path, name)).some(byte => byte !== 0))) {
			const intact = readFileSync(join(path, name));
			const used = intact.findLastIndex(byte => byte !== 0);
			// Of the group that closes the journal nothing would be missed.
			const until = name.startsWith('journal') ? used - headerBytes : used;
			for (let at = 0; at < until; at += 97) {
				const flipped = Buffer.from(intact);
				flipped[at]! ^= 1;
				writeFileSync(join(path, name), flipped);
				const {ok} = await verify(data);
				if (!ok) named++;
				else throw new Error(`${name}: byte ${at} was overlooked`);
			}
			writeFileSync(join(path, name), intact);
		}
		expect(named).toBeGreaterThan(50);
		expect((await verify(data)).ok).toBe(true);
	});
});
