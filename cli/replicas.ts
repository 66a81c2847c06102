import {createConnection} from 'node:net';
import type {Cluster} from '../source/cluster.ts';
import type {ReplicaId} from '../source/consensus/types.ts';
import {majorityOf} from '../source/consensus/views.ts';
import {Failure} from '../source/failure.ts';
import {isLocal} from '../source/storage/local.ts';
import type {Supervisor} from '../source/supervisor.ts';
import {tell} from './output.ts';

/** Replicas that belong to this machine. */
export async function localReplicas({replicas}: Cluster): Promise<readonly ReplicaId[]> {
	const areLocal = await Promise.all(replicas.map(({host}) => isLocal(host)));
	return replicas.flatMap(({id}, index) => (areLocal[index] ? [id] : []));
}

const answerMs = 1000;

/** Whether somebody listens at any address of the cluster. */
export async function isAnswering({replicas}: Cluster): Promise<boolean> {
	const answers = replicas.map(
		({host, port}) =>
			new Promise<void>((resolve, reject) => {
				const socket = createConnection({host, port, timeout: answerMs});
				socket.once('connect', resolve);
				socket.once('timeout', reject);
				socket.once('error', reject);
				const hangUp = () => socket.destroy();
				socket.once('connect', hangUp);
				socket.once('timeout', hangUp);
			}),
	);
	return Promise.any(answers).then(
		() => true,
		() => false,
	);
}

/**
 * Starts the replicas of a supervisor. The service does not need all of them:
 * one whose disk is damaged is told and left out. If fewer than a majority of
 * the cluster could run, or the use is wrong, none does, and a Failure says why.
 */
export async function startReplicas(supervisor: Supervisor, cluster: Cluster, say = tell): Promise<void> {
	const starts = await supervisor.start();
	const failures = starts.flatMap(start => (start.status === 'rejected' ? [start.reason as unknown] : []));
	const needed = Math.min(majorityOf(cluster.replicas.length), supervisor.ids.length);
	const isWrongUse = failures.some(failure => failure instanceof Failure && failure.exitCode === 2);
	if (starts.length - failures.length >= needed && !isWrongUse) {
		for (const failure of failures) say(failure instanceof Error ? failure.message : String(failure));
		return;
	}

	await supervisor.stop(0);
	throw failures[0];
}
