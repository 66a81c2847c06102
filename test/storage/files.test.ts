import {execFile} from 'node:child_process';
import {readFileSync} from 'node:fs';
import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {promisify} from 'node:util';
import {expect, test} from '@jest/globals';

test('files wait while the process has as many open as it may, to be written, read, listed or kept, until others go', async () => {
	const directory = await mkdtemp(join(tmpdir(), 'paxos-chat-'));
	try {
		const path = join(directory, 'file');
		const script = join(import.meta.dirname, 'few-files.ts');
		const command = 'ulimit -n 64; exec "$0" "$@"';
		const {NODE_OPTIONS: _, ...env} = process.env;
		const words = ['-c', command, process.execPath, script, path];
		const {stdout} = await promisify(execFile)('sh', words, {env});
		expect(stdout).toBe('all wait, and all are done');
		expect(readFileSync(path, 'utf8')).toBe('written');
	} finally {
		await rm(directory, {recursive: true});
	}
}, 20_000);
