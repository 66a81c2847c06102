import type {ReplicaId} from '../consensus/types.ts';
import {acknowledgedBetween, checkpointsOf, type Evidence, lastWord, type Start} from './evidence.ts';
import {type Finding, fact, failure, missing} from './finding.ts';
import {oneAct} from './one-act.ts';
import type {Stage} from './stage.ts';

/** Replica 1 is the next in line after replica 0. */
const lagging = 1;
/** So much of the log, in slots, must lie behind checkpoints that replica 1 has not seen. */
const leastGap = 100;
/** Of each of the others, while replica 1 is away. */
const leastCheckpoints = 2;

/** The next in line comes back with a memory that ends before the others' begins: it must fetch, and not fill (rule R8). */
export const laggingPrimaryAfterCompaction = oneAct({
	name: 'lagging-primary-after-compaction',
	tells:
		'the next in line is down while the others make checkpoints and forget; then the primary dies: it leads only with their checkpoint',
	rounds: {of: 'most deaths of primaries, until the one that was behind leads', usual: 3},
	options: {tunables: {checkpointBytes: 16_384, retainBytes: 0, segmentBytes: 65_536}},

	async play(stage, rounds) {
		await stage.growth(50, 15);
		await stage.kill(lagging);
		await stage.until(
			'the others have forgotten what replica 1 has not seen',
			20,
			() => hasGap(stage),
			() => stage.highest,
		);
		await stage.kill(await stage.leader());
		await stage.restart(lagging);
		for (let round = 1; round <= rounds && (await stage.leader()) !== lagging; round++) {
			stage.tell(`replica ${lagging} does not lead yet: once more, number ${round}`);
			await stage.restartAll();
			await stage.growth(50, 15);
			await stage.kill(await stage.leader());
		}

		await stage.growth(100, 15);
		await stage.restartAll();
		await stage.growth(100, 15);
	},

	judge,
});

function hasGap(stage: Stage): boolean {
	const known = stage.samples.findLast(({status}) => status.id === lagging)?.status.executed ?? 0;
	const [death] = stage.kills;
	return stage.alive.every(
		id =>
			(stage.status(id)?.since ?? 0) > known + leastGap &&
			checkpointsOf(stage, id, death?.at ?? 0) >= leastCheckpoints,
	);
}

function* judge(act: Evidence): Generator<Finding> {
	const [first] = act.kills;
	if (first?.replica !== lagging) {
		yield missing(`replica ${lagging} was not killed first`);
		return;
	}

	const back = act.starts.find(({at, replica}) => replica === lagging && at > first.at);
	if (back === undefined) {
		yield missing(`replica ${lagging} was not started again`);
		return;
	}

	const known = lastWord(act, lagging, first.at)?.executed ?? 0;
	const since = sinceOfOthers(act, back);
	if (since <= known + leastGap)
		yield missing(`the others remembered from slot ${since} on, and replica ${lagging} up to slot ${known}`);
	const checkpoints = othersThan(act).map(id => checkpointsOf(act, id, first.at, back.at));
	if (Math.min(...checkpoints) < leastCheckpoints)
		yield missing(`the others made ${checkpoints.join(' and ')} checkpoints meanwhile`);
	if (act.kills.filter(({at, wasPrimary}) => at > first.at && wasPrimary).length === 0)
		yield missing('no primary died after it');
	const leads = act.samples.find(
		({at, status}) => at > back.at && status.id === lagging && status.role === 'primary',
	);
	if (leads === undefined) {
		yield missing(`replica ${lagging} never led after it came back`);
		return;
	}

	if (leads.status.executed < since)
		yield failure(
			`replica ${lagging} led at slot ${leads.status.executed}, before it had what the others forgot`,
		);
	const filled = act.notes.filter(
		({kind, replica, slot}) =>
			kind === 'no-op' && replica === lagging && (slot ?? 0) <= since && (slot ?? 0) > known,
	);
	if (filled.length > 0)
		yield failure(
			`replica ${lagging} filled slot ${filled[0]!.slot}, which lies behind a checkpoint of the others`,
		);
	if (acknowledgedBetween(act, leads.at, Number.POSITIVE_INFINITY) === 0)
		yield failure(`nothing was acknowledged after replica ${lagging} led`);
	yield fact('knew', known);
	yield fact('othersForgotUpTo', since);
	yield fact('checkpointsMeanwhile', checkpoints);
	yield fact('ledFrom', leads.status.executed);
	yield fact('kills', act.kills.length);
}

/** The lowest slot that any other remembers by itself, as they told before it came back. */
function sinceOfOthers(act: Evidence, {at}: Start): number {
	return Math.min(...othersThan(act).map(id => lastWord(act, id, at)?.since ?? 0));
}

const othersThan = ({replicas}: Evidence): readonly ReplicaId[] =>
	Array.from({length: replicas}, (_, id) => id).filter(id => id !== lagging);
