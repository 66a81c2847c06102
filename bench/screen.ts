import {execFileSync} from 'node:child_process';
import {mkdtemp, readFile, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import {Client} from '../source/client/client.ts';
import {BenchCluster} from './cluster.ts';
import {ScreenUnderTest} from './terminal.ts';

/**
 * What the full screen costs, seen from outside, on a pseudo terminal of
 * 120x36 with three real replicas: how soon it is there, how fast it answers
 * a key while a thousand messages a second arrive, and what it uses.
 */
/** Of load; another number may be given. */
const loadedSeconds = Number(process.argv[2] ?? 60);
const idleSeconds = 10;
const messagesPerSecond = 1000;
const sessions = 200;
const keys = 100;
const pages = 50;
/** Looks at the heap, twice a second. */
const heapWindow = 24;
const ticksPerSecond = Number(execFileSync('getconf', ['CLK_TCK'], {encoding: 'utf8'}));

const bench = await BenchCluster.start();
const home = await mkdtemp(join(tmpdir(), 'paxos-chat-screen-'));
const words = ['--config', bench.configPath, '--data', join(home, 'data'), '--nick', 'bench'];
const heapFile = join(home, 'heap');
const environment = {
	HEAP_FILE: heapFile,
	NODE_OPTIONS: `--import ${new URL('./heap-watch.js', import.meta.url).href}`,
};
const open = (more: Record<string, string> = {}) =>
	new ScreenUnderTest(words, {cwd: home, environment: more});
const rows: Array<readonly [name: string, measured: string, budget: string]> = [];

try {
	rows.push(['first frame', `${Math.round(await firstFrame())} ms`, '< 800 ms']);
	// Without the watch of the heap, which is not idle.
	const idle = open();
	await idle.until(/up 3\/3/);
	await sleep(8000); // Until the sparkline and the notes of the start have come to rest.
	rows.push(['idle', `${(await cpuShare(idle, idleSeconds)).toFixed(1)} % of a core`, '< 1 %']);
	await idle.clear();
	const screen = open(environment);
	await screen.until(/up 3\/3/);
	const stop = startLoad();
	await sleep(10_000); // Until as many messages are kept as ever are.
	const settled = (await heap()).length;
	const bytes = screen.raw.length;
	const [share, echoes] = await Promise.all([cpuShare(screen, loadedSeconds), echoTimes(screen)]);
	const rate = await stop();
	const written = (screen.raw.length - bytes) / loadedSeconds / 1000;
	rows.push(['load', `${Math.round(rate)} messages/s arrived`, `${messagesPerSecond}`]);
	rows.push(['key to echo, p50', `${at(echoes, 0.5).toFixed(0)} ms`, '']);
	rows.push(['key to echo, p95', `${at(echoes, 0.95).toFixed(0)} ms`, '< 50 ms']);
	rows.push(['under load', `${share.toFixed(1)} % of a core`, '']);
	rows.push(['written', `${written.toFixed(1)} kB/s`, '< 100 kB/s']);
	const heaps = (await heap()).slice(settled);
	const growth = Math.min(...heaps.slice(-heapWindow)) - Math.min(...heaps.slice(0, heapWindow));
	rows.push(['heap grew by', `${growth.toFixed(1)} MB in ${loadedSeconds} s`, '< 10 MB']);
	const turned = await pageTimes(screen);
	rows.push(['page up, p50', `${at(turned, 0.5).toFixed(0)} ms`, '']);
	rows.push(['page up, p95', `${at(turned, 0.95).toFixed(0)} ms`, '< 50 ms']);
	await screen.clear();
} finally {
	await bench.stop();
	await rm(home, {recursive: true, force: true});
}

for (const [name, measured, budget] of rows)
	process.stdout.write(`${name.padEnd(20)}${measured.padEnd(28)}${budget}\n`);
process.exit(0);

/** Milliseconds from exec to the line that one types in; the median of five. */
async function firstFrame(): Promise<number> {
	const times: number[] = [];
	for (let round = 0; round < 5; round++) {
		const start = performance.now();
		const screen = open();
		await screen.until(/bench>/);
		times.push(performance.now() - start);
		await screen.clear();
	}

	return at(times, 0.5);
}

/** Milliseconds until a key is seen on the screen, spread over the time of the load. */
async function echoTimes(screen: ScreenUnderTest): Promise<readonly number[]> {
	const times: number[] = [];
	for (let count = 0; count < keys; count++) {
		await sleep((loadedSeconds * 1000) / keys - 60);
		const letter = String.fromCharCode(97 + (count % 26));
		const start = performance.now();
		screen.write(letter);
		await screen.until(new RegExp(`bench> ${letter}`));
		times.push(performance.now() - start);
		screen.write('\u007f');
		await sleep(50);
	}

	return times;
}

/** Milliseconds until another page is seen, in a chat of thousands of messages that has come to rest. */
async function pageTimes(screen: ScreenUnderTest): Promise<readonly number[]> {
	const times: number[] = [];
	const below = (text: string) => Number(/-MORE\((\d+)/.exec(text)?.[1] ?? 0);
	for (let count = 0; count < pages; count++) {
		const before = below(screen.text);
		const start = performance.now();
		screen.write('\u001b[5~');
		await screen.until(text => below(text) > before);
		times.push(performance.now() - start);
		await sleep(50);
	}

	return times;
}

/** Messages from many sessions at a steady rate; the function ends it and tells how many a second were acknowledged. */
function startLoad(): () => Promise<number> {
	const client = new Client({cluster: bench.cluster});
	const speakers = Array.from({length: sessions}, () => client.session('load'));
	const start = performance.now();
	let acknowledged = 0;
	let turn = 0;
	const timer = setInterval(() => {
		for (let count = 0; count < messagesPerSecond / 50; count++) {
			speakers[turn++ % sessions]!.send(`message ${turn} of the load, with some words in it`, ({status}) => {
				if (status === 'ok') acknowledged++;
			});
		}
	}, 20);
	return async () => {
		clearInterval(timer);
		const seconds = (performance.now() - start) / 1000;
		client.close();
		return acknowledged / seconds;
	};
}

/** Percent of one core that a process used, its threads included. */
async function cpuShare({pid}: ScreenUnderTest, seconds: number): Promise<number> {
	const before = await cpuSeconds(pid);
	await sleep(seconds * 1000);
	return (((await cpuSeconds(pid)) - before) / seconds) * 100;
}

/** As Linux counts it. */
async function cpuSeconds(pid: number): Promise<number> {
	const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
	// The name stands in parentheses and may hold anything.
	const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
	return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}

/** What the heap held, in MB, over time. Between collections it grows: the least of some seconds is what is in use. */
async function heap(): Promise<readonly number[]> {
	const text = await readFile(heapFile, 'utf8');
	return text.trim().split('\n').map(Number);
}

function at(values: readonly number[], share: number): number {
	const sorted = values.toSorted((one, other) => one - other);
	return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}
