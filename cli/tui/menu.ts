import {firstShare, refusalOf} from './faults.ts';
import {type Action, bindings, type Context, formatKey} from './keys.ts';
import type {Model, Overlay} from './model.ts';
import {commandOf, type SlashName, slashNames, usageOf} from './slash.ts';
import type {World} from './world.ts';

/** A line of help or palette: an action of the key table, or a slash command. */
export type MenuEntry = {
	readonly keys: readonly string[];
	readonly usage: string;
	/** Where the key means that; empty: everywhere. */
	readonly place: string;
	readonly says: string;
	/** Why it cannot be run now; null if it can. */
	readonly refusal: string | null;
	readonly run:
		| {readonly type: 'action'; readonly action: Action}
		| {readonly type: 'slash'; readonly name: SlashName};
};

/** Contexts whose keys do something by themselves, as against those that answer a question. */
const lasting: readonly Context[] = ['line', 'panes', 'monitor', 'log', 'events', 'batch', 'anywhere'];

/** In the palette, what one would rather not look for comes first; how to write stands last. */
const doing: readonly Context[] = ['panes', 'anywhere', 'monitor', 'log', 'events', 'batch', 'line'];

/** What a menu offers: the keys of this place, of all places, or everything that can be done. */
export function entriesOf(menu: Overlay & {type: 'menu'}, model: Model, world: World): readonly MenuEntry[] {
	const here: readonly Context[] =
		model.focus === 'line' ? ['line', 'anywhere'] : [model.focus, 'panes', 'anywhere'];
	const contexts = menu.isWide ? lasting : menu.kind === 'palette' ? doing : here;
	const keys = bindings
		.filter(({context}) => contexts.includes(context))
		.toSorted((one, other) => contexts.indexOf(one.context) - contexts.indexOf(other.context))
		.map(
			({context, keys, says, action}): MenuEntry => ({
				keys,
				usage: '',
				place: context === 'anywhere' ? '' : `in the ${context === 'batch' ? 'load' : context}`,
				says,
				refusal: refusalOfAction(action, model, world),
				run: {type: 'action', action},
			}),
		);
	const commands =
		menu.kind === 'help' && !menu.isWide && model.focus !== 'line'
			? []
			: slashNames.map(
					(name): MenuEntry => ({
						keys: [],
						usage: usageOf(name),
						place: '',
						says: commandOf(name).says,
						refusal: world.about.isReadOnly && commandOf(name).isWrite ? 'read-only' : null,
						run: {type: 'slash', name},
					}),
				);
	const isFirst = menu.kind === 'palette' || model.focus === 'line';
	const all = isFirst ? [...commands, ...keys] : [...keys, ...commands];
	const words = menu.filter
		.toLowerCase()
		.split(/\s+/)
		.filter(word => word !== '');
	const textOf = ({keys, usage, says}: MenuEntry) =>
		`${keys.map(key => formatKey(key)).join(' ')} ${usage} ${says}`.toLowerCase();
	const exact = all.filter(entry => words.every(word => textOf(entry).includes(word)));
	// Letters that are left out, or typed in a hurry, find something as well, if nothing else does.
	return exact.length > 0 ? exact : all.filter(entry => words.every(word => isWithin(word, textOf(entry))));
}

/** Whether the letters of a word stand in a text in this order. */
function isWithin(word: string, text: string): boolean {
	let at = -1;
	for (const letter of word) {
		at = text.indexOf(letter, at + 1);
		if (at === -1) return false;
	}

	return true;
}

export function refusalOfAction(action: Action, {selected}: Model, world: World): string | null {
	switch (action) {
		case 'fault.kill':
			return refusalOf({kind: 'kill', id: selected}, world);
		case 'fault.restart':
			return refusalOf({kind: 'restart', id: selected}, world);
		case 'fault.isolate':
			return refusalOf({kind: 'isolate', id: selected}, world);
		case 'fault.loss':
			return refusalOf({kind: 'loss', share: firstShare, id: selected}, world);
		case 'fault.skip':
			return refusalOf({kind: 'skip', slot: null}, world);
		case 'fault.heal':
			return refusalOf({kind: 'heal', id: null}, world);
		default:
			return null;
	}
}
