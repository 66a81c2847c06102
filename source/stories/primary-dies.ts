import {type Evidence, nextLeader, outageMs, retriesAnswered, safety, survivors} from './evidence.ts';
import {type Finding, fact, failure, missing} from './finding.ts';
import type {Stage} from './stage.ts';
import {ofAct, type Story} from './story.ts';

/** The primary of view 0 is killed under load, and replica 1 takes over. */
export const primaryDies: Story = {
	name: 'primary-dies',
	tells:
		'kill -9 of the primary under load; replica 1 takes over, retries are answered from the session table',
	rounds: {of: 'most further kills, until a retry was answered from the session table', usual: 4},

	async play(theatre, rounds) {
		const act = await theatre.perform({title: 'n = 3', f: 1}, async stage => {
			await stage.start();
			stage.crowd({processes: 2, clients: 8, via: 0});
			await stage.growth(500, 15);
			await stage.kill(await stage.leader());
			await stage.leader();
			await stage.growth(500, 15);
			for (let round = 1; round <= rounds && stage.retriesAnswered === 0; round++) {
				stage.tell(`no retry was answered from a session table yet: once more, number ${round}`);
				await killDeafPrimary(stage);
			}
		});
		return [act];
	},

	*judge(acts) {
		if (acts.length === 0) yield failure('nothing was played');
		for (const act of acts) yield* ofAct(act, judge(act));
	},
};

/**
 * Makes sure that a retry finds its answer in a session table: the primary goes
 * on proposing, but hears no votes any more, so the others execute what its own
 * clients still wait for. Then it dies, and they repeat it elsewhere.
 */
async function killDeafPrimary(stage: Stage): Promise<void> {
	await stage.restartAll();
	const primary = await stage.leader();
	const crowd = stage.crowd({processes: 1, clients: 8, via: primary});
	await stage.until('a client of the primary was answered', 15, () => crowd.heard > 0);
	await stage.lose(1, primary);
	await stage.until('the others are ahead of the deaf primary', 5, () => {
		const own = stage.status(primary);
		return own?.faults?.loss === 1 && stage.highest > own.messages;
	});
	await stage.kill(primary);
	await stage.leader();
	await stage.growth(100, 15);
}

function* judge(act: Evidence): Generator<Finding> {
	yield* safety(act);
	const [kill] = act.kills;
	if (kill === undefined) {
		yield missing('nobody was killed');
		return;
	}

	if (!kill.wasPrimary || kill.replica !== 0)
		yield missing(`replica ${kill.replica} was killed, not the primary of view 0`);
	const under = survivors(act, kill.at);
	if (under === 0) yield missing('no request was under way when the primary was killed');
	const leader = nextLeader(act, kill.at, kill.view);
	if (leader === undefined) yield failure('nobody led after the kill');
	else if (leader.status.id !== 1) yield failure(`replica ${leader.status.id} took over, not replica 1`);
	const outage = outageMs(act, kill.at);
	if (outage === undefined) yield failure('nothing that was said after the kill was acknowledged');
	if (retriesAnswered(act) === 0) yield missing('no retry was answered from a session table');
	yield fact('kills', act.kills.length);
	yield fact('underWayAtKill', under);
	yield fact('newLeader', leader?.status.id ?? null);
	yield fact('newView', leader?.status.view ?? null);
	yield fact('failoverMs', outage ?? null);
}
