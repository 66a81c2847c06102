import {createHash, randomBytes} from 'node:crypto';
import {existsSync} from 'node:fs';
import {link, open, unlink} from 'node:fs/promises';
import {join} from 'node:path';
import type {Cluster} from '../cluster.ts';
import {Failure} from '../failure.ts';
import {codeOf, syncDirectory} from './files.ts';
import {isLocal} from './local.ts';
import {membersPath} from './members.ts';
import {ensureData, readPrivate} from './private-files.ts';

/** What the replicas and administrators of a cluster know, and nobody else. Never shown, logged or sent. */
export type Secret = Buffer;

const secretBytes = 32;

export const secretPath = (data: string): string => join(data, 'secret');

/** Makes the secret, unless there is one. Whether it made one, and where it stands. A Failure if there was one and it is lost. */
export async function makeSecret(data: string): Promise<{path: string; isNew: boolean}> {
	await ensureData(data);
	const path = secretPath(data);
	if (existsSync(membersPath(data)) && !existsSync(path))
		throw new Failure(
			`${path} is gone, and replicas have lived here with it: put it back, from another machine of the cluster or a backup; without it choose another --data, and begin anew`,
			2,
		);
	const temporary = `${path}.${randomBytes(8).toString('hex')}.new`;
	const handle = await open(temporary, 'wx', 0o600);
	try {
		await handle.writeFile(`${randomBytes(secretBytes).toString('hex')}\n`);
		await handle.sync();
		// A link never replaces a file: of several processes that start together, one makes the secret of all.
		await link(temporary, path);
		return {path, isNew: true};
	} catch (error) {
		if (codeOf(error) !== 'EEXIST') throw error;
		await readSecret(data);
		return {path, isNew: false};
	} finally {
		await handle.close();
		await unlink(temporary);
		await syncDirectory(data);
	}
}

/** Undefined if there is none. Throws a Failure if others can read it, or if it is no secret. */
export async function readSecret(data: string): Promise<Secret | undefined> {
	const path = secretPath(data);
	const file = await readPrivate(path);
	if (!file) return undefined;
	if (!file.isPrivate) throw new Failure(`${path} can be read by other users: chmod 600 it`, 2);
	const text = file.text.trim();
	if (!/^[0-9a-f]{64}$/.test(text))
		throw new Failure(
			`${path} holds no secret (64 hex digits): copy it again from another machine of the cluster`,
			2,
		);
	return Buffer.from(text, 'hex');
}

/** A cluster that lives on this machine alone makes its own secret when there is none. */
export async function ensureSecret(data: string, cluster: Pick<Cluster, 'replicas'>): Promise<Secret> {
	const known = await readSecret(data);
	if (known) return known;
	for (const {host} of cluster.replicas) {
		if (!(await isLocal(host)))
			throw new Failure(
				`no secret: run \`paxos-chat secret\` on one machine and copy ${secretPath(data)} to the others`,
				2,
			);
	}

	await makeSecret(data);
	const made = await readSecret(data);
	if (!made) throw new Failure(`${secretPath(data)} vanished while it was being made`);
	return made;
}

/** The name of the cluster that shares this secret: 32 hex digits that give nothing of it away. */
export const clusterOf = (secret: Secret): string =>
	createHash('sha256').update('paxos-chat cluster\n').update(secret).digest('hex').slice(0, 32);
