import {safeLine} from '../../source/safe-text.ts';
import {completionsOf} from './complete.ts';
import {historyMatches} from './history.ts';
import type {Context} from './keys.ts';
import {type Layout, layout} from './layout.ts';
import {entriesOf} from './menu.ts';
import type {Model, Overlay, Pane} from './model.ts';
import {batchRows} from './panes/batch.ts';
import {eventRows} from './panes/events.ts';
import {type InputBox, inputBox, popupRows} from './panes/input.ts';
import {briefLegend, lastSlot, logRows} from './panes/log-grid.ts';
import {MessageList} from './panes/messages.ts';
import {dialogRows, menuRows} from './panes/overlays.ts';
import {
	agreementRow,
	clusterStrip,
	detailRows,
	replicaTable,
	throughputRow,
	warningRow,
} from './panes/replicas.ts';
import {header, hintBar, hintFoot, rule, troubleSpans} from './panes/status.ts';
import {beside, exactly, fill, framed, overlay, type Row, rowWidth, span} from './rows.ts';
import type {ThemeName} from './theme.ts';
import {toldOf} from './told.ts';
import type {World} from './world.ts';

/** A picture of the whole terminal: exactly `rows` rows of exactly `columns` columns. */
export type Frame = {
	readonly rows: readonly Row[];
	readonly columns: number;
	readonly cursor: {readonly x: number; readonly y: number} | null;
	readonly theme: ThemeName;
};

type Space = {readonly width: number; readonly height: number};

/** Where things go; also what scrolling by a page means. */
export type Geometry = {
	readonly layout: Layout;
	readonly input: InputBox | null;
	/** Of the messages, without a frame; nothing if they are not on the screen. */
	readonly chat: Space | null;
	readonly popup: readonly Row[];
};

/** Two lines above the chat, three with its rule. */
const headRows = 3;

export function geometry(model: Model, world: World): Geometry {
	const {columns, rows} = world;
	const room = layout(columns, rows, model.view);
	const {isAscii} = world.about;
	const isFramed = room.view === 'split';
	const hasInput =
		model.overlay?.type === 'search' || model.focus === 'line' || room.view === 'chat' || isFramed;
	const input = hasInput && !model.isPlain ? inputBox(model, world, columns - (isFramed ? 2 : 0)) : null;
	const inputRows = input === null ? 0 : input.rows.length + (isFramed ? 2 : 1);
	const completions = model.popup === null ? null : completionsFor(model, world);
	const popup =
		completions === null
			? []
			: popupRows(
					completions,
					Math.min(model.popup!.at, completions.choices.length - 1),
					columns,
					rows - inputRows - 7,
					isAscii,
				);
	const isChat = room.view === 'chat' || isFramed;
	const chatWidth = isFramed ? Math.floor((columns * model.split) / 100) - 2 : columns;
	const top = isFramed ? 3 : room.size === 'small' || room.size === 'narrow' ? 2 : headRows;
	const height = model.isPlain ? rows - 1 : rows - top - inputRows - 1 - (isFramed ? 0 : popup.length);
	return {
		layout: room,
		input,
		chat:
			isChat || model.isPlain
				? {width: model.isPlain ? columns : chatWidth, height: Math.max(1, height)}
				: null,
		popup,
	};
}

export function draw(model: Model, world: World): Frame {
	const shown = model.paused === null ? world : {...world, monitor: model.paused.monitor};
	const {columns, rows} = world;
	const where = geometry(model, shown);
	const base = where.layout.size === 'tiny' ? drawTiny(model, shown) : drawView(model, shown, where);
	const frame = base.rows.slice(0, rows).map(row => exactly(row, columns));
	while (frame.length < rows) frame.push([fill(columns)]);
	return {
		columns,
		theme: model.theme,
		...withOverlay(model, shown, {...base, rows: withAlarm(frame, shown)}),
	};
}

export function completionsFor(model: Model, world: World) {
	const nicks = new Set<string>();
	const {lines} = world.client;
	for (let index = lines.length - 1; index >= Math.max(0, lines.length - 300) && nicks.size < 50; index--)
		if (lines[index]!.client !== world.about.client) nicks.add(lines[index]!.nick);
	return completionsOf(model.line, {
		replicas: world.about.replicas,
		nicks: [...nicks],
		messages: world.client.pending
			.filter(({state}) => state === 'failed' || state === 'queued')
			.map(({key, text, state}) => ({
				id: key,
				says: `${state}: ${safeLine(text).slice(0, 40)}`,
				isFailed: state === 'failed',
			})),
		isReadOnly: world.about.isReadOnly,
	});
}

