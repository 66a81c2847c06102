import {acknowledgedBetween, type Evidence, lastWord, viewsBetween} from './evidence.ts';
import {type Finding, fact, failure, missing} from './finding.ts';
import {oneAct} from './one-act.ts';

/** How long a backup is out of the reach of the others, in its patience: it doubts the primary all the time. */
const length = 3;

/** A backup that comes back from isolation has doubted for long, and disturbs nobody. */
export const isolatedRejoin = oneAct({
	name: 'isolated-rejoin',
	tells: 'a backup is cut off for three times its patience under load and comes back; no view changes for it',
	rounds: {of: 'isolations', usual: 2},

	async play(stage, rounds) {
		for (let round = 1; round <= rounds; round++) {
			await stage.growth(100, 15);
			const primary = await stage.leader();
			const backups = stage.alive.filter(id => id !== primary);
			const backup = backups[round % backups.length]!;
			const heal = await stage.isolate(backup);
			const since = performance.now();
			await stage.growth(200, 15);
			await stage.until('it has been away for long enough', 30, () => {
				return performance.now() - since > length * stage.cluster.patienceMs;
			});
			await heal();
			await stage.caughtUp(backup);
			await stage.growth(200, 15);
		}
	},

	judge,
});

function* judge(act: Evidence, rounds: number): Generator<Finding> {
	const isolations = act.ordeals.filter(({kind}) => kind === 'isolation');
	if (isolations.length < rounds) yield missing(`${isolations.length} isolations, not ${rounds}`);
	const behind: number[] = [];
	let views = 0;
	for (const [index, ordeal] of isolations.entries()) {
		if (ordeal.kind !== 'isolation') continue;
		const {at, replica, leader} = ordeal;
		const name = `isolation ${index + 1}`;
		const until = ordeal.until ?? at;
		if (leader === null || replica === leader) yield missing(`${name} did not hit a backup`);
		const last = lastWord(act, replica, until);
		if (!last?.faults?.isIsolated) yield missing(`${name}: replica ${replica} never said that it is cut off`);
		const ahead = Math.max(
			...act.samples.filter(sample => sample.at <= until).map(({status}) => status.messages),
		);
		behind.push(ahead - (last?.messages ?? 0));
		if (behind[index]! <= 0) yield missing(`${name}: nothing happened without replica ${replica}`);
		if (acknowledgedBetween(act, at, until) === 0)
			yield failure(`${name}: nothing was acknowledged meanwhile`);
		const next = isolations[index + 1]?.at ?? Number.POSITIVE_INFINITY;
		if (acknowledgedBetween(act, until, next) === 0)
			yield failure(`${name}: nothing was acknowledged after it`);
		views += viewsBetween(act, at, next);
	}

	if (views > 0) yield failure(`${views} views were entered for a replica that was cut off and came back`);
	yield fact('viewsEntered', views);
	yield fact('messagesBehindAtReturn', behind);
}
