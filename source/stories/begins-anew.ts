import {acknowledgedBetween, type Evidence, wordsBetween} from './evidence.ts';
import {type Finding, fact, failure, missing} from './finding.ts';
import {oneAct} from './one-act.ts';

/** The one that loses its memory. Replica 0 leads, and dies later. */
const victim = 2;

/** What rule R12 promises: a new memory votes once the others have admitted it, and the old one never again. */
export const beginsAnew = oneAct({
	name: 'begins-anew',
	tells:
		'a replica begins with a new memory, is admitted and votes: another one dies and the service goes on; its old memory is refused',
	rounds: {of: 'new memories', usual: 1},

	async play(stage, rounds) {
		for (let round = 1; round <= rounds; round++) {
			await stage.growth(100, 15);
			await stage.kill(victim);
			await stage.growth(50, 15);
			await stage.readmit(victim);
			await stage.restart(victim);
			await stage.until('the others admit it', 15, () => {
				const status = stage.status(victim);
				return status !== undefined && status.role !== 'learner' && status.executed > 0;
			});
			await stage.growth(50, 15);
			await stage.kill(victim);
			await stage.exchange(victim, round);
			await stage.startInVain(victim);
			await stage.exchange(victim, round);
			await stage.restart(victim);
			await stage.caughtUp(victim);
			// Now nothing is decided without the new memory.
			const primary = await stage.leader();
			const dying = primary === victim ? 0 : primary;
			await stage.kill(dying);
			await stage.leader();
			await stage.growth(100, 15);
			await stage.restart(dying);
			await stage.caughtUp(dying);
		}
	},

	judge,
});

function* judge(act: Evidence, rounds: number): Generator<Finding> {
	const begun = act.ordeals.filter(({kind}) => kind === 'readmit');
	if (begun.length < rounds) yield missing(`${begun.length} new memories, not ${rounds}`);
	const admitted = act.notes.filter(({kind, peer, text}) => {
		return kind === 'admission' && peer === victim && text.endsWith('takes part again');
	});
	const slots = new Set(admitted.map(({slot}) => slot));
	if (slots.size < begun.length)
		yield missing(`${slots.size} of ${begun.length} new memories were told to be admitted`);
	if (act.ends.length < begun.length) yield missing('no old memory came back');
	for (const {at, until, replica, how} of act.ends) {
		const last = wordsBetween(act, replica, at, until).at(-1);
		if (how !== 'exit code 1') yield failure(`the old memory was not refused: ${how}`);
		if (!refusal.test(last ?? ''))
			yield failure(`the old memory was not told why it is refused: ${last ?? 'no word'}`);
	}

	for (const [index, {at}] of begun.entries()) {
		const deaths = act.kills.filter(kill => kill.at > at && kill.replica !== victim);
		const death = deaths[0];
		const back = act.starts.find(start => start.at > (death?.at ?? at) && start.replica === death?.replica);
		if (!death || !back) {
			yield missing(`nobody else died after new memory ${index + 1}`);
			continue;
		}

		if (acknowledgedBetween(act, death.at + settledMs, back.at) === 0)
			yield failure(`nothing was decided with the votes of new memory ${index + 1}`);
	}

	yield fact('admissions', slots.size);
	yield fact('refusals', act.ends.length);
}

/** From the others, which refuse its connection; or from the log, if they take it for one that is newer still. */
const refusal =
	/has lost its memory: replica \d has met it with another one|was replaced: slot \d+ of the log admits another memory/;

/** An answer may be on its way to its client when the replica dies. */
const settledMs = 100;
