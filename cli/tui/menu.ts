import {refusalOf} from './faults.ts';
import {type Action, bindings, type Context} from './keys.ts';
import type {Model, Overlay} from './model.ts';
import {commandOf, type SlashName, slashNames, usageOf} from './slash.ts';
import type {World} from './world.ts';

/** A line of help or palette: an action of the key table, or a slash command. */
export type MenuEntry = {
	readonly keys: readonly string[];
	readonly usage: string;
	readonly says: string;
	/** Why it cannot be run now; null if it can. */
	readonly refusal: string | null;
	readonly run:
		| {readonly type: 'action'; readonly action: Action}
		| {readonly type: 'slash'; readonly name: SlashName};
};

/** Contexts whose keys do something by themselves, as against those that answer a question. */
const lasting: readonly Context[] = ['line', 'panes', 'monitor', 'log', 'events', 'anywhere'];

/** What a menu offers: the keys of this place, of all places, or everything that can be done. */
export function entriesOf(menu: Overlay & {type: 'menu'}, model: Model, world: World): readonly MenuEntry[] {
	const here: readonly Context[] =
		model.focus === 'line' ? ['line', 'anywhere'] : [model.focus, 'panes', 'anywhere'];
	const contexts = menu.kind === 'palette' || menu.isWide ? lasting : here;
	const keys = bindings
		.filter(({context}) => contexts.includes(context))
		.toSorted((one, other) => contexts.indexOf(one.context) - contexts.indexOf(other.context))
		.map(
			({keys, says, action}): MenuEntry => ({
				keys,
				usage: '',
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
						says: commandOf(name).says,
						refusal: world.about.isReadOnly && commandOf(name).isWrite ? 'read-only' : null,
						run: {type: 'slash', name},
					}),
				);
	const isFirst = menu.kind === 'help' && model.focus === 'line';
	const all = isFirst ? [...commands, ...keys] : [...keys, ...commands];
	const words = menu.filter
		.toLowerCase()
		.split(/\s+/)
		.filter(word => word !== '');
	return all.filter(({keys, usage, says}) => {
		const text = `${keys.join(' ')} ${usage} ${says}`.toLowerCase();
		return words.every(word => text.includes(word));
	});
}

export function refusalOfAction(action: Action, {selected}: Model, world: World): string | null {
	switch (action) {
		case 'fault.kill':
			return refusalOf({kind: 'kill', id: selected}, world);
		case 'fault.restart':
			return refusalOf({kind: 'restart', id: selected}, world);
		case 'fault.isolate':
			return refusalOf({kind: 'isolate', id: selected}, world);
		case 'fault.skip':
			return refusalOf({kind: 'skip', slot: null}, world);
		case 'fault.heal':
			return refusalOf({kind: 'heal', id: null}, world);
		default:
			return null;
	}
}
