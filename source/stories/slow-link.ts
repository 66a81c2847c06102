import {
	checkpointsOf,
	type Direction,
	type Evidence,
	lastWord,
	type Ordeal,
	type Sample,
	viewsBetween,
	wordsBetween,
} from './evidence.ts';
import {type Finding, fact, failure, missing} from './finding.ts';
import {oneAct} from './one-act.ts';
import type {Stage} from './stage.ts';

type SlowLinks = Extract<Ordeal, {kind: 'slow links'}>;

/** Two backups of the first view: one is far behind, and without the other its votes are needed. */
const lagging = 2;
const dead = 1;
/** 1 Mbit/s. */
const bytesPerSecond = 125_000;
/** All that the one that is far behind says and hears. */
const links: readonly Direction[] = [0, 1].flatMap((other): Direction[] => [
	[other, lagging],
	[lagging, other],
]);
/** What it misses is long, so that there is soon much of it. */
const missedSize = 3000;
const missedInARound = 100;
/**
 * The longest that nobody is answered while it catches up. An answer waits for a vote, and so for what is on the line
 * before it: a page that is sized for a twentieth of a second. This is far above that, as machines are slow too, and
 * below the two seconds that 256 KiB take.
 */
const longestSilenceMs = 1500;
/** Statuses are so old at most, as long as something happens. */
const statusMs = 500;

/** What a replica has missed comes over the same line as heartbeats and what it votes on, which must not wait behind it. */
export const slowLink = oneAct({
	name: 'slow-link',
	tells:
		'a backup behind a line of 1 Mbit/s is far behind while its votes are needed: it is brought up to date, and nobody doubts the primary or waits for long',
	rounds: {of: 'hundreds of long messages that it misses', usual: 4},
	options: {
		hasLinks: true,
		tunables: {checkpointBytes: 131_072, retainBytes: 131_072, segmentBytes: 524_288},
	},

	async play(stage, rounds) {
		await stage.growth(100, 15);
		await stage.kill(lagging);
		await miss(stage, rounds * missedInARound);
		const heal = stage.slowLinks(links, bytesPerSecond);
		await stage.restart(lagging);
		await stage.until('it follows the primary', 15, () => stage.status(lagging)?.leader === 0);
		await stage.kill(dead);
		await stage.caughtUp(lagging, 20 + (2 * rounds * missedInARound * missedSize) / bytesPerSecond);
		await stage.growth(20, 15);
		heal();
		await stage.restart(dead);
		await stage.growth(100, 15);
	},

	judge,
});

/** Says so many long messages, and no more. */
async function miss(stage: Stage, messages: number): Promise<void> {
	const crowd = stage.crowd({processes: 1, clients: 2, size: missedSize});
	const count = crowd.counter();
	await stage.until(`${messages} long messages are acknowledged`, 20, () => count() >= messages, count);
	await crowd.stop();
}

function* judge(act: Evidence, rounds: number): Generator<Finding> {
	const [first, second] = act.kills;
	if (first?.replica !== lagging || first.wasPrimary || second?.replica !== dead || second.wasPrimary) {
		yield missing('not the two backups were killed, one after the other');
		return;
	}

	const back = act.starts.find(({at, replica}) => replica === lagging && at > first.at);
	const slow = act.ordeals.find((each): each is SlowLinks => each.kind === 'slow links');
	if (back === undefined || slow === undefined || slow.at > back.at || slow.bytesPerSecond > bytesPerSecond) {
		yield missing(`replica ${lagging} did not come back behind slow links`);
		return;
	}

	const missed = longBetween(act, first.at, back.at);
	if (missed < rounds * missedInARound)
		yield missing(`it missed ${missed} long messages, not ${rounds * missedInARound}`);
	const checkpoints = checkpointsOf(act, 0, first.at, back.at);
	if (checkpoints === 0) yield missing('the others made no checkpoint meanwhile');
	const there = act.samples.find(sample => isThere(act, sample, second.at));
	const until = slow.until ?? second.at;
	if (there === undefined || there.at > until) {
		yield failure(`replica ${lagging} never caught up`);
		return;
	}

	if (lastWord(act, lagging, second.at)!.messages >= lastWord(act, 0, back.at)!.messages)
		yield missing('it had caught up before its votes were needed');
	const again = act.starts.find(({at, replica}) => replica === dead && at > second.at);
	if (again !== undefined && again.at < there.at) yield missing('its votes were not needed any more');
	const views = viewsBetween(act, back.at, until);
	if (views > 0) yield failure(`${views} views were entered while it caught up`);
	const doubts = act.alive.flatMap(id => wordsBetween(act, id, second.at, until).filter(isDoubt));
	const silent = doubts.find(line => line.includes('the primary has fallen silent'));
	if (silent !== undefined) yield failure(`a heartbeat waited for too long: ${silent}`);
	const answers = answersOf(act, second.at, until);
	const silenceMs = longestGap([second.at, ...answers, until]);
	if (silenceMs > longestSilenceMs)
		yield failure(`nobody was answered for ${silenceMs} ms while it caught up`);
	yield fact('missed', missed);
	yield fact('checkpointsMeanwhile', checkpoints);
	yield fact('caughtUpMs', Math.round(there.at - back.at));
	yield fact('perSecondMeanwhile', Math.round((1000 * answers.length) / (until - second.at)));
	yield fact('longestSilenceMs', silenceMs);
	yield fact('doubts', doubts.length);
}

const isDoubt = (line: string): boolean => /\bdoubts view \d/.test(line);

/** Long messages that were said and acknowledged within a span of time. */
const longBetween = ({histories}: Evidence, from: number, to: number): number =>
	histories
		.flat()
		.filter(({text, start, end}) => text.length >= missedSize && start > from && end !== null && end < to)
		.length;

/** Its votes were needed, and it has executed what the primary had a moment ago. */
const isThere = (act: Evidence, {at, status}: Sample, since: number): boolean =>
	status.id === lagging &&
	at > since &&
	status.executed >= (lastWord(act, 0, at - statusMs)?.executed ?? Number.POSITIVE_INFINITY);

/** When acknowledgements came within a span of time, in order. */
const answersOf = ({histories}: Evidence, from: number, to: number): readonly number[] =>
	histories
		.flatMap(history => history.map(({end}) => end))
		.filter(end => end !== null && end > from && end < to)
		.map(Number)
		.sort((one, other) => one - other);

const longestGap = (moments: readonly number[]): number =>
	Math.round(Math.max(...moments.slice(1).map((moment, index) => moment - moments[index]!)));
