import type {Agreement, Watched} from '../../../source/client/monitor-store.ts';
import {safeLine} from '../../../source/safe-text.ts';
import {glyphsOf} from '../glyphs.ts';
import type {Model} from '../model.ts';
import {exactly, fill, type Row, rowWidth, span, widthOf} from '../rows.ts';
import {type Tone, viewTone} from '../theme.ts';
import {
	hearersOf,
	isCutOff,
	isLearning,
	isUp,
	lasting,
	leaderOf,
	majority,
	namesOf,
	type ReplicaState,
	stateOf,
	upOf,
	type World,
} from '../world.ts';
import {sparkline} from './charts.ts';

const tones: Readonly<Record<ReplicaState, Tone>> = {
	up: 'good',
	electing: 'warn',
	behind: 'warn',
	down: 'bad',
	silent: 'bad',
	unseen: 'warn',
};

type Column = {
	readonly name: string;
	readonly width: number;
	readonly isLeft?: true;
	/** The higher, the sooner it gives way. */
	readonly drop: number;
	readonly cell: (watched: Watched, context: Context) => readonly [text: string, tone?: Tone];
};
type Context = {
	readonly world: World;
	readonly agreement: Agreement;
	readonly leader: number | null;
	readonly executed: number;
	readonly glyphs: ReturnType<typeof glyphsOf>;
};

const count = (value: number | undefined): readonly [string] => [value === undefined ? '-' : String(value)];
const stateWidth = 10;
const roles = {primary: 'LEADER', candidate: 'CAND', backup: '-', learner: 'learns'} as const;

const columns = (comparedAt: number | null): readonly Column[] => [
	{name: 'ID', width: 3, isLeft: true, drop: 0, cell: ({id}) => [`r${id}`, 'bold']},
	{
		name: 'STATE',
		width: stateWidth,
		isLeft: true,
		drop: 0,
		cell: (watched, context) => [
			stateWords(watched, context),
			isCutOff(watched) || isLearning(watched) ? 'warn' : tones[stateOf(watched, context.world.monitor)],
		],
	},
	{
		name: 'VIEW',
		width: 4,
		drop: 1,
		cell: ({status}) => (status === null ? ['-'] : [String(status.view), viewTone(status.view)]),
	},
	{
		name: 'LDR',
		width: 3,
		drop: 4,
		cell: ({status}) => [status === null ? '-' : status.leader === null ? '?' : `r${status.leader}`],
	},
	{
		name: 'ROLE',
		width: 6,
		isLeft: true,
		drop: 3,
		cell: ({status, state}) =>
			status === null || state === 'down'
				? ['-']
				: [roles[status.role], status.role === 'primary' ? 'accent' : 'plain'],
	},
	{name: 'ACCEPT', width: 7, drop: 6, cell: ({status}) => count(status?.accepted)},
	{name: 'DECIDED', width: 7, drop: 5, cell: ({status}) => count(status?.decided)},
	{name: 'EXEC', width: 6, drop: 0, cell: ({status}) => count(status?.executed)},
	{
		name: 'GAP',
		width: 4,
		drop: 2,
		cell: ({status}, {executed}) => [
			status === null ? '-' : String(executed - status.executed),
			status !== null && executed - status.executed > 0 ? 'warn' : 'plain',
		],
	},
	{
		name: comparedAt === null ? 'HASH' : `HASH@${comparedAt}`,
		width: Math.max(8, comparedAt === null ? 4 : 5 + String(comparedAt).length),
		isLeft: true,
		drop: 0,
		cell: hashCell,
	},
	{
		name: 'RTT',
		width: 5,
		drop: 7,
		cell: ({roundTripMs, state}) => [
			roundTripMs === null || state === 'down' ? '-' : `${Math.max(1, Math.round(roundTripMs))}ms`,
		],
	},
];

function stateWords(watched: Watched, {world, glyphs}: Context): string {
	const state = stateOf(watched, world.monitor);
	const {since} = watched;
	if (isLearning(watched)) return `${glyphs.electing} learning`;
	if (isCutOff(watched))
		return `${glyphs.behind} ${watched.status?.faults?.isIsolated ? 'isolated' : 'deaf'}`;
	const word = `${glyphs[state]} ${state === 'electing' ? 'elect' : state}`;
	const age = world.now - since;
	const aged = `${word} ${lasting(age)}`;
	return state === 'up' || age < 1000 || widthOf(aged) > stateWidth ? word : aged;
}

function hashCell({id}: Watched, {agreement}: Context): readonly [string, Tone?] {
	const own = agreement.hashes.find(each => each.id === id)?.hash;
	if (own === undefined) return ['--------', 'dim'];
	const isOdd = agreement.state === 'diverged' && own !== agreement.hashes[0]?.hash;
	return [own.slice(0, 8), isOdd ? 'alarm' : agreement.state === 'identical' ? 'good' : 'plain'];
}

