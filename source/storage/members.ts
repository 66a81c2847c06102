import {join} from 'node:path';
import type {ReplicaId} from '../consensus/types.ts';
import {Failure} from '../failure.ts';
import {isCount} from '../value-text.ts';
import {realFiles, writeAtomically} from './files.ts';
import {readPrivate} from './private-files.ts';
import {sealJson, unsealJson} from './sealed-json.ts';

export const membersPath = (data: string): string => join(data, 'members.json');

/**
 * DATA/members.json: which replicas have lived here. One that is listed and
 * has no directory any more has lost its memory, and must not start as new.
 */
export async function readMembers(
	data: string,
	cluster: string,
	read = readPrivate,
): Promise<readonly ReplicaId[]> {
	const members = await look(data, cluster, read);
	if (members) return members;
	throw new Failure(
		`${membersPath(data)} is damaged: it does not say which replicas have lived here; the next start of a replica makes it again`,
	);
}

/**
 * The same, but a list that is damaged is made again: whoever could have lived
 * here is taken for one that has, so none whose directory is gone starts as new
 * (rule R12). `tell` hears of it.
 */
export async function recoverMembers(
	data: string,
	cluster: string,
	everybody: readonly ReplicaId[],
	tell: (line: string) => void,
): Promise<readonly ReplicaId[]> {
	const members = await look(data, cluster, readPrivate);
	if (members) return members;
	await writeMembers(data, cluster, everybody);
	tell(
		`${membersPath(data)} was damaged, and is made again: all replicas of cluster.json count as ones that have lived here`,
	);
	return everybody;
}

/** Nobody, if there is no list yet; undefined if it is damaged. */
async function look(
	data: string,
	cluster: string,
	read: typeof readPrivate,
): Promise<readonly ReplicaId[] | undefined> {
	const path = membersPath(data);
	const file = await read(path);
	if (!file) return [];
	const members = decode(file.text);
	if (members && members.cluster !== cluster)
		throw new Failure(
			`${path} belongs to another cluster than the secret beside it: put back the right secret, or choose another --data`,
			2,
		);
	return members?.replicas;
}

export async function writeMembers(
	data: string,
	cluster: string,
	replicas: readonly ReplicaId[],
	files = realFiles,
): Promise<void> {
	const sorted = [...new Set(replicas)].sort((a, b) => a - b);
	await writeAtomically(membersPath(data), sealJson({cluster, replicas: sorted}), files);
}

function decode(text: string): {cluster: string; replicas: readonly ReplicaId[]} | undefined {
	const {cluster, replicas} = unsealJson(text) ?? {};
	if (typeof cluster !== 'string' || !Array.isArray(replicas) || !replicas.every(isCount)) return undefined;
	return {cluster, replicas};
}
