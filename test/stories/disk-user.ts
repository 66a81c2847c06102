import {promisify} from 'node:util';
import {realLogFiles} from '../../source/chat/log-file.ts';
import {realFiles} from '../../source/storage/files.ts';
import {KeptLines} from '../../source/storage/kept-lines.ts';

/** A process that uses its disk as the program does, by what it is told one after the other: it says what came of each. */
export type Deed =
	| 'write'
	| 'log write'
	| 'keep'
	| 'fdatasync'
	| 'fsync'
	| 'log sync'
	| 'directory sync'
	| 'rename';
export type Result = {
	readonly deed: Deed;
	readonly ms: number;
	readonly value?: unknown;
	readonly error?: {readonly code: string; readonly errno: number; readonly message: string};
};
const writtenBytes = 100;

const directory = process.argv[2]!;
const bytes = Buffer.alloc(writtenBytes, 'x');
const fd = await realFiles.create(`${directory}/journal`);
const log = await realLogFiles.openLog(`${directory}/log`);
let position = 0;
let logPosition = 0;

const deeds: Readonly<Record<Deed, () => unknown>> = {
	write: async () => {
		const count = await new Promise<number>((resolve, reject) =>
			realFiles.write(fd, bytes, 0, writtenBytes, position, (error, written) =>
				error ? reject(error) : resolve(written),
			),
		);
		position += count;
		return count;
	},
	'log write': () => {
		const count = log.write(bytes, 0, writtenBytes, logPosition);
		logPosition += count;
		return count;
	},
	keep: async () => {
		let failure: Error | undefined;
		const kept = new KeptLines(`${directory}/kept`, error => {
			failure = error;
		});
		kept.keep(`${'y'.repeat(writtenBytes - 1)}\n`);
		let count = 0;
		for await (const piece of kept.pieces()) count += piece.length;
		await kept.close();
		if (failure !== undefined) throw failure.cause;
		return count;
	},
	fdatasync: () => promisify(realFiles.fdatasync)(fd),
	fsync: () => realFiles.fsync(fd),
	'log sync': () => log.datasync(),
	'directory sync': () => realFiles.syncDirectory(directory),
	rename: async () => {
		await realFiles.close(await realFiles.create(`${directory}/new`));
		await realFiles.rename(`${directory}/new`, `${directory}/renamed`);
	},
};

process.on('message', async (deed: Deed) => {
	const start = performance.now();
	const after = (more: Partial<Result>) => process.send!({deed, ms: performance.now() - start, ...more});
	try {
		after({value: await deeds[deed]()});
	} catch (error) {
		const {code, errno, message} = error as {code: string; errno: number; message: string};
		after({error: {code, errno, message}});
	}
});
process.send!('ready');
