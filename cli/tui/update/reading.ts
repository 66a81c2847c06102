import {geometry} from '../draw.ts';
import {historyMatches} from '../history.ts';
import type {Model, Overlay, Step} from '../model.ts';
import {MessageList, mentions} from '../panes/messages.ts';
import type {World} from '../world.ts';
import {refused, step} from './steps.ts';

/** By rows or pages, by no more than there is; older messages are fetched before the reader comes to them. */
export function scrolled(model: Model, world: World, by: number, isPage: boolean): Step {
	const space = geometry(model, world).chat;
	if (space === null) return step(model);
	const list = new MessageList(model, world, space.width);
	const rows = by * (isPage ? Math.max(1, space.height - 1) : 1);
	const first = world.client.lines[0];
	if (by === Number.POSITIVE_INFINITY) return toEnd(model);
	const anchor =
		by === Number.NEGATIVE_INFINITY
			? list.scroll({position: first?.position ?? 0, cut: 0}, 0, space.height)
			: list.scroll(model.anchor, rows, space.height);
	if (anchor === null) return toEnd(model);
	const needsMore =
		by < 0 && first !== undefined && first.position > 1 && list.isAtTop(anchor, space.height * 2);
	return step(
		{...model, anchor},
		...(needsMore ? [{type: 'loadBefore', position: first.position} as const] : []),
	);
}

/** The end is followed again, and all is read. */
export const toEnd = (model: Model): Step =>
	step({...model, anchor: null, found: null, unread: null}, {type: 'atEnd'});

/** To a message, wherever the reader is. */
export function jumped(model: Model, position: number, world: World): Step {
	const focus = model.focus === 'line' ? 'line' : 'chat';
	const shown: Model = geometry(model, world).chat === null ? {...model, view: 'chat', focus} : model;
	const space = geometry(shown, world).chat!;
	const anchor = new MessageList(shown, world, space.width).show(position, space.height);
	return step({...shown, anchor, found: position});
}

/** To the next message, up or down, that speaks to the reader. */
export function mention(model: Model, world: World, by: -1 | 1): Step {
	const {lines} = world.client;
	const isMention = (index: number) =>
		lines[index]!.client !== world.about.client && mentions(lines[index]!.text, model.nick);
	const start =
		model.found === null || lines[0] === undefined ? lines.length : model.found - lines[0].position;
	for (let index = start + by; index >= 0 && index < lines.length; index += by)
		if (isMention(index)) return jumped(model, lines[index]!.position, world);
	return refused(model, by < 0 ? 'no earlier mention' : 'no later mention', world);
}

/** To the next match, up or down. */
export function found(model: Model, world: World, by: -1 | 1, from = model.found): Step {
	if (model.find === '') return refused(model, 'nothing to find: / or Ctrl+S first', world);
	const {lines} = world.client;
	const start =
		from === null || lines[0] === undefined ? (by < 0 ? lines.length : -1) : from - lines[0].position;
	for (let index = start + by; index >= 0 && index < lines.length; index += by)
		if (lines[index]!.text.toLowerCase().includes(model.find))
			return jumped(model, lines[index]!.position, world);
	return refused(model, `no ${by < 0 ? 'earlier' : 'later'} message has "${model.find}"`, world);
}

type Search = Overlay & {type: 'search'};

/** The chat is searched while the words are typed. */
export function searched(model: Model, overlay: Search, world: World): Step {
	if (overlay.in === 'history') return step({...model, overlay});
	const find = overlay.typed.toLowerCase();
	const looking: Model = {...model, overlay, find, found: null};
	return find === '' ? step(looking) : found(looking, world, -1, null);
}

export function searchMoved(model: Model, world: World, by: -1 | 1): Step {
	const {overlay} = model;
	if (overlay?.type !== 'search') return step(model);
	if (overlay.in === 'chat') return found(model, world, by > 0 ? -1 : 1);
	const count = historyMatches(model, overlay.typed).length;
	return step({...model, overlay: {...overlay, at: Math.max(0, Math.min(count - 1, overlay.at + by))}});
}
