import {type Evidence, lastWord, wordsBetween} from './evidence.ts';
import {type Finding, fact, failure, missing} from './finding.ts';
import {oneAct} from './one-act.ts';

/** What a power cut leaves at the end of a journal: a write that never came to its end. */
export const tornTail = oneAct({
	name: 'torn-tail',
	tells:
		'a replica is killed, and the end of its journal is cut off or littered: it starts, says so, and all that was acknowledged is there',
	rounds: {of: 'torn tails', usual: 4},

	async play(stage, rounds) {
		for (let round = 1; round <= rounds; round++) {
			await stage.growth(100, 15);
			const victim = round % stage.replicas;
			// The others alone may have made it grow: what the victim had is held against it later.
			await stage.caughtUp(victim);
			await stage.kill(victim);
			await stage.tear(victim, round % 2 === 1 ? 'cut' : 'litter');
			await stage.restart(victim);
			await stage.leader();
			await stage.caughtUp(victim);
		}

		await stage.growth(100, 15);
	},

	judge,
});

function* judge(act: Evidence, rounds: number): Generator<Finding> {
	const tears = act.ordeals.filter(({kind}) => kind === 'tear');
	if (tears.length < rounds) yield missing(`${tears.length} torn tails, not ${rounds}`);
	for (const [index, tear] of tears.entries()) {
		if (tear.kind !== 'tear') continue;
		const {at, replica, path} = tear;
		const name = `torn tail ${index + 1}`;
		if (act.kills.findLast(kill => kill.at < at)?.replica !== replica)
			yield missing(`${name}: replica ${replica} was not killed before`);
		const next = tears[index + 1]?.at ?? Number.POSITIVE_INFINITY;
		const words = wordsBetween(act, replica, at, next);
		if (!words.some(line => line.includes('unfinished') && line.includes(path)))
			yield failure(`${name}: replica ${replica} did not say that the end of ${path} is cut off`);
		const before = lastWord(act, replica, at)?.messages ?? 0;
		const after = act.samples.find(sample => sample.at > at && sample.status.id === replica);
		if (before === 0) yield missing(`${name}: replica ${replica} had executed nothing`);
		if (after === undefined) yield failure(`${name}: replica ${replica} did not come back`);
	}

	yield fact('tornTails', tears.length);
}
