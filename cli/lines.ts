/** A line of input: its text, or why it has none. */
export type InputLine = {readonly number: number} & ({readonly text: string} | {readonly problem: string});

const newline = 0x0a;
const carriageReturn = 0x0d;

/**
 * The lines of a stream, one after the other, and none read before the one
 * before it was taken. A line of more than `mostBytes` is told and skipped
 * without being kept; so is one that is not UTF-8. A last line needs no end.
 */
export async function* linesOf(
	stream: AsyncIterable<string | Uint8Array>,
	mostBytes: number,
): AsyncGenerator<InputLine> {
	let number = 0;
	let parts: Buffer[] = [];
	let bytes = 0;
	const take = (part: Buffer) => {
		bytes += part.length;
		// One byte more than it may have: of a carriage return at its end.
		if (bytes <= mostBytes + 1) parts.push(part);
	};
	const finish = (): InputLine => {
		const line = lineOf(++number, parts, bytes, mostBytes);
		parts = [];
		bytes = 0;
		return line;
	};

	for await (const chunk of stream) {
		let rest =
			typeof chunk === 'string'
				? Buffer.from(chunk)
				: Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
		for (let end = rest.indexOf(newline); end >= 0; end = rest.indexOf(newline)) {
			take(rest.subarray(0, end));
			yield finish();
			rest = rest.subarray(end + 1);
		}

		take(rest);
	}

	if (bytes > 0) yield finish();
}

function lineOf(number: number, parts: readonly Buffer[], bytes: number, mostBytes: number): InputLine {
	const whole = Buffer.concat(parts);
	const hasReturn = bytes === whole.length && whole.at(-1) === carriageReturn;
	const length = hasReturn ? bytes - 1 : bytes;
	if (length > mostBytes) return {number, problem: `has ${length} bytes, and ${mostBytes} are the most`};
	try {
		return {number, text: utf8.decode(whole.subarray(0, length))};
	} catch {
		return {number, problem: 'is not UTF-8'};
	}
}

const utf8 = new TextDecoder('utf-8', {fatal: true, ignoreBOM: true});
