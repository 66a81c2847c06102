import {close, fdatasync, fsync, open as openFile, writeSync} from 'node:fs';
import {mkdir, open, readdir, readFile, rename, rm, unlink} from 'node:fs/promises';
import {dirname} from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import {promisify} from 'node:util';
import {Failure} from '../failure.ts';

/** All by which a replica changes the disk, but for the lines of its chat log, so that tests can let any of it fail. */
export type Files = {
	write(
		fd: number,
		buffer: Buffer,
		offset: number,
		length: number,
		position: number,
		done: (error: Error | null, written: number) => void,
	): void;
	fdatasync(fd: number, done: (error: Error | null) => void): void;
	/** A new, empty file of mode 0600. */
	create(path: string): Promise<number>;
	close(fd: number): Promise<void>;
	fsync(fd: number): Promise<void>;
	rename(from: string, to: string): Promise<void>;
	unlink(path: string): Promise<void>;
	/** A new directory of mode 0700. */
	makeDirectory(path: string): Promise<void>;
	/** With all that is in it, if it is there. */
	removeAll(path: string): Promise<void>;
	syncDirectory(path: string): Promise<void>;
};

export const realFiles: Files = {
	/** Into the memory of the system, which takes less time than the way to a thread and back; the sync is what waits. */
	write(fd, buffer, offset, length, position, done) {
		let written: number;
		try {
			written = writeSync(fd, buffer, offset, length, position);
		} catch (error) {
			process.nextTick(done, error as Error, 0);
			return;
		}

		done(null, written);
	},
	fdatasync,
	create: path => whenAllowed(() => promisify(openFile)(path, 'w', 0o600)),
	close: promisify(close),
	fsync: promisify(fsync),
	rename,
	unlink,
	makeDirectory: path => mkdir(path, {mode: 0o700}),
	removeAll: path => rm(path, {recursive: true, force: true}),
	syncDirectory,
};

/** Rejects with the error of the disk, also if it takes nothing and reports success. */
export async function writeAll(files: Files, fd: number, buffer: Buffer, position: number): Promise<void> {
	for (let done = 0; done < buffer.length; ) {
		const written = await new Promise<number>((resolve, reject) => {
			files.write(fd, buffer, done, buffer.length - done, position + done, (error, count) => {
				if (error) reject(error);
				else resolve(count);
			});
		});
		if (written === 0) throw new Error('the disk took nothing of a write');
		done += written;
	}
}

/** All by which a replica looks at the disk. */
export type Reader = {
	/** The names in a directory; rejects with ENOENT if it is not there, as `read` does. */
	list(directory: string): Promise<readonly string[]>;
	read(path: string): Promise<Buffer>;
};

export const realReader: Reader = {
	list: path => whenAllowed(() => readdir(path)),
	read: path => whenAllowed(() => readFile(path)),
};

/** A new name in a directory survives a crash only after this. */
export async function syncDirectory(path: string): Promise<void> {
	const handle = await whenAllowed(() => open(path, 'r'));
	try {
		await handle.sync();
	} finally {
		await handle.close();
	}
}

/** All or nothing, also through a crash: the file is the old one or the new one, never a part. Mode 0600. */
export async function writeAtomically(path: string, text: string | Buffer, files = realFiles): Promise<void> {
	const temporary = `${path}.new`;
	await writeDurably(temporary, text, files);
	await files.rename(temporary, path);
	await files.syncDirectory(dirname(path));
}

/** What the file holds survives a crash; that it has this name does not yet. Mode 0600. */
export async function writeDurably(path: string, content: string | Buffer, files = realFiles): Promise<void> {
	const fd = await files.create(path);
	try {
		await writeAll(files, fd, Buffer.from(content), 0);
		await files.fsync(fd);
	} finally {
		await files.close(fd);
	}
}

/** How long a file waits while the process has as many open as it may, in milliseconds, and how often it tries. */
const patienceMs = 10_000;
const retryMs = 50;

/**
 * Opens a file, or a directory. Strangers may hold all that the process is
 * allowed to have open, until they are sent away. That is no failure of the
 * disk, as nothing was read or written yet: the file waits.
 */
export async function whenAllowed<Handle>(open: () => Promise<Handle>): Promise<Handle> {
	for (const end = performance.now() + patienceMs; ; await sleep(retryMs)) {
		try {
			return await open();
		} catch (error) {
			if (!tooMany.has(codeOf(error) ?? '') || performance.now() > end) throw error;
		}
	}
}

const tooMany = new Set(['EMFILE', 'ENFILE']);

/** Error objects are judged by what they carry: those of another realm are no instances of this one's Error. */
export const codeOf = (error: unknown): string | undefined =>
	typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string'
		? error.code
		: undefined;

export const isMissing = (error: unknown): boolean => codeOf(error) === 'ENOENT';

const nextSteps: Readonly<Record<string, string>> = {
	ENOSPC: 'make room on the disk',
	EDQUOT: 'make room on the disk',
	EACCES: 'see who owns it',
	EPERM: 'see who owns it',
	EMFILE: 'allow more open files',
};

/** Whether the operating system gave it: its codes are those of errno, not those of Node, which begin with ERR_. */
export const isOfSystem = (error: unknown): boolean => /^E[A-Z0-9]+$/.test(codeOf(error) ?? '');

/** What the user may do about an error that the operating system gave. */
export const nextStepOf = (error: unknown): string => nextSteps[codeOf(error) ?? ''] ?? 'see to the disk';

/** One line for the user, of an error that the operating system gave. */
export function failureOf(path: string, error: unknown): Failure {
	if (error instanceof Failure) return error;
	const hasMessage = typeof error === 'object' && error !== null && 'message' in error;
	const reason = hasMessage ? String(error.message) : String(error);
	return new Failure(`${path}: ${reason}; ${nextStepOf(error)}, then start again`, 1, {cause: error});
}
