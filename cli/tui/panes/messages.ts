import type {Line as ChatLine} from '../../../source/chat/types.ts';
import type {Pending} from '../../../source/client/client-store.ts';
import {safeLine, safeNick, safeText} from '../../../source/safe-text.ts';
import {type Glyphs, glyphsOf} from '../glyphs.ts';
import type {Anchor, Model, Notice, TimeFormat} from '../model.ts';
import {cutText, fill, justify, type Row, rowWidth, span, widthOf, wrap} from '../rows.ts';
import {nickTone, type Tone} from '../theme.ts';
import {clock, dayOf, lasting, type World} from '../world.ts';

/** The list of messages is laid out from where the reader is, upwards: only what is seen is made. */
export class MessageList {
	readonly #lines: readonly ChatLine[];
	readonly #tail: readonly Row[];
	readonly #model: Model;
	readonly #world: World;
	readonly #width: number;
	readonly #glyphs: Glyphs;
	readonly #shape: Shape;
	readonly #notices = new Map<number, Notice[]>();
	readonly #own = new Map<string, Pending>();

	constructor(model: Model, world: World, width: number) {
		this.#model = model;
		this.#world = world;
		this.#width = width;
		this.#lines = world.client.lines;
		this.#glyphs = glyphsOf(world.about.isAscii);
		this.#shape = shapeOf(width, model.time);
		const last = this.#lines.at(-1)?.position ?? 0;
		for (const notice of model.notices) {
			const after = Math.min(notice.after, last);
			this.#notices.set(after, [...(this.#notices.get(after) ?? []), notice]);
		}

		for (const pending of world.client.pending)
			if (pending.sequence !== null) this.#own.set(`${pending.client} ${pending.sequence}`, pending);
		const isShown = (pending: Pending) => pending.position === undefined || pending.position > last;
		this.#tail = [
			...(last === 0 && world.client.pending.length === 0 ? welcome(world, width) : []),
			...(last === 0 ? this.#noticeRows(0) : []),
			...world.client.pending.filter(isShown).flatMap(pending => this.#pendingRows(pending)),
		];
	}

	/** The rows of a window of this height, and how many messages lie below it. */
	window(anchor: Anchor | null, height: number): {readonly rows: readonly Row[]; readonly below: number} {
		let {index, cut} = this.#place(anchor);
		const below = this.#lines.length - 1 - index;
		const rows: Row[][] = [];
		let count = 0;
		for (; index >= 0 && count < height; index--) {
			const own = this.#rowsAt(index);
			const shown = cut === 0 ? own : own.slice(0, own.length - cut);
			cut = 0;
			rows.unshift(shown as Row[]);
			count += shown.length;
		}

		const all = rows.flat();
		return {rows: all.slice(Math.max(0, all.length - height)), below: Math.max(0, below)};
	}

	/** Where the reader is after scrolling by so many rows, up if negative; null at the end. */
	scroll(anchor: Anchor | null, by: number, height: number): Anchor | null {
		let {index, cut} = this.#place(anchor);
		cut -= by;
		while (cut < 0) {
			index++;
			if (index > this.#lines.length) return null;
			cut += this.#rowsAt(index).length;
		}

		while (cut >= this.#rowsAt(index).length) {
			if (index === 0) break;
			cut -= this.#rowsAt(index).length;
			index--;
		}

		// Not further than to where the first row stands at the top.
		let above = -cut;
		for (let at = index; at >= 0 && above < height; at--) above += this.#rowsAt(at).length;
		if (above < height) {
			let missing = height - above;
			while (missing > cut) {
				missing -= cut;
				index++;
				if (index > this.#lines.length) return null;
				cut = this.#rowsAt(index).length;
			}

			cut -= missing;
		}

		const isLast = index === this.#lines.length - 1 && this.#tail.length === 0;
		if ((isLast || index >= this.#lines.length) && cut === 0) return null;
		return {position: this.#lines[index]?.position ?? Number.POSITIVE_INFINITY, cut};
	}

	/** The message at a position, at about the middle of a window of this height. */
	show(position: number, height: number): Anchor | null {
		return this.scroll({position, cut: 0}, Math.floor(height / 2), height);
	}

	/** Whether the first row that there is stands in a window of this height. */
	isAtTop(anchor: Anchor | null, height: number): boolean {
		let {index, cut} = this.#place(anchor);
		let count = -cut;
		for (; index >= 0; index--) {
			count += this.#rowsAt(index).length;
			if (count > height) return false;
		}

		return true;
	}

	/** Index of the message that the window ends with; the one after the last is the tail: what is not in the chat yet. */
	#place(anchor: Anchor | null): {index: number; cut: number} {
		const end = {index: this.#lines.length, cut: 0};
		const first = this.#lines[0]?.position;
		if (anchor === null || first === undefined) return end;
		const index = anchor.position - first;
		if (index < 0) return {index: 0, cut: 0};
		return index >= this.#lines.length
			? {...end, cut: Math.min(anchor.cut, this.#tail.length)}
			: {index, cut: anchor.cut};
	}

	#rowsAt(index: number): readonly Row[] {
		const line = this.#lines[index];
		if (line === undefined) return this.#tail;
		const before = this.#lines[index - 1];
		// What was told before anybody said anything.
		const rows: Row[] = line.position === 1 ? [...this.#noticeRows(0)] : [];
		if (before === undefined || dayOf(before.at) !== dayOf(line.at))
			rows.push(this.#separator(dayOf(line.at), this.#glyphs.line));
		if (this.#model.unread === line.position)
			rows.push(this.#separator('unread', this.#glyphs.dotted, 'warn'));
		rows.push(...this.#lineRows(line), ...this.#noticeRows(line.position));
		return rows;
	}

	#lineRows(line: ChatLine): readonly Row[] {
		const isOwn = line.client === this.#world.about.client;
		const isFound = this.#model.found === line.position;
		const pending = isOwn ? this.#own.get(`${line.client} ${line.sequence}`) : undefined;
		const key = `${this.#width} ${this.#model.time} ${this.#model.nick} ${this.#model.find} ${isFound} ${this.#world.about.isAscii} ${freshness(pending, this.#world.now)}`;
		const kept = cache.get(line);
		if (kept?.key === key) return kept.rows;
		const {text, nick, at, slot} = line;
		const isMention = !isOwn && mentions(text, this.#model.nick);
		const meta = isOwn ? decidedWords(slot, pending, this.#world.now) : [];
		const rows = this.#say({
			at,
			nick: safeNick(nick),
			tone: nickTone(nick),
			glyph: isFound ? this.#glyphs.selected : isOwn ? this.#glyphs.decided : isMention ? '@' : ' ',
			glyphTone: isOwn && !isFound ? 'good' : 'warn',
			text: safeText(text, {ascii: this.#world.about.isAscii}),
			textTone: isMention ? 'bold' : 'plain',
			meta,
			metaTone: 'dim',
		});
		cache.set(line, {key, rows});
		return rows;
	}

	#pendingRows(pending: Pending): readonly Row[] {
		const {words, tone} = stateOf(pending, this.#world.now);
		const rows = this.#say({
			at: pending.since,
			nick: safeNick(pending.nick),
			tone: nickTone(pending.nick),
			glyph: this.#glyphs[pending.state],
			glyphTone: tone,
			text: safeText(pending.text, {ascii: this.#world.about.isAscii}),
			textTone: 'plain',
			meta: words,
			metaTone: tone,
		});
		if (pending.state !== 'failed') return rows;
		const ways = `${pending.isUnknown ? 'look in the chat first; ' : ''}/resend ${pending.key}, /cancel ${pending.key}`;
		const why = `${safeLine(pending.why ?? '')} (${ways})`;
		const indent = fill(this.#shape.head);
		return [...rows, ...this.#textRows(why, 'bad', '').map((row): Row => [indent, ...row])];
	}

	#noticeRows(after: number): readonly Row[] {
		return (this.#notices.get(after) ?? []).flatMap(({at, text, isBad}) =>
			this.#say({
				at,
				nick: '--',
				tone: 'dim',
				glyph: isBad ? '!' : ' ',
				glyphTone: 'bad',
				text: safeLine(text),
				textTone: isBad ? 'bad' : 'dim',
				meta: [],
				metaTone: 'dim',
			}),
		);
	}

	#say(said: {
		readonly at: number;
		readonly nick: string;
		readonly tone: Tone;
		readonly glyph: string;
		readonly glyphTone: Tone;
		readonly text: string;
		readonly textTone: Tone;
		/** The same, shorter and shorter: what fits is shown, and there is always room for the last. */
		readonly meta: readonly string[];
		readonly metaTone: Tone;
	}): readonly Row[] {
		const shape = this.#shape;
		const nick = cutText(said.nick, shape.nick, this.#glyphs.more);
		const head: Row = [
			span(`${clock(said.at, shape.hasSeconds)} `, 'dim'),
			fill(shape.nick - widthOf(nick)),
			span(nick, said.tone),
			span(' '),
			span(said.glyph, said.glyphTone),
			span(' '),
		];
		const [first = [], ...rest] = this.#textRows(said.text, said.textTone, said.meta.at(-1) ?? '');
		const below = rest.map((row): Row => [fill(shape.head), ...row]);
		const room = this.#width - shape.head - rowWidth(first) - 2;
		const meta = said.meta.find(words => widthOf(words) <= room);
		const above: Row = [...head, ...first];
		return [meta === undefined ? above : justify(above, [span(meta, said.metaTone)], this.#width), ...below];
	}

	/** Every line that the writer began has a mark, so that no message can pass for another one. */
	#textRows(text: string, tone: Tone, meta: string): readonly Row[] {
		const room = Math.max(8, this.#width - this.#shape.head);
		const reserved = meta === '' ? 0 : widthOf(meta) + 2;
		return text.split('\n').flatMap((part, index) => {
			const gutter = index === 0 ? '' : `${this.#glyphs.gutter} `;
			return wrap(part, Math.max(8, room - gutter.length - reserved)).map(
				(piece): Row => [
					...(gutter === '' ? [] : [span(gutter, 'dim')]),
					...highlighted(piece, this.#model.find, tone),
				],
			);
		});
	}

	#separator(text: string, line: string, tone: Tone = 'dim'): Row {
		const label = text === 'unread' ? ' unread ' : ` ${text} `;
		const before = text === 'unread' ? Math.floor((this.#width - label.length) / 2) : 2;
		return [
			fill(before, tone, line),
			span(label, tone),
			fill(this.#width - before - label.length, tone, line),
		];
	}
}

/** Shown as long as nobody has said anything. */
function welcome({about}: World, width: number): readonly Row[] {
	const tour = about.isReadOnly
		? ['You look on: --read-only sends nothing.', 'Esc leads to the panes, ? there shows the keys.']
		: [
				'Nothing was said yet. Type, and press Enter.',
				'A message is decided when a majority of the replicas has it on disk: then it has its #slot for ever.',
				'Esc leads to the panes: K kills the chosen replica, S makes the leader skip a slot, ? shows the keys.',
				'/help lists the commands. Ctrl+C twice leaves.',
			];
	return tour.flatMap(text =>
		wrap(text, width - 4).map((row, index): Row => [span(`${index === 0 ? '  ' : '    '}${row}`, 'dim')]),
	);
}

const cache = new WeakMap<ChatLine, {readonly key: string; readonly rows: readonly Row[]}>();

/** How the columns before the text are divided. */
type Shape = {readonly head: number; readonly nick: number; readonly hasSeconds: boolean};

function shapeOf(width: number, time: TimeFormat): Shape {
	const isWide = width > 60;
	const hasSeconds = time === 'auto' ? isWide : time === 'seconds';
	const nick = isWide ? 8 : 6;
	return {nick, hasSeconds, head: (hasSeconds ? 9 : 6) + nick + 3};
}

const freshMs = 10_000;
const freshness = (pending: Pending | undefined, now: number): string =>
	pending?.settledAt !== undefined && now - pending.settledAt < freshMs ? 'fresh' : '';
const decidedWords = (slot: number, pending: Pending | undefined, now: number): readonly string[] =>
	freshness(pending, now) === '' ? [`#${slot}`] : [`decided #${slot}`, `#${slot}`];

/** The state of a message of one's own, in words. */
export function stateOf(
	pending: Pending,
	now: number,
): {readonly words: readonly string[]; readonly tone: Tone} {
	const age = now - pending.since;
	const aged = age >= 1000 ? `, ${lasting(age)}` : '';
	const last = pending.replicas.at(-1);
	switch (pending.state) {
		case 'queued':
			return {words: [`queued${aged}`, 'queued'], tone: 'warn'};
		case 'sent':
			return {words: [`sent to r${last}${aged}`, `sent to r${last}`, 'sent'], tone: 'accent'};
		case 'retried': {
			const way = pending.replicas.slice(-2).map(id => `r${id}`);
			const short = `retry ${pending.retries}`;
			return {
				words: [`${short}, ${[...new Set(way)].join('>')}${aged}`, `${short}${aged}`, short],
				tone: 'warn',
			};
		}
		case 'decided':
			return {words: [`decided #${pending.slot}`, `#${pending.slot}`], tone: 'good'};
		case 'failed':
			return {words: [pending.isUnknown ? 'unknown' : 'failed'], tone: 'bad'};
	}
}

/** Whether somebody is spoken to. */
export function mentions(text: string, nick: string): boolean {
	const at = text.toLowerCase().indexOf(nick.toLowerCase());
	if (at === -1) return false;
	const isLetter = (character: string | undefined) =>
		character !== undefined && /[\p{L}\p{N}_-]/u.test(character);
	return !isLetter(text[at - 1]) && !isLetter(text[at + nick.length]);
}

function highlighted(text: string, find: string, tone: Tone): Row {
	if (find === '') return [span(text, tone)];
	const row: Row[number][] = [];
	const lower = text.toLowerCase();
	let from = 0;
	for (
		let at = lower.indexOf(find);
		at !== -1 && lower.length === text.length;
		at = lower.indexOf(find, from)
	) {
		if (at > from) row.push(span(text.slice(from, at), tone));
		row.push(span(text.slice(at, at + find.length), 'inverse'));
		from = at + find.length;
	}

	if (from < text.length || row.length === 0) row.push(span(text.slice(from), tone));
	return row;
}
