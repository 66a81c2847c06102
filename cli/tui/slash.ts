import {suggestion} from '../../source/nearest.ts';

/** What an argument is: it is completed and checked by that. */
export type ArgumentKind =
	| 'replica'
	| 'slot'
	| 'share'
	| 'nick'
	| 'text'
	| 'command'
	| 'theme'
	| 'setting'
	| 'value'
	| 'message'
	| 'number'
	| 'rate'
	| 'switch'
	| 'key';
export type SlashArgument = {readonly name: string; readonly kind: ArgumentKind; readonly isOptional?: true};
export type SlashCommand = {
	readonly says: string;
	readonly arguments: readonly SlashArgument[];
	readonly example: string;
	/** `asks`: a dialog first. */
	readonly danger?: 'asks' | 'mild';
	/** Says or breaks something: taken away by --read-only. */
	readonly isWrite?: true;
};

const replica = {name: 'replica', kind: 'replica'} as const;
const slot = {name: 'slot', kind: 'slot'} as const;

/** Every slash command: parsing, checks, help, completion and palette are made of it. */
export const slashCommands = {
	help: {
		says: 'what there is, or one command',
		arguments: [{name: 'command', kind: 'command', isOptional: true}],
		example: '/help kill',
	},
	keys: {says: 'the keys of all places', arguments: [], example: '/keys'},
	nick: {
		says: 'another name',
		arguments: [{name: 'name', kind: 'nick'}],
		example: '/nick alice',
		isWrite: true,
	},
	me: {
		says: 'say what you do',
		arguments: [{name: 'text', kind: 'text'}],
		example: '/me waves',
		isWrite: true,
	},
	who: {says: 'who is here, and who spoke last', arguments: [], example: '/who'},
	edit: {
		says: 'write in your own editor ($VISUAL, $EDITOR)',
		arguments: [{name: 'text', kind: 'text', isOptional: true}],
		example: '/edit',
	},
	save: {
		says: 'write the messages that are loaded into a new file',
		arguments: [{name: 'file', kind: 'text'}],
		example: '/save chat.txt',
	},
	copy: {says: 'copy the message that was found, or the last one', arguments: [], example: '/copy'},
	connect: {says: 'talk to another replica', arguments: [replica], example: '/connect r1'},
	status: {says: 'how things stand, in a sentence', arguments: [], example: '/status'},
	chat: {says: 'the chat', arguments: [], example: '/chat'},
	load: {says: 'how the load goes that /batch began', arguments: [], example: '/load'},
	mon: {says: 'the monitor', arguments: [], example: '/mon'},
	split: {says: 'chat and monitor side by side', arguments: [], example: '/split'},
	log: {says: 'slots of all replicas', arguments: [{...slot, isOptional: true}], example: '/log 12'},
	events: {
		says: 'what happened, and why',
		arguments: [{name: 'filter', kind: 'text', isOptional: true}],
		example: '/events view',
	},
	search: {
		says: 'find text in the chat',
		arguments: [{name: 'text', kind: 'text'}],
		example: '/search leader',
	},
	goto: {says: 'the message in a slot', arguments: [slot], example: '/goto 12'},
	kill: {
		says: 'stop a replica (SIGKILL)',
		arguments: [replica],
		example: '/kill r1',
		danger: 'asks',
		isWrite: true,
	},
	restart: {
		says: 'start a replica again',
		arguments: [replica],
		example: '/restart r1',
		danger: 'asks',
		isWrite: true,
	},
	skip: {
		says: 'make the leader leave a slot out',
		arguments: [{...slot, isOptional: true}],
		example: '/skip',
		danger: 'asks',
		isWrite: true,
	},
	loss: {
		says: 'lose a share of what replicas hear',
		arguments: [
			{name: 'share', kind: 'share'},
			{...replica, isOptional: true},
		],
		example: '/loss 10%',
		danger: 'asks',
		isWrite: true,
	},
	isolate: {
		says: 'cut a replica off from its peers',
		arguments: [replica],
		example: '/isolate r1',
		danger: 'asks',
		isWrite: true,
	},
	heal: {
		says: 'end isolation, loss and skips',
		arguments: [{...replica, isOptional: true}],
		example: '/heal',
		danger: 'mild',
		isWrite: true,
	},
	resend: {
		says: 'say a failed message again, or all of them',
		arguments: [{name: 'id', kind: 'message', isOptional: true}],
		example: '/resend',
		isWrite: true,
	},
	cancel: {
		says: 'take back what was not sent yet, or failed; without an id all that failed',
		arguments: [{name: 'id', kind: 'message', isOptional: true}],
		example: '/cancel',
	},
	batch: {
		says: 'load: so many messages from so many clients',
		arguments: [
			{name: 'messages', kind: 'number'},
			{name: 'clients', kind: 'number', isOptional: true},
		],
		example: '/batch 5000 8',
		isWrite: true,
	},
	pause: {says: 'hold the picture, or go on', arguments: [], example: '/pause'},
	rate: {
		says: 'look at news so often a second, 1 to 10',
		arguments: [{name: 'hz', kind: 'rate'}],
		example: '/rate 10',
	},
	mouse: {
		says: 'the wheel scrolls (and text is selected with Shift)',
		arguments: [{name: 'on|off', kind: 'switch'}],
		example: '/mouse on',
	},
	bell: {
		says: 'ring when somebody speaks to you',
		arguments: [{name: 'on|off', kind: 'switch'}],
		example: '/bell off',
	},
	set: {
		says: 'settings of this screen, until you leave',
		arguments: [
			{name: 'setting', kind: 'setting', isOptional: true},
			{name: 'value', kind: 'value', isOptional: true},
		],
		example: '/set time minutes',
	},
	theme: {says: 'colours', arguments: [{name: 'theme', kind: 'theme'}], example: '/theme light'},
	clear: {says: 'take unread line and notices off the screen', arguments: [], example: '/clear'},
	quit: {says: 'leave', arguments: [], example: '/quit'},
} as const satisfies Readonly<Record<string, SlashCommand>>;