/** Which keys mean something now, the nearest meaning first. */
export function contextsOf(model: Model, world: World): readonly Context[] {
	if (model.overlay !== null) return [model.overlay.type];
	if (model.focus !== 'line') return [model.focus, 'panes', 'anywhere'];
	const isOpen = model.popup !== null && completionsFor(model, world) !== null;
	return isOpen ? ['popup', 'line', 'anywhere'] : ['line', 'anywhere'];
}

type Base = Pick<Frame, 'rows' | 'cursor'>;

function drawTiny({unread, last, line}: Model, world: World): Base {
	const missed = unread === null ? 0 : Math.max(0, last - unread + 1);
	const words = [
		`Window ${world.columns}x${world.rows}, needs 40x10.`,
		`Still there, ${missed} unread${line.text === '' ? '' : ', draft kept'}.`,
	];
	return {rows: words.map(text => [span(text)]), cursor: null};
}

function drawView(model: Model, world: World, where: Geometry): Base {
	if (model.isPlain) return drawPlain(model, world, where);
	return where.layout.view === 'split' ? drawSplit(model, world, where) : drawSingle(model, world, where);
}

/** Only text: what is selected with the mouse has no frame in it. */
function drawPlain(model: Model, world: World, {chat}: Geometry): Base {
	const {rows} = new MessageList(model, world, chat!.width).window(model.anchor, chat!.height);
	return {
		rows: [...rows, [span('plain view to copy from; Alt+L or Esc goes back', 'dim')]].slice(-world.rows),
		cursor: null,
	};
}

function drawSingle(model: Model, world: World, where: Geometry): Base {
	const {columns, rows} = world;
	const {layout: room, input, popup} = where;
	const {isAscii} = world.about;
	const isChat = room.view === 'chat';
	const head: Row[] = [header(model, world, columns)];
	if ((isChat || room.view === 'batch') && (room.size === 'medium' || room.size === 'large'))
		head.push(exactly(clusterStrip(model, world, model.focus !== 'line'), columns));
	const [title, state] = isChat ? [[], []] : labelOf(model, world, room.view as Pane);
	head.push(rule(columns, isAscii, title, state));
	const bottom: Row[] = [];
	const chat =
		isChat && where.chat !== null
			? new MessageList(model, world, where.chat.width).window(model.anchor, where.chat.height)
			: null;
	if (input !== null)
		bottom.push(rule(columns, isAscii, trouble(world), more(chat?.below ?? 0, model)), ...input.rows);
	bottom.push(hints(model, world));
	const height = Math.max(0, rows - head.length - popup.length - bottom.length);
	const body = chat?.rows ?? paneRows(model, world, room.view as Pane, columns, height);
	const padded = isChat
		? [...blank(height - body.length), ...body]
		: [...body.slice(0, height), ...blank(height - body.length)];
	const cursor =
		input === null || model.focus !== 'line' || model.overlay !== null
			? null
			: {x: input.cursor.x, y: head.length + height + popup.length + 1 + input.cursor.y};
	return {rows: [...head, ...padded, ...popup, ...bottom], cursor};
}

