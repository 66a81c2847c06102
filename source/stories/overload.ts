import {answersBetween, type Evidence, type Ordeal, viewsBetween} from './evidence.ts';
import {type Finding, fact, failure, missing} from './finding.ts';
import {oneAct} from './one-act.ts';
import {longestOf, waitsAfter} from './waits.ts';

type Overload = Extract<Ordeal, {kind: 'overload'}>;

/** Each replica holds so many requests, of so many bytes, and far more than all of them hold are said at once. */
const queueRequests = 64;
const size = 4000;
const processes = 3;
const clientsOfEach = 100;
/** Of each replica: less than what comes to them. */
const heapMegabytes = 64;
/** Whoever spoke before is answered within this when it is over, … */
const longestMs = 10_000;
/** … and half of their answers come within this, on a slow machine too. */
const longestMedianMs = 1000;

/** What is too much is refused for now, and nothing else happens: nobody dies, nobody doubts, nothing is kept. */
export const overload = oneAct({
	name: 'overload',
	tells: `${processes * clientsOfEach} clients come to replicas that hold ${queueRequests} requests each: they are told to wait, no view changes, and when they leave all is as before`,
	rounds: {of: `thousands of messages of ${size} bytes meanwhile`, usual: 17},
	options: {heapMegabytes, tunables: {queueRequests, checkpointBytes: 4_194_304, retainBytes: 8_388_608}},

	async play(stage, rounds) {
		await stage.growth(500, 15);
		const end = stage.overload({processes, clients: clientsOfEach, size});
		await stage.growth(rounds * 1000, 30);
		await end();
		await stage.growth(500, 15);
	},

	judge,
});

/** One that had died of it would have ended the act. */
function* judge(act: Evidence, rounds: number): Generator<Finding> {
	const load = act.ordeals.find((each): each is Overload => each.kind === 'overload');
	if (load === undefined) {
		yield missing('there was no overload');
		return;
	}

	const {at, clients} = load;
	const until = load.until ?? at;
	const refusals = refusalsOf(act, at, until);
	for (const [id, count] of refusals.entries())
		if (count === 0) yield missing(`replica ${id} always had room`);
	const answers = answersBetween(act, at, until);
	if (answers < rounds * 1000)
		yield missing(`${answers} messages were acknowledged meanwhile, not ${rounds * 1000}`);
	// More than one may be refused at a time: at least so much came.
	const came = ((answers + refusals.reduce((sum, count) => sum + count, 0)) * size) / 1_048_576;
	if (act.heapMegabytes === null) yield missing('their heaps were not limited');
	else if (came <= act.heapMegabytes)
		yield missing(`${came.toFixed(1)} MB came to them, which ${act.heapMegabytes} MB could hold`);
	const views = viewsBetween(act, at, Number.POSITIVE_INFINITY);
	if (views > 0) yield failure(`${views} views were entered for it`);

	const waits = waitsAfter(act, until, at);
	if (waits.length === 0) yield missing('nobody had been answered before');
	const late = waits.filter(wait => wait > longestMs).length;
	if (late > 0) yield failure(`${late} clients of before had no answer ${longestMs} ms after it`);
	const before = medianMs(act, 0, at);
	const after = medianMs(act, until, Number.POSITIVE_INFINITY);
	if (before === undefined || after === undefined) yield failure('nothing was acknowledged after it');
	else if (after > longestMedianMs) yield failure(`half of what was said after it took ${after} ms or more`);
	yield fact('clients', clients);
	yield fact('refusalsTold', refusals);
	yield fact('acknowledgedMeanwhile', answers);
	yield fact('cameMegabytes', Math.round(came));
	yield fact('longestWaitAfterMs', longestOf(waits));
	yield fact('medianMsBefore', before ?? null);
	yield fact('medianMsMeanwhile', medianMs(act, at, until) ?? null);
	yield fact('medianMsAfter', after ?? null);
}

/** How often each replica had no room, as it told: many of a second stand in one line. */
function refusalsOf({words, replicas}: Evidence, from: number, to: number): readonly number[] {
	const counts = Array.from({length: replicas}, () => 0);
	for (const {at, replica, line} of words) {
		if (at < from || at > to || !line.includes('no room for more')) continue;
		counts[replica]! += 1 + Number(/\(and (\d+) more of this kind before\)/.exec(line)?.[1] ?? 0);
	}

	return counts;
}

/** From saying to acknowledgement, of half of what was said and acknowledged within a span of time. */
function medianMs({histories}: Evidence, from: number, to: number): number | undefined {
	const sorted = histories
		.flat()
		.flatMap(({start, end}) => (start > from && end !== null && end < to ? [end - start] : []))
		.sort((a, b) => a - b);
	const median = sorted[Math.floor(sorted.length / 2)];
	return median === undefined ? undefined : Math.round(median * 10) / 10;
}