export type SlashName = keyof typeof slashCommands;
export const slashNames = Object.keys(slashCommands) as readonly SlashName[];
export const commandOf = (name: SlashName): SlashCommand => slashCommands[name];

/** `/kill <replica>`, `/skip [slot]` */
export const usageOf = (name: SlashName): string =>
	[
		`/${name}`,
		...commandOf(name).arguments.map(({name, isOptional}) => (isOptional ? `[${name}]` : `<${name}>`)),
	].join(' ');

export type Values = {
	/** Values of arguments by name, checked: ids and slots as numbers, shares from 0 to 1. */
	readonly numbers: Readonly<Record<string, number>>;
	readonly words: Readonly<Record<string, string>>;
	/** `/kill r1!`: without asking, unless it is grave. */
	readonly isBold: boolean;
};
export type Parsed =
	| {readonly type: 'text'; readonly text: string}
	| {readonly type: 'command'; readonly name: SlashName; readonly values: Values}
	| {readonly type: 'wrong'; readonly why: string};

/** A line that was entered. `//` begins a message with a slash; anything else with a slash is a command, or wrong. */
export function parseSlash(line: string, replicas: number): Parsed {
	if (!line.startsWith('/')) return {type: 'text', text: line};
	if (line.startsWith('//')) return {type: 'text', text: line.slice(1)};
	const trimmed = line.trim();
	const [head = ''] = trimmed.split(/\s/, 1);
	const name = head.slice(1).toLowerCase();
	if (!isName(name))
		return {
			type: 'wrong',
			why: `${head} is no command${suggestion(name, slashNames).replace('mean ', 'mean /')}; /help lists them, // begins a message`,
		};
	const rest = trimmed.slice(head.length).trim();
	const isBold = rest.endsWith('!') && commandOf(name).danger === 'asks';
	return readArguments(name, isBold ? rest.slice(0, -1).trim() : rest, replicas, isBold);
}

function readArguments(name: SlashName, rest: string, replicas: number, isBold: boolean): Parsed {
	const numbers: Record<string, number> = {};
	const words: Record<string, string> = {};
	const wrong = (why: string): Parsed => ({type: 'wrong', why: `${usageOf(name)}: ${why}`});
	let left = rest;
	for (const argument of commandOf(name).arguments) {
		const word = argument.kind === 'text' ? left : (/^\S+/.exec(left)?.[0] ?? '');
		left = left.slice(word.length).trim();
		if (word === '') {
			if (argument.isOptional) continue;
			return wrong(`${argument.name} is missing, as in ${commandOf(name).example}`);
		}

		const number = numberOf(argument.kind, word, replicas);
		if (number === undefined) words[argument.name] = word;
		else if (Number.isNaN(number)) return wrong(`${word} is not ${mustBe(argument.kind, replicas)}`);
		else numbers[argument.name] = number;
	}

	if (left !== '') return wrong(`nothing stands behind that: ${left}`);
	return {type: 'command', name, values: {numbers, words, isBold}};
}

const isName = (name: string): name is SlashName => Object.hasOwn(slashCommands, name);

/** NaN if it is not what it must be; undefined for what is no number. */
function numberOf(kind: ArgumentKind, word: string, replicas: number): number | undefined {
	switch (kind) {
		case 'replica': {
			const id = /^r?(\d{1,3})$/i.exec(word)?.[1];
			return id !== undefined && Number(id) < replicas ? Number(id) : Number.NaN;
		}
		case 'slot':
		case 'message':
		case 'number':
			return /^#?[1-9]\d{0,14}$/.test(word) ? Number(word.replace('#', '')) : Number.NaN;
		case 'rate':
			return /^(?:[1-9]|10)$/.test(word) ? Number(word) : Number.NaN;
		case 'switch':
			return word === 'on' ? 1 : word === 'off' ? 0 : Number.NaN;
		case 'share': {
			const value = /^(?:\d+(?:\.\d*)?|\.\d+)%?$/.test(word)
				? Number.parseFloat(word) / (word.endsWith('%') ? 100 : 1)
				: Number.NaN;
			return value <= 1 ? value : Number.NaN;
		}
		case 'nick':
		case 'text':
		case 'command':
		case 'theme':
		case 'setting':
		case 'value':
		case 'key':
			return undefined;
	}
}

function mustBe(kind: ArgumentKind, replicas: number): string {
	if (kind === 'replica') return `a replica: r0 to r${replicas - 1}`;
	if (kind === 'switch') return 'on or off';
	if (kind === 'rate') return 'a whole number from 1 to 10';
	return kind === 'share' ? 'a share from 0 to 1, or from 0% to 100%' : 'a whole number from 1';
}
