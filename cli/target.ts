import {userInfo} from 'node:os';
import {type Cluster, readCluster} from '../source/cluster.ts';
import type {ReplicaId} from '../source/consensus/types.ts';
import {Failure} from '../source/failure.ts';
import {nickPattern} from '../source/network/events.ts';
import type {Flags} from './flags.ts';
import {readValue, whole} from './values.ts';

/** The cluster that is meant, once it is clear that --via names one of its replicas. */
export function clusterOf(flags: Flags): Cluster {
	const cluster = readCluster(flags.config);
	if (flags.via !== undefined) replicaOf(cluster, flags, '--via', String(flags.via));
	return cluster;
}

/** The id that a word names. */
export function replicaOf(cluster: Cluster, flags: Flags, name: string, word: string): ReplicaId {
	const {length} = cluster.replicas;
	const must = `the id of a replica in ${flags.config}, from 0 to ${length - 1}`;
	return readValue(name, {...whole(0, length - 1), must}, word);
}

/** --nick, or the name of the user as far as it can be one. */
export function nickOf(flags: Flags): string {
	if (flags.nick !== undefined) return flags.nick;
	const user = process.env.USER || userName();
	const nick = Array.from(user.normalize('NFC').replace(/[^\p{L}\p{N}_-]/gu, ''))
		.slice(0, 16)
		.join('');
	return nickPattern.test(nick) ? nick : 'guest';
}

/** --timeout in milliseconds. */
export const timeoutMsOf = (flags: Flags, usualSeconds = 30): number =>
	(flags.timeout ?? usualSeconds) * 1000;

/** The flags with which another command means the same cluster, for a shell: nothing where it would anyhow. */
export function sameTarget({config, data}: Flags): string {
	const own = [
		config !== 'cluster.json' && `--config ${quoted(config)}`,
		data !== 'data' && `--data ${quoted(data)}`,
	];
	return own.flatMap(flag => (flag ? [` ${flag}`] : [])).join('');
}

/** As a shell takes it. */
const quoted = (word: string): string =>
	/^[\w./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;

/** For commands that would break something. */
export function refuseReadOnly(flags: Flags, what: string): void {
	if (flags.readOnly) throw new Failure(`${what} changes the cluster: leave --read-only out to do it`, 2);
}

/** A user without a name, as in some containers, has an exception instead. */
function userName(): string {
	try {
		return userInfo().username;
	} catch {
		return '';
	}
}
