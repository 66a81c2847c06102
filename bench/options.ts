import {parseArgs} from 'node:util';

export type Option = {
	/** What stands behind it: `N`, `FILE`. */
	readonly value: string;
	readonly about: string;
	/** If it is not said. */
	readonly usual: string;
};

/** What the command line says, by names of options. With --help it says what can be said, and is the end. */
export function optionsOf<Name extends string>(
	command: string,
	tells: string,
	options: Readonly<Record<Name, Option>>,
): Record<Name, string> {
	const names = Object.keys(options) as Name[];
	const said = wordsOf(command, names);
	if (said.help) {
		process.stdout.write(`${tells}\n\n  npm run ${command} -- [OPTION …]\n\n`);
		for (const name of names) {
			const {value, about, usual} = options[name];
			process.stdout.write(`  ${`--${name} ${value}`.padEnd(16)}${about} (${usual})\n`);
		}

		process.exit(0);
	}

	const values = names.map(name => [name, said[name] ?? options[name].usual]);
	return Object.fromEntries(values) as Record<Name, string>;
}

function wordsOf(command: string, names: readonly string[]): Record<string, string | boolean | undefined> {
	const ofText = names.map(name => [name, {type: 'string'}] as const);
	try {
		return parseArgs({options: {...Object.fromEntries(ofText), help: {type: 'boolean'}}}).values;
	} catch (error) {
		// Its first sentence says what is wrong; the others are about words that begin with a dash.
		const [why] = (error as Error).message.split('. ');
		leave(command, `${why}; try --help`);
	}
}

/** The end, by something that the user has to say otherwise. */
export function leave(command: string, why: string): never {
	process.stderr.write(`${command}: ${why}\n`);
	process.exit(2);
}
