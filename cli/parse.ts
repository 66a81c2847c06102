import meow from 'meow';
import {Failure} from '../source/failure.ts';
import {suggestion} from '../source/nearest.ts';
import {argumentsOf, type Command, type CommandName, commands} from './commands.ts';
import {commonFlags, type FlagName, type Flags, flagsOf, flagTable, spellingOf} from './flags.ts';

/** What the user wants. Help of one command, or of all (null). */
export type Wish =
	| {readonly type: 'help'; readonly of: CommandName | null}
	| {readonly type: 'version'; readonly version: string}
	| {
			readonly type: 'run';
			readonly name: CommandName;
			readonly words: readonly string[];
			readonly flags: Flags;
	  };

/**
 * Understands a command line, without the names of node and the program. meow
 * takes it apart. That every flag is known, has its value once and belongs to
 * the command is checked around it, as meow would complain in several lines,
 * or not at all. Throws a Failure of one line.
 */
export function parse(argv: readonly string[]): Wish {
	const given = givenFlags(argv);
	const {input, flags, pkg} = takeApart(argv);
	const isHelp = input[0] === 'help' || given.has('help');
	const [word, ...words] = input[0] === 'help' ? input.slice(1) : input;
	if (word !== undefined && !isCommand(word)) {
		const meant = suggestion(word, Object.keys(commands));
		throw new Failure(`unknown command ${JSON.stringify(word)}${meant || '; see paxos-chat --help'}`, 2);
	}

	if (isHelp) return {type: 'help', of: word ?? null};
	if (given.has('version')) return {type: 'version', version: String(pkg.version)};
	const name = word ?? 'chat';
	const command: Command = commands[name];
	checkFlags(name, command, given);
	checkCount(name, command, words);
	return {type: 'run', name, words, flags: flagsOf({...switchesOf(given), ...flags})};
}

const isCommand = (word: string): word is CommandName => Object.hasOwn(commands, word);
const commandsWith = (flag: FlagName): readonly string[] =>
	Object.entries<Command>(commands).flatMap(([name, {flags}]) => (flags.includes(flag) ? [name] : []));

const flagNames = Object.keys(flagTable) as readonly FlagName[];
const flagsBySpelling = new Map(flagNames.map(name => [spellingOf(name), name] as const));
flagsBySpelling.set('-h', 'help');

/** A word that begins with - names a flag, unless it is a number or - alone; after -- no word does. */
const isFlag = (word: string): boolean => /^-./.test(word) && !/^-\.?\d/.test(word);

/** How often each flag is given. */
function givenFlags(argv: readonly string[]): ReadonlyMap<FlagName, number> {
	const end = argv.includes('--') ? argv.indexOf('--') : argv.length;
	const given = new Map<FlagName, number>();
	for (const [index, word] of argv.slice(0, end).entries()) {
		if (!isFlag(word)) continue;
		const [spelling = ''] = word.split('=', 1);
		const name = flagsBySpelling.get(spelling);
		if (name === undefined) {
			const meant = suggestion(spelling, flagsBySpelling.keys());
			throw new Failure(
				`unknown flag ${JSON.stringify(spelling).slice(1, -1)}${meant || '; see paxos-chat --help'}`,
				2,
			);
		}

		const flag = flagTable[name];
		const next = word === spelling ? argv.slice(0, end)[index + 1] : word.slice(spelling.length + 1);
		if (flag.type === 'switch') {
			if (word !== spelling) throw new Failure(`${spelling}: takes no value`, 2);
		} else if (next === undefined || next === '' || (word === spelling && isFlag(next))) {
			throw new Failure(`${spelling}: ${flag.takes} is missing: must be ${flag.kind.must}`, 2);
		} else if (flag.type === 'value' && given.has(name)) {
			throw new Failure(`${spelling}: is given twice`, 2);
		}

		given.set(name, (given.get(name) ?? 0) + 1);
	}

	return given;
}

/** Switches are out of the way by then, so that `--no-faults` stays a flag of its own. */
function takeApart(argv: readonly string[]) {
	const end = argv.includes('--') ? argv.indexOf('--') : argv.length;
	const isSwitch = (word: string) => {
		const name = flagsBySpelling.get(word);
		return name !== undefined && flagTable[name].type === 'switch';
	};

	const valued = flagNames.filter(name => flagTable[name].type !== 'switch');
	return meow({
		importMeta: import.meta,
		argv: argv.filter((word, index) => index >= end || !isSwitch(word)),
		flags: Object.fromEntries(valued.map(name => [name, {type: 'string', isMultiple: true} as const])),
		description: false,
		help: false,
		autoHelp: false,
		autoVersion: false,
	});
}

const switchesOf = (given: ReadonlyMap<FlagName, number>) =>
	Object.fromEntries(
		[...given.keys()].filter(name => flagTable[name].type === 'switch').map(name => [name, []]),
	);

function checkFlags(name: CommandName, command: Command, given: ReadonlyMap<FlagName, number>): void {
	for (const flag of given.keys()) {
		if (!commonFlags.includes(flag) && !command.flags.includes(flag)) {
			const owners = commandsWith(flag).map(owner => (owner === 'chat' ? 'the plain command' : owner));
			throw new Failure(
				`${spellingOf(flag)}: does not go with ${name}, it goes with ${owners.join(', ')}`,
				2,
			);
		}

		const other = command.needs?.[flag];
		if (other !== undefined && !given.has(other))
			throw new Failure(`${spellingOf(flag)}: goes with ${spellingOf(other)}`, 2);
	}
}

function checkCount(name: CommandName, command: Command, words: readonly string[]): void {
	const wanted = argumentsOf(command);
	const missing = wanted.find(({isOptional}, index) => !isOptional && index >= words.length);
	const usage = `usage: paxos-chat ${name} ${command.arguments}`.trimEnd();
	if (missing) throw new Failure(`${name}: ${missing.name} is missing; ${usage}`, 2);
	const surplus = wanted.at(-1)?.isRepeated ? undefined : words[wanted.length];
	if (surplus !== undefined)
		throw new Failure(`${name}: unexpected argument ${JSON.stringify(surplus)}; ${usage}`, 2);
}
