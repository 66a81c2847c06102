import {execFileSync} from 'node:child_process';
import {appendFileSync, existsSync, mkdirSync, readFileSync} from 'node:fs';
import {dirname} from 'node:path';
import type {Outcome} from '../source/stories/finding.ts';
import {stories} from '../source/stories/stories.ts';
import {type Performance, perform} from '../source/stories/theatre.ts';
import {leave as leaveAs, optionsOf} from './options.ts';

/**
 * The long form of the stories: one performance after the other in an order
 * that the seed decides, each written down as a line of a record when it is
 * over. Started again, it plays those of the plan that the record does not
 * hold, so that the whole can be played in parts, on one day or many. What real
 * processes do is not for a seed to say: a performance that fails keeps its
 * directory, with all logs, journals and histories.
 */
type Item = {
	readonly story: string;
	/** In each performance. */
	readonly rounds: number;
	readonly performances: number;
	/** What a performance counts. */
	readonly of: string;
};
const plan: readonly Item[] = [
	{story: 'kill-loop', rounds: 50, performances: 20, of: 'kills'},
	{story: 'failover', rounds: 50, performances: 4, of: 'killed primaries'},
	{story: 'killed-at-call', rounds: 300, performances: 1, of: 'kills in a write or sync'},
	{story: 'all-down-all-up', rounds: 5, performances: 10, of: 'blows'},
	{story: 'primary-dies-f-times', rounds: 3, performances: 10, of: 'largest f'},
	{story: 'skip-slot', rounds: 5, performances: 10, of: 'slots left out'},
	{story: 'paused-primary', rounds: 10, performances: 10, of: 'pauses of each length'},
	{story: 'isolated-rejoin', rounds: 5, performances: 10, of: 'isolations'},
	{story: 'message-loss', rounds: 1000, performances: 10, of: 'messages under each loss'},
	{story: 'one-way-primary', rounds: 1, performances: 30, of: 'partitions'},
	{story: 'cut-off-primary', rounds: 1, performances: 30, of: 'partitions'},
	{story: 'cut-pair', rounds: 1, performances: 30, of: 'partitions'},
	{story: 'constrained', rounds: 1, performances: 30, of: 'partitions'},
	{story: 'chained', rounds: 1, performances: 30, of: 'partitions'},
	{story: 'quorum-loss', rounds: 1, performances: 30, of: 'partitions'},
	{story: 'torn-tail', rounds: 20, performances: 10, of: 'torn tails'},
	{story: 'bit-flip', rounds: 20, performances: 10, of: 'flipped bits'},
	{story: 'wiped-disk', rounds: 2, performances: 10, of: 'wiped directories'},
	{story: 'begins-anew', rounds: 3, performances: 10, of: 'new memories'},
	{story: 'slow-disk', rounds: 200, performances: 10, of: 'messages under each disk'},
	{story: 'full-disk', rounds: 4, performances: 10, of: 'full disks'},
	{story: 'failed-sync', rounds: 4, performances: 10, of: 'failed syncs'},
	{story: 'few-files', rounds: 4, performances: 10, of: 'shortages'},
	{story: 'little-memory', rounds: 50, performances: 4, of: 'thousands of long messages'},
	{story: 'reconnect-storm', rounds: 300, performances: 10, of: 'clients at once'},
	{story: 'overload', rounds: 17, performances: 4, of: 'thousands of messages under overload'},
	{story: 'clock-jumps', rounds: 24, performances: 10, of: 'jumps'},
	{story: 'far-behind', rounds: 50, performances: 5, of: 'thousands of missed messages'},
	{story: 'slow-link', rounds: 10, performances: 5, of: 'hundreds of long messages'},
	{story: 'lagging-primary-after-compaction', rounds: 3, performances: 10, of: 'most deaths'},
];

/** A line of the record. */
type Played = {
	readonly story: string;
	readonly rounds: number;
	/** When it was over, ISO 8601. */
	readonly at: string;
	/** What was played: the commit of this checkout, with + behind it if files had changed; null outside of one. */
	readonly commit: string | null;
	readonly outcome: Outcome;
	readonly reasons: readonly string[];
	/** Over all acts. */
	readonly acknowledged: number;
	readonly longestOutageMs: number | null;
	/** Of each killed primary of `failover`. */
	readonly failoversMs: readonly number[];
	readonly seconds: number;
	readonly directory: string | null;
};

