import type {Cluster} from '../cluster.ts';
import type {ReplicaId} from '../consensus/types.ts';
import {noRoom} from '../network/client-wire.ts';
import type {Weather} from '../network/events.ts';
import type {Connection} from './client-store.ts';
import {placeOf} from './link.ts';

/** All that the state of a connection is made of. */
export type Circumstances = {
	readonly cluster: Cluster;
	/** The replica that took us in. */
	readonly link: ReplicaId | null;
	/** It has not answered for a patience. */
	readonly isSilent: boolean;
	readonly roundTripMs: number | null;
	/** Its weather. What it says must have lasted a moment: in a busy cluster holes come and go. */
	readonly weather: Weather | null;
	readonly isHoleOld: boolean;
	readonly isLeaderless: boolean;
	/** Whom we dial, and what came of the others. */
	readonly trying: ReplicaId | null;
	readonly tried: ReadonlyMap<ReplicaId, string | null>;
	readonly hasTriedAll: boolean;
	/** When the next round begins, in Unix milliseconds; null while one is under way. */
	readonly retryAt: number | null;
};

/** Says how a client stands with the cluster, and why, so that nobody waits without knowing for what. */
export function describe(circumstances: Circumstances, now: number): Connection {
	const {cluster, link, weather, roundTripMs, trying} = circumstances;
	const replica = link ?? trying;
	const address = replica === null ? null : placeOf(cluster.replicas[replica]!);
	const retryAt = link === null ? circumstances.retryAt : null;
	const facts = {since: now, replica, address, roundTripMs, retryAt};
	if (link === null || weather === null) {
		const state = circumstances.hasTriedAll ? 'offline' : 'connecting';
		return {...facts, state, sentence: describeSearch(circumstances)};
	}

	if (circumstances.isSilent)
		return {...facts, state: 'waiting', sentence: `waiting: r${link} does not answer; trying others`};
	if (!weather.hasQuorum) return {...facts, state: 'no quorum', sentence: describeQuorum(circumstances)};
	if (weather.full.length > 0)
		return {
			...facts,
			state: 'waiting',
			sentence: `no room: ${noRoom(weather.full, cluster.f)}; messages wait`,
		};
	if (circumstances.isHoleOld)
		return {...facts, state: 'waiting', sentence: `waiting: slot ${weather.hole} is a hole`};
	if (circumstances.isLeaderless)
		return {...facts, state: 'electing', sentence: `electing: view ${weather.view} has no leader yet`};
	return {...facts, state: 'online', sentence: `online via r${link}`};
}

function describeSearch({cluster, trying, tried, hasTriedAll}: Circumstances): string {
	const failures = cluster.replicas.flatMap(({id}) => {
		const why = tried.get(id);
		return typeof why === 'string' ? [{id, why}] : [];
	});
	// The same words as long as it lasts: whoever reads it as a line need not read it again.
	if (hasTriedAll) {
		const list = failures.map(({id, why}) => `r${id} ${why}`).join(', ');
		return `offline: no replica can be reached (${list}); trying again`;
	}

	if (trying === null) return 'connecting';
	const target = `r${trying} (${placeOf(cluster.replicas[trying]!)})`;
	const others = failures.filter(({id}) => id !== trying);
	const last = others.findLast(({id}) => id < trying) ?? others.at(-1);
	if (last === undefined) return `connecting to ${target}`;
	return `cannot reach r${last.id} (${placeOf(cluster.replicas[last.id]!)}): ${last.why}; trying ${target}`;
}

function describeQuorum({cluster, link, tried}: Circumstances): string {
	const {length} = cluster.replicas;
	const others = cluster.replicas.filter(({id}) => id !== link);
	const hint = `${cluster.f + 1} must hear each other; messages wait`;
	if (others.some(({id}) => !tried.has(id))) return `no quorum: r${link} hears too few replicas; ${hint}`;
	const up = 1 + others.filter(({id}) => tried.get(id) === null).length;
	return `no quorum: ${up} of ${length} replicas up; ${hint}`;
}