function drawSplit(model: Model, world: World, where: Geometry): Base {
	const {columns, rows} = world;
	const {isAscii} = world.about;
	const {focus} = model;
	const leftWidth = where.chat!.width + 2;
	const rightWidth = columns - leftWidth;
	const height = where.chat!.height + 2;
	const chat = new MessageList(model, world, where.chat!.width).window(model.anchor, where.chat!.height);
	const left = framed(
		{
			title: [span('1 chat')],
			right: more(chat.below, model),
			footRight: trouble(world),
			isFocused: focus === 'chat',
			isAscii,
		},
		[...blank(where.chat!.height - chat.rows.length), ...chat.rows],
		leftWidth,
		height,
	);
	const monitorHeight = world.about.replicas + 6;
	const logHeight = Math.min(world.about.replicas + 5, Math.max(0, height - monitorHeight - 4));
	const eventsHeight = Math.max(0, height - monitorHeight - logHeight);
	const inner = rightWidth - 2;
	const right = [
		...framed(
			{
				title: [span('2 monitor')],
				right: [span(model.paused === null ? `live ${model.hz}Hz` : 'paused', 'dim')],
				isFocused: focus === 'monitor',
				isAscii,
				foot: world.about.isReadOnly ? [] : hintFoot(['panes'], world, 4),
			},
			monitorRows(model, world, inner, monitorHeight - 2, focus === 'monitor'),
			rightWidth,
			monitorHeight,
		),
		...(logHeight < 4
			? []
			: framed(
					{
						title: [span('4 log')],
						right: logState(model, world),
						isFocused: focus === 'log',
						isAscii,
						foot: [span(briefLegend(isAscii), 'dim')],
					},
					logRows(model, world, inner, logHeight - 2, false),
					rightWidth,
					logHeight,
				)),
		...(eventsHeight < 3
			? []
			: framed(
					{
						title: [span('5 events')],
						right: eventsState(model, world),
						isFocused: focus === 'events',
						isAscii,
						foot: focus === 'events' ? hintFoot(['events'], world, 3) : [],
					},
					eventRows(model, world, inner, eventsHeight - 2),
					rightWidth,
					eventsHeight,
				)),
	];
	const input = framed(
		{title: [], isFocused: focus === 'line', isAscii},
		where.input!.rows,
		columns,
		where.input!.rows.length + 2,
	);
	const all = [header(model, world, columns), ...beside(left, right), ...input, hints(model, world)].slice(
		-rows,
	);
	const y = 1 + height + 1 + where.input!.cursor.y;
	const withPopup =
		where.popup.length === 0 ? all : overlay(all, where.popup, 0, 1 + height - where.popup.length, columns);
	return {
		rows: withPopup,
		cursor: focus === 'line' && model.overlay === null ? {x: where.input!.cursor.x + 1, y} : null,
	};
}

/** One pane on the whole screen; the monitor brings the log and the events along where there is room. */
function paneRows(model: Model, world: World, pane: Pane, width: number, height: number): readonly Row[] {
	const {isAscii, replicas} = world.about;
	switch (pane) {
		case 'chat':
			return [];
		case 'log':
			return logRows(model, world, width, height, height > replicas + 4);
		case 'events':
			return eventRows(model, world, width, height);
		case 'batch':
			return model.batch === null ? [] : batchRows(model, model.batch, world, width, height);
		case 'monitor': {
			const table = monitorRows(model, world, width, Math.min(height, replicas + 4), true);
			const left = height - table.length;
			const hasDetails = left >= replicas + 20;
			// Its numbers, a row for each replica; and a few events below.
			const logHeight = hasDetails ? replicas + 12 : left >= replicas + 7 ? replicas + 1 : 0;
			const eventsHeight = left - (logHeight === 0 ? 0 : logHeight + 1) - 1;
			return [
				...table,
				...(logHeight === 0
					? []
					: [rule(width, isAscii, [span('log')]), ...logRows(model, world, width, logHeight, hasDetails)]),
				...(eventsHeight < 1
					? []
					: [
							rule(width, isAscii, [span('events')], eventsState(model, world)),
							...eventRows(model, world, width, eventsHeight),
						]),
			];
		}
	}
}

/** What a pane that fills the screen says of itself, and how it is looked at. */
function labelOf(model: Model, world: World, pane: Pane): readonly [Row, Row] {
	switch (pane) {
		case 'log':
			return [[span('log')], logState(model, world)];
		case 'events':
			return [[span('events')], eventsState(model, world)];
		case 'monitor':
			return [[span('replicas')], [span(model.paused === null ? `live ${model.hz}Hz` : 'paused', 'dim')]];
		case 'batch':
			return [
				[span('load')],
				[span(`${model.batch?.messages ?? 0} messages from ${model.batch?.clients ?? 0} at a time`, 'dim')],
			];
		case 'chat':
			return [[], []];
	}
}

function logState({log}: Model, world: World): Row {
	const last = lastSlot(world);
	return [
		...(log.isOddOnly ? [span('only holes and no-ops  ', 'warn')] : []),
		span(
			log.slot === null ? (last === 0 ? 'tail' : `tail, at ${last}`) : `slot ${log.slot} of ${last}`,
			'dim',
		),
	];
}

function eventsState(model: Model, world: World): Row {
	const {filter, back} = model.events;
	return [
		...(back > 0 ? [span(`-MORE(${back})-  `, 'warn')] : []),
		...(filter === '' ? [] : [span(`only "${filter}"  `, 'warn')]),
		span(`${toldOf(model, world).length}`, 'dim'),
	];
}

