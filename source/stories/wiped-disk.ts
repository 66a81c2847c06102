import {acknowledgedBetween, answersBetween, type Evidence, safety, wordsBetween} from './evidence.ts';
import {type Finding, fact, failure, missing} from './finding.ts';
import type {Stage} from './stage.ts';
import {ofAct, type Story} from './story.ts';

/** How long nothing may be acknowledged, in patience. */
const silence = 2;

/** A replica without its memory is not a new one: it may have voted for what it knows nothing of. */
export const wipedDisk: Story = {
	name: 'wiped-disk',
	tells:
		'rm -rf of a replica: refused, by its DATA or by its peers; a decision of two, one of them wiped, is not outvoted by the third',
	rounds: {of: 'wiped directories in the first act', usual: 1},

	async play(theatre, rounds) {
		const one = await theatre.perform({title: 'the directory of a replica', f: 1}, stage =>
			wipeDirectories(stage, rounds),
		);
		const all = await theatre.perform(
			{title: 'all that a machine knew', f: 1, hasOwnData: true},
			wipeMachine,
		);
		return [one, all];
	},

	*judge(acts) {
		const [one, all] = acts;
		if (one === undefined || all === undefined) yield failure('an act was not played');
		if (one !== undefined) yield* ofAct(one, judgeDirectories(one));
		if (all !== undefined) yield* ofAct(all, judgeMachine(all));
	},
};

/** Whoever has lost its memory stays out, so there is one per act, and it cannot be more than f. */
async function wipeDirectories(stage: Stage, rounds: number): Promise<void> {
	await stage.start();
	stage.crowd({processes: 2, clients: 4});
	await stage.growth(100, 15);
	const victim = 1;
	await stage.kill(victim);
	await stage.wipe(victim);
	for (let round = 1; round <= rounds; round++) {
		await stage.startInVain(victim);
		await stage.leader();
		await stage.growth(100, 15);
	}
}

/** Replicas 0 and 1 decide. Both stop, 1 is wiped, and 1 and 2 start: together they know nothing of it. */
async function wipeMachine(stage: Stage): Promise<void> {
	await stage.start();
	stage.crowd({processes: 2, clients: 4});
	await stage.growth(100, 15);
	await stage.kill(2);
	await stage.growth(100, 15);
	await Promise.all([stage.kill(0), stage.kill(1)]);
	await stage.wipe(1);
	await Promise.all([stage.restart(2), stage.startInVain(1)]);
	const since = performance.now();
	await stage.until('nothing may be acknowledged for a while', 30, () => {
		return performance.now() - since > silence * stage.cluster.patienceMs;
	});
	await stage.restart(0);
	await stage.leader();
	await stage.growth(100, 15);
}

function* judgeDirectories(act: Evidence): Generator<Finding> {
	yield* safety(act);
	yield* refusals(act, /is gone, and with it what replica \d promised/, true);
	const [end] = act.ends;
	if (end !== undefined && acknowledgedBetween(act, end.until, Number.POSITIVE_INFINITY) === 0)
		yield failure('the others did not go on');
	yield fact('refusals', act.ends.length);
}

function* judgeMachine(act: Evidence): Generator<Finding> {
	yield* safety(act);
	yield* refusals(act, /has lost its memory/, false);
	const wipe = act.ordeals.find(({kind}) => kind === 'wipe');
	if (wipe === undefined) return;
	const [third, ...both] = act.kills;
	if (third === undefined || acknowledgedBetween(act, third.at, wipe.at) === 0)
		yield missing('nothing was decided without replica 2');
	if (both.length < 2) yield missing('the two that had decided did not both stop');
	const last = both.at(-1)?.at ?? wipe.at;
	const back = act.starts.find(({at, replica}) => at > wipe.at && replica === 0);
	if (back === undefined) {
		yield missing('replica 0 was not started again');
		return;
	}

	const alone = act.samples.filter(({at, status}) => at > wipe.at && at < back.at && status.id === 2);
	if (alone.length === 0) yield missing('replica 2 did not run while replica 0 was away');
	const stale = answersBetween(act, last + settledMs, back.at);
	if (stale > 0) yield failure(`${stale} requests were acknowledged without replica 0 and its memory`);
	if (acknowledgedBetween(act, back.at, Number.POSITIVE_INFINITY) === 0)
		yield failure('nothing was acknowledged after replica 0 was back');
	yield fact('silentMs', Math.round(back.at - last));
	yield fact('refusals', act.ends.length);
}

/** An answer may be on its way to its client when the replica dies. */
const settledMs = 100;

function* refusals(act: Evidence, why: RegExp, isOneLine: boolean): Generator<Finding> {
	const wipe = act.ordeals.find(({kind}) => kind === 'wipe');
	if (wipe === undefined) {
		yield missing('nothing was wiped');
		return;
	}

	const ends = act.ends.filter(({at}) => at > wipe.at);
	if (ends.length === 0) yield missing('nobody tried to start without a memory');
	for (const {at, until, replica, how} of ends) {
		const lines = wordsBetween(act, replica, at, until);
		if (how !== 'exit code 1') yield failure(`replica ${replica} did not refuse: ${how}`);
		if (!why.test(lines.at(-1) ?? ''))
			yield failure(`replica ${replica} did not say why: ${lines.at(-1) ?? 'no word'}`);
		if (isOneLine && lines.length !== 1)
			yield failure(`replica ${replica} used ${lines.length} lines to refuse`);
	}

	const voted = act.alive.filter(id => ends.some(({replica}) => replica === id));
	if (voted.length > 0) yield failure(`replica ${voted[0]} ran in the end, without its memory`);
}
