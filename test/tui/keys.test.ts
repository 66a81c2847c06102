import {readFileSync} from 'node:fs';
import {describe, expect, test} from '@jest/globals';
import type {Key as InkKey} from 'ink';
import {draw} from '../../cli/tui/draw.ts';
import {reportsIn} from '../../cli/tui/hearing.ts';
import {actionOf, beginsChord, bindings, type Context, formatKey} from '../../cli/tui/keys.ts';
import {layout} from '../../cli/tui/layout.ts';
import {reference} from '../../cli/tui/reference.ts';
import {textOf} from '../../cli/tui/rows.ts';
import {commandOf, parseSlash, slashNames, usageOf} from '../../cli/tui/slash.ts';
import {splitChunk} from '../../cli/tui/split-chunk.ts';
import {modelOf, press, worldOf} from './fakes.ts';

const plain: InkKey = {
	upArrow: false,
	downArrow: false,
	leftArrow: false,
	rightArrow: false,
	pageDown: false,
	pageUp: false,
	home: false,
	end: false,
	return: false,
	escape: false,
	ctrl: false,
	shift: false,
	tab: false,
	backspace: false,
	delete: false,
	meta: false,
	super: false,
	hyper: false,
	capsLock: false,
	numLock: false,
};

describe('the key table', () => {
	test('no two actions share a key in one context', () => {
		const seen = new Map<string, string>();
		for (const {context, keys, action} of bindings)
			for (const key of keys) {
				const place = `${context} ${key}`;
				expect([place, seen.get(place) ?? action]).toEqual([place, action]);
				seen.set(place, action);
			}
	});

	test.each<[Context, Context]>([
		['line', 'anywhere'],
		['panes', 'anywhere'],
		['monitor', 'panes'],
		['log', 'panes'],
		['log', 'anywhere'],
		['events', 'panes'],
		['events', 'anywhere'],
		['batch', 'panes'],
		['batch', 'anywhere'],
		['monitor', 'anywhere'],
		['chat', 'panes'],
	])('what holds at once does not contradict: %s and %s', (one, other) => {
		const keysIn = (wanted: Context) =>
			bindings.filter(({context}) => context === wanted).flatMap(({keys}) => keys);
		expect(keysIn(one).filter(key => keysIn(other).includes(key))).toEqual([]);
	});

	test('the first of two keys means nothing alone', () => {
		const chords = bindings.flatMap(({context, keys}) =>
			keys.filter(key => /\S \S/.test(key)).map(key => ({context, first: key.split(' ')[0]!})),
		);
		expect(chords).toContainEqual({context: 'line', first: 'ctrl+x'});
		for (const {context, first} of chords) {
			expect(beginsChord(first, ['popup', context])).toBe(true);
			expect(beginsChord(first, ['dialog'])).toBe(false);
			expect(actionOf(first, [context, 'popup', 'anywhere'])).toBeUndefined();
		}
	});

	test('nothing is bound to a key that a terminal does not tell', () => {
		for (const {keys} of bindings) for (const key of keys) expect(key).not.toMatch(/^f\d|insert|ctrl\+[im]$/);
	});

	test.each([
		['ctrl+g', 'Ctrl+G'],
		['alt+enter', 'Alt+Enter'],
		['up', '↑'],
		['K', 'K'],
		['?', '?'],
		[' ', 'Space'],
		['ctrl+x ctrl+e', 'Ctrl+X Ctrl+E'],
	])('%s is shown as %s', (key, expected) => {
		expect(formatKey(key)).toBe(expected);
	});
});

test('the page of keys and commands says what the tables say', () => {
	expect(readFileSync('docs/keys.md', 'utf8')).toBe(reference());
});

describe('chunks of input', () => {
	test.each<[string, Partial<InkKey>, readonly object[]]>([
		['hello\r', {}, [{text: 'hello'}, {name: 'enter'}]],
		['a\u0015b', {}, [{text: 'a'}, {name: 'ctrl+u'}, {text: 'b'}]],
		['\r\r', {}, [{name: 'enter'}, {name: 'enter'}]],
		['a\tb', {}, [{text: 'a'}, {name: 'tab'}, {text: 'b'}]],
		['\n', {}, [{name: 'ctrl+j'}]],
		['ü👍', {}, [{text: 'ü👍'}]],
		['', {return: true}, [{name: 'enter'}]],
		['', {return: true, meta: true}, [{name: 'alt+enter'}]],
		['', {tab: true, shift: true}, [{name: 'shift+tab'}]],
		['1', {meta: true}, [{name: 'alt+1'}]],
		['c', {ctrl: true}, [{name: 'ctrl+c'}]],
		['', {leftArrow: true, ctrl: true}, [{name: 'ctrl+left'}]],
		['K', {shift: true}, [{text: 'K'}]],
		['', {}, []],
	])('%j with %j is %j', (input, flags, expected) => {
		expect(splitChunk(input, {...plain, ...flags})).toEqual(expected);
	});
});

