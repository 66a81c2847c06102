import {bindings, type Context, formatKey} from './keys.ts';
import {settingNames, settingOf} from './settings.ts';
import {commandOf, slashNames, usageOf} from './slash.ts';

const places: ReadonlyArray<readonly [Context, string]> = [
	['anywhere', 'Anywhere'],
	['line', 'In the line'],
	['popup', 'While something can be completed'],
	['panes', 'In the panes'],
	['monitor', 'In the monitor'],
	['log', 'In the log'],
	['events', 'In the events'],
	['batch', 'While a load is shown'],
	['dialog', 'In a question'],
	['typed', 'In a question that wants a name'],
	['menu', 'In help and palette'],
	['search', 'While searching'],
];

/** All keys and slash commands as a page of documentation, from the tables that the screen itself uses. */
export function reference(): string {
	const keys = places.map(([place, title]) => {
		const rows = bindings.filter(({context}) => context === place);
		const lines = rows.map(row => `| ${row.keys.map(key => code(formatKey(key))).join(' ')} | ${row.says} |`);
		return `### ${title}\n\n| keys | do |\n|---|---|\n${lines.join('\n')}\n`;
	});
	const commands = slashNames.map(name => {
		const {says, example, danger} = commandOf(name);
		return `| ${code(usageOf(name))} | ${says}${danger === 'asks' ? ' (asks first)' : ''} | ${code(example)} |`;
	});
	const told = settingNames.map(name => {
		const {says, values, range} = settingOf(name);
		const allowed = range === undefined ? values.map(code).join(' ') : `${range[0]} … ${range[1]}`;
		return `| ${code(name)} | ${says} | ${allowed} |`;
	});
	return [
		'# Keys and slash commands of the full screen\n',
		'## Slash commands\n',
		'`//text` says a text that begins with a slash. A `!` behind the last argument leaves the question out, unless the service would stop.\n',
		`| command | does | example |\n|---|---|---|\n${commands.join('\n')}\n`,
		'## Settings\n',
		'`/set` tells them all, `/set NAME VALUE` changes one until you leave. Nothing is kept in a file.\n',
		`| setting | is | values |\n|---|---|---|\n${told.join('\n')}\n`,
		'## Keys\n',
		...keys,
	].join('\n');
}

const code = (text: string): string => `\`${text.replaceAll('|', '\\|')}\``;
