/**
 * Where a key means something. `dialog`, `typed`, `menu`, `search` and
 * `question` stand over everything; of the others several hold at once: a pane,
 * then `panes`, then `anywhere`.
 */
export type Context =
	| 'anywhere'
	| 'line'
	| 'popup'
	| 'panes'
	| 'chat'
	| 'monitor'
	| 'log'
	| 'events'
	| 'batch'
	| 'dialog'
	| 'typed'
	| 'menu'
	| 'search';

/** `hint`: shown in the last line of the screen, the lowest number first. `needsFaults`: breaks something. */
export type Binding = {
	readonly context: Context;
	readonly keys: readonly string[];
	readonly action: string;
	readonly says: string;
	readonly hint?: number;
	readonly short?: string;
	readonly needsFaults?: true;
};

/** The only place where a key is given a meaning: handling, hints, help and palette are made of it. */
export const keyTable = [
	{context: 'anywhere', keys: ['alt+1'], action: 'view.chat', says: 'chat'},
	{context: 'anywhere', keys: ['alt+2'], action: 'view.monitor', says: 'monitor'},
	{context: 'anywhere', keys: ['alt+3'], action: 'view.split', says: 'chat and monitor side by side'},
	{context: 'anywhere', keys: ['alt+4'], action: 'view.log', says: 'log: slots of all replicas'},
	{context: 'anywhere', keys: ['alt+5'], action: 'view.events', says: 'events: what happened, and why'},
	{context: 'anywhere', keys: ['alt+6'], action: 'view.batch', says: 'load: how it goes'},
	{context: 'anywhere', keys: ['shift+tab'], action: 'pane.next', says: 'next pane'},
	{
		context: 'anywhere',
		keys: ['ctrl+g'],
		action: 'palette',
		says: 'palette: all actions',
		short: 'palette',
		hint: 6,
	},
	{context: 'anywhere', keys: ['ctrl+l'], action: 'redraw', says: 'redraw'},
	{context: 'anywhere', keys: ['ctrl+z'], action: 'suspend', says: 'suspend (fg comes back)'},
	{context: 'anywhere', keys: ['alt+m'], action: 'mouse', says: 'the wheel scrolls, or not'},
	{context: 'anywhere', keys: ['wheelup'], action: 'wheel.up', says: 'scroll back'},
	{context: 'anywhere', keys: ['wheeldown'], action: 'wheel.down', says: 'scroll on'},
	{context: 'anywhere', keys: ['alt+l'], action: 'copyView', says: 'plain view, to copy text'},
	{
		context: 'anywhere',
		keys: ['ctrl+c'],
		action: 'interrupt',
		says: 'clear the line; twice: quit',
		short: 'Ctrl+C quit',
		hint: 9,
	},

	{context: 'line', keys: ['enter'], action: 'line.send', says: 'send', hint: 1},
	{
		context: 'line',
		keys: ['alt+enter', 'ctrl+j', 'shift+enter'],
		action: 'line.newline',
		says: 'newline',
		hint: 4,
	},
	{context: 'line', keys: ['escape'], action: 'line.leave', says: 'to the panes', short: 'panes', hint: 2},
	{context: 'line', keys: ['tab'], action: 'line.complete', says: 'complete a command, an argument, a nick'},
	{context: 'line', keys: ['left', 'ctrl+b'], action: 'line.left', says: 'left'},
	{context: 'line', keys: ['right', 'ctrl+f'], action: 'line.right', says: 'right'},
	{context: 'line', keys: ['home', 'ctrl+a'], action: 'line.home', says: 'start of the line'},
	{context: 'line', keys: ['end', 'ctrl+e'], action: 'line.end', says: 'end of the line'},
	{context: 'line', keys: ['alt+b', 'ctrl+left', 'alt+left'], action: 'line.wordLeft', says: 'a word left'},
	{
		context: 'line',
		keys: ['alt+f', 'ctrl+right', 'alt+right'],
		action: 'line.wordRight',
		says: 'a word right',
	},
	{context: 'line', keys: ['backspace', 'ctrl+h'], action: 'line.backspace', says: 'delete to the left'},
	{context: 'line', keys: ['delete'], action: 'line.delete', says: 'delete to the right'},
	{
		context: 'line',
		keys: ['ctrl+d'],
		action: 'line.deleteOrQuit',
		says: 'delete to the right; in an empty line: quit',
	},
	{
		context: 'line',
		keys: ['ctrl+w', 'alt+backspace'],
		action: 'line.killWordLeft',
		says: 'cut the word to the left',
	},
	{context: 'line', keys: ['alt+d'], action: 'line.killWordRight', says: 'cut the word to the right'},
	{context: 'line', keys: ['ctrl+u'], action: 'line.killToStart', says: 'cut to the start'},
	{context: 'line', keys: ['ctrl+k'], action: 'line.killToEnd', says: 'cut to the end'},
	{context: 'line', keys: ['ctrl+y'], action: 'line.yank', says: 'paste what was cut'},
	{context: 'line', keys: ['ctrl+t'], action: 'line.transpose', says: 'swap two characters'},
	{context: 'line', keys: ['ctrl+_'], action: 'line.undo', says: 'undo'},
	{context: 'line', keys: ['up', 'ctrl+p'], action: 'line.up', says: 'earlier input'},
	{context: 'line', keys: ['down', 'ctrl+n'], action: 'line.down', says: 'later input'},
	{context: 'line', keys: ['ctrl+r'], action: 'line.searchHistory', says: 'search in earlier input'},
	{context: 'line', keys: ['ctrl+s'], action: 'find', says: 'search in the chat'},
	{
		context: 'line',
		keys: ['alt+e', 'ctrl+x ctrl+e'],
		action: 'line.editor',
		says: 'write the draft in your own editor',
	},
	{context: 'line', keys: ['pageup'], action: 'chat.pageUp', says: 'scroll back', short: 'scroll', hint: 5},
	{context: 'line', keys: ['pagedown'], action: 'chat.pageDown', says: 'scroll on'},
	{context: 'line', keys: ['ctrl+home'], action: 'chat.first', says: 'first message'},
	{context: 'line', keys: ['ctrl+end'], action: 'chat.last', says: 'last message'},
	{context: 'line', keys: ['alt+u'], action: 'chat.unread', says: 'first unread message'},
	{context: 'line', keys: ['alt+p'], action: 'chat.mentionBefore', says: 'previous mention'},
	{context: 'line', keys: ['alt+n'], action: 'chat.mentionAfter', says: 'next mention'},

	{context: 'popup', keys: ['tab'], action: 'popup.accept', says: 'accept', hint: 1},
	{
		context: 'popup',
		keys: ['up', 'ctrl+p'],
		action: 'popup.up',
		says: 'choose the one before',
		short: 'choose',
		hint: 2,
	},
	{context: 'popup', keys: ['down', 'ctrl+n'], action: 'popup.down', says: 'choose the one after'},
	{context: 'popup', keys: ['enter'], action: 'popup.enter', says: 'run', hint: 3},
	{context: 'popup', keys: ['escape'], action: 'popup.close', says: 'close', hint: 4},

	{
		context: 'panes',
		keys: ['K'],
		action: 'fault.kill',
		says: 'kill the replica…',
		short: 'kill',
		hint: 1,
		needsFaults: true,
	},
	{
		context: 'panes',
		keys: ['S'],
		action: 'fault.skip',
		says: 'make the leader skip a slot…',
		short: 'skip',
		hint: 2,
		needsFaults: true,
	},
	{
		context: 'panes',
		keys: ['R'],
		action: 'fault.restart',
		says: 'restart the replica…',
		short: 'restart',
		hint: 3,
		needsFaults: true,
	},
	{
		context: 'panes',
		keys: ['L'],
		action: 'fault.loss',
		says: 'lose a share of what the replica hears…',
		short: 'loss',
		needsFaults: true,
	},
	{context: 'panes', keys: ['I'], action: 'fault.isolate', says: 'isolate the replica…', needsFaults: true},
	{
		context: 'panes',
		keys: ['H'],
		action: 'fault.heal',
		says: 'heal everywhere: no isolation, loss or skips',
		short: 'heal',
		needsFaults: true,
	},
	{
		context: 'panes',
		keys: ['escape', 'i'],
		action: 'pane.leave',
		says: 'back to the line; a load goes on',
		short: 'back',
		hint: 7,
	},
	{
		context: 'panes',
		keys: ['enter'],
		action: 'pane.enter',
		says: 'details of the replica, the slot or the last event; in the chat back to the line',
		short: 'details',
		hint: 5,
	},
	{context: 'panes', keys: ['up', 'k'], action: 'pane.up', says: 'up'},
	{context: 'panes', keys: ['down', 'j'], action: 'pane.down', says: 'down'},
	{context: 'panes', keys: ['pageup', 'ctrl+b'], action: 'pane.pageUp', says: 'a page up'},
	{context: 'panes', keys: ['pagedown', 'ctrl+f'], action: 'pane.pageDown', says: 'a page down'},
	{context: 'panes', keys: ['g', 'home'], action: 'pane.first', says: 'to the first'},
	{context: 'panes', keys: ['G', 'end'], action: 'pane.last', says: 'to the last'},
	{
		context: 'panes',
		keys: ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'],
		action: 'replica.choose',
		says: 'choose a replica by its number',
	},
	{
		context: 'panes',
		keys: ['p', ' '],
		action: 'pause',
		says: 'pause the picture, or go on',
		short: 'pause',
		hint: 6,
	},
	{context: 'panes', keys: ['+'], action: 'rate.faster', says: 'look at news more often'},
	{context: 'panes', keys: ['-'], action: 'rate.slower', says: 'look at news less often'},
	{context: 'panes', keys: ['e'], action: 'zoom', says: 'this pane alone, or all again'},
	{context: 'panes', keys: ['?'], action: 'help', says: 'keys', hint: 8},
	{context: 'panes', keys: ['/'], action: 'find', says: 'find text in the chat'},
	{context: 'panes', keys: ['n'], action: 'find.older', says: 'the match before'},
	{context: 'panes', keys: ['N'], action: 'find.newer', says: 'the match after'},
	{context: 'panes', keys: ['y'], action: 'copy', says: 'copy the hash, or the message'},

	{context: 'monitor', keys: ['s'], action: 'sort', says: 'sort by the next column', short: 'sort', hint: 6},

	{context: 'log', keys: ['left', 'h'], action: 'log.left', says: 'a slot back', short: '→ slot', hint: 1},
	{context: 'log', keys: ['right', 'l'], action: 'log.right', says: 'a slot on'},
	{context: 'log', keys: ['t'], action: 'log.tail', says: 'follow the tail', short: 'tail', hint: 4},
	{
		context: 'log',
		keys: ['o'],
		action: 'log.odd',
		says: 'only holes and no-ops, or all slots',
		short: 'only holes',
		hint: 2,
	},
	{
		context: 'log',
		keys: ['x'],
		action: 'log.holeAfter',
		says: 'next hole or no-op',
		short: 'next hole',
		hint: 3,
	},
	{context: 'log', keys: ['X'], action: 'log.holeBefore', says: 'previous hole or no-op'},
	{context: 'log', keys: ['#'], action: 'log.goto', says: 'go to a slot', short: 'go to', hint: 6},

	{context: 'events', keys: ['f'], action: 'events.filter', says: 'filter', hint: 1},
	{context: 'events', keys: ['['], action: 'events.older', says: 'back in time', short: 'back', hint: 2},
	{
		context: 'events',
		keys: [']'],
		action: 'events.newer',
		says: 'forward in time',
		short: 'forward',
		hint: 3,
	},

	{
		context: 'batch',
		keys: ['q'],
		action: 'batch.stop',
		says: 'stop the load; when it has ended: close it',
		short: 'stop',
		hint: 1,
	},

	{context: 'dialog', keys: ['y'], action: 'dialog.yes', says: 'do it', hint: 2},
	{context: 'dialog', keys: ['escape', 'n', 'enter', 'ctrl+c'], action: 'dialog.no', says: 'cancel', hint: 1},

	{context: 'dialog', keys: ['right', '+'], action: 'dialog.more', says: 'more, where there is a measure'},
	{context: 'dialog', keys: ['left', '-'], action: 'dialog.less', says: 'less, where there is a measure'},

	{context: 'typed', keys: ['left'], action: 'dialog.less', says: 'less, where there is a measure'},
	{context: 'typed', keys: ['enter'], action: 'typed.enter', says: 'do it, if the name is right', hint: 2},
	{context: 'typed', keys: ['escape', 'ctrl+c'], action: 'dialog.no', says: 'cancel', hint: 1},
	{context: 'typed', keys: ['backspace', 'ctrl+h'], action: 'typed.backspace', says: 'delete'},

	{context: 'menu', keys: ['up', 'ctrl+p'], action: 'menu.up', says: 'up'},
	{context: 'menu', keys: ['down', 'ctrl+n'], action: 'menu.down', says: 'down'},
	{context: 'menu', keys: ['pageup'], action: 'menu.pageUp', says: 'a page up'},
	{context: 'menu', keys: ['pagedown'], action: 'menu.pageDown', says: 'a page down'},
	{context: 'menu', keys: ['enter'], action: 'menu.run', says: 'run', hint: 1},
	{context: 'menu', keys: ['escape', 'ctrl+c', 'ctrl+g'], action: 'menu.close', says: 'close', hint: 2},
	{context: 'menu', keys: ['backspace', 'ctrl+h'], action: 'menu.backspace', says: 'delete'},

	{context: 'search', keys: ['enter'], action: 'search.accept', says: 'take it', hint: 1},
	{
		context: 'search',
		keys: ['up', 'ctrl+r', 'ctrl+s'],
		action: 'search.older',
		says: 'the match before',
		short: 'older',
		hint: 2,
	},
	{
		context: 'search',
		keys: ['down', 'ctrl+n'],
		action: 'search.newer',
		says: 'the match after',
		short: 'newer',
		hint: 3,
	},
	{context: 'search', keys: ['escape', 'ctrl+c', 'ctrl+g'], action: 'search.close', says: 'close', hint: 4},
	{context: 'search', keys: ['backspace', 'ctrl+h'], action: 'search.backspace', says: 'delete'},
] as const satisfies readonly Binding[];

