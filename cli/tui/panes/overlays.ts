import {glyphsOf} from '../glyphs.ts';
import {type Action, formatKey, keysOf} from '../keys.ts';
import type {MenuEntry} from '../menu.ts';
import type {Overlay} from '../model.ts';
import {cutText, exactly, framed, justify, type Row, rowWidth, span, widthOf, wrap} from '../rows.ts';

/** A question with what would come of it. Cancel is what every key but one does. */
export function dialogRows(
	dialog: Overlay & {type: 'dialog' | 'typed'},
	columns: number,
	isAscii: boolean,
): readonly Row[] {
	const longest = Math.max(widthOf(dialog.title) + 4, ...dialog.lines.map(widthOf), 46);
	const inner = Math.min(longest, columns - 6, 72);
	const text = dialog.lines.flatMap(line => wrap(line, inner)).map((line): Row => [span(` ${line}`)]);
	const foot: readonly Row[] =
		dialog.type === 'dialog'
			? [
					justify(
						[span(' '), span(`[ ${named('dialog.no', isAscii)}: Cancel ]`, 'inverse')],
						[span(named('dialog.yes', isAscii), 'bold'), span(`: ${dialog.yes} `)],
						inner + 2,
					),
				]
			: [
					[span(' Type '), span(dialog.name, 'bold'), span(' and Enter to go on, Esc to cancel:')],
					[span(` ${dialog.typed}`, 'bold'), span(' ', 'inverse')],
				];
	const measure: readonly Row[] = dialog.isMeasured
		? [
				[
					span(` ${named('dialog.less', isAscii)}`, 'bold'),
					span(': less   ', 'dim'),
					span(named('dialog.more', isAscii), 'bold'),
					span(': more', 'dim'),
				],
			]
		: [];
	const rows = [...text, [], ...measure, ...foot];
	const tone = dialog.type === 'typed' ? 'bad' : 'warn';
	const title: Row = [span(cutText(dialog.title, inner - 2, glyphsOf(isAscii).more), tone)];
	return framed({title, isFocused: true, isAscii, tone}, rows, inner + 4, rows.length + 2);
}

/** The keys of a question; that Ctrl+C cancels goes without saying. */
const named = (action: Action, isAscii: boolean): string =>
	keysOf('dialog', action)
		.filter(key => key !== 'ctrl+c')
		.map(key => formatKey(key, isAscii))
		.join(' ');

/** Actions to choose from, narrowed by what is typed. */
export function menuRows(
	menu: Overlay & {type: 'menu'},
	entries: readonly MenuEntry[],
	/** How many there are without the filter: while one types, the box stays where it is. */
	all: number,
	title: string,
	columns: number,
	height: number,
	isAscii: boolean,
): readonly Row[] {
	const width = Math.min(columns, 90);
	const inner = Math.max(1, height - 3);
	const {selected, more} = glyphsOf(isAscii);
	const from = Math.max(0, Math.min(menu.at - Math.floor(inner / 2), entries.length - inner));
	const wide = Math.min(34, Math.floor(width / 2) - 4);
	const rows = entries.slice(from, from + inner).map((entry, index): Row => {
		const isChosen = from + index === menu.at;
		const keys = entry.keys.map(key => formatKey(key, isAscii)).join('  ') || entry.usage;
		const tone = entry.refusal === null ? (isChosen ? 'bold' : 'plain') : 'dim';
		const hasPlace = width >= 70 && (menu.isWide || menu.kind === 'palette');
		const place: Row = hasPlace ? [span(`${entry.place} `, 'dim')] : [];
		const says = entry.says.replace('…', more) + (entry.refusal === null ? '' : `  (${entry.refusal})`);
		const room = width - wide - rowWidth(place) - 6;
		return justify(
			[
				span(`${isChosen ? selected : ' '} `, 'accent'),
				...exactly([span(cutText(keys, wide, more), entry.refusal === null ? 'accent' : 'dim')], wide),
				span(` ${cutText(says, room, more)}`, tone),
			],
			place,
			width - 2,
		);
	});
	const filter: Row = [span(' filter: ', 'dim'), span(menu.filter, 'bold'), span(' ', 'inverse')];
	return framed(
		{
			title: [span(title, 'bold')],
			right: [span(`${entries.length === 0 ? 0 : menu.at + 1} of ${entries.length}`, 'dim')],
			foot: [span('Enter runs the line   Esc closes', 'dim')],
			footRight:
				menu.kind === 'palette' || width < 60
					? []
					: [span(menu.isWide ? 'no Alt key? /mon /log /events, Ctrl+G' : '? again: all places', 'dim')],
			isFocused: true,
			isAscii,
		},
		[filter, ...rows],
		width,
		Math.min(height, all + 3),
	);
}
