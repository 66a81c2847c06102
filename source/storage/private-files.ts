import {constants} from 'node:fs';
import {chmod, lstat, mkdir, open, readdir} from 'node:fs/promises';
import {Failure} from '../failure.ts';
import {codeOf, isMissing} from './files.ts';

const othersMask = 0o077;

/** The text of a file of ours; undefined if there is none. Throws a Failure for a link. */
export async function readPrivate(path: string): Promise<{text: string; isPrivate: boolean} | undefined> {
	try {
		const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
		try {
			const {mode} = await handle.stat();
			return {text: await handle.readFile('utf8'), isPrivate: (mode & othersMask) === 0};
		} finally {
			await handle.close();
		}
	} catch (error) {
		if (isMissing(error)) return undefined;
		if (codeOf(error) === 'ELOOP') throw isLink(path);
		throw error;
	}
}

/** Whether there is such a directory, of mode 0700 from now on. Throws a Failure for a link, or anything else. */
export async function isPrivateDirectory(path: string): Promise<boolean> {
	try {
		const status = await lstat(path);
		if (status.isSymbolicLink()) throw isLink(path);
		if (!status.isDirectory()) throw new Failure(`${path} is not a directory`, 2);
		if ((status.mode & othersMask) !== 0) await tighten(path);
		return true;
	} catch (error) {
		if (isMissing(error)) return false;
		throw error;
	}
}

/** The directory DATA, made if it is not there. */
export async function ensureData(data: string): Promise<void> {
	if (!(await isPrivateDirectory(data))) await mkdir(data, {recursive: true, mode: 0o700});
}

/** Nobody's home is closed to others by a mistyped --data: only what is empty, or holds files of ours. */
async function tighten(path: string): Promise<void> {
	const names = await readdir(path);
	const isOurs = names.length === 0 || names.includes('secret') || names.includes('meta');
	if (!isOurs) throw new Failure(`${path} is open to other users: chmod 700 it, or choose another --data`, 2);
	await chmod(path, 0o700);
}

const isLink = (path: string) => new Failure(`${path} is a symbolic link: name the place itself`, 2);
