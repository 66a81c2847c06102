import {existsSync, readFileSync, statSync, writeFileSync} from 'node:fs';
import {rm} from 'node:fs/promises';
import {join} from 'node:path';
import {afterEach, beforeEach, expect, test} from '@jest/globals';
import fc from 'fast-check';
import {Failure} from '../../source/failure.ts';
import {type Checkpoint, readCheckpoint, writeCheckpoint} from '../../source/storage/checkpoint.ts';
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
