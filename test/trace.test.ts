import {
	appendFileSync,
	cpSync,
	existsSync,
	mkdtempSync,
	readdirSync,
	readFileSync,
	rmSync,
	statSync,
	writeFileSync,
} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, beforeEach, describe, expect, test} from '@jest/globals';
import {Replica} from '../source/consensus/replica.ts';
import type {Input, Options, Value} from '../source/consensus/types.ts';
import {Recorder, replay} from '../source/trace.ts';
import {mainScript, Place, run, until} from './cli/processes.ts';

const directory = mkdtempSync(join(tmpdir(), 'trace-'));
afterAll(() => rmSync(directory, {recursive: true}));
let files = 0;
let path = '';
beforeEach(() => {
	path = join(directory, `${++files}.trace`);
});

const options: Options = {
	id: 1,
	replicas: 3,
	incarnation: '1'.repeat(32),
	isNewcomer: false,
	heartbeatTicks: 1,
	patienceTicks: 2,
	startPatienceTicks: 3,
	staggerTicks: 4,
	holePatienceTicks: Number.POSITIVE_INFINITY,
	windowSlots: 4,
	batchRequests: 4,
	batchBytes: 2000,
	retainBytes: 0,
	backlogBytes: 1_000_000,
	queueRequests: 8,
	skip: [],
};
const saying = (text: string): Value => ({
	at: 1,
	requests: [{client: 'ada', session: 1, sequence: 1, nick: 'ada', text}],
});
const tick: Input = {type: 'tick', now: 1};
const accept = (text: string): Input => ({
	type: 'packet',
	now: 1,
	from: 0,
	messages: [{type: 'accept', view: 0, slot: 1, epoch: 0, value: saying(text)}],
});

/** One life at these inputs; what went wrong in it, if something did. */
function live(...inputs: readonly Input[]): string | undefined {
	const recorder = new Recorder(path, text => {
		throw new Error(text);
	});
	const replica = new Replica(options, [], 0);
	const watch = recorder.begin(options, [], 0, []);
	try {
		for (const input of inputs) watch(input, () => replica.step(input));
		return undefined;
	} catch (error) {
		return (error as Error).message;
	} finally {
		recorder.close();
	}
}

const linesOf = (file = path) => readFileSync(file, 'utf8').split('\n').slice(0, -1);
const rewrite = (lines: readonly string[]) => writeFileSync(path, lines.map(line => `${line}\n`).join(''));

describe('a trace of simulated replicas', () => {
	test('is played again through all lives, every output as recorded', async () => {
		const folder = join(directory, 'made', 'for-it');
		const words = ['simulate', '--seed', '44', '--trace', folder];
		expect(await run(words, {cwd: directory, script: mainScript})).toMatchObject({code: 0});
		const names = readdirSync(folder);
		expect(names).toEqual(names.map((_, id) => `seed-44-r${id}.trace`));
		const replays = await Promise.all(names.map(name => replay(join(folder, name))));
		for (const [id, result] of replays.entries()) {
			expect(result).toMatchObject({ok: true, difference: null, torn: [], broken: null, replica: {id}});
			expect(result.steps).toBeGreaterThan(500);
		}

		// What is broken in this world stays so, but a majority is healed: one replica may end as a learner that lacks all.
		const delivered = replays.filter(({replica}) => replica!.delivered > 10);
		expect(delivered.length).toBeGreaterThan(names.length / 2);
		// They crash now and then in this mix.
		expect(Math.max(...replays.map(({lives}) => lives))).toBeGreaterThan(1);
	}, 20_000);
});

