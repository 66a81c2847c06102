import {
	closeSync,
	createReadStream,
	createWriteStream,
	existsSync,
	openSync,
	readSync,
	statSync,
	type WriteStream,
} from 'node:fs';
import {createInterface} from 'node:readline';
import {finished} from 'node:stream/promises';
import * as v from 'valibot';
import type {Operation} from './history.ts';

const schema = v.strictObject({
	client: v.string(),
	sequence: v.nullable(v.pipe(v.number(), v.safeInteger(), v.minValue(1))),
	text: v.string(),
	start: v.pipe(v.number(), v.finite()),
	end: v.nullable(v.pipe(v.number(), v.finite())),
	position: v.nullable(v.pipe(v.number(), v.safeInteger(), v.minValue(1))),
	slot: v.nullable(v.pipe(v.number(), v.safeInteger(), v.minValue(1))),
	status: v.picklist(['ok', 'unknown', 'failed']),
});

/** Milliseconds of the machine's monotonic clock: the same in every process of the machine. */
export const monotonicMs = (): number => Number(process.hrtime.bigint()) / 1e6;

/**
 * Reads a `--history` file, line by line.
 * @throws Error, naming file and line, on a line that is not an operation: a
 * history that was cut short cannot acquit anybody.
 */
export async function* readHistory(path: string): AsyncGenerator<Operation> {
	const lines = createInterface({input: createReadStream(path), crlfDelay: Number.POSITIVE_INFINITY});
	let number = 0;
	for await (const line of lines) {
		number++;
		const operation = parse(line);
		if (operation === undefined) throw new Error(`${path}, line ${number}: not a line of a history`);
		yield operation;
	}
}

/**
 * Reads on in a `--history` file that is being written: each call gives the
 * whole lines that came since the last one, the first call those that come
 * after this. The file need not be there yet. What is being written now may
 * be cut in two, and is left out.
 */
export function followHistory(path: string): () => Operation[] {
	// The longest line is a message of full size, each character escaped.
	const buffer = Buffer.alloc(1 << 16);
	let offset = existsSync(path) ? statSync(path).size : 0;
	return () => {
		const operations: Operation[] = [];
		if (!existsSync(path)) return operations;
		const file = openSync(path, 'r');
		try {
			for (;;) {
				const length = readSync(file, buffer, 0, buffer.length, offset);
				const end = buffer.subarray(0, length).lastIndexOf('\n') + 1;
				if (end === 0) return operations;
				offset += end;
				const lines = buffer.toString('utf8', 0, end - 1).split('\n');
				operations.push(...lines.map(parse).filter(operation => operation !== undefined));
			}
		} finally {
			closeSync(file);
		}
	};
}

function parse(line: string): Operation | undefined {
	try {
		const result = v.safeParse(schema, JSON.parse(line));
		return result.success ? result.output : undefined;
	} catch {
		return undefined;
	}
}

/** Writes a `--history` file, a line per operation, in the order in which they came to their end. */
export class HistoryFile {
	readonly #stream: WriteStream;
	readonly #opened: Promise<void>;

	private constructor(path: string) {
		this.#stream = createWriteStream(path, {mode: 0o600});
		this.#opened = new Promise((resolve, reject) =>
			this.#stream.once('open', () => resolve()).once('error', reject),
		);
		// Whoever writes on after an error learns of it in close().
		this.#stream.on('error', () => {});
	}

	/** Replaces what was there. @throws the error of the file system. */
	static async create(path: string): Promise<HistoryFile> {
		const file = new HistoryFile(path);
		await file.#opened;
		return file;
	}

	append({client, sequence, text, start, end, position, slot, status}: Operation): void {
		this.#stream.write(`${JSON.stringify({client, sequence, text, start, end, position, slot, status})}\n`);
	}

	/** @throws the first error of the file system. */
	async close(): Promise<void> {
		if (this.#stream.errored !== null) throw this.#stream.errored;
		this.#stream.end();
		await finished(this.#stream);
	}
}
