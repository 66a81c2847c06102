import {mkdirSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {afterAll, afterEach, beforeAll, expect, test} from '@jest/globals';
import {ScreenUnderTest} from '../../bench/terminal.ts';
import type {Line} from '../../source/chat/types.ts';
import {linesOf} from '../../source/network/client-wire.ts';
import {Place} from '../cli/processes.ts';
import {fakeCluster, statusOf} from '../client/fake-replica.ts';
import {hostile} from '../hostile.ts';

/** Of fake replicas, as real ones take no nicks and tell no stories like these. */
let fakes: Awaited<ReturnType<typeof fakeCluster>>;
let place: Place;
const screens: ScreenUnderTest[] = [];
const open = (words: readonly string[] = [], options: object = {}) => {
	const screen = new ScreenUnderTest(words, {cwd: place.path, ...options});
	screens.push(screen);
	return screen;
};

const pageUp = '\u001b[5~';
const pageLines = 500;

beforeAll(async () => {
	fakes = await fakeCluster(3);
	for (const replica of fakes.replicas) {
		replica.script.follow = ({after}, socket) => {
			const lines = replica.chat.lines.slice(after, after + pageLines);
			socket.emit('lines', linesOf(lines, after + lines.length >= replica.position));
		};
		replica.setStatus({...statusOf(replica.id), executed: 9, decided: 9, hashSlot: 9});
	}

	place = new Place();
	mkdirSync(place.path, {recursive: true});
	const replicas = fakes.cluster.replicas.map(({id, host, port}) => ({id, host, port}));
	writeFileSync(join(place.path, 'cluster.json'), JSON.stringify({f: 1, replicas}));
});
afterEach(async () => {
	for (const screen of screens.splice(0)) await screen.clear();
	fakes.chat.lines.length = 0;
});
afterAll(async () => {
	await fakes.stop();
	await place.clear();
});

/** A label in front tells one from the other, and stays when the rest is swallowed. */
const labelled = hostile.map(([what, text], index) => [`v${index}.`, what, text.toWellFormed()] as const);

/** Says them to all, as lines that were just executed. */
function shout(): void {
	const before = fakes.chat.lines.length;
	for (const [label, , text] of labelled) fakes.chat.add('eve', `${label} ${text}`);
	for (const [index, [label, , text]] of labelled.entries())
		fakes.chat.add(`${text}${index}`, `${label} by nobody`);
	const lines: readonly Line[] = fakes.chat.lines.slice(before);
	for (const replica of fakes.replicas) replica.publish(lines);
}

/** Nothing but text, colours of ours and the cursor: no command that a stranger might have brought. */
function expectTame(screen: ScreenUnderTest): void {
	expect(screen.driven).toEqual([]);
	expect(screen.raw).not.toMatch(/\u001b[\]PX^_c(]/);
	expect(screen.raw).not.toMatch(/[\u0007\u0080-\u009f]/);
	expect(screen.raw).not.toMatch(/\u001b\[8m|\u001b\[\?1000h|\u001b\[31mred|[\u202a-\u202e\u2066-\u2069]/);
	expect(screen.overflows).toBe(0);
}

/** How wide syllables of these are, no two terminals agree. */
const disputed = /[\p{Script=Devanagari}]/u;

/** The frames of the split view at 120 columns stand in these columns, on every row of theirs. */
function expectStraight(screen: ScreenUnderTest): void {
	const isFrame = (sign: string) => /^[│╭╮╰╯║╔╗╚╝]$/.test(sign);
	const crooked = screen.rows
		.map((row, y) => ({row, isStraight: [0, 65, 66, 119].every(column => isFrame(screen.cell(column, y)))}))
		.slice(1, 32)
		.flatMap(({row, isStraight}) => (isStraight || disputed.test(row) ? [] : [row]));
	expect(crooked).toEqual([]);
}

test('forty ways to drive a terminal, as messages, nicks, stories and refusals: all are shown, none does anything', async () => {
	const screen = open(['--nick', 'alice']);
	await screen.until(/up 3\/3/);
	shout();
	await screen.until(text => text.includes(`${labelled.at(-1)![0]} by nobody`));
	expectStraight(screen);
	const seen = new Set<string>();
	const collect = (text: string) => {
		for (const [label] of text.matchAll(/v\d+\. (?:by nobody)?/g)) seen.add(label.trim());
	};
	// Up to the first, a page at a time.
	for (let text = screen.text; !seen.has('v0.'); ) {
		collect(text);
		expectStraight(screen);
		const before = text;
		screen.write(pageUp);
		text = await screen.until(shown => shown !== before && /-MORE\(\d+/.test(shown));
		collect(text);
	}

	for (const [label, what] of labelled)
		expect([what, seen.has(label), seen.has(`${label} by nobody`)]).toEqual([what, true, true]);
	// What a replica tells of itself, and why it turns us away.
	const notes = labelled.map(([label, , text], index) => ({
		kind: 'view' as const,
		view: index,
		text: `${label} ${text}`,
		replica: 0,
		at: 1_790_000_000_000,
	}));
	const [first, , last] = fakes.replicas;
	for (const socket of first!.sockets) socket.emit('notes', notes);
	last!.script.isGreeting = false;
	for (const socket of last!.sockets) socket.disconnect(true);
	const refusal = 'no \u001b]0;owned\u0007\u001b]52;c;cm0=\u0007\u001b[2J\u009b8m\u202etsrif';
	const refusing = setInterval(() => {
		for (const socket of last!.sockets) socket.emit('refused', refusal);
	}, 20);
	try {
		screen.write('\u001b5');
		await screen.until(text => text.includes(`${labelled.at(-1)![0]} `));
		screen.write('\u001b2');
		await screen.until(/r2 turned away: no tsrif/);
	} finally {
		clearInterval(refusing);
		last!.script.isGreeting = true;
	}

	// One's own message, refused with such a reason.
	for (const replica of [first!, fakes.replicas[1]!])
		replica.script.say = (requests, socket) =>
			replica.tell(
				socket,
				requests.flatMap(request =>
					request.sequence === 0
						? (replica.chat.execute(request) ?? [])
						: {
								status: 'refused' as const,
								client: request.client,
								session: request.session,
								sequence: request.sequence,
								why: refusal,
							},
				),
			);
	screen.write('\u001b1');
	await screen.until(/alice>/);
	screen.write('mine\r');
	await screen.until(/no tsrif/);
	for (const replica of fakes.replicas) delete replica.script.say;
	expectTame(screen);
}, 60_000);

test('the same in line mode: a line each, printable, without a single escape', async () => {
	const screen = open(['--plain', '--nick', 'alice'], {columns: 400, rows: 200});
	screen.write('/status\r');
	await screen.until(/online via r\d/);
	shout();
	await screen.until(text => text.includes(`${labelled.at(-1)![0]} by nobody`));
	for (const [label, what] of labelled) {
		const lines = screen.rows.filter(row => / eve: /.test(row) && row.includes(`${label} `));
		expect([what, lines.length]).toEqual([what, 1]);
	}

	expect(screen.driven).toEqual([]);
	expect(screen.raw).not.toMatch(
		/[\u0000-\u0009\u000b\u000c\u000e-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/,
	);
}, 30_000);

const wide = [
	'漢字かな交じり文、한국어 메시지、ＦＵＬＬ ｗｉｄｔｈ',
	'family 👨‍👩‍👧‍👦 and 👩🏽‍❤️‍💋‍👨🏿, a pirate 🏴‍☠️ and a rainbow 🏳️‍🌈',
	'flags 🇨🇭🇩🇪🇯🇵 hearts ❤️❤️ keycaps 1️⃣2️⃣ thumbs 👍🏽👍🏿',
	'שלום עולם, مرحبا بالعالم, right to left',
	'ภาษาไทย สวัสดีชาวโลก, e\u0301e\u0301e\u0301 and z\u0316\u0317\u0318',
];

test('wide, joined, marked and right-to-left characters: the borders, the words at the right and the cursor stand where they should', async () => {
	const screen = open(['--nick', 'alice']);
	await screen.until(/up 3\/3/);
	for (const [index, text] of wide.entries())
		fakes.chat.add(index === 0 ? '漢字' : 'bob', `${text.repeat(3)} end${index}`);
	for (const replica of fakes.replicas) replica.publish(fakes.chat.lines);
	await screen.until(/end4/);
	expectStraight(screen);
	// In the line: the cursor stands behind what was typed, however it is drawn.
	for (const [text, columns] of [
		['漢字', 4],
		['👨‍👩‍👧‍👦', 2],
		['🇨🇭', 2],
		['👍🏽', 2],
		['שלום', 4],
		['e\u0301', 1],
		['ก็', 1],
	] as const) {
		screen.write(`\u0015${text}`);
		const before = '║ alice> '.length;
		await screen.until(shown => shown.includes(`alice> ${text}`));
		expect([text, screen.cursor]).toEqual([text, {x: before + columns, y: 33}]);
		expectStraight(screen);
	}

	screen.write('\u0015');
	for (const text of wide) screen.write(`${text.slice(0, 40).toWellFormed()}\r`);
	await screen.until(text => (text.match(/alice ✓ .*#\d+/g) ?? []).length === wide.length);
	expectStraight(screen);
	expectTame(screen);
	screen.resize(80, 24);
	await screen.until(text => /✓.*#\d+$/m.test(text) && text.split('\n').at(-2)!.startsWith(' alice>'));
	// What stands at the right ends in the last column but one of its own, also behind wide characters.
	const ends = screen.rows.flatMap((row, y) =>
		/✓ /.test(row) && /#\d+\s*$/.test(row)
			? [Array.from({length: 80}, (_, x) => screen.cell(x, y).trim()).findLastIndex(sign => sign !== '')]
			: [],
	);
	expect(ends.length).toBeGreaterThan(2);
	expect(new Set(ends).size).toBe(1);
}, 60_000);

test('PgUp through 10,000 messages: each of them, and less than 50 ms of processor time a page', async () => {
	for (let count = 1; count <= 10_000; count++) fakes.chat.add('bob', `message ${count}`);
	const screen = open(['--nick', 'alice'], {columns: 80, rows: 24});
	const numbers = (text: string) => [...text.matchAll(/message (\d+)/g)].map(([, number]) => Number(number));
	let seen = numbers(await screen.until(text => text.includes('message 10000')));
	const pages = 60;
	const start = screen.cpuMs;
	for (let page = 0; page < pages; page++) {
		const oldest = seen[0]!;
		screen.write(pageUp);
		seen = numbers(await screen.until(text => numbers(text)[0]! < oldest));
		// One row of the page before stays in sight, and none is left out.
		expect(seen.at(-1)).toBe(oldest);
		expect(seen).toEqual(seen.map((_, index) => seen[0]! + index));
	}

	expect((screen.cpuMs - start) / pages).toBeLessThan(50);
	expect(seen[0]).toBeLessThan(10_000 - pages * 10);
}, 60_000);
