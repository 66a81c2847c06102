import {statfs} from 'node:fs/promises';
import {type LogFiles, realLogFiles} from '../chat/log-file.ts';
import {type Files, type Reader, realFiles, realReader} from './files.ts';
import {readPastCache} from './past-cache.ts';
import {readPrivate} from './private-files.ts';

/** What the directory of a replica stands on: all by which it is changed and read. A test puts a disk in its place that loses its power. */
export type Ground = {
	readonly files: Files;
	readonly reader: Reader;
	readonly logs: LogFiles;
	readonly readPrivate: typeof readPrivate;
	readonly readPastCache: (path: string) => Promise<Buffer>;
	/** Bytes that can still be written to the disk that this path is on. */
	readonly room: (path: string) => Promise<number>;
};

export const realGround: Ground = {
	files: realFiles,
	reader: realReader,
	logs: realLogFiles,
	readPrivate,
	readPastCache,
	room: async path => {
		const {bavail, bsize} = await statfs(path);
		return bavail * bsize;
	},
};
