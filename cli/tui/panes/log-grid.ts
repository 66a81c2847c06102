import type {Slot} from '../../../source/consensus/types.ts';
import type {Status} from '../../../source/network/events.ts';
import {safeLine, safeNick} from '../../../source/safe-text.ts';
import {type Glyphs, glyphsOf} from '../glyphs.ts';
import type {Model} from '../model.ts';
import {fill, type Row, span, wrap} from '../rows.ts';
import {type Tone, viewTone} from '../theme.ts';
import {everythingTold, whoOf} from '../told.ts';
import {clock, isUp, leaderOf, majority, millis, namesOf, stateOf, type World} from '../world.ts';

/** What a replica is known to hold in a slot. */
export type Cell = {
	readonly state:
		| 'executed'
		| 'decidedSlot'
		| 'accepted'
		| 'nothing'
		| 'hole'
		| 'noOp'
		| 'unknown'
		| 'behindCheckpoint';
	/** In which the replica accepted what stands there; null if it does not tell. */
	readonly view: number | null;
};

const letters: Readonly<Record<string, Cell['state']>> = {
	E: 'executed',
	D: 'decidedSlot',
	A: 'accepted',
	'-': 'nothing',
	N: 'noOp',
	'^': 'behindCheckpoint',
};
const words: Readonly<Record<Cell['state'], string>> = {
	executed: 'executed',
	decidedSlot: 'decided, waits',
	accepted: 'accepted',
	nothing: 'nothing',
	hole: 'HOLE',
	noOp: 'no-op',
	unknown: 'unknown',
	behindCheckpoint: 'in a checkpoint',
};

/** `last`: the highest slot that anybody has heard of: where a replica that is down stops, nobody knows. */
export function cellOf(status: Status | null, slot: Slot, isDown: boolean): Cell {
	const {from, states, views} = status?.slots ?? {from: 1, states: '', views: []};
	const index = slot - from;
	const letter = index < 0 ? (status === null ? undefined : 'E') : states[index];
	if (letter === undefined) return {state: isDown ? 'unknown' : 'nothing', view: null};
	const view = views[index] ?? -1;
	const state = letters[letter] ?? 'nothing';
	const isHole =
		(state === 'nothing' || state === 'accepted') &&
		status !== null &&
		slot < status.decided &&
		slot > status.executed;
	return {state: isHole ? 'hole' : state, view: view < 0 ? null : view};
}

/** The highest slot that any replica told of. */
export const lastSlot = ({monitor}: World): Slot =>
	Math.max(0, ...monitor.replicas.map(({status}) => Math.max(status?.accepted ?? 0, status?.decided ?? 0)));

const lowestHole = ({monitor}: World): Slot | undefined =>
	monitor.replicas
		.flatMap(watched => (isUp(watched) ? watched.status!.holes.slice(0, 1) : []))
		.sort((one, other) => one - other)[0];

/** Slots that are holes somewhere, or no-ops, in order, as far as the replicas tell. */
export function oddSlots(world: World): readonly Slot[] {
	const odd = new Set<Slot>();
	for (const watched of world.monitor.replicas) {
		const {status} = watched;
		if (status?.slots === undefined) continue;
		for (let index = 0; index < status.slots.states.length; index++) {
			const slot = status.slots.from + index;
			const {state} = cellOf(status, slot, !isUp(watched));
			if (state === 'hole' || state === 'noOp') odd.add(slot);
		}
	}

	return [...odd].sort((one, other) => one - other);
}

/** Slots side by side, each as wide as it takes. */
type Columns = {readonly slots: readonly Slot[]; readonly wide: number};

const head = 6;

