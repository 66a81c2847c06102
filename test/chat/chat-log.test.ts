import {
	appendFileSync,
	existsSync,
	mkdtempSync,
	readFileSync,
	rmSync,
	statSync,
	writeFileSync,
} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, describe, expect, jest, test} from '@jest/globals';
import fc from 'fast-check';
import {ChatLog} from '../../source/chat/chat-log.ts';
import {encodeLine} from '../../source/chat/line-text.ts';
import {linesOf} from '../../source/chat/log-lines.ts';
import type {Line} from '../../source/chat/types.ts';
import {Failure} from '../../source/failure.ts';

// These wait for a real disk, which may be busy with other things.
jest.setTimeout(30_000);

let directory = '';
let path = '';
beforeEach(() => {
	directory = mkdtempSync(join(tmpdir(), 'chat-log-'));
	path = join(directory, 'chat.log');
});
afterEach(() => rmSync(directory, {recursive: true}));

const noError = (error: Error): void => {
	throw error;
};
const lineOf = (position: number, text = `text ${position}`): Line => ({
	position,
	slot: position + 5,
	client: 'c'.repeat(32),
	sequence: position,
	nick: 'alice',
	text,
	at: 1_790_000_000_000 + position,
});
const append = (log: ChatLog, text: string): Promise<void> =>
	new Promise(resolve => log.append(text, resolve));
const sizes = (lines: readonly Line[]): number[] => lines.map(line => Buffer.byteLength(encodeLine(line)));

/** Writes the file at once and opens it. */
async function logOf(lines: readonly Line[]): Promise<ChatLog> {
	writeFileSync(path, lines.map(encodeLine).join(''));
	return ChatLog.open(path, statSync(path).size, noError);
}

/** What a page must hold, from a list in memory. */
function pageOf(lines: readonly Line[], after: number, limit: number): Line[] {
	const page: Line[] = [];
	let size = 0;
	for (const line of lines.filter(({position}) => position > after)) {
		if (page.length >= limit || size >= 262_144) break;
		page.push(line);
		size += encodeLine(line).length;
	}

	return page;
}

describe('opening', () => {
	test('makes a file that only its owner may read', async () => {
		const log = await ChatLog.open(path, 0, noError);
		expect(statSync(path).mode & 0o777).toBe(0o600);
		expect(log.bytes).toBe(0);
		expect(await log.read(0, 10)).toEqual([]);
		await log.close();
	});

	test('cuts what its checkpoint does not name, a torn line included, and goes on there', async () => {
		const whole = [lineOf(1), lineOf(2), lineOf(3)].map(encodeLine);
		const bytes = Buffer.byteLength(whole.slice(0, 2).join(''));
		writeFileSync(path, whole.join('').slice(0, -10), {mode: 0o644});
		const log = await ChatLog.open(path, bytes, noError);
		expect(statSync(path).size).toBe(bytes);
		expect(await log.read(0, 10)).toEqual([lineOf(1), lineOf(2)]);
		await append(log, encodeLine(lineOf(3, 'again')));
		await log.close();
		expect(readFileSync(path, 'utf8')).toBe(whole.slice(0, 2).join('') + encodeLine(lineOf(3, 'again')));
		expect(statSync(path).mode & 0o777).toBe(0o600);
	});

	test('refuses a file that lacks what the checkpoint names, and leaves it as it is', async () => {
		const text = encodeLine(lineOf(1));
		writeFileSync(path, text);
		for (const bytes of [text.length + 1, text.length - 1]) {
			const error = await ChatLog.open(path, bytes, noError).catch((error: unknown) => error);
			expect(error).toBeInstanceOf(Failure);
			expect((error as Failure).message).toContain(path);
			expect((error as Failure).message).not.toContain('\n');
			expect(readFileSync(path, 'utf8')).toBe(text);
		}
	});
});

