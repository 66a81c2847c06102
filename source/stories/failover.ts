import {type Evidence, outageMs, survivors} from './evidence.ts';
import {type Finding, fact, failure, missing} from './finding.ts';
import {oneAct} from './one-act.ts';

/** 99 of 100 failovers must be over within this: somebody who speaks after the kill has been answered. */
const longestMs = 1000;

/** How long nobody is answered when a primary dies, over and over: each time the one that leads. */
export const failover = oneAct({
	name: 'failover',
	tells:
		'the primary is killed under load, again and again: after 99 of 100 kills somebody is answered within a second',
	rounds: {of: 'killed primaries', usual: 10},

	async play(stage, rounds) {
		for (let round = 1; round <= rounds; round++) {
			await stage.growth(50, 20);
			const primary = await stage.leader();
			stage.tell(`primary ${round} of ${rounds}`);
			await stage.kill(primary);
			await stage.leader();
			await stage.growth(20, 20);
			// One that comes back late would have to catch up first: that is another story.
			await stage.restart(primary);
			await stage.caughtUp(primary);
		}
	},

	judge,
});

function* judge(act: Evidence, rounds: number): Generator<Finding> {
	const {kills} = act;
	if (kills.length < rounds) yield missing(`${kills.length} primaries were killed, not ${rounds}`);
	const others = kills.filter(({wasPrimary}) => !wasPrimary).length;
	if (others > 0) yield missing(`${others} of those that were killed did not lead`);
	const idle = kills.filter(({at}) => survivors(act, at) === 0).length;
	if (idle > 0) yield missing(`${idle} kills found no request under way`);
	const outages = kills.flatMap(({at}) => outageMs(act, at) ?? []).sort((a, b) => a - b);
	if (outages.length < kills.length)
		yield failure(`after ${kills.length - outages.length} kills nothing was acknowledged any more`);
	const p99 = quantile(outages, 0.99);
	if (p99 > longestMs) yield failure(`after 1 of 100 kills nobody was answered for ${p99} ms or more`);
	yield fact('kills', kills.length);
	yield fact('failoverMsP50', quantile(outages, 0.5));
	yield fact('failoverMsP99', p99);
	yield fact('failoverMsMax', outages.at(-1) ?? 0);
	yield fact('outageMs', outages);
}

/** The least value that so large a share does not exceed. */
const quantile = (sorted: readonly number[], share: number): number =>
	sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0;
