import {mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, beforeAll, describe, expect, test} from '@jest/globals';
import {defaults, parseCluster, ranges, readCluster, rulesOf} from '../../source/cluster.ts';
import {Failure} from '../../source/failure.ts';

const good = {
	f: 1,
	replicas: [
		{id: 0, host: '127.0.0.1', port: 7100},
		{id: 1, host: '127.0.0.1', port: 7101},
		{id: 2, host: '127.0.0.1', port: 7102},
	],
};
/** The good file with one of its replicas changed. */
const withReplica = (index: number, change: object) => ({
	...good,
	replicas: good.replicas.map((replica, at) => (at === index ? {...replica, ...change} : replica)),
});

function refusalOf(text: string): string {
	try {
		parseCluster(text, 'cluster.json');
	} catch (error) {
		expect(error).toBeInstanceOf(Failure);
		expect((error as Failure).exitCode).toBe(2);
		return (error as Failure).message;
	}

	throw new Error('was not refused');
}

describe('a file that says what it must', () => {
	test('gets every default', () => {
		const cluster = parseCluster(JSON.stringify(good), 'cluster.json');
		expect(cluster).toEqual({
			...defaults,
			f: 1,
			replicas: good.replicas.map(replica => ({...replica, bind: '127.0.0.1'})),
		});
	});

	test('keeps its own values, puts replicas in order of id, and listens where it says', () => {
		const text = JSON.stringify({
			...good,
			patienceMs: 700,
			holePatienceMs: 0,
			replicas: [
				{id: 2, host: 'gamma.example', port: 7100, bind: '0.0.0.0'},
				{id: 0, host: 'alpha.example', port: 7100},
				{id: 1, host: '::1', port: 7100},
			],
		});
		const cluster = parseCluster(`\uFEFF${text}`, 'cluster.json');
		expect(cluster.patienceMs).toBe(700);
		expect(cluster.holePatienceMs).toBe(0);
		expect(cluster.replicas).toEqual([
			{id: 0, host: 'alpha.example', port: 7100, bind: 'alpha.example'},
			{id: 1, host: '::1', port: 7100, bind: '::1'},
			{id: 2, host: 'gamma.example', port: 7100, bind: '0.0.0.0'},
		]);
	});

	test('may be for one replica, or for many', () => {
		for (const f of [0, 2, 50]) {
			const replicas = Array.from({length: 2 * f + 1}, (_, id) => ({id, host: 'localhost', port: 7000 + id}));
			expect(parseCluster(JSON.stringify({f, replicas}), 'x').replicas).toHaveLength(2 * f + 1);
		}
	});

	test('every default lies within its range', () => {
		for (const [name, [least, most]] of Object.entries(ranges)) {
			const value = defaults[name as keyof typeof defaults];
			expect(value).toBeGreaterThanOrEqual(least);
			expect(value).toBeLessThanOrEqual(most);
		}
	});
});

