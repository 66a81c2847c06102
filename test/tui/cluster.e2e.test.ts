import {readFileSync, writeFileSync} from 'node:fs';
import {join, resolve} from 'node:path';
import {afterAll, afterEach, beforeAll, describe, expect, test} from '@jest/globals';
import {ScreenUnderTest} from '../../bench/terminal.ts';
import {runBatch} from '../../source/client/batch.ts';
import {Client} from '../../source/client/client.ts';
import {type Cluster, readCluster} from '../../source/cluster.ts';
import {Supervisor} from '../../source/supervisor.ts';
import {Place, until} from '../cli/processes.ts';
import {hostile} from '../hostile.ts';

const escapeByte = '\u001b';
/** Slots executed, as the table tells them, by replica. */
const executed = (text: string) => [...text.matchAll(/ (\d+) +0 +[0-9a-f]{8} /g)].map(([, slot]) => slot);
/** The hash of each replica in the table. */
const hashes = (text: string) => [...text.matchAll(/ \d+ +0 +([0-9a-f]{8}) /g)].map(([, hash]) => hash);

describe('on replicas that live longer than a screen', () => {
	let place: Place;
	let cluster: Cluster;
	let replicas: Supervisor;
	/** What the replicas printed. */
	const printed: string[] = [];
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
			onLine: (_id, line) => printed.push(line),
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

	const logPath = (id: number) => join(place.path, 'data', `replica-${id}`, 'chat.log');
	const lines = (id: number) =>
		readFileSync(logPath(id), 'utf8')
			.split('\n')
			.slice(0, -1)
			.map(line => JSON.parse(line) as {text: string});
	const lastSaid = () => lines(0).at(-1)?.text;

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
		// What the hashes say is so.
		await until(() => [0, 1, 2].every(id => lines(id).length === 500), 'the same length of all logs');
		expect(new Set([0, 1, 2].map(id => readFileSync(logPath(id), 'utf8'))).size).toBe(1);
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

	test('several lines are one message: typed, pasted, and pasted after a question', async () => {
		const screen = open(['--nick', 'alice'], {columns: 80, rows: 24});
		await screen.until(/● r\d/);
		await screen.type('first');
		screen.write(`${escapeByte}\r`);
		await screen.type('second\nthird');
		await screen.until(/alice> first\n +second\n +third/);
		screen.write('\r');
		await until(() => lastSaid() === 'first\nsecond\nthird', 'what was typed');
		await screen.until(/alice ✓ first.*#\d+ *\n *┊ second\n *┊ third\n/);
		// Three lines go in as they are; thirty are asked about, and Enter says no.
		screen.write(`${escapeByte}[200~a\r\nb\rc${escapeByte}[201~`);
		await screen.until(/alice> a\n +b\n +c/);
		screen.write('\r');
		await until(() => lastSaid() === 'a\nb\nc', 'the paste of three lines');
		const many = Array.from({length: 30}, (_, index) => `line ${index + 1}`);
		const paste = `${escapeByte}[200~${many.join('\r')}${escapeByte}[201~`;
		screen.write(paste);
		await screen.until(/Paste 30 lines\?/);
		screen.write('\r');
		await screen.until(text => !text.includes('Paste 30') && /alice> *$/m.test(text));
		screen.write(paste);
		await screen.until(/Paste 30 lines\?/);
		screen.write('y');
		await screen.until(/line 30$/m);
		screen.write('\r');
		await until(() => lastSaid() === many.join('\n'), 'the paste of thirty lines');
		expect(screen.overflows).toBe(0);
	}, 30_000);

	test('what strangers say stands in every log as it was said, and no file or line of a replica drives a terminal', async () => {
		const texts = hostile.map(([, text]) => text.toWellFormed()).filter(text => text !== '');
		const client = new Client({cluster});
		const session = client.session('eve');
		for (const {status} of await Promise.all(texts.map(text => session.say(text)))) expect(status).toBe('ok');
		client.close();
		const size = lines(0).length;
		await until(() => [0, 1, 2].every(id => lines(id).length === size), 'the same length of all logs');
		const logs = [0, 1, 2].map(id => readFileSync(logPath(id), 'utf8'));
		expect(new Set(logs).size).toBe(1);
		// Letters of all scripts stay readable there; what drives, hides or reorders does not stay as it is.
		expect(logs[0]!.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}]/u);
		expect(
			lines(0)
				.slice(-texts.length)
				.map(({text}) => text),
		).toEqual(texts);
		expect(printed.join('\n')).toMatch(/^[\n -~]*$/);
	}, 30_000);

	test('pipes, files and a closed input: lines, JSON that is JSON, and no escapes', async () => {
		writeFileSync(join(place.path, 'in'), 'from a file\nand more\n');
		const read = `'${process.execPath}' -e 'const {acknowledged, replicas} = JSON.parse(require("fs").readFileSync(0)); console.log("read " + (acknowledged ?? replicas.length))'`;
		const script = `
			"$@" < in; echo "file: code $?"
			"$@" <&-; echo "closed: code $?"
			"$@" --batch 50 --clients 5 --size 40 --json 2> progress | ${read}
			"$@" monitor --once --json | ${read}
			"$@" | cat; echo "all done"`;
		const screen = open(['--nick', 'pat'], {
			program: ['/bin/sh', '-c', script, 'sh', process.execPath, resolve('cli/bin.js')],
		});
		await screen.until(
			/#\d+ pat: from a file\n#\d+ pat: and more\nfile: code 0\nclosed: code 0\nread 50\nread 3\n/,
		);
		// Somebody sits at the keyboard, though a pipe hears.
		screen.write('typed\r');
		await screen.until(/#\d+ pat: typed/);
		screen.write('\u0004');
		await screen.until(/all done/);
		expect(await screen.end()).toBe(0);
		expect(screen.raw).toMatch(/^[\r\n -~]*$/);
	}, 30_000);

	test('to another replica by order, and by need; what was typed while nobody was there is said', async () => {
		const screen = open(['--nick', 'alice']);
		// Whichever it found first, another one is asked for.
		const [, first] = /online via r(\d)/.exec(await screen.until(/online via r\d/))!;
		const next = first === '2' ? 1 : 2;
		await screen.until(/up 3\/3/);
		await screen.type(`/connect r${next}\r`);
		await screen.until(new RegExp(`^ paxos-chat .*online via r${next}`));
		await replicas.kill(next);
		await screen.until(new RegExp(`^ paxos-chat .*online via r(?!${next})`));
		await screen.until(new RegExp(`r${next} +✗ down`));
		await Promise.all([0, 1, 2].filter(id => id !== next).map(id => replicas.kill(id)));
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
		await runBatch({cluster, messages: 40, clients: 4, size: 40, nick: 'load', timeoutMs: 20_000});
		await screen.until(text => (text.match(/ load /g) ?? []).length > 15);
		expect(screen.isMouseTracked).toBe(false);
		// Nor does a look away and back.
		screen.write(`${escapeByte}[<64;10;5M${escapeByte}[O${escapeByte}[I`);
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
		// So does the help, whose lines one can look for.
		await screen.type('?');
		await screen.until(/Keys here: events[\s\S]*back in time/);
		await screen.type('plain view');
		await screen.until(text => /▸.*plain view, to copy text/.test(text) && !text.includes('back in time'));
		await screen.type('\r');
		await screen.until(/Alt\+L or Esc goes back/);
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
