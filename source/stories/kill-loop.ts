import {type Evidence, outageMs, survivors} from './evidence.ts';
import {type Finding, fact, failure, missing} from './finding.ts';
import {oneAct} from './one-act.ts';

/** Random replicas die and come back, but never so many that no majority is left. */
export const killLoop = oneAct({
	name: 'kill-loop',
	tells: '100 random kill -9 and restarts under load, with f + 1 replicas up at all times',
	rounds: {of: 'kills', usual: 100},
	clients: 2,
	// So that kills find replicas amid checkpoints, too.
	options: {tunables: {checkpointBytes: 1_048_576, retainBytes: 1_048_576, segmentBytes: 1_048_576}},

	async play(stage, rounds) {
		await stage.growth(50, 15);
		for (let round = 1; round <= rounds; round++) {
			// The last ones hit primaries, if chance has not done so.
			const isPrimary = round > rounds - 2 && !stage.hasKilledPrimary;
			const victim = isPrimary ? await stage.leader() : Math.floor(Math.random() * stage.replicas);
			stage.tell(`kill ${round} of ${rounds}: replica ${victim}`);
			await stage.kill(victim);
			await stage.restart(victim);
			await stage.leader();
			await stage.growth(20, 20);
		}
	},

	judge,
});

function* judge(act: Evidence, rounds: number): Generator<Finding> {
	const {kills, replicas} = act;
	if (kills.length < rounds) yield missing(`${kills.length} kills, not ${rounds}`);
	const majority = Math.floor(replicas / 2) + 1;
	const tooMany = kills.filter(({left}) => left < majority).length;
	if (tooMany > 0) yield missing(`after ${tooMany} kills no majority was left`);
	if (!kills.some(({wasPrimary}) => wasPrimary)) yield missing('no primary was killed');
	const underLoad = kills.filter(({at}) => survivors(act, at) > 0).length;
	if (underLoad < kills.length) yield missing(`${kills.length - underLoad} kills found no request under way`);
	const outages = kills.map(({at}) => outageMs(act, at));
	const stuck = outages.filter(outage => outage === undefined).length;
	if (stuck > 0) yield failure(`after ${stuck} kills nothing was acknowledged any more`);
	yield fact('kills', kills.length);
	yield fact('killsOfPrimaries', kills.filter(({wasPrimary}) => wasPrimary).length);
	yield fact('longestOutageMs', Math.max(0, ...outages.map(outage => outage ?? 0)));
}
