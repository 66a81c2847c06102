import {expect, test} from '@jest/globals';
import {campaign, simulateAll} from '../../source/simulator/campaign.ts';
import {simulate} from '../../source/simulator/simulate.ts';

/** Seeds of this test; `paxos-chat simulate` runs others, as many as one has patience for. */
const seed = 1;
const runs = 2000;

/** What must come up in some of the runs: a net with holes in it catches nothing. */
const situations = [
	'a checkpoint was fetched from a peer',
	'a checkpoint was made',
	'a crash kept what was not synced',
	'a crash lost what was not synced',
	'a no-op was executed',
	'a request was in two slots and executed once',
	'a retry was answered from the session table',
	'busy',
	'client was told expired',
	'client was told ok',
	'everything died at once',
	'for ever blinking',
	'for ever dead',
	'for ever deaf',
	'for ever flapping',
	'for ever grey',
	'for ever links',
	'for ever lossy',
	'for ever mute',
	'for ever stalled',
	'note: campaign',
	'note: doubt',
	'note: hole',
	'note: lag',
	'note: no-op',
	'note: proposal',
	'note: skip',
	'started from a checkpoint',
];

test(`${runs} seeds, in six mixes of faults: every theorem holds, and a healed majority serves`, async () => {
	const report = await campaign({seed, runs});
	expect(report.mixes.flatMap(({failures}) => failures)).toEqual([]);
	expect(report.mixes.map(({mix}) => mix)).toEqual(['calm', 'lossy', 'crashes', 'cuts', 'stalls', 'all']);
	for (const mix of report.mixes) expect(mix.events / mix.runs).toBeGreaterThan(2000);
	expect(situations.filter(situation => !report.sights[situation])).toEqual([]);
}, 480_000);

test('a seed tells the same story for ever', async () => {
	const choices = Array.from({length: 50}, (_, index) => ({seed: seed + index}));
	const [first, second] = [await simulateAll(choices, 2), await simulateAll(choices, 2)];
	expect(second).toEqual(first);
	expect(new Set(first.map(({hash}) => hash)).size).toBe(choices.length);
	// Here as well as in a thread of its own.
	expect(simulate(choices[7]!)).toEqual(first[7]);
}, 120_000);
