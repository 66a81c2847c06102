import {execFileSync, spawnSync} from 'node:child_process';
import {join, resolve} from 'node:path';
import {afterEach, beforeEach, expect, test} from '@jest/globals';
import {ScreenUnderTest} from '../../bench/terminal.ts';
import {Place, until} from '../cli/processes.ts';

const colour = /\u001b\[(?:\d+;)*(?:3[0-7]|9[0-7]|38;[25])[;m]/;
let place: Place;
const screens: ScreenUnderTest[] = [];
const open = (words: readonly string[] = [], options: object = {}) => {
	const screen = new ScreenUnderTest(words, {cwd: place.path, ...options});
	screens.push(screen);
	return screen;
};

beforeEach(async () => {
	place = new Place();
	await place.write(1);
});
afterEach(async () => {
	for (const screen of screens.splice(0)) await screen.clear();
	await place.clear();
});

test('kinds of terminals: colour or not, characters or not, screen or lines', async () => {
	const small = {columns: 80, rows: 24};
	const plain = open(['--read-only'], {...small, environment: {NO_COLOR: '1'}});
	const forced = open(['--read-only'], {...small, environment: {NO_COLOR: '1', FORCE_COLOR: '3'}});
	const oldLocale = open(['--read-only'], {...small, environment: {LANG: 'C'}});
	const dumb = open(['--read-only'], {...small, environment: {TERM: 'dumb'}});
	for (const screen of [plain, forced, oldLocale]) await screen.until(/read-only>[\s\S]*|NO QUORUM/);
	await Promise.all([plain, forced].map(screen => screen.until(/✗ offline/)));
	await oldLocale.until(/x offline/);
	expect(plain.raw).not.toMatch(colour);
	// What matters is bold there.
	expect(plain.raw).toMatch(/\u001b\[1m/);
	expect(forced.raw).toMatch(colour);
	expect(oldLocale.text).toMatch(/^[\n -~]*$/);
	await dumb.until(/offline: no replica can be reached/);
	expect(dumb.raw).not.toContain('\u001b');
	expect([plain, dumb].map(({isAlternate}) => isAlternate)).toEqual([true, false]);
}, 30_000);

test('a reader of the pipe that goes away is no failure', () => {
	const {status, stderr} = spawnSync(
		'/bin/sh',
		[
			'-c',
			`{ "$0" "$1" --help; echo "code $?" >&2; } | head -n 1 > ${join(place.path, 'out')}`,
			process.execPath,
			resolve('cli/bin.js'),
		],
		{encoding: 'utf8'},
	);
	expect([status, stderr]).toEqual([0, 'code 0\n']);
}, 20_000);

/** tmux is a terminal with a shell in it, as a person has one: job control needs both. */
const hasTmux = spawnSync('tmux', ['-V']).status === 0;
(hasTmux ? test : test.skip)(
	'under tmux: Ctrl+Z leads back to the shell, fg back to the screen; skipped where there is no tmux',
	async () => {
		const socket = join(place.path, 'tmux');
		const {PATH = '', HOME = ''} = process.env;
		const environment = {PATH, HOME, LANG: 'C.UTF-8', XDG_STATE_HOME: place.path};
		const tmux = (...words: readonly string[]) =>
			execFileSync('tmux', ['-S', socket, '-f', '/dev/null', ...words], {
				encoding: 'utf8',
				cwd: place.path,
				env: environment,
			});
		const shows = async (pattern: RegExp) => {
			let seen = '';
			await until(() => {
				seen = tmux('capture-pane', '-p', '-t', 'main');
				return pattern.test(seen);
			}, `${pattern} under tmux`).catch((error: Error) => {
				throw new Error(`${error.message}:\n${seen}`);
			});
			return seen;
		};
		tmux(
			'new-session',
			'-d',
			'-s',
			'main',
			'-x',
			'120',
			'-y',
			'36',
			"PS1='shell$ ' exec bash --norc --noprofile -i",
		);
		try {
			await shows(/shell\$/);
			tmux(
				'send-keys',
				'-t',
				'main',
				`'${process.execPath}' '${resolve('cli/bin.js')}' --read-only --nick eve`,
				'Enter',
			);
			const picture = await shows(/✗ offline/);
			// Of every row of the frame the right border stands in the last column.
			const frame = picture.split('\n').filter(row => /^[│╭╰║╔╚]/.test(row));
			expect(frame.length).toBeGreaterThan(25);
			for (const row of frame) expect([...row].length).toBe(120);
			tmux('send-keys', '-t', 'main', 'draft', 'C-z');
			await shows(/Stopped/);
			tmux('send-keys', '-t', 'main', 'echo still $((6 * 7))', 'Enter');
			await shows(/still 42/);
			tmux('send-keys', '-t', 'main', 'fg', 'Enter');
			await shows(/read-only> draft/);
			tmux('send-keys', '-t', 'main', 'C-c', 'C-c', 'C-c');
			await shows(/nick eve\nshell\$\s*$/);
			tmux('send-keys', '-t', 'main', 'stty -a | grep -c -- "[^-]echo "', 'Enter');
			await shows(/^1$/m);
		} finally {
			tmux('kill-server');
		}
	},
	30_000,
);
