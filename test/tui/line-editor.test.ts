import {describe, expect, test} from '@jest/globals';
import fc from 'fast-check';
import {
	type Edit,
	edits,
	emptyLine,
	insert,
	type Line,
	moveRow,
	withText,
} from '../../cli/tui/line-editor.ts';

/** The text with a bar where the cursor is. */
const shown = ({text, cursor}: Line) => `${text.slice(0, cursor)}|${text.slice(cursor)}`;
const lineOf = (bar: string): Line => ({...emptyLine, text: bar.replace('|', ''), cursor: bar.indexOf('|')});
const outcome = (bar: string, ...actions: readonly Edit[]) =>
	shown(actions.reduce<Line>((line, action) => edits[action](line), lineOf(bar)));

describe('editing a line', () => {
	test.each<[Edit, string, string]>([
		['left', 'a👩‍👩‍👧|b', 'a|👩‍👩‍👧b'],
		['right', 'a|👍🏽b', 'a👍🏽|b'],
		['left', 'e\u0301|', '|e\u0301'],
		['home', 'one\ntw|o', 'one\n|two'],
		['end', 'o|ne\ntwo', 'one|\ntwo'],
		['wordLeft', 'say héllo, wor|ld', 'say héllo, |world'],
		['wordLeft', 'say héllo, |world', 'say |héllo, world'],
		['wordRight', 'say| héllo, world', 'say héllo|, world'],
		['backspace', 'a🇩🇪|b', 'a|b'],
		['backspace', 'a\n|b', 'a|b'],
		['delete', 'a|🇩🇪b', 'a|b'],
		['delete', 'a|', 'a|'],
		['backspace', '|a', '|a'],
		['killToStart', 'one two| three', '| three'],
		['killToEnd', 'one| two', 'one|'],
		['killToEnd', 'one|\ntwo', 'one|two'],
		['killWordLeft', 'kill me| now', 'kill | now'],
		['killWordRight', 'kill| me now', 'kill| now'],
		['transpose', 'ab|', 'ba|'],
		['transpose', 'a|bc', 'ba|c'],
		['newline', 'a|b', 'a\n|b'],
	])('%s: %j becomes %j', (action, before, expected) => {
		expect(outcome(before, action)).toBe(expected);
	});

	test('what was cut comes back, and cuts in a row come back as one', () => {
		expect(outcome('one two three|', 'killWordLeft', 'killWordLeft', 'home', 'yank')).toBe('two three|one ');
		expect(outcome('|one two', 'killWordRight', 'killWordRight', 'yank', 'yank')).toBe('one twoone two|');
		expect(outcome('one two|', 'killWordLeft', 'left', 'killToStart', 'yank')).toBe('one| ');
	});

	test('undo takes back a word of typing, and each edit', () => {
		const typed = [...'hi you'].reduce(insert, emptyLine);
		expect(shown(edits.undo(typed))).toBe('hi|');
		expect(outcome('hello|', 'killToStart', 'undo')).toBe('hello|');
	});

	test('up and down go from line to line, and nowhere from the first and the last', () => {
		expect(shown(moveRow(lineOf('one\nlonger|\nx'), 1)!)).toBe('one\nlonger\nx|');
		expect(shown(moveRow(lineOf('one\nlonger|\nx'), -1)!)).toBe('one|\nlonger\nx');
		expect(moveRow(lineOf('on|e\ntwo'), -1)).toBeNull();
		expect(moveRow(lineOf('one\ntw|o'), 1)).toBeNull();
	});

	test('what is typed or pasted holds no control character but the newline', () => {
		expect(insert(emptyLine, 'a\r\nb\tc\u001b[31m\u0007\u009b\ud800').text).toBe('a\nb    c[31m\ufffd');
	});

	test('whatever is done, the cursor stands between two characters of a well-formed text', () => {
		const action = fc.oneof(
			fc.constantFrom(...(Object.keys(edits) as Edit[])),
			fc
				.string({
					unit: fc.constantFrom('a', ' ', '\n', '👩‍👩‍👧', 'e\u0301', '🇩🇪', '\u0301'),
					minLength: 1,
					maxLength: 4,
				})
				.map(text => ({text})),
		);
		fc.assert(
			fc.property(fc.array(action, {maxLength: 40}), actions => {
				const line = actions.reduce<Line>(
					(before, each) => (typeof each === 'string' ? edits[each](before) : insert(before, each.text)),
					emptyLine,
				);
				expect(line.cursor).toBeGreaterThanOrEqual(0);
				expect(line.cursor).toBeLessThanOrEqual(line.text.length);
				expect(line.text.slice(0, line.cursor).isWellFormed()).toBe(true);
				expect(line.text.isWellFormed()).toBe(true);
			}),
			{numRuns: 300},
		);
	});

	test('replacing the text can be undone', () => {
		expect(shown(edits.undo(withText(lineOf('draft|'), 'another')))).toBe('draft|');
	});
});
