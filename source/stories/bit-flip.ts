import {acknowledgedBetween, type Evidence, wordsBetween} from './evidence.ts';
import {type Finding, fact, failure, missing} from './finding.ts';
import {oneAct} from './one-act.ts';

/** One bit of an old group is another one than it was: a promise or a vote could be forgotten. */
export const bitFlip = oneAct({
	name: 'bit-flip',
	tells:
		'one bit in the journal of a replica that is down is flipped: it refuses to start and names the place, as verify does; the others go on',
	rounds: {of: 'flipped bits', usual: 3},

	async play(stage, rounds) {
		for (let round = 1; round <= rounds; round++) {
			await stage.growth(100, 15);
			const victim = round % stage.replicas;
			await stage.kill(victim);
			const flipBack = await stage.flip(victim);
			await stage.startInVain(victim);
			await stage.leader();
			await stage.verify();
			await stage.growth(100, 15);
			await flipBack();
			await stage.restart(victim);
		}

		await stage.growth(100, 15);
	},

	judge,
});

function* judge(act: Evidence, rounds: number): Generator<Finding> {
	const flips = act.ordeals.filter(({kind}) => kind === 'flip');
	if (flips.length < rounds) yield missing(`${flips.length} flipped bits, not ${rounds}`);
	for (const [index, flip] of flips.entries()) {
		if (flip.kind !== 'flip') continue;
		const {at, replica, path, offset} = flip;
		const until = flip.until ?? Number.POSITIVE_INFINITY;
		const name = `bit ${index + 1}`;
		const end = act.ends.find(each => each.replica === replica && each.at > at && each.at < until);
		if (end === undefined) {
			yield missing(`${name}: nobody tried to start replica ${replica}`);
			continue;
		}

		const lines = wordsBetween(act, replica, end.at, end.until);
		if (end.how !== 'exit code 1' || lines.length !== 1)
			yield failure(
				`${name}: replica ${replica} did not refuse in one line: ${end.how}, ${lines.length} lines`,
			);
		if (!lines.some(line => namesPlace(line, path, offset)))
			yield failure(`${name}: replica ${replica} did not name the place: ${lines.at(-1) ?? 'no word'}`);
		const verdict = act.verdicts.find(each => each.at > at && each.at < until);
		if (verdict === undefined) yield missing(`${name}: verify was not asked`);
		else if (verdict.code !== 1 || !verdict.problems.some(line => namesPlace(line, path, offset)))
			yield failure(`${name}: verify did not name the place`);
		if (acknowledgedBetween(act, end.until, until) === 0)
			yield failure(`${name}: the others did not go on without replica ${replica}`);
	}

	yield fact('flippedBits', flips.length);
	yield fact('silent', flips.length - act.ends.length);
}

/** The group that holds the bit begins there or before it. */
function namesPlace(line: string, path: string, offset: number): boolean {
	const [, byte] = /damaged at byte (\d+)/.exec(line) ?? [];
	return line.includes(path) && byte !== undefined && Number(byte) <= offset;
}
