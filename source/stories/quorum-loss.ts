import {failure} from './finding.ts';
import {allBut, judgePartition, partition} from './partition.ts';
import {ofAct, type Story} from './story.ts';

/** A star: only replica 2 hears the others, and is heard by them. */
const links = allBut(5, (one, other) => one === 2 || other === 2);

/** Every replica but one has lost the majority, the primary too: that one must lead, although it is not the next in line. */
export const quorumLoss: Story = {
	name: 'quorum-loss',
	tells: 'of five replicas only one still reaches a majority, and it is not the primary: it leads, and stays',
	rounds: {of: 'times that the links break', usual: 1},

	async play(theatre, rounds) {
		const acts = [];
		for (let round = 1; round <= rounds; round++) {
			const title = rounds === 1 ? 'n = 5' : `n = 5, ${round}`;
			const act = await theatre.perform({title, f: 2, hasLinks: true}, async stage => {
				await stage.start();
				stage.crowd({processes: 2, clients: 4});
				await partition(stage, links);
			});
			acts.push(act);
		}

		return acts;
	},

	*judge(acts, rounds) {
		if (acts.length < rounds) yield failure(`${acts.length} acts were played, not ${rounds}`);
		for (const act of acts) yield* ofAct(act, judgePartition(act, links));
	},
};
