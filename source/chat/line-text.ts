import {isCount} from '../value-text.ts';
import type {Line} from './types.ts';

/**
 * A line of chat.log as text, with its newline: the same bytes on every
 * replica and on every version of Node, or the logs could not be compared.
 * So it is built here by hand (which is also faster than JSON.stringify of an
 * object), and a fixed table says what is escaped, never a Unicode property.
 */
export const encodeLine = ({position, slot, client, sequence, nick, text, at}: Line): string =>
	`{"position":${position},"slot":${slot},"client":"${escapeText(client)}","sequence":${sequence},"nick":"${escapeText(nick)}","text":"${escapeText(text)}","at":${at}}\n`;

/** Rebuilds a line from text that may be anything, with or without its newline; undefined if it is not one. */
export function decodeLine(json: string): Line | undefined {
	let parsed: unknown;
	try {
		parsed = JSON.parse(json);
	} catch {
		return undefined;
	}

	if (typeof parsed !== 'object' || parsed === null) return undefined;
	const {position, slot, client, sequence, nick, text, at} = parsed as Record<string, unknown>;
	if (!isCount(position) || !isCount(slot) || !isCount(sequence) || !isCount(at)) return undefined;
	if (typeof client !== 'string' || typeof nick !== 'string' || typeof text !== 'string') return undefined;
	return {position, slot, client, sequence, nick, text, at};
}

/** The usual case, which needs no escape: printable ASCII without quotes and backslashes. */
const plain = /^[ !#-[\]-~]*$/;

/**
 * Quotes, backslashes and all that is not printable, or that changes how its
 * neighbours are shown: control characters, soft hyphen, joiners, fillers,
 * marks of direction, separators, selectors of variations, private use, lone
 * halves of a pair, interlinear marks, tags.
 */
const escaped = new RegExp(
	[
		'["\\\\\\u0000-\\u001f\\u007f-\\u009f\\u00ad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f',
		'\\u200b-\\u200f\\u2028-\\u202f\\u205f-\\u206f\\u3164\\ud800-\\udfff\\ue000-\\uf8ff\\ufe00-\\ufe0f',
		'\\ufeff\\uffa0\\ufff0-\\ufffb\\ufffe\\uffff\\u{1bca0}-\\u{1bca3}\\u{1d173}-\\u{1d17a}',
		'\\u{e0000}-\\u{e0fff}\\u{f0000}-\\u{10ffff}]',
	].join(''),
	'gu',
);

function escapeText(text: string): string {
	return plain.test(text) ? text : text.replace(escaped, escapeCharacter);
}

/** As `\u` and four hex digits, twice for a pair; quotes and backslashes as JSON has them. */
function escapeCharacter(character: string): string {
	if (character === '"' || character === '\\') return `\\${character}`;
	let units = '';
	for (let index = 0; index < character.length; index++)
		units += `\\u${character.charCodeAt(index).toString(16).padStart(4, '0')}`;
	return units;
}
