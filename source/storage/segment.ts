import {join} from 'node:path';
import {type Files, type Reader, writeAll} from './files.ts';

/** A file of the journal that is being written. */
export type Segment = {
	readonly number: number;
	readonly path: string;
	readonly fd: number;
	/** Where the next group goes. */
	position: number;
};

const suffix = '.segment';
const unfinished = '.new';
const zeros = Buffer.alloc(1 << 20);

const pathOf = (directory: string, number: number) =>
	join(directory, `${String(number).padStart(8, '0')}${suffix}`);

/** All segments of a directory, the oldest first. */
export async function listSegments(
	reader: Reader,
	directory: string,
): Promise<{number: number; path: string}[]> {
	const names = await reader.list(directory);
	return names
		.filter(name => /^\d{8,}\.segment$/.test(name))
		.map(name => ({number: Number.parseInt(name, 10), path: join(directory, name)}))
		.sort((a, b) => a.number - b.number);
}

/**
 * A new segment of zeros that begins with `head`. It gets its name when all of
 * it is on disk: later writes into it change no metadata, which halves the
 * time of a sync.
 */
export async function createSegment(
	files: Files,
	directory: string,
	number: number,
	bytes: number,
	head: Buffer,
): Promise<Segment> {
	const path = pathOf(directory, number);
	const fd = await files.create(path + unfinished);
	try {
		for (let at = 0; at < bytes; at += zeros.length)
			await writeAll(files, fd, zeros.subarray(0, Math.min(zeros.length, bytes - at)), at);
		await writeAll(files, fd, head, 0);
		await files.fsync(fd);
		await files.rename(path + unfinished, path);
		await files.syncDirectory(directory);
	} catch (error) {
		await files.close(fd);
		throw error;
	}
	return {number, path, fd, position: head.length};
}

/** What a crash left of segments that were being made. */
export async function removeUnfinished(files: Files, reader: Reader, directory: string): Promise<void> {
	for (const name of await reader.list(directory)) {
		if (name.endsWith(suffix + unfinished)) await files.unlink(join(directory, name));
	}
}

export async function removeSegments(
	files: Files,
	directory: string,
	paths: readonly string[],
): Promise<void> {
	if (paths.length === 0) return;
	for (const path of paths) await files.unlink(path);
	await files.syncDirectory(directory);
}
