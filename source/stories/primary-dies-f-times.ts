import {type Evidence, nextLeader, outageMs, safety, survivors} from './evidence.ts';
import {type Finding, fact, failure, missing} from './finding.ts';
import {ofAct, type Story} from './story.ts';

/** As many primaries die as the cluster can bear, each shortly after it took over. */
export const primaryDiesFTimes: Story = {
	name: 'primary-dies-f-times',
	tells: 'f = 1, 2, 3: each new primary is killed too, f times; the rest goes on',
	rounds: {of: 'largest f', usual: 3},

	async play(theatre, rounds) {
		const acts: Evidence[] = [];
		for (let f = 1; f <= rounds; f++) {
			const act = await theatre.perform({title: `f = ${f}`, f}, async stage => {
				await stage.start();
				stage.crowd({processes: 2, clients: 4});
				for (let kill = 0; kill < f; kill++) {
					await stage.growth(200, 15);
					await stage.kill(await stage.leader());
				}

				await stage.leader();
				await stage.growth(200, 15);
			});
			acts.push(act);
		}

		return acts;
	},

	*judge(acts, rounds) {
		for (let f = 1; f <= rounds; f++) {
			const act = acts.find(({replicas}) => replicas === 2 * f + 1);
			if (act === undefined) yield missing(`f = ${f} was not played`);
			else yield* ofAct(act, judge(act, f));
		}
	},
};

function* judge(act: Evidence, f: number): Generator<Finding> {
	yield* safety(act);
	const outages: number[] = [];
	const leaders: number[] = [];
	if (act.kills.length < f) yield missing(`${act.kills.length} were killed, not ${f}`);
	if (new Set(act.kills.map(({replica}) => replica)).size < act.kills.length)
		yield missing('one replica was killed twice');
	if (act.alive.length !== act.replicas - f)
		yield missing(`${act.alive.length} replicas were left at the end, not ${act.replicas - f}`);
	for (const [index, kill] of act.kills.entries()) {
		const name = `kill ${index + 1}`;
		if (!kill.wasPrimary) yield missing(`${name} did not hit the primary`);
		if (survivors(act, kill.at) === 0) yield missing(`${name}: no request was under way`);
		const leader = nextLeader(act, kill.at, kill.view);
		if (leader === undefined) yield failure(`${name}: nobody led after it`);
		else leaders.push(leader.status.id);
		const outage = outageMs(act, kill.at);
		if (outage === undefined) yield failure(`${name}: nothing that was said after it was acknowledged`);
		else outages.push(outage);
	}

	yield fact(
		'killed',
		act.kills.map(({replica}) => replica),
	);
	yield fact('leaders', leaders);
	yield fact('failoverMs', outages);
}
