import type {Direction} from './evidence.ts';
import {failure} from './finding.ts';
import {judgePartition, partition} from './partition.ts';
import {ofAct, type Story} from './story.ts';

/** Replica 0 hears nobody, and is heard by everybody. */
const links: readonly Direction[] = [
	[1, 0],
	[2, 0],
];

/** A primary whose signs of life arrive, and who can decide nothing: whoever only listens for it waits for ever. */
export const oneWayPrimary: Story = {
	name: 'one-way-primary',
	tells: 'the primary is heard and hears nobody: another one leads, and stays',
	rounds: {of: 'times that the links break', usual: 1},

	async play(theatre, rounds) {
		const acts = [];
		for (let round = 1; round <= rounds; round++) {
			const title = rounds === 1 ? 'n = 3' : `n = 3, ${round}`;
			const act = await theatre.perform({title, f: 1, hasLinks: true}, async stage => {
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