/** Rows are replicas, columns are slots. With details where there is room: who has what, and why. */
export function logRows(
	model: Model,
	world: World,
	width: number,
	height: number,
	hasDetails: boolean,
): readonly Row[] {
	const glyphs = glyphsOf(world.about.isAscii);
	const last = lastSlot(world);
	// Who follows the tail is shown what everything waits for.
	const cursor = model.log.slot ?? lowestHole(world) ?? last;
	const shown = model.log.isOddOnly
		? oddColumns(world, cursor, width - head - 2)
		: allColumns(last, cursor, width - head - 2);
	const {slots, wide} = shown;
	const pad = fill(wide - 1);
	const {id: leader} = leaderOf(world.monitor);
	const rows: Row[] = model.log.isOddOnly
		? [namesRow(shown, cursor)]
		: [
				rulerRow(slots[0] ?? 1, width - head - 2),
				...(hasDetails ? [tickRow(slots[0] ?? 1, width - head - 2, glyphs)] : []),
			];
	const marks = {
		up: ' ',
		electing: glyphs.electing,
		behind: '!',
		down: glyphs.down,
		silent: '?',
		unseen: '?',
	};
	for (const watched of world.monitor.replicas) {
		const isDown = !isUp(watched);
		const mark = watched.id === leader && !isDown ? 'L' : marks[stateOf(watched, world.monitor)];
		rows.push([
			span(
				` r${String(watched.id).padEnd(2)}`,
				watched.id === model.selected && model.focus === 'log' ? 'inverse' : 'plain',
			),
			span(`${mark} `, isDown ? 'bad' : 'accent'),
			...slots.flatMap(slot => {
				const cell = cellOf(watched.status, slot, isDown);
				return [pad, span(glyphs[cell.state], toneOf(cell))];
			}),
		]);
	}

	const place = slots.indexOf(cursor);
	const here: Row =
		place === -1 ? [] : [fill(head), fill((place + 1) * wide - 1), span(glyphs.here, 'accent')];
	if (!hasDetails) return [...rows, ...briefOf(world, cursor, here, height - rows.length)].slice(0, height);
	rows.push([span(' view ', 'dim'), ...slots.flatMap(slot => [pad, viewSpan(world, slot)])], here);
	rows.push(...detailOf(world, cursor, width), [], ...summaryOf(world), [], legendRow(glyphs));
	return rows.slice(0, height);
}

function allColumns(last: Slot, cursor: Slot, width: number): Columns {
	const room = Math.max(10, width);
	const first = Math.max(1, Math.min(Math.max(1, last - room + 1), cursor - Math.floor(room / 2)));
	return {
		slots: Array.from({length: Math.min(room, Math.max(0, last - first + 1))}, (_, index) => first + index),
		wide: 1,
	};
}

/** As many as fit around the cursor; each has room for its number. */
function oddColumns(world: World, cursor: Slot, width: number): Columns {
	const odd = oddSlots(world);
	const wide = String(odd.at(-1) ?? 0).length + 2;
	const room = Math.max(1, Math.floor(width / wide));
	const at = odd.findIndex(slot => slot >= cursor);
	const first = Math.max(
		0,
		Math.min(odd.length - room, (at === -1 ? odd.length : at) - Math.floor(room / 2)),
	);
	return {slots: odd.slice(first, first + room), wide};
}

function namesRow({slots, wide}: Columns, cursor: Slot): Row {
	if (slots.length === 0) return [span('slot  no hole and no no-op', 'dim')];
	return [
		span('slot'.padEnd(head), 'dim'),
		...slots.map(slot => span(String(slot).padStart(wide), slot === cursor ? 'bold' : 'dim')),
	];
}

/** What there is to know of one slot, where there is little room. */
function briefOf(world: World, slot: Slot, here: Row, room: number): readonly Row[] {
	if (room < 1 || slot < 1) return [];
	const held = new Map<Cell['state'], number[]>();
	for (const watched of world.monitor.replicas) {
		const {state} = cellOf(watched.status, slot, !isUp(watched));
		held.set(state, [...(held.get(state) ?? []), watched.id]);
	}

	const isSame = held.size === 1;
	const pieces = [...held].flatMap(
		([state, ids]): Row => [
			span(`  ${words[state]}`, toneOf({state, view: null})),
			span(isSame ? ' everywhere' : ` ${namesOf(ids)}`),
		],
	);
	const brief: Row = [span(` slot ${slot}`, 'bold'), ...pieces];
	return room === 1 ? [brief] : [here, brief];
}

