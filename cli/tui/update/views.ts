import {geometry} from '../draw.ts';
import type {View} from '../layout.ts';
import type {Model, Overlay, Pane, Step} from '../model.ts';
import {lastSlot, oddSlots} from '../panes/log-grid.ts';
import {ordered, sortingNames} from '../panes/replicas.ts';
import {rates} from '../settings.ts';
import {toldOf} from '../told.ts';
import type {World} from '../world.ts';
import {jumped, scrolled, toEnd} from './reading.ts';
import {refused, step, toasted} from './steps.ts';

/** Help and palette are one thing: actions to choose from. */
export const menu = (kind: 'help' | 'palette'): Overlay => ({
	type: 'menu',
	kind,
	isWide: false,
	filter: '',
	at: 0,
});

/** Another view; where one can type, one types at once. */
export function showing(model: Model, view: View): Model {
	const isTalk = view === 'chat' || view === 'split';
	const behind = view === 'batch' && model.view !== 'batch' ? model.view : model.behind;
	return {...model, view, behind, zoomedFrom: null, showsDetail: false, focus: isTalk ? 'line' : view};
}

export const toLine = (model: Model): Model => ({...model, focus: 'line', popup: null});

/** Round and round among what is on the screen. */
export function nextPane(model: Model, world: World): Model {
	const {view} = geometry(model, world).layout;
	const panes: ReadonlyArray<Model['focus']> =
		view === 'split' ? ['line', 'chat', 'monitor', 'log', 'events'] : ['line', view];
	return {...model, focus: panes[(panes.indexOf(model.focus) + 1) % panes.length]!, popup: null};
}

/** The pane alone, or what was there before. */
export function zoomed(model: Model): Model {
	if (model.zoomedFrom !== null) return {...model, view: model.zoomedFrom, zoomedFrom: null};
	return model.focus === 'line' ? model : {...model, view: model.focus, zoomedFrom: model.view};
}

/** Esc in the line: first to the end of the chat, then to the panes. */
export function left(model: Model, world: World): Step {
	if (model.anchor !== null) return toEnd(model);
	const {view} = geometry(model, world).layout;
	const focus: Pane = view === 'split' ? 'monitor' : view;
	return step({...model, focus, unread: null, popup: null});
}

/** Up and down mean in each pane what one would expect there. */
export function moved(model: Model, world: World, by: number, isPage: boolean, chatRows = 1): Step {
	switch (model.focus) {
		case 'line':
		case 'chat':
			return scrolled(model, world, by * chatRows, isPage);
		case 'batch':
		case 'monitor': {
			const ids = ordered(model, world.monitor).map(({id}) => id);
			const at = Math.max(0, Math.min(ids.length - 1, ids.indexOf(model.selected) + by));
			return step({...model, selected: ids[at]!});
		}
		case 'log':
			if (Number.isFinite(by) && !isPage) return step(chosen(model, Math.max(0, model.selected + by), world));
			return step(slotMoved(model, world, isPage ? by * 20 : by));
		case 'events': {
			const most = Math.max(0, toldOf(model, world).length - 3);
			const back = model.events.back - by * (isPage ? Math.max(1, Math.floor(world.rows / 2)) : 1);
			return step({...model, events: {...model.events, back: Math.max(0, Math.min(most, back))}});
		}
	}
}

/** By the next column, and after the last by the first again. */
export function sorted(model: Model, world: World): Model {
	const sorting = sortingNames[(sortingNames.indexOf(model.sorting) + 1) % sortingNames.length]!;
	return toasted({...model, sorting}, `sorted by ${sorting}`, world);
}

export function paced(model: Model, by: 1 | -1, world: World): Model {
	const hz =
		(by > 0 ? rates.find(rate => rate > model.hz) : rates.findLast(rate => rate < model.hz)) ?? model.hz;
	return toasted({...model, hz}, `news are looked at ${hz} times a second`, world);
}

