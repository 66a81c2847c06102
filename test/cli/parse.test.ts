import {describe, expect, test} from '@jest/globals';
import {argumentsOf, type Command, commands} from '../../cli/commands.ts';
import {commonFlags, flagTable, spellingOf} from '../../cli/flags.ts';
import {helpOf, mainHelp} from '../../cli/help.ts';
import {parse} from '../../cli/parse.ts';
import {Failure} from '../../source/failure.ts';

const words = (line: string) => line.split(' ').filter(word => word !== '');

describe('what is meant', () => {
	const run = (line: string) => {
		const wish = parse(words(line));
		if (wish.type !== 'run') throw new Error(`${line}: ${wish.type}`);
		return wish;
	};

	test('nothing at all is the chat, with its defaults', () => {
		const {name, words: rest, flags} = run('');
		expect({name, rest}).toEqual({name: 'chat', rest: []});
		expect(flags).toMatchObject({config: 'cluster.json', data: 'data', json: false, skip: []});
		expect(flags.nick).toBeUndefined();
		expect(flags.batch).toBeUndefined();
	});

	test('flags stand before, behind and between the words', () => {
		for (const line of ['--timeout 5 loss 10% 2', 'loss --timeout=5 10% 2', 'loss 10% 2 --timeout 5']) {
			const {name, words: rest, flags} = run(line);
			expect({name, rest, timeout: flags.timeout}).toEqual({name: 'loss', rest: ['10%', '2'], timeout: 5});
		}
	});

	test('values become what they are', () => {
		expect(run('--batch 10000 --clients 8 --size 1 --json --history h.jsonl').flags).toMatchObject({
			batch: 10_000,
			clients: 8,
			size: 1,
			json: true,
			history: 'h.jsonl',
		});
		expect(run('replica 0 --skip 5 --skip=7 --loss 25% --faults').flags).toMatchObject({
			skip: [5, 7],
			loss: 0.25,
			faults: true,
			noFaults: false,
		});
		expect(run('cluster --no-faults').flags).toMatchObject({faults: false, noFaults: true});
		expect(run('--no-color').flags).toMatchObject({noColor: true, color: undefined});
		expect(run('--color=never --timeout 0.5 --nick Zoë').flags).toMatchObject({
			color: 'never',
			timeout: 0.5,
			nick: 'Zoë',
		});
	});

	test('behind -- nothing is a flag', () => {
		expect(run('demo -- --watch').words).toEqual(['--watch']);
	});

	test('as many stories as one likes', () => {
		expect(run('demo').words).toEqual([]);
		expect(run('demo a b c').words).toEqual(['a', 'b', 'c']);
	});

	test('help wins over what is missing or too much', () => {
		expect(parse(['--help'])).toEqual({type: 'help', of: null});
		expect(parse(['-h'])).toEqual({type: 'help', of: null});
		expect(parse(['help'])).toEqual({type: 'help', of: null});
		expect(parse(words('kill --help'))).toEqual({type: 'help', of: 'kill'});
		expect(parse(words('-h kill 1 2 3'))).toEqual({type: 'help', of: 'kill'});
		expect(parse(words('help kill'))).toEqual({type: 'help', of: 'kill'});
	});

	test('the version is that of the package', () => {
		expect(parse(['--version'])).toEqual({type: 'version', version: expect.stringMatching(/^\d+\.\d+\.\d+/)});
	});
});

