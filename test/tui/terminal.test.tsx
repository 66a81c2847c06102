import {afterEach, expect, test} from '@jest/globals';
import {type Instance, render} from 'ink';
import {type Effect, initialModel} from '../../cli/tui/model.ts';
import {pictureOf, Screen} from '../../cli/tui/screen.ts';
import {Terminal} from '../../cli/tui/terminal.tsx';
import type {ClientSnapshot} from '../../source/client/client-store.ts';
import {FakeTerminal} from './fake-terminal.ts';
import {lineOf, worldOf} from './fakes.ts';

const open: Array<() => void> = [];
afterEach(() => {
	for (const close of open.splice(0)) close();
});

/** The screen on a terminal, with stores whose content the test chooses. */
function start(columns: number, rows: number, change: Parameters<typeof worldOf>[0] = {}) {
	const terminal = new FakeTerminal(columns, rows);
	const world = worldOf(change);
	const effects: Effect[] = [];
	const listeners = new Set<() => void>();
	let client = world.client;
	const screen = new Screen({
		client: {
			getSnapshot: () => client,
			subscribe: listener => {
				listeners.add(listener);
				return () => listeners.delete(listener);
			},
		},
		monitor: {getSnapshot: () => world.monitor, subscribe: () => () => {}},
		about: world.about,
		model: initialModel({nick: 'alice', view: 'split', theme: 'dark', history: []}),
		size: () => ({columns: terminal.columns, rows: terminal.rows}),
		perform: effect => effects.push(effect),
	});
	terminal.on('resize', () => screen.refresh());
	const app: Instance = render(<Terminal screen={screen} />, {
		stdout: terminal as unknown as NodeJS.WriteStream,
		stdin: terminal.keys as unknown as NodeJS.ReadStream,
		interactive: true,
		patchConsole: false,
		exitOnCtrlC: false,
		incrementalRendering: true,
		alternateScreen: true,
	});
	open.push(() => {
		app.unmount();
		screen.close();
	});
	const tell = (news: Partial<ClientSnapshot>) => {
		client = {...client, ...news};
		for (const listener of listeners) listener();
	};
	return {terminal, effects, tell};
}