function toneOf({state, view}: Cell): Tone {
	if (state === 'hole') return 'bad';
	if (state === 'noOp') return 'warn';
	if (state === 'executed') return view === null ? 'good' : viewTone(view);
	return state === 'decidedSlot' || state === 'accepted' ? (view === null ? 'plain' : viewTone(view)) : 'dim';
}

function rulerRow(first: Slot, room: number): Row {
	let text = '';
	for (let slot = first; text.length < room; slot++) {
		const isMark = slot % 10 === 0 || slot === first;
		const label = String(slot);
		const next = 10 - (slot % 10);
		if (isMark && (slot % 10 === 0 || next > label.length) && text.length + label.length <= room) {
			text += label;
			slot += label.length - 1;
		} else text += ' ';
	}

	return [span('slot'.padEnd(head - 1), 'dim'), span(' '), span(text, 'dim')];
}

function tickRow(first: Slot, room: number, glyphs: Glyphs): Row {
	const ticks = Array.from({length: room}, (_, index) =>
		(first + index) % 10 === 0 ? glyphs.tick : glyphs.line,
	);
	return [fill(head), span(ticks.join(''), 'dim')];
}

function viewSpan({monitor}: World, slot: Slot) {
	const views = monitor.replicas.flatMap(({status}) => cellOf(status, slot, false).view ?? []);
	const view = views.length === 0 ? null : Math.max(...views);
	return view === null ? span(' ') : span(String(view % 10), viewTone(view));
}

/** What there is to know of one slot. */
function detailOf(world: World, slot: Slot, width: number): readonly Row[] {
	if (slot < 1) return [[span(' no slot is used yet', 'dim')]];
	const cells = world.monitor.replicas.map(watched => {
		const isDown = !isUp(watched);
		return {id: watched.id, isDown, cell: cellOf(watched.status, slot, isDown)};
	});
	const lines = world.client.lines.filter(line => line.slot === slot);
	const [line] = lines;
	const value =
		line === undefined
			? unsaid(cells.map(({cell}) => cell.state))
			: `${lines.length} ${lines.length === 1 ? 'message' : 'messages'}; ${safeNick(line.nick)} #${line.sequence} "${safeLine(line.text).slice(0, 60)}"  ${clock(line.at)}`;
	return [
		[
			span(` slot ${slot}  `, 'bold'),
			...cells.flatMap(
				({id, cell, isDown}): Row => [
					span(`r${id} `),
					span(
						`${words[cell.state]}${isDown && cell.state !== 'unknown' ? ' (last heard)' : ''}   `,
						toneOf(cell),
					),
				],
			),
		],
		...worded(' value  ', value, width),
		...worded(' votes  ', votesOf(cells, world), width),
		...storyOf(world, slot).flatMap(({at, who, kind, text}) =>
			worded(' why    ', `${millis(at)} ${whoOf(who, world.about.replicas)} ${kind}: ${text}`, width),
		),
	];
}

/** So many facts of the story of a slot are told. */
const mostFacts = 5;

/** What befell a slot: what was told of it, and who entered the view that settled it. */
const storyOf = (world: World, slot: Slot) =>
	everythingTold(world)
		.filter(({slot: of}) => of === slot)
		.slice(-mostFacts);

function worded(name: string, text: string, width: number): readonly Row[] {
	return wrap(text, Math.max(10, width - name.length - 1)).map(
		(row, index): Row => [span(index === 0 ? name : ' '.repeat(name.length), 'dim'), span(row)],
	);
}

