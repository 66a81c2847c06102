import {existsSync, readFileSync, rmSync, statSync, writeFileSync} from 'node:fs';
import {rm} from 'node:fs/promises';
import {join} from 'node:path';
import {afterEach, beforeEach, describe, expect, test} from '@jest/globals';
import fc from 'fast-check';
import {Failure} from '../../source/failure.ts';
import {
	type Checkpoint,
	previousOf,
	readCheckpoint,
	recoverCheckpoint,
	writeCheckpoint,
} from '../../source/storage/checkpoint.ts';
import {readPastCache} from '../../source/storage/past-cache.ts';
import {temporaryDirectory} from './journal-rig.ts';

let directory: string;
let path: string;
beforeEach(async () => {
	directory = await temporaryDirectory();
	path = join(directory, 'checkpoint');
});
afterEach(() => rm(directory, {recursive: true}));

const checkpointOf = (sessions: number): Checkpoint => ({
	slot: 20_000,
	position: 10_000,
	bytes: 9000,
	hash: 'ab'.repeat(32),
	at: 1_790_000_000_000,
	admitted: [{replica: 1, incarnation: '0c'.repeat(16), slot: 77}],
	sessions: Array.from({length: sessions}, (_, index) => ({
		client: index.toString(16).padStart(64, '0'),
		session: index + 1,
		nonce: `${index}`,
		sequence: index * 7,
		position: index,
		slot: index + 2,
	})),
});

test('is read as it was written, with ten thousand sessions in their order', async () => {
	expect(await readCheckpoint(path)).toBeUndefined();
	await writeCheckpoint(path, checkpointOf(10_000));
	expect(await readCheckpoint(path)).toEqual(checkpointOf(10_000));
	await writeCheckpoint(path, checkpointOf(0));
	expect(await readCheckpoint(path)).toEqual(checkpointOf(0));
	expect(statSync(path).mode & 0o777).toBe(0o600);
	expect(existsSync(`${path}.new`)).toBe(false);
});

test('one that was not finished is no checkpoint: the one before it stays', async () => {
	await writeCheckpoint(path, checkpointOf(3));
	writeFileSync(`${path}.new`, 'half a check');
	expect(await readCheckpoint(path)).toEqual(checkpointOf(3));
	await writeCheckpoint(path, checkpointOf(4));
	expect(await readCheckpoint(path)).toEqual(checkpointOf(4));
});

test('any flipped bit, and any cut, is refused in one line', async () => {
	await writeCheckpoint(path, checkpointOf(2));
	const intact = readFileSync(path);
	const refused = async (content: Buffer) => {
		writeFileSync(path, content);
		const error = await readCheckpoint(path).catch(error => error);
		expect(error).toBeInstanceOf(Failure);
		expect(error.message).toMatch(/^[^\n]*checkpoint is damaged[^\n]*$/);
	};
	for (let bit = 0; bit < intact.length * 8; bit += 3) {
		const flipped = Buffer.from(intact);
		flipped[bit >> 3]! ^= 1 << (bit & 7);
		await refused(flipped);
	}
	await fc.assert(fc.asyncProperty(fc.nat(intact.length - 1), length => refused(intact.subarray(0, length))));
});

test('one of another kind is refused, not guessed', async () => {
	await writeCheckpoint(path, {...checkpointOf(1), hash: 'not a hash'});
	await expect(readCheckpoint(path)).rejects.toThrow('not of a kind that this version knows');
});

describe('the checkpoint before the newest', () => {
	const of = (slot: number): Checkpoint => ({...checkpointOf(2), slot});
	const flip = (file: string) => {
		const content = readFileSync(file);
		content[100]! ^= 1;
		writeFileSync(file, content);
	};
	/** What a start finds, and what it says. */
	const start = async (since: number) => {
		const told: string[] = [];
		const checkpoint = await recoverCheckpoint(path, since, text => told.push(text));
		return {slot: checkpoint?.slot, told};
	};
	const refusal = async (since: number) => {
		const error = await start(since).catch(error => error);
		expect(error).toBeInstanceOf(Failure);
		expect(error.message).toMatch(/^[^\n]*this replica does not vote[^\n]*$/);
		return error.message as string;
	};

	beforeEach(async () => {
		for (const slot of [10_000, 20_000]) await writeCheckpoint(path, of(slot));
	});

	test('stays, and a start takes the newest without a word', async () => {
		expect((await readCheckpoint(previousOf(path)))?.slot).toBe(10_000);
		expect(await start(10_000)).toEqual({slot: 20_000, told: []});
		flip(previousOf(path));
		expect(await start(10_000)).toEqual({slot: 20_000, told: []});
	});

	test('takes the place of one that is damaged, with a word, if the journal goes back so far', async () => {
		flip(path);
		expect(await refusal(10_001)).toContain(
			`${path} is damaged: its checksum does not match; ${previousOf(path)} is of slot 10000; the journal begins after slot 10001`,
		);
		expect(await start(10_000)).toEqual({
			slot: 10_000,
			told: [expect.stringMatching(/checkpoint is damaged.*: starts from the one before it, of slot 10000/)],
		});
		// The next one finds it in its place.
		expect(await start(10_000)).toEqual({slot: 10_000, told: []});
		await writeCheckpoint(path, of(30_000));
		expect((await readCheckpoint(previousOf(path)))?.slot).toBe(10_000);
	});

	test('takes the place of one that a crash has not named yet', async () => {
		rmSync(path);
		writeFileSync(`${path}.new`, 'whatever');
		expect(await start(10_000)).toMatchObject({
			slot: 10_000,
			told: [expect.stringContaining('checkpoint is missing: ')],
		});
	});

	test('does not help if it is damaged or gone, too; a journal with everything does', async () => {
		flip(path);
		flip(previousOf(path));
		expect(await refusal(1)).toContain(`${previousOf(path)} is damaged`);
		expect(await start(0)).toEqual({
			slot: undefined,
			told: [expect.stringContaining('starts from the journal alone')],
		});
		expect(await start(0)).toEqual({slot: undefined, told: []});
		expect(await refusal(1)).toContain(`${path} is missing; ${previousOf(path)} is missing`);
	});
});

test('what comes back from the disk as something else never becomes a checkpoint', async () => {
	await writeCheckpoint(path, checkpointOf(3));
	const lying = async (written: string) => {
		const content = readFileSync(written);
		content[content.length >> 1]! ^= 1;
		return content;
	};
	const error = await writeCheckpoint(path, checkpointOf(4), {readBack: lying}).catch(error => error);
	expect(error).toBeInstanceOf(Failure);
	expect(error.message).toMatch(
		/^\S+checkpoint\.new: the disk does not hold what was written to it; [^\n]*$/,
	);
	expect(await readCheckpoint(path)).toEqual(checkpointOf(3));
	expect(await readCheckpoint(previousOf(path))).toBeUndefined();
});

test('a file is read from its disk whatever its length', async () => {
	for (const length of [0, 1, 511, 512, 4095, 4096, 4097, 100_000, 1_048_576]) {
		const content = Buffer.alloc(length, 'abcdefghijklmnopqrstuvwxyz\n');
		writeFileSync(path, content);
		expect((await readPastCache(path)).equals(content)).toBe(true);
	}
	await expect(readPastCache(join(directory, 'nothing'))).rejects.toThrow('ENOENT');
});