/** What the table may be sorted by, by the names of its columns; worst first, but for the id. */
export const sortings = {
	ID: ({id}) => id,
	STATE: ({state}) => ['down', 'electing', 'behind', 'up'].indexOf(state),
	VIEW: ({status}) => status?.view ?? -1,
	EXEC: ({status}) => status?.executed ?? -1,
	RTT: ({roundTripMs}) => -(roundTripMs ?? Number.POSITIVE_INFINITY),
} as const satisfies Readonly<Record<string, (watched: Watched) => number>>;
export type Sorting = keyof typeof sortings;
export const sortingNames = Object.keys(sortings) as readonly Sorting[];

/** The replicas, from the top of the table to its bottom. */
export function ordered({sorting}: Model, {replicas}: World['monitor']): readonly Watched[] {
	const rank = sortings[sorting];
	return replicas.toSorted((one, other) => rank(one) - rank(other) || one.id - other.id);
}

/** The usual order needs no mark. */
const isSortedBy = (name: string, {sorting}: Model): boolean => name === sorting && sorting !== 'ID';

/** The table of all replicas, with its head. Columns give way where there is no room. */
export function replicaTable(model: Model, world: World, width: number, isFocused: boolean): readonly Row[] {
	const {monitor} = world;
	const {agreement} = monitor;
	const context: Context = {
		world,
		agreement,
		leader: leaderOf(monitor).id,
		executed: Math.max(0, ...monitor.replicas.map(({status}) => status?.executed ?? 0)),
		glyphs: glyphsOf(world.about.isAscii),
	};
	let shown = columns(agreement.comparedAt);
	const total = () => 2 + shown.reduce((sum, column) => sum + column.width + 1, 0);
	while (total() > width && shown.some(({drop}) => drop > 0)) {
		const first = Math.max(...shown.map(({drop}) => drop));
		shown = shown.filter(({drop}) => drop !== first);
	}

	const cell = (text: string, tone: Tone, {width: wide, isLeft}: Column): Row => {
		const cut = exactly([span(text, tone)], Math.min(wide, widthOf(text)));
		const padding = fill(wide - rowWidth(cut));
		return isLeft ? [...cut, padding, span(' ')] : [padding, ...cut, span(' ')];
	};
	const head: Row = [
		span('  '),
		...shown.flatMap(column => cell(column.name, isSortedBy(column.name, model) ? 'inverse' : 'dim', column)),
	];
	const rows = ordered(model, monitor).map((watched): Row => {
		const isSelected = watched.id === model.selected;
		const mark = isSelected ? context.glyphs.selected : ' ';
		return [
			span(`${mark} `, isFocused ? 'accent' : 'dim'),
			...shown.flatMap(column => {
				const [text, tone = 'plain'] = column.cell(watched, context);
				return cell(text, isSelected && isFocused && tone === 'plain' ? 'bold' : tone, column);
			}),
		];
	});
	return [head, ...rows];
}

/** Whether all hold the same chat, and up to which slot. */
export function agreementRow({monitor, about}: World): Row {
	const {agreement} = monitor;
	const glyphs = glyphsOf(about.isAscii);
	const text = safeLine(agreement.sentence);
	switch (agreement.state) {
		case 'identical':
			return [span(`${glyphs.yes} `, 'good'), span(`hashes ${text}`, 'good')];
		case 'diverged':
			return [span(`!! ${text} `, 'alarm')];
		case 'unknown':
			return [span(`? ${text}`, 'dim')];
	}
}

/** What is not as it should be, and how much more may fail. */
export function warningRow(world: World): Row {
	const {monitor, about} = world;
	const glyphs = glyphsOf(about.isAscii);
	const spans = monitor.replicas.flatMap(watched => {
		const {id, sentence, status} = watched;
		const state = stateOf(watched, monitor);
		const faults = status?.faults;
		const broken =
			!isUp(watched) || !faults
				? []
				: [
						...(faults.isIsolated ? [span(`! r${id} isolated  `, 'warn')] : []),
						...(faults.loss > 0 ? [span(`! r${id} loses ${Math.round(faults.loss * 100)}%  `, 'warn')] : []),
					];
		if (isLearning(watched))
			return [
				span(`${glyphs.electing} r${id} lost its memory: no vote until it is admitted  `, 'warn'),
				...broken,
			];
		if (state === 'up') return broken;
		const heard = state === 'unseen' ? `; heard by ${namesOf(hearersOf(watched, monitor))}` : '';
		return [
			span(`${glyphs[state]} r${id} ${safeLine(sentence) || state}${heard}  `, tones[state]),
			...broken,
		];
	});
	return [...capacity(world), ...holes(world), ...spans];
}

/** Who waits for which slot. */
function holes({monitor, about}: World): Row {
	const waiting = new Map<number, number[]>();
	for (const watched of monitor.replicas) {
		const hole = isUp(watched) ? watched.status!.holes[0] : undefined;
		if (hole !== undefined) waiting.set(hole, [...(waiting.get(hole) ?? []), watched.id]);
	}

	return [...waiting].map(([slot, ids]) =>
		span(`${glyphsOf(about.isAscii).hole} hole at ${slot} on ${namesOf(ids)}  `, 'warn'),
	);
}

