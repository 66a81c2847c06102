/**
 * What an act left behind: plain data, gathered while it was played, from which
 * a judge can tell what happened without having been there. All times are
 * milliseconds of the machine's monotonic clock.
 */
import type {ReplicaId, Slot, View} from '../consensus/types.ts';
import {check, type Operation, type Read, type ReplicaLog} from '../history.ts';
import type {StampedNote, Status} from '../network/events.ts';
import {type Finding, fact, failure, skipped} from './finding.ts';

/** One cluster, from its first start to its end. */
export type Evidence = {
	/** Names the act among those of its story: `f = 2`, `5 %`. */
	readonly title: string;
	/** How many replicas the cluster has: 2f + 1. */
	readonly replicas: number;
	/** One of each client process. */
	readonly histories: ReadonlyArray<readonly Operation[]>;
	/** Of all replicas that ever ran, read after the end; of a dead one its whole lines. */
	readonly logs: readonly ReplicaLog[];
	/** Who ran at the end. */
	readonly alive: readonly ReplicaId[];
	/** What the replicas said of themselves, in order of time. */
	readonly samples: readonly Sample[];
	readonly notes: readonly StampedNote[];
	/** Each start of a process, in order of time. */
	readonly starts: readonly Start[];
	/** In order of time. */
	readonly kills: readonly Kill[];
	readonly skips: readonly Skip[];
	/** What else was done to them, in order of time. */
	readonly ordeals: readonly Ordeal[];
	/** Starts that were to be refused, and ends that were to come, in order of time. */
	readonly ends: readonly End[];
	readonly words: readonly Word[];
	/** What `paxos-chat verify` said when it was asked. */
	readonly verdicts: readonly Verdict[];
	/** Why a part of the act could not be played on this machine; null if all was. */
	readonly skipped: string | null;
	/** What had processes, or their disks, in its hands: the module around a disk, strace, prlimit. */
	readonly heldBy: readonly string[];
	/** What the replicas were told to lose, from 0 to 1. */
	readonly loss: number;
	/** What the heap of each replica might hold; null if that was left to Node. */
	readonly heapMegabytes: number | null;
};

/** `life` counts the processes of a replica from 1: counts begin again with each. */
export type Sample = {readonly at: number; readonly life: number; readonly status: Status};

export type Start = {readonly at: number; readonly replica: ReplicaId};

/** A kill -9. */
export type Kill = {
	readonly at: number;
	readonly replica: ReplicaId;
	readonly pid: number;
	readonly wasPrimary: boolean;
	/** Of the view it had last told of. */
	readonly view: View;
	/** How many others ran, and had answered, when it was killed. */
	readonly left: number;
};

/** An order to leave a slot out, that was taken. */
export type Skip = {
	readonly at: number;
	readonly replica: ReplicaId;
	readonly slot: Slot;
	readonly view: View;
};

/** Something that was done to replicas on purpose, for a while or once. */
export type Ordeal = {
	readonly at: number;
	/** When it was over; null if it was not before the end. */
	readonly until: number | null;
	/** The highest view that anybody had told of when it began, and who led it. */
	readonly view: View;
	readonly leader: ReplicaId | null;
} & What;
export type What =
	/** SIGSTOP to SIGCONT; cut off by order; a sync of the disk that takes its time; a disk that is full; a directory that is gone; one begun anew, or exchanged for the one before it. */
	| {
			readonly kind:
				| 'pause'
				| 'isolation'
				| 'slow'
				| 'full'
				| 'failed sync'
				| 'wipe'
				| 'readmit'
				| 'exchange';
			readonly replica: ReplicaId;
	  }
	/** A file was changed at this byte: its end was torn off or overwritten, or a bit in the middle was flipped. */
	| {
			readonly kind: 'tear' | 'flip';
			readonly replica: ReplicaId;
			readonly path: string;
			readonly offset: number;
	  }
	/** The time of day of a process jumped. */
	| {readonly kind: 'jump'; readonly replica: ReplicaId; readonly byMs: number}
	/** It might hold so many files open and no more, and did; strangers came, and so many were sent away. */
	| {
			readonly kind: 'files';
			readonly replica: ReplicaId;
			readonly most: number;
			readonly files: number;
			readonly sentAway: number;
	  }
	/** So many clients came as well, more than were taken. */
	| {readonly kind: 'overload'; readonly clients: number}
	/** Of each pair the second hears nothing that the first says. */
	| {readonly kind: 'cut'; readonly links: readonly Direction[]}
	/** What the first of each pair says reaches the second at this rate. */
	| {readonly kind: 'slow links'; readonly links: readonly Direction[]; readonly bytesPerSecond: number};
