import {type Evidence, inFlight, outageMs} from './evidence.ts';
import {type Finding, fact, failure, missing} from './finding.ts';
import {oneAct} from './one-act.ts';

/** How far apart the kills of one blow may be. */
const blowMs = 250;

/** The power fails for all replicas at once, and comes back: only disks remember. */
export const allDownAllUp = oneAct({
	name: 'all-down-all-up',
	tells: 'all replicas are killed at once under load and started again, three times',
	rounds: {of: 'blows', usual: 3},
	clients: 8,

	async play(stage, rounds) {
		for (let round = 1; round <= rounds; round++) {
			await stage.growth(200, 20);
			stage.tell(`blow ${round} of ${rounds}`);
			await Promise.all(stage.alive.map(id => stage.kill(id)));
			await stage.restartAll();
			await stage.leader();
		}

		await stage.growth(200, 20);
	},

	judge,
});

function* judge(act: Evidence, rounds: number): Generator<Finding> {
	const outages: number[] = [];
	const underWay: number[] = [];
	const {kills, replicas} = act;
	if (kills.length < rounds * replicas) yield missing(`${kills.length} kills, not ${rounds * replicas}`);
	for (let round = 0; round < rounds; round++) {
		const blow = kills.slice(round * replicas, (round + 1) * replicas);
		const [first] = blow;
		const last = blow.at(-1);
		if (first === undefined || last === undefined) continue;
		const name = `blow ${round + 1}`;
		if (new Set(blow.map(({replica}) => replica)).size < replicas || last.left > 0)
			yield missing(`${name} did not hit every replica`);
		if (last.at - first.at > blowMs) yield missing(`${name} took ${Math.round(last.at - first.at)} ms`);
		underWay.push(inFlight(act, first.at));
		if (underWay[round] === 0) yield missing(`${name}: no request was under way`);
		const outage = outageMs(act, last.at);
		if (outage === undefined) yield failure(`${name}: nothing that was said after it was acknowledged`);
		else outages.push(outage);
	}

	yield fact('blows', rounds);
	yield fact('underWayAtBlow', underWay);
	yield fact('outageMs', outages);
}
