import {type Evidence, inFlight, outageMs, safety} from './evidence.ts';
import {type Finding, fact, failure, missing} from './finding.ts';
import {ofAct, type Story} from './story.ts';

/** How far apart the kills of one blow may be. */
const blowMs = 250;

/** The power fails for all replicas at once, and comes back: only disks remember. */
export const allDownAllUp: Story = {
	name: 'all-down-all-up',
	tells: 'all replicas are killed at once under load and started again, three times',
	rounds: {of: 'blows', usual: 3},

	async play(theatre, rounds) {
		const act = await theatre.perform({title: 'n = 3', f: 1}, async stage => {
			await stage.start();
			stage.crowd({processes: 2, clients: 8});
			for (let round = 1; round <= rounds; round++) {
				await stage.growth(200, 20);
				stage.tell(`blow ${round} of ${rounds}`);
				await Promise.all(stage.alive.map(id => stage.kill(id)));
				await stage.restartAll();
				await stage.leader();
			}

			await stage.growth(200, 20);
		});
		return [act];
	},

	*judge(acts, rounds) {
		if (acts.length === 0) yield failure('nothing was played');
		for (const act of acts) yield* ofAct(act, judge(act, rounds));
	},
};

function* judge(act: Evidence, rounds: number): Generator<Finding> {
	yield* safety(act);
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

	if (act.alive.length < replicas)
		yield failure(`only ${act.alive.length} of ${replicas} replicas came back`);
	yield fact('blows', rounds);
	yield fact('underWayAtBlow', underWay);
	yield fact('outageMs', outages);
}
