import {accept} from './complete.ts';
import {completionsFor, contextsOf, geometry} from './draw.ts';
import {consequenceOf, type Fault, tell} from './faults.ts';
import {historyMatches} from './history.ts';
import {type Action, actionOf} from './keys.ts';
import type {View} from './layout.ts';
import {type Edit, edits, emptyLine, insert, moveRow, withText} from './line-editor.ts';
import {entriesOf} from './menu.ts';
import type {Effect, Event, Model, Notice, Overlay, Pane, Step} from './model.ts';
import {toldOf} from './panes/events.ts';
import {lastSlot, oddSlots} from './panes/log-grid.ts';
import {MessageList, mentions} from './panes/messages.ts';
import {graphemesOf} from './rows.ts';
import {commandOf, parseSlash, type SlashName, slashNames, usageOf, type Values} from './slash.ts';
import type {Key} from './split-chunk.ts';
import {type ThemeName, themeNames} from './theme.ts';
import {isForAll, othersOf, type World} from './world.ts';

const toastMs = 4000;
const armedMs = 2000;
const lagMs = 5000;
const mostNotices = 300;
const mostHistory = 1000;
/** Above this a paste is asked about. */
const calmLines = 5;
const calmCharacters = 1000;

/** What comes of an event: a new model, and what the world is asked to do. Pure. */
export function update(model: Model, event: Event, world: World): Step {
	switch (event.type) {
		case 'key':
			return onKey(model, event.key, world);
		case 'paste':
			return onPaste(model, event.text, world);
		case 'news':
			return onNews(model, world);
		case 'fault':
			return onFault(model, event.fault, world);
		case 'insert':
			return step({
				...model,
				focus: 'line',
				line: insert({...model.line, last: 'other'}, event.text),
				recall: null,
			});
		case 'quit':
			return {model, effects: [{type: 'quit'}]};
		case 'outcome': {
			const isBad = !event.isOk;
			return step(
				noticed(toasted(model, event.text, world, isBad), {at: world.now, text: event.text, isBad}),
			);
		}
		case 'told':
			return step(noticed(model, {at: world.now, text: event.text, isBad: false}));
		case 'batch':
			return step(model.batch === null ? model : {...model, batch: {...model.batch, ...event.batch}});
	}
}

const step = (model: Model, ...effects: readonly Effect[]): Step => ({model, effects});
const toasted = (model: Model, text: string, world: World, isBad = false): Model => ({
	...model,
	toast: {text, isBad, until: world.now + toastMs},
});
const refused = (model: Model, text: string, world: World): Step => step(toasted(model, text, world, true));
const noticed = (model: Model, notice: Omit<Notice, 'after'>): Model => ({
	...model,
	notices: [...model.notices, {...notice, after: model.last}].slice(-mostNotices),
});

// What comes from outside.

function onNews(model: Model, world: World): Step {
	const effects: Effect[] = [];
	let next = model;
	const last = world.client.lines.at(-1)?.position ?? 0;
	if (last > model.last) {
		const isSeen = model.anchor === null && geometry(model, world).chat !== null;
		const fresh = world.client.lines.slice(-(last - model.last));
		const first = fresh.find(line => line.client !== world.about.client);
		// The first lines of all are history, and no news.
		const unread =
			isSeen || model.last === 0 || model.unread !== null ? model.unread : (first?.position ?? null);
		if (
			model.last > 0 &&
			fresh.some(line => line.client !== world.about.client && mentions(line.text, model.nick))
		)
			effects.push({type: 'bell'});
		next = {...next, last, unread};
	}

	next = withNotes(next, world);
	if (world.monitor.agreement.state === 'diverged' && !model.sawDivergence) {
		next = noticed(
			{...next, sawDivergence: true},
			{at: world.now, text: world.monitor.agreement.sentence, isBad: true},
		);
		effects.push({type: 'bell'});
	}

	return {model: withLag(withConnection(next, world), world), effects};
}

/** What all should know of the cluster's own story stands among the messages. */
function withNotes(model: Model, {monitor, now}: World): Model {
	const {notes} = monitor;
	const newest = notes.at(-1);
	if (newest === undefined || newest === model.noted) return model;
	const from = model.noted === null ? 0 : notes.lastIndexOf(model.noted) + 1;
	let next: Model = {...model, noted: newest};
	for (const note of notes.slice(from)) {
		if (!isForAll(note)) continue;
		const slot = note.slot === undefined ? '' : `slot ${note.slot}: `;
		next = noticed(next, {
			at: Math.min(note.at, now),
			text: `r${note.replica}, view ${note.view}: ${slot}${note.text}`,
			isBad: false,
		});
	}

	return next;
}

