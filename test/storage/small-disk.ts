import {execFile} from 'node:child_process';
import {mkdir, mkdtemp, rm, statfs} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {promisify} from 'node:util';

const run = promisify(execFile);

/** A file system of its own with little room, mounted at a directory; made by the kernel, so its errors are real. */
export class SmallDisk {
	readonly path: string;

	private constructor(path: string) {
		this.path = path;
	}

	/** The directory is made if it is not there; what it held is hidden while the disk is mounted. */
	static async mount(path: string, kilobytes: number): Promise<SmallDisk> {
		await mkdir(path, {recursive: true});
		await run('mount', ['-t', 'tmpfs', '-o', `size=${kilobytes}k,mode=0700`, 'paxos-chat-test', path]);
		return new SmallDisk(path);
	}

	/** Why none can be mounted here; undefined if one can. */
	static async missing(): Promise<string | undefined> {
		const place = await mkdtemp(join(tmpdir(), 'paxos-chat-'));
		try {
			await (await SmallDisk.mount(place, 64)).unmount();
			return undefined;
		} catch (error) {
			const {stderr} = error as {stderr?: string};
			return `this machine lets us mount nothing: ${(stderr || String(error)).trim().split('\n')[0]}`;
		} finally {
			await rm(place, {recursive: true, force: true});
		}
	}

	async resize(kilobytes: number): Promise<void> {
		await run('mount', ['-o', `remount,size=${kilobytes}k`, this.path]);
	}

	/** Bytes that can still be written. */
	async room(): Promise<number> {
		const {bavail, bsize} = await statfs(this.path);
		return bavail * bsize;
	}

	async unmount(): Promise<void> {
		await run('umount', ['-l', this.path]);
	}
}
