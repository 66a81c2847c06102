import {describe, expect, test} from '@jest/globals';
import fc from 'fast-check';
import {safeLine, safeNick, safeText} from '../source/safe-text.ts';

/** What it is, what came from the wire, what is shown. */
const vectors: ReadonlyArray<readonly [what: string, text: string, shown: string]> = [
	['plain text', 'hello, world!', 'hello, world!'],
	['nothing', '', ''],
	['other scripts', 'Grüße, 世界, नमस्ते, שלום, ภาษาไทย', 'Grüße, 世界, नमस्ते, שלום, ภาษาไทย'],
	['CSI: colour', '\x1b[31mred\x1b[0m', 'red'],
	['CSI: hidden text', 'a\x1b[8mhidden\x1b[0mb', 'ahiddenb'],
	['CSI: clear the screen', '\x1b[2J\x1b[Hgone', 'gone'],
	['CSI: cursor up over another line', 'x\x1b[3A\x1b[99Dfake', 'xfake'],
	['CSI: private mode', '\x1b[?1049h\x1b[?25lx', 'x'],
	['CSI: with an intermediate byte', '\x1b[0 qx', 'x'],
	['CSI: unfinished at the end', 'x\x1b[31;1', 'x'],
	['CSI: unfinished at the end of a line', 'x\x1b[31;1\ny', 'x\ny'],
	['CSI: as one character', '\x9b31mred', 'red'],
	['CSI: one within the other', '\x1b\x1b[0m[31mred', '␛[31mred'],
	['OSC: window title', '\x1b]0;owned\x07x', 'x'],
	['OSC: ended by ST', '\x1b]2;owned\x1b\\x', 'x'],
	['OSC: ended by ST as one character', '\x1b]2;owned\x9cx', 'x'],
	['OSC: as one character', '\x9d0;owned\x07x', 'x'],
	['OSC: link that shows another target', '\x1b]8;;http://evil\x1b\\bank\x1b]8;;\x1b\\', 'bank'],
	['OSC: clipboard', '\x1b]52;c;cm0gLXJm\x07x', 'x'],
	['OSC: unfinished, to the end of the line', 'a\x1b]0;swallow\nb', 'a\nb'],
	['OSC: broken off by another sequence', '\x1b]0;t\x1b[31mx', 'x'],
	['DCS', '\x1bP1$qm\x1b\\x', 'x'],
	['APC', '\x1b_Gi=1;AAAA\x1b\\x', 'x'],
	['PM', '\x1b^secret\x1b\\x', 'x'],
	['SOS', '\x1bXsecret\x1b\\x', 'x'],
	['DCS as one character', '\x90q#0\x9cx', 'x'],
	['ESC: reset of the terminal', '\x1bcx', '␛cx'],
	['ESC: charset', '\x1b(0lqk', '␛(0lqk'],
	['ESC at the end', 'x\x1b', 'x␛'],
	['C0: carriage return over the start of the line', 'safe\rEVIL', 'safe␍EVIL'],
	['C0: bell, backspace, zero', 'a\x07b\bc\0', 'a␇b␈c␀'],
	['C0: vertical tab, form feed, shift out', 'a\vb\fc\x0e', 'a␋b␌c␎'],
	['DEL and C1', 'a\x7fb\x80c\x84', 'a␦b␦c␦'],
	['tab', 'a\tb', 'a    b'],
	['newlines of all kinds', 'a\nb\r\nc\x85d\u2028e\u2029f', 'a\nb\nc\nd\ne\nf'],
	['bidi: override', 'user\u202egnp.exe\u202c', 'usergnp.exe'],
	['bidi: isolates and marks', '\u2066a\u2067b\u2068c\u2069\u200e\u200f\u061c', 'abc'],
	['zero width', 'a\u200bb\u2060c\ufeffd\u00ade\u180ef\u200cg', 'abcdefg'],
	['fillers that look like nothing', 'a\u3164b\u115fc\uffa0d\u2061e', 'abcde'],
	['tags that spell a message', 'hi\u{e0001}\u{e0041}\u{e0042}\u{e007f}', 'hi'],
	['selectors of variations', 'a\ufe00b\ufe0ec\u{e0100}d\u180b', 'abcd'],
	['interlinear marks', 'a\ufff9b\ufffac\ufffb', 'abc'],
	['joiner between letters', 'pay\u200dpal', 'paypal'],
	['joiner at the ends', '\u200dx\u200d', 'x'],
	['joiner before no emoji', '👩\u200dx', '👩x'],
	['colour selector on a letter', 'x\ufe0fy', 'xy'],
	['emoji: heart', '❤️', '❤️'],
	['emoji: family', '👨‍👩‍👧‍👦', '👨‍👩‍👧‍👦'],
	['emoji: with skin and heart', '👩🏽‍❤️‍💋‍👨🏿', '👩🏽‍❤️‍💋‍👨🏿'],
	['emoji: keycap, flag', '1️⃣ 🇨🇭', '1️⃣ 🇨🇭'],
	[
		'emoji: an endless chain',
		Array(6).fill('👩').join('\u200d'),
		`${Array(4).fill('👩').join('\u200d')}👩\u200d👩`,
	],
	['marks: piled up', `z${'\u0316'.repeat(50)}o`, `z${'\u0316'.repeat(4)}o`],
	['marks: with nothing to stand on', '\u0301\u0302x\n\u0303y', 'x\ny'],
	['marks: as one character', 'e\u0301', 'é'],
	['marks: held apart by nothing', 'e\u200b\u0301', 'é'],
	['half a pair', 'a\ud83dx\ude00', 'a\ufffdx\ufffd'],
	['private and not given away', 'a\ue0b0b\u{f0000}c\uffffd\u0378', 'a\ufffdb\ufffdc\ufffdd\ufffd'],
];

test.each(vectors)('%s', (_, text, shown) => {
	expect(safeText(text)).toBe(shown);
	expect(safeLine(text)).toBe(shown.replaceAll('\n', '⏎'));
});

/** Anything, but most of all what is dangerous, close together. */
const tricks = [
	...Array.from({length: 0x21}, (_, code) => String.fromCharCode(code)),
	...Array.from({length: 0x21}, (_, code) => String.fromCharCode(0x7f + code)),
	...vectors.flatMap(([, text]) => Array.from(text)),
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