function withLag(model: Model, {client, now}: World): Model {
	const {roundTripMs} = client.connection;
	if (roundTripMs === null) return model.lag === null ? model : {...model, lag: null};
	if (model.lag !== null && now - model.lag.at < lagMs) return model;
	const ms = Math.max(1, Math.round(roundTripMs));
	return ms === model.lag?.ms ? model : {...model, lag: {ms, at: now}};
}

/** Trouble that was told, and its end, remain readable in the chat. */
function withConnection(model: Model, {client, now}: World): Model {
	const {state, sentence} = client.connection;
	const told = state === 'connecting' ? model.connection : sentence;
	if (told === model.connection) return model;
	// Until it is online for the first time, the status line tells what it is waiting for.
	if (model.connection === '' && state !== 'online') return model;
	const next = {...model, connection: told};
	if (model.connection === '') return next;
	return noticed(next, {at: now, text: sentence, isBad: state === 'no quorum' || state === 'offline'});
}

function onFault(model: Model, fault: Fault, world: World): Step {
	const text = `${model.nick}: ${tell(fault)}`;
	const told = noticed(model, {at: world.now, text, isBad: false});
	const ownEvents = [...told.ownEvents, {at: world.now, text: tell(fault)}].slice(-mostNotices);
	return step(toasted({...told, ownEvents}, `${tell(fault)} …`, world), {type: 'fault', fault});
}

function onPaste(model: Model, text: string, world: World): Step {
	if (model.overlay !== null) return onText(model, text.split('\n')[0] ?? '', world);
	const lines = text.replace(/\n$/, '').split(/\r\n?|\n/).length;
	if (lines <= calmLines && text.length <= calmCharacters)
		return update(model, {type: 'insert', text}, world);
	return step({
		...model,
		overlay: {
			type: 'dialog',
			title: `Paste ${lines} lines?`,
			lines: [
				`${lines} lines, ${text.length} characters go into the line as one message.`,
				'It is sent when you press Enter, not before.',
			],
			yes: 'paste',
			leadsTo: {type: 'insert', text: text.replace(/\r?\n$/, '')},
		},
	});
}

// Keys.

function onKey(model: Model, key: Key, world: World): Step {
	const calm: Model =
		model.toast !== null && model.toast.until > world.now && model.armedUntil <= world.now
			? {...model, toast: null}
			: model;
	if ('text' in key) return onText(calm, key.text, world);
	if (calm.isPlain && (key.name === 'escape' || key.name === 'alt+l')) return step({...calm, isPlain: false});
	if (calm.overlay === null && key.name === 'escape') {
		if (calm.batch !== null) return step({...calm, batch: null}, {type: 'stopBatch'});
		if (calm.showsDetail) return step({...calm, showsDetail: false});
	}

	const action = actionOf(key.name, contextsOf(calm, world));
	return action === undefined ? step(calm) : act(calm, action, world);
}

function onText(model: Model, text: string, world: World): Step {
	const {overlay} = model;
	if (overlay?.type === 'menu') {
		// `?` in the help of one place opens the help of all.
		if (text === '?' && overlay.filter === '')
			return step({...model, overlay: {...overlay, isWide: true, at: 0}});
		return step({...model, overlay: {...overlay, filter: overlay.filter + text, at: 0}});
	}

	if (overlay?.type === 'typed')
		return step({...model, overlay: {...overlay, typed: (overlay.typed + text).slice(0, 40)}});
	if (overlay?.type === 'search')
		return searched(model, {...overlay, typed: overlay.typed + text, at: 0}, world);
	if (overlay === null && model.focus === 'line') {
		const line = insert(model.line, text);
		const isNew =
			model.popup === null &&
			!/^\/$|@$|^\/[a-z]/i.test(line.text.slice(0, line.cursor)) &&
			!/@\S*$/.test(line.text.slice(0, line.cursor));
		return step({...model, line, recall: null, popup: isNew ? null : {at: 0}});
	}

	const [character = '', ...rest] = graphemesOf(text);
	const action = actionOf(character, contextsOf(model, world));
	const first =
		action === undefined
			? step(model)
			: action === 'replica.choose'
				? step(chosen(model, Number(character), world))
				: act(model, action, world);
	if (rest.length === 0) return first;
	// A key may have led to where the rest is text.
	const next = onText(first.model, rest.join(''), world);
	return {model: next.model, effects: [...first.effects, ...next.effects]};
}

