import {existsSync} from 'node:fs';
import {rename} from 'node:fs/promises';
import {join} from 'node:path';
import type {Cluster} from '../cluster.ts';
import type {MemoryName, ReplicaId} from '../consensus/types.ts';
import {Failure, lostMemory} from '../failure.ts';
import {Acquaintances} from './acquaintances.ts';
import {claim, claimPatiently, type Release} from './claim.ts';
import {failureOf, realFiles} from './files.ts';
import {createJournal} from './journal.ts';
import {recoverMembers, writeMembers} from './members.ts';
import {checkMeta, readMeta, writeMeta} from './meta.ts';
import {ensureData, isPrivateDirectory} from './private-files.ts';
import {clusterOf, ensureSecret, readSecret, type Secret, secretPath} from './secret.ts';

/** DATA/replica-ID, owned by this process until it is released. */
export type ReplicaDirectory = {
	/** Of the cluster. */
	readonly secret: Secret;
	/** The name of the cluster, derived from the secret. */
	readonly identity: string;
	readonly memory: MemoryName;
	readonly path: string;
	readonly release: Release;
} & ReplicaPaths;

/** What is in the directory of a replica, beside its meta. */
export type ReplicaPaths = {
	/** A directory. */
	readonly journal: string;
	readonly checkpoint: string;
	readonly chatLog: string;
	/** Whom this replica has met. */
	readonly acquaintances: string;
	/** Lines on their way from another replica; may be there or not. */
	readonly fetchedLines: string;
};

type Options = {
	readonly data: string;
	readonly id: ReplicaId;
	readonly cluster: Pick<Cluster, 'replicas'>;
	/** One line for the operator. */
	readonly tell?: (line: string) => void;
};

export const replicaPath = (data: string, id: ReplicaId): string => join(data, `replica-${id}`);

export const pathsIn = (directory: string): ReplicaPaths => ({
	journal: join(directory, 'journal'),
	checkpoint: join(directory, 'checkpoint'),
	chatLog: join(directory, 'chat.log'),
	acquaintances: join(directory, 'peers'),
	fetchedLines: join(directory, 'fetched-lines'),
});

/**
 * The memory of a replica; made, if it has never lived here. Throws a Failure
 * if it belongs to somebody else, is in use, or is gone.
 */
export async function openReplicaDirectory(options: Options): Promise<ReplicaDirectory> {
	const {data, id, cluster, tell = () => {}} = options;
	try {
		await ensureData(data);
		const secret = await ensureSecret(data, cluster);
		const name = clusterOf(secret);
		const everybody = idsOf(cluster);
		// The replicas of a machine share DATA, and may all start at the same time.
		const leave = await claimPatiently(data);
		if (!leave) throw new Failure(`${data} is in use by another process that does not let go of it`);
		try {
			const members = await recoverMembers(data, name, everybody, tell);
			return await openMember(data, {cluster: name, id, replicas: everybody.length}, secret, members);
		} finally {
			await leave();
		}
	} catch (error) {
		throw failureOf(data, error);
	}
}

/**
 * Begins a memory in place of one that is lost or damaged, which is put aside:
 * the replica will be a learner until the log admits it (rule R12). Resolves
 * with where the old one is kept, undefined if there is none. Throws a Failure
 * if the replica runs, or nobody could admit it; in a directory without a secret nobody could.
 */
export async function beginAnew({data, id, cluster, tell = () => {}}: Options): Promise<string | undefined> {
	const replicas = cluster.replicas.length;
	if (replicas === 1)
		throw new Failure('a cluster of one replica has no others that could admit it again', 2);
	const path = replicaPath(data, id);
	try {
		const secret = await readSecret(data);
		if (!secret)
			throw new Failure(
				`there is no ${secretPath(data)}: name the directory of the replicas with --data, or put the secret of the cluster there first`,
				2,
			);
		await ensureData(data);
		const name = clusterOf(secret);
		const leave = await claimPatiently(data);
		if (!leave) throw new Failure(`${data} is in use by another process that does not let go of it`);
		try {
			// It is listed first: whatever ends this half way leaves none that starts as new.
			const members = await recoverMembers(data, name, idsOf(cluster), tell);
			if (!members.includes(id)) await writeMembers(data, name, [...members, id]);
			const kept = await putAside(path, id);
			await createMemory(data, path, {cluster: name, id, replicas, isNewcomer: true});
			return kept;
		} finally {
			await leave();
		}
	} catch (error) {
		throw failureOf(data, error);
	}
}

/** Where it is from then on. */
async function putAside(path: string, id: ReplicaId): Promise<string | undefined> {
	if (!(await isPrivateDirectory(path))) return undefined;
	const release = await claim(path);
	if (!release)
		throw new Failure(
			`${path} is in use: replica ${id} runs, with the memory that it has; stop it first if that is to go`,
		);
	try {
		let number = 1;
		while (existsSync(`${path}.lost-${number}`)) number++;
		const kept = `${path}.lost-${number}`;
		await rename(path, kept);
		return kept;
	} finally {
		await release();
	}
}

const idsOf = ({replicas}: Pick<Cluster, 'replicas'>): readonly ReplicaId[] => replicas.map(({id}) => id);

type Expected = {readonly cluster: string; readonly id: ReplicaId; readonly replicas: number};

async function openMember(
	data: string,
	expected: Expected,
	secret: Secret,
	members: readonly ReplicaId[],
): Promise<ReplicaDirectory> {
	const {cluster, id} = expected;
	const path = replicaPath(data, id);
	if (!(await isPrivateDirectory(path))) {
		if (members.includes(id)) throw memoryGone(path, id);
		await createMemory(data, path, {...expected, isNewcomer: false});
	}

	const release = await claim(path);
	if (!release) throw new Failure(`${path} is in use by another process: replica ${id} runs already`);
	try {
		const meta = await readMeta(path);
		checkMeta(path, meta, expected);
		const paths = pathsIn(path);
		if (!existsSync(paths.journal)) throw memoryGone(paths.journal, id);
		if (!members.includes(id)) await writeMembers(data, cluster, [...members, id]);
		return {
			secret,
			identity: cluster,
			memory: {incarnation: meta.incarnation, isNewcomer: meta.isNewcomer},
			path,
			...paths,
			release,
		};
	} catch (error) {
		await release();
		throw error;
	}
}

/** It gets its name when all of it is on disk: a directory with the name but without content has lost it. */
export async function createMemory(
	data: string,
	path: string,
	meta: Expected & {isNewcomer: boolean},
	files = realFiles,
): Promise<void> {
	const unfinished = `${path}.new`;
	await files.removeAll(unfinished);
	await files.makeDirectory(unfinished);
	await writeMeta(unfinished, meta, files);
	await Acquaintances.create(join(unfinished, 'peers'), files);
	await createJournal(join(unfinished, 'journal'), files);
	await files.rename(unfinished, path);
	await files.syncDirectory(data);
}

const memoryGone = (path: string, id: ReplicaId) =>
	lostMemory(`${path} is gone, and with it what replica ${id} promised`);
