import {chmodSync, cpSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync} from 'node:fs';
import {rm} from 'node:fs/promises';
import {join} from 'node:path';
import {afterAll, beforeAll, expect, test} from '@jest/globals';
import {Failure} from '../../source/failure.ts';
import {beginAnew, openReplicaDirectory} from '../../source/storage/directory.ts';
import {recall} from '../../source/storage/recall.ts';
import {temporaryDirectory} from './journal-rig.ts';
import {live, replicas} from './lived.ts';

/**
 * Whatever file of a replica is damaged or gone: the line that refuses it says
 * what to do next, and what it says helps.
 */
const cluster = {replicas};
let home: string;
let healthy: string;
let data: string;
/** Of a file below DATA. */
const at = (name: string) => join(data, name);

beforeAll(async () => {
	home = await temporaryDirectory();
	healthy = join(home, 'healthy');
	data = join(home, 'data');
	await live(healthy, 0, 40, [10, 20]);
});
afterAll(() => rm(home, {recursive: true}));

function restore(): void {
	rmSync(data, {recursive: true, force: true});
	cpSync(healthy, data, {recursive: true});
	for (const directory of [data, at('replica-0'), at('replica-0/journal')]) chmodSync(directory, 0o700);
}

/** What a start says of it; empty if it goes well. `isNewcomer`: of the memory that it found. */
async function start(): Promise<{said: readonly string[]; why: string; isNewcomer?: boolean}> {
	const said: string[] = [];
	const tell = (line: string) => said.push(line);
	const opened: (() => Promise<void>)[] = [];
	const onError = (error: Error) => {
		throw error;
	};
	try {
		const directory = await openReplicaDirectory({data, id: 0, cluster, tell});
		opened.push(directory.release);
		const {journal, log} = await recall({directory, segmentBytes: 4096, onError, tell});
		opened.push(
			() => journal.close(),
			() => log.close(),
		);
		return {said, why: '', isNewcomer: directory.memory.isNewcomer};
	} catch (error) {
		if (!(error instanceof Failure)) throw error;
		expect(error.message).not.toContain('\n');
		return {said, why: error.message};
	} finally {
		for (const close of opened.reverse()) await close();
	}
}

const segments = () =>
	readdirSync(at('replica-0/journal'))
		.filter(name => readFileSync(at(`replica-0/journal/${name}`)).some(byte => byte !== 0))
		.map(name => `replica-0/journal/${name}`);

/** A bit of all that is written in it turns. */
function turnBit(path: string): void {
	const content = readFileSync(path);
	const end = content.findLastIndex(byte => byte !== 0) + 1;
	content[Math.floor(end / 2)]! ^= 1;
	writeFileSync(path, content);
}

function damage(name: string, how: 'damaged' | 'gone'): void {
	const path = at(name);
	if (how === 'gone') rmSync(path, {recursive: true});
	else if (statSync(path).isDirectory()) for (const segment of segments()) turnBit(at(segment));
	else if (name.endsWith('chat.log')) writeFileSync(path, readFileSync(path).subarray(0, 100));
	// Both of its copies.
	else if (name.endsWith('watermark')) writeFileSync(path, Buffer.alloc(8192));
	else turnBit(path);
}

const files = {
	'replica-0/meta': ['damaged', 'gone'],
	'replica-0/peers': ['damaged', 'gone'],
	'replica-0/journal.watermark': ['damaged', 'gone'],
	'replica-0/journal': ['damaged', 'gone'],
	'replica-0/chat.log': ['damaged', 'gone'],
	'replica-0': ['gone'],
} as const;
const cases = Object.entries(files).flatMap(([name, ways]) => ways.map(how => ({name, how})));

test.each(cases)('$name, $how: the start names readmit, and that helps', async ({name, how}) => {
	restore();
	damage(name, how);
	const {why} = await start();
	expect(why).toMatch(/^\/.*: .*does not vote.*, or let it begin anew with paxos-chat readmit$/);
	// Nothing is changed by a start that is refused.
	expect((await start()).why).toBe(why);
	await beginAnew({data, id: 0, cluster});
	expect(await start()).toEqual({said: [], why: '', isNewcomer: true});
});

test('both checkpoints: the start names readmit; one of them: it goes on with the other', async () => {
	for (const how of ['damaged', 'gone'] as const) {
		restore();
		damage('replica-0/checkpoint', how);
		const {why, said} = await start();
		expect(why).toBe('');
		expect(said).toEqual([expect.stringMatching(/starts from the one before it/)]);
		restore();
		damage('replica-0/checkpoint', how);
		damage('replica-0/checkpoint.previous', how);
		expect((await start()).why).toMatch(/, or let it begin anew with paxos-chat readmit$/);
		await beginAnew({data, id: 0, cluster});
		expect((await start()).isNewcomer).toBe(true);
	}
});

test('the list of members: a start and a new beginning make it again, with a word', async () => {
	for (const run of [start, () => anew()]) {
		restore();
		damage('members.json', 'damaged');
		const {said} = await run();
		expect(said).toEqual([expect.stringMatching(/members\.json was damaged, and is made again: /)]);
		expect((await start()).said).toEqual([]);
	}
});

async function anew() {
	const said: string[] = [];
	await beginAnew({data, id: 0, cluster, tell: line => said.push(line)});
	return {said};
}

test('the secret: the one that was there is put back', async () => {
	for (const how of ['damaged', 'gone'] as const) {
		restore();
		if (how === 'gone') rmSync(at('secret'));
		else writeFileSync(at('secret'), 'no secret\n');
		const {why} = await start();
		expect(why).toMatch(/copy it again from another machine|put it back/);
		// Without it nothing is put aside, either.
		await expect(beginAnew({data, id: 0, cluster})).rejects.toThrow(Failure);
		expect(readdirSync(data).filter(name => name.includes('lost'))).toEqual([]);
		cpSync(join(healthy, 'secret'), at('secret'));
		expect(await start()).toEqual({said: [], why: '', isNewcomer: false});
	}
});
