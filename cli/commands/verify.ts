import {existsSync} from 'node:fs';
import {readCluster} from '../../source/cluster.ts';
import {
	type ReplicaVerification,
	type Verification,
	verify as verifyData,
} from '../../source/storage/verify.ts';
import type {Flags} from '../flags.ts';
import {print} from '../output.ts';
import {table} from '../table.ts';

/** `paxos-chat verify`: what is on the disks of DATA, read by nobody's leave and changed by nothing. */
export async function verify(flags: Flags): Promise<number> {
	// DATA may be looked at where the cluster is not known: then it is taken for a usual one.
	const sessions = existsSync(flags.config) ? readCluster(flags.config).sessions : undefined;
	const result = await verifyData(flags.data, sessions);
	print(flags.json ? `${JSON.stringify(result)}\n` : report(result));
	if (result.diverged) return 5;
	return result.ok ? 0 : 1;
}

function report({replicas, problems, divergence, ok}: Verification): string {
	const all = [...problems, ...replicas.flatMap(replica => replica.problems)];
	if (divergence) {
		const [one, other] = divergence.replicas;
		all.push(`the logs of r${one} and r${other} differ from position ${divergence.position} on`);
	}

	const verdict = ok ? 'ok: nothing is damaged, and each log is a prefix of the longest' : 'NOT ok';
	const found = all.map(problem => `${problem}\n`).join('');
	return `${table([head, ...replicas.map(rowOf)])}${found}${verdict}\n`;
}

const head = ['replica', 'state', 'messages', 'bytes', 'log (SHA-256)', 'journal', 'checkpoint'];

function rowOf({id, ok, isRunning, log, journal, checkpoint}: ReplicaVerification): readonly string[] {
	const torn = journal?.tornAt ? ', torn tail' : '';
	return [
		`r${id}`,
		`${ok ? 'ok' : 'DAMAGED'}${isRunning ? ', runs' : ''}`,
		String(log?.messages ?? '-'),
		String(log?.bytes ?? '-'),
		log?.sha256.slice(0, 16) ?? '-',
		journal ? `${journal.entries} entries${torn}` : '-',
		checkpoint ? `slot ${checkpoint.slot}` : '-',
	];
}