function capacity({monitor, about}: World): Row {
	const up = upOf(monitor).length;
	const spare = up - majority(about.replicas);
	if (spare < 0)
		return [span(`NO QUORUM: ${up} of ${about.replicas} up, ${majority(about.replicas)} needed  `, 'alarm')];
	if (spare === 0) return [span('can lose no more  ', 'warn')];
	return [span(`can lose ${spare} more  `, 'good')];
}

/** The cluster in one line, above the chat. */
export function clusterStrip(model: Model, world: World, isFocused: boolean): Row {
	const {monitor, about} = world;
	const glyphs = glyphsOf(about.isAscii);
	const {id: leader} = leaderOf(monitor);
	const replicas = monitor.replicas.flatMap((watched): Row => {
		const {id, status} = watched;
		const state = stateOf(watched, monitor);
		return [
			span(' '),
			span(`r${id}`, isFocused && id === model.selected ? 'inverse' : 'plain'),
			span(' '),
			span(glyphs[state], tones[state]),
			span(status === null ? '-' : String(status.executed)),
			span(id === leader ? ' L ' : ' ', 'accent'),
		];
	});
	const {state, comparedAt} = monitor.agreement;
	const agreement =
		state === 'identical'
			? span(`  hash ${glyphs.yes}${comparedAt}`, 'good')
			: state === 'diverged'
				? span('  DIVERGED', 'alarm')
				: span('  hash ?', 'dim');
	return [...replicas, agreement, span(`  ${monitor.throughput.perSecond} msg/s`, 'dim')];
}

/** How long one's own last messages took, from Enter to decided. */
function latencyOf({pending}: World['client']): Row {
	const times = pending
		.flatMap(({state, since, settledAt}) =>
			state === 'decided' && settledAt !== undefined ? [settledAt - since] : [],
		)
		.sort((one, other) => one - other);
	if (times.length === 0) return [];
	const at = (share: number) => lasting(times[Math.max(0, Math.ceil(share * times.length) - 1)]!);
	return [span(`  own p50 ${at(0.5)} p99 ${at(0.99)}`, 'dim')];
}

/** Before the first second there was nothing; so the picture of an idle cluster does not change. */
const stillness = Array.from({length: 30}, () => 0);

/** Messages a second, now and in the last minute. */
export function throughputRow({monitor, client, about}: World, width: number): Row {
	const {perSecond, history} = monitor.throughput;
	const room = Math.max(4, Math.min(30, width - 42));
	return [
		span('msg/s ', 'dim'),
		span(sparkline([...stillness, ...history], room, about.isAscii), 'accent'),
		span(`  ${perSecond}/s`),
		...latencyOf(client),
	];
}

/** All that one replica said of itself. */
export function detailRows(model: Model, world: World): readonly Row[] {
	const watched = world.monitor.replicas[model.selected];
	if (watched === undefined) return [];
	const {status} = watched;
	const pair = (name: string, value: string): Row => [span(` ${name.padEnd(10)} `, 'dim'), span(value)];
	const shown = stateOf(watched, world.monitor);
	const state = watched.sentence === '' ? shown : `${shown}: ${safeLine(watched.sentence)}`;
	if (status === null) return [pair('address', safeLine(watched.address)), pair('state', state)];
	return [
		pair('address', safeLine(watched.address)),
		pair('state', `${state}, for ${lasting(world.now - watched.since)}`),
		pair(
			'view',
			`${status.view}, leader ${status.leader === null ? 'unknown' : `r${status.leader}`}, it is ${status.role}${status.isDoubting ? ', DOUBTS the leader' : ''}`,
		),
		pair(
			'slots',
			`accepted ${status.accepted}, decided ${status.decided}, executed ${status.executed}, checkpoint ${status.since}`,
		),
		pair('holes', status.holes.join(' ') || 'none'),
		pair('waiting', `${status.waiting} requests; skips ordered: ${status.skips.join(' ') || 'none'}`),
		pair('chat', `${status.messages} messages; ${status.clients} clients connected`),
		pair('hears', namesOf(status.hears)),
		pair(
			'faults',
			status.faults === null
				? 'takes no orders'
				: `loss ${Math.round(status.faults.loss * 100)}%${status.faults.isIsolated ? ', ISOLATED' : ''}, dropped ${status.faults.dropped}`,
		),
		pair(
			'counts',
			`${status.counts.viewsEntered} views entered, ${status.counts.noOps} no-ops, ${status.counts.retriesAnswered} repeats answered`,
		),
		pair('hash', `${status.hash.slice(0, 32)} after slot ${status.hashSlot}`),
		pair('heard', isUp(watched) ? 'now' : `${lasting(world.now - (watched.heardAt ?? world.now))} ago`),
	];
}
