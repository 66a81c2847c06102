import type {ReplicaId} from '../consensus/types.ts';
import type {Crowd} from './crowd.ts';
import {type Evidence, lastWord, viewsBetween} from './evidence.ts';
import {type Finding, fact, failure, missing} from './finding.ts';
import {oneAct} from './one-act.ts';
import type {Stage} from './stage.ts';
import {longestOf, newcomersWaits, waitsAfter} from './waits.ts';

/** Whoever waits when the primary dies, and whoever comes to it when it is back, is answered within this. */
const longestMs = 10_000;
/** The death costs one view; another one, if the next in line is late. */
const mostViews = 2;
/** A loaded machine drives some of its clients to another replica before. */
const leastShare = 1 / 4;
/** Each client has a connection of its own; so many processes share them. */
const processes = 2;

/** A primary dies that had hundreds of clients: all of them come to the next one, at the same moment, while it takes over. */
export const reconnectStorm = oneAct({
	name: 'reconnect-storm',
	tells:
		'the primary dies with hundreds of clients: they all come to the others at once, and each is answered within ten seconds',
	rounds: {of: 'clients of the primary', usual: 300},

	async play(stage, rounds) {
		const primary = await stage.leader();
		const crowd = await come(stage, primary, rounds);
		const answered = crowd.speakers();
		await stage.kill(primary);
		await stage.until('each of its clients is answered again', 30, () => answered() >= rounds, answered);
		await stage.restart(primary);
		await stage.caughtUp(primary);
		await crowd.stop();
		await come(stage, primary, rounds);
	},

	judge,
});

/** So many clients come to a replica, and are answered. */
async function come(stage: Stage, via: ReplicaId, clients: number): Promise<Crowd> {
	const crowd = stage.crowd({processes, clients: Math.ceil(clients / processes), via});
	const answered = crowd.speakers();
	// What a replica tells of itself is older than what clients know.
	const told = () => stage.status(via)?.clients ?? 0;
	const everybody = () => answered() >= clients && told() >= leastShare * clients;
	await stage.until(`${clients} clients of replica ${via} are answered`, 30, everybody, answered);
	return crowd;
}

function* judge(act: Evidence, rounds: number): Generator<Finding> {
	const [death] = act.kills;
	if (!death?.wasPrimary) {
		yield missing('no primary was killed');
		return;
	}

	const {at, replica} = death;
	const had = lastWord(act, replica, at)?.clients ?? 0;
	if (had < leastShare * rounds) yield missing(`the primary had ${had} clients, not ${rounds}`);
	const waits = waitsAfter(act, at);
	yield* judgeWaits(waits, rounds, 'the kill');

	const back = act.starts.find(start => start.replica === replica && start.at > at);
	if (back === undefined) {
		yield missing(`replica ${replica} was not started again`);
		return;
	}

	const views = viewsBetween(act, at, back.at);
	if (views > mostViews) yield failure(`${views} views were entered for one death`);
	const has = act.samples
		.filter(({at, status}) => at > back.at && status.id === replica)
		.reduce((most, {status}) => Math.max(most, status.clients), 0);
	if (has < leastShare * rounds)
		yield missing(`when it was back, replica ${replica} had ${has} clients, not ${rounds}`);
	const newcomers = newcomersWaits(act, back.at);
	yield* judgeWaits(newcomers, rounds, 'they came');
	if (viewsBetween(act, back.at, Number.POSITIVE_INFINITY) > 0)
		yield failure(`the view changed when replica ${replica} was back`);
	yield fact('clientsOfPrimary', had);
	yield fact('viewsEntered', views);
	yield fact('longestWaitMs', longestOf(waits));
	yield fact('longestWaitOfNewcomersMs', longestOf(newcomers));
}

function* judgeWaits(waits: readonly number[], rounds: number, since: string): Generator<Finding> {
	if (waits.length < rounds) yield missing(`${waits.length} clients waited after ${since}, not ${rounds}`);
	const late = waits.filter(wait => wait > longestMs).length;
	if (late > 0)
		yield failure(`${late} of ${waits.length} clients had no answer ${longestMs} ms after ${since}`);
}
