import {isUtf8} from 'node:buffer';
import {open} from 'node:fs/promises';
import {decodeLine, encodeLine} from './line-text.ts';
import type {Line} from './types.ts';

/** What can be read at any place. */
export type ReadableFile = {
	read(buffer: Buffer, offset: number, length: number, position: number): Promise<{bytesRead: number}>;
};

/** A piece of a chat.log, from one newline to the next. */
export type LogLine = {
	/** The byte at which it begins. */
	readonly start: number;
	/** With its newline. Without one it is the torn end of the file, or far too long to be a line. */
	readonly text: string;
	/** Undefined if the bytes are not exactly those that a line is written with. */
	readonly line: Line | undefined;
};

/** No line comes near this: what is longer without a newline is damage, and not worth the memory. */
export const longestLineBytes = 1_048_576;
const chunkBytes = 262_144;

/** All lines of a chat.log in order, torn or damaged ones included, however long the file is. */
export async function* linesOf(path: string): AsyncGenerator<LogLine, void, undefined> {
	const file = await open(path, 'r');
	try {
		yield* linesBetween(file, 0, Number.POSITIVE_INFINITY);
	} finally {
		await file.close();
	}
}

/** The lines from byte `start`, where one begins, to byte `end` or the end of the file. */
export async function* linesBetween(
	file: ReadableFile,
	start: number,
	end: number,
): AsyncGenerator<LogLine, void, undefined> {
	let rest: Buffer = Buffer.alloc(0);
	for (let offset = start; offset < end; ) {
		const chunk = await readAt(file, offset, Math.min(chunkBytes, end - offset));
		if (chunk.length === 0) break;
		offset += chunk.length;
		const bytes = Buffer.concat([rest, chunk]);
		let from = 0;
		for (let newline = bytes.indexOf(10); newline >= 0; newline = bytes.indexOf(10, from)) {
			yield logLine(start + from, bytes.subarray(from, newline + 1));
			from = newline + 1;
		}

		rest = bytes.subarray(from);
		start += from;
		if (rest.length > longestLineBytes) break;
	}

	if (rest.length > 0) yield {start, text: rest.toString(), line: undefined};
}

/** As many of these bytes as the file has. */
export async function readAt(file: ReadableFile, offset: number, length: number): Promise<Buffer> {
	const buffer = Buffer.allocUnsafe(length);
	const {bytesRead} = await file.read(buffer, 0, length, offset);
	return buffer.subarray(0, bytesRead);
}

function logLine(start: number, bytes: Buffer): LogLine {
	const text = bytes.toString();
	const line = decodeLine(text);
	const isExact = line !== undefined && encodeLine(line) === text && isUtf8(bytes);
	return {start, text, line: isExact ? line : undefined};
}