export const moused = (model: Model, isOn: boolean, world: World): Step =>
	step(
		toasted(
			{...model, hasMouse: isOn},
			isOn ? 'the wheel scrolls; text is selected with Shift' : "the mouse is the terminal's again",
			world,
		),
		{type: 'mouse', isOn},
	);

/** The replica that K, R and I are about. */
export const chosen = (model: Model, id: number, world: World): Model =>
	id < world.about.replicas ? {...model, selected: id} : model;

/** At the last slot the tail is followed again. */
export function slotMoved(model: Model, world: World, by: number): Model {
	const last = lastSlot(world);
	if (model.log.isOddOnly && Math.abs(by) === 1) {
		const odd = oddSlots(world);
		const at = model.log.slot ?? last + 1;
		const next = by > 0 ? odd.find(slot => slot > at) : odd.findLast(slot => slot < at);
		return next === undefined ? model : {...model, log: {...model.log, slot: next}};
	}

	const slot = Math.max(1, Math.min(last, (model.log.slot ?? last) + by));
	return {...model, log: {...model.log, slot: slot >= last && by > 0 ? null : slot}};
}

/** To the next hole or no-op. */
export function oddSlot(model: Model, world: World, by: -1 | 1): Step {
	const odd = oddSlots(world);
	const at = model.log.slot ?? lastSlot(world) + 1;
	const next = by > 0 ? odd.find(slot => slot > at) : odd.findLast(slot => slot < at);
	return next === undefined
		? refused(model, `no ${by > 0 ? 'later' : 'earlier'} hole or no-op`, world)
		: step({...model, log: {...model.log, slot: next}});
}

/** Only the slots that are not as the others, or all again. */
export function oddOnly(model: Model, world: World): Step {
	const isOddOnly = !model.log.isOddOnly;
	if (!isOddOnly) return step({...model, log: {...model.log, isOddOnly}});
	const odd = oddSlots(world);
	const cursor = model.log.slot ?? lastSlot(world);
	const nearest = odd.findLast(slot => slot <= cursor) ?? odd[0];
	return nearest === undefined
		? refused(model, 'no slot that the replicas tell of is a hole or a no-op', world)
		: step({...model, log: {slot: nearest, isOddOnly}});
}

/** From the grid to the slot alone, and from there to what was said in it. */
export function slotEntered(model: Model, world: World): Step {
	if (geometry(model, world).layout.view !== 'log') return step(showing(model, 'log'));
	const slot = model.log.slot ?? lastSlot(world);
	const line = world.client.lines.find(each => each.slot === slot);
	return line === undefined
		? refused(model, `no message that is loaded stands in slot ${slot}`, world)
		: jumped(model, line.position, world);
}

/** From an event to the slot that it is about. */
export function eventEntered(model: Model, world: World): Step {
	const told = toldOf(model, world);
	const {slot = null, text = ''} = told[told.length - 1 - model.events.back] ?? {};
	return slot === null
		? refused(model, `the last event shown is about no slot${text === '' ? '' : `: ${text}`}`, world)
		: step({...showing(model, 'log'), log: {slot, isOddOnly: false}});
}

/** Only what the reader asked for leaves for the clipboard. */
export function copied(model: Model, world: World, from: Model['focus'] = model.focus): Step {
	const status = world.monitor.replicas[model.selected]?.status;
	const line = world.client.lines.find(({position}) => position === model.found) ?? world.client.lines.at(-1);
	const isMessage = model.focus === 'chat';
	const text = isMessage ? line?.text : status?.hash;
	if (text === undefined) return refused(model, 'nothing to copy', world);
	return step(
		toasted(
			{...model, focus: from},
			isMessage ? 'copied the message' : `copied the hash of r${model.selected}`,
			world,
		),
		{type: 'copy', text},
	);
}

/** The picture of the cluster stands still, or goes on. */
export const held = (model: Model, {monitor, now}: World): Model => ({
	...model,
	paused: model.paused === null ? {monitor, at: now} : null,
});
