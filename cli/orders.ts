import {Administrator, type Outcome} from '../source/client/administrator.ts';
import type {Cluster} from '../source/cluster.ts';
import type {ReplicaId} from '../source/consensus/types.ts';
import {Failure} from '../source/failure.ts';
import type {Order} from '../source/network/events.ts';
import {readSecret, secretPath} from '../source/storage/secret.ts';
import type {Flags} from './flags.ts';
import {print, tell} from './output.ts';
import {refuseReadOnly, timeoutMsOf} from './target.ts';

/** Who may give fault orders: the one who can read DATA/secret. */
export async function administratorOf(cluster: Cluster, flags: Flags, what: string): Promise<Administrator> {
	refuseReadOnly(flags, what);
	const secret = await readSecret(flags.data);
	if (secret === undefined)
		throw new Failure(
			`${what}: there is no ${secretPath(flags.data)}; name the directory of the replicas with --data`,
			2,
		);
	return new Administrator({cluster, secret, timeoutMs: timeoutMsOf(flags)});
}

/** One order to one replica, with what is to be said when it is done; a Failure if it is not. */
export async function orderOne(
	administrator: Administrator,
	id: ReplicaId,
	order: Order,
	done: string,
): Promise<number> {
	const outcome = await administrator.order(id, order);
	if (!outcome.ok) throw failureOf(outcome);
	print(`r${id} ${done}\n`);
	return 0;
}

/** To all replicas. Those that are down are told and left alone; a Failure if all are, or if one refuses. */
export async function orderAll(
	administrator: Administrator,
	cluster: Cluster,
	order: Order,
	done: string,
): Promise<number> {
	const outcomes = await Promise.all(cluster.replicas.map(({id}) => administrator.order(id, order)));
	const refused = outcomes.find(outcome => !outcome.ok && outcome.isReached);
	for (const [id, outcome] of outcomes.entries()) {
		if (outcome.ok) print(`r${id} ${done}\n`);
		else if (outcome !== refused) tell(outcome.why);
	}

	const worst = refused ?? (outcomes.some(({ok}) => ok) ? undefined : outcomes[0]);
	if (worst !== undefined) throw failureOf(worst);
	return 0;
}

/** Who could not be reached at all has an exit code of its own. */
export const failureOf = (outcome: Outcome): Failure =>
	new Failure(outcome.ok ? '' : outcome.why, outcome.isReached ? 1 : 3);