export type Direction = readonly [speaker: ReplicaId, hearer: ReplicaId];

/** A process that went down by itself, as it should. */
export type End = {
	/** When it was started, or put on its last way. */
	readonly at: number;
	readonly replica: ReplicaId;
	readonly until: number;
	/** `exit code 1` */
	readonly how: string;
};

/** A line that a replica wrote for its operator. */
export type Word = {readonly at: number; readonly replica: ReplicaId; readonly line: string};

export type Verdict = {readonly at: number; readonly code: number; readonly problems: readonly string[]};

/** The questions that every act must answer with no, and the figures that every act can show. */
export function* safety(evidence: Evidence): Generator<Finding> {
	const {histories, logs, alive} = evidence;
	const verdict = check(histories, logs, readsOf(evidence));
	for (const {text} of verdict.violations) yield failure(text);
	const hidden = verdict.violationsFound - verdict.violations.length;
	if (hidden > 0) yield failure(`and ${hidden} more of the kind`);
	yield* hashesAgree(evidence);
	yield* viewsNeverFall(evidence);
	if (verdict.acknowledged === 0) yield failure('nothing was acknowledged');

	const shortest = Math.min(
		...logs.filter(({replica}) => alive.includes(replica)).map(log => log.bytes.length),
	);
	for (const {replica, bytes} of logs)
		if (bytes.length > shortest && alive.includes(replica))
			yield failure(`at the end the log of replica ${replica} is longer than that of another live one`);
	for (const replica of alive)
		if (!logs.some(log => log.replica === replica)) yield failure(`replica ${replica} has no log`);

	if (evidence.skipped !== null) yield skipped(evidence.skipped);

	const last = lastOf(evidence);
	yield fact('messages', verdict.length);
	yield fact('acknowledged', verdict.acknowledged);
	if (verdict.unknown > 0) yield fact('unknown', verdict.unknown);
	yield fact('slots', last?.executed ?? 0);
	yield fact('view', last?.view ?? 0);
	yield fact('hash', last?.hash.slice(0, 16) ?? '');
	yield fact('comparedReplicas', alive.length);
	yield fact('retriesAnswered', retriesAnswered(evidence));
	if (evidence.heldBy.length > 0) yield fact('heldBy', evidence.heldBy);
}

/** Two replicas at the same slot hold the same hash: at every moment that somebody looked. */
function* hashesAgree({samples}: Evidence): Generator<Finding> {
	const known = new Map<Slot, Status>();
	for (const {status} of samples) {
		const other = known.get(status.hashSlot);
		known.set(status.hashSlot, status);
		if (other === undefined || other.hash === status.hash) continue;
		yield failure(
			`replica ${other.id} and replica ${status.id} differ in their hash after slot ${status.hashSlot}`,
		);
		return;
	}
}

/** A view is a promise: no replica ever goes back, not even over a kill -9 (rule R1). */
function* viewsNeverFall({samples, ordeals}: Evidence): Generator<Finding> {
	const views = new Map<ReplicaId, View>();
	const wipes = ordeals.filter(({kind}) => ['wipe', 'readmit', 'exchange'].includes(kind));
	for (const {at, status} of samples) {
		// Another memory, or none, has other views; what keeps it from the others is judged elsewhere.
		while (wipes[0] !== undefined && wipes[0].at < at) views.delete(subjectOf(wipes.shift()!));
		const before = views.get(status.id) ?? -1;
		if (status.view < before)
			yield failure(`replica ${status.id} went back from view ${before} to ${status.view}`);
		views.set(status.id, status.view);
	}
}

/** A status is a look at a log that may lag, but neither shrinks during a life nor shows the future. */
const readsOf = ({samples}: Evidence): Read[] =>
	samples.map(({at, life, status}) => ({
		reader: `replica ${status.id} in its life ${life}`,
		start: at,
		end: at,
		length: status.messages,
		isFresh: false,
	}));

