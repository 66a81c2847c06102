import {existsSync, statSync} from 'node:fs';
import {mkdir, mkdtemp, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, describe, expect, test} from '@jest/globals';
import {KeptLines} from '../../source/storage/kept-lines.ts';

let directory: string;
let path: string;
const errors: Error[] = [];

beforeEach(async () => {
	directory = await mkdtemp(join(tmpdir(), 'paxos-chat-'));
	path = join(directory, 'fetched-lines');
	errors.length = 0;
});

afterEach(() => rm(directory, {recursive: true, force: true}));

const open = () => new KeptLines(path, error => errors.push(error));

async function piecesOf(kept: KeptLines): Promise<string[]> {
	const pieces: string[] = [];
	for await (const piece of kept.pieces()) pieces.push(piece);
	return pieces;
}

test('what is kept comes back in order, in whole lines, however long it is', async () => {
	const kept = open();
	const lines = Array.from({length: 3000}, (_, index) => `${index} ${'ä€😀'.repeat(index % 60)}\n`);
	for (let at = 0; at < lines.length; at += 7) kept.keep(lines.slice(at, at + 7).join(''));
	const pieces = await piecesOf(kept);
	expect(pieces.join('')).toBe(lines.join(''));
	expect(pieces.length).toBeGreaterThan(1);
	expect(pieces.every(piece => piece.endsWith('\n') && piece.length <= 262_144)).toBe(true);
	expect(await piecesOf(kept)).toEqual(pieces);
	expect(statSync(path).mode & 0o777).toBe(0o600);
	await kept.close();
	expect(existsSync(path)).toBe(false);
	expect(errors).toEqual([]);
});

test('a line that is longer than a piece stays whole', async () => {
	const kept = open();
	const long = `${'x'.repeat(600_000)}\n`;
	kept.keep(`a\n${long}b\n`);
	expect((await piecesOf(kept)).join('')).toBe(`a\n${long}b\n`);
	await kept.close();
});

test('nothing was kept: there is nothing, and no file', async () => {
	const kept = open();
	expect(await piecesOf(kept)).toEqual([]);
	expect(existsSync(path)).toBe(false);
	await kept.close();
});

test('what is forgotten does not come back, and the next begins anew', async () => {
	const kept = open();
	kept.keep('old\n');
	kept.forget();
	kept.forget();
	kept.keep('new\n');
	expect(await piecesOf(kept)).toEqual(['new\n']);
	kept.forget();
	expect(await piecesOf(kept)).toEqual([]);
	await kept.close();
});

test('what an earlier life left is removed', async () => {
	await writeFile(path, 'left\n', {mode: 0o644});
	const kept = open();
	expect(await piecesOf(kept)).toEqual([]);
	expect(existsSync(path)).toBe(false);
	kept.keep('new\n');
	expect(await piecesOf(kept)).toEqual(['new\n']);
	expect(statSync(path).mode & 0o777).toBe(0o600);
	await kept.close();
});

describe('a disk that fails', () => {
	test('is told of in one line', async () => {
		await mkdir(path);
		await writeFile(join(path, 'in the way'), '');
		const kept = open();
		kept.keep('line\n');
		await piecesOf(kept);
		expect(errors.length).toBeGreaterThan(0);
		for (const {message} of errors) {
			expect(message).toMatch(/^\S+fetched-lines: E\w+: .*; .*, then start again$/);
		}
	});
});
