import {constants} from 'node:fs';
import {type FileHandle, open} from 'node:fs/promises';
import {codeOf, whenAllowed} from './files.ts';

const blockBytes = 4096;
/** Memory that a buffer gets begins at a multiple of this; disks want one of up to 512. */
const stepBytes = 16;
const alignmentBytes = 512;

/**
 * What a file holds on its disk, and not in the memory of the system, which
 * would show what was written whatever became of it. Where a file system
 * offers no way around that memory, it is what the system says. `from` and
 * `to` name a part of the file, in bytes; it gives less where the file ends.
 */
export async function readPastCache(path: string, from = 0, to = Number.POSITIVE_INFINITY): Promise<Buffer> {
	try {
		return await withFile(path, constants.O_RDONLY | constants.O_DIRECT, file => readBlocks(file, from, to));
	} catch (error) {
		if (codeOf(error) !== 'EINVAL') throw error;
		return await withFile(path, constants.O_RDONLY, file => readBlocks(file, from, to));
	}
}

async function withFile<Result>(path: string, flags: number, run: (file: FileHandle) => Promise<Result>) {
	const file = await whenAllowed(() => open(path, flags));
	try {
		return await run(file);
	} finally {
		await file.close();
	}
}

/** The disk gives whole blocks, and writes into memory at certain addresses only; where a buffer lies nobody tells: one of these fits. */
async function readBlocks(file: FileHandle, from: number, to: number): Promise<Buffer> {
	const {size} = await file.stat();
	const end = Math.min(to, size);
	const first = Math.floor(from / blockBytes) * blockBytes;
	const length = (Math.floor(Math.max(0, end - first) / blockBytes) + 1) * blockBytes;
	const buffer = Buffer.allocUnsafeSlow(length + alignmentBytes);
	for (let start = 0; ; start += stepBytes) {
		try {
			let done = 0;
			while (first + done < end) {
				const {bytesRead} = await file.read(buffer, start + done, length - done, first + done);
				if (bytesRead === 0) break;
				done += bytesRead;
			}

			const last = Math.min(first + done, end);
			return buffer.subarray(start + from - first, start + Math.max(from, last) - first);
		} catch (error) {
			if (codeOf(error) !== 'EINVAL' || start + stepBytes >= alignmentBytes) throw error;
		}
	}
}
