import {appendFileSync, existsSync, mkdirSync, readFileSync} from 'node:fs';
import {dirname, join} from 'node:path';
import {parseArgs} from 'node:util';
import type {Fact, Outcome} from '../source/stories/finding.ts';
import {stories} from '../source/stories/stories.ts';
import {perform} from '../source/stories/theatre.ts';

/**
 * The long form of the stories: round after round in an order that the seed
 * decides, each written down as a line of a record when it is over. Started
 * again with the same seed, it goes on behind the last line. What real
 * processes do within a round is not for a seed to say: a round that fails
 * keeps its directory, with all logs, journals and histories.
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
	{story: 'killed-at-call', rounds: 300, performances: 1, of: 'kills in a write or sync'},
	{story: 'all-down-all-up', rounds: 5, performances: 10, of: 'blows'},
	{story: 'primary-dies-f-times', rounds: 3, performances: 10, of: 'largest f'},
	{story: 'skip-slot', rounds: 5, performances: 10, of: 'slots left out'},
	{story: 'paused-primary', rounds: 10, performances: 10, of: 'pauses of each length'},
	{story: 'isolated-rejoin', rounds: 5, performances: 10, of: 'isolations'},
	{story: 'one-way-primary', rounds: 1, performances: 30, of: 'partitions'},
	{story: 'chained', rounds: 1, performances: 30, of: 'partitions'},
	{story: 'quorum-loss', rounds: 1, performances: 30, of: 'partitions'},
	{story: 'torn-tail', rounds: 20, performances: 10, of: 'torn tails'},
	{story: 'bit-flip', rounds: 20, performances: 10, of: 'flipped bits'},
	{story: 'wiped-disk', rounds: 2, performances: 10, of: 'wiped directories'},
	{story: 'slow-disk', rounds: 200, performances: 10, of: 'messages under each disk'},
	{story: 'full-disk', rounds: 4, performances: 10, of: 'full disks'},
	{story: 'lagging-primary-after-compaction', rounds: 3, performances: 10, of: 'most deaths'},
];

/** A line of the record. */
type Round = {
	readonly round: number;
	readonly story: string;
	readonly rounds: number;
	readonly outcome: Outcome;
	readonly reasons: readonly string[];
	/** Over all acts. */
	readonly acknowledged: number;
	readonly longestOutageMs: number | null;
	readonly seconds: number;
	readonly directory: string | null;
};

const {values} = parseArgs({
	options: {
		seed: {type: 'string', default: '1'},
		rounds: {type: 'string', default: 'all'},
		only: {type: 'string', default: ''},
		record: {type: 'string'},
	},
});
const seed = Number(values.seed);
if (!Number.isSafeInteger(seed) || seed < 0) leave('--seed is a whole number');
if (values.only !== '' && !plan.some(({story}) => story === values.only))
	leave(`--only is one of ${plan.map(({story}) => story).join(', ')}`);
const record =
	values.record ?? join('data', `torture-${seed}${values.only === '' ? '' : `-${values.only}`}.jsonl`);
mkdirSync(dirname(record), {recursive: true, mode: 0o700});
const schedule = scheduleOf(plan.filter(({story}) => values.only === '' || story === values.only));
const done = existsSync(record) ? readRecord(record) : [];
const last = values.rounds === 'all' ? schedule.length : done.length + Number(values.rounds);
if (!(last >= done.length)) leave('--rounds is how many more to play');

const leaving = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => leaving.abort());
const tell = (line: string) => void process.stderr.write(`${line}\n`);
tell(`seed ${seed}: ${done.length} of ${schedule.length} rounds are in ${record}`);
for (const {story: name, rounds} of schedule.slice(done.length, last)) {
	const story = stories.find(each => each.name === name)!;
	const performance = await perform(story, rounds, {tell: () => {}, signal: leaving.signal});
	if (leaving.signal.aborted) break;
	const {outcome, findings, duration, directory} = performance;
	const facts = (wanted: string): Fact[] =>
		findings.flatMap(each => (each.type === 'fact' && each.name === wanted ? [each.value] : []));
	const outages = [...facts('longestOutageMs'), ...facts('failoverMs'), ...facts('outageMs')]
		.flat()
		.filter(each => typeof each === 'number');
	const round: Round = {
		round: done.length + 1,
		story: name,
		rounds,
		outcome,
		reasons: findings.flatMap(each =>
			each.type === 'fact' ? [] : [`${each.act ?? 'all acts'}: ${each.text}`],
		),
		acknowledged: facts('acknowledged').reduce<number>((sum, each) => sum + Number(each), 0),
		longestOutageMs: outages.length === 0 ? null : Math.max(...outages),
		seconds: duration,
		directory,
	};
	appendFileSync(record, `${JSON.stringify(round)}\n`);
	done.push(round);
	tell(`${round.round}/${schedule.length} ${outcome} ${name}:${rounds} (${duration.toFixed(1)} s)`);
	for (const reason of round.reasons) tell(`  ${reason}`);
	if (directory !== null) tell(`  kept for a look: ${directory}`);
}

process.stdout.write(tableOf(done));
const hasFailed = done.some(({outcome}) => outcome === 'FAIL' || outcome === 'NOT SHOWN');
process.exitCode = leaving.signal.aborted ? 130 : Number(hasFailed);

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

/** A record of another plan or seed would make the table a lie. */
function readRecord(path: string): Round[] {
	const rounds = readFileSync(path, 'utf8')
		.split('\n')
		.filter(line => line !== '')
		.map(line => JSON.parse(line) as Round);
	for (const [index, {story}] of rounds.entries())
		if (schedule[index]?.story !== story)
			leave(`${path} is the record of another plan: name another with --record`);
	return rounds;
}

function tableOf(rounds: readonly Round[]): string {
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

function leave(why: string): never {
	process.stderr.write(`torture: ${why}\n`);
	process.exit(2);
}
