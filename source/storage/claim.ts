import {stat} from 'node:fs/promises';
import {createServer} from 'node:net';
import {setTimeout as wait} from 'node:timers/promises';
import {codeOf} from './files.ts';

/** Gives the directory up again. */
export type Release = () => Promise<void>;

/**
 * Makes this process the only owner of a directory, undefined if another one
 * is. An abstract socket named after the directory's device and inode does it:
 * the kernel knows it under every path, and frees it however its owner ends.
 * Other systems than Linux have no such sockets and take no notice.
 */
export async function claim(directory: string): Promise<Release | undefined> {
	if (process.platform !== 'linux') return async () => {};
	const {dev, ino} = await stat(directory);
	const server = createServer(socket => socket.destroy());
	try {
		await new Promise<void>((resolve, reject) => {
			server.once('error', reject);
			server.listen(`\0paxos-chat:${dev}:${ino}`, resolve);
		});
	} catch (error) {
		if (codeOf(error) === 'EADDRINUSE') return undefined;
		throw error;
	}
	server.unref();
	return () => new Promise(resolve => server.close(() => resolve()));
}

/** Claims a directory that nobody holds for long: waits for its turn, undefined if it does not come in five seconds. */
export async function claimPatiently(directory: string): Promise<Release | undefined> {
	for (let tries = 0; tries < 500; tries++) {
		const release = await claim(directory);
		if (release) return release;
		await wait(10);
	}

	return undefined;
}
