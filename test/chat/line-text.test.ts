import {expect, test} from '@jest/globals';
import fc from 'fast-check';
import {decodeLine, encodeLine} from '../../source/chat/line-text.ts';
import type {Line} from '../../source/chat/types.ts';

const count = fc.nat(Number.MAX_SAFE_INTEGER - 1);
const lineWith = (text: fc.Arbitrary<string>): fc.Arbitrary<Line> =>
	fc.record({
		position: count,
		slot: count,
		client: text,
		sequence: count,
		nick: text,
		text,
		at: count,
	});
const line = (text: string): Line => ({
	position: 1,
	slot: 2,
	client: 'c',
	sequence: 3,
	nick: 'n',
	text,
	at: 4,
});

test('printable text gives the very bytes of JSON.stringify', () => {
	const printable = fc.string({unit: fc.constantFrom(...' aZ09~!"\\/\'éß世界𝄞😀؋क\u0301\u00a0')});
	fc.assert(
		fc.property(fc.oneof(lineWith(printable), lineWith(fc.string())), each => {
			expect(encodeLine(each)).toBe(`${JSON.stringify(each)}\n`);
		}),
		{numRuns: 500},
	);
});

test('any text is read back unchanged, and never breaks its line', () => {
	const anything = fc.oneof(
		fc.string({unit: 'binary'}),
		fc.array(fc.nat(0xff_ff)).map(units => String.fromCharCode(...units)),
	);
	fc.assert(
		fc.property(lineWith(anything), each => {
			const text = encodeLine(each);
			expect(decodeLine(text)).toEqual(each);
			expect(Object.keys(JSON.parse(text))).toEqual(Object.keys(each));
			expect(text.indexOf('\n')).toBe(text.length - 1);
			expect(Buffer.from(text).toString()).toBe(text);
		}),
		{numRuns: 500},
	);
});

test('of all characters, exactly those are escaped that are not printable', () => {
	/** As the Unicode of this Node says it: what hides, reorders, controls, is private, or is half of a pair. */
	const hidden =
		/[\p{Cc}\p{Cs}\p{Co}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\p{Bidi_Control}\u202f\u205f\ufff9-\ufffb\ufffe\uffff\u{ffffe}\u{fffff}\u{10fffe}\u{10ffff}]/u;
	const codes = Array.from({length: 0x11_00_00}, (_, code) => code);
	for (let from = 0; from < codes.length; from += 0x1000) {
		// With a space between, so that two halves do not become a pair.
		const characters = codes.slice(from, from + 0x1000).map(code => String.fromCodePoint(code));
		const expected = characters.map(character => {
			if (character === '"' || character === '\\') return `\\${character}`;
			if (!hidden.test(character)) return character;
			return character
				.split('')
				.map(unit => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
				.join('');
		});
		expect(encodeLine(line(characters.join(' ')))).toBe(
			`{"position":1,"slot":2,"client":"c","sequence":3,"nick":"n","text":"${expected.join(' ')}","at":4}\n`,
		);
	}
});

test.each([
	'',
	'null',
	'[]',
	'{"position":1}',
	'{"position":1,"slot":2,"client":"c","sequence":3,"nick":"n","text":"t","at":4',
	'{"position":-1,"slot":2,"client":"c","sequence":3,"nick":"n","text":"t","at":4}',
	'{"position":1,"slot":2.5,"client":"c","sequence":3,"nick":"n","text":"t","at":4}',
	'{"position":1,"slot":2,"client":7,"sequence":3,"nick":"n","text":"t","at":4}',
	'{"position":1,"slot":2,"client":"c","sequence":"3","nick":"n","text":"t","at":4}',
	'{"position":1,"slot":2,"client":"c","sequence":3,"nick":"n","text":"t","at":1e400}',
])('is not a line: %s', text => {
	expect(decodeLine(text)).toBeUndefined();
});
