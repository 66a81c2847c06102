import {spawn} from 'node:child_process';
import {mkdtemp, readFile, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {text} from 'node:stream/consumers';
import {setTimeout as sleep} from 'node:timers/promises';
import {fileURLToPath} from 'node:url';
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
const keys = 100;
const pages = 50;

const bench = await BenchCluster.start();
const home = await mkdtemp(join(tmpdir(), 'paxos-chat-screen-'));
const words = ['--config', bench.configPath, '--data', join(home, 'data'), '--nick', 'bench'];
const heapFile = join(home, 'heap');
const environment = {
	HEAP_FILE: heapFile,
	NODE_OPTIONS: `--import ${new URL('./heap-watch.js', import.meta.url).href}`,
};
const open = (more: Record<string, string> = {}, command: readonly string[] = []) =>
	new ScreenUnderTest([...command, ...words], {cwd: home, environment: more});
const rows: Array<readonly [name: string, measured: string, budget: string]> = [];

try {
	const first = await firstFrames();
	rows.push(['first frame', `${first.ms} ms, ${first.cpuMs} ms of processor time`, '< 800 ms']);
	// Without the watch of the heap, which is not idle.
	const idle = open();
	await idle.until(/up 3\/3/);
	await sleep(8000); // Until the sparkline and the notes of the start have come to rest.
	rows.push(['idle', `${(await cpuShare(idle, idleSeconds)).toFixed(1)} % of a core`, '< 1 %']);
	await idle.clear();
	const monitor = open({}, ['monitor']);
	const screen = open(environment);
	await screen.until(/up 3\/3/);
	await monitor.until(/up 3\/3/);
	const stop = startLoad();
	await sleep(10_000); // Until as many messages are kept as ever are.
	// Every figure of the cluster changes between two looks.
	const updates = {frames: framesOf(monitor), share: await cpuShare(monitor, idleSeconds)};
	const perSecond = (framesOf(monitor) - updates.frames) / idleSeconds;
	rows.push([
		'monitor',
		`${updates.share.toFixed(1)} % of a core, ${perSecond.toFixed(1)} frames/s`,
		'< 15 %, 5 frames/s',
	]);
	await monitor.clear();
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
	const growth = heaps.at(-1)! - heaps[0]!;
	rows.push(['heap grew by', `${growth.toFixed(1)} MB in ${loadedSeconds} s`, '< 10 MB']);
	const turned = await pageTimes(screen);
	rows.push(['page up, p50', `${at(turned, 0.5).toFixed(0)} ms`, '']);
	rows.push(['page up, p95', `${at(turned, 0.95).toFixed(0)} ms`, '< 50 ms']);
	rows.push(['rows over the edge', `${screen.overflows} in ${framesOf(screen)} frames`, '0']);
	await screen.clear();
} finally {
	await bench.stop();
	await rm(home, {recursive: true, force: true});
}

for (const [name, measured, budget] of rows)
	process.stdout.write(`${name.padEnd(20)}${measured.padEnd(38)}${budget}\n`);
process.exit(0);

/** From exec to the line that one types in: the medians of seven starts. */
async function firstFrames(): Promise<{readonly ms: number; readonly cpuMs: number}> {
	const times: number[] = [];
	const cpuTimes: number[] = [];
	for (let round = 0; round < 7; round++) {
		const start = performance.now();
		const screen = open();
		await screen.until(/bench>/);
		times.push(performance.now() - start);
		cpuTimes.push(screen.cpuMs);
		// Not killed, as what was compiled is kept for the next start when this one ends.
		screen.kill('SIGTERM');
		await screen.end();
		await screen.clear();
	}

	return {ms: Math.round(at(times, 0.5)), cpuMs: at(cpuTimes, 0.5)};
}

/** Pictures that were drawn so far: each is between the marks of a synchronized update. */
function framesOf({raw}: ScreenUnderTest): number {
	return raw.split('\u001b[?2026h').length - 1;
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

/** Messages at a steady rate, from another process; the function ends it and tells how many a second were acknowledged. */
function startLoad(): () => Promise<number> {
	const script = fileURLToPath(new URL('steady.js', import.meta.url));
	const load = spawn(process.execPath, [script, bench.configPath, String(messagesPerSecond)], {
		stdio: ['ignore', 'pipe', 'inherit'],
	});
	return async () => {
		load.kill('SIGTERM');
		return Number(await text(load.stdout));
	};
}

/** Percent of one core that a process used, its threads included. */
async function cpuShare(screen: ScreenUnderTest, seconds: number): Promise<number> {
	const before = screen.cpuMs;
	await sleep(seconds * 1000);
	return (screen.cpuMs - before) / seconds / 10;
}

/** What the heap held, in MB, over time. */
async function heap(): Promise<readonly number[]> {
	return (await readFile(heapFile, 'utf8')).trim().split('\n').map(Number);
}

function at(values: readonly number[], share: number): number {
	const sorted = values.toSorted((one, other) => one - other);
	return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}
