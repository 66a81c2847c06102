import {safeLine} from '../../../source/safe-text.ts';
import type {Model} from '../model.ts';
import {type Row, span} from '../rows.ts';
import {clock, millis, type World} from '../world.ts';

type Told = {
	readonly at: number;
	readonly who: string;
	readonly kind: string;
	readonly text: string;
	readonly isOwn: boolean;
};

const grave: ReadonlySet<string> = new Set(['doubt', 'hole', 'lag', 'busy']);

/** What happened, oldest first: the notes of all replicas, and what the operator did. */
export function toldOf(model: Model, world: World): readonly Told[] {
	const notes = world.monitor.notes.map(
		({at, replica, kind, view, slot, text}): Told => ({
			at,
			who: `r${replica}`,
			kind,
			text: `v${view}${slot === undefined ? '' : ` slot ${slot}`}: ${safeLine(text)}`,
			isOwn: false,
		}),
	);
	const own = model.ownEvents.map(({at, text}): Told => ({at, who: 'you', kind: 'order', text, isOwn: true}));
	const all = own.length === 0 ? notes : [...notes, ...own].sort((one, other) => one.at - other.at);
	const filter = model.events.filter.toLowerCase();
	if (filter === '') return all;
	return all.filter(({who, kind, text}) => `${who} ${kind} ${text}`.toLowerCase().includes(filter));
}

/** The last of them that exactly, or those before, if the reader went back. */
export function eventRows(model: Model, world: World, width: number, height: number): readonly Row[] {
	const told = toldOf(model, world);
	if (told.length === 0)
		return [
			[
				span(
					model.events.filter === ''
						? '  nothing has happened since this screen was opened'
						: `  nothing matches "${model.events.filter}"`,
					'dim',
				),
			],
		];
	const end = Math.max(Math.min(height, told.length), told.length - model.events.back);
	return told
		.slice(Math.max(0, end - height), end)
		.map(
			({at, who, kind, text, isOwn}): Row => [
				span(` ${width < 70 ? clock(at) : millis(at)} `, 'dim'),
				span(who.padEnd(4), isOwn ? 'accent' : 'bold'),
				span(kind.padEnd(9), grave.has(kind) ? 'warn' : isOwn ? 'accent' : 'plain'),
				span(text),
			],
		);
}
