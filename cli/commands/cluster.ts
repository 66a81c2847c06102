import {Failure} from '../../source/failure.ts';
import {Supervisor} from '../../source/supervisor.ts';
import type {Flags} from '../flags.ts';
import {leaving, quietMs, untilLeaving} from '../leaving.ts';
import {tell} from '../output.ts';
import {localReplicas, startReplicas} from '../replicas.ts';
import {clusterOf, sameTarget} from '../target.ts';

/** `paxos-chat cluster`: the replicas of this machine, in the foreground. */
export async function cluster(flags: Flags): Promise<number> {
	const file = clusterOf(flags);
	const ids = await localReplicas(file);
	if (ids.length === 0)
		throw new Failure(
			`${flags.config}: no replica belongs to this machine; run it where one does, or name another file with --config`,
			2,
		);
	const supervisor = new Supervisor({
		cluster: file,
		configPath: flags.config,
		dataDirectory: flags.data,
		ids,
		extraArguments: () => (flags.noFaults ? [] : ['--faults']),
		onLine: (id, line) => tell(`r${id} ${line}`),
		onExit: (id, how) => {
			if (leaving.aborted) return;
			tell(`r${id} is gone (${how}); to start it again: paxos-chat restart ${id}${sameTarget(flags)}`);
		},
	});
	// From here on a signal has to wait for the replicas.
	const left = untilLeaving();
	await Promise.race([startReplicas(supervisor, file), left]);
	const up = ids.filter(id => supervisor.pid(id) !== null).map(id => `r${id}`);
	if (!leaving.aborted) tell(`${up.join(' ')} run: Ctrl+C stops them`);
	const code = await left;
	await supervisor.stop(quietMs);
	return code;
}