describe('appending', () => {
	test('calls back in order, when the lines stand in the file', async () => {
		const log = await ChatLog.open(path, 0, noError);
		const done: number[] = [];
		let expected = '';
		await new Promise<void>(resolve => {
			for (let position = 1; position <= 500; position++) {
				// Every third slot holds no line; it waits for those before it all the same.
				const text = position % 3 === 0 ? '' : encodeLine(lineOf(position, 'ü'.repeat(position)));
				expected += text;
				const upTo = Buffer.byteLength(expected);
				log.append(text, () => {
					expect(statSync(path).size).toBeGreaterThanOrEqual(upTo);
					done.push(position);
					if (position === 500) resolve();
				});
			}

			expect(log.bytes).toBe(Buffer.byteLength(expected));
			expect(done).toEqual([]);
		});
		expect(done).toEqual(Array.from({length: 500}, (_, index) => index + 1));
		expect(readFileSync(path, 'utf8')).toBe(expected);
		await log.close();
	});

	test('a sync waits for what was appended before it', async () => {
		const log = await ChatLog.open(path, 0, noError);
		let isDone = false;
		log.append(encodeLine(lineOf(1)), () => {
			isDone = true;
		});
		await log.sync();
		expect(isDone).toBe(true);
		expect(statSync(path).size).toBe(log.bytes);
		await log.close();
	});

	test('closing waits for what was appended, and ends it', async () => {
		const log = await ChatLog.open(path, 0, noError);
		log.append(encodeLine(lineOf(1)), () => {});
		await log.close();
		expect(readFileSync(path, 'utf8')).toBe(encodeLine(lineOf(1)));
		log.append(encodeLine(lineOf(2)), () => expect('called').toBe('never'));
		await expect(log.sync()).rejects.toThrow('closed');
		expect(readFileSync(path, 'utf8')).toBe(encodeLine(lineOf(1)));
	});
});

describe('reading', () => {
	test('finds every page as a naive reader does, whatever the lines look like', async () => {
		const lengths = fc.oneof(fc.nat(40), fc.nat(40), fc.nat(4096), fc.constant(30_000));
		await fc.assert(
			fc.asyncProperty(
				fc.array(lengths, {maxLength: 150}),
				fc.constantFrom('x', '"', '\n', 'ü', '世', '{"position":7,'),
				fc.array(fc.tuple(fc.integer({min: -1, max: 160}), fc.integer({min: 0, max: 200})), {
					minLength: 5,
					maxLength: 20,
				}),
				async (texts, character, questions) => {
					const lines = texts.map((length, index) =>
						lineOf(index + 1, character.repeat(Math.ceil(length / character.length))),
					);
					const log = await logOf(lines);
					for (const [after, limit] of questions)
						expect(await log.read(after, limit)).toEqual(pageOf(lines, after, limit));
					await log.close();
				},
			),
			{numRuns: 60},
		);
	});

	test('page by page it gives all lines once, and no page is much larger than 256 KiB', async () => {
		const lines = Array.from({length: 3000}, (_, index) => lineOf(index + 1, 'z'.repeat((index * 37) % 900)));
		const log = await logOf(lines);
		const read: Line[] = [];
		for (let page = await log.read(0, 10_000); page.length > 0; page = await log.read(read.length, 10_000)) {
			expect(sizes(page).reduce((one, other) => one + other)).toBeLessThan(262_144 + 2000);
			read.push(...page);
		}

		expect(read).toEqual(lines);
		await log.close();
	});

	test('as text: whole lines, up to where its reader wants, and no more bytes unless one line has more', async () => {
		const lengths = fc.oneof(fc.nat(40), fc.nat(300), fc.constant(30_000));
		const question = fc.record({
			after: fc.nat(60),
			upTo: fc.nat(60),
			bytes: fc.oneof(fc.integer({min: 1, max: 1000}), fc.constant(262_144)),
		});
		await fc.assert(
			fc.asyncProperty(
				fc.array(lengths, {maxLength: 60}),
				fc.constantFrom('x', 'ü', '世', '{"position":7,'),
				fc.array(question, {minLength: 5, maxLength: 20}),
				async (texts, character, questions) => {
					const lines = texts.map((length, index) =>
						lineOf(index + 1, character.repeat(Math.ceil(length / character.length))),
					);
					const log = await logOf(lines);
					for (const {after, upTo, bytes} of questions) {
						const wanted = lines.slice(after, upTo);
						const end = sizes(lines.slice(0, upTo)).reduce((one, other) => one + other, 0);
						const page = await log.readText(after, end, bytes);
						expect(wanted.map(encodeLine).join('').startsWith(page)).toBe(true);
						const count = page.split('\n').length - 1;
						if (wanted.length > 0) expect(count).toBeGreaterThan(0);
						if (count > 1) expect(Buffer.byteLength(page)).toBeLessThanOrEqual(bytes);
						const next = wanted[count];
						if (count > 0 && next) expect(Buffer.byteLength(page + encodeLine(next))).toBeGreaterThan(bytes);
					}

					await log.close();
				},
			),
			{numRuns: 60},
		);
	});

	test('as text, one page after the other, it gives all', async () => {
		const lines = Array.from({length: 3000}, (_, index) => lineOf(index + 1, 'z'.repeat((index * 37) % 900)));
		const log = await logOf(lines);
		const {bytes} = log;
		let text = '';
		for (;;) {
			const page = await log.readText(text.split('\n').length - 1, bytes, 100_000);
			if (page === '') break;
			text += page;
		}

		expect(text).toBe(lines.map(encodeLine).join(''));
		await log.close();
	});

	test('works beside appending, and never shows a line in part', async () => {
		const log = await ChatLog.open(path, 0, noError);
		const all = Array.from({length: 400}, (_, index) => lineOf(index + 1, 'y'.repeat(index * 7)));
		const appended = all.map(line => append(log, encodeLine(line)));
		for (let after = 0; after < all.length; ) {
			const page = await log.read(after, 50);
			expect(page).toEqual(all.slice(after, after + page.length));
			after += page.length;
			await new Promise(resolve => setImmediate(resolve));
		}

		await Promise.all(appended);
		await log.close();
	});

	test('says where a damaged file is damaged', async () => {
		const texts = [lineOf(1), lineOf(2), lineOf(3)].map(encodeLine);
		const start = texts[0]!.length;
		writeFileSync(path, texts.join('').replace('"text 2"', '"text 2\u0001"'));
		const log = await ChatLog.open(path, statSync(path).size, noError);
		await expect(log.read(0, 3)).rejects.toThrow(`damaged at byte ${start}`);
		await log.close();
	});

	test('as text, it says so of a line that is not the next one, or that does not end', async () => {
		const texts = [lineOf(1), lineOf(3), lineOf(4)].map(encodeLine);
		const start = texts[0]!.length;
		writeFileSync(path, texts.join(''));
		const log = await ChatLog.open(path, statSync(path).size, noError);
		await expect(log.readText(1, log.bytes, 1000)).rejects.toThrow(`damaged at byte ${start}`);
		await expect(log.readText(0, start - 1, 1000)).rejects.toThrow('damaged at byte 0');
		await log.close();
	});
});

