declare const safe: unique symbol;
/**
 * Text of strangers that a terminal may show: it moves no cursor, changes no
 * colour, reorders nothing, hides nothing and cannot leave its place. The type
 * is a brand, so that the screens can ask for nothing less.
 */
export type SafeText = string & {readonly [safe]: true};

/** `ascii`: what stands for a character that cannot be shown is ASCII too. The text itself stays as it is. */
export type SafeOptions = {readonly ascii?: boolean};

/** May hold '\n' and nothing else below a space: at most 20 lines and 4,096 code points. The screen marks continued lines. */
export function safeText(text: string, options: SafeOptions = {}): SafeText {
	if (plain.test(text)) return text as SafeText;
	return cut(withoutTricks(text, options), options) as SafeText;
}

/** One line: newlines are shown, as ⏎. */
export function safeLine(text: string, options: SafeOptions = {}): SafeText {
	if (plain.test(text)) return text as SafeText;
	const line = withoutTricks(text, options).replaceAll('\n', options.ascii ? ' ' : '⏎');
	return cut(line, options) as SafeText;
}

/**
 * A nick of 1 to 16 letters, digits, `_` and `-`, as the replicas take it; all
 * else is shown as `?`. So is a nick without a letter or digit: `--` in place
 * of a nick is how the screens mark their own lines.
 */
export function safeNick(nick: string): SafeText {
	const characters = Array.from(withoutTricks(nick, {}).replace(/[^\p{L}\p{N}_-]/gu, '?')).slice(0, 16);
	const shown = characters.join('');
	return (/[\p{L}\p{N}]/u.test(shown) ? shown : '?'.repeat(characters.length || 1)) as SafeText;
}

const mostLines = 20;
const mostCharacters = 4096;
/** The usual case, in which there is nothing to do. */
const plain = /^[ -~]{0,4096}$/;

/**
 * Commands to a terminal, as a whole, so that no rest of them litters the
 * text: CSI up to its final byte; OSC, DCS, APC, PM and SOS up to their
 * terminator or the end of the line. With ESC or as one character (ECMA-48).
 */
const commands = new RegExp(
	[
		'(?:\\u001b\\[|\\u009b)[0-?]*[ -/]*[@-~]?',
		'(?:\\u001b[\\]P_^X]|[\\u009d\\u0090\\u009f\\u009e\\u0098])' +
			'[^\\u0007\\u0018\\u001a\\u001b\\u009c\\n\\r\\u0085\\u2028\\u2029]*(?:\\u0007|\\u001b\\\\|\\u009c)?',
	].join('|'),
	'g',
);
const newlines = /\r\n|[\u0085\u2028\u2029]/g;
const controls = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/g;
/** Private and not (yet) given away: no two terminals agree what they look like and how wide they are. */
const unknown = /[\p{Co}\p{Cn}]/gu;

/** The only places where a joiner or the selector of the colourful form means something: up to four joined emoji, and keycaps. */
const emoji =
	'(?:[0-9#*]\\ufe0f\\u20e3|\\p{Extended_Pictographic}(?:\\ufe0f|\\p{Emoji_Modifier})?' +
	'(?:\\u200d\\p{Extended_Pictographic}(?:\\ufe0f|\\p{Emoji_Modifier})?){0,3})';
/** What is not seen itself, but hides, joins, reorders or spells out a message: direction marks, zero widths, fillers, selectors, tags. */
const invisible = '[\\p{Default_Ignorable_Code_Point}\\ufff9-\\ufffb]';
const emojiOrInvisible = new RegExp(`(${emoji})|${invisible}`, 'gu');
/** Marks that pile up over the lines above, and marks with nothing to stand on, which would climb on the frame. */
const tooManyMarks = /(\p{M}{4})\p{M}+/gu;
const marksWithoutBase = /^\p{M}+/gmu;

function withoutTricks(text: string, {ascii = false}: SafeOptions): string {
	return (
		text
			.toWellFormed()
			.replace(commands, '')
			.replace(newlines, '\n')
			.replaceAll('\t', '    ')
			.replace(controls, control => pictureOf(control.charCodeAt(0), ascii))
			.replace(unknown, ascii ? '?' : '\ufffd')
			.replace(emojiOrInvisible, (_, kept?: string) => kept ?? '')
			// Only now: what stood apart may have come together.
			.normalize('NFC')
			.replace(marksWithoutBase, '')
			.replace(tooManyMarks, '$1')
	);
}

/** An attack is shown, not swept away: ␛ for ESC, ␇ for BEL, … */
function pictureOf(code: number, ascii: boolean): string {
	if (code < 0x20) return ascii ? `^${String.fromCharCode(code + 0x40)}` : String.fromCharCode(0x2400 + code);
	return ascii ? '?' : '␦';
}

function cut(text: string, {ascii = false}: SafeOptions): string {
	const more = ascii ? '...' : '…';
	const lines = text.split('\n');
	const fewer = lines.length > mostLines ? lines.slice(0, mostLines).join('\n') + more : text;
	if (fewer.length <= mostCharacters) return fewer;
	const characters = Array.from(fewer);
	if (characters.length <= mostCharacters) return fewer;
	const shorter = characters.slice(0, mostCharacters - more.length).join('');
	// An emoji that was cut in two ends with a joiner.
	return shorter.replace(/[\u200d\ufe0f]+$/, '') + more;
}
