import {expect, test} from '@jest/globals';
import {campaign} from '../../source/simulator/campaign.ts';
import {simulateAll} from '../../source/simulator/crew.ts';
import {faultKinds} from '../../source/simulator/faults.ts';
import {type Report, simulate} from '../../source/simulator/simulate.ts';
import {situations} from '../../source/simulator/situations.ts';

/** Seeds of this test; `paxos-chat simulate` runs others, as many as one has patience for. */
const seed = 1;
const runs = 2000;

/**
 * A net with holes in it catches nothing: each kind of fault has to strike in
 * some of the runs, and each rare situation has to come up. Once in a thousand
 * runs is little, and enough to see the day on which it is gone.
 */
const leastSights = 2;

test(`${runs} seeds, in seven mixes of faults: every theorem holds, and a healed majority serves in bounded time`, async () => {
	const report = await campaign({seed, runs});
	expect(report.mixes.flatMap(({failures}) => failures)).toEqual([]);
	expect(report.mixes.map(({mix}) => mix)).toEqual([
		'calm',
		'lossy',
		'crashes',
		'cuts',
		'stalls',
		'memories',
		'all',
	]);
	for (const mix of report.mixes) expect(mix.leastEvents).toBeGreaterThanOrEqual(1000);
	expect(report.missing).toEqual([]);
	const rare = [...situations].filter(situation => report.sights[situation]! < leastSights);
	expect(rare).toEqual([]);
	expect(report.ok).toBe(true);
}, 480_000);

test('there are enough kinds of faults, and enough situations, each with a name of its own', () => {
	expect(Object.keys(faultKinds).length).toBeGreaterThanOrEqual(20);
	expect(new Set(situations).size).toBe(situations.length);
	expect(situations.length).toBeGreaterThanOrEqual(25);
});

test('a campaign that is too small says what it has not seen', async () => {
	const {ok, missing} = await campaign({seed, runs: 1, threads: 0});
	expect(ok).toBe(true);
	expect(missing).toContain('everything died at once');
});

test('a seed tells the same story for ever', async () => {
	const choices = Array.from({length: 50}, (_, index) => ({seed: seed + index, isHashed: true}));
	const all = async () => {
		const reports: Report[] = [];
		for await (const report of simulateAll(choices, 2)) reports.push(report);
		return reports;
	};
	const [first, second] = [await all(), await all()];
	expect(second).toEqual(first);
	expect(new Set(first.map(({hash}) => hash)).size).toBe(choices.length);
	// Here as well as in a thread of its own.
	expect(simulate(choices[7]!)).toEqual(first[7]);
}, 120_000);
