import {execFile} from 'node:child_process';
import {readFileSync} from 'node:fs';
import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {promisify} from 'node:util';
import {expect, test} from '@jest/globals';

test('a file waits while the process has as many open as it may, and is written when another one goes', async () => {
	const directory = await mkdtemp(join(tmpdir(), 'paxos-chat-'));
	try {
		const path = join(directory, 'file');
		const script = join(import.meta.dirname, 'few-files.ts');
		const command = 'ulimit -n 64; exec "$0" "$@"';
		const {NODE_OPTIONS: _, ...env} = process.env;
		const words = ['-c', command, process.execPath, script, path];
		const {stdout} = await promisify(execFile)('sh', words, {env});
		expect(stdout).toBe('it waits, and is written');
		expect(readFileSync(path, 'utf8')).toBe('after');
	} finally {
		await rm(directory, {recursive: true});
	}
}, 20_000);
