import {faultKinds} from '../source/simulator/faults.ts';
import {situations} from '../source/simulator/situations.ts';
import type {Tally} from '../source/simulator/tally.ts';

/** One sitting of the campaign: seeds in a row, on one version of the program. */
export type Part = {
	/** With a + behind it if the program was not quite what was committed. */
	readonly commit: string;
	/** When it began, in UTC, to the minute. */
	readonly began: string;
	readonly threads: number;
	readonly seconds: number;
	/** Of all threads. */
	readonly cpuSeconds: number;
	readonly firstSeed: number;
	readonly lastSeed: number;
	/** Packets and requests that reached a replica, and faults that struck. */
	readonly events: number;
	readonly messages: number;
	readonly slots: number;
	readonly leastEvents: number;
	readonly violations: number;
	readonly failedSeed: number | null;
	/** How often each fault struck. */
	readonly faults: Readonly<Record<string, number>>;
	/** In how many runs each situation came up. */
	readonly situations: Readonly<Record<string, number>>;
};

type Circumstances = Pick<Part, 'commit' | 'began' | 'threads' | 'seconds' | 'cpuSeconds' | 'firstSeed'>;

export const runsOf = ({firstSeed, lastSeed}: Part): number => lastSeed - firstSeed + 1;

/** What a tally of at least one run comes to. */
export function partOf(circumstances: Circumstances, {mixes, faults, sights, failedSeed}: Tally): Part {
	const total = (of: (mix: (typeof mixes)[number]) => number) => mixes.reduce((so, mix) => so + of(mix), 0);
	return {
		...circumstances,
		lastSeed: circumstances.firstSeed + total(({runs}) => runs) - 1,
		events: total(({events}) => events),
		messages: total(({messages}) => messages),
		slots: total(({slots}) => slots),
		leastEvents: Math.min(...mixes.map(({leastEvents}) => leastEvents)),
		violations: total(({failed}) => failed),
		failedSeed,
		faults,
		situations: Object.fromEntries(situations.map(name => [name, sights[name] ?? 0])),
	};
}

/** The seed that comes next. */
export const nextSeed = (parts: readonly Part[]): number =>
	Math.max(0, ...parts.map(({lastSeed}) => lastSeed)) + 1;

/** The page for people. `isOlder`: the program has changed since this commit. */
export function pageOf(parts: readonly Part[], isOlder: (commit: string) => boolean): string {
	const now = parts.filter(({commit}) => !isOlder(commit));
	const rows = parts.map(part => {
		const {commit, began, firstSeed, lastSeed, events, faults, violations, seconds, cpuSeconds} = part;
		return row(
			`${shortName(commit)}${isOlder(commit) ? ' (older)' : ''}`,
			began,
			`${figure(firstSeed)} to ${figure(lastSeed)}`,
			figure(runsOf(part)),
			figure(events),
			figure(sum(Object.values(faults))),
			rarest([part]),
			figure(violations),
			duration(seconds),
			duration(cpuSeconds),
		);
	});
	const sums = [
		['all', parts] as const,
		...(now.length > 0 && now.length < parts.length ? [['this version', now] as const] : []),
	].map(([name, some]) =>
		row(
			`**${name}**`,
			'',
			'',
			figure(sum(some.map(runsOf))),
			figure(sum(some.map(({events}) => events))),
			figure(sum(some.flatMap(({faults}) => Object.values(faults)))),
			rarest(some),
			figure(sum(some.map(({violations}) => violations))),
			duration(sum(some.map(({seconds}) => seconds))),
			duration(sum(some.map(({cpuSeconds}) => cpuSeconds))),
		),
	);
	return `${[
		...introduction(parts),
		row(
			'commit',
			'began (UTC)',
			'seeds',
			'runs',
			'events',
			'faults',
			'rarest situation in',
			'violations',
			'time',
			'of processors',
		),
		row(...Array.from({length: 10}, () => '---')),
		...rows,
		...sums,
		'',
		...failures(parts),
		'## Faults',
		'',
		'How often each kind struck, in all parts. Loss, repetition and lateness are counted by message, drift and',
		'slow writes by run, the others by strike.',
		'',
		row('fault', 'times', 'what it is'),
		row('---', '---', '---'),
		...Object.entries(faultKinds).map(([kind, words]) =>
			row(kind, figure(sum(parts.map(({faults}) => faults[kind] ?? 0))), words),
		),
		'',
		'What the replicas outside of the healed majority had for ever, by replica:',
		'',
		row('for ever', 'times'),
		row('---', '---'),
		...lasting(parts).map(([kind, times]) => row(kind, figure(times))),
		'',
		'## Situations',
		'',
		'In how many runs each came up, in all parts, the rarest first.',
		'',
		row('situation', 'runs'),
		row('---', '---'),
		...seen(parts).map(([name, runs]) => row(name, figure(runs))),
	].join('\n')}\n`;
}

function introduction(parts: readonly Part[]): string[] {
	return [
		'# The campaign',
		'',
		'Seeded worlds beyond those of `npm test`, part by part: `npm run campaign -- --minutes 30` goes on behind the',
		'last seed, at the lowest priority, on as many threads as the machine runs at once (`--threads N`), and writes',
		'`docs/campaign.json` and this page every ten seconds. It may be killed at any time: what is recorded is',
		'complete, seed by seed. It stops at the first violation and leaves the traces of that run. Every run has at least',
		`1,000 events in its time of trouble (the fewest of all runs so far: ${figure(Math.min(...parts.map(({leastEvents}) => leastEvents)))}); events are packets and`,
		'requests that reached a replica and faults that struck, ticks are none. A run of the same commit and seed is the',
		'same run for ever: `paxos-chat simulate --seed S`.',
		'',
		'A part marked *older* was run on a program whose core, chat, host, transfer or simulator has changed since.',
		'It says something about this one only in so far as that change did not touch what it has seen.',
		'',
	];
}

function failures(parts: readonly Part[]): string[] {
	const failed = parts.filter(({failedSeed}) => failedSeed !== null);
	if (failed.length === 0) return [];
	const lines = failed.map(
		({commit, failedSeed}) => `- seed ${failedSeed} of commit ${shortName(commit)}: see \`docs/testing.md\``,
	);
	return ['Violations:', '', ...lines, ''];
}

function seen(parts: readonly Part[]): [name: string, runs: number][] {
	return situations
		.map((name): [string, number] => [name, sum(parts.map(part => part.situations[name] ?? 0))])
		.sort(([, a], [, b]) => a - b);
}

function lasting(parts: readonly Part[]): [kind: string, times: number][] {
	const kinds = new Set(parts.flatMap(({faults}) => Object.keys(faults)));
	return [...kinds]
		.filter(kind => kind.startsWith('for ever '))
		.sort()
		.map(kind => [kind.replace('for ever ', ''), sum(parts.map(({faults}) => faults[kind] ?? 0))]);
}

/** In how many runs the rarest situation came up, of those that were looked for. */
const rarest = (parts: readonly Part[]): string =>
	figure(seen(parts).find(([name]) => parts.some(({situations}) => Object.hasOwn(situations, name)))![1]);

const shortName = (commit: string): string => `${commit.slice(0, 10)}${commit.endsWith('+') ? '+' : ''}`;
const sum = (numbers: readonly number[]): number => numbers.reduce((so, each) => so + each, 0);
const figure = (value: number): string => value.toLocaleString('en');
const duration = (seconds: number): string => {
	const minutes = Math.round(seconds / 60);
	return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
};
const row = (...cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
