import {firstShare} from '../faults.ts';
import type {Action} from '../keys.ts';
import type {View} from '../layout.ts';
import {type Edit, edits, withText} from '../line-editor.ts';
import {entriesOf} from '../menu.ts';
import type {Model, Overlay, Step} from '../model.ts';
import {graphemesOf} from '../rows.ts';
import {commandOf} from '../slash.ts';
import type {World} from '../world.ts';
import {ask, askToQuit, batchLeft, batchStopped, confirm, interrupted, measured} from './asking.ts';
import {popupEntered, run, sent} from './commands.ts';
import {found, jumped, mention, scrolled, searched, searchMoved, toEnd} from './reading.ts';
import {refused, step, toasted} from './steps.ts';
import {
	chosen,
	copied,
	eventEntered,
	held,
	left,
	menu,
	moused,
	moved,
	nextPane,
	oddOnly,
	oddSlot,
	paced,
	showing,
	slotEntered,
	slotMoved,
	sorted,
	toLine,
	zoomed,
} from './views.ts';
import {completed, edited, pointed, recalled, searchAccepted} from './writing.ts';

/** Of the chat, for one notch of the wheel. */
const wheelRows = 3;

/** One entry for each action of the key table. */
export function act(model: Model, action: Action, world: World): Step {
	const [area, name] = action.split('.') as [string, string];
	if (area === 'line' && name in edits) return edited(model, name as Edit);
	if (area === 'view') return viewed(model, name as View, world);
	switch (action) {
		case 'pane.next':
			return step(nextPane(model, world));
		case 'palette':
			return step({...model, overlay: menu('palette')});
		case 'help':
			return step({...model, overlay: menu('help')});
		case 'redraw':
		case 'suspend':
			return step(model, {type: action});
		case 'copyView':
			return step({...model, isPlain: !model.isPlain});
		case 'mouse':
			return moused(model, !model.hasMouse, world);
		case 'wheel.up':
			return moved(model, world, -1, false, wheelRows);
		case 'wheel.down':
			return moved(model, world, 1, false, wheelRows);
		case 'sort':
			return step(sorted(model, world));
		case 'rate.faster':
			return step(paced(model, 1, world));
		case 'rate.slower':
			return step(paced(model, -1, world));
		case 'line.editor':
			return step(model, {type: 'edit', text: model.line.text});
		case 'interrupt':
			return interrupted(model, world);
		case 'line.send':
			return sent(model, world);
		case 'line.leave':
			return left(model, world);
		case 'line.complete':
			return completed(model, world);
		case 'line.deleteOrQuit':
			return model.line.text === '' ? askToQuit(model, world) : edited(model, 'delete');
		case 'line.up':
			return step(recalled(model, -1));
		case 'line.down':
			return step(recalled(model, 1));
		case 'line.searchHistory':
			return step({...model, focus: 'line', overlay: searching('history', model)});
		case 'find':
			return step({...model, overlay: searching('chat', model), find: '', found: null});
		case 'chat.pageUp':
			return scrolled(model, world, -1, true);
		case 'chat.pageDown':
			return scrolled(model, world, 1, true);
		case 'chat.first':
			return scrolled(model, world, Number.NEGATIVE_INFINITY, false);
		case 'chat.last':
			return toEnd(model);
		case 'chat.unread':
			return model.unread === null
				? refused(model, 'nothing is unread', world)
				: jumped(model, model.unread, world);
		case 'chat.mentionBefore':
			return mention(model, world, -1);
		case 'chat.mentionAfter':
			return mention(model, world, 1);
		case 'popup.accept':
			return completed(model, world);
		case 'popup.up':
			return step(pointed(model, world, -1));
		case 'popup.down':
			return step(pointed(model, world, 1));
		case 'popup.close':
			return step({...model, popup: null});
		case 'popup.enter':
			return popupEntered(model, world);
		case 'pane.leave':
			return paneLeft(model, world);
		case 'pane.enter':
			return paneEntered(model, world);
		case 'pane.up':
			return moved(model, world, -1, false);
		case 'pane.down':
			return moved(model, world, 1, false);
		case 'pane.pageUp':
			return moved(model, world, -1, true);
		case 'pane.pageDown':
			return moved(model, world, 1, true);
		case 'pane.first':
			return moved(model, world, Number.NEGATIVE_INFINITY, false);
		case 'pane.last':
			return moved(model, world, Number.POSITIVE_INFINITY, false);
		case 'replica.choose':
			return step(chosen(model, (model.selected + 1) % world.about.replicas, world));
		case 'fault.kill':
			return ask(model, {kind: 'kill', id: model.selected}, world);
		case 'fault.restart':
			return ask(model, {kind: 'restart', id: model.selected}, world);
		case 'fault.isolate':
			return ask(model, {kind: 'isolate', id: model.selected}, world);
		case 'fault.loss':
			return ask(model, {kind: 'loss', share: firstShare, id: model.selected}, world);
		case 'batch.stop':
			return batchStopped(model, world);
		case 'fault.skip':
			return ask(model, {kind: 'skip', slot: null}, world);
		case 'fault.heal':
			return ask(model, {kind: 'heal', id: null}, world);
		case 'pause':
			return step(held(model, world));
		case 'zoom':
			return step(zoomed(model));
		case 'find.older':
			return found(model, world, -1);
		case 'find.newer':
			return found(model, world, 1);
		case 'copy':
			return copied(model, world);
		case 'log.left':
			return step(slotMoved(model, world, -1));
		case 'log.right':
			return step(slotMoved(model, world, 1));
		case 'log.tail':
			return step({...model, log: {...model.log, slot: null}});
		case 'log.odd':
			return oddOnly(model, world);
		case 'log.holeAfter':
			return oddSlot(model, world, 1);
		case 'log.holeBefore':
			return oddSlot(model, world, -1);
		case 'log.goto':
			return step({...model, focus: 'line', line: withText(model.line, '/log '), popup: null});
		case 'events.older':
			return moved(model, world, -1, false);
		case 'events.newer':
			return moved(model, world, 1, false);
		case 'events.filter':
			return step({...model, focus: 'line', line: withText(model.line, '/events '), popup: null});
		case 'dialog.yes':
			return confirmed(model, world);
		case 'dialog.more':
			return measured(model, 1, world);
		case 'dialog.less':
			return measured(model, -1, world);
		case 'dialog.no':
			return step({...toasted(model, 'cancelled', world), overlay: null});
		case 'typed.enter': {
			const {overlay} = model;
			if (overlay?.type !== 'typed') return step(model);
			return overlay.typed.trim() === overlay.name
				? confirmed(model, world)
				: refused(model, `type ${overlay.name}, or Esc`, world);
		}
		case 'typed.backspace':
		case 'menu.backspace':
		case 'search.backspace':
			return shortened(model, world);
		case 'menu.up':
			return step(menuMoved(model, world, -1));
		case 'menu.down':
			return step(menuMoved(model, world, 1));
		case 'menu.pageUp':
			return step(menuMoved(model, world, 1 - world.rows / 2));
		case 'menu.pageDown':
			return step(menuMoved(model, world, world.rows / 2));
		case 'menu.close':
			return step({...model, overlay: null});
		case 'menu.run':
			return menuRun(model, world);
		case 'search.accept':
			return searchAccepted(model);
		case 'search.older':
			return searchMoved(model, world, 1);
		case 'search.newer':
			return searchMoved(model, world, -1);
		case 'search.close':
			return searchClosed(model);
		default:
			return step(model);
	}
}