test('a simulation that fails leaves the traces of its replicas', async () => {
	const folder = mkdtempSync(join(tmpdir(), 'failing-'));
	try {
		for (const part of ['source', 'cli']) cpSync(part, join(folder, part), {recursive: true});
		writeFileSync(join(folder, 'package.json'), '{"type": "module"}');
		// A bug: one replica is a majority of three.
		const views = join(folder, 'source/consensus/views.ts');
		const text = readFileSync(views, 'utf8');
		writeFileSync(views, text.replace('Math.floor(replicas / 2) + 1;', 'Math.ceil(replicas / 3);'));
		expect(readFileSync(views, 'utf8')).not.toBe(text);
		const script = join(folder, 'main.ts');
		const call = 'await simulate({seed: 1, runs: 20, json: true})';
		writeFileSync(
			script,
			`import {simulate} from './cli/commands/simulate.ts';\nprocess.exitCode = ${call};\n`,
		);
		const {code, stdout, stderr} = await run([], {cwd: folder, script, environment: {TMPDIR: folder}});
		const {failedSeed} = JSON.parse(stdout) as {failedSeed: number};
		expect(code).toBe(1);
		const [, count, traces] = /^traces of (\d) replicas: (\S+); see paxos-chat replay$/m.exec(stderr)!;
		const names = Array.from({length: Number(count)}, (_, id) => `seed-${failedSeed}-r${id}.trace`);
		expect(readdirSync(traces!)).toEqual(names);
		// They were recorded by another core than ours: that is what is found.
		const replays = await Promise.all(names.map(name => replay(join(traces!, name))));
		expect(replays.map(({steps}) => steps > 0)).toEqual(names.map(() => true));
		expect(replays.some(({difference}) => difference !== null)).toBe(true);
	} finally {
		rmSync(folder, {recursive: true});
	}
}, 60_000);

