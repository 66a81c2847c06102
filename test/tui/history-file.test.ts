import {mkdtempSync, readFileSync, rmSync, statSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, expect, test} from '@jest/globals';
import {HistoryFile} from '../../cli/tui/ports.ts';

let state: string;
beforeEach(() => {
	state = mkdtempSync(join(tmpdir(), 'paxos-chat-history-'));
});
afterEach(() => rmSync(state, {recursive: true}));

const path = () => join(state, 'paxos-chat', 'history');
const open = () => new HistoryFile({XDG_STATE_HOME: state});

test('what was entered is there the next time, each once, the newest last', async () => {
	const first = open();
	for (const text of ['one', 'two\nlines', 'one', '/kill r1']) first.add(text);
	await first.close();
	expect(await open().read()).toEqual(['two\nlines', 'one', '/kill r1']);
	expect(statSync(path()).mode & 0o777).toBe(0o600);
});

test('a file that is not there, or holds anything, harms nobody', async () => {
	expect(await open().read()).toEqual([]);
	const file = open();
	file.add('good');
	await file.close();
	writeFileSync(path(), `${readFileSync(path(), 'utf8')}{"no": "text"}\nnot JSON\n"better"\n"cut`);
	expect(await open().read()).toEqual(['good', 'better']);
});

test('a place that cannot be written to harms nobody', async () => {
	writeFileSync(join(state, 'paxos-chat'), 'a file where the directory should be');
	const file = open();
	file.add('lost');
	await file.close();
	expect(await file.read()).toEqual([]);
});

test('it does not grow for ever', async () => {
	const file = open();
	file.add('first');
	await file.close();
	const lines = Array.from({length: 5000}, (_, index) => JSON.stringify(`entry ${index}`));
	writeFileSync(path(), `${lines.join('\n')}\n`);
	expect((await open().read()).length).toBe(1000);
	expect(readFileSync(path(), 'utf8').trim().split('\n')).toHaveLength(1000);
});
