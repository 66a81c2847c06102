import type {Key as InkKey} from 'ink';

/** One key by its name (`enter`, `ctrl+g`, `alt+1`), or a run of printable text. */
export type Key = {readonly name: string} | {readonly text: string};

const named: ReadonlyArray<readonly [flag: keyof InkKey, name: string]> = [
	['upArrow', 'up'],
	['downArrow', 'down'],
	['leftArrow', 'left'],
	['rightArrow', 'right'],
	['pageUp', 'pageup'],
	['pageDown', 'pagedown'],
	['home', 'home'],
	['end', 'end'],
	['return', 'enter'],
	['escape', 'escape'],
	['tab', 'tab'],
	['backspace', 'backspace'],
	['delete', 'delete'],
];

/**
 * What Ink hands over is what one read of the terminal brought: one key with
 * its flags, or, over a slow line or from a script, several characters at once
 * among which Enter is only a character. Here they are keys again.
 */
export function splitChunk(input: string, key: InkKey): readonly Key[] {
	if (key.eventType === 'release') return [];
	const special = named.find(([flag]) => key[flag] === true);
	if (special !== undefined) return [{name: modified(special[1], key, true)}];
	if (input === '') return [];
	if (key.ctrl || key.meta) {
		const character = input === ' ' ? 'space' : input;
		return [{name: modified(character, key, false)}];
	}

	return split(input);
}

function modified(name: string, {ctrl, meta, shift}: InkKey, withShift: boolean): string {
	return `${ctrl ? 'ctrl+' : ''}${meta ? 'alt+' : ''}${withShift && shift ? 'shift+' : ''}${name}`;
}

function split(input: string): readonly Key[] {
	const keys: Key[] = [];
	for (const part of input.match(/\r\n|[\u0000-\u001f\u007f]|[^\u0000-\u001f\u007f]+/g) ?? []) {
		const code = part.charCodeAt(0);
		if (part === '\r' || part === '\r\n') keys.push({name: 'enter'});
		else if (part === '\t') keys.push({name: 'tab'});
		else if (part === '\u007f' || part === '\b') keys.push({name: 'backspace'});
		else if (part === '\u001b') keys.push({name: 'escape'});
		else if (part === '\u001f') keys.push({name: 'ctrl+_'});
		else if (code < 0x1b) keys.push({name: `ctrl+${String.fromCharCode(code + 0x60)}`});
		else if (code >= 0x20) keys.push({text: part});
	}

	return keys;
}
