import {acknowledgedBetween, type Evidence, lastWord, wordsBetween} from './evidence.ts';
import {type Finding, fact, failure, missing} from './finding.ts';
import {oneAct} from './one-act.ts';

/** A disk that takes no more ends its replica, at once and in one line; with room again it catches up. */
export const fullDisk = oneAct({
	name: 'full-disk',
	tells:
		'the files of a replica cannot grow any more: it stops with one line, the others go on; with room again it catches up',
	rounds: {of: 'full disks: a backup, then the primary, and so on', usual: 2},

	async play(stage, rounds) {
		for (let round = 1; round <= rounds; round++) {
			await stage.growth(100, 15);
			const primary = await stage.leader();
			const victim = round % 2 === 1 ? (primary + 1) % stage.replicas : primary;
			if (!(await stage.fill(victim))) break;
			await stage.leader();
			await stage.growth(100, 15);
			await stage.restart(victim);
			await stage.caughtUp(victim);
		}

		await stage.growth(100, 15);
	},

	judge,
});

function* judge(act: Evidence, rounds: number): Generator<Finding> {
	const disks = act.ordeals.filter(({kind}) => kind === 'full');
	if (act.skipped === null && disks.length < rounds)
		yield missing(`${disks.length} full disks, not ${rounds}`);
	for (const [index, disk] of disks.entries()) {
		if (disk.kind !== 'full') continue;
		const {at, replica} = disk;
		const name = `full disk ${index + 1}`;
		const end = act.ends.find(each => each.replica === replica && each.until >= at);
		if (end === undefined) {
			yield missing(`${name}: replica ${replica} did not go down`);
			continue;
		}

		if (end.how !== 'exit code 1') yield failure(`${name}: replica ${replica} ended by ${end.how}`);
		const last = wordsBetween(act, replica, at, end.until).at(-1) ?? 'no word';
		if (!/EFBIG|ENOSPC/.test(last)) yield failure(`${name}: replica ${replica} did not say why: ${last}`);
		const back = act.starts.find(start => start.replica === replica && start.at > end.until);
		if (back === undefined) yield missing(`${name}: replica ${replica} was not started again`);
		else if (acknowledgedBetween(act, end.until, back.at) === 0)
			yield failure(`${name}: the others did not go on without replica ${replica}`);
		const before = lastWord(act, replica, at)?.messages ?? 0;
		const after = lastWord(act, replica, Number.POSITIVE_INFINITY)?.messages ?? 0;
		if (after <= before) yield failure(`${name}: replica ${replica} did not catch up`);
	}

	yield fact('fullDisks', disks.length);
	yield fact(
		'ofPrimaries',
		disks.filter(disk => disk.kind === 'full' && disk.replica === disk.leader).length,
	);
}