test('of what the mouse does only the wheel means anything, and looks are heard', () => {
	expect(reportsIn('x\u001b[I\u001b[Oy\u001b[A')).toEqual([{name: 'looked'}, {name: 'unlooked'}]);
	const chunk = 'a\u001b[<64;10;5M\u001b[<0;10;5M\u001b[<0;10;5m[<64;1;1M\u001b[<65;120;36M';
	expect(reportsIn(chunk)).toEqual([{name: 'wheelup'}, {name: 'wheeldown'}]);
});

describe('slash commands', () => {
	test.each([
		['hello', {type: 'text', text: 'hello'}],
		['//usr', {type: 'text', text: '/usr'}],
		['/kill r1', {type: 'command', name: 'kill', values: {numbers: {replica: 1}, words: {}, isBold: false}}],
		['/KILL 2!', {type: 'command', name: 'kill', values: {numbers: {replica: 2}, words: {}, isBold: true}}],
		[
			'/loss 10% r0',
			{type: 'command', name: 'loss', values: {numbers: {share: 0.1, replica: 0}, words: {}, isBold: false}},
		],
		['/skip', {type: 'command', name: 'skip', values: {numbers: {}, words: {}, isBold: false}}],
		[
			'/events view 3',
			{type: 'command', name: 'events', values: {numbers: {}, words: {filter: 'view 3'}, isBold: false}},
		],
	])('%j', (line, expected) => {
		expect(parseSlash(line, 3)).toEqual(expected);
	});

	test.each([
		['/kil r1', 'did you mean /kill'],
		['/kill', 'replica is missing'],
		['/kill r3', 'r0 to r2'],
		['/kill r1 r2', 'nothing stands behind that'],
		['/loss 2', 'from 0 to 1'],
		['/skip 0', 'a whole number from 1'],
		['/', '/help lists them'],
		['/__proto__', 'is no command'],
	])('%j is refused, and why', (line, why) => {
		const parsed = parseSlash(line, 3);
		expect(parsed.type === 'wrong' && parsed.why).toContain(why);
	});

	test('the example of every command is right', () => {
		for (const name of slashNames) {
			const parsed = parseSlash(commandOf(name).example, 3);
			expect([usageOf(name), parsed.type === 'command' && parsed.name]).toEqual([usageOf(name), name]);
		}
	});
});

test.each([
	[120, 36, 'split', 'large', 'split'],
	[110, 28, 'split', 'large', 'split'],
	[109, 28, 'split', 'medium', 'chat'],
	[80, 24, 'monitor', 'medium', 'monitor'],
	[79, 24, 'split', 'narrow', 'chat'],
	[100, 23, 'log', 'narrow', 'log'],
	[59, 40, 'chat', 'small', 'chat'],
	[39, 40, 'chat', 'tiny', 'chat'],
	[120, 9, 'chat', 'tiny', 'chat'],
] as const)('%dx%d: %s is %s, and shown as %s', (columns, rows, view, size, shown) => {
	expect(layout(columns, rows, view)).toMatchObject({size, view: shown});
});

describe('help and palette', () => {
	const shown = (script: string, size: object = {}) => {
		const world = worldOf(size);
		return draw(press(modelOf({view: 'monitor', focus: 'monitor'}), script, world).model, world).rows.map(
			textOf,
		);
	};

	test('the box stays where it is while one types', () => {
		const edge = (rows: readonly string[]) => rows.findIndex(row => row.includes('All actions'));
		const whole = shown('ctrl+g');
		const narrowed = shown("ctrl+g 'restart'");
		expect([edge(narrowed), narrowed.findIndex(row => row.includes('╚'))]).toEqual([
			edge(whole),
			whole.findIndex(row => row.includes('╚')),
		]);
		expect(narrowed.join('\n')).toMatch(/R +restart the replica/);
	});

	test('letters with some left out find something, if nothing else does', () => {
		expect(shown("ctrl+g 'rstrt'").join('\n')).toMatch(/R +restart the replica/);
		expect(shown("ctrl+g 'xyzzy'").join('\n')).toContain('0 of 0');
	});

	test('of a key with many meanings it is said where it has which', () => {
		expect(shown("? ? 'enter'").join('\n')).toMatch(
			/Enter +send +in the line[\s\S]*Enter +details of .*in the panes/,
		);
	});
});
