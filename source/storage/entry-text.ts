import type {Entry} from '../consensus/types.ts';
import {decodeValue, encodeValue, isCount} from '../value-text.ts';

/** An entry as a line of text, with its line break: `v VIEW`, `a VIEW SLOT EPOCH VALUE`, `d SLOT`, `d SLOT VALUE`. */
export function encodeEntry(entry: Entry): string {
	switch (entry.type) {
		case 'view':
			return `v ${entry.view}\n`;
		case 'accepted':
			return `a ${entry.view} ${entry.slot} ${entry.epoch} ${lineOf(encodeValue(entry.value))}\n`;
		case 'decided':
			return entry.value === undefined
				? `d ${entry.slot}\n`
				: `d ${entry.slot} ${lineOf(encodeValue(entry.value))}\n`;
	}
}

/** Undefined if the line is not an entry. */
export function decodeEntry(line: string): Entry | undefined {
	const [, kind, numbers, text] = /^([vad])((?: \d+){1,3})(?: (\{.*))?$/s.exec(line) ?? [];
	if (kind === undefined || numbers === undefined) return undefined;
	const [first, second, third] = numbers.slice(1).split(' ').map(Number);
	if (!isCount(first)) return undefined;
	const value = text === undefined ? undefined : decodeValue(text);
	if (text !== undefined && value === undefined) return undefined;

	if (kind === 'v') {
		return second === undefined && value === undefined ? {type: 'view', view: first} : undefined;
	}
	if (kind === 'd') {
		if (second !== undefined) return undefined;
		return value === undefined ? {type: 'decided', slot: first} : {type: 'decided', slot: first, value};
	}
	if (!isCount(second) || !isCount(third) || value === undefined) return undefined;
	return {type: 'accepted', view: first, slot: second, epoch: third, value};
}

/**
 * The text of a value comes as its first writer made it. JSON allows line
 * breaks between its parts, and a lone surrogate that UTF-8 cannot hold: both
 * would come back as another value than the one that was voted for.
 */
function lineOf(text: string): string {
	return text.isWellFormed() && !text.includes('\n') ? text : JSON.stringify(JSON.parse(text));
}