const chosen = (model: Model, id: number, world: World): Model =>
	id < world.about.replicas ? {...model, selected: id} : model;

/** One entry for each action of the key table. */
export function act(model: Model, action: Action, world: World): Step {
	const [area, name] = action.split('.') as [string, string];
	if (area === 'line' && name in edits) return edited(model, name as Edit);
	if (area === 'view') return step(showing(model, name as View));
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
			return step({...model, focus: 'line', overlay: {type: 'search', in: 'history', typed: '', at: 0}});
		case 'find':
			return step({...model, overlay: {type: 'search', in: 'chat', typed: '', at: 0}, find: '', found: null});
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
			return step(toLine(model));
		case 'pane.enter':
			return model.focus === 'monitor'
				? step({...model, showsDetail: !model.showsDetail})
				: step(toLine(model));
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
		case 'fault.skip':
			return ask(model, {kind: 'skip', slot: null}, world);
		case 'fault.heal':
			return ask(model, {kind: 'heal', id: null}, world);
		case 'pause':
			return step({...model, paused: model.paused === null ? {monitor: world.monitor, at: world.now} : null});
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
			return step({...model, log: {slot: null}});
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
			return step({...model, overlay: null, find: '', found: null});
		default:
			return step(model);
	}
}

// Views and panes.

const menu = (kind: 'help' | 'palette'): Overlay => ({type: 'menu', kind, isWide: false, filter: '', at: 0});

function showing(model: Model, view: View): Model {
	const isTalk = view === 'chat' || view === 'split';
	const seen = isTalk && model.anchor === null ? {unread: model.unread} : {};
	return {...model, ...seen, view, zoomedFrom: null, showsDetail: false, focus: isTalk ? 'line' : view};
}

const toLine = (model: Model): Model =>
	model.view === 'chat' || model.view === 'split'
		? {...model, focus: 'line'}
		: {...model, focus: 'line', popup: null};

function nextPane(model: Model, world: World): Model {
	const {view} = geometry(model, world).layout;
	const panes: ReadonlyArray<Model['focus']> =
		view === 'split' ? ['line', 'chat', 'monitor', 'log', 'events'] : ['line', view];
	return {...model, focus: panes[(panes.indexOf(model.focus) + 1) % panes.length]!, popup: null};
}

function zoomed(model: Model): Model {
	if (model.zoomedFrom !== null) return {...model, view: model.zoomedFrom, zoomedFrom: null};
	return model.focus === 'line' ? model : {...model, view: model.focus, zoomedFrom: model.view};
}

/** Esc in the line: first to the end of the chat, then to the panes. */
function left(model: Model, world: World): Step {
	if (model.anchor !== null) return toEnd(model);
	const {view} = geometry(model, world).layout;
	const focus: Pane = view === 'split' ? 'monitor' : view;
	return step({...model, focus, unread: null, popup: null});
}

