import {writeFileSync} from 'node:fs';
import {join, resolve} from 'node:path';
import {afterAll, afterEach, beforeAll, expect, test} from '@jest/globals';
import {ScreenUnderTest} from '../../bench/terminal.ts';
import {Place, until} from '../cli/processes.ts';

let place: Place;
const screens: ScreenUnderTest[] = [];
beforeAll(async () => {
	place = new Place();
	await place.write(1);
	writeFileSync(join(place.path, 'trap.mjs'), trap);
});
afterEach(async () => {
	for (const screen of screens.splice(0)) await screen.clear();
});
afterAll(() => place.clear());

/** Lets the program die in some way, when a file is there that says so: from within, as its own bugs and the system do it. */
const trap = `
	import {existsSync} from 'node:fs';
	import {createRequire} from 'node:module';
	const {WAY, PROJECT} = process.env;
	let isArmed = false;
	const boom = () => {
		// React tries a second time.
		isArmed = WAY === 'render';
		throw new Error('boom');
	};
	const armed = work => (...given) => isArmed ? boom() : work(...given);
	if (WAY === 'render') {
		const react = createRequire(PROJECT)('react/jsx-runtime');
		react.jsx = armed(react.jsx);
	}
	if (WAY === 'draw') Date.now = armed(Date.now);
	const timer = setInterval(() => {
		if (!existsSync(WAY)) return;
		clearInterval(timer);
		isArmed = true;
		if (WAY === 'render' || WAY === 'draw') process.stdout.columns--, process.stdout.emit('resize');
		else if (WAY === 'handler') process.stdin.prependListener('readable', boom).emit('readable');
		else if (WAY === 'timer') setTimeout(boom);
		else if (WAY === 'promise') Promise.reject(new Error('boom'));
		else if (WAY === 'exit') process.exit(7);
		else if (WAY === 'EPIPE') process.stdout.emit('error', Object.assign(new Error('write EPIPE'), {code: 'EPIPE'}));
		else process.kill(process.pid, WAY);
	}, 20);
	timer.unref();`;

/** A shell that tells with what code the program left, and how it found the terminal set before and after. */
const shell = 'stty -g; "$@"; echo "code $?"; stty -g';
const boom = 'paxos-chat: internal error: boom';

const ways: ReadonlyArray<readonly [way: string, code: number, told: string]> = [
	['render', 1, boom],
	['draw', 1, boom],
	['handler', 1, boom],
	['timer', 1, boom],
	['promise', 1, boom],
	['exit', 7, ''],
	['SIGTERM', 143, ''],
	['SIGINT', 130, ''],
	['SIGHUP', 129, ''],
	['SIGQUIT', 131, ''],
	['EPIPE', 0, ''],
];

test('eleven ways to die, and the terminal is as it was after each', async () => {
	const program = ['/bin/sh', '-c', shell, 'sh', process.execPath, resolve('cli/bin.js')] as const;
	await Promise.all(
		ways.map(async ([way, code, told]) => {
			const screen = new ScreenUnderTest(['monitor'], {
				cwd: place.path,
				program,
				environment: {
					WAY: way,
					PROJECT: resolve('package.json'),
					NODE_ENV: 'production',
					NODE_OPTIONS: `--import ${join(place.path, 'trap.mjs')}`,
				},
			});
			screens.push(screen);
			const before = screen.modes;
			await screen.until(/NO QUORUM/, 30_000);
			screen.write('\u001bm');
			await screen.until(() => screen.isMouseTracked);
			expect({way, modes: screen.modes}).not.toEqual({way, modes: before});
			writeFileSync(join(place.path, way), '');
			await screen.end();
			const [set, ...after] = screen.text.trim().split('\n');
			const settled = after.pop();
			expect({way, modes: screen.modes, after, settled}).toEqual({
				way,
				modes: before,
				after: [...(told === '' ? [] : [told]), `code ${code}`],
				settled: set,
			});
			// The wheel is the user's again.
			expect(screen.raw.lastIndexOf('\u001b[?1007r')).toBeGreaterThan(
				screen.raw.lastIndexOf('\u001b[?1007l'),
			);
		}),
	);
}, 60_000);

test('a window that is closed leaves no process behind', async () => {
	const screen = new ScreenUnderTest(['--read-only'], {cwd: place.path});
	screens.push(screen);
	await screen.until(/✗ offline/);
	const {pid} = screen;
	screen.hangUp();
	await until(() => !isAlive(pid), `the end of process ${pid}`);
}, 20_000);

function isAlive(pid: number): boolean {
	try {
		process.kill(pid, 0);
		return true;
	} catch {
		return false;
	}
}
