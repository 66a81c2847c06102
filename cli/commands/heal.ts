import type {Flags} from '../flags.ts';
import {administratorOf, orderAll, orderOne} from '../orders.ts';
import {clusterOf, replicaOf} from '../target.ts';

/** `paxos-chat heal [ID]`: ends isolation, loss and skips, of one replica or of all that run. */
export async function heal([word]: readonly string[], flags: Flags): Promise<number> {
	const cluster = clusterOf(flags);
	const id = word === undefined ? null : replicaOf(cluster, flags, 'ID', word);
	const administrator = await administratorOf(cluster, flags, 'heal');
	const done = 'has no faults any more';
	if (id === null) return orderAll(administrator, cluster, {kind: 'heal'}, done);
	return orderOne(administrator, id, {kind: 'heal'}, done);
}
