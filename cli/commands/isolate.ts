import type {Flags} from '../flags.ts';
import {administratorOf, orderOne} from '../orders.ts';
import {clusterOf, replicaOf} from '../target.ts';

/** `paxos-chat isolate ID`: it neither hears its peers nor is heard by them, until it is healed. */
export async function isolate([word = '']: readonly string[], flags: Flags): Promise<number> {
	const cluster = clusterOf(flags);
	const id = replicaOf(cluster, flags, 'ID', word);
	const administrator = await administratorOf(cluster, flags, 'isolate');
	return orderOne(administrator, id, {kind: 'isolate'}, 'is cut off from its peers');
}
