import {acknowledgedBetween, type Evidence, lastWord, type Ordeal, wordsBetween} from './evidence.ts';
import {type Finding, fact, failure, missing} from './finding.ts';
import {oneAct} from './one-act.ts';
import type {Stage} from './stage.ts';
import type {Story} from './story.ts';

type Kind = 'full' | 'failed sync';
type Disk = Extract<Ordeal, {kind: Kind}>;
type Plot = Pick<Story, 'name' | 'tells'> & {
	readonly kind: Kind;
	/** What the system calls it. */
	readonly says: RegExp;
	/** Makes the disk of a replica refuse. Resolves when the replica is down. */
	refuse(stage: Stage, id: number): Promise<void>;
};

/** A disk that refuses ends its replica, at once and in one line: a second try could succeed, and forget. When it works again, it catches up. */
export const refusingDisk = ({kind, says, refuse, ...story}: Plot): Story =>
	oneAct({
		...story,
		rounds: {of: 'disks: of a backup, then of the primary, and so on', usual: 2},
		options: {wrapsDisks: true},

		async play(stage, rounds) {
			for (let round = 1; round <= rounds; round++) {
				await stage.growth(100, 15);
				const primary = await stage.leader();
				const victim = round % 2 === 1 ? (primary + 1) % stage.replicas : primary;
				await refuse(stage, victim);
				await stage.leader();
				await stage.growth(100, 15);
				await stage.restart(victim);
				await stage.caughtUp(victim);
			}

			await stage.growth(100, 15);
		},

		judge: (act, rounds) => judge(act, rounds, kind, says),
	});

function* judge(act: Evidence, rounds: number, kind: Kind, says: RegExp): Generator<Finding> {
	const disks = act.ordeals.filter((each): each is Disk => each.kind === kind);
	if (disks.length < rounds) yield missing(`${disks.length} disks refused, not ${rounds}`);
	for (const [index, {at, replica}] of disks.entries()) {
		const name = `disk ${index + 1}`;
		const end = act.ends.find(each => each.replica === replica && each.until >= at);
		if (end === undefined) {
			yield missing(`${name}: replica ${replica} did not go down`);
			continue;
		}

		if (end.how !== 'exit code 1') yield failure(`${name}: replica ${replica} ended by ${end.how}`);
		const last = wordsBetween(act, replica, at, end.until).at(-1) ?? 'no word';
		if (!says.test(last)) yield failure(`${name}: replica ${replica} did not say why: ${last}`);
		const back = act.starts.find(start => start.replica === replica && start.at > end.until);
		if (back === undefined) yield missing(`${name}: replica ${replica} was not started again`);
		else if (acknowledgedBetween(act, end.until, back.at) === 0)
			yield failure(`${name}: the others did not go on without replica ${replica}`);
		const before = lastWord(act, replica, at)?.messages ?? 0;
		const after = lastWord(act, replica, Number.POSITIVE_INFINITY)?.messages ?? 0;
		if (after <= before) yield failure(`${name}: replica ${replica} did not catch up`);
	}

	yield fact('disks', disks.length);
	yield fact('ofPrimaries', disks.filter(({replica, leader}) => replica === leader).length);
}