function monitorRows(
	model: Model,
	world: World,
	width: number,
	height: number,
	isFocused: boolean,
): readonly Row[] {
	const table = replicaTable(model, world, width, isFocused);
	const judged = [agreementRow(world), warningRow(world)];
	// Where not all has room, how fast it is matters least.
	const told = height - table.length < 3 ? judged : [throughputRow(world, width), ...judged];
	const below = told.map((row): Row => [span('  '), ...row]);
	return [...table, ...below].slice(0, height);
}

const blank = (rows: number): readonly Row[] => Array.from({length: Math.max(0, rows)}, () => []);
const trouble = (world: World): Row => troubleSpans(world);

function more(below: number, {anchor, unread, last}: Model): Row {
	if (anchor === null) return [];
	const fresh = unread === null ? '' : `, ${last - unread + 1} new`;
	return [span(`-MORE(${below}${fresh})-`, 'warn')];
}

function hints(model: Model, world: World): Row {
	const {overlay: over} = model;
	if (over?.type === 'search') return exactly(searchRow(over, model, world), world.columns);
	return hintBar(model, world, contextsOf(model, world), world.columns);
}

/** Divergence stays in sight, on every view, as wide as the screen. */
function withAlarm(rows: readonly Row[], {monitor, columns}: World): readonly Row[] {
	if (monitor.agreement.state !== 'diverged') return rows;
	return rows.map((row, index) =>
		index === 1
			? exactly([span(`  !! ${monitor.agreement.sentence}`.padEnd(columns), 'alarm')], columns)
			: row,
	);
}

function withOverlay(model: Model, world: World, base: Base): Base {
	const {columns, rows} = world;
	const {isAscii} = world.about;
	const {overlay: over} = model;
	if (rows < 10 || columns < 40) return base;
	if (over === null || over.type === 'search') {
		if (!model.showsDetail) return base;
		const detail = detailRows(model, world);
		const width = Math.min(columns, Math.max(50, ...detail.map(rowWidth)) + 3);
		const box = framed(
			{
				title: [span(`r${model.selected}`, 'bold')],
				foot: [span('Esc closes', 'dim')],
				isFocused: true,
				isAscii,
			},
			detail,
			width,
			Math.min(rows - 2, detail.length + 2),
		);
		return centred(base, box, columns, rows);
	}

	if (over.type === 'menu') {
		const title =
			over.kind === 'palette'
				? 'All actions'
				: over.isWide
					? 'Keys of all places'
					: `Keys here: ${model.focus}`;
		return centred(
			{...base, cursor: null},
			menuRows(
				over,
				entriesOf(over, model, world),
				entriesOf({...over, filter: ''}, model, world).length,
				title,
				columns,
				rows - 2,
				isAscii,
			),
			columns,
			rows,
		);
	}

	return centred({...base, cursor: null}, dialogRows(over, columns, isAscii), columns, rows);
}

function centred({rows: base, cursor}: Base, box: readonly Row[], columns: number, rows: number): Base {
	const width = Math.max(...box.map(rowWidth));
	const x = Math.max(0, Math.floor((columns - width) / 2));
	const y = Math.max(0, Math.floor((rows - box.length) / 2));
	return {rows: overlay(base, box, x, y, columns), cursor};
}

/** What is looked for, and what was found. */
function searchRow(search: Overlay & {type: 'search'}, model: Model, world: World): Row {
	const older = world.about.isAscii ? 'Up' : '↑';
	const typed: Row = [span(search.typed, 'bold'), span(' ', 'inverse')];
	if (search.in === 'history') {
		const match = historyMatches(model, search.typed)[search.at];
		const shown = match === undefined ? span('nothing', 'dim') : span(safeLine(match));
		return [
			span(' earlier input: ', 'accent'),
			...typed,
			span('  '),
			shown,
			span(`  Enter takes it  ${older} older`, 'dim'),
		];
	}

	const count =
		model.find === ''
			? 0
			: world.client.lines.filter(({text}) => text.toLowerCase().includes(model.find)).length;
	return [
		span(' find: ', 'accent'),
		...typed,
		span(`  ${count} found`),
		span(`  ${older} older  Enter stays  Esc back`, 'dim'),
	];
}
