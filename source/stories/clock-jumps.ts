import {jumpingClock} from './clock.ts';
import {acknowledgedBetween, type Evidence, type Ordeal, viewsBetween} from './evidence.ts';
import {type Finding, fact, failure, missing} from './finding.ts';
import {oneAct} from './one-act.ts';

type Jump = Extract<Ordeal, {kind: 'jump'}>;

/** A status is so old at most when it is heard, and so far may what it says of the time be off. */
const toleranceMs = 2000;

/** The time of day is for people: nothing in the protocol depends on it, and in the log it never goes back. */
export const clockJumps = oneAct({
	name: 'clock-jumps',
	tells:
		'the clock of the primary, then of a backup, jumps by an hour, forth and back: no view changes, times in the log never fall',
	rounds: {of: 'jumps', usual: 8},
	options: {environment: {NODE_OPTIONS: jumpingClock}},

	async play(stage, rounds) {
		await stage.growth(100, 15);
		const primary = await stage.leader();
		for (let round = 1; round <= rounds; round++) {
			// Four jumps of the primary, four of a backup.
			const victim = round % 8 <= 4 && round % 8 > 0 ? primary : (primary + 1) % stage.replicas;
			await stage.hands.jump(victim);
			await stage.growth(100, 15);
		}
	},

	judge,
});

function* judge(act: Evidence, rounds: number): Generator<Finding> {
	const jumps = act.ordeals.filter((each): each is Jump => each.kind === 'jump');
	if (jumps.length < rounds) yield missing(`${jumps.length} jumps, not ${rounds}`);
	for (const [index, jump] of jumps.entries()) {
		const name = `jump ${index + 1}`;
		const next = jumps[index + 1]?.at ?? Number.POSITIVE_INFINITY;
		const seen = seenJumpMs(act, jump, next);
		if (Math.abs(seen - jump.byMs) > toleranceMs)
			yield missing(`${name}: the clock of replica ${jump.replica} moved by ${seen} ms, not ${jump.byMs}`);
		if (acknowledgedBetween(act, jump.at, next) === 0)
			yield failure(`${name}: nothing was acknowledged after it`);
	}

	const [first] = jumps;
	const views = first === undefined ? 0 : viewsBetween(act, first.at, Number.POSITIVE_INFINITY);
	if (views > 0) yield failure(`${views} views were entered because of clocks`);
	// That they never fall is a rule of every log.
	const step = largestStepMs(act);
	if (step < Math.max(0, ...jumps.map(({byMs}) => byMs)) - toleranceMs)
		yield missing(`no time in the log was that of a clock that had jumped: ${step} ms at most`);
	yield fact('jumps', jumps.length);
	yield fact('viewsEntered', views);
	yield fact('largestStepInLogMs', step);
}

/** By how much a replica's time of day is off from what it was before the jump, as it told. */
function seenJumpMs({samples}: Evidence, {at, replica}: Jump, next: number): number {
	const own = samples.filter(({status}) => status.id === replica);
	const before = own.findLast(sample => sample.at <= at);
	const after = own.findLast(sample => sample.at > at && sample.at < next);
	if (before === undefined || after === undefined) return 0;
	return Math.round(after.status.now - before.status.now - (after.at - before.at));
}

/** From a line of the log to the next one. */
function largestStepMs({logs}: Evidence): number {
	const times = [...(logs[0]?.bytes.toString().matchAll(/"at":(\d+)\}\n/g) ?? [])].map(([, at]) =>
		Number(at),
	);
	return times.reduce((most, at, index) => Math.max(most, at - (times[index - 1] ?? at)), 0);
}
