import {appendFile, mkdtemp, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {describe, expect, test} from '@jest/globals';
import fc from 'fast-check';
import type {Line} from '../source/chat/types.ts';
import {check, type Operation, type Read, type ReplicaLog, type Rule} from '../source/history.ts';
import {followHistory, HistoryFile, monotonicMs, readHistory} from '../source/history-file.ts';

/** What really happened, from which a history and logs are made that are right by construction. */
type Run = {histories: Operation[][]; lines: Line[]; kept: number[]; reads: Read[]};

const logOf = (lines: readonly Line[], replica = 0): ReplicaLog => ({
	replica,
	bytes: Buffer.from(lines.map(line => `${JSON.stringify(line)}\n`).join('')),
});
const logsOf = ({lines, kept}: Run): ReplicaLog[] => [
	logOf(lines),
	...kept.map((length, index) => logOf(lines.slice(0, length), index + 1)),
];
const rulesBroken = (
	histories: readonly Operation[][],
	logs: readonly ReplicaLog[],
	reads: readonly Read[] = [],
): Set<Rule> => new Set(check(histories, logs, reads).violations.map(({rule}) => rule));

/**
 * Closed-loop clients on one clock: an operation takes effect somewhere between
 * its start and its end, and the log is in the order of these moments. The last
 * operation of a client may stay unanswered, with or without effect, or fail.
 */
const runs: fc.Arbitrary<Run> = fc
	.record({
		clients: fc.array(
			fc.record({
				steps: fc.array(fc.tuple(fc.nat(50), fc.nat(50), fc.nat(50)), {maxLength: 8}),
				last: fc.constantFrom('ok', 'executed', 'lost', 'failed'),
			}),
			{minLength: 1, maxLength: 6},
		),
		batch: fc.integer({min: 1, max: 4}),
		kept: fc.array(fc.nat(100), {maxLength: 4}),
		looks: fc.array(fc.nat(100), {maxLength: 5}),
	})
	.map(({clients, batch, kept, looks}) => {
		type Act = {client: number; sequence: number; start: number; moment: number; end: number; last: boolean};
		const acts: Act[] = [];
		for (const [client, {steps}] of clients.entries()) {
			let now = 0;
			for (const [index, [pause, until, after]] of steps.entries()) {
				const start = now + pause;
				const moment = start + until;
				const end = moment + after;
				acts.push({client, sequence: index + 1, start, moment, end, last: index === steps.length - 1});
				now = end;
			}
		}

		// Of equal moments the one that started first: its client may have gone on at the same millisecond.
		acts.sort((a, b) => a.moment - b.moment || a.start - b.start || a.sequence - b.sequence);
		const histories = clients.map((): Operation[] => []);
		const lines: Line[] = [];
		const moments: number[] = [];
		for (const {client, sequence, start, moment, end, last} of acts) {
			const outcome = last ? clients[client]!.last : 'ok';
			const named = {client: `client${client}`, sequence, text: `${client} says ${sequence}`};
			const isExecuted = outcome === 'ok' || outcome === 'executed';
			const position = lines.length + 1;
			const slot = 3 + Math.ceil(position / batch);
			if (isExecuted) {
				lines.push({position, slot, client: named.client, sequence, nick: 'n', text: named.text, at: moment});
				moments.push(moment);
			}

			histories[client]!.push(
				outcome === 'ok'
					? {...named, start, end, position, slot, status: 'ok'}
					: {
							...named,
							start,
							end: null,
							position: null,
							slot: null,
							status: outcome === 'failed' ? 'failed' : 'unknown',
						},
			);
		}

		const reads = looks
			.toSorted((a, b) => a - b)
			.map(at => ({
				reader: 'watcher',
				start: at,
				end: at,
				length: moments.filter(moment => moment <= at).length,
				isFresh: true,
			}));
		return {histories, lines, kept: kept.map(length => Math.min(length, lines.length)), reads};
	});

/** One run with enough in it to forge: three clients, thirty messages, batches of two. */
const example: Run = (() => {
	const histories: Operation[][] = [[], [], []];
	const lines: Line[] = [];
	for (let index = 0; index < 30; index++) {
		const client = index % 3;
		const sequence = Math.floor(index / 3) + 1;
		const start = index * 10;
		const end = start + 15;
		const position = index + 1;
		const slot = 2 + Math.ceil(position / 2);
		const named = {client: `client${client}`, sequence, text: `text ${index}`};
		histories[client]!.push({...named, start, end, position, slot, status: 'ok'});
		lines.push({position, slot, ...named, nick: 'n', at: 1000 + start});
	}

	return {histories, lines, kept: [30, 12], reads: []};
})();
const renumbered = (lines: readonly Line[]): Line[] =>
	lines.map((line, index) => ({...line, position: index + 1}));
const withOperation = (client: number, index: number, change: Partial<Operation>): Operation[][] =>
	example.histories.map((history, at) =>
		at === client
			? history.map((operation, position) => (position === index ? {...operation, ...change} : operation))
			: history,
	);
const swapped = <T>(list: readonly T[], a: number, b: number): T[] => {
	const copy = [...list];
	copy[a] = list[b]!;
	copy[b] = list[a]!;
	return copy;
};

describe('a true history', () => {
	test('passes, whatever the clients did and however far the replicas are', () => {
		fc.assert(
			fc.property(runs, run => {
				const verdict = check(run.histories, logsOf(run), run.reads);
				expect(verdict.violations).toEqual([]);
				expect(verdict.ok).toBe(true);
				expect(verdict.length).toBe(run.lines.length);
			}),
			{numRuns: 300},
		);
	});

	test('counts what it was given', () => {
		const histories = withOperation(2, 9, {status: 'unknown', end: null, position: null, slot: null});
		const verdict = check(histories, logsOf(example));
		expect(verdict).toMatchObject({
			ok: true,
			operations: 30,
			acknowledged: 29,
			unknown: 1,
			failed: 0,
			length: 30,
		});
	});

	test('two hundred thousand operations take about a second', () => {
		const clients = Array.from({length: 100}, (_, index) => index.toString(16).padStart(32, '0'));
		const text = 'x'.repeat(60);
		const histories: Operation[][] = clients.map(() => []);
		const rows: string[] = [];
		for (let index = 0; index < 200_000; index++) {
			const client = clients[index % 100]!;
			const sequence = Math.floor(index / 100) + 1;
			const position = index + 1;
			const slot = 1 + Math.ceil(position / 50);
			const named = {client, sequence, text};
			histories[index % 100]!.push({
				...named,
				start: index - 40,
				end: index + 40,
				position,
				slot,
				status: 'ok',
			});
			rows.push(
				`{"position":${position},"slot":${slot},"client":"${client}","sequence":${sequence},"nick":"n","text":"${text}","at":${index}}\n`,
			);
		}

		const bytes = Buffer.from(rows.join(''));
		const began = monotonicMs();
		const verdict = check(histories, [
			{replica: 0, bytes},
			{replica: 1, bytes: Buffer.from(bytes)},
		]);
		expect(verdict).toMatchObject({ok: true, operations: 200_000, length: 200_000});
		// A million took 5 s when this was written; the bound only refuses what is no longer linear.
		expect(monotonicMs() - began).toBeLessThan(30_000);
	}, 60_000);
});

describe('a forged history is caught', () => {
	test('logs that differ at an equal position', () => {
		const {histories, lines} = example;
		const other = lines.map((line, index) => (index === 11 ? {...line, text: 'text 99'} : line));
		const verdict = check(histories, [logOf(lines), logOf(other.slice(0, 12), 1)]);
		expect(verdict.violations).toEqual([
			{rule: 'prefixes', text: 'the logs of replica 1 and replica 0 differ in line 12'},
		]);
	});

	test('a line cut from one log', () => {
		const {histories, lines} = example;
		expect(rulesBroken(histories, [logOf(lines), logOf(lines.toSpliced(4, 1), 1)])).toContain('prefixes');
	});

	test('a line cut from every log, the rest renumbered: what was acknowledged is missing and moved', () => {
		const log = logOf(renumbered(example.lines.toSpliced(4, 1)));
		const broken = rulesBroken(example.histories, [log]);
		expect(broken).toContain('positions');
		expect(broken).toContain('session-order');
	});

	test('the last line cut: what was acknowledged is missing', () => {
		expect(rulesBroken(example.histories, [logOf(example.lines.slice(0, -1))])).toEqual(
			new Set(['positions']),
		);
	});

	test('a line doubled', () => {
		const lines = renumbered(example.lines.toSpliced(30, 0, example.lines[29]!));
		const broken = rulesBroken(example.histories, [logOf(lines)]);
		expect(broken).toEqual(new Set(['executed-once', 'session-order']));
	});

	test('two lines swapped', () => {
		const lines = renumbered(swapped(example.lines, 8, 9));
		expect(rulesBroken(example.histories, [logOf(lines)])).toContain('positions');
	});

	test('an invented acknowledgement', () => {
		const invented: Operation = {
			...example.histories[0]!.at(-1)!,
			sequence: 11,
			text: 'invented',
			start: 400,
			end: 410,
			position: 31,
		};
		expect(rulesBroken([...example.histories, [invented]], logsOf(example))).toEqual(new Set(['positions']));
	});

	test('an acknowledgement with another slot', () => {
		expect(rulesBroken(withOperation(1, 3, {slot: 99}), logsOf(example))).toEqual(new Set(['positions']));
	});

	test('an acknowledgement without an answer', () => {
		expect(rulesBroken(withOperation(1, 3, {end: null}), logsOf(example))).toContain('named-once');
	});

	test('a line that nobody said', () => {
		const {lines} = example;
		const stranger = {...lines.at(-1)!, position: 31, client: 'stranger', sequence: 1};
		expect(rulesBroken(example.histories, [logOf([...lines, stranger])])).toEqual(new Set(['invoked']));
	});

	test('another text than was said', () => {
		expect(rulesBroken(withOperation(0, 0, {text: 'text 00'}), logsOf(example))).toEqual(
			new Set(['invoked']),
		);
	});

	test('a failed operation in the log', () => {
		const histories = withOperation(0, 9, {status: 'failed', end: null, position: null, slot: null});
		expect(rulesBroken(histories, logsOf(example))).toEqual(new Set(['failed-absent']));
	});

	test('a number of a message that failed may be used again, by a message with another text', () => {
		const failed: Operation = {
			...example.histories[0]![3]!,
			text: 'refused',
			end: null,
			position: null,
			slot: null,
			status: 'failed',
		};
		expect(
			rulesBroken([...example.histories, [failed, {...failed, sequence: null}]], logsOf(example)),
		).toEqual(new Set());
		const executed = {...failed, text: example.histories[0]![3]!.text};
		expect(rulesBroken([...example.histories, [executed]], logsOf(example))).toEqual(
			new Set(['failed-absent']),
		);
	});

	test('an order that time forbids: an unanswered message before one that had long been answered', () => {
		// Both moved and both told so: only time can tell.
		const lines = renumbered(swapped(example.lines, 2, 29)).map((line, index) => ({
			...line,
			slot: 3 + index,
			at: 1000,
		}));
		const histories = example.histories.map(history =>
			history.map(operation => {
				const line = lines.find(
					({client, sequence}) => client === operation.client && sequence === operation.sequence,
				)!;
				return {...operation, position: line.position, slot: line.slot};
			}),
		);
		expect(rulesBroken(histories, [logOf(lines)])).toContain('real-time');
	});

	test('time holds for unknown operations as well', () => {
		const first: Operation = {
			client: 'a',
			sequence: 1,
			text: 'a',
			start: 50,
			end: null,
			position: null,
			slot: null,
			status: 'unknown',
		};
		const second: Operation = {...first, client: 'b', start: 0, end: 10, position: 2, slot: 2, status: 'ok'};
		const lineOf = ({client, text}: Operation, position: number): Line => ({
			position,
			slot: 2,
			client,
			sequence: 1,
			nick: 'n',
			text,
			at: 1,
		});
		const log = logOf([lineOf(first, 1), lineOf(second, 2)]);
		expect(rulesBroken([[first], [second]], [log])).toEqual(new Set(['real-time']));
		expect(rulesBroken([[first], [{...second, end: 60}]], [log])).toEqual(new Set());
	});

	test('a session out of order', () => {
		const lines = renumbered(swapped(example.lines, 0, 3));
		expect(rulesBroken(example.histories, [logOf(lines)])).toContain('session-order');
	});

	test('one operation twice in the histories', () => {
		expect(rulesBroken([...example.histories, [example.histories[0]![0]!]], logsOf(example))).toEqual(
			new Set(['named-once']),
		);
	});

	test.each([
		['positions', 5, {position: 7}],
		['slots', 20, {slot: 2}],
		['times', 20, {at: 1000}],
	])('a log whose %s go back', (_, index, change) => {
		const lines = example.lines.map((line, at) => (at === index ? {...line, ...change} : line));
		expect(rulesBroken(example.histories, [logOf(lines)])).toContain('well-formed');
	});

	test('a torn last line', () => {
		const {bytes} = logOf(example.lines);
		const verdict = check(example.histories, [{replica: 2, bytes: bytes.subarray(0, -1)}]);
		expect(verdict.violations).toContainEqual({
			rule: 'well-formed',
			text: 'line 30 of replica 2 is not a whole line of a chat log',
		});
	});

	test('a stale, a future and a shrinking read', () => {
		const read = {reader: 'watcher', start: 100, end: 101, length: 9, isFresh: true};
		// Position 9 (start 80, end 95) was acknowledged before 100; position 12 was first said at 110.
		expect(rulesBroken(example.histories, logsOf(example), [read])).toEqual(new Set());
		expect(rulesBroken(example.histories, logsOf(example), [{...read, length: 8}])).toEqual(
			new Set(['fresh-reads']),
		);
		expect(rulesBroken(example.histories, logsOf(example), [{...read, length: 8, isFresh: false}])).toEqual(
			new Set(),
		);
		expect(rulesBroken(example.histories, logsOf(example), [{...read, length: 12}])).toEqual(
			new Set(['future-reads']),
		);
		expect(rulesBroken(example.histories, logsOf(example), [{...read, length: 31, end: 900}])).toEqual(
			new Set(['future-reads']),
		);
		const later = {...read, start: 102, end: 103, length: 8, isFresh: false};
		expect(rulesBroken(example.histories, logsOf(example), [read, later])).toEqual(
			new Set(['shrinking-reads']),
		);
	});

	test('any line cut, doubled or swapped in a random run', () => {
		const forgeries = {
			cut: (lines: readonly Line[], at: number) => lines.toSpliced(at, 1),
			doubled: (lines: readonly Line[], at: number) => lines.toSpliced(at, 0, lines[at]!),
			swapped: (lines: readonly Line[], at: number) => swapped(lines, at, at === 0 ? lines.length - 1 : 0),
		};
		fc.assert(
			fc.property(
				// All acknowledged: an unknown message may be absent, and then nothing is forged.
				runs.filter(({histories, lines}) =>
					[lines.length > 1, histories.flat().every(({status}) => status === 'ok')].every(Boolean),
				),
				fc.constantFrom(...Object.values(forgeries)),
				fc.nat(),
				(run, forge, at) => {
					const lines = renumbered(forge(run.lines, at % run.lines.length));
					expect(check(run.histories, [logOf(lines)]).ok).toBe(false);
				},
			),
			{numRuns: 100},
		);
	});

	test('a broken log is told in a few sentences, and counted', () => {
		const verdict = check([], [logOf(example.lines)]);
		expect(verdict.violations).toHaveLength(5);
		expect(verdict.violationsFound).toBe(30);
	});
});

describe('history files', () => {
	test('come back as they were written', async () => {
		const directory = await mkdtemp(join(tmpdir(), 'paxos-chat-history-'));
		try {
			const path = join(directory, 'history.jsonl');
			const file = await HistoryFile.create(path);
			const operations = example.histories.flat();
			for (const operation of operations) file.append(operation);
			await file.close();
			const read: Operation[] = [];
			for await (const operation of readHistory(path)) read.push(operation);
			expect(read).toEqual(operations);
		} finally {
			await rm(directory, {recursive: true});
		}
	});

	test('a cut or foreign line is an error that names its place', async () => {
		const directory = await mkdtemp(join(tmpdir(), 'paxos-chat-history-'));
		try {
			const path = join(directory, 'history.jsonl');
			const line = JSON.stringify(example.histories[0]![0]);
			const readAll = async () => {
				for await (const operation of readHistory(path)) expect(operation).toBeDefined();
			};
			await writeFile(path, `${line}\n${line.slice(0, 20)}`);
			await expect(readAll()).rejects.toThrow(`${path}, line 2: not a line of a history`);
			await writeFile(path, `${line.replace('"ok"', '"maybe"')}\n`);
			await expect(readAll()).rejects.toThrow('line 1');
		} finally {
			await rm(directory, {recursive: true});
		}
	});

	test('a history that is being written is followed from where it is, whole line by whole line', async () => {
		const directory = await mkdtemp(join(tmpdir(), 'paxos-chat-history-'));
		try {
			const path = join(directory, 'history.jsonl');
			const [one, two] = example.histories[0]!.map(operation => `${JSON.stringify(operation)}\n`);
			const fromNothing = followHistory(path);
			expect(fromNothing()).toEqual([]);
			await writeFile(path, one!);
			const fromOne = followHistory(path);
			await appendFile(path, two!.slice(0, 20));
			const fromTheMiddle = followHistory(path);
			expect(fromNothing()).toEqual([example.histories[0]![0]]);
			expect(fromOne()).toEqual([]);
			await appendFile(path, two!.slice(20));
			for (const read of [fromNothing, fromOne]) expect(read()).toEqual([example.histories[0]![1]]);
			expect(fromTheMiddle()).toEqual([]);
			// More than is read at once.
			await appendFile(path, two!.repeat(2000));
			for (const read of [fromNothing, fromOne, fromTheMiddle]) expect(read()).toHaveLength(2000);
		} finally {
			await rm(directory, {recursive: true});
		}
	});

	test('a place that cannot be written is an error at once', async () => {
		await expect(HistoryFile.create('/nowhere/at/all')).rejects.toThrow('ENOENT');
	});
});
