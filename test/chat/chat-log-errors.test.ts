import * as fs from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, expect, jest, test} from '@jest/globals';

/** What the system does with the next writes: takes that many bytes at most, or fails. Then it is its old self. */
let moods: Array<number | Error> = [];
let writes = 0;
jest.unstable_mockModule('node:fs', () => ({
	...fs,
	writeSync(file: number, bytes: Buffer, from: number, length: number, position: number) {
		writes++;
		const mood = moods.shift();
		if (mood instanceof Error) throw mood;
		return fs.writeSync(file, bytes, from, Math.min(length, mood ?? length), position);
	},
}));
const {ChatLog} = await import('../../source/chat/chat-log.ts');
const {encodeLine} = await import('../../source/chat/line-text.ts');

let directory = '';
let path = '';
beforeEach(() => {
	directory = fs.mkdtempSync(join(tmpdir(), 'chat-log-'));
	path = join(directory, 'chat.log');
	moods = [];
	writes = 0;
});
afterEach(() => fs.rmSync(directory, {recursive: true}));

const textOf = (position: number): string =>
	encodeLine({
		position,
		slot: position,
		client: 'c',
		sequence: position,
		nick: 'n',
		text: 'ü'.repeat(99),
		at: 1,
	});

test('a write that is taken in part goes on until all is written, and only then counts', async () => {
	const log = await ChatLog.open(path, 0, () => expect('an error').toBe('none'));
	moods = [100, 1, 50];
	const done: string[] = [];
	const first = new Promise<void>(resolve =>
		log.append(textOf(1), () => {
			done.push('first');
			resolve();
		}),
	);
	expect(await log.read(0, 10)).toEqual([]);
	expect(done).toEqual([]);
	await first;
	expect(writes).toBe(4);
	expect(fs.readFileSync(path, 'utf8')).toBe(textOf(1));
	expect(await log.read(0, 10)).toHaveLength(1);
	await log.close();
});

test('what is appended in one turn goes with one write', async () => {
	const log = await ChatLog.open(path, 0, () => {});
	for (let position = 1; position <= 100; position++) log.append(textOf(position), () => {});
	await log.sync();
	expect(writes).toBe(1);
	expect(await log.read(0, 1000)).toHaveLength(100);
	await log.close();
});

test('the first error is final: it is told once, and nothing is written or called back after it', async () => {
	const errors: Error[] = [];
	const log = await ChatLog.open(path, 0, error => errors.push(error));
	moods = [5, new Error('ENOSPC: no space left on device')];
	const never = (): void => {
		errors.push(new Error('called back'));
	};
	log.append(textOf(1), never);
	log.append(textOf(2), never);
	await expect(log.sync()).rejects.toThrow(`cannot write ${path}: ENOSPC: no space left on device`);
	expect(errors).toHaveLength(1);
	log.append(textOf(3), never);
	log.append('', never);
	await expect(log.sync()).rejects.toThrow('ENOSPC');
	expect(writes).toBe(2);
	expect(await log.read(0, 10)).toEqual([]);
	await log.close();
	expect(errors.map(({message}) => message)).toEqual([
		`cannot write ${path}: ENOSPC: no space left on device; make room on the disk, then start again`,
	]);
	expect(fs.statSync(path).size).toBe(5);
});

test('a system that takes nothing is an error, not an endless loop', async () => {
	const errors: Error[] = [];
	const log = await ChatLog.open(path, 0, error => errors.push(error));
	moods = [0];
	log.append(textOf(1), () => {});
	await expect(log.sync()).rejects.toThrow('took no byte');
	expect(errors).toHaveLength(1);
	await log.close();
});
