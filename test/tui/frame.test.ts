import {describe, expect, test} from '@jest/globals';
import fc from 'fast-check';
import {draw} from '../../cli/tui/draw.ts';
import type {View} from '../../cli/tui/layout.ts';
import type {Model} from '../../cli/tui/model.ts';
import {rowWidth, textOf, widthOf, wrap} from '../../cli/tui/rows.ts';
import {down, lineOf, modelOf, pendingOf, press, watchedOf, worldOf} from './fakes.ts';

const hostile = [
	'\u001b]8;;http://evil\u0007click\u001b]8;;\u0007',
	'\u001b[8mhidden\u001b[31m red\u009b2J',
	'safe\rEVIL\b\b\u0007',
	'\u202egnp.exe\u202c\u2066x',
	'z\u0301\u0302\u0303\u0304\u0305\u0306\u0307algo',
	'tags \u{e0041}\u{e0042} zwsp\u200b',
	'👩‍👩‍👧‍👦 🇩🇪 ❤️ 漢字かな กำ नमस्ते العربية',
	'\ud800 lone',
	'line\u2028two\u0085three\nfour',
];
const views: readonly View[] = ['chat', 'monitor', 'split', 'log', 'events'];
const sizes = [
	[120, 36],
	[80, 24],
	[60, 20],
	[40, 10],
	[39, 9],
	[200, 60],
	[110, 28],
] as const;

describe('every picture is exactly as large as the terminal', () => {
	const lines = Array.from({length: 60}, (_, index) =>
		lineOf(index + 1, {text: hostile[index % hostile.length]!, nick: `n${index % 7}`}),
	);
	const replicas = [
		watchedOf(0),
		watchedOf(1),
		down(2),
		watchedOf(3, {state: 'behind', sentence: '12 slots behind'}),
		watchedOf(4, {state: 'electing', sentence: 'knows no leader'}),
	];
	const models: ReadonlyArray<readonly [string, (size: {columns: number; rows: number}) => Model]> = [
		['plain', () => modelOf()],
		[
			'draft of many lines',
			() =>
				press(
					modelOf(),
					"'one' ctrl+j 'two' ctrl+j 'three' ctrl+j '漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字'",
					worldOf(),
				).model,
		],
		['popup', () => press(modelOf(), "'/'", worldOf()).model],
		['dialog', size => press(modelOf({focus: 'monitor'}), 'K', worldOf(size)).model],
		['help', size => press(modelOf({focus: 'monitor'}), '?', worldOf(size)).model],
		['palette', size => press(modelOf(), "ctrl+g 'r'", worldOf(size)).model],
		['detail', () => modelOf({focus: 'monitor', showsDetail: true})],
		['search', size => press(modelOf(), "ctrl+s 'x'", worldOf(size)).model],
		['scrolled', size => press(modelOf(), 'pageup pageup', worldOf({...size, client: {lines}})).model],
		['copy view', () => modelOf({isPlain: true})],
	];
	test.each(sizes)('%dx%d', (columns, rows) => {
		for (const isAscii of [false, true])
			for (const view of views)
				for (const [name, make] of models) {
					const world = worldOf({
						columns,
						rows,
						client: {lines, pending: [pendingOf({text: hostile[6]!})]},
						monitor: {replicas},
						about: {isAscii},
					});
					const frame = draw({...make({columns, rows}), view}, world);
					expect([name, frame.rows.length]).toEqual([name, rows]);
					for (const row of frame.rows)
						expect([name, view, textOf(row), rowWidth(row)]).toEqual([name, view, textOf(row), columns]);
					if (frame.cursor !== null) {
						expect(frame.cursor.x).toBeLessThan(columns);
						expect(frame.cursor.y).toBeLessThan(rows);
					}
				}
	});
});

test('with --ascii nothing of ours is anything else', () => {
	const lines = [lineOf(1), lineOf(2, {client: 'a'.repeat(32), nick: 'alice', text: 'one\ntwo'})];
	const notes = [{kind: 'no-op' as const, view: 1, slot: 3, text: 'fills it', replica: 0, at: 0}];
	const scripts = [
		"'/' escape",
		"'/k'",
		"'draft' ctrl+c",
		"'/kil' enter",
		'escape K',
		'escape ?',
		'ctrl+g',
		'escape enter',
		'pageup',
		"ctrl+s 'x'",
		"ctrl+r 'x'",
		"'/heal' enter",
		"'/batch 10' enter",
	];
	for (const [columns, rows] of sizes)
		for (const view of views)
			for (const script of scripts) {
				const world = worldOf({
					columns,
					rows,
					client: {lines, pending: [pendingOf({state: 'retried', replicas: [1]})]},
					monitor: {replicas: [watchedOf(0), watchedOf(1), down(2)], notes},
					about: {isAscii: true},
				});
				const {model} = press(
					modelOf({view, focus: view === 'chat' || view === 'split' ? 'line' : view}),
					script,
					world,
				);
				const text = draw(model, world).rows.map(textOf).join('\n');
				expect([view, script, /[^\n -~]/.exec(text)?.[0]]).toEqual([view, script, undefined]);
			}
});

