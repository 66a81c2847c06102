import type {Completions} from '../complete.ts';
import {glyphsOf} from '../glyphs.ts';
import type {Model} from '../model.ts';
import {cutText, exactly, fill, graphemesOf, type Row, span, widthOf} from '../rows.ts';
import {nickTone} from '../theme.ts';
import type {World} from '../world.ts';

export type InputBox = {
	readonly rows: readonly Row[];
	/** Where the cursor stands among the rows. */
	readonly cursor: {readonly x: number; readonly y: number};
};

const mostRows = 6;

/** The line that is being written, wrapped, in at most six rows around the cursor. */
export function inputBox({line, nick}: Model, {about}: World, width: number): InputBox {
	const prompt = about.isReadOnly ? ' read-only> ' : ` ${cutText(nick, 10, glyphsOf(about.isAscii).more)}> `;
	const indent = widthOf(prompt);
	const room = Math.max(8, width - indent - 1);
	const rows: string[] = [];
	let cursor = {x: indent, y: 0};
	let at = 0;
	for (const part of line.text.split('\n')) {
		let row = '';
		let used = 0;
		if (at === line.cursor) cursor = {x: indent, y: rows.length};
		for (const grapheme of graphemesOf(part)) {
			const step = widthOf(grapheme);
			if (used + step > room) {
				rows.push(row);
				row = '';
				used = 0;
			}

			row += grapheme;
			used += step;
			at += grapheme.length;
			if (at === line.cursor) cursor = {x: indent + used, y: rows.length};
		}

		rows.push(row);
		at++;
	}

	const top = Math.max(0, Math.min(cursor.y - mostRows + 1, rows.length - mostRows));
	const shown = rows
		.slice(top, top + mostRows)
		.map(
			(text, index): Row => [
				index === 0 && top === 0 ? span(prompt, nickTone(nick)) : fill(indent),
				span(text),
			],
		);
	return {rows: shown, cursor: {x: cursor.x, y: cursor.y - top}};
}

/** What could be meant, above the line. */
export function popupRows(
	{title, choices}: Completions,
	at: number,
	width: number,
	height: number,
	isAscii: boolean,
): readonly Row[] {
	const glyphs = glyphsOf(isAscii);
	const most = Math.max(1, Math.min(8, height));
	const from = Math.max(0, Math.min(at - most + 1, choices.length - most));
	const shown = choices.slice(from, from + most);
	const wide = Math.min(Math.floor(width / 2), Math.max(...shown.map(({label}) => widthOf(label))) + 2);
	const rows = shown.map(
		({label, says}, index): Row =>
			exactly(
				[
					span(` ${from + index === at ? glyphs.selected : ' '} `, 'accent'),
					...exactly([span(label, from + index === at ? 'bold' : 'plain')], wide),
					span(` ${says}`, 'dim'),
				],
				width,
			),
	);
	const label = ` ${title} `;
	const places = ` ${at + 1} of ${choices.length} `;
	const between = width - widthOf(label) - widthOf(places) - 4;
	const head: Row = exactly(
		[
			fill(2, 'dim', glyphs.line),
			span(label, 'bold'),
			fill(between, 'dim', glyphs.line),
			span(places, 'dim'),
			fill(2, 'dim', glyphs.line),
		],
		width,
	);
	return [head, ...rows];
}
