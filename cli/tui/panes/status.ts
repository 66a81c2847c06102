import {safeLine} from '../../../source/safe-text.ts';
import {glyphsOf} from '../glyphs.ts';
import {bindings, type Context, formatKey} from '../keys.ts';
import type {Batch, Model} from '../model.ts';
import {cutText, exactly, fill, justify, type Row, rowWidth, span} from '../rows.ts';
import {type Tone, viewTone} from '../theme.ts';
import {clock, lasting, leaderOf, majority, upOf, type World} from '../world.ts';

/** How the client stands, in one word. */
export function connectionSpans({lag}: Model, {client, about, now, columns}: World, isShort: boolean): Row {
	const {connection} = client;
	const glyphs = glyphsOf(about.isAscii);
	const age = now - connection.since;
	const aged = age >= 1000 ? ` ${lasting(age)}` : '';
	const ms = lag === null || columns < 60 ? '' : ` ${lag.ms}ms`;
	const via =
		connection.replica === null ? '' : isShort ? ` r${connection.replica}` : ` via r${connection.replica}`;
	if (about.starting !== null && connection.state !== 'online')
		return [span(`${glyphs.electing} starting replicas`, 'warn')];
	switch (connection.state) {
		case 'online':
			return [span(`${glyphs.up}${isShort ? '' : ' online'}${via}${ms}`, 'good')];
		case 'connecting':
			return [span(`${glyphs.electing} connecting${aged}`, 'warn')];
		case 'electing':
			return [span(`${glyphs.electing} electing${aged}`, 'warn')];
		case 'waiting':
			return [span(`! waiting${aged}`, 'warn')];
		case 'no quorum':
			return [span(`! no quorum${aged}, queueing`, 'bad')];
		case 'offline': {
			const wait = connection.retryAt === null ? 0 : Math.ceil((connection.retryAt - now) / 1000);
			return [span(`${glyphs.down} offline${wait > 0 ? `, retry in ${wait}s` : ''}`, 'bad')];
		}
	}
}

/** How far a load is, for a screen that shows something else. */
function batchChip(batch: Batch | null): Row {
	if (batch === null || batch.endedAt !== null) return [];
	return [span(`  load ${Math.floor((batch.load.acknowledged / batch.messages) * 100)}%`, 'warn')];
}

/** The first line: who and where we are, and how the cluster is. */
export function header(model: Model, world: World, width: number): Row {
	const {monitor, about, now} = world;
	const {id, view} = leaderOf(monitor);
	const up = upOf(monitor).length;
	const isWide = width >= 110;
	const isNarrow = width < 80;
	const quorum: readonly [string, Tone] =
		up >= majority(about.replicas) ? ['quorum OK', 'good'] : ['NO QUORUM', 'bad'];
	const place =
		model.view === 'chat' || model.view === 'split' ? '#main' : model.view === 'batch' ? 'load' : model.view;
	const left: Row = [
		span(isNarrow ? ` ${place} ` : ` paxos-chat  ${place}  `, 'bold'),
		...connectionSpans(model, world, !isWide),
		...(view === null
			? []
			: isNarrow
				? [span(`  v${view}`, viewTone(view)), span(` L=${id === null ? '?' : `r${id}`}`, 'accent')]
				: [
						span(`  view ${view}`, viewTone(view)),
						span(`  leader ${id === null ? '?' : `r${id}`}`, 'accent'),
					]),
		span(`  ${isNarrow ? '' : 'up '}${up}/${about.replicas}`),
		...(isWide || up < majority(about.replicas) ? [span(`  ${quorum[0]}`, quorum[1])] : []),
		...(isWide
			? [span(`  executed ${Math.max(0, ...monitor.replicas.map(({status}) => status?.executed ?? 0))}`)]
			: []),
		...(model.view === 'batch' ? [] : batchChip(model.batch)),
		...(about.isReadOnly ? [span('  READ-ONLY', 'warn')] : []),
		...(model.paused === null ? [] : [span(`  PAUSED ${lasting(now - model.paused.at)}`, 'inverse')]),
	];
	const time = span(`  ${clock(now, false)} `, 'dim');
	// The clock gives way first, then one's own name.
	const right = [[span(model.nick, 'bold'), time], [span(`${model.nick} `, 'bold')], []].find(
		each => rowWidth(left) + rowWidth(each) < width,
	);
	return justify(left, right ?? [], width);
}

