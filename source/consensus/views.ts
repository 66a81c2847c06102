import type {ReplicaId, View} from './types.ts';

/** Before view 0 there is no view, and nobody to lead it: a replica that never heard of one is here. */
export const noView: View = -1;

/** The one replica that may propose in a view. */
export const primaryOf = (view: View, replicas: number): ReplicaId => view % replicas;

/** How many replicas come before `id` in the line of succession to `view`. Its own primary comes last. */
export const rankOf = (id: ReplicaId, view: View, replicas: number): number =>
	(id + replicas - ((view + 1) % replicas)) % replicas;

/** The next view after `view` that belongs to `id`. Ballots of two replicas never collide. */
export const nextViewOf = (id: ReplicaId, view: View, replicas: number): View =>
	view + 1 + rankOf(id, view, replicas);

/** Any two majorities share a replica: the whole of Paxos stands on this. */
export const majorityOf = (replicas: number): number => Math.floor(replicas / 2) + 1;
