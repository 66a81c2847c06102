import type {Model} from '../model.ts';
import {cutText, fill, type Row, span, wrap} from '../rows.ts';
import {type Told, toldOf, whoOf} from '../told.ts';
import {clock, millis, type World} from '../world.ts';

const grave: ReadonlySet<string> = new Set(['doubt', 'hole', 'lag', 'busy', 'down', 'silent', 'unseen']);
/** Of an event that has more to say, so many rows are shown. */
const mostRows = 4;
const leastText = 16;
/** `campaign v999` fits. */
const topicWidth = 13;

/** The last of them that fit exactly, or those before, if the reader went back. */
export function eventRows(model: Model, world: World, width: number, height: number): readonly Row[] {
	const told = toldOf(model, world);
	if (told.length === 0)
		return [
			[
				span(
					model.events.filter === ''
						? '  nothing has happened that the replicas remember'
						: `  nothing matches "${model.events.filter}"`,
					'dim',
				),
			],
		];
	return lastRows(told, told.length - model.events.back, world, width, height);
}

/** From the top downwards as many as there is room for, so that the last one before `end` stands at the bottom. */
export function lastRows(
	told: readonly Told[],
	end: number,
	world: World,
	width: number,
	height: number,
): readonly Row[] {
	const rows: Row[] = [];
	for (let index = Math.min(told.length, end) - 1; index >= 0 && rows.length < height; index--)
		// Of the topmost one the beginning is shown, not the end.
		rows.unshift(...rowsOf(told[index]!, world, width).slice(0, height - rows.length));
	// Who went back to the very first events sees what came after them.
	for (let index = Math.max(0, end); index < told.length && rows.length < height; index++)
		rows.push(...rowsOf(told[index]!, world, width).slice(0, height - rows.length));
	return rows;
}

function rowsOf({at, who, kind, about, text}: Told, world: World, width: number): readonly Row[] {
	const isNarrow = width < 70;
	const isOwn = who.length === 0;
	const {replicas} = world.about;
	// Where there is room, all are named.
	const named = width < 100 ? 2 : 4;
	const column = isNarrow ? 5 : Math.max(6, Math.min(replicas - 1, named) * 3 - 1);
	const names = whoOf(who, replicas, named).padEnd(column);
	const topic = cutText(about, topicWidth, '.').padEnd(topicWidth);
	const time = isNarrow ? clock(at) : millis(at);
	const head: Row = [
		span(` ${time} `, 'dim'),
		span(`${names} `, isOwn ? 'accent' : 'bold'),
		span(`${topic} `, grave.has(kind) ? 'warn' : isOwn ? 'accent' : 'plain'),
	];
	const used = time.length + names.length + topic.length + 4;
	// Where there is no room beside it, what happened stands below.
	const isBelow = width - used < leastText;
	const indent = isBelow ? 2 : used;
	const rows = wrap(text, Math.max(8, width - indent - 1)).slice(0, mostRows);
	const below = (row: string): Row => [fill(indent), span(row)];
	if (isBelow) return [head, ...rows.map(below)];
	const [first = '', ...rest] = rows;
	return [[...head, span(first)], ...rest.map(below)];
}
