import {acknowledgedBetween, type Evidence, survivors, viewsBetween} from './evidence.ts';
import {type Finding, fact, failure, missing} from './finding.ts';
import {oneAct} from './one-act.ts';

/** How long the primary stands still, in its own patience. */
const lengths = [1, 3, 10];

/** A primary that stands still does not know it: when it wakes, it believes that it leads. */
export const pausedPrimary = oneAct({
	name: 'paused-primary',
	tells:
		'the primary is stopped by SIGSTOP for one, three and ten times its patience, and wakes as a primary',
	rounds: {of: 'pauses of each length', usual: 1},

	async play(stage, rounds) {
		for (let round = 1; round <= rounds; round++) {
			for (const length of lengths) {
				await stage.growth(100, 15);
				await stage.hands.pause(await stage.leader(), length * stage.cluster.patienceMs);
				await stage.leader();
				await stage.growth(200, 15);
			}
		}
	},

	judge,
});

function* judge(act: Evidence, rounds: number): Generator<Finding> {
	const pauses = act.ordeals.filter(({kind}) => kind === 'pause');
	const wanted = rounds * lengths.length;
	if (pauses.length < wanted) yield missing(`${pauses.length} pauses, not ${wanted}`);
	const views: number[] = [];
	for (const [index, pause] of pauses.entries()) {
		const {at, until, leader} = pause;
		const name = `pause ${index + 1}`;
		const end = until ?? at;
		if (pause.kind !== 'pause' || pause.replica !== leader) yield missing(`${name} did not hit the primary`);
		if (survivors(act, at) === 0) yield missing(`${name}: no request was under way that was answered later`);
		const next = pauses[index + 1]?.at ?? Number.POSITIVE_INFINITY;
		views.push(viewsBetween(act, at, next));
		if (views[index]! > 1) yield failure(`${name}: ${views[index]} views were entered because of it`);
		if (acknowledgedBetween(act, end, next) === 0)
			yield failure(`${name}: nothing that was said after it was acknowledged`);
	}

	const longest = Math.max(0, ...pauses.map(({at, until}) => (until ?? at) - at));
	if (pauses.length > 0 && views.every(count => count === 0))
		yield missing('nobody took over during any pause');
	yield fact('viewsEnteredByPause', views);
	yield fact('longestPauseMs', Math.round(longest));
}
