import {type Evidence, safety} from './evidence.ts';
import {type Finding, failure} from './finding.ts';
import type {Stage, StageOptions} from './stage.ts';
import {ofAct, type Story} from './story.ts';

type Plot = Pick<Story, 'name' | 'tells' | 'rounds'> & {
	/** Of the stage; three replicas, if absent. */
	readonly options?: Partial<StageOptions>;
	/** Sessions in each of two client processes; 4, if absent. */
	readonly clients?: number;
	/** Bytes of each of their messages; 100, if absent. */
	readonly size?: number;
	/** The cluster runs, and the clients talk. */
	play(stage: Stage, rounds: number): Promise<void>;
	/** What is this story's own: that nothing was broken, and that everybody is there at the end, is judged of all. */
	judge(act: Evidence, rounds: number): Iterable<Finding>;
};

/** A story on one stage, with clients that talk all the time, at whose end all replicas are there. */
export const oneAct = ({play, judge, options, clients = 4, size = 100, ...story}: Plot): Story => ({
	...story,

	async play(theatre, rounds) {
		const act = await theatre.perform({title: 'n = 3', f: 1, ...options}, async stage => {
			await stage.start();
			stage.crowd({processes: 2, clients, size});
			await play(stage, rounds);
		});
		return [act];
	},

	*judge(acts, rounds) {
		if (acts.length === 0) yield failure('nothing was played');
		for (const act of acts) {
			yield* ofAct(act, safety(act));
			yield* ofAct(act, allThere(act));
			yield* ofAct(act, judge(act, rounds));
		}
	},
});

export function* allThere({alive, replicas}: Evidence): Generator<Finding> {
	if (alive.length < replicas)
		yield failure(`only ${alive.length} of ${replicas} replicas are there at the end`);
}
