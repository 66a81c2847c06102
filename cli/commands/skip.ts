import {setTimeout as sleep} from 'node:timers/promises';
import {Monitor} from '../../source/client/monitor.ts';
import type {Cluster} from '../../source/cluster.ts';
import type {ReplicaId} from '../../source/consensus/types.ts';
import {Failure} from '../../source/failure.ts';
import type {Flags} from '../flags.ts';
import {administratorOf, failureOf} from '../orders.ts';
import {print, tell} from '../output.ts';
import {clusterOf, timeoutMsOf} from '../target.ts';
import {readValue, whole} from '../values.ts';

/** `paxos-chat skip [SLOT]`: an order to whoever is the primary. Prints the slot. */
export async function skip([word]: readonly string[], flags: Flags): Promise<number> {
	const cluster = clusterOf(flags);
	const slot = word === undefined ? null : readValue('SLOT', whole(1, Number.MAX_SAFE_INTEGER - 1), word);
	const administrator = await administratorOf(cluster, flags, 'skip');
	const primary = await primaryOf(cluster, timeoutMsOf(flags));
	const outcome = await administrator.order(primary, {kind: 'skip', slot});
	if (outcome.ok) {
		print(`${outcome.slot}\n`);
		tell(`r${primary} leaves slot ${outcome.slot} out, as long as it leads`);
		return 0;
	}

	if (outcome.slot === undefined) throw failureOf(outcome);
	throw new Failure(`${outcome.why}; the next free slot is ${outcome.slot}`);
}

const lookMs = 20;
/** Who has not answered by then is down. */
const answerMs = 1200;

/** Who leads the newest view that has a leader. An election is waited for. */
async function primaryOf(cluster: Cluster, timeoutMs: number): Promise<ReplicaId> {
	const monitor = new Monitor({cluster});
	const start = performance.now();
	try {
		for (;;) {
			const live = monitor.store.getSnapshot().replicas.filter(({state}) => state !== 'down');
			const views = live.flatMap(({status}) =>
				status !== null && status.leader === status.id ? [status] : [],
			);
			const newest = views.sort((one, other) => other.view - one.view)[0];
			if (newest !== undefined) return newest.id;
			if (live.length === 0 && performance.now() > start + answerMs)
				throw new Failure('no replica can be reached; start one: paxos-chat cluster', 3);
			if (performance.now() > start + timeoutMs)
				throw new Failure(
					`nobody led the cluster within ${timeoutMs / 1000} s; see paxos-chat monitor --once`,
					live.length === 0 ? 3 : 4,
				);
			await sleep(lookMs);
		}
	} finally {
		monitor.close();
	}
}
