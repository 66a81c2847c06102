import {resolve} from 'node:path';
import {afterAll, afterEach, beforeAll, describe, expect, test} from '@jest/globals';
import {ScreenUnderTest} from '../../bench/terminal.ts';
import {runBatch} from '../../source/client/batch.ts';
import {type Cluster, readCluster} from '../../source/cluster.ts';
import {Supervisor} from '../../source/supervisor.ts';
import {Place} from '../cli/processes.ts';

const escapeByte = '\u001b';
/** Slots executed, as the table tells them, by replica. */
const executed = (text: string) => [...text.matchAll(/ (\d+) +0 +[0-9a-f]{8} /g)].map(([, slot]) => slot);
/** The hash of each replica in the table. */
const hashes = (text: string) => [...text.matchAll(/ \d+ +0 +([0-9a-f]{8}) /g)].map(([, hash]) => hash);

describe('on replicas that live longer than a screen', () => {
	let place: Place;
	let cluster: Cluster;
	let replicas: Supervisor;
	const screens: ScreenUnderTest[] = [];
	const open = (words: readonly string[] = [], options: object = {}) => {
		const screen = new ScreenUnderTest(words, {cwd: place.path, ...options});
		screens.push(screen);
		return screen;
	};

	beforeAll(async () => {
		place = new Place();
		await place.write(1);
		const configPath = resolve(place.path, 'cluster.json');
		cluster = readCluster(configPath);
		replicas = new Supervisor({
			cluster,
			configPath,
			dataDirectory: resolve(place.path, 'data'),
			extraArguments: () => ['--faults'],
			script: resolve('cli/bin.js'),
		});
		for (const {status} of await replicas.start()) expect(status).toBe('fulfilled');
	}, 30_000);
	afterEach(async () => {
		for (const screen of screens.splice(0)) await screen.clear();
	});
	afterAll(async () => {
		await replicas.stop(0);
		await place.clear();
	});

	test('500 messages, then a frozen replica: equal hashes, silent, and it catches up', async () => {
		const wide = open(['--nick', 'alice']);
		const small = open(['--nick', 'bob'], {columns: 80, rows: 24});
		await Promise.all([wide.until(/up 3\/3/), small.until(/● r\d/)]);
		const {report} = await runBatch({
			cluster,
			messages: 500,
			clients: 10,
			size: 40,
			nick: 'load',
			timeoutMs: 20_000,
		});
		expect(report.acknowledged).toBe(500);
		await wide.until(text => {
			const told = hashes(text);
			const upTo = Number(/hashes identical up to slot (\d+) on r0 r1 r2/.exec(text)?.[1] ?? 0);
			const [, last] = /executed (\d+)/.exec(text) ?? [];
			return upTo > 10 && upTo === Number(last) && told.length === 3 && new Set(told).size === 1;
		});
		await small.until(/hash ✓\d{3}/);
		// One window of each size, and neither has scrolled.
		for (const screen of [wide, small]) expect(screen.scrollback).toBe(0);

		const pid = replicas.pid(2)!;
		process.kill(pid, 'SIGSTOP');
		try {
			await wide.until(/r2 +\? silent/);
			expect(wide.text).toMatch(/up 2\/3/);
			await wide.type('said while r2 sleeps\r');
			await wide.until(/✓ said while r2 sleeps +(decided )?#\d+/);
			await small.until(/alice @ said while r2 sleeps|alice +said while r2 sleeps/);
		} finally {
			process.kill(pid, 'SIGCONT');
		}

		await wide.until(/up 3\/3/);
		await wide.until(text => {
			const slots = executed(text);
			return (
				slots.length === 3 && new Set(slots).size === 1 && /identical up to slot \d+ on r0 r1 r2/.test(text)
			);
		});
	}, 60_000);

	test('to another replica by order, and by need; what was typed while nobody was there is said', async () => {
		const screen = open(['--nick', 'alice']);
		await screen.until(/online via r0/);
		await screen.until(/up 3\/3/);
		await screen.type('/connect r2\r');
		await screen.until(/online via r2/);
		await replicas.kill(2);
		await screen.until(/online via r[01]/);
		await screen.until(/r2 +✗ down/);
		await Promise.all([replicas.kill(0), replicas.kill(1)]);
		await screen.until(/✗ offline/);
		await screen.until(/retry in \ds/);
		expect(screen.text).toMatch(/offline: no replica can be reached \(r0/);
		await screen.type('is anybody there?\r');
		await screen.until(/is anybody there\? +queued/);
		await Promise.all([0, 1, 2].map(id => replicas.launch(id)));
		await screen.until(/✓ is anybody there\? +(decided )?#\d+/, 20_000);
		await screen.until(/up 3\/3/);
		expect(screen.text.match(/is anybody there\?/g)).toHaveLength(1);
	}, 60_000);

	test('the wheel scrolls when it is asked to, and is nobody when it is not; the palette runs its entries', async () => {
		const screen = open(['--nick', 'alice'], {columns: 80, rows: 24});
		await screen.until(/● r\d[\s\S]*load/);
		expect(screen.isMouseTracked).toBe(false);
		screen.write(`${escapeByte}[<64;10;5M`);
		await screen.type('draft');
		await screen.until(/alice> draft$/m);
		expect(screen.text).not.toContain('-MORE');
		screen.write(`\u0015${escapeByte}m`);
		await screen.until(/the wheel scrolls/);
		expect(screen.isMouseTracked).toBe(true);
		// Two notches in one read.
		screen.write(`${escapeByte}[<64;10;5M${escapeByte}[<64;10;5M`);
		await screen.until(/-MORE\(6\)-/);
		screen.write(
			`${escapeByte}[<65;10;5M${escapeByte}[<65;10;5M${escapeByte}[<0;10;5M${escapeByte}[<0;10;5m`,
		);
		await screen.until(text => !text.includes('-MORE'));
		await screen.type('/mouse off\r');
		await screen.until(text => !screen.isMouseTracked && /alice> *$/m.test(text));
		screen.write('\u0007');
		await screen.until(/All actions/);
		await screen.type('events: what');
		await screen.until(/▸.*events: what happened/);
		await screen.type('\r');
		await screen.until(/paxos-chat {2}events/);
	}, 30_000);

	test('--read-only says nothing and breaks nothing, whatever is tried', async () => {
		const screen = open(['--read-only']);
		await screen.until(/up 3\/3/);
		for (const command of ['/kill r0', '/skip', '/restart r1', '/me waves', '/batch 5']) {
			await screen.type(`${command}\r`);
			await screen.until(new RegExp(`${command.split(' ')[0]}: read-only`));
			screen.write('\u0015');
			await screen.until(/read-only> +║/);
		}

		await screen.type('hello\r');
		await screen.until(/read-only: leave --read-only out/);
		screen.write(`\u0015${escapeByte}`);
		await screen.until(/Enter details|Esc line|i line/);
		for (const key of ['K', 'R', 'S', 'L', 'I', 'H']) {
			await screen.type(key);
			await screen.until(/read-only/);
			expect(screen.text).not.toMatch(/Kill replica|Restart replica|its next free slot|Lose \d|Isolate/);
		}

		expect(screen.text).toMatch(/up 3\/3/);
	}, 30_000);

	test('--plain on a terminal is lines, without a single escape', async () => {
		const screen = open(['--plain', '--nick', 'alice']);
		// What is typed before it reads is read when it does.
		screen.write('hello from a screen reader\r');
		await screen.until(/#\d+ alice: hello from a screen reader/);
		screen.write('/status\r');
		await screen.until(/online via r\d/);
		screen.write('/quit\r');
		expect(await screen.end()).toBe(0);
		expect(screen.raw).not.toContain(escapeByte);
		expect(screen.raw).toMatch(/^[\r\n -~]*$/);
	}, 20_000);

	test('--batch on a terminal: a screen, a summary that stays, and Ctrl+C in the middle', async () => {
		const short = open(['--batch', '200', '--clients', '4']);
		expect(await short.end()).toBe(0);
		expect(short.text).toMatch(/200 of 200 messages acknowledged by 4 clients/);
		const long = open(['--batch', '1000000', '--clients', '4']);
		await long.until(/[1-9]\d* \/ 1000000[\s\S]*throughput now [1-9]/);
		expect(long.isAlternate).toBe(true);
		long.write('\u0003');
		expect(await long.end()).toBe(130);
		expect([long.isAlternate, long.isCursorShown]).toEqual([false, true]);
		expect(long.text).toMatch(/\d+ of 1000000 messages acknowledged by 4 clients/);
	}, 30_000);
});
