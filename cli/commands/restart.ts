import {Failure} from '../../source/failure.ts';
import {askForRestart} from '../../source/restart-door.ts';
import type {Flags} from '../flags.ts';
import {print} from '../output.ts';
import {clusterOf, refuseReadOnly, replicaOf, sameTarget, timeoutMsOf} from '../target.ts';

/** `paxos-chat restart ID`: asks the supervisor of DATA. */
export async function restart([word = '']: readonly string[], flags: Flags): Promise<number> {
	const id = replicaOf(clusterOf(flags), flags, 'ID', word);
	refuseReadOnly(flags, 'restart');
	const pid = await askForRestart(flags.data, id, timeoutMsOf(flags));
	if (pid === null) {
		throw new Failure(
			`nobody supervises the replicas of ${flags.data}; start r${id} yourself: paxos-chat replica ${id}${sameTarget(flags)} --faults`,
		);
	}

	print(`r${id} runs as process ${pid}\n`);
	return 0;
}
