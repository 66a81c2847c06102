import {constants} from 'node:fs';
import {type FileHandle, open} from 'node:fs/promises';
import {codeOf} from './files.ts';

const blockBytes = 4096;
/** Memory that a buffer gets begins at a multiple of this; disks want one of up to 512. */
const stepBytes = 16;
const alignmentBytes = 512;

/**
 * What a file holds on its disk, and not in the memory of the system, which
 * would show what was written whatever became of it. Where a file system
 * offers no way around that memory, it is what the system says.
 */
export async function readPastCache(path: string): Promise<Buffer> {
	try {
		const file = await open(path, constants.O_RDONLY | constants.O_DIRECT);
		try {
			return await readAligned(file);
		} finally {
			await file.close();
		}
	} catch (error) {
		if (codeOf(error) !== 'EINVAL') throw error;
		const file = await open(path, 'r');
		try {
			return await file.readFile();
		} finally {
			await file.close();
		}
	}
}

/** The disk writes into memory at certain addresses only, and where a buffer lies nobody tells: one of these fits. */
async function readAligned(file: FileHandle): Promise<Buffer> {
	const {size} = await file.stat();
	const length = (Math.floor(size / blockBytes) + 1) * blockBytes;
	const buffer = Buffer.allocUnsafeSlow(length + alignmentBytes);
	for (let start = 0; ; start += stepBytes) {
		try {
			let end = start;
			while (end < start + size) {
				const {bytesRead} = await file.read(buffer, end, start + length - end, end - start);
				if (bytesRead === 0) break;
				end += bytesRead;
			}

			return buffer.subarray(start, end);
		} catch (error) {
			if (codeOf(error) !== 'EINVAL' || start + stepBytes >= alignmentBytes) throw error;
		}
	}
}
