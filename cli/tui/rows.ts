import stringWidth from 'string-width';
import type {Tone} from './theme.ts';

/** A piece of a row in one style. */
export type Span = {readonly text: string; readonly tone: Tone};
/** What stands in one line of the terminal, or of a part of it. */
export type Row = readonly Span[];

/** Columns that a text takes. */
export const widthOf = (text: string): number => (single.test(text) ? text.length : stringWidth(text));
export const rowWidth = (row: Row): number => row.reduce((sum, {text}) => sum + widthOf(text), 0);
export const span = (text: string, tone: Tone = 'plain'): Span => ({text, tone});
export const textOf = (row: Row): string => row.map(({text}) => text).join('');
export const fill = (width: number, tone: Tone = 'plain', character = ' '): Span =>
	span(character.repeat(Math.max(0, width)), tone);

/** ASCII, and the signs that frames and states are drawn with: one column, and one character, each. */
const single = /^[ -~─│╭╮╰╯═║╔╗╚╝┴┄┊█▓▒░▁▂▃▄▅▆▇·○∅⌂●◐✗✓↑↻▸▲…]*$/;
const segmenter = new Intl.Segmenter(undefined, {granularity: 'grapheme'});
/** What a reader takes for one character. */
export const graphemesOf = (text: string): readonly string[] =>
	single.test(text) ? text.split('') : Array.from(segmenter.segment(text), ({segment}) => segment);

/** As much of a text as fits, with an ellipsis if that is not all. */
export function cutText(text: string, width: number, more = '…'): string {
	if (widthOf(text) <= width) return text;
	if (width <= widthOf(more)) return more.slice(0, Math.max(0, width));
	let cut = '';
	let used = widthOf(more);
	for (const grapheme of graphemesOf(text)) {
		used += widthOf(grapheme);
		if (used > width) break;
		cut += grapheme;
	}

	return cut + more;
}

/** Exactly this wide: cut, or padded at its end. */
export function exactly(row: Row, width: number): Row {
	const {row: cut, used} = slice(row, 0, width);
	return used === width
		? cut
		: [...cut, fill(width - used, cut.at(-1)?.tone === 'inverse' ? 'inverse' : 'plain')];
}

/** Left and right, with room between them; the left gives way. */
export function justify(left: Row, right: Row, width: number, gap: Span = span(' ')): Row {
	const rightWidth = Math.min(rowWidth(right), width);
	const leftWidth = Math.min(rowWidth(left), Math.max(0, width - rightWidth - 1));
	const between = width - leftWidth - rightWidth;
	return [
		...slice(left, 0, leftWidth).row,
		fill(between, gap.tone, gap.text),
		...slice(right, 0, rightWidth).row,
	];
}

/** The columns from `from` to before `to`. A wide character that is cut in two becomes a space. */
export function slice(row: Row, from: number, to: number): {readonly row: Row; readonly used: number} {
	const spans: Span[] = [];
	let at = 0;
	let used = 0;
	for (const {text, tone} of row) {
		const width = widthOf(text);
		if (at >= to) break;
		if (at >= from && at + width <= to) {
			spans.push({text, tone});
			used += width;
		} else if (at + width > from) {
			let part = '';
			let column = at;
			for (const grapheme of graphemesOf(text)) {
				const step = widthOf(grapheme);
				const shown = Math.min(column + step, to) - Math.max(column, from);
				if (shown > 0 || (step === 0 && part !== '')) part += shown === step ? grapheme : ' '.repeat(shown);
				used += Math.max(0, shown);
				column += step;
			}

			if (part !== '') spans.push({text: part, tone});
		}

		at += width;
	}

	return {row: spans, used};
}

/** Draws some rows over others. */
export function overlay(
	base: readonly Row[],
	top: readonly Row[],
	x: number,
	y: number,
	columns: number,
): readonly Row[] {
	return base.map((row, index) => {
		const over = top[index - y];
		if (over === undefined) return row;
		const width = Math.min(rowWidth(over), columns - x);
		return [
			...exactly(slice(row, 0, x).row, x),
			...exactly(over, width),
			...slice(row, x + width, columns).row,
		];
	});
}

/** Side by side; each left row is exactly `width` wide already. */
export const beside = (left: readonly Row[], right: readonly Row[]): readonly Row[] =>
	left.map((row, index) => [...row, ...(right[index] ?? [])]);

/** Breaks a line of text where words end, and words that are too long where the width ends. Never empty. */
export function wrap(text: string, width: number): readonly string[] {
	if (widthOf(text) <= width) return [text];
	const lines: string[] = [];
	let line = '';
	let used = 0;
	const push = () => {
		lines.push(line);
		line = '';
		used = 0;
	};
	for (const word of text.match(/\s+|\S+/gu) ?? []) {
		const wide = widthOf(word);
		if (used + wide <= width) {
			line += word;
			used += wide;
			continue;
		}

		if (/^\s/u.test(word)) {
			if (used > 0) push();
			continue;
		}

		if (used > 0 && wide <= width) push();
		for (const grapheme of graphemesOf(word)) {
			const step = widthOf(grapheme);
			if (used + step > width && used > 0) push();
			line += grapheme;
			used += step;
		}
	}

	if (line !== '' || lines.length === 0) push();
	return lines;
}

/** A frame around rows, exactly `width` by `height`. A pane that has the keys is drawn double. */
export function framed(
	frame: {
		readonly title: Row;
		readonly right?: Row;
		readonly foot?: Row;
		readonly footRight?: Row;
		readonly isFocused?: boolean;
		readonly isAscii: boolean;
		readonly tone?: Tone;
	},
	rows: readonly Row[],
	width: number,
	height: number,
): readonly Row[] {
	const edge = edges(frame.isAscii, frame.isFocused === true);
	const tone = frame.tone ?? (frame.isFocused ? 'accent' : 'dim');
	const border = (left: string, right: string, from: Row, to: Row): Row => {
		const inner = width - 4;
		const label: Row = from.length === 0 ? [] : [span(' ', tone), ...from, span(' ', tone)];
		const end: Row = to.length === 0 ? [] : [span(' ', tone), ...to, span(' ', tone)];
		return [
			span(left + edge.line, tone),
			...justify(label, end, inner, span(edge.line, tone)),
			span(edge.line + right, tone),
		];
	};
	const body = Array.from(
		{length: Math.max(0, height - 2)},
		(_, index): Row => [
			span(edge.side, tone),
			...exactly(rows[index] ?? [], width - 2),
			span(edge.side, tone),
		],
	);
	return [
		border(edge.topLeft, edge.topRight, frame.title, frame.right ?? []),
		...body,
		border(edge.bottomLeft, edge.bottomRight, frame.foot ?? [], frame.footRight ?? []),
	];
}

function edges(isAscii: boolean, isDouble: boolean) {
	const drawn = isAscii ? (isDouble ? '####=#' : '++++-|') : isDouble ? '╔╗╚╝═║' : '╭╮╰╯─│';
	const [topLeft, topRight, bottomLeft, bottomRight, line, side] = Array.from(drawn) as [
		string,
		string,
		string,
		string,
		string,
		string,
	];
	return {topLeft, topRight, bottomLeft, bottomRight, line, side};
}