const values = optionsOf(
	'torture',
	'Plays the stories of faults in their long form, one performance after the other.',
	{
		seed: {value: 'S', about: 'the order of the performances', usual: '1'},
		rounds: {value: 'N', about: 'how many more to play now', usual: 'all'},
		minutes: {value: 'N', about: 'begins none after so many', usual: 'all'},
		only: {value: 'STORY', about: 'only those of one story', usual: 'all'},
		record: {value: 'FILE', about: 'where each leaves a line', usual: 'data/torture-S.jsonl'},
	},
);
const leave: (why: string) => never = why => leaveAs('torture', why);
const seed = Number(values.seed);
if (!Number.isSafeInteger(seed) || seed < 0) leave('--seed is a whole number');
if (values.only !== 'all' && !plan.some(({story}) => story === values.only))
	leave(`--only is one of ${plan.map(({story}) => story).join(', ')}`);
const ofStory = values.only === 'all' ? '' : `-${values.only}`;
const record = values.record.replace('torture-S.', `torture-${seed}${ofStory}.`);
mkdirSync(dirname(record), {recursive: true, mode: 0o700});
const schedule = scheduleOf(plan.filter(({story}) => values.only === 'all' || story === values.only));
const done = existsSync(record) ? readRecord(record) : [];
const most = values.rounds === 'all' ? schedule.length : Number(values.rounds);
if (!(most >= 0)) leave('--rounds is how many more to play');
const minutes = values.minutes === 'all' ? Number.POSITIVE_INFINITY : Number(values.minutes);
if (!(minutes > 0)) leave('--minutes is for how long none that is left shall be begun');
const commit = commitNow();

const leaving = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => leaving.abort());
const tell = (line: string) => void process.stderr.write(`${line}\n`);
const left = leftOf(schedule, done);
tell(`seed ${seed}: ${left.length} of ${schedule.length} performances are not in ${record} yet`);
const end = performance.now() + minutes * 60_000;
for (const [index, {story: name, rounds}] of left.slice(0, most).entries()) {
	if (performance.now() > end) break;
	const story = stories.find(each => each.name === name)!;
	const audience = {tell: () => {}, prefersSystem: true, signal: leaving.signal};
	const played = playedOf(await perform(story, rounds, audience), rounds);
	if (leaving.signal.aborted) break;
	appendFileSync(record, `${JSON.stringify(played)}\n`);
	done.push(played);
	const {outcome, seconds, reasons, directory} = played;
	tell(`${index + 1}/${left.length} ${outcome} ${name}:${rounds} (${seconds.toFixed(1)} s)`);
	for (const reason of reasons) tell(`  ${reason}`);
	if (directory !== null) tell(`  kept for a look: ${directory}`);
}

process.stdout.write(tableOf(done));
process.stdout.write(summaryOf(done));
const hasFailed = done.some(({outcome}) => outcome === 'FAIL' || outcome === 'NOT SHOWN');
process.exitCode = leaving.signal.aborted ? 130 : Number(hasFailed);

function playedOf({story, outcome, findings, duration, directory}: Performance, rounds: number): Played {
	const numbers = (...wanted: string[]): number[] =>
		findings
			.flatMap(each => (each.type === 'fact' && wanted.includes(each.name) ? [each.value] : []))
			.flat()
			.filter(each => typeof each === 'number');
	const outages = numbers('longestOutageMs', 'failoverMs', 'outageMs');
	return {
		story,
		rounds,
		at: new Date().toISOString(),
		commit,
		outcome,
		reasons: findings.flatMap(each =>
			each.type === 'fact' ? [] : [`${each.act ?? 'all acts'}: ${each.text}`],
		),
		acknowledged: numbers('acknowledged').reduce((sum, each) => sum + each, 0),
		longestOutageMs: outages.length === 0 ? null : Math.max(...outages),
		failoversMs: story === 'failover' ? numbers('outageMs') : [],
		seconds: duration,
		directory,
	};
}