test('no byte of a stranger drives the terminal', () => {
	const bytes = fc.string({
		unit: fc.oneof(
			fc.constantFrom(
				'\u001b',
				'\u009b',
				'[',
				']',
				'8',
				';',
				'\u0007',
				'\\',
				'm',
				'J',
				'\n',
				'\r',
				'\u2028',
				'\u202e',
				'\u200d',
				'a',
				'漢',
			),
			fc.string({unit: 'binary', minLength: 1, maxLength: 1}),
		),
		maxLength: 60,
	});
	fc.assert(
		fc.property(bytes, bytes, bytes, (text, nick, sentence) => {
			const world = worldOf({
				columns: 80,
				rows: 24,
				client: {
					lines: [lineOf(1, {text, nick})],
					pending: [pendingOf({text, nick, state: 'failed', why: sentence})],
					connection: {...worldOf().client.connection, state: 'offline', sentence},
				},
				monitor: {
					replicas: [watchedOf(0, {state: 'down', sentence, address: sentence}), watchedOf(1), watchedOf(2)],
					notes: [{kind: 'view', view: 1, text, replica: 0, at: 0}],
					agreement: {...worldOf().monitor.agreement, sentence},
				},
			});
			for (const view of views) {
				const {rows} = draw(modelOf({view, showsDetail: view === 'monitor'}), world);
				for (const row of rows) {
					expect(textOf(row)).not.toMatch(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u);
					expect(rowWidth(row)).toBe(80);
				}
			}
		}),
		{numRuns: 60},
	);
});

test('wrapping loses no letter and no row is too wide', () => {
	fc.assert(
		fc.property(
			fc.string({unit: fc.constantFrom('a', 'bc', ' ', '漢', '👩‍👩‍👧', '-')}),
			fc.integer({min: 2, max: 20}),
			(text, width) => {
				const rows = wrap(text, width);
				for (const row of rows) expect(widthOf(row)).toBeLessThanOrEqual(width);
				expect(rows.join('').replace(/\s/g, '')).toBe(text.replace(/\s/g, ''));
			},
		),
	);
});

test('without colour every state still has its word and its glyph', () => {
	const world = worldOf({
		monitor: {
			replicas: [
				watchedOf(0),
				down(1),
				watchedOf(2, {state: 'behind', sentence: 'late'}),
				watchedOf(3, {state: 'electing', sentence: 'no leader'}),
			],
		},
	});
	const text = draw(modelOf({view: 'monitor', theme: 'mono'}), world)
		.rows.map(textOf)
		.join('\n');
	for (const state of ['● up', '✗ down', '! behind', '◐ elect']) expect(text).toContain(state);
	const ascii = draw(modelOf({view: 'monitor'}), {...world, about: {...world.about, isAscii: true}})
		.rows.map(textOf)
		.join('\n');
	expect(ascii).toMatch(/^[\n -~]*$/);
});

test('how a pane is looked at stands above it', () => {
	const notes = Array.from({length: 30}, (_, view) => ({
		kind: 'view' as const,
		view,
		text: `enters view ${view}`,
		replica: 0,
		at: view,
	}));
	const world = worldOf({monitor: {notes}, columns: 80, rows: 24});
	const above = (change: Partial<Model>) =>
		draw(modelOf(change), world).rows.slice(0, 3).map(textOf).join('\n');
	expect(above({view: 'events', events: {filter: 'view 1', back: 2}})).toMatch(
		/events .*-MORE\(2\)- {2}only "view 1" {2}11 /,
	);
	expect(above({view: 'log', log: {slot: 7, isOddOnly: false}})).toContain('slot 7 of 20');
	expect(above({view: 'log'})).toContain('tail, at 20');
});

test('in a small window the clock gives way before the state of the cluster', () => {
	const replicas = [watchedOf(0), watchedOf(1), down(2)];
	const first = (columns: number) =>
		textOf(draw(modelOf({view: 'chat'}), worldOf({columns, rows: 10, monitor: {replicas}})).rows[0]!);
	expect(first(40)).toMatch(/^ #main ● r1 {2}v6 L=r1 {2}2\/3 .*alice/);
	expect(first(60)).toMatch(/2\/3.*alice {2}12:00/);
});

test('where there is little room, what is wrong is told before how fast it is', () => {
	const world = worldOf({
		columns: 40,
		rows: 10,
		monitor: {replicas: [0, 1, 2, 3, 4].map(id => watchedOf(id))},
	});
	const text = draw(modelOf({view: 'monitor', focus: 'monitor'}), world)
		.rows.map(textOf)
		.join('\n');
	expect(text).toContain('✓ hashes identical');
	expect(text).not.toContain('msg/s');
});
