import {dirname} from 'node:path';
import {lostMemory} from '../failure.ts';
import {isCount} from '../value-text.ts';
import {type Files, isMissing, type Reader, writeAll} from './files.ts';
import {sealJson, unsealJson} from './sealed-json.ts';

/** A group of the journal. */
export type Mark = {readonly number: number; readonly checksum: number};

const format = 1;
/** So far apart do the copies lie: no disk garbles more than this when it loses its power in a write. */
const copyBytes = 4096;
/** More than a copy takes. */
const lineBytes = 512;
const copies = 2;

export const watermarkOf = (journal: string): string => `${journal}.watermark`;

/**
 * How far a journal was once known to be durable. Of a journal that ends before
 * this mark something is gone, however clean its end looks: a file that was cut
 * between two groups, a segment that is missing, an older copy put back. It lies
 * beside the journal, so that what happens to that does not happen to this.
 *
 * The file holds two copies, written in turn: whatever a crash does to the one
 * that is being written, the other one is good. No write of the journal waits
 * for it, so it lags behind.
 */
export class Watermark {
	readonly #files: Files;
	readonly #fd: number;
	#generation = copies;
	/** The highest that is written, or on its way. */
	#number: number;
	/** Being written. */
	#writing: Promise<void> | undefined;

	private constructor(files: Files, fd: number, mark: Mark) {
		this.#files = files;
		this.#fd = fd;
		this.#number = mark.number;
	}

	/** A new file takes the place of the old one when all of it is durable. */
	static async create(files: Files, path: string, mark: Mark): Promise<Watermark> {
		const fd = await files.create(`${path}.new`);
		try {
			await writeAll(files, fd, contentOf(mark), 0);
			await files.fsync(fd);
			await files.rename(`${path}.new`, path);
			await files.syncDirectory(dirname(path));
			return new Watermark(files, fd, mark);
		} catch (error) {
			await files.close(fd);
			throw error;
		}
	}

	/** This group is durable, and so is the next one. One mark is written at a time; what comes meanwhile is left out. */
	mark(mark: Mark, onError: (error: unknown) => void): void {
		if (this.#writing || mark.number <= this.#number) return;
		this.#writing = this.#write(mark).then(() => {
			this.#writing = undefined;
		}, onError);
	}

	/** The last mark. Rejects with the error of the disk. */
	async close(mark: Mark): Promise<void> {
		await this.#writing;
		if (mark.number > this.#number) await this.#write(mark);
		await this.#files.close(this.#fd);
	}

	async #write(mark: Mark): Promise<void> {
		this.#number = mark.number;
		const generation = this.#generation++;
		await writeAll(this.#files, this.#fd, encode(mark, generation), (generation % copies) * copyBytes);
		await new Promise<void>((resolve, reject) => {
			this.#files.fdatasync(this.#fd, error => (error ? reject(error) : resolve()));
		});
	}
}

/** The newest mark, and as a line that one of its copies is damaged; undefined if none is. */
export type FoundMark = {readonly mark: Mark; readonly blemish: string | undefined};

/** Rejects with a Failure if there is none. */
export async function readWatermark(reader: Reader, path: string): Promise<FoundMark> {
	const content = await reader.read(path).catch((error: unknown) => {
		if (!isMissing(error)) throw error;
		throw unknown(`${path} is missing`);
	});
	return markIn(path, content);
}

/** Throws a Failure if no copy is good. */
export function markIn(path: string, content: Buffer): FoundMark {
	const found = Array.from({length: copies}, (_, copy) =>
		decode(content.toString('utf8', copy * copyBytes, (copy + 1) * copyBytes)),
	).filter(copy => copy !== undefined);
	const newest = found.reduce((one, other) => (other.generation > one.generation ? other : one), found[0]!);
	if (!newest) throw unknown(`${path} is damaged, or of a kind that this version does not know`);
	const {number, checksum} = newest;
	const isWhole = found.length === copies;
	const blemish = isWhole ? undefined : `${path}: one of its two copies is damaged; the other one is good`;
	return {mark: {number, checksum}, blemish};
}

const unknown = (what: string) =>
	lostMemory(`${what}: whether the journal beside it is all there cannot be known`);

/** As a file begins with it: all copies say the same. */
export function contentOf(mark: Mark): Buffer {
	const content = Buffer.alloc((copies - 1) * copyBytes + lineBytes);
	for (let generation = 0; generation < copies; generation++)
		encode(mark, generation).copy(content, generation * copyBytes);
	return content;
}

/** A line, and zeros behind it. */
function encode({number, checksum}: Mark, generation: number): Buffer {
	const copy = Buffer.alloc(lineBytes);
	copy.write(sealJson({format, generation, group: [number, checksum]}));
	return copy;
}

function decode(copy: string): (Mark & {readonly generation: number}) | undefined {
	const end = copy.indexOf('\n') + 1;
	const {format: written, generation, group} = unsealJson(copy.slice(0, end)) ?? {};
	if (written !== format || !isCount(generation) || !Array.isArray(group)) return undefined;
	const [number, checksum] = group as unknown[];
	return isCount(number) && isCount(checksum) ? {generation, number, checksum} : undefined;
}
