import {randomBytes} from 'node:crypto';
import {readdirSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {rm} from 'node:fs/promises';
import {join} from 'node:path';
import {afterEach, beforeEach, expect, jest, test} from '@jest/globals';
import {Failure} from '../../source/failure.ts';
import {Random} from '../../source/simulator/random.ts';
import {readCheckpoint} from '../../source/storage/checkpoint.ts';
import {readPastCache} from '../../source/storage/past-cache.ts';
import {Scrub} from '../../source/storage/scrub.ts';
import {temporaryDirectory} from './journal-rig.ts';
import {live} from './lived.ts';

jest.setTimeout(30_000);

let data: string;
let lived: Awaited<ReturnType<typeof live>>;
let latest: NonNullable<Awaited<ReturnType<typeof readCheckpoint>>>;
let segments: string[];

beforeEach(async () => {
	data = await temporaryDirectory();
	lived = await live(data, 0, 400, [150, 390]);
	latest = (await readCheckpoint(lived.checkpoint))!;
	segments = readdirSync(lived.journal)
		.filter(name => readFileSync(join(lived.journal, name))[0] === 0xff)
		.sort()
		.map(name => join(lived.journal, name));
});
afterEach(() => rm(data, {recursive: true}));

const numberOf = (path: string) => Number(/(\d+)\.segment$/.exec(path)![1]);
const scrub = () => new Scrub({...lived, latest: () => latest, segment: () => numberOf(segments.at(-1)!)});

/** Looks at everything once; in how many pieces. */
async function once(one = scrub()): Promise<number> {
	const before = one.rounds;
	for (let looks = 1; ; looks++) {
		await one.look();
		if (one.rounds > before) return looks;
	}
}

const refusal = async (): Promise<string> => {
	const error = await once().catch(error => error);
	expect(error).toBeInstanceOf(Failure);
	expect(error.message).not.toContain('\n');
	return error.message;
};

test('finds nothing in what is whole, a piece at a time, again and again', async () => {
	const one = scrub();
	const pieces = await once(one);
	expect(await once(one)).toBe(pieces);
	expect(pieces).toBeGreaterThan(2 + Math.floor(latest.bytes / 65_536) + segments.length - 1);
	expect(segments.length).toBeGreaterThan(8);
});

test('names any bit that turns in a log up to its checkpoint, a checkpoint, or an old segment', async () => {
	const random = new Random(3);
	const names = [
		lived.chatLog,
		lived.checkpoint,
		`${lived.checkpoint}.previous`,
		...segments.slice(0, 3),
		segments.at(-3)!,
	];
	for (let flip = 0; flip < 70; flip++) {
		const path = names[flip % names.length]!;
		const intact = readFileSync(path);
		const used = path === lived.chatLog ? latest.bytes : intact.findLastIndex(byte => byte !== 0);
		const content = Buffer.from(intact);
		const at = random.below(used);
		content[at]! ^= 1 << random.below(8);
		writeFileSync(path, content);
		const message = await refusal();
		const index = segments.indexOf(path);
		// Damage to the last group of a segment is seen where the next one does not follow.
		const places = index < 0 ? [path] : [path, segments[index + 1]!];
		expect(places.some(place => message.includes(place))).toBe(true);
		writeFileSync(path, intact);
	}

	await once();
});

test('of a log names the line, or the hash, and where the file can be had again', async () => {
	const text = readFileSync(lived.chatLog, 'latin1');
	const middle = text.indexOf('\n', 66_000) + 1;
	const rest = text.slice(middle);
	writeFileSync(
		lived.chatLog,
		`${text.slice(0, middle)}${rest.replace('{"position"', '{"pos1tion"')}`,
		'latin1',
	);
	const [, place] = /chat\.log is damaged at byte (\d+): .*; copy the file from another replica/.exec(
		await refusal(),
	)!;
	expect(Number(place)).toBe(middle);
	writeFileSync(lived.chatLog, `${text.slice(0, middle)}${rest.replace('message', 'massage')}`, 'latin1');
	expect(await refusal()).toContain('its lines do not have the hash that the checkpoint names');
	writeFileSync(lived.chatLog, text.slice(0, middle), 'latin1');
	expect(await refusal()).toContain('chat.log is damaged');
	// What follows the checkpoint comes again from the journal.
	writeFileSync(lived.chatLog, text.slice(0, latest.bytes), 'latin1');
	await once();
});

test('without a checkpoint looks at the journal alone; what a checkpoint took away is not missed', async () => {
	rmSync(lived.chatLog);
	const one = new Scrub({...lived, latest: () => undefined, segment: () => numberOf(segments.at(-1)!)});
	await once(one);
	for (let look = 0; look < 4; look++) await one.look();
	for (const path of segments.slice(0, 4)) rmSync(path);
	await once(one);
	await once(one);
	// In the middle it is.
	rmSync(segments[6]!);
	await expect(once(one)).rejects.toThrow('is damaged or missing');
});

test('any part of a file is read from its disk', async () => {
	const path = join(data, 'file');
	const random = new Random(5);
	for (let count = 0; count < 30; count++) {
		const content = randomBytes(random.below(20_000));
		writeFileSync(path, content);
		const from = random.below(22_000);
		const to = from + random.below(9000);
		expect((await readPastCache(path, from, to)).equals(content.subarray(from, to))).toBe(true);
		expect((await readPastCache(path, from)).equals(content.subarray(from))).toBe(true);
	}
});