/** A line across, with a word in it. */
export function rule(width: number, isAscii: boolean, left: Row = [], right: Row = []): Row {
	const {line} = glyphsOf(isAscii);
	const label: Row = left.length === 0 ? [] : [fill(2, 'dim', line), span(' '), ...left, span(' ')];
	const end: Row = right.length === 0 ? [] : [span(' '), ...right, span(' '), fill(2, 'dim', line)];
	return justify(label, end, width, span(line, 'dim'));
}

/** What the chat waits for, as a sentence; nothing if it waits for nothing. */
export function troubleSpans({client, about, now}: World): Row {
	const {state, sentence, since} = client.connection;
	if (about.starting !== null && state !== 'online') return [span(about.starting, 'warn')];
	// Moving to another replica takes a moment, and is no trouble.
	if (state === 'online' || (state === 'connecting' && now - since < 500)) return [];
	const tone: Tone = state === 'no quorum' || state === 'offline' ? 'bad' : 'warn';
	const age = now - since;
	return [span(safeLine(sentence), tone), ...(age >= 1000 ? [span(` ${lasting(age)}`, 'dim')] : [])];
}

/** Keys that are worth knowing in these places, as they are called, with what they do; the nearest place first. */
export function hintsOf(
	contexts: readonly Context[],
	world: World,
): ReadonlyArray<readonly [key: string, label: string]> {
	const {isAscii, isReadOnly} = world.about;
	const hints = bindings
		.filter(
			({context, keys, hint, needsFaults}) =>
				hint !== undefined && keys[0] !== '?' && contexts.includes(context) && !(isReadOnly && needsFaults),
		)
		.sort(
			(one, other) =>
				contexts.indexOf(one.context) - contexts.indexOf(other.context) || one.hint! - other.hint!,
		);
	const seen = new Set<string>();
	return hints.flatMap(({keys: [key = ''], short, says}) => {
		// In a nearer place the key means something else.
		if (seen.has(key)) return [];
		seen.add(key);
		return [[formatKey(key, isAscii), plainly(short ?? says, world)] as const];
	});
}

/** The same for the edge of a frame: so many of them. */
export const hintFoot = (contexts: readonly Context[], world: World, most: number): Row => [
	span(
		hintsOf(contexts, world)
			.slice(0, most)
			.map(([key, label]) => `${key} ${label}`)
			.join('  '),
		'dim',
	),
];

/** The last line: what was just done, or the keys that are worth knowing here, as many as fit. */
export function hintBar(model: Model, world: World, contexts: readonly Context[], width: number): Row {
	if (model.toast !== null && model.toast.until > world.now)
		return exactly(
			[
				span(' '),
				span(
					cutText(plainly(safeLine(model.toast.text), world), width - 2, glyphsOf(world.about.isAscii).more),
					model.toast.isBad ? 'bad' : 'accent',
				),
			],
			width,
		);
	const last: Row = contexts.includes('line')
		? [span('/help', 'bold')]
		: contexts.includes('panes')
			? [span('?', 'bold'), span(' keys')]
			: [];
	const row: Row[number][] = [span(' ')];
	const room = width - rowWidth(last) - 3;
	for (const [key, label] of hintsOf(contexts, world)) {
		const piece = [span(key, 'bold'), span(` ${label}  `)];
		if (rowWidth([...row, ...piece]) > room) continue;
		row.push(...piece);
	}

	return exactly([...row, ...last], width);
}

/** Our own words, as this terminal can show them. */
export const plainly = (text: string, {about}: World): string =>
	about.isAscii ? text.replaceAll('…', '...').replaceAll('↑', 'Up').replaceAll('→', 'Right') : text;
