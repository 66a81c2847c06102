import type {Slot} from '../../../source/consensus/types.ts';
import type {Status} from '../../../source/network/events.ts';
import {safeLine, safeNick} from '../../../source/safe-text.ts';
import {type Glyphs, glyphsOf} from '../glyphs.ts';
import type {Model} from '../model.ts';
import {fill, type Row, span} from '../rows.ts';
import {type Tone, viewTone} from '../theme.ts';
import {clock, isUp, leaderOf, stateOf, type World} from '../world.ts';

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
	unknown: 'unknown (down)',
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

/** Rows are replicas, columns are slots. With details where there is room: who has what, and why. */
export function logRows(
	model: Model,
	world: World,
	width: number,
	height: number,
	hasDetails: boolean,
): readonly Row[] {
	const glyphs = glyphsOf(world.about.isAscii);
	const head = 6;
	const room = Math.max(10, width - head - 2);
	const last = lastSlot(world);
	// Who follows the tail is shown what everything waits for.
	const cursor = model.log.slot ?? lowestHole(world) ?? last;
	const first = Math.max(1, Math.min(Math.max(1, last - room + 1), cursor - Math.floor(room / 2)));
	const slots = Array.from(
		{length: Math.min(room, Math.max(0, last - first + 1))},
		(_, index) => first + index,
	);
	const {id: leader} = leaderOf(world.monitor);
	const rows: Row[] = [rulerRow(first, room, head), tickRow(first, room, head, glyphs)];
	const marks = {up: ' ', electing: glyphs.electing, behind: '!', down: glyphs.down, silent: '?'};
	for (const watched of world.monitor.replicas) {
		const isDown = !isUp(watched);
		const mark = watched.id === leader && !isDown ? 'L' : marks[stateOf(watched, world.monitor)];
		rows.push([
			span(
				` r${String(watched.id).padEnd(2)}`,
				watched.id === model.selected && model.focus === 'log' ? 'inverse' : 'plain',
			),
			span(`${mark} `, isDown ? 'bad' : 'accent'),
			...slots.map(slot => {
				const cell = cellOf(watched.status, slot, isDown);
				return span(glyphs[cell.state], toneOf(cell));
			}),
		]);
	}

	if (!hasDetails) return rows.slice(0, height);
	rows.push([span(' view ', 'dim'), ...slots.map(slot => viewSpan(world, slot))]);
	rows.push([fill(head), fill(cursor - first), span(glyphs.here, 'accent')]);
	rows.push(...detailOf(world, cursor), [], ...summaryOf(world), [], legendRow(glyphs));
	return rows.slice(0, height);
}

function toneOf({state, view}: Cell): Tone {
	if (state === 'hole') return 'bad';
	if (state === 'noOp') return 'warn';
	if (state === 'executed') return view === null ? 'good' : viewTone(view);
	return state === 'decidedSlot' || state === 'accepted' ? (view === null ? 'plain' : viewTone(view)) : 'dim';
}

function rulerRow(first: Slot, room: number, head: number): Row {
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

function tickRow(first: Slot, room: number, head: number, glyphs: Glyphs): Row {
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
function detailOf(world: World, slot: Slot): readonly Row[] {
	if (slot < 1) return [[span(' no slot is used yet', 'dim')]];
	const cells = world.monitor.replicas.map(watched => {
		const isDown = !isUp(watched);
		return {id: watched.id, isDown, cell: cellOf(watched.status, slot, isDown)};
	});
	const holders = cells.filter(({cell}) => cell.view !== null);
	const views = [...new Set(holders.map(({cell}) => cell.view!))];
	const lines = world.client.lines.filter(line => line.slot === slot);
	const [line] = lines;
	const value =
		line === undefined
			? unsaid(cells.map(({cell}) => cell.state))
			: `${lines.length} ${lines.length === 1 ? 'message' : 'messages'}; ${safeNick(line.nick)} #${line.sequence} "${safeLine(line.text).slice(0, 60)}"  ${clock(line.at)}`;
	// Of each kind the first one: that is who found it out.
	const notes = world.monitor.notes
		.filter(
			(note, index, all) =>
				note.slot === slot &&
				all.findIndex(
					other => other.slot === slot && other.kind === note.kind && other.text === note.text,
				) === index,
		)
		.slice(-4);
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
		[span(' value  ', 'dim'), span(value)],
		[
			span(' votes  ', 'dim'),
			span(
				holders.length === 0
					? 'nobody tells what it accepted here'
					: `accepted by ${holders.map(({id}) => `r${id}`).join(' ')} (${holders.length}/${world.about.replicas}) in view ${views.join(', ')}`,
			),
		],
		...notes.map(
			(note): Row => [
				span(' note   ', 'dim'),
				span(`${clock(note.at)} r${note.replica} ${note.kind}: ${safeLine(note.text)}`),
			],
		),
	];
}

/** What is known of a slot whose messages are not in the chat. */
function unsaid(states: ReadonlyArray<Cell['state']>): string {
	if (states.includes('noOp')) return 'the no-op: nothing was said here';
	if (states.includes('executed'))
		return 'a session was opened here, or it lies before the chat that is loaded';
	if (states.includes('decidedSlot')) return 'decided; it is executed when every slot before it is';
	return states.includes('hole') ? 'not decided: everything after it waits' : 'proposed, and not decided yet';
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
	return [
		[span(' holes  ', 'dim'), span(holes.join('   ') || 'none', holes.length > 0 ? 'bad' : 'plain')],
		[span(' no-ops ', 'dim'), span(noOps.slice(-12).join(' ') || 'none')],
	];
}

function legendRow(glyphs: Glyphs): Row {
	const {executed, decidedSlot, accepted, nothing, hole, noOp, unknown, behindCheckpoint} = glyphs;
	return [
		span(
			` ${executed}executed ${decidedSlot}decided ${accepted}accepted ${nothing}none ${hole}hole ${noOp}no-op ${unknown}unknown ${behindCheckpoint}checkpoint`,
			'dim',
		),
	];
}
