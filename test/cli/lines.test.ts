import {expect, test} from '@jest/globals';
import {type InputLine, linesOf} from '../../cli/lines.ts';

async function linesIn(chunks: ReadonlyArray<string | Uint8Array>, mostBytes = 10): Promise<InputLine[]> {
	async function* stream() {
		yield* chunks;
	}

	const lines: InputLine[] = [];
	for await (const line of linesOf(stream(), mostBytes)) lines.push(line);
	return lines;
}

test('lines are lines however they arrive', async () => {
	const expected = [
		{number: 1, text: 'one'},
		{number: 2, text: ''},
		{number: 3, text: 'zwei ö'},
	];
	const bytes = Buffer.from('one\n\nzwei ö\n');
	expect(await linesIn([bytes])).toEqual(expected);
	expect(await linesIn([...bytes].map(byte => Uint8Array.of(byte)))).toEqual(expected);
});

test('the last line needs no end, and nothing is no line', async () => {
	expect(await linesIn(['a\nb'])).toEqual([
		{number: 1, text: 'a'},
		{number: 2, text: 'b'},
	]);
	expect(await linesIn([])).toEqual([]);
	expect(await linesIn(['\n'])).toEqual([{number: 1, text: ''}]);
});

test('a carriage return belongs to the end of a line, and to no other place', async () => {
	expect(await linesIn(['a\rb\r\n', '\r\n'])).toEqual([
		{number: 1, text: 'a\rb'},
		{number: 2, text: ''},
	]);
	expect(await linesIn(['1234567890\r\n'])).toEqual([{number: 1, text: '1234567890'}]);
});

test('a line may be as long as it may be, and not a byte longer', async () => {
	expect(await linesIn(['1234567890\n12345', '678901\n', 'ok\n'])).toEqual([
		{number: 1, text: '1234567890'},
		{number: 2, problem: 'has 11 bytes, and 10 are the most'},
		{number: 3, text: 'ok'},
	]);
	expect(await linesIn(['öööööö'])).toEqual([{number: 1, problem: 'has 12 bytes, and 10 are the most'}]);
});

test('of an endless line nothing is kept', async () => {
	const chunk = Buffer.alloc(1_048_576, 0x61);
	const chunks = Array.from({length: 256}, () => chunk);
	const before = process.memoryUsage().arrayBuffers;
	const [line] = await linesIn(chunks);
	expect(line).toEqual({number: 1, problem: `has ${256 * 1_048_576} bytes, and 10 are the most`});
	expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(64 * 1_048_576);
});

test('what is not UTF-8 is told, not replaced', async () => {
	expect(await linesIn([Uint8Array.of(0x61, 0xff, 0x0a), 'b\n'])).toEqual([
		{number: 1, problem: 'is not UTF-8'},
		{number: 2, text: 'b'},
	]);
});
