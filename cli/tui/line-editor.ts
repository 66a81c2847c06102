import {graphemesOf} from './rows.ts';

/** A text that is being written. Pure: every action gives a new line. */
export type Line = {
	readonly text: string;
	/** Where the next character goes, in UTF-16 units; always between two graphemes. */
	readonly cursor: number;
	/** What was cut last, newest first. */
	readonly killed: readonly string[];
	/** Earlier texts, newest last. */
	readonly undo: ReadonlyArray<{readonly text: string; readonly cursor: number}>;
	/** What the last action was: cuts in a row are one cut, letters in a row one undo. */
	readonly last: 'typed' | 'killed' | 'other';
};

export const emptyLine: Line = {text: '', cursor: 0, killed: [], undo: [], last: 'other'};
const mostUndo = 200;
const mostKilled = 20;
/** More than a message may have, so that it is the replica's rule that refuses it, in words. */
const mostCharacters = 20_000;

/** The text replaced, as if typed. */
export const withText = (line: Line, text: string, cursor = text.length): Line => change(line, text, cursor);

/** What may be typed or pasted into a line: no control character but the newline. */
export const typeable = (text: string): string =>
	text
		.toWellFormed()
		.replace(/\r\n?|[\u0085\u2028\u2029]/g, '\n')
		.replaceAll('\t', '    ')
		.replace(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/g, '');

export function insert(line: Line, given: string): Line {
	const text = typeable(given).slice(0, Math.max(0, mostCharacters - line.text.length));
	if (text === '') return line;
	const {cursor} = line;
	const joined = line.text.slice(0, cursor) + text + line.text.slice(cursor);
	// Letters in a row are undone together, word by word.
	const isSameWord = line.last === 'typed' && !/\s/.test(text);
	const undo = isSameWord ? line.undo : remember(line);
	return {...line, text: joined, cursor: snap(joined, cursor + text.length), undo, last: 'typed'};
}

export const edits = {
	left: line => move(line, stepLeft(line.text, line.cursor)),
	right: line => move(line, stepRight(line.text, line.cursor)),
	home: line => move(line, line.text.lastIndexOf('\n', line.cursor - 1) + 1),
	end: line => move(line, endOfRow(line.text, line.cursor)),
	wordLeft: line => move(line, wordLeft(line.text, line.cursor)),
	wordRight: line => move(line, wordRight(line.text, line.cursor)),
	backspace: line => cut(line, stepLeft(line.text, line.cursor), line.cursor),
	delete: line => cut(line, line.cursor, stepRight(line.text, line.cursor)),
	killWordLeft: line => kill(line, wordLeft(line.text, line.cursor), line.cursor),
	killWordRight: line => kill(line, line.cursor, wordRight(line.text, line.cursor)),
	killToStart: line => {
		const start = line.text.lastIndexOf('\n', line.cursor - 1) + 1;
		return kill(line, start === line.cursor ? stepLeft(line.text, line.cursor) : start, line.cursor);
	},
	killToEnd: line => {
		const end = endOfRow(line.text, line.cursor);
		return kill(line, line.cursor, end === line.cursor ? stepRight(line.text, end) : end);
	},
	yank: line => {
		const [text = ''] = line.killed;
		return change(
			line,
			line.text.slice(0, line.cursor) + text + line.text.slice(line.cursor),
			line.cursor + text.length,
		);
	},
	transpose: line => {
		const before = stepLeft(line.text, line.cursor);
		const [from, middle, to] =
			line.cursor === line.text.length
				? [stepLeft(line.text, before), before, line.cursor]
				: [before, line.cursor, stepRight(line.text, line.cursor)];
		if (from === middle || middle === to) return line;
		const {text} = line;
		return change(
			line,
			text.slice(0, from) + text.slice(middle, to) + text.slice(from, middle) + text.slice(to),
			to,
		);
	},
	undo: line => {
		const past = line.undo.at(-1);
		return past === undefined ? line : {...line, ...past, undo: line.undo.slice(0, -1), last: 'other'};
	},
	newline: line => insert({...line, last: 'other'}, '\n'),
} as const satisfies Readonly<Record<string, (line: Line) => Line>>;

export type Edit = keyof typeof edits;

/** Up or down among the lines of the draft, in the same column; null where there is none. */
export function moveRow(line: Line, by: -1 | 1): Line | null {
	const start = line.text.lastIndexOf('\n', line.cursor - 1) + 1;
	const column = line.cursor - start;
	if (by === -1) {
		if (start === 0) return null;
		const above = line.text.lastIndexOf('\n', start - 2) + 1;
		return move(line, snap(line.text, Math.min(above + column, start - 1)));
	}

	const end = endOfRow(line.text, line.cursor);
	if (end === line.text.length) return null;
	return move(line, snap(line.text, Math.min(end + 1 + column, endOfRow(line.text, end + 1))));
}

const move = (line: Line, cursor: number): Line =>
	cursor === line.cursor && line.last === 'other' ? line : {...line, cursor, last: 'other'};

function cut(line: Line, from: number, to: number): Line {
	if (from === to) return line;
	return change(line, line.text.slice(0, from) + line.text.slice(to), from);
}

function kill(line: Line, from: number, to: number): Line {
	if (from === to) return line;
	const text = line.text.slice(from, to);
	const [newest = '', ...older] = line.killed;
	const isForward = from === line.cursor;
	const together = isForward ? newest + text : text + newest;
	const killed = line.last === 'killed' ? [together, ...older] : [text, ...line.killed];
	return {...cut(line, from, to), killed: killed.slice(0, mostKilled), last: 'killed'};
}

const change = (line: Line, text: string, cursor: number): Line => ({
	...line,
	text,
	cursor: snap(text, cursor),
	undo: remember(line),
	last: 'other',
});

const remember = ({undo, text, cursor}: Line): Line['undo'] => [...undo.slice(1 - mostUndo), {text, cursor}];

const endOfRow = (text: string, from: number): number => {
	const end = text.indexOf('\n', from);
	return end === -1 ? text.length : end;
};

function stepLeft(text: string, cursor: number): number {
	const row = text.lastIndexOf('\n', cursor - 1) + 1;
	if (row === cursor) return Math.max(0, cursor - 1);
	return cursor - (graphemesOf(text.slice(row, cursor)).at(-1)?.length ?? 0);
}

const stepRight = (text: string, cursor: number): number =>
	cursor + (graphemesOf(text.slice(cursor, cursor + 64))[0]?.length ?? 0);

const wordLeft = (text: string, cursor: number): number =>
	text
		.slice(0, cursor)
		.replace(/[^\p{L}\p{N}_]+$/u, '')
		.replace(/[\p{L}\p{N}_\p{M}]+$/u, '').length;
const wordRight = (text: string, cursor: number): number => {
	const rest = text.slice(cursor);
	return cursor + (/^[^\p{L}\p{N}_]*[\p{L}\p{N}_\p{M}]*/u.exec(rest)?.[0].length ?? 0);
};

/** The end of the grapheme that a place lies in. */
function snap(text: string, cursor: number): number {
	const row = text.lastIndexOf('\n', cursor - 1) + 1;
	let at = row;
	for (const grapheme of graphemesOf(text.slice(row, endOfRow(text, row)))) {
		if (at >= cursor) break;
		at += grapheme.length;
	}

	return Math.max(at, Math.min(cursor, row));
}
