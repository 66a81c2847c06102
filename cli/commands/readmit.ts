import {beginAnew} from '../../source/storage/directory.ts';
import type {Flags} from '../flags.ts';
import {print} from '../output.ts';
import {clusterOf, refuseReadOnly, replicaOf} from '../target.ts';

/** `paxos-chat readmit ID`: a new memory for a replica that lost its own; the others have to admit it (rule R12). */
export async function readmit([word = '']: readonly string[], flags: Flags): Promise<number> {
	const cluster = clusterOf(flags);
	const id = replicaOf(cluster, flags, 'ID', word);
	refuseReadOnly(flags, 'readmit');
	const kept = await beginAnew({data: flags.data, id, cluster, tell: line => print(`${line}\n`)});
	print(`r${id} begins anew; ${kept ? `what was there is kept in ${kept}` : 'nothing was left of it'}\n`);
	print(
		`start it (paxos-chat restart ${id}, or paxos-chat replica ${id}): it votes when f+1 others have admitted it\n`,
	);
	return 0;
}
