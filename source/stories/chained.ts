import {failure} from './finding.ts';
import {allBut, judgePartition, partition} from './partition.ts';
import {ofAct, type Story} from './story.ts';

/** A chain: 0 - 1 - 2 - 3 - 4. */
const links = allBut(5, (one, other) => Math.abs(one - other) === 1);

/** The primary stands at the end of a chain: its neighbour hears it well, and it reaches no majority. */
export const chained: Story = {
	name: 'chained',
	tells: 'five replicas in a chain, the primary at its end: one from the middle leads, and stays',
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
