import {describe, expect, test} from '@jest/globals';
import fc from 'fast-check';
import {safeLine, safeNick, safeText} from '../source/safe-text.ts';
import {hostile} from './hostile.ts';

test.each(hostile)('%s', (_, text, shown) => {
	expect(safeText(text)).toBe(shown);
	expect(safeLine(text)).toBe(shown.replaceAll('\n', '⏎'));
});

/** Anything, but most of all what is dangerous, close together. */
const tricks = [
	...Array.from({length: 0x21}, (_, code) => String.fromCharCode(code)),
	...Array.from({length: 0x21}, (_, code) => String.fromCharCode(0x7f + code)),
	...hostile.flatMap(([, text]) => Array.from(text)),
	...[
		'\x1b[',
		'\x1b]',
		'\x1bP',
		'\x1b\\',
		'\r\n',
		'\u0958',
		'\ufb2c',
		'\u0340',
		'\u1100',
		'\u1161',
		'\u0bc6',
		'\u0bd7',
	],
];
const unit = fc.oneof(
	{weight: 4, arbitrary: fc.constantFrom(...tricks)},
	fc.string({unit: 'binary', maxLength: 1}),
);
const halves = fc.array(fc.nat(0xff_ff)).map(units => String.fromCharCode(...units));
const anything = fc.oneof(fc.string({unit, maxLength: 60}), fc.string({unit: 'binary'}), halves);

const forbidden =
	/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028\u2029\u061c\u200b\u200c\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\u00ad\u180e\ufff9-\ufffb\u{e0000}-\u{e0fff}]/u;

describe('whatever comes', () => {
	const forms = [
		(text: string) => safeText(text),
		(text: string) => safeText(text, {ascii: true}),
		(text: string) => safeLine(text),
		(text: string) => safeLine(text, {ascii: true}),
		safeNick,
	];

	test.each(forms.map((form, index) => [index, form] as const))(
		'nothing dangerous is left, and what is safe stays: %i',
		(_, form) => {
			fc.assert(
				fc.property(anything, text => {
					const shown = form(text);
					expect(shown).not.toMatch(forbidden);
					expect(shown.isWellFormed()).toBe(true);
					expect(shown).not.toMatch(/\p{M}{5}|^\p{M}/mu);
					expect(shown).not.toMatch(
						/(?<!\p{Extended_Pictographic}\ufe0f?|\p{Emoji_Modifier})\u200d|\u200d(?!\p{Extended_Pictographic})/u,
					);
					expect(form(shown)).toBe(shown);
				}),
				{numRuns: 1000},
			);
		},
	);

	test('a line is one line', () => {
		fc.assert(
			fc.property(anything, text => !safeLine(text).includes('\n') && !safeNick(text).includes('\n')),
		);
	});
});

describe('limits', () => {
	test('a text that the replicas take is shown whole', () => {
		for (const text of ['x'.repeat(4096), 'ü'.repeat(2048), '世'.repeat(1365), '😀'.repeat(1024)])
			expect(safeText(text)).toBe(text);
	});

	test('one that is too long ends with a mark, and not within an emoji', () => {
		expect(safeText('x'.repeat(5000))).toBe(`${'x'.repeat(4095)}…`);
		expect(safeText('x'.repeat(5000), {ascii: true})).toBe(`${'x'.repeat(4093)}...`);
		const family = '👨\u200d👩\u200d👧';
		expect(safeText(`${'x'.repeat(4093)}${family}`)).toBe(`${'x'.repeat(4093)}👨…`);
		const long = safeText('\t'.repeat(100_000));
		expect(Array.from(long)).toHaveLength(4096);
		expect(safeText(long)).toBe(long);
	});

	test('the 21st line is not shown', () => {
		const lines = (count: number) => Array.from({length: count}, (_, index) => `line ${index}`).join('\n');
		expect(safeText(lines(20))).toBe(lines(20));
		expect(safeText(lines(21))).toBe(`${lines(20)}…`);
		expect(safeText(safeText(lines(30)))).toBe(`${lines(20)}…`);
		expect(safeLine(lines(30))).toBe(lines(30).replaceAll('\n', '⏎'));
	});

	test('a megabyte of tricks takes no time worth mentioning', () => {
		for (const trick of ['\x1b[', '\x1b]', '\x1b[1', '\u0301', '👩\u200d', '\x9d\x1b', '[', ';\x1b[?'])
			expect(Array.from(safeText(trick.repeat(300_000))).length).toBeLessThanOrEqual(4096);
	}, 10_000);
});

test('in ASCII, what stands for a character is ASCII, and the text stays as it is', () => {
	expect(safeText('ü\x1bc\r\x07\x7f\x85\ue000', {ascii: true})).toBe('ü^[c^M^G?\n?');
	expect(safeLine('a\nb', {ascii: true})).toBe('a b');
});

test.each([
	['alice', 'alice'],
	['Zoë_7-x', 'Zoë_7-x'],
	['李雷', '李雷'],
	['', '?'],
	['--', '??'],
	['_', '?'],
	['a b', 'a?b'],
	['a\nb', 'a?b'],
	['\x1b[31mroot', 'root'],
	['\u3164', '?'],
	['ad\u200bmin', 'admin'],
	['\u202eecila', 'ecila'],
	['x'.repeat(40), 'x'.repeat(16)],
	['😀', '?'],
])('nick %j is shown as %j', (nick, shown) => {
	expect(safeNick(nick)).toBe(shown);
});