describe('what is not as recorded is named with its line', () => {
	beforeEach(() => {
		live(tick, accept('one'), tick, tick);
	});

	test('an output', async () => {
		const lines = linesOf();
		lines[2] = lines[2]!.replace(/"digest":"\w/, '"digest":"-');
		rewrite(lines);
		expect(await replay(path)).toMatchObject({ok: false, difference: {line: 3}, steps: 2});
		expect((await replay(path)).difference!.text).toMatch(
			/^packet: the output -\w{15} was recorded, now it is /,
		);
	});

	test('an input, by what comes of it', async () => {
		rewrite(linesOf().map(line => line.replace('"text":"one"', '"text":"two"')));
		expect(await replay(path)).toMatchObject({ok: false, difference: {line: 3}});
	});

	test('what it began with', async () => {
		rewrite(linesOf().map(line => line.replace('"id":1', '"id":0')));
		expect(await replay(path)).toMatchObject({ok: false, replica: {id: 0}});
	});
});

test('a broken invariant is recorded, and breaks again', async () => {
	expect(live(accept('one'), accept('two'))).toMatch(/^invariant broken: R3/);
	expect(await replay(path)).toMatchObject({
		ok: true,
		broken: {line: 3, text: expect.stringMatching(/^invariant broken: R3/)},
	});
	rewrite(linesOf().map(line => line.replace('"two"', '"one"')));
	expect(await replay(path)).toMatchObject({ok: false, difference: {line: 3}});
});

test('a hole that is waited for as long as it takes', async () => {
	live(tick);
	expect(JSON.parse(linesOf()[0]!)).toMatchObject({options: {holePatienceTicks: 'never'}});
	expect(await replay(path)).toMatchObject({ok: true, steps: 1});
});

describe('what a killed process left', () => {
	test('a torn last line is left out, and told of', async () => {
		live(tick, accept('one'), tick);
		writeFileSync(path, readFileSync(path, 'utf8').slice(0, -7));
		expect(await replay(path)).toMatchObject({ok: true, steps: 2, torn: [4]});
	});

	test('a next life begins on a line of its own', async () => {
		live(tick, accept('one'), tick);
		writeFileSync(path, readFileSync(path, 'utf8').slice(0, -7));
		live(tick, tick);
		expect(await replay(path)).toMatchObject({ok: true, lives: 2, steps: 4, torn: [4]});
	});

	test('any other damage is refused', async () => {
		live(tick, accept('one'), tick);
		const lines = linesOf();
		lines[2] = lines[2]!.slice(3);
		rewrite(lines);
		await expect(replay(path)).rejects.toThrow(`${path}: line 3 is damaged, and no later one can be trusted`);
	});
});

describe('what is no trace', () => {
	test.each([
		['', 'is no trace: no replica begins in its first line'],
		['{"input":{"type":"tick","now":1},"digest":"0"}\n', 'is no trace: no replica begins in its first line'],
		['hello\nworld\n', 'is no trace'],
		['[]\nnull\n7\n', 'is no trace'],
		[
			'{"trace":1,"options":{},"since":0,"admitted":[],"entries":[7]}\n',
			'line 1: no replica begins like this',
		],
	])('%j: %s', async (text, why) => {
		writeFileSync(path, text);
		await expect(replay(path)).rejects.toThrow(why);
	});

	test('a file that is not there', async () => {
		await expect(replay(path)).rejects.toThrow(`cannot read ${path}: ENOENT`);
	});

	test('is not written to what is no file', () => {
		expect(() => new Recorder(directory, () => {})).toThrow(`cannot write a trace to ${directory}: EISDIR`);
	});
});

test('a trace is for its owner alone', () => {
	live(tick);
	expect(statSync(path).mode & 0o777).toBe(0o600);
});

(existsSync('/dev/full') ? test : test.skip)('a full disk ends the trace, not the replica', () => {
	const told: string[] = [];
	const recorder = new Recorder('/dev/full', text => told.push(text));
	const replica = new Replica(options, [], 0);
	const watch = recorder.begin(options, [], 0, []);
	for (const input of [tick, accept('one')]) expect(watch(input, () => replica.step(input))).toBeDefined();
	expect(told).toEqual(['stops its trace, /dev/full: ENOSPC: no space left on device, write']);
});

test('a real replica that was killed, and came back', async () => {
	const place = new Place();
	try {
		await place.write(0);
		const words = ['replica', '0', '--trace', 'r0.trace'];
		const first = place.start(words);
		await first.until(/listens on/);
		expect(await place.run(['--nick', 'ada'], 'one\ntwo\n')).toMatchObject({code: 0});
		await first.end('SIGKILL');
		appendFileSync(join(place.path, 'r0.trace'), '{"input":{"ty');
		const second = place.start(words);
		await second.until(/leads from slot/);
		// What the first life left open is decided by the time at which this is.
		expect(await place.run(['--nick', 'bob'], 'three\n')).toMatchObject({code: 0});
		expect(await second.end('SIGTERM')).toMatchObject({code: 143});
		const result = await replay(join(place.path, 'r0.trace'));
		expect(result).toMatchObject({
			ok: true,
			lives: 2,
			torn: [expect.any(Number)],
			replica: {role: 'primary'},
		});
		expect(result.replica!.delivered).toBeGreaterThanOrEqual(5);

		const {code, stdout} = await place.run(['replay', 'r0.trace']);
		expect(code).toBe(0);
		expect(stdout).toMatch(
			/^line \d+ is unfinished, its process was killed: it is left out\nr0: primary in view 1/,
		);
		expect(stdout).toMatch(/ok: \d+ inputs in 2 lives, and every output as recorded\n$/);
		expect(await place.run(['replay', 'cluster.json'])).toMatchObject({
			code: 1,
			stderr:
				'paxos-chat: cluster.json is no trace: no replica begins in its first line; record one with replica --trace\n',
		});
	} finally {
		await place.clear();
	}
}, 60_000);

test('whoever waits for a trace sees it grow while the replica lives', async () => {
	live(tick);
	const recorder = new Recorder(path, () => {});
	const replica = new Replica(options, [], 0);
	const watch = recorder.begin(options, [], 0, []);
	const before = statSync(path).size;
	watch(tick, () => replica.step(tick));
	await until(() => statSync(path).size > before, 'a line');
	recorder.close();
});
