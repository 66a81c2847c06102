import type {Order} from '../../source/network/events.ts';
import type {Flags} from '../flags.ts';
import {administratorOf, orderAll, orderOne} from '../orders.ts';
import {clusterOf, replicaOf} from '../target.ts';
import {probability, readValue} from '../values.ts';

/** `paxos-chat loss P [ID]`: of what one replica, or each, hears from its peers. */
export async function loss([share = '', word]: readonly string[], flags: Flags): Promise<number> {
	const cluster = clusterOf(flags);
	const order: Order = {kind: 'loss', probability: readValue('P', probability, share)};
	const id = word === undefined ? null : replicaOf(cluster, flags, 'ID', word);
	const administrator = await administratorOf(cluster, flags, 'loss');
	const done = `loses ${Number((order.probability * 100).toPrecision(6))}% of what it hears from its peers`;
	if (id === null) return orderAll(administrator, cluster, order, done);
	return orderOne(administrator, id, order, done);
}
