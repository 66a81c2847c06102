import {type Kind, nick, oneOf, path, probability, readValue, seconds, whole} from './values.ts';

/** A flag that takes a value, one that may be given several times, and one that is there or not. */
type Valued<Value> = {
	readonly type: 'value';
	readonly takes: string;
	readonly says: string;
	readonly kind: Kind<Value>;
};
type Repeated<Value> = {
	readonly type: 'repeated';
	readonly takes: string;
	readonly says: string;
	readonly kind: Kind<Value>;
};
type Switch = {readonly type: 'switch'; readonly says: string};

const valued = <Value>(takes: string, kind: Kind<Value>, says: string): Valued<Value> => ({
	type: 'value',
	takes,
	says,
	kind,
});
const repeated = <Value>(takes: string, kind: Kind<Value>, says: string): Repeated<Value> => ({
	type: 'repeated',
	takes,
	says,
	kind,
});
const onOff = (says: string): Switch => ({type: 'switch', says});

/** Every flag there is: parsing, checks, help and types come from here. */
export const flagTable = {
	config: valued('FILE', path, 'the cluster (cluster.json)'),
	data: valued('DATA', path, 'directory of secret, journals and logs (data)'),
	nick: valued('NAME', nick, 'who you are in the chat ($USER)'),
	via: valued('ID', whole(0, 100), 'the replica to talk to first'),
	timeout: valued('SECONDS', seconds, 'give up when nothing was acknowledged for that long (30; batch 120)'),
	readOnly: onOff('send nothing, break nothing'),
	plain: onOff('lines instead of a screen, even on a terminal'),
	ascii: onOff('draw with ASCII characters only'),
	color: valued('WHEN', oneOf('auto', 'always', 'never'), 'auto, always or never (auto)'),
	noColor: onOff('the same as --color=never'),

	batch: valued(
		'N',
		whole(1, 1_000_000_000),
		'send N messages and report how fast; a terminal shows how it goes',
	),
	clients: valued('C', whole(1, 100_000), 'sessions that share the batch, each sending one at a time (1)'),
	size: valued('BYTES', whole(1, 4096), 'bytes in each message of the batch (100)'),
	history: valued('FILE', path, 'write what became of every request, a JSON object a line'),
	json: onOff('print JSON'),

	once: onOff('look once and leave'),
	skip: repeated(
		'SLOT',
		whole(1, Number.MAX_SAFE_INTEGER - 1),
		'leave this slot out in the first view that it leads; may be repeated',
	),
	loss: valued('P', probability, 'lose this share of what it hears from its peers, from 0 to 1 or with %'),
	faults: onOff('take fault commands'),
	noFaults: onOff('take no fault commands'),
	watch: onOff('show the stories on the monitor'),
	seed: valued('S', whole(0, 4_294_967_295), 'the run of this seed, the same for ever'),
	verbose: onOff('show everything that happens in a single run'),
	trace: valued(
		'PATH',
		path,
		'record every input of a core, for `replay`: a file, or of simulated replicas a directory',
	),
	runs: valued('N', whole(1, 1_000_000_000), 'how many runs'),
	states: valued('N', whole(1, 10_000_000), 'different worlds to look at in each scope (1000000)'),

	help: onOff('show help'),
	version: onOff('show the version'),
} as const;

export type FlagName = keyof typeof flagTable;
type Given<Flag> =
	Flag extends Valued<infer Value>
		? Value | undefined
		: Flag extends Repeated<infer Value>
			? readonly Value[]
			: boolean;
/** What was given: undefined, empty or false where nothing was. Two have their default already. */
export type Flags = {readonly [Name in FlagName]: Given<(typeof flagTable)[Name]>} & {
	readonly config: string;
	readonly data: string;
};

/** Flags that every command takes. */
export const commonFlags: readonly FlagName[] = [
	'config',
	'data',
	'nick',
	'via',
	'timeout',
	'readOnly',
	'plain',
	'ascii',
	'color',
	'noColor',
	'help',
	'version',
];

/** `readOnly` -> `--read-only` */
export const spellingOf = (name: FlagName): string =>
	`--${name.replace(/[A-Z]/g, letter => `-${letter.toLowerCase()}`)}`;

/** Turns the words that stand behind the flags into values; a Failure names the flag whose word is wrong. */
export function flagsOf(words: Readonly<Partial<Record<FlagName, readonly string[]>>>): Flags {
	const entries = Object.entries(flagTable).map(([name, flag]) => {
		const given = words[name as FlagName];
		if (flag.type === 'switch') return [name, given !== undefined] as const;
		const values = (given ?? []).map(word =>
			readValue(spellingOf(name as FlagName), flag.kind as Kind<unknown>, word),
		);
		return [name, flag.type === 'repeated' ? values : values[0]] as const;
	});
	const flags = Object.fromEntries(entries) as Flags;
	return {...flags, config: flags.config ?? 'cluster.json', data: flags.data ?? 'data'};
}
