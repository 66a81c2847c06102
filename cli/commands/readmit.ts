import {beginAnew} from '../../source/storage/directory.ts';
import type {Flags} from '../flags.ts';
import {print} from '../output.ts';
import {clusterOf, refuseReadOnly, replicaOf, sameTarget} from '../target.ts';

/** `paxos-chat readmit ID`: a new memory for a replica that lost its own; the others have to admit it (rule R12). */
export async function readmit([word = '']: readonly string[], flags: Flags): Promise<number> {
	const cluster = clusterOf(flags);
	const id = replicaOf(cluster, flags, 'ID', word);
	refuseReadOnly(flags, 'readmit');
	const kept = await beginAnew({data: flags.data, id, cluster, tell: line => print(`${line}\n`)});
	const left = `what was there is kept in ${kept}: if that was in order, put it back now, before r${id} starts`;
	print(`r${id} begins anew; ${kept ? left : 'nothing was left of it'}\n`);
	const where = sameTarget(flags);
	print(
		`start it: paxos-chat restart ${id}${where}, or paxos-chat replica ${id}${where}; it votes when f+1 others that vote have admitted it (paxos-chat monitor --once: learner, then backup)\n`,
	);
	return 0;
}
