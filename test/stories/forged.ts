import type {Line} from '../../source/chat/types.ts';
import type {Operation} from '../../source/history.ts';
import type {StampedNote, Status} from '../../source/network/events.ts';
import type {Evidence, Kill, Sample, Skip} from '../../source/stories/evidence.ts';

/**
 * Evidence of plays that never were, right in every detail: a judge must pass
 * it. Then one detail is forged, and the same judge must not.
 */

export type Plot = {
	title: string;
	replicas: number;
	clients: number;
	/** Messages of each client. */
	messages: number;
	kills?: Kill[];
	/** Who leads which view from when on, after replica 0 in view 0. */
	leaders?: ReadonlyArray<{at: number; replica: number}>;
	dead?: number[];
	/** When killed replicas are back. */
	backMs?: number;
	hole?: {skip: Skip; until: number; filler: number; view: number};
	loss?: number;
	/** Nothing is said for a while. */
	silence?: {from: number; to: number};
	/** A replica that hears nothing for a while. */
	away?: ReadonlyArray<{replica: number; from: number; to: number}>;
	rest?: Partial<Evidence>;
};

/** Messages come every 10 ms, are under way for 15 ms, and stand in one slot each, from slot 101 on. */
const paceMs = 10;
const lastingMs = 15;
export const firstSlot = 101;

export function stage(plot: Plot): Evidence {
	const {
		title,
		replicas,
		clients,
		messages,
		kills = [],
		leaders = [],
		dead = [],
		hole,
		loss = 0,
		silence,
		away = [],
	} = plot;
	const timeOf = (index: number) => {
		const at = index * paceMs;
		return silence !== undefined && at >= silence.from ? at + silence.to - silence.from : at;
	};
	const histories: Operation[][] = Array.from({length: clients}, () => []);
	const lines: Line[] = [];
	const slotOf = (position: number) => {
		const slot = firstSlot + position - 1;
		return hole !== undefined && slot >= hole.skip.slot ? slot + 1 : slot;
	};
	for (let index = 0; index < clients * messages; index++) {
		const sequence = Math.floor(index / clients) + 1;
		const position = index + 1;
		const slot = slotOf(position);
		const start = timeOf(index);
		const isBehindHole = hole !== undefined && slot > hole.skip.slot;
		const end = Math.max(start + lastingMs, isBehindHole ? hole.until + 1 : 0);
		const said = {client: `client${index % clients}`, sequence, text: `text ${index}`};
		histories[index % clients]!.push({...said, start, end, position, slot, status: 'ok'});
		lines.push({position, slot, ...said, nick: 'n', at: 5000 + start});
	}

	const over = timeOf(clients * messages) + 1000;
	const bytes = Buffer.from(lines.map(line => `${JSON.stringify(line)}\n`).join(''));
	const ids = Array.from({length: replicas}, (_, id) => id);
	const samples: Sample[] = [];
	for (let at = 0; at <= over; at += 200) {
		const isHoleOpen = hole !== undefined && at > hole.skip.at && at < hole.until;
		for (const id of ids) {
			const ownKills = kills.filter(kill => kill.replica === id);
			const died = ownKills.findLast(kill => kill.at <= at);
			if (died !== undefined && (dead.includes(id) || at < died.at + (plot.backMs ?? 0))) continue;
			const isLast = at + 200 > over;
			const absence = away.find(each => each.replica === id && at >= each.from && at <= each.to);
			const heardUpTo = absence?.from ?? at;
			const done = isLast ? lines.length : lines.filter((_, index) => timeOf(index + 1) <= heardUpTo).length;
			const before = hole === undefined ? 0 : hole.skip.slot - firstSlot;
			const executed = isHoleOpen ? Math.min(done, before) : done;
			const slot = executed === 0 ? 0 : slotOf(executed);
			const led = leaders.filter(leader => leader.at <= at);
			const view = led.reduce((last, {replica}) => {
				let next = last + 1;
				while (next % replicas !== replica) next++;
				return next;
			}, 0);
			const leader = led.at(-1)?.replica ?? 0;
			const isFilled = hole !== undefined && at >= hole.until;
			const status: Status = {
				id,
				view,
				leader,
				role: leader === id ? 'primary' : 'backup',
				isDoubting: false,
				accepted: slot,
				decided: isHoleOpen ? hole.skip.slot + 5 : slot,
				delivered: slot,
				holes: isHoleOpen ? [hole.skip.slot] : [],
				waiting: 0,
				skips: [],
				now: at,
				executed: isHoleOpen ? hole.skip.slot - 1 : slot,
				messages: executed,
				hash: `hash after ${isHoleOpen ? hole.skip.slot - 1 : slot}`,
				hashSlot: isHoleOpen ? hole.skip.slot - 1 : slot,
				since: 0,
				clients: 4,
				hears: [],
				faults: {loss, isIsolated: absence !== undefined, dropped: loss > 0 ? Math.floor(at / 10) : 0},
				counts: {
					retriesAnswered: died === undefined && kills.length > 0 ? 2 : 0,
					viewsEntered: 1,
					noOps: Number(isFilled),
				},
			};
			samples.push({at, life: 1 + ownKills.filter(kill => kill.at <= at).length, status});
		}
	}

	const notes: StampedNote[] =
		hole === undefined
			? []
			: [
					{
						kind: 'no-op',
						view: hole.view,
						slot: hole.skip.slot,
						text: 'fills it',
						replica: hole.filler,
						at: 1,
					},
				];
	return {
		title,
		replicas,
		histories,
		logs: ids.map(replica => ({replica, bytes})),
		alive: ids.filter(id => !dead.includes(id)),
		samples,
		notes,
		kills,
		skips: hole === undefined ? [] : [hole.skip],
		starts: ids.map(replica => ({at: 0, replica})),
		ordeals: [],
		ends: [],
		words: [],
		verdicts: [],
		skipped: null,
		heldBy: [],
		loss,
		heapMegabytes: null,
		...plot.rest,
	};
}

export const kill = (at: number, replica: number, view: number, left: number, wasPrimary = true): Kill => ({
	at,
	replica,
	pid: 1000 + replica,
	wasPrimary,
	view,
	left,
});

const linesOf = (act: Evidence): Line[] =>
	act.logs[0]!.bytes.toString()
		.trimEnd()
		.split('\n')
		.map(line => JSON.parse(line) as Line);
/** The same forged lines in every log: no comparison of logs can tell. */
export const withLines = (act: Evidence, change: (lines: Line[]) => Line[]): Evidence => {
	const lines = change(linesOf(act)).map((line, index) => ({...line, position: index + 1}));
	const bytes = Buffer.from(lines.map(line => `${JSON.stringify(line)}\n`).join(''));
	return {...act, logs: act.logs.map(log => ({...log, bytes}))};
};
export const withStatus = (
	act: Evidence,
	change: (status: Status, sample: Sample) => Partial<Status>,
): Evidence => ({
	...act,
	samples: act.samples.map(sample => ({
		...sample,
		status: {...sample.status, ...change(sample.status, sample)},
	})),
});
export const withHistories = (
	act: Evidence,
	change: (history: Operation[], index: number) => Operation[],
): Evidence => ({
	...act,
	histories: act.histories.map((history, index) => change([...history], index)),
});

export type Forgery = (act: Evidence) => Evidence;
