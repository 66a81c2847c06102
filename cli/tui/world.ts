import type {ClientSnapshot} from '../../source/client/client-store.ts';
import type {MonitorSnapshot, Watched} from '../../source/client/monitor-store.ts';
import type {ReplicaId} from '../../source/consensus/types.ts';
import type {StampedNote} from '../../source/network/events.ts';

/** What never changes while the screen is open. */
export type About = {
	/** Replicas in the cluster, and how many of them may fail. */
	readonly replicas: number;
	readonly f: number;
	/** How this client is called in the log: lines of it are one's own. */
	readonly client: string;
	/** The feed is followed: not while --batch makes its load. */
	readonly hasChat: boolean;
	readonly isReadOnly: boolean;
	readonly isAscii: boolean;
	/** The replicas were started for this screen, and end with it. */
	readonly ownsReplicas: boolean;
	/** Replicas are being started: what was said of it. */
	readonly starting: string | null;
	/** Why no fault order can be given; null if it can. */
	readonly noFaults: string | null;
};

/** All that the screen shows and that the fingers did not do. */
export type World = {
	readonly client: ClientSnapshot;
	readonly monitor: MonitorSnapshot;
	readonly about: About;
	readonly columns: number;
	readonly rows: number;
	/** Unix milliseconds. */
	readonly now: number;
};

/**
 * As the screen tells it. Who does not speak to us is `down`, if there is no
 * connection to it either; `silent`, if there is one that brings nothing, as to a
 * process that is frozen; and `unseen`, if replicas that do speak to us hear it:
 * then only our way to it is broken.
 */
export type ReplicaState = Watched['state'] | 'silent' | 'unseen';
/** So long a replica that died is still said to be heard. */
const rumourMs = 2000;

export function stateOf(watched: Watched, monitor: MonitorSnapshot): ReplicaState {
	if (watched.state !== 'down') return watched.state;
	if (hearersOf(watched, monitor).length > 0) return 'unseen';
	return watched.isConnected ? 'silent' : 'down';
}

/** Who hears a replica that we do not hear. */
export const hearersOf = ({id, since}: Watched, {replicas}: MonitorSnapshot): readonly ReplicaId[] =>
	replicas
		.filter(
			other => isUp(other) && other.status!.hears.includes(id) && (other.heardAt ?? 0) > since + rumourMs,
		)
		.map(other => other.id);

export const majority = (replicas: number): number => Math.floor(replicas / 2) + 1;
/** It speaks to us. */
export const isUp = ({state, status}: Watched): boolean => state !== 'down' && status !== null;
/** It hears no other replica, by order: its process runs, and it counts for nothing. */
export const isCutOff = (watched: Watched): boolean => {
	const faults = isUp(watched) ? watched.status!.faults : null;
	return faults !== null && (faults.isIsolated || faults.loss >= 1);
};
/** It lost its memory, and has no vote before the others have admitted it again. */
export const isLearning = (watched: Watched): boolean => isUp(watched) && watched.status!.role === 'learner';
/** Those that a majority can be made of: they live, whether they speak to us or only to each other, have a vote and are not cut off. */
export const upOf = (monitor: MonitorSnapshot): readonly ReplicaId[] =>
	monitor.replicas
		.filter(
			each => !['down', 'silent'].includes(stateOf(each, monitor)) && !isCutOff(each) && !isLearning(each),
		)
		.map(({id}) => id);
/** The primary of the newest view that is led, as the replicas that are up say. */
export function leaderOf({replicas}: MonitorSnapshot): {
	readonly id: ReplicaId | null;
	readonly view: number | null;
} {
	let id: ReplicaId | null = null;
	let view: number | null = null;
	for (const watched of replicas) {
		const {status} = watched;
		if (!isUp(watched) || status === null || status.view < (view ?? -1)) continue;
		if (view !== null && status.view === view && id !== null) continue;
		id = status.leader;
		view = status.view;
	}

	return {id, view};
}

/** Clients of all replicas but this one. */
export function othersOf({client, monitor}: World): number {
	const clients = monitor.replicas.reduce((sum, each) => sum + (isUp(each) ? each.status!.clients : 0), 0);
	const own = client.connection.state === 'connecting' || client.connection.state === 'offline' ? 0 : 1;
	return Math.max(0, clients - own);
}

export const namesOf = (ids: readonly ReplicaId[]): string => ids.map(id => `r${id}`).join(' ') || 'none';

/** `340ms`, `12s`, `3m`, `2h` */
export function lasting(ms: number): string {
	if (ms < 1000) return `${Math.max(0, Math.round(ms))}ms`;
	const seconds = Math.floor(ms / 1000);
	if (seconds < 60) return `${seconds}s`;
	return seconds < 3600 ? `${Math.floor(seconds / 60)}m` : `${Math.floor(seconds / 3600)}h`;
}

const two = (value: number) => String(value).padStart(2, '0');
/** In the time zone of the reader. */
export function clock(at: number, withSeconds = true): string {
	const date = new Date(at);
	return `${two(date.getHours())}:${two(date.getMinutes())}${withSeconds ? `:${two(date.getSeconds())}` : ''}`;
}

export const millis = (at: number): string =>
	`${clock(at)}.${String(Math.floor(at) % 1000).padStart(3, '0')}`;
export const dayOf = (at: number): string => {
	const date = new Date(at);
	return `${days[date.getDay()]} ${date.getDate()} ${months[date.getMonth()]} ${date.getFullYear()}`;
};
const days = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** Of the cluster's own story, what people in the chat should know. */
export const isForAll = ({kind, text}: StampedNote): boolean =>
	kind === 'no-op' ||
	kind === 'skip' ||
	(kind === 'admission' && text.startsWith('proposes')) ||
	(kind === 'leader' && text.startsWith('leads'));