describe('what is wrong is told in one line, and is exit code 2', () => {
	const table: ReadonlyArray<readonly [line: string, message: string]> = [
		['kil 1', 'unknown command "kil"; did you mean kill?'],
		['hello', 'unknown command "hello"; see paxos-chat --help'],
		['KILL 1', 'unknown command "KILL"; did you mean kill?'],
		['toString', 'unknown command "toString"; see paxos-chat --help'],
		['help me', 'unknown command "me"; see paxos-chat --help'],
		['--bathc 5', 'unknown flag --bathc; did you mean --batch?'],
		['--frobnicate', 'unknown flag --frobnicate; see paxos-chat --help'],
		['--frobnicate=1', 'unknown flag --frobnicate; see paxos-chat --help'],
		['--readOnly', 'unknown flag --readOnly; did you mean --read-only?'],
		['--config.x y', 'unknown flag --config.x; did you mean --config?'],
		['--constructor', 'unknown flag --constructor; see paxos-chat --help'],
		['-x', 'unknown flag -x; did you mean -h?'],
		['-hx', 'unknown flag -hx; did you mean -h?'],
		['--help --bathc', 'unknown flag --bathc; did you mean --batch?'],
		['--batch', '--batch: N is missing: must be a whole number from 1 to 1000000000'],
		['--batch --json', '--batch: N is missing: must be a whole number from 1 to 1000000000'],
		['--batch=', '--batch: N is missing: must be a whole number from 1 to 1000000000'],
		['--batch abc', '--batch: must be a whole number from 1 to 1000000000, is "abc"'],
		['--batch -5', '--batch: must be a whole number from 1 to 1000000000, is "-5"'],
		['--batch 0', '--batch: must be a whole number from 1 to 1000000000, is "0"'],
		['--batch 1e3', '--batch: must be a whole number from 1 to 1000000000, is "1e3"'],
		['--batch 1.5', '--batch: must be a whole number from 1 to 1000000000, is "1.5"'],
		['--batch 1 --batch 2', '--batch: is given twice'],
		['--batch 1 --size 4097', '--size: must be a whole number from 1 to 4096, is "4097"'],
		['--timeout 0', '--timeout: must be a number of seconds above 0, at most 1000000, is "0"'],
		['--timeout soon', '--timeout: must be a number of seconds above 0, at most 1000000, is "soon"'],
		['--nick a/b', '--nick: must be 1 to 16 letters, digits, _ or -, is "a/b"'],
		['--nick 12345678901234567', '--nick: must be 1 to 16 letters, digits, _ or -, is "12345678901234567"'],
		['--color sometimes', '--color: must be auto, always or never, is "sometimes"'],
		['--color', '--color: WHEN is missing: must be auto, always or never'],
		['--json=yes --batch 1', '--json: takes no value'],
		['--no-json', 'unknown flag --no-json; see paxos-chat --help'],
		['--via x', '--via: must be a whole number from 0 to 100, is "x"'],
		['replica 0 --loss 1.5', '--loss: must be from 0 to 1, or from 0% to 100%, is "1.5"'],
		['replica 0 --loss 101%', '--loss: must be from 0 to 1, or from 0% to 100%, is "101%"'],
		['replica 0 --skip 0', '--skip: must be a whole number from 1 to 9007199254740990, is "0"'],
		['replica 0 --no-faults', '--no-faults: does not go with replica, it goes with cluster'],
		[
			'kill 1 --json',
			'--json: does not go with kill, it goes with the plain command, monitor, demo, verify, simulate, explore, replay',
		],
		['--json', '--json: goes with --batch'],
		['--clients 4', '--clients: goes with --batch'],
		['kill', 'kill: ID is missing; usage: paxos-chat kill ID'],
		['loss', 'loss: P is missing; usage: paxos-chat loss P [ID]'],
		['kill 1 2', 'kill: unexpected argument "2"; usage: paxos-chat kill ID'],
		['monitor now', 'monitor: unexpected argument "now"; usage: paxos-chat monitor'],
		['chat chat', 'chat: unexpected argument "chat"; usage: paxos-chat chat'],
	];
	for (const [line, message] of table) {
		test(`${line}: ${message}`, () => {
			const failure = failureOf(words(line));
			expect(failure.message).toBe(message);
			expect(failure.exitCode).toBe(2);
		});
	}

	test('an empty word is no command', () => {
		expect(failureOf(['']).message).toBe('unknown command ""; see paxos-chat --help');
		expect(failureOf(['--nick', '']).message).toMatch(/^--nick: NAME is missing/);
	});
});

function failureOf(argv: readonly string[]): Failure {
	try {
		parse(argv);
	} catch (error) {
		if (error instanceof Failure) return error;
		throw error;
	}

	throw new Error('was not refused');
}

describe('help', () => {
	const names = Object.keys(commands) as Array<keyof typeof commands>;

	test('of all names every command, and every flag of the plain one', () => {
		const text = mainHelp();
		expect(text.indexOf('Examples')).toBeLessThan(text.indexOf('Usage'));
		for (const name of names.filter(name => name !== 'chat')) expect(text).toContain(`paxos-chat ${name}`);
		for (const flag of [...commonFlags, ...commands.chat.flags]) expect(text).toContain(spellingOf(flag));
	});

	test.each(names)('of %s fits a terminal, begins with what it does and an example that is right', name => {
		const text = helpOf(name);
		const command: Command = commands[name];
		for (const flag of command.flags) expect(text).toContain(spellingOf(flag));
		for (const line of text.split('\n')) expect(line.length).toBeLessThanOrEqual(120);
		expect(command.examples.length).toBeGreaterThan(0);
		for (const [line] of command.examples) {
			const own = words(line.slice(line.indexOf('paxos-chat') + 'paxos-chat'.length));
			expect(parse(own)).toMatchObject({type: 'run', name});
		}
	});

	test('every flag belongs somewhere', () => {
		const used = new Set([
			...commonFlags,
			...names.flatMap(name => commands[name].flags as readonly string[]),
		]);
		expect(Object.keys(flagTable).filter(flag => !used.has(flag))).toEqual([]);
	});

	test('arguments are what the usage shows', () => {
		expect(argumentsOf(commands.loss)).toEqual([
			{name: 'P', isOptional: false, isRepeated: false},
			{name: 'ID', isOptional: true, isRepeated: false},
		]);
		expect(argumentsOf(commands.demo)).toEqual([{name: 'STORY', isOptional: true, isRepeated: true}]);
	});
});
