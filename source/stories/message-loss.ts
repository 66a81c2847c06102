import {dropped, type Evidence, safety} from './evidence.ts';
import {type Finding, fact, failure, missing} from './finding.ts';
import {ofAct, type Story} from './story.ts';

const losses = [0.01, 0.05, 0.2];
const titleOf = (loss: number): string => `${loss * 100} %`;

/** Replicas hear only a part of what they tell each other. */
export const messageLoss: Story = {
	name: 'message-loss',
	tells: '1, 5 and 20 % of all messages between replicas are lost under load',
	rounds: {of: 'messages under each loss', usual: 500},

	async play(theatre, rounds) {
		const acts: Evidence[] = [];
		for (const loss of losses) {
			const act = await theatre.perform({title: titleOf(loss), f: 1}, async stage => {
				await stage.start();
				await stage.lose(loss);
				stage.crowd({processes: 2, clients: 4});
				await stage.growth(rounds, 20);
				await stage.until('every replica has lost something', 10, () =>
					stage.alive.every(id => (stage.status(id)?.faults?.dropped ?? 0) > 0),
				);
			});
			acts.push(act);
		}

		return acts;
	},

	*judge(acts, rounds) {
		for (const loss of losses) {
			const act = acts.find(({title}) => title === titleOf(loss));
			if (act === undefined) yield missing(`${titleOf(loss)} was not played`);
			else yield* ofAct(act, judge(act, loss, rounds));
		}
	},
};

function* judge(act: Evidence, loss: number, rounds: number): Generator<Finding> {
	yield* safety(act);
	if (act.loss !== loss) yield missing(`${titleOf(act.loss)} was to be lost, not ${titleOf(loss)}`);
	const drops: number[] = [];
	let underLoss = 0;
	for (let id = 0; id < act.replicas; id++) {
		const own = act.samples.filter(({status}) => status.id === id && status.faults?.loss === loss);
		if (own.length === 0) yield missing(`replica ${id} never ran with this loss`);
		underLoss = Math.max(underLoss, (own.at(-1)?.status.messages ?? 0) - (own[0]?.status.messages ?? 0));
		drops.push(dropped(act, id));
		if (drops[id] === 0) yield missing(`replica ${id} lost nothing`);
	}

	if (underLoss < rounds) yield failure(`only ${underLoss} messages were executed under loss, not ${rounds}`);
	yield fact('dropped', drops);
	yield fact('executedUnderLoss', underLoss);
}
