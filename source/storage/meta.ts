import {randomBytes} from 'node:crypto';
import {join} from 'node:path';
import type {MemoryName, ReplicaId} from '../consensus/types.ts';
import {Failure, lostMemory} from '../failure.ts';
import {isCount, isIncarnation} from '../value-text.ts';
import {realFiles, writeAtomically} from './files.ts';
import {readPrivate} from './private-files.ts';
import {sealJson, unsealJson} from './sealed-json.ts';

/** Whose memory a replica directory is. */
export type Meta = MemoryName & {
	/** The name of the cluster, as its secret gives it. */
	readonly cluster: string;
	readonly id: ReplicaId;
	/** Replicas in the cluster. */
	readonly replicas: number;
};

const format = 2;

export async function writeMeta(
	directory: string,
	meta: Omit<Meta, 'incarnation'>,
	files = realFiles,
): Promise<void> {
	const incarnation = randomBytes(16).toString('hex');
	await writeAtomically(join(directory, 'meta'), sealJson({format, ...meta, incarnation}), files);
}

/** Throws a Failure if there is none, or if it cannot be understood. */
export async function readMeta(directory: string, read = readPrivate): Promise<Meta> {
	const path = join(directory, 'meta');
	const file = await read(path);
	if (!file) throw lostMemory(`${path} is missing, and with it whose memory ${directory} is`);
	const meta = decode(file.text);
	if (!meta) throw lostMemory(`${path} is damaged, or of a kind that this version does not know`);
	return meta;
}

/** Throws a Failure if this is the memory of somebody else. */
export function checkMeta(
	directory: string,
	found: Meta,
	expected: Omit<Meta, 'incarnation' | 'isNewcomer'>,
): void {
	const {cluster, id, replicas} = expected;
	const refuse = (reason: string, next = '') =>
		new Failure(`${directory} ${reason}: ${next}choose another --data`, 2);
	if (found.cluster !== cluster)
		throw refuse('belongs to another cluster than the secret beside it', 'put back the right secret, or ');
	if (found.id !== id) throw refuse(`is the memory of replica ${found.id}, not of replica ${id}`);
	if (found.replicas !== replicas)
		throw refuse(`is of a cluster of ${found.replicas} replicas, and cluster.json names ${replicas}`);
}

function decode(text: string): Meta | undefined {
	const {format: written, cluster, id, replicas, incarnation, isNewcomer} = unsealJson(text) ?? {};
	if (written !== format || typeof cluster !== 'string' || typeof isNewcomer !== 'boolean') return undefined;
	if (!isCount(id) || !isCount(replicas) || !isIncarnation(incarnation)) return undefined;
	return {cluster, id, replicas, incarnation, isNewcomer};
}
