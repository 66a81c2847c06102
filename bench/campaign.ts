import {execFileSync, spawnSync} from 'node:child_process';
import {existsSync, readFileSync, renameSync, writeFileSync} from 'node:fs';
import {availableParallelism} from 'node:os';
import {join, resolve} from 'node:path';
import {thoroughRuns} from '../source/simulator/campaign.ts';
import {simulateAll} from '../source/simulator/crew.ts';
import type {Choice} from '../source/simulator/simulate.ts';
import {Tally} from '../source/simulator/tally.ts';
import {nextSeed, type Part, pageOf, partOf, runsOf} from './campaign-record.ts';
import {leave as leaveAs, optionsOf} from './options.ts';

/**
 * A part of the campaign: simulates the seeds behind the last recorded one for
 * so many minutes, and writes down what came of them. See docs/campaign.md.
 */
const values = optionsOf('campaign', 'Simulates seeded worlds, and writes down what came of them.', {
	minutes: {value: 'N', about: 'for how long; 0: only writes the page anew', usual: '30'},
	threads: {value: 'N', about: 'worlds at a time', usual: String(availableParallelism())},
	record: {
		value: 'FILE',
		about: 'what is known; the page is written beside it',
		usual: join('docs', 'campaign.json'),
	},
});
const leave: (why: string) => never = why => leaveAs('campaign', why);
const minutes = Number(values.minutes);
const threads = Number(values.threads);
const {record} = values;
if (!(minutes >= 0)) leave('--minutes is a number; 0 only writes the page anew');
if (!Number.isInteger(threads) || threads < 1) leave('--threads is a whole number from 1');
if (!record.endsWith('.json')) leave('--record is a file that ends in .json; the page is written beside it');

/** What decides how a world goes: of the simulator not what only explores, or plays by hand; of the chat not its file. */
const program = [
	'source/consensus',
	'source/chat',
	'source/simulator',
	'source/host.ts',
	'source/transfer.ts',
	'source/value-text.ts',
	'source/network/wire.ts',
	...[
		'memory-disk.ts',
		'memory-journal.ts',
		'entry-text.ts',
		'group.ts',
		'recovery.ts',
		'watermark.ts',
		'checkpoint.ts',
		'acquaintances.ts',
	].map(file => `source/storage/${file}`),
	...['explore*', 'puppet.ts', 'play.ts'].map(file => `:(exclude)source/simulator/${file}`),
	...['chat-log.ts', 'log-file.ts', 'log-lines.ts'].map(file => `:(exclude)source/chat/${file}`),
];
/** Seconds between two records. */
const pause = 10;
const tell = (line: string) => void process.stderr.write(`${line}\n`);

const parts = existsSync(record) ? read(record) : [];
const firstSeed = nextSeed(parts);
const commit = presentCommit();
const older = new Map([[commit, false]]);
const began = new Date().toISOString().slice(0, 16).replace('T', ' ');
const started = performance.now();
const seconds = () => (performance.now() - started) / 1000;
const tally = new Tally();
let isOver = false;
for (const signal of ['SIGINT', 'SIGTERM'] as const)
	process.once(signal, () => {
		isOver = true;
	});

let runs = 0;
let recorded = Number.NEGATIVE_INFINITY;
tell(`from seed ${firstSeed}, commit ${commit.slice(0, 10)}, ${threads} threads, ${minutes} minutes`);
for await (const report of simulateAll(seeds(), threads)) {
	tally.add(report);
	runs++;
	if (!report.ok) {
		isOver = true;
		tell(`FAIL ${report.failure}`);
		break;
	}

	if (seconds() < recorded + pause) continue;
	recorded = seconds();
	save();
}

if (runs + parts.length > 0) tell(`${runs} runs in ${Math.round(seconds())} s: ${record}, ${save()}`);
if (tally.failedSeed !== null) {
	const directory = resolve('data', `seed-${tally.failedSeed}`);
	spawnSync(
		process.execPath,
		['cli/bin.js', 'simulate', '--seed', String(tally.failedSeed), '--trace', directory],
		{stdio: 'inherit'},
	);
	process.exitCode = 1;
}

if (runs >= thoroughRuns && tally.missing.length > 0) {
	for (const sight of tally.missing) tell(`FAIL never seen: ${sight}`);
	process.exitCode = 1;
}

function* seeds(): Generator<Choice> {
	for (let seed = firstSeed; !isOver && seconds() < minutes * 60; seed++) yield {seed};
}

/** All parts and the page about them, each file replaced as a whole. Returns the name of the page. */
function save(): string {
	const {user, system} = process.cpuUsage();
	const cpuSeconds = Math.round((user + system) / 1e6);
	const part = partOf({commit, began, threads, seconds: Math.round(seconds()), cpuSeconds, firstSeed}, tally);
	const all = runs > 0 ? [...parts, part] : parts;
	const page = record.replace(/\.json$/, '.md');
	replace(record, `${JSON.stringify(all, null, '\t')}\n`);
	replace(page, pageOf(all, isOlder));
	const total = all.reduce((sum, each) => sum + runsOf(each), 0);
	tell(`${runs} runs, ${(runs / seconds()).toFixed(1)} a second; ${total} in all`);
	return page;
}

function read(path: string): readonly Part[] {
	try {
		return JSON.parse(readFileSync(path, 'utf8'));
	} catch (error) {
		return leave(`${path} is no record: ${(error as Error).message}`);
	}
}

function replace(path: string, text: string) {
	writeFileSync(`${path}.new`, text);
	renameSync(`${path}.new`, path);
}

/** With a + behind it if the program is not quite what was committed. */
function presentCommit(): string {
	try {
		const hasChanged = git('status', '--porcelain', '--', ...program) !== '';
		return `${git('rev-parse', 'HEAD').trim()}${hasChanged ? '+' : ''}`;
	} catch {
		return 'unknown';
	}
}

/** The program is another one now. So it is if nobody knows what it was. */
function isOlder(other: string): boolean {
	let so = older.get(other);
	if (so === undefined) {
		try {
			git('diff', '--quiet', other, commit, '--', ...program);
			so = false;
		} catch {
			so = true;
		}

		older.set(other, so);
	}

	return so;
}

function git(...words: readonly string[]): string {
	return execFileSync('git', words, {encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore']});
}