test.each([
	[120, 36, /^╭─ 1 chat/m],
	[80, 24, /r0 ●20 {2}r1 ●20 L/],
	[60, 20, /^ #main ● r1/m],
	[40, 10, /^ #main ● r1/m],
	[39, 9, /^Window 39x9, needs 40x10\./m],
])('%dx%d: the whole picture at once, and nothing scrolls', async (columns, rows, sign) => {
	const lines = Array.from({length: 50}, (_, index) => lineOf(index + 1));
	const {terminal} = start(columns, rows, {client: {lines}});
	await terminal.until(text => sign.test(text));
	expect(terminal.scrollback).toBe(0);
	expect(terminal.raw.startsWith('\u001b[?1049h')).toBe(true);
});

test('typing, a chunk with Enter in it, a paste, and the cursor of the terminal', async () => {
	const {terminal, effects} = start(80, 24);
	await terminal.until(text => text.includes('alice>'));
	terminal.keys.write('漢字 hi');
	await terminal.until(text => text.includes('alice> 漢字 hi'));
	expect(terminal.cursor).toEqual({x: ' alice> '.length + 7, y: 22});
	terminal.keys.write(' there\rsecond');
	await terminal.until(text => text.includes('alice> second'));
	expect(effects).toContainEqual({type: 'say', text: '漢字 hi there', nick: 'alice'});
	terminal.keys.write('\u001b[200~ pasted\r\ntext\u001b[201~');
	await terminal.until(text => /second pasted\n +text/.test(text));
	terminal.keys.write('\r');
	await terminal.until(text => /alice>\n/.test(text));
	expect(effects).toContainEqual({type: 'say', text: 'second pasted\ntext', nick: 'alice'});
});

test('seven sizes one after the other leave no trace of the one before', async () => {
	const {terminal} = start(120, 36, {client: {lines: [lineOf(1, {text: 'here'})]}});
	await terminal.until(text => text.includes('1 chat'));
	terminal.keys.write('draft');
	for (const [columns, rows] of [
		[80, 24],
		[60, 20],
		[40, 10],
		[39, 9],
		[60, 20],
		[110, 28],
		[120, 36],
	] as const) {
		terminal.resize(columns, rows);
		const isWide = columns >= 110;
		const bottom = `╚${'═'.repeat(columns - 2)}╝`;
		const isWhole = (text: string) =>
			isWide ? text.split('\n').at(-2) === bottom : !/[╭╮╰╯╔╗╚╝]/.test(text);
		await terminal.until(
			text =>
				isWhole(text) && (columns === 39 ? text.startsWith('Window 39x9') : text.includes('alice> draft')),
		);
		expect(terminal.scrollback).toBe(0);
		expect(terminal.lines.join('\n').match(/draft/g)).toHaveLength(1);
	}
});

test('what strangers say never drives the terminal', async () => {
	const hostile = [
		'\u001b]8;;http://evil\u0007click\u001b]8;;\u0007',
		'\u001b]52;c;ZXZpbA==\u0007',
		'\u001b]0;title\u0007\u009d2;x\u009c',
		'\u001bP1$qm\u001b\\',
		'\u001b[2J\u001b[H\u001b[8mhidden\u009b31m',
		'\u202egnp\u2066x\u200b',
		'safe\rEVIL\b\b\u0007',
	];
	const lines = hostile.map((text, index) => lineOf(index + 1, {text, nick: index % 2 === 0 ? text : 'bob'}));
	const {terminal, tell} = start(80, 24);
	await terminal.until(text => text.includes('alice>'));
	tell({lines});
	const text = await terminal.until(shown => shown.includes('safe␍EVIL␈␈␇'));
	expect(terminal.driven).toEqual([]);
	expect(text).toContain('click');
	expect(terminal.raw).not.toMatch(/[\u0007\u0080-\u009f]/);
	expect(terminal.raw).not.toMatch(/\u001b[\]PX^_]/);
	expect(terminal.raw).not.toContain('\u001b[8m');
});

test('wide characters leave the borders where they are', async () => {
	const texts = [
		'漢字かな交じり文'.repeat(9),
		'e\u0301'.repeat(70),
		'ＦＵＬＬ ｗｉｄｔｈ',
		'한국어 메시지',
		'plain',
	];
	const lines = texts.map((text, index) => lineOf(index + 1, {text, nick: index === 0 ? '漢字' : 'bob'}));
	const {terminal} = start(120, 36, {client: {lines}});
	await terminal.until(text => text.includes('plain') && text.includes('한국어'));
	for (const column of [0, 65, 66, 119]) {
		const border = Array.from({length: 30}, (_, row) => terminal.cell(column, row + 2));
		expect([column, border.filter(sign => !/^[│╭╮╰╯]$/.test(sign))]).toEqual([column, []]);
	}
});

test('PgUp through 10,000 messages shows each of them, from the last to the first', async () => {
	const lines = Array.from({length: 10_000}, (_, index) => lineOf(index + 1));
	const {terminal} = start(80, 24, {client: {lines}});
	const numbers = (text: string) => [...text.matchAll(/message (\d+)/g)].map(([, number]) => Number(number));
	let seen = numbers(await terminal.until(text => text.includes('message 10000')));
	for (let page = 0; page < 30; page++) {
		const oldest = seen[0]!;
		terminal.keys.write('\u001b[5~');
		seen = numbers(await terminal.until(text => numbers(text)[0]! < oldest));
		// One row of the page before stays in sight.
		expect(seen.at(-1)).toBe(oldest);
		expect(seen).toEqual(seen.map((_, index) => seen[0]! + index));
	}

	terminal.keys.write('\u001b[1;5H');
	await terminal.until(text => /message 1\n/.test(text));
}, 30_000);

test('an unchanged picture is not drawn again', async () => {
	const {terminal, tell} = start(120, 36);
	await terminal.until(text => text.includes('alice>'));
	tell({});
	await terminal.until(text => text.includes('4ms'));
	const before = terminal.raw.length;
	for (let count = 0; count < 5; count++) {
		tell({});
		await new Promise(resolve => setTimeout(resolve, 60));
	}

	expect(terminal.raw.length).toBe(before);
});

test('a bug of ours is told to whoever can close the screen', () => {
	const world = worldOf();
	const failures: unknown[] = [];
	let isBroken = false;
	const screen = new Screen({
		client: {getSnapshot: () => world.client, subscribe: () => () => {}},
		monitor: {
			getSnapshot: () => {
				if (isBroken) throw new Error('broken');
				return world.monitor;
			},
			subscribe: () => () => {},
		},
		about: world.about,
		model: initialModel({nick: 'alice', view: 'split', theme: 'dark', history: []}),
		size: () => ({columns: 80, rows: 24}),
		perform: () => {},
		fail: error => failures.push(error),
	});
	open.push(() => screen.close());
	screen.dispatch({type: 'news'});
	expect(failures).toEqual([]);
	isBroken = true;
	screen.dispatch({type: 'news'});
	expect(failures).toEqual([new Error('broken')]);
});

test('/set ascii on changes every row at once, and off brings the frames back', () => {
	const world = worldOf();
	const screen = new Screen({
		client: {getSnapshot: () => world.client, subscribe: () => () => {}},
		monitor: {getSnapshot: () => world.monitor, subscribe: () => () => {}},
		about: world.about,
		model: initialModel({nick: 'alice', view: 'split', theme: 'dark', history: []}),
		size: () => ({columns: 120, rows: 36}),
		perform: () => {},
	});
	open.push(() => screen.close());
	const type = (text: string) => {
		screen.dispatch({type: 'key', key: {text}});
		screen.dispatch({type: 'key', key: {name: 'enter'}});
		return pictureOf(screen.getFrame());
	};
	expect(type('/set ascii on')).toMatch(/^[\n -~]*$/);
	expect(type('/set ascii off')).toContain('╭─ 1 chat');
});
