import type {Flags} from '../flags.ts';
import {administratorOf, orderOne} from '../orders.ts';
import {clusterOf, replicaOf} from '../target.ts';

/** `paxos-chat kill ID`: the replica kills its own process, by SIGKILL. */
export async function kill([word = '']: readonly string[], flags: Flags): Promise<number> {
	const cluster = clusterOf(flags);
	const id = replicaOf(cluster, flags, 'ID', word);
	return orderOne(await administratorOf(cluster, flags, 'kill'), id, {kind: 'kill'}, 'is killed');
}
