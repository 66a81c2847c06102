import {spawnSync} from 'node:child_process';
import {existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {dirname, join, resolve} from 'node:path';
import {afterAll, beforeAll, describe, expect, jest, test} from '@jest/globals';
import {commands} from '../../cli/commands.ts';
import {stories} from '../../source/stories/stories.ts';
import {mainScript, run} from './processes.ts';

/** Many processes, on a machine that may be busy. */
jest.setTimeout(30_000);

let cwd: string;
beforeAll(() => {
	cwd = mkdtempSync(join(tmpdir(), 'paxos-chat-'));
});
afterAll(() => rmSync(cwd, {recursive: true}));

describe('the program', () => {
	const bin = (...words: string[]) => run(words, {cwd});

	test('tells its version, as it was built and from its sources', async () => {
		const {version} = JSON.parse(readFileSync('package.json', 'utf8')) as {version: string};
		const said = {code: 0, stdout: `${version}\n`, stderr: ''};
		expect(await bin('--version')).toEqual(said);
		expect(await run(['--version'], {cwd, script: mainScript})).toEqual(said);
	});

	test('helps on standard output', async () => {
		const {code, stdout, stderr} = await bin('--help');
		expect({code, stderr}).toEqual({code: 0, stderr: ''});
		expect(stdout).toMatch(/^paxos-chat: .*\n\nExamples\n/);
		expect((await bin('kill', '-h')).stdout).toMatch(/^paxos-chat kill ID: /);
	});

	test('performs a play, and tells where it fails', async () => {
		const perform = (script: string) => {
			writeFileSync(join(cwd, 'play.txt'), script);
			return run(['perform', 'play.txt'], {cwd, script: mainScript});
		};
		const done = await perform('puppets 3\nall goes well # at first\ncrash 1\n---\nwhat happened before');
		expect(done).toMatchObject({code: 0, stderr: ''});
		expect(done.stdout).toContain('> crash 1\n  r1 dies\n\n> the end\n');
		const failed = await perform('replicas 3\nrun 20 ticks\nexpect leader 2\nrun 1 tick');
		expect(failed).toMatchObject({code: 1, stderr: ''});
		expect(failed.stdout).toMatch(/> expect leader 2\n\nFAIL line 3, "expect leader 2": leader: 0\n$/);
	});

	test('names every story in the help of demo, in their order', async () => {
		const {stdout} = await bin('demo', '--help');
		expect(stdout.replaceAll(/\s+/g, ' ')).toContain(`: ${stories.map(({name}) => name).join(', ')}`);
	});

	test('refuses wrong use in one line on standard error', async () => {
		expect(await bin('--bathc', '3')).toEqual({
			code: 2,
			stdout: '',
			stderr: 'paxos-chat: unknown flag --bathc; did you mean --batch?\n',
		});
		expect(await bin('kil')).toMatchObject({code: 2, stdout: ''});
	});

	test('refuses a bad cluster.json, or none, with the value', async () => {
		writeFileSync(join(cwd, 'bad.json'), '{"f": 1, "replicas": [{"id": 0, "host": "a", "port": "x"}]}');
		expect(await bin('--config', 'bad.json')).toEqual({
			code: 2,
			stdout: '',
			stderr: 'paxos-chat: bad.json: replicas[0].port: must be a whole number from 1 to 65535, is "x"\n',
		});
		expect(await bin('monitor', '--once')).toEqual({
			code: 2,
			stdout: '',
			stderr: 'paxos-chat: cluster.json: no such file; name the file with --config FILE\n',
		});
	});

	test('tells when standard output is full', () => {
		if (!existsSync('/dev/full')) return;
		const {NODE_OPTIONS: _, ...env} = process.env;
		const stdio = ['ignore', openSync('/dev/full', 'w'), 'pipe'] as const;
		const {status, stderr} = spawnSync(process.execPath, ['cli/bin.js', '--help'], {stdio: [...stdio], env});
		expect({status, stderr: stderr.toString()}).toEqual({
			status: 1,
			stderr: 'paxos-chat: standard output: ENOSPC: no space left on device, write\n',
		});
	});

	test('shows a path that would forge a line as what it is', async () => {
		const {code, stderr} = await bin('--config', 'a\n\u001b[31mb');
		expect(code).toBe(2);
		expect(stderr).toBe('paxos-chat: a \\u001b[31mb: no such file; name the file with --config FILE\n');
	});
});

test('every command has help on standard output, and exit code 0', async () => {
	const names = Object.keys(commands);
	const all = await Promise.all(names.map(name => run([name, '--help'], {cwd})));
	for (const [index, {code, stdout, stderr}] of all.entries()) {
		expect({name: names[index], code, stderr}).toEqual({name: names[index], code: 0, stderr: ''});
		expect(stdout).toContain('Examples\n');
	}
});

/** What a file needs before its first line runs. Types are gone by then, and `import()` comes later. */
function needsOf(path: string, needs = new Set<string>()): Set<string> {
	const source = readFileSync(path, 'utf8');
	for (const [, name] of source.matchAll(
		/^(?:import|export) (?!type )[^;]*?from '([^']+)'|^import '([^']+)'/gm,
	)) {
		const target = name!.startsWith('.') ? resolve(dirname(path), name!) : name!;
		if (needs.has(target)) continue;
		needs.add(target);
		if (name!.startsWith('.')) needsOf(target, needs);
	}

	return needs;
}

describe('what takes long to load is loaded when it is needed', () => {
	const packagesOf = (path: string) =>
		[...needsOf(resolve(path))].filter(name => !name.startsWith('/') && !name.startsWith('node:')).sort();

	test('help needs nothing but meow', () => {
		expect(packagesOf('cli/main.ts')).toEqual(['meow']);
	});

	test('nothing but the screen needs Ink', () => {
		for (const name of Object.keys(commands)) {
			expect(packagesOf(`cli/commands/${name}.ts`)).not.toContain('ink');
			expect(packagesOf(`cli/commands/${name}.ts`)).not.toContain('react');
		}
	});

	test('clients do not need the server, and the supervisor needs neither', () => {
		for (const name of ['chat', 'batch', 'kill', 'monitor', 'cluster', 'restart', 'verify'])
			expect(packagesOf(`cli/commands/${name}.ts`)).not.toContain('socket.io');
		expect(packagesOf('cli/commands/replica.ts')).toContain('socket.io');
		expect(packagesOf('cli/commands/cluster.ts')).not.toContain('socket.io-client');
	});
});
