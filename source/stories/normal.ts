import {type Evidence, safety} from './evidence.ts';
import {type Finding, fact, failure, missing} from './finding.ts';
import {ofAct, type Story} from './story.ts';

const processes = 16;

/** Nothing breaks: many talk at once, and every replica writes the same log. */
export const normal: Story = {
	name: 'normal',
	tells: '16 client processes talk at once; every replica holds the same log, byte for byte',
	rounds: {of: 'messages of each client, on average', usual: 200},

	async play(theatre, rounds) {
		const act = await theatre.perform({title: 'n = 3', f: 1}, async stage => {
			await stage.start();
			const crowd = stage.crowd({processes});
			// Sixteen processes start at once, on two cores perhaps.
			await stage.until('every client has been answered', 60, () => crowd.heard === processes);
			await stage.growth(processes * rounds, 20);
		});
		return [act];
	},

	*judge(acts) {
		if (acts.length === 0) yield failure('nothing was played');
		for (const act of acts) yield* ofAct(act, judge(act));
	},
};

function* judge(act: Evidence): Generator<Finding> {
	yield* safety(act);
	const speakers = act.histories.filter(history => history.some(({status}) => status === 'ok'));
	if (speakers.length < processes)
		yield missing(`${speakers.length} client processes were answered, not ${processes}`);
	// A moment that lies within the run of each: then all of them talked at once.
	const begun = Math.max(...speakers.map(history => history[0]?.start ?? Number.POSITIVE_INFINITY));
	const together = speakers.filter(history => (history.at(-1)?.end ?? 0) > begun).length;
	if (together < processes) yield missing(`only ${together} clients talked at the same time`);
	const open = act.histories.flat().filter(({status}) => status !== 'ok').length;
	if (open > 0) yield failure(`${open} messages were not acknowledged, although nothing broke`);
	yield fact('clients', speakers.length);
	yield fact('clientsAtOnce', together);
}
