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
			for (let generation = 0; generation < copies; generation++)
				await writeAll(files, fd, encode(mark, generation), generation * copyBytes);
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

/** The newest mark, and whether all copies are good. Throws a Failure if none is. */
export async function readWatermark(
	reader: Reader,
	path: string,
): Promise<{readonly mark: Mark; readonly isWhole: boolean}> {
	const content = await reader.read(path).catch((error: unknown) => {
		if (!isMissing(error)) throw error;
		throw unknown(`${path} is missing`);
	});
	const found = Array.from({length: copies}, (_, copy) =>
		decode(content.toString('utf8', copy * copyBytes, (copy + 1) * copyBytes)),
	).filter(copy => copy !== undefined);
	const newest = found.reduce((one, other) => (other.generation > one.generation ? other : one), found[0]!);
	if (!newest) throw unknown(`${path} is damaged, or of a kind that this version does not know`);
	const {number, checksum} = newest;
	return {mark: {number, checksum}, isWhole: found.length === copies};
}

const unknown = (what: string) =>
	lostMemory(`${what}: whether the journal beside it is all there cannot be known`);

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
