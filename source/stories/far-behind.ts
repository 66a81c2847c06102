import type {ReplicaId} from '../consensus/types.ts';
import {
	answersBetween,
	checkpointsOf,
	type Evidence,
	lastWord,
	type Sample,
	type Start,
	viewsBetween,
} from './evidence.ts';
import {type Finding, fact, failure, missing} from './finding.ts';
import {oneAct} from './one-act.ts';
import type {Stage} from './stage.ts';

/** A backup of the first view. */
const lagging = 2;
/** From the start of its process until it is where the others are; or this share of the time that it was away, on a slow machine. */
const longestMs = 10_000;
const longestShare = 1 / 4;
/** Of each of the others, while it is away. */
const leastCheckpoints = 2;
/** How long the speed of the others is looked at, before it goes and after it is back. */
const lookMs = 4000;
/** Statuses are so old at most, as long as something happens. */
const statusMs = 500;

/** What a replica has missed it gets in chunks, with a checkpoint, off the hot path: the others go on. */
export const farBehind = oneAct({
	name: 'far-behind',
	tells:
		'a backup misses thousands of messages and several checkpoints; it comes back and has caught up within ten seconds, while the others go on',
	rounds: {of: 'thousands of messages that it misses', usual: 50},
	clients: 16,
	options: {tunables: {checkpointBytes: 524_288, retainBytes: 0, segmentBytes: 524_288}},

	async play(stage, rounds) {
		await stage.growth(500, 20);
		await look(stage);
		await stage.kill(lagging);
		await stage.growth(rounds * 1000, 20);
		await stage.restart(lagging);
		await stage.caughtUp(lagging, 15);
		await look(stage);
	},

	judge,
});

async function look(stage: Stage): Promise<void> {
	const since = performance.now();
	await stage.until('it has been looked at for a while', 30, () => performance.now() - since > lookMs);
}

function* judge(act: Evidence, rounds: number): Generator<Finding> {
	const [death] = act.kills;
	if (death?.replica !== lagging || death.wasPrimary) {
		yield missing(`no backup was killed`);
		return;
	}

	const back = act.starts.find(({at, replica}) => replica === lagging && at > death.at);
	if (back === undefined) {
		yield missing(`replica ${lagging} was not started again`);
		return;
	}

	const known = lastWord(act, lagging, death.at);
	const missed = highest(act, back, 'messages') - (known?.messages ?? 0);
	if (missed < rounds * 1000) yield missing(`it missed ${missed} messages, not ${rounds * 1000}`);
	const others = act.alive.filter(id => id !== lagging);
	const checkpoints = others.map(id => checkpointsOf(act, id, death.at, back.at));
	if (Math.min(...checkpoints) < leastCheckpoints)
		yield missing(`the others made ${checkpoints.join(' and ')} checkpoints meanwhile`);
	const there = act.samples.find(sample => isThere(act, sample, back));
	if (there === undefined) {
		yield failure(`replica ${lagging} never caught up`);
		return;
	}

	const tookMs = Math.round(there.at - back.at);
	if (tookMs > Math.max(longestMs, longestShare * (back.at - death.at)))
		yield failure(`it took ${tookMs} ms to catch up`);
	if (viewsBetween(act, back.at, there.at + lookMs) > 0) yield failure('the view changed for it');
	// Speeds are facts: they depend on the machine, and are compared where it is quiet.
	const perSecond = (from: number, to: number) =>
		Math.round((1000 * answersBetween(act, from, to)) / (to - from));
	if (perSecond(back.at, there.at) === 0) yield failure('nothing was acknowledged while it caught up');
	yield fact('missed', missed);
	yield fact('checkpointsMeanwhile', checkpoints);
	yield fact('caughtUpMs', tookMs);
	yield fact('perSecondBefore', perSecond(death.at - lookMs, death.at));
	yield fact('perSecondWithoutIt', perSecond(back.at - lookMs, back.at));
	yield fact('perSecondMeanwhile', perSecond(back.at, there.at));
	yield fact('perSecondAfter', perSecond(there.at, there.at + lookMs));
}

/** It came back, and has executed what any other had a moment ago. */
function isThere(act: Evidence, {at, status}: Sample, back: Start): boolean {
	return (
		status.id === lagging &&
		at > back.at &&
		status.executed >= highest(act, {...back, at: at - statusMs}, 'executed')
	);
}

/** The most that any of the others had told before a moment. */
function highest(act: Evidence, {at}: Start, what: 'messages' | 'executed'): number {
	const others = Array.from({length: act.replicas}, (_, id): ReplicaId => id).filter(id => id !== lagging);
	return Math.max(...others.map(id => lastWord(act, id, at)?.[what] ?? 0));
}
