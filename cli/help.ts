import {type Command, type CommandName, commands} from './commands.ts';
import {commonFlags, type FlagName, flagTable, spellingOf} from './flags.ts';

/** The text of `paxos-chat --help`. */
export function mainHelp(): string {
	const names = Object.keys(commands) as CommandName[];
	const rows = names
		.filter(name => name !== 'chat')
		.map(name => [usageOf(name), commands[name].says] as const);
	return page([
		['paxos-chat: a replicated chat on view-based Multi-Paxos, with a cluster monitor'],
		['Examples', ...table(shown.flatMap(name => examplesOf(name).slice(0, name === 'chat' ? undefined : 1)))],
		['Usage', ...table([['paxos-chat [FLAGS]', commands.chat.says], ...rows])],
		['Flags of the plain command', ...flagRows(commands.chat.flags)],
		['Flags of every command', ...flagRows(commonFlags)],
		['Exit codes', ...table(exitCodes)],
		['paxos-chat COMMAND --help tells more about a command.'],
	]);
}

/** The text of `paxos-chat COMMAND --help`. */
export function helpOf(name: CommandName): string {
	if (name === 'chat') return mainHelp();
	const command: Command = commands[name];
	return page([
		[`${usageOf(name)}: ${command.says}`],
		['Examples', ...table(command.examples)],
		command.flags.length === 0 ? [] : ['Flags', ...flagRows(command.flags)],
		['Flags of every command', ...flagRows(commonFlags)],
		[...(command.notes ?? [])],
	]);
}

/** Commands whose first example stands in the main help. */
const shown: readonly CommandName[] = ['chat', 'monitor', 'kill', 'restart', 'demo'];
const exitCodes = [
	['0', 'ok'],
	['1', 'failure'],
	['2', 'wrong use, or a bad cluster.json'],
	['3', 'no replica was ever reached'],
	['4', 'reached, but no quorum in time'],
	['5', 'divergence seen'],
	['130, 143', 'ended by SIGINT, SIGTERM'],
] as const;

const usageOf = (name: CommandName): string =>
	['paxos-chat', name, commands[name].arguments].filter(word => word !== '').join(' ');

const examplesOf = (name: CommandName): Command['examples'] => commands[name].examples;

const flagRows = (names: readonly FlagName[]): readonly string[] =>
	table(
		names.map(name => {
			const flag = flagTable[name];
			const spelling = name === 'help' ? '-h, --help' : spellingOf(name);
			return ['takes' in flag ? `${spelling} ${flag.takes}` : spelling, flag.says];
		}),
	);

/** Two columns, indented; a long left side has the right one on the next line. */
function table(rows: ReadonlyArray<readonly [left: string, right: string]>): readonly string[] {
	const width = Math.max(...rows.map(([left]) => left.length).filter(length => length <= widestLeft));
	return rows.flatMap(([left, right]) =>
		left.length > width
			? [`  ${left}`, `  ${''.padEnd(width)}  ${right}`]
			: [`  ${left.padEnd(width)}  ${right}`],
	);
}
const widestLeft = 40;

const page = (sections: ReadonlyArray<readonly string[]>): string =>
	sections
		.filter(lines => lines.length > 0)
		.map(lines => `${lines.join('\n')}\n`)
		.join('\n');
