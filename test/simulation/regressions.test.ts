import {expect, test} from '@jest/globals';
import {type Choice, simulate} from '../../source/simulator/simulate.ts';

/**
 * Every run that ever failed, with a sentence about why. A world changes when
 * the simulator does; the plays hold what must not be lost with it.
 */
const regressions: readonly (Choice & {readonly why: string})[] = [
	{
		seed: 627,
		mix: 'cuts',
		variant: 'crowded',
		replicas: 5,
		why: 'a replica that lagged opened an expired session again, and a number was used twice',
	},
	{
		seed: 1031,
		mix: 'all',
		variant: 'crowded',
		replicas: 7,
		why: 'a deaf replica repeats for ever what an expired session said',
	},
	{
		seed: 1078,
		mix: 'stalls',
		variant: 'crowded',
		replicas: 3,
		why: 'the same, with one of three deaf in part',
	},
	{seed: 1299, mix: 'cuts', variant: 'crowded', replicas: 3, why: 'the same, with one of three deaf'},
	{seed: 76, mix: 'stalls', variant: 'pages', replicas: 7, why: 'a deaf replica repeats an opening for ever'},
	{
		seed: 890,
		mix: 'crashes',
		variant: 'quick',
		replicas: 7,
		why: 'four of seven, all needed, doubted for ever and never at once: a doubt faded before the next one came',
	},
	{seed: 220, mix: 'stalls', variant: 'crowded', replicas: 5, why: 'the same, on broken links'},
	{
		seed: 9917,
		mix: 'all',
		variant: 'tight',
		replicas: 3,
		why: 'the world took a replaced memory for one that counts, and lost more than it may: no fault of the core',
	},
	{
		seed: 27485,
		mix: 'all',
		variant: 'usual',
		replicas: 3,
		why: 'a new memory forgot in a crash that it was admitted, when another one was lost in reliance on it',
	},
	{
		seed: 36509,
		mix: 'all',
		variant: 'narrow',
		replicas: 3,
		why: 'an earlier memory had asked to be admitted, came late, and took the place of the one that was',
	},
	{
		seed: 38709,
		mix: 'cuts',
		variant: 'patient',
		replicas: 3,
		why: 'a candidate with enough promises waited for a checkpoint of a third one, whose links lost most of it',
	},
	{
		seed: 47681,
		mix: 'all',
		variant: 'narrow',
		replicas: 5,
		why: 'a primary of which only heartbeats were heard admitted nobody, and nobody was owed anything else',
	},
	{
		seed: 49583,
		mix: 'all',
		variant: 'tight',
		replicas: 5,
		why: 'a learner was alone in a newer view, of which it tells nobody, and heard nobody',
	},
	{
		seed: 58547,
		mix: 'all',
		variant: 'quick',
		replicas: 3,
		why: 'the world waited for a learner that had been admitted without its knowledge, and replaced: no fault of the core',
	},
	{
		seed: 272676,
		mix: 'memories',
		variant: 'narrow',
		replicas: 3,
		why: 'a memory that never learned that it was admitted was admitted again, in place of one that the world counted on',
	},
	{
		seed: 2427,
		mix: 'memories',
		variant: 'tight',
		replicas: 3,
		why: 'two memories had one name, so the world took a learner for one that counts, and lost two of three',
	},
	{seed: 3622, mix: 'memories', variant: 'crowded', replicas: 3, why: 'the same'},
	{
		seed: 339557,
		mix: 'lossy',
		variant: 'tight',
		replicas: 3,
		why: 'a fetched checkpoint that held nothing new was not counted as one, and the replica took nothing more for ever',
	},
	{
		seed: 1011313,
		mix: 'crashes',
		variant: 'pages',
		replicas: 3,
		why: 'an older copy had written as much as it lacked while it was alone, which nobody promises to notice: no fault of the core',
	},
	{
		seed: 1205670,
		mix: 'stalls',
		variant: 'crowded',
		replicas: 7,
		why: 'the world was over before a write that began on a slow disk, and what waited behind it was held against the replica: no fault of the core',
	},
	{
		seed: 1570862,
		mix: 'all',
		variant: 'quick',
		replicas: 3,
		why: 'a new memory lost the checkpoint that told of its admission, and the world took the memory of another one as well: no fault of the core',
	},
	{
		seed: 13142,
		mix: 'crashes',
		variant: 'narrow',
		replicas: 5,
		why: 'the world closed a journal in good order behind a group whose sync had failed, and then lost that group: no fault of the core',
	},
	{
		seed: 1029197,
		mix: 'lossy',
		variant: 'pages',
		replicas: 3,
		why: 'the same the other way round: as nothing more came of what a peer had begun to send, a lossy one was asked again and again, and that peer never',
	},
	{
		seed: 1003537,
		mix: 'cuts',
		variant: 'narrow',
		replicas: 3,
		why: 'a checkpoint had begun to come from a lossy peer, which was asked for the rest for ever, as it spoke up again and again',
	},
];

test.each(regressions)('seed $seed: $why', ({why: _why, ...choice}) => {
	expect(simulate(choice).failure).toBeNull();
});