/** Who accepted what stands there, view by view: it is decided when a majority accepted it in one view. */
function votesOf(cells: ReadonlyArray<{readonly id: number; readonly cell: Cell}>, {about}: World): string {
	const views = new Map<number, number[]>();
	for (const {id, cell} of cells)
		if (cell.view !== null) views.set(cell.view, [...(views.get(cell.view) ?? []), id]);
	if (views.size === 0) return 'nobody tells what it accepted here';
	const told = [...views]
		.sort(([one], [other]) => other - one)
		.map(([view, ids]) => `in view ${view} by ${namesOf(ids)} (${ids.length} of ${about.replicas})`);
	return `accepted ${told.join(', ')}; ${majority(about.replicas)} in one view decide`;
}

/** What is known of a slot whose messages are not in the chat. */
function unsaid(states: ReadonlyArray<Cell['state']>): string {
	if (states.includes('noOp')) return 'the no-op: nothing was said here';
	if (states.includes('executed'))
		return 'a session was opened here, or it lies before the chat that is loaded';
	if (states.includes('decidedSlot')) return 'decided; it is executed when every slot before it is';
	return states.includes('hole') ? 'not decided: everything after it waits' : 'proposed, and not decided yet';
}

const mostNamed = 12;

/** Slots that some replica accepted a proposal for, and that none knows to be decided. */
function openSlots(world: World): readonly Slot[] {
	const last = lastSlot(world);
	const first = Math.max(
		1,
		Math.max(0, ...world.monitor.replicas.map(({status}) => status?.executed ?? 0)) + 1,
	);
	const open: Slot[] = [];
	for (let slot = first; slot <= last && open.length < 1000; slot++) {
		const states = world.monitor.replicas.map(({status}) => cellOf(status, slot, false).state);
		if (states.includes('accepted') && !states.includes('decidedSlot') && !states.includes('executed'))
			open.push(slot);
	}

	return open;
}

function summaryOf(world: World): readonly Row[] {
	const holes = world.monitor.replicas.flatMap(({id, status, state}) =>
		state === 'down' || status === null || status.holes.length === 0
			? []
			: [`r${id}: ${status.holes.slice(0, 4).join(' ')}`],
	);
	const noOps = oddSlots(world).filter(slot =>
		world.monitor.replicas.some(({status}) => cellOf(status, slot, false).state === 'noOp'),
	);
	const open = openSlots(world);
	const silent = world.monitor.replicas.flatMap(watched => {
		if (isUp(watched)) return [];
		const {status, id} = watched;
		return [`r${id}${status === null ? '' : ` since slot ${Math.max(status.accepted, status.decided)}`}`];
	});
	const few = (slots: readonly Slot[]) =>
		slots.length <= mostNamed
			? slots.join(' ')
			: `${slots.slice(-mostNamed).join(' ')} and ${slots.length - mostNamed} more`;
	return [
		[span(' holes  ', 'dim'), span(holes.join('   ') || 'none', holes.length > 0 ? 'bad' : 'plain')],
		[span(' no-ops ', 'dim'), span(few(noOps) || 'none')],
		[
			span(' open   ', 'dim'),
			span(open.length === 0 ? 'none' : `${few(open)}: proposed, and not known to be decided`),
		],
		...(silent.length === 0 ? [] : [[span(' unheard', 'dim'), span(` ${silent.join('   ')}`, 'warn')]]),
	];
}

const legendRow = (glyphs: Glyphs): Row => [
	span(
		` ${legendOf(glyphs)}  ${glyphs.nothing} none  ${glyphs.unknown} unknown  ${glyphs.behindCheckpoint} in a checkpoint`,
		'dim',
	),
];

const legendOf = ({executed, decidedSlot, accepted, hole, noOp}: Glyphs): string =>
	`${executed} executed  ${decidedSlot} decided  ${accepted} accepted  ${hole} hole  ${noOp} no-op`;

/** For the edge of a frame. */
export const briefLegend = (isAscii: boolean): string => {
	const {executed, decidedSlot, accepted, hole, noOp} = glyphsOf(isAscii);
	return `${executed}exec ${decidedSlot}decided ${accepted}accept ${hole}hole ${noOp}no-op`;
};