function commitNow(): string | null {
	const git = (...words: string[]) => execFileSync('git', words, {encoding: 'utf8', stdio: 'pipe'}).trim();
	try {
		return `${git('rev-parse', '--short', 'HEAD')}${git('status', '--porcelain') === '' ? '' : '+'}`;
	} catch {
		return null; // No git here, or no checkout.
	}
}

/** What the record does not hold, in the order of the schedule: the plan may have grown since. */
function leftOf(items: readonly Item[], played: readonly Played[]): readonly Item[] {
	const open = played.map(({story, rounds}) => `${story}:${rounds}`);
	return items.filter(({story, rounds}) => {
		const index = open.indexOf(`${story}:${rounds}`);
		if (index >= 0) open.splice(index, 1);
		return index < 0;
	});
}

/** All performances of the plan, in the order of this seed (Fisher and Yates). */
function scheduleOf(items: readonly Item[]): readonly Item[] {
	const all = items.flatMap(item => Array.from({length: item.performances}, () => item));
	let state = seed + 0x9e3779b9;
	for (let index = all.length - 1; index > 0; index--) {
		// A step of mulberry32.
		state = (state + 0x6d2b79f5) | 0;
		let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
		mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed);
		const other = ((mixed ^ (mixed >>> 14)) >>> 0) % (index + 1);
		[all[index], all[other]] = [all[other]!, all[index]!];
	}

	return all;
}

function readRecord(path: string): Played[] {
	return readFileSync(path, 'utf8')
		.split('\n')
		.filter(line => line !== '')
		.map(line => JSON.parse(line) as Played);
}

function tableOf(rounds: readonly Played[]): string {
	const head = [
		'story',
		'performances',
		'passed',
		'failed',
		'not shown',
		'skipped',
		'played',
		'acknowledged',
		'longest outage',
	];
	const rows = plan.flatMap(({story, of}) => {
		const own = rounds.filter(each => each.story === story);
		if (own.length === 0) return [];
		const count = (outcome: Outcome) => String(own.filter(each => each.outcome === outcome).length);
		const played = own.filter(({outcome}) => outcome === 'PASS').reduce((sum, each) => sum + each.rounds, 0);
		const acknowledged = own.reduce((sum, each) => sum + each.acknowledged, 0);
		const outage = Math.max(...own.map(each => each.longestOutageMs ?? 0));
		return [
			[
				story,
				String(own.length),
				count('PASS'),
				count('FAIL'),
				count('NOT SHOWN'),
				count('SKIPPED'),
				`${played} ${of}`,
				String(acknowledged),
				outage === 0 ? '-' : `${outage} ms`,
			],
		];
	});
	const widths = head.map((_, column) => Math.max(...[head, ...rows].map(row => row[column]!.length)));
	return [head, ...rows]
		.map(
			row =>
				`${row
					.map((cell, column) => cell.padEnd(widths[column]!))
					.join('  ')
					.trimEnd()}\n`,
		)
		.join('');
}

/** When, what and for how long; and how long nobody was answered when primaries died. */
function summaryOf(played: readonly Played[]): string {
	if (played.length === 0) return '';
	const commits = new Set(played.map(each => each.commit ?? 'no commit'));
	const seconds = played.reduce((sum, each) => sum + each.seconds, 0);
	const lines = [
		`${played.length} performances in ${Math.round(seconds / 60)} min, ${played[0]!.at} to ${played.at(-1)!.at}, on ${[...commits].join(', ')}`,
	];
	const failovers = played.flatMap(each => each.failoversMs).sort((a, b) => a - b);
	const quantile = (share: number) => failovers[Math.ceil(failovers.length * share) - 1];
	if (failovers.length > 0)
		lines.push(
			`${failovers.length} failovers: p50 ${quantile(0.5)} ms, p99 ${quantile(0.99)} ms, longest ${failovers.at(-1)} ms`,
		);
	return `${lines.join('\n')}\n`;
}