function moved(model: Model, world: World, by: number, isPage: boolean): Step {
	switch (model.focus) {
		case 'line':
		case 'chat':
			return scrolled(model, world, by, isPage);
		case 'monitor': {
			const selected = Math.max(0, Math.min(world.about.replicas - 1, model.selected + by));
			return step({...model, selected});
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

function scrolled(model: Model, world: World, by: number, isPage: boolean): Step {
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

const toEnd = (model: Model): Step =>
	step({...model, anchor: null, found: null, unread: null}, {type: 'atEnd'});

function jumped(model: Model, position: number, world: World): Step {
	const shown = geometry(model, world).chat === null ? {...model, view: 'chat' as const} : model;
	const space = geometry(shown, world).chat!;
	const anchor = new MessageList(shown, world, space.width).show(position, space.height);
	return step({...shown, anchor, found: position});
}

function mention(model: Model, world: World, by: -1 | 1): Step {
	const {lines} = world.client;
	const isMention = (index: number) =>
		lines[index]!.client !== world.about.client && mentions(lines[index]!.text, model.nick);
	const start =
		model.found === null || lines[0] === undefined ? lines.length : model.found - lines[0].position;
	for (let index = start + by; index >= 0 && index < lines.length; index += by)
		if (isMention(index)) return jumped(model, lines[index]!.position, world);
	return refused(model, by < 0 ? 'no earlier mention' : 'no later mention', world);
}

function found(model: Model, world: World, by: -1 | 1, from = model.found): Step {
	if (model.find === '') return refused(model, 'nothing to find: / or Ctrl+S first', world);
	const {lines} = world.client;
	const start =
		from === null || lines[0] === undefined ? (by < 0 ? lines.length : -1) : from - lines[0].position;
	for (let index = start + by; index >= 0 && index < lines.length; index += by)
		if (lines[index]!.text.toLowerCase().includes(model.find))
			return jumped(model, lines[index]!.position, world);
	return refused(model, `no ${by < 0 ? 'earlier' : 'later'} message has "${model.find}"`, world);
}

function copied(model: Model, world: World): Step {
	const status = world.monitor.replicas[model.selected]?.status;
	const line = world.client.lines.find(({position}) => position === model.found) ?? world.client.lines.at(-1);
	const text = model.focus === 'chat' ? line?.text : status?.hash;
	if (text === undefined) return refused(model, 'nothing to copy', world);
	return step(
		toasted(
			model,
			model.focus === 'chat' ? 'copied the message' : `copied the hash of r${model.selected}`,
			world,
		),
		{type: 'copy', text},
	);
}

function slotMoved(model: Model, world: World, by: number): Model {
	const last = lastSlot(world);
	const slot = Math.max(1, Math.min(last, (model.log.slot ?? last) + by));
	return {...model, log: {slot: slot >= last && by > 0 ? null : slot}};
}

function oddSlot(model: Model, world: World, by: -1 | 1): Step {
	const odd = oddSlots(world);
	const at = model.log.slot ?? lastSlot(world) + 1;
	const next = by > 0 ? odd.find(slot => slot > at) : odd.findLast(slot => slot < at);
	return next === undefined
		? refused(model, `no ${by > 0 ? 'later' : 'earlier'} hole or no-op`, world)
		: step({...model, log: {slot: next}});
}

// The line.

function edited(model: Model, edit: Edit): Step {
	const line = edits[edit](model.line);
	const isTyping = line.text !== model.line.text;
	return step({
		...model,
		line,
		recall: isTyping ? null : model.recall,
		popup: isTyping && model.popup !== null ? {at: 0} : null,
	});
}

function interrupted(model: Model, world: World): Step {
	if (model.batch !== null) return step({...model, batch: null}, {type: 'stopBatch'});
	if (model.line.text !== '') {
		const {text} = model.line;
		const cleared = remembered(
			{...model, line: {...emptyLine, killed: model.line.killed}, popup: null},
			text,
		);
		return step(toasted(cleared, 'cleared; ↑ brings it back', world), {type: 'remember', text});
	}

	if (model.armedUntil > world.now)
		return isAlone(model, world) ? step(model, {type: 'quit'}) : askToQuit(model, world);
	const open = openCount(world);
	const waiting = open === 0 ? '' : ` (${open} of your messages not decided yet)`;
	return step({
		...toasted(model, `Ctrl+C again quits${waiting}`, world),
		focus: 'line',
		armedUntil: world.now + armedMs,
	});
}

const openCount = ({client}: World): number =>
	client.pending.filter(({settledAt}) => settledAt === undefined).length;
const isAlone = (_model: Model, world: World): boolean => !world.about.ownsReplicas || othersOf(world) === 0;

function askToQuit(model: Model, world: World): Step {
	const open = openCount(world);
	const others = world.about.ownsReplicas ? othersOf(world) : 0;
	if (open === 0 && others === 0) return step(model, {type: 'quit'});
	return step({
		...model,
		overlay: {
			type: 'dialog',
			title: 'Quit?',
			lines: [
				...(others === 0
					? []
					: [
							`${others} other ${others === 1 ? 'client is' : 'clients are'} connected: the replicas were started here, and end with this screen.`,
						]),
				...(open === 0 ? [] : [`${open} of your messages ${open === 1 ? 'is' : 'are'} not decided yet.`]),
			],
			yes: 'quit',
			leadsTo: {type: 'quit'},
		},
	});
}

function remembered(model: Model, text: string): Model {
	const history = [...model.history.filter(each => each !== text), text].slice(-mostHistory);
	return {...model, history, recall: null};
}

function recalled(model: Model, by: -1 | 1): Model {
	const inside = moveRow(model.line, by);
	if (inside !== null && model.recall === null) return {...model, line: inside};
	const draft = model.recall?.draft ?? model.line;
	const from = model.recall?.at ?? model.history.length;
	// What was typed before the key is what the entries begin with.
	for (let at = from + by; at >= 0 && at < model.history.length; at += by) {
		const text = model.history[at]!;
		if (text.startsWith(draft.text) && text !== draft.text)
			return {
				...model,
				recall: {at, draft},
				popup: null,
				line: {...draft, text, cursor: text.length, last: 'other'},
			};
	}

	return by > 0 && model.recall !== null ? {...model, recall: null, line: draft} : model;
}

function completed(model: Model, world: World): Step {
	const completions = completionsFor(model, world);
	if (completions === null) return step({...model, popup: null});
	if (model.popup === null && completions.choices.length > 1) return step({...model, popup: {at: 0}});
	const at = Math.min(model.popup?.at ?? 0, completions.choices.length - 1);
	const line = accept(model.line, completions.from, completions.choices[at]!);
	return step({
		...model,
		line,
		recall: null,
		popup: line.text.startsWith('/') && line.text.endsWith(' ') ? {at: 0} : null,
	});
}

function pointed(model: Model, world: World, by: -1 | 1): Model {
	const count = completionsFor(model, world)?.choices.length ?? 1;
	return {...model, popup: {at: ((model.popup?.at ?? 0) + by + count) % count}};
}

/** Enter runs what stands there, if that is a whole command; else it completes it. */
function popupEntered(model: Model, world: World): Step {
	const parsed = parseSlash(model.line.text, world.about.replicas);
	const isMoved = (model.popup?.at ?? 0) > 0;
	if (parsed.type === 'command' && !isMoved) return sent({...model, popup: null}, world);
	if (parsed.type === 'text') return sent({...model, popup: null}, world);
	const done = completed(model, world);
	const again = parseSlash(done.model.line.text, world.about.replicas);
	const [first] = again.type === 'command' ? commandOf(again.name).arguments : [];
	return again.type === 'command' && first === undefined ? sent({...done.model, popup: null}, world) : done;
}

function sent(model: Model, world: World): Step {
	const {text} = model.line;
	if (text.trim() === '') return model.anchor === null ? step({...model, unread: null}) : toEnd(model);
	const parsed = parseSlash(text, world.about.replicas);
	if (parsed.type === 'wrong') return refused(model, parsed.why, world);
	if (parsed.type === 'text' && world.about.isReadOnly)
		return refused(model, 'read-only: leave --read-only out to say something', world);
	const cleared = remembered(
		{
			...model,
			line: {...emptyLine, killed: model.line.killed},
			popup: null,
			anchor: null,
			unread: null,
			found: null,
		},
		text,
	);
	const kept: Effect = {type: 'remember', text};
	if (parsed.type === 'text')
		return step(cleared, {type: 'say', text: parsed.text, nick: model.nick}, kept, {type: 'atEnd'});
	const result = run(cleared, parsed.name, parsed.values, world);
	return {model: result.model, effects: [kept, ...result.effects]};
}

/** One entry for each slash command. */
function run(model: Model, name: SlashName, {numbers, words, isBold}: Values, world: World): Step {
	if (commandOf(name).isWrite && world.about.isReadOnly) return refused(model, `/${name}: read-only`, world);
	const id = numbers.replica ?? null;
	const slot = numbers.slot ?? null;
	const at = world.now;
	const say = (text: string) => step(noticed(model, {at, text, isBad: false}));
	switch (name) {
		case 'help': {
			const asked = slashNames.find(each => each === words.command?.replace('/', ''));
			if (asked === undefined) return step({...model, overlay: menu('help')});
			const {says, example} = commandOf(asked);
			return say(`${usageOf(asked)}: ${says}, as in ${example}`);
		}
		case 'keys':
			return step({...model, overlay: {type: 'menu', kind: 'help', isWide: true, filter: '', at: 0}});
		case 'nick': {
			const nick = words.name ?? '';
			if (!/^[\p{L}\p{N}_-]{1,16}$/u.test(nick) || nick === '--')
				return refused(
					{...model, line: withText(model.line, `/nick ${nick}`)},
					'a nick is 1 to 16 letters, digits, _ or -',
					world,
				);
			return step(toasted({...model, nick}, `you are ${nick} now`, world));
		}
		case 'me':
			return step(model, {type: 'say', text: `* ${model.nick} ${words.text ?? ''}`, nick: model.nick});
		case 'status':
			return say(`${world.client.connection.sentence}; ${world.monitor.agreement.sentence}`);
		case 'chat':
		case 'split':
			return step(showing(model, name));
		case 'mon':
			return step(showing(model, 'monitor'));
		case 'log':
			return step({...showing(model, 'log'), log: {slot}});
		case 'events':
			return step({...showing(model, 'events'), events: {filter: words.filter ?? '', back: 0}});
		case 'search':
			return found({...model, find: (words.text ?? '').toLowerCase(), found: null}, world, -1, null);
		case 'goto': {
			const line = world.client.lines.find(each => each.slot === slot);
			return line === undefined
				? refused(model, `no message that is loaded stands in slot ${slot}`, world)
				: jumped(model, line.position, world);
		}
		case 'kill':
		case 'restart':
		case 'isolate':
			return ask({...model, selected: id!}, {kind: name, id: id!}, world, isBold);
		case 'skip':
			return ask(model, {kind: 'skip', slot}, world, isBold);
		case 'loss':
			return ask(model, {kind: 'loss', share: numbers.share!, id}, world, isBold);
		case 'heal':
			return ask(model, {kind: 'heal', id}, world, true);
		case 'resend': {
			const failed = world.client.pending.filter(({state}) => state === 'failed');
			if (failed.length === 0) return refused(model, 'no message failed', world);
			return step(
				model,
				...failed.flatMap(({key, text, nick}): Effect[] => [
					{type: 'forget', key},
					{type: 'say', text, nick},
				]),
			);
		}
		case 'cancel': {
			const failed = world.client.pending.filter(({state}) => state === 'failed');
			if (failed.length === 0)
				return refused(model, 'no message failed; what is under way cannot be taken back', world);
			return step(model, ...failed.map(({key}): Effect => ({type: 'forget', key})));
		}
		case 'batch': {
			const messages = Math.min(1_000_000, numbers.messages!);
			const clients = Math.min(1000, numbers.clients ?? 8);
			const batch = {
				messages,
				clients,
				startedAt: world.now,
				progress: null,
				rates: [],
				latency: null,
				summary: null,
			};
			return step({...model, batch}, {type: 'batch', messages, clients, nick: model.nick});
		}
		case 'pause':
			return act(model, 'pause', world);
		case 'theme': {
			const theme = themeNames.find(each => each === words.theme);
			return theme === undefined
				? refused(model, `themes are ${themeNames.join(', ')}`, world)
				: step({...model, theme: theme satisfies ThemeName});
		}
		case 'clear':
			return step({...model, unread: null, anchor: null, notices: []});
		case 'quit':
			return askToQuit(model, world);
	}
}

// Questions.

function ask(model: Model, fault: Fault, world: World, isBold = false): Step {
	const consequence = consequenceOf(fault, world);
	if ('refusal' in consequence) return refused(model, consequence.refusal, world);
	const {title, lines, yes, name} = consequence;
	const leadsTo: Event = {type: 'fault', fault};
	if (name !== null)
		return step({...model, overlay: {type: 'typed', title, lines, name, typed: '', leadsTo}});
	if (isBold) return onFault(model, fault, world);
	return step({...model, overlay: {type: 'dialog', title, lines, yes, leadsTo}});
}

function confirmed(model: Model, world: World): Step {
	const {overlay} = model;
	if (overlay?.type !== 'dialog' && overlay?.type !== 'typed') return step(model);
	return update({...model, overlay: null}, overlay.leadsTo, world);
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

type Search = Overlay & {type: 'search'};

function searched(model: Model, overlay: Search, world: World): Step {
	if (overlay.in === 'history') return step({...model, overlay});
	const find = overlay.typed.toLowerCase();
	const looking: Model = {...model, overlay, find, found: null};
	return find === '' ? step(looking) : found(looking, world, -1, null);
}

function searchMoved(model: Model, world: World, by: -1 | 1): Step {
	const {overlay} = model;
	if (overlay?.type !== 'search') return step(model);
	if (overlay.in === 'chat') return found(model, world, by > 0 ? -1 : 1);
	const count = historyMatches(model, overlay.typed).length;
	return step({...model, overlay: {...overlay, at: Math.max(0, Math.min(count - 1, overlay.at + by))}});
}

function searchAccepted(model: Model): Step {
	const {overlay} = model;
	if (overlay?.type !== 'search') return step(model);
	if (overlay.in === 'chat') return step({...model, overlay: null});
	const text = historyMatches(model, overlay.typed)[overlay.at];
	return step({...model, overlay: null, line: text === undefined ? model.line : withText(model.line, text)});
}