/** From a load to what was there before it; from everywhere else to the line. */
function paneLeft(model: Model, world: World): Step {
	if (model.view !== 'batch') return step(toLine(model));
	return world.about.hasChat ? step(batchLeft(model)) : refused(model, 'Ctrl+C stops the load', world);
}

/** What there is to know of what is chosen. */
function paneEntered(model: Model, world: World): Step {
	switch (model.focus) {
		case 'monitor':
		case 'batch':
			return step({...model, showsDetail: !model.showsDetail});
		case 'log':
			return slotEntered(model, world);
		case 'events':
			return eventEntered(model, world);
		case 'chat':
		case 'line':
			return step(toLine(model));
	}
}

/** Where there is no chat, and no load, there is nothing of it to see. */
function viewed(model: Model, view: View, world: World): Step {
	if (view === 'batch' && model.batch === null)
		return refused(model, 'no load runs: /batch 5000 begins one', world);
	if ((view === 'chat' || view === 'split') && !world.about.hasChat)
		return refused(model, '--batch follows no chat', world);
	return step(showing(model, view));
}

const searching = (place: 'history' | 'chat', {anchor}: Model): Overlay => ({
	type: 'search',
	in: place,
	typed: '',
	at: 0,
	from: anchor,
});

function searchClosed(model: Model): Step {
	const from = model.overlay?.type === 'search' ? model.overlay.from : model.anchor;
	return step({...model, overlay: null, find: '', found: null, anchor: from});
}

function confirmed(model: Model, world: World): Step {
	const {overlay} = model;
	if (overlay?.type !== 'dialog' && overlay?.type !== 'typed') return step(model);
	return confirm({...model, overlay: null}, overlay.leadsTo, world);
}

function shortened(model: Model, world: World): Step {
	const {overlay} = model;
	const cut = (text: string) => graphemesOf(text).slice(0, -1).join('');
	if (overlay?.type === 'typed') return step({...model, overlay: {...overlay, typed: cut(overlay.typed)}});
	if (overlay?.type === 'menu')
		return step({...model, overlay: {...overlay, filter: cut(overlay.filter), at: 0}});
	if (overlay?.type === 'search')
		return searched(model, {...overlay, typed: cut(overlay.typed), at: 0}, world);
	return step(model);
}

function menuMoved(model: Model, world: World, by: number): Model {
	const {overlay} = model;
	if (overlay?.type !== 'menu') return model;
	const count = entriesOf(overlay, model, world).length;
	return {...model, overlay: {...overlay, at: Math.max(0, Math.min(count - 1, overlay.at + Math.trunc(by)))}};
}

function menuRun(model: Model, world: World): Step {
	const {overlay} = model;
	if (overlay?.type !== 'menu') return step(model);
	const entry = entriesOf(overlay, model, world)[overlay.at];
	if (entry === undefined) return step(model);
	if (entry.refusal !== null) return refused(model, entry.refusal, world);
	const closed: Model = {...model, overlay: null};
	if (entry.run.type === 'action') return act(closed, entry.run.action, world);
	const {name} = entry.run;
	const needs = commandOf(name).arguments.some(({isOptional}) => !isOptional);
	if (!needs) return run(closed, name, {numbers: {}, words: {}, isBold: false}, world);
	return step({...closed, focus: 'line', line: withText(closed.line, `/${name} `), popup: {at: 0}});
}