/** Requests that were under way at a moment, whatever became of them. */
export const inFlight = ({histories}: Evidence, at: number): number =>
	count(histories, ({start, end}) => start < at && (end === null || end > at));

/** Requests that were under way at a moment, and were acknowledged later. */
export const survivors = ({histories}: Evidence, at: number): number =>
	count(histories, ({start, end}) => start < at && end !== null && end > at);

const count = (histories: Evidence['histories'], isMeant: (operation: Operation) => boolean): number =>
	histories.reduce((sum, history) => sum + history.filter(isMeant).length, 0);

/** From a moment to the first acknowledgement of something said after it; undefined if there is none. */
export function outageMs({histories}: Evidence, at: number): number | undefined {
	let first: number | undefined;
	for (const history of histories)
		for (const {start, end} of history)
			if (start > at && end !== null && (first === undefined || end < first)) first = end;
	return first === undefined ? undefined : Math.round(first - at);
}

/** The first who says after a moment that it leads, in a view above the given one. */
export function nextLeader({samples}: Evidence, at: number, above: View): Sample | undefined {
	return samples.find(
		sample => sample.at > at && sample.status.role === 'primary' && sample.status.view > above,
	);
}

/** Whom an ordeal befell; -1: links or all, and nobody alone. */
export const subjectOf = (ordeal: Ordeal): ReplicaId => ('replica' in ordeal ? ordeal.replica : -1);

/** How many views were entered from one moment to another, by the highest that anybody told of. */
export function viewsBetween({samples}: Evidence, from: number, to: number): number {
	let before = 0;
	let after = 0;
	for (const {at, status} of samples) {
		if (at <= from) before = Math.max(before, status.view);
		if (at <= to) after = Math.max(after, status.view);
	}

	return after - before;
}

/** Requests that were said and acknowledged within a span of time. */
export const acknowledgedBetween = ({histories}: Evidence, from: number, to: number): number =>
	count(histories, ({start, end}) => start > from && end !== null && end < to);

/** Acknowledgements that came within a span of time, whenever their requests were said. */
export const answersBetween = ({histories}: Evidence, from: number, to: number): number =>
	count(histories, ({end}) => end !== null && end > from && end < to);

/** What a replica wrote within a span of time. */
export const wordsBetween = (
	{words}: Evidence,
	replica: ReplicaId,
	from: number,
	to: number,
): readonly string[] =>
	words.filter(word => word.replica === replica && word.at >= from && word.at <= to).map(({line}) => line);

/** The last word of a replica before a moment. */
export const lastWord = ({samples}: Evidence, replica: ReplicaId, at: number): Status | undefined =>
	samples.findLast(sample => sample.status.id === replica && sample.at <= at)?.status;

/** How often a replica told, within a span of time, that it has forgotten more: it had made a checkpoint. */
export const checkpointsOf = (
	{samples}: Pick<Evidence, 'samples'>,
	replica: ReplicaId,
	from: number,
	to = Number.POSITIVE_INFINITY,
): number =>
	new Set(
		samples
			.filter(({at, status}) => at > from && at < to && status.id === replica)
			.map(({status}) => status.since),
	).size - 1;

/** How many repeated requests were answered from session tables, over all lives of all replicas. */
export const retriesAnswered = (evidence: Evidence): number =>
	sumOverLives(evidence, ({counts}) => counts.retriesAnswered);

/** Messages that a replica dropped, over all of its lives. */
export const dropped = (evidence: Evidence, replica: ReplicaId): number =>
	sumOverLives(evidence, ({id, faults}) => (id === replica ? (faults?.dropped ?? 0) : 0));

function sumOverLives({samples}: Evidence, count: (status: Status) => number): number {
	const highest = new Map<string, number>();
	for (const {life, status} of samples) {
		const name = `${status.id} ${life}`;
		highest.set(name, Math.max(highest.get(name) ?? 0, count(status)));
	}

	return [...highest.values()].reduce((sum, each) => sum + each, 0);
}

/** The last word of whoever executed most. */
const lastOf = ({samples}: Evidence): Status | undefined =>
	samples.reduce<Status | undefined>(
		(last, {status}) => (last === undefined || status.executed >= last.executed ? status : last),
		undefined,
	);
