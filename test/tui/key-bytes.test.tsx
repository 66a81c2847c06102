import {afterAll, beforeAll, expect, test} from '@jest/globals';
import {type Instance, render} from 'ink';
import {hearing} from '../../cli/tui/hearing.ts';
import {actionOf, bindings} from '../../cli/tui/keys.ts';
import type {Screen} from '../../cli/tui/screen.ts';
import type {Key} from '../../cli/tui/split-chunk.ts';
import {Terminal} from '../../cli/tui/terminal.tsx';
import {until} from '../client/fake-replica.ts';
import {FakeTerminal} from './fake-terminal.ts';

/** What terminals send for keys that are no characters; with Ctrl, Alt or Shift held, xterm says so in a number. */
const letters: Readonly<Record<string, string>> = {
	up: 'A',
	down: 'B',
	right: 'C',
	left: 'D',
	home: 'H',
	end: 'F',
};
const numbers: Readonly<Record<string, number>> = {delete: 3, pageup: 5, pagedown: 6};
const single: Readonly<Record<string, string>> = {
	enter: '\r',
	escape: '\u001b',
	tab: '\t',
	backspace: '\u007f',
	'ctrl+_': '\u001f',
	'shift+tab': '\u001b[Z',
	// Only terminals that speak the newer protocol tell it from Enter.
	'shift+enter': '\u001b[13;2u',
	wheelup: '\u001b[<64;1;1M',
	wheeldown: '\u001b[<65;1;1M',
};

function bytesOf(name: string): string {
	if (single[name] !== undefined) return single[name];
	if (name.length === 1) return name;
	const parts = name.split('+');
	const last = parts.at(-1)!;
	const [isShift, isAlt, isCtrl] = ['shift', 'alt', 'ctrl'].map(held => parts.slice(0, -1).includes(held));
	const held = 1 + (isShift ? 1 : 0) + (isAlt ? 2 : 0) + (isCtrl ? 4 : 0);
	const parameter = held === 1 ? '' : `;${held}`;
	if (letters[last] !== undefined) return `\u001b[${held === 1 ? '' : '1'}${parameter}${letters[last]}`;
	if (numbers[last] !== undefined) return `\u001b[${numbers[last]}${parameter}~`;
	if (isAlt) return `\u001b${single[last] ?? last}`;
	if (isCtrl && last.length === 1) return String.fromCharCode(last.charCodeAt(0) & 0x1f);
	throw new Error(`what does a terminal send for ${name}?`);
}

const terminal = new FakeTerminal(20, 2);
const arrived: Key[] = [];
const frame = {rows: [[]], columns: 20, cursor: null, theme: 'dark'};
const screen = {
	subscribe: () => () => {},
	getFrame: () => frame,
	dispatch: ({key}: {key: Key}) => arrived.push(key),
} as unknown as Screen;
let app: Instance;
beforeAll(() => {
	app = render(<Terminal screen={screen} />, {
		stdout: terminal as unknown as NodeJS.WriteStream,
		stdin: hearing(terminal.keys as unknown as NodeJS.ReadStream, key => arrived.push(key)),
		interactive: true,
		patchConsole: false,
		exitOnCtrlC: false,
	});
});
afterAll(() => app.unmount());

test('every key of the table, as a terminal sends it, is the key that the table means', async () => {
	for (const {context, keys, action, says} of bindings) {
		for (const name of keys) {
			arrived.length = 0;
			// Of a chord one key after the other.
			const parts = name === ' ' ? [name] : name.split(' ');
			for (const [index, part] of parts.entries()) {
				terminal.keys.write(bytesOf(part));
				await until(`${part} arrives`, () => arrived.length > index);
			}

			const told = arrived.map(key => ('name' in key ? key.name : key.text)).join(' ');
			expect([context, name, says, actionOf(told, [context])]).toEqual([context, name, says, action]);
		}
	}
});