describe('a file that does not is refused in one line, with the path of the value', () => {
	const wholePort = 'must be a whole number from 1 to 65535';
	const table: ReadonlyArray<readonly [file: unknown, line: string]> = [
		[[], 'must be an object, is []'],
		['f', 'must be an object, is "f"'],
		[{}, 'f: is missing'],
		[{f: 1}, 'replicas: is missing'],
		[{...good, f: '1'}, 'f: must be a whole number from 0 to 50, is "1"'],
		[{...good, f: 1.5}, 'f: must be a whole number from 0 to 50, is 1.5'],
		[{...good, f: -1}, 'f: must be a whole number from 0 to 50, is -1'],
		[{...good, f: 2}, 'replicas: must be 5 (2f + 1) with "f": 2, are 3'],
		[{...good, replicas: []}, 'replicas: must be 3 (2f + 1) with "f": 1, are 0'],
		[{...good, replicas: {}}, 'replicas: must be a list of replicas, is {}'],
		[{...good, replicas: [1, 2, 3]}, 'replicas[0]: must be an object, is 1'],
		[withReplica(1, {port: 'x'}), `replicas[1].port: ${wholePort}, is "x"`],
		[withReplica(1, {port: 0}), `replicas[1].port: ${wholePort}, is 0`],
		[withReplica(1, {port: 65_536}), `replicas[1].port: ${wholePort}, is 65536`],
		[withReplica(1, {port: null}), `replicas[1].port: ${wholePort}, is null`],
		[withReplica(1, {port: undefined}), 'replicas[1].port: is missing'],
		[withReplica(2, {host: ''}), 'replicas[2].host: must be a host name or an IP address, is ""'],
		[withReplica(2, {host: 'a b'}), 'replicas[2].host: must be a host name or an IP address, is "a b"'],
		[
			withReplica(2, {host: 'http://a'}),
			'replicas[2].host: must be a host name or an IP address, is "http://a"',
		],
		[withReplica(2, {host: '1.2.3'}), 'replicas[2].host: must be a host name or an IP address, is "1.2.3"'],
		[withReplica(2, {host: 7}), 'replicas[2].host: must be a host name or an IP address, is 7'],
		[
			withReplica(0, {host: '0.0.0.0'}),
			'replicas[0].host: must be what the other replicas dial, is "0.0.0.0"; put where to listen into "bind"',
		],
		[withReplica(0, {bind: 5}), 'replicas[0].bind: must be a host name or an IP address, is 5'],
		[withReplica(0, {prot: 5}), 'replicas[0].prot: unknown key; did you mean port?'],
		[withReplica(2, {id: 1}), 'replicas[2].id: 1 is the id of replicas[1] too'],
		[withReplica(2, {id: 3}), 'replicas[2].id: must be from 0 to 2, is 3'],
		[withReplica(2, {id: -1}), 'replicas[2].id: must be a whole number from 0 to 100, is -1'],
		[withReplica(2, {port: 7100}), 'replicas[2]: 127.0.0.1:7100 is the address of replicas[0] too'],
		[{...good, colour: 'red'}, 'colour: unknown key'],
		[{...good, patience: 5}, 'patience: unknown key; did you mean patienceMs?'],
		[{...good, staggerMS: 5}, 'staggerMS: unknown key; did you mean staggerMs?'],
		[{...good, 'a b': 5}, '"a b": unknown key'],
		[{...good, tickMs: 0}, 'tickMs: must be a whole number from 1 to 1000, is 0'],
		[{...good, batchBytes: 1e9}, 'batchBytes: must be a whole number from 1 to 1048576, is 1000000000'],
		[
			{...good, sessions: 'a'.repeat(100)},
			`sessions: must be a whole number from 1 to 50000, is "${'a'.repeat(59)}…`,
		],
		[{...good, heartbeatMs: 5}, 'heartbeatMs: must be at least tickMs (10), is 5'],
		[
			{...good, staggerMs: 200},
			'staggerMs: must be at least two ticks more than twice heartbeatMs (100), is 200',
		],
		[
			{...good, staggerMs: 210},
			'staggerMs: must be at least two ticks more than twice heartbeatMs (100), is 210',
		],
		[
			{...good, heartbeatMs: 125},
			'staggerMs: must be at least two ticks more than twice heartbeatMs (125), is 250',
		],
		[{...good, patienceMs: 200}, 'patienceMs: must be more than twice heartbeatMs (100), is 200'],
	];
	for (const [file, line] of table)
		test(line, () => {
			expect(refusalOf(JSON.stringify(file))).toBe(`cluster.json: ${line}`);
		});

	const texts: ReadonlyArray<readonly [text: string, line: string]> = [
		['', 'line 1, column 1: is not JSON: unexpected end'],
		['{"f": 1,\n}', 'line 2, column 1: is not JSON: expected double-quoted property name'],
		['{"f": 1\n "replicas": []}', "line 2, column 2: is not JSON: expected ',' or '}' after property value"],
		['{\n\t"f": one\n}', 'line 2, column 7: is not JSON: unexpected character'],
		['// what\n{}', 'line 1, column 1: is not JSON: unexpected character'],
		['{\n  "f": [1,\n', 'line 3, column 1: is not JSON: unexpected end'],
	];
	for (const [text, line] of texts)
		test(line, () => {
			expect(refusalOf(text)).toBe(`cluster.json: ${line}`);
		});
});

describe('a file that cannot be read', () => {
	let directory: string;
	beforeAll(() => {
		directory = mkdtempSync(join(tmpdir(), 'paxos-chat-'));
	});
	afterAll(() => rmSync(directory, {recursive: true}));

	test('is named', () => {
		const path = join(directory, 'no.json');
		expect(() => readCluster(path)).toThrow(`${path}: no such file; name the file with --config FILE`);
		expect(() => readCluster(directory)).toThrow(
			`${directory}: is a directory; name the file with --config FILE`,
		);
	});

	test('and one without an end is not read to its end', () => {
		const path = join(directory, 'long.json');
		writeFileSync(path, ' '.repeat(1_048_577));
		const why = 'is longer than 1048576 bytes; name the file with --config FILE';
		expect(() => readCluster(path)).toThrow(`${path}: ${why}`);
	});

	test('and one that can is read', () => {
		const path = join(directory, 'yes.json');
		writeFileSync(path, JSON.stringify(good));
		expect(readCluster(path).f).toBe(1);
	});
});

test('the rules of two clusters are the same unless what they would remember differs', () => {
	const rules = (change: object) => rulesOf(parseCluster(JSON.stringify({...good, ...change}), 'x'));
	expect(rules({patienceMs: 900})).toBe(rules({}));
	expect(rules({sessions: 9})).not.toBe(rules({}));
	expect(rules({})).toMatch(/^[0-9a-f]{32}$/);
});
