import {constants, writeSync} from 'node:fs';
import {open} from 'node:fs/promises';
import type {ReadableFile} from './log-lines.ts';

/** The file of a chat log, by all that is done to it: a test puts one in its place that forgets what was not synced. */
export type LogFile = ReadableFile & {
	/** In bytes. */
	size(): Promise<number>;
	/** At once, and into the memory of the system only. Returns how many bytes it took; throws the error of the disk. */
	write(bytes: Buffer, from: number, length: number, position: number): number;
	truncate(bytes: number): Promise<void>;
	datasync(): Promise<void>;
	close(): Promise<void>;
};

export type LogFiles = {
	/** A file of mode 0600, made if it is not there. */
	openLog(path: string): Promise<LogFile>;
	/** A new file is not safe from a loss of power before its name is. */
	syncDirectory(path: string): Promise<void>;
};

export const realLogFiles: LogFiles = {
	async openLog(path) {
		const file = await open(path, constants.O_RDWR | constants.O_CREAT, 0o600);
		return {
			read: (buffer, offset, length, position) => file.read(buffer, offset, length, position),
			size: async () => (await file.stat()).size,
			write: (bytes, from, length, position) => writeSync(file.fd, bytes, from, length, position),
			async truncate(bytes) {
				await file.truncate(bytes);
				await file.chmod(0o600);
			},
			datasync: () => file.datasync(),
			close: () => file.close(),
		};
	},
	async syncDirectory(path) {
		const directory = await open(path, 'r');
		try {
			await directory.sync();
		} finally {
			await directory.close();
		}
	},
};
