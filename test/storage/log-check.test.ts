import {readFileSync, writeFileSync} from 'node:fs';
import {rm} from 'node:fs/promises';
import {join} from 'node:path';
import {afterEach, beforeEach, expect, jest, test} from '@jest/globals';
import {beginLink, chain, chainStart} from '../../source/chat/hash-chain.ts';
import {Failure} from '../../source/failure.ts';
import {Random} from '../../source/simulator/random.ts';
import type {Checkpoint} from '../../source/storage/checkpoint.ts';
import {checkLog, lookThrough} from '../../source/storage/log-check.ts';
import {temporaryDirectory} from './journal-rig.ts';
import {live} from './lived.ts';

jest.setTimeout(30_000);

let data: string;
beforeEach(async () => {
	data = await temporaryDirectory();
});
afterEach(() => rm(data, {recursive: true}));

/** What a log of these bytes is told about itself; undefined if it is whole. */
async function told(
	content: Buffer,
	checkpoint: Checkpoint,
	pieceBytes: number,
): Promise<string | undefined> {
	// As a reader does it who has one buffer for all.
	const buffer = Buffer.alloc(pieceBytes);
	const read = async (from: number, to: number) => buffer.subarray(0, content.copy(buffer, 0, from, to));
	try {
		for await (const _ of checkLog('chat.log', checkpoint, read, pieceBytes));
		return undefined;
	} catch (error) {
		if (!(error instanceof Failure)) throw error;
		expect(error.message).toMatch(/^chat\.log is damaged [^\n]*; copy the file from another replica,[^\n]*$/);
		return error.message;
	}
}

/** A log, and what a checkpoint after all of it names. */
async function lived(slots: number): Promise<{content: Buffer; checkpoint: Checkpoint}> {
	const {chatLog, chat} = await live(data, 0, slots);
	const content = readFileSync(chatLog);
	return {content, checkpoint: {...chat.state(), bytes: content.length}};
}

test('the chain over bytes, in as many pieces as they come, is the chain over text', () => {
	const text = '“ä” in a line\n';
	const bytes = Buffer.from(text);
	const link = beginLink(chainStart, 7).update(bytes.subarray(0, 1)).update(bytes.subarray(1));
	const hash = chain(chainStart, 7, text);
	expect(link.digest().equals(hash)).toBe(true);
	expect(
		beginLink(hash, 8)
			.digest()
			.equals(chain(hash, 8, '')),
	).toBe(true);
});

test('a log that is whole is found whole, however large the pieces are', async () => {
	const {content, checkpoint} = await lived(60);
	for (const pieceBytes of [300, 301, 500, 1000, 4096, 1_000_000])
		expect(await told(content, checkpoint, pieceBytes)).toBeUndefined();
	// What follows what the checkpoint names is nobody's concern here.
	const longer = Buffer.concat([content, Buffer.from('{"posi')]);
	expect(await told(longer, checkpoint, 1000)).toBeUndefined();
});

test('any bit that is turned is found, and so is all that is cut, put in or exchanged', async () => {
	const {content, checkpoint} = await lived(60);
	const random = new Random(11);
	for (let flip = 0; flip < 3000; flip++) {
		const damaged = Buffer.from(content);
		damaged[random.below(content.length)]! ^= 1 << random.below(8);
		expect(await told(damaged, checkpoint, 1000)).toBeDefined();
	}

	const text = content.toString();
	const lines = text.split(/(?<=\n)/);
	const without = [...lines.slice(0, 5), ...lines.slice(6)].join('');
	const exchanged = [lines[1], lines[0], ...lines.slice(2)].join('');
	for (const other of [without, exchanged, `${lines[0]}${text}`])
		expect(await told(Buffer.from(other), checkpoint, 1000)).toBeDefined();
	expect(await told(content.subarray(0, 5000), checkpoint, 1000)).toContain('at byte');
	expect(await told(content, {...checkpoint, slot: checkpoint.slot + 1}, 1000)).toContain('the hash');
});

test('the place is named where it can be known', async () => {
	const {content, checkpoint} = await lived(20);
	const text = content.toString('latin1');
	const second = text.indexOf('\n') + 1;
	const with2 = (from: string, to: string) =>
		Buffer.from(text.slice(0, second) + text.slice(second).replace(from, to), 'latin1');
	const cases: [string, string, string][] = [
		['{"position"', '{"pos1tion"', `at byte ${second}: there is no line`],
		['"slot":2', '"slot":x', `at byte ${second}: there is no line`],
		['"slot":2', '"slot":', `at byte ${second}: there is no line`],
		['"slot":2', '"slot":0', `at byte ${second}: no line of slot 0 can stand there`],
		['"slot":2', '"slot":9000', `at byte ${second}: no line of slot 9000 can stand there`],
		['message', 'massage', `before byte ${content.length}: its lines do not have the hash`],
	];
	for (const [from, to, expected] of cases)
		expect(await told(with2(from, to), checkpoint, 1000)).toContain(expected);
	expect(await told(Buffer.alloc(content.length), checkpoint, 1000)).toContain('at byte 0: there is no line');
});

test('slots without lines are followed in bites', async () => {
	const {content, checkpoint} = await lived(20);
	let hash = Buffer.from(checkpoint.hash, 'hex');
	for (let slot = checkpoint.slot + 1; slot <= 50_000; slot++) hash = Buffer.from(chain(hash, slot, ''));
	const later = {...checkpoint, slot: 50_000, hash: hash.toString('hex')};
	let bites = 0;
	for await (const _ of checkLog('chat.log', later, async () => content, 1_000_000)) bites++;
	expect(bites).toBeGreaterThan(20);
});

test('a look at a file tells what it finds, and can be given up', async () => {
	const {content, checkpoint} = await lived(60);
	const path = join(data, 'log');
	writeFileSync(path, content);
	await lookThrough(path, checkpoint).whole;
	await lookThrough(join(data, 'nowhere'), undefined).whole;
	content[1000]! ^= 1;
	writeFileSync(path, content);
	await expect(lookThrough(path, checkpoint).whole).rejects.toBeInstanceOf(Failure);
	const look = lookThrough(path, checkpoint);
	await look.stop();
	await look.whole.catch(() => {});
});