export type Action = (typeof keyTable)[number]['action'];
export const bindings: ReadonlyArray<Binding & {readonly action: Action}> = keyTable;

const byContext = new Map<string, Binding & {readonly action: Action}>();
for (const binding of bindings)
	for (const key of binding.keys) byContext.set(`${binding.context} ${key}`, binding);
const chords = [...byContext.keys()].filter(key => /^\S+ \S+ \S+$/.test(key));

/** By which keys an action is had in a place. */
export const keysOf = (context: Context, action: Action): readonly string[] =>
	bindings.find(each => each.context === context && each.action === action)?.keys ?? [];

/** Of two keys that only together mean something: whether this is the first. */
export const beginsChord = (key: string, contexts: readonly Context[]): boolean =>
	chords.some(chord => contexts.some(context => chord.startsWith(`${context} ${key} `)));

/** What a key means in the first of these contexts that knows it. */
export function actionOf(key: string, contexts: readonly Context[]): Action | undefined {
	for (const context of contexts) {
		const binding = byContext.get(`${context} ${key}`);
		if (binding !== undefined) return binding.action;
	}

	return undefined;
}

const words: Readonly<Record<string, string>> = {
	up: '↑',
	down: '↓',
	left: '←',
	right: '→',
	enter: 'Enter',
	escape: 'Esc',
	tab: 'Tab',
	backspace: 'Backspace',
	delete: 'Del',
	pageup: 'PgUp',
	pagedown: 'PgDn',
	home: 'Home',
	end: 'End',
	wheelup: 'Wheel up',
	wheeldown: 'Wheel down',
	' ': 'Space',
};

/** `ctrl+g` -> `Ctrl+G`, `ctrl+x ctrl+e` -> `Ctrl+X Ctrl+E`; a capital letter alone is one that is typed with Shift. */
export function formatKey(key: string, isAscii = false): string {
	if (/\S \S/.test(key))
		return key
			.split(' ')
			.map(each => formatKey(each, isAscii))
			.join(' ');
	const parts = key === '+' ? ['+'] : key.split('+');
	const last = parts.at(-1)!;
	const word = isAscii && /^(up|down|left|right)$/.test(last) ? capital(last) : words[last];
	const shown = word ?? (parts.length > 1 ? last.toUpperCase() : last);
	return [...parts.slice(0, -1).map(capital), shown].join('+');
}

const capital = (word: string): string => word.charAt(0).toUpperCase() + word.slice(1);