describe('all lines of a file', () => {
	const collect = async () => {
		const found = [];
		for await (const each of linesOf(path)) found.push(each);
		return found;
	};

	test('come in order, with the byte at which they begin, over any number of reads', async () => {
		const lines = Array.from({length: 900}, (_, index) => lineOf(index + 1, 'ü'.repeat(index)));
		writeFileSync(path, lines.map(encodeLine).join(''));
		expect(statSync(path).size).toBeGreaterThan(3 * 262_144);
		let start = 0;
		for (const [index, each] of (await collect()).entries()) {
			expect(each).toEqual({start, text: encodeLine(lines[index]!), line: lines[index]});
			start += Buffer.byteLength(each.text);
		}

		expect(start).toBe(statSync(path).size);
	});

	test('a torn end is given as it is, without a line', async () => {
		writeFileSync(path, encodeLine(lineOf(1)));
		const start = statSync(path).size;
		appendFileSync(path, '{"position":2,"slo');
		expect((await collect()).at(-1)).toEqual({start, text: '{"position":2,"slo', line: undefined});
	});

	test.each([
		['a byte that is no UTF-8', (text: Buffer) => text.fill(0xff, 150, 151)],
		['other spacing', (text: Buffer) => Buffer.from(text.toString().replace(',"slot"', ', "slot"'))],
		[
			'keys in another order',
			(text: Buffer) => Buffer.from(JSON.stringify({at: 1, ...JSON.parse(text.toString())})),
		],
		['an escape too many', (text: Buffer) => Buffer.from(text.toString().replace('alice', '\\u0061lice'))],
		['zeros', (text: Buffer) => text.fill(0, 0, 20)],
	])('names a line with %s as damaged, and goes on behind it', async (_, damage) => {
		const damaged = damage(Buffer.from(encodeLine(lineOf(2, 'x'.repeat(100))).slice(0, -1)));
		writeFileSync(
			path,
			Buffer.concat([
				Buffer.from(encodeLine(lineOf(1))),
				damaged,
				Buffer.from('\n'),
				Buffer.from(encodeLine(lineOf(3))),
			]),
		);
		expect((await collect()).map(({line}) => line?.position)).toEqual([1, undefined, 3]);
	});

	test('endless garbage without a newline is not gathered', async () => {
		writeFileSync(path, Buffer.alloc(8_388_608, 120));
		const [garbage, ...more] = await collect();
		expect(garbage?.line).toBeUndefined();
		expect(garbage?.text.length).toBeLessThan(2_097_152);
		expect(more).toEqual([]);
	});

	test('a file that is not there is an error', async () => {
		expect(existsSync(path)).toBe(false);
		await expect(collect()).rejects.toThrow('ENOENT');
	});
});
