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
};

export const realGround: Ground = {
	files: realFiles,
	reader: realReader,
	logs: realLogFiles,
	readPrivate,
	readPastCache,
};
