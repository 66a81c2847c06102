import type {MemoryClaim, ReplicaId} from '../consensus/types.ts';
import {isCount} from '../value-text.ts';
import {isNonce} from './auth.ts';
import {
	type Challenge,
	type DiskReport,
	type Hello,
	type Identity,
	type PeerWelcome,
	protocolVersion,
} from './events.ts';

/**
 * What replicas say before they trust each other, rebuilt into fresh objects,
 * and the reasons why two of them do not go together. See auth.ts for the
 * proofs.
 */
export type PeerHello = Extract<Hello, {role: 'replica'}>;

/** What a replica remembers of the memories of others; storage/acquaintances.ts keeps it on disk. */
export type Acquaintances = {
	/** The memory that the peer had, once that is safely remembered. */
	remembered(peer: ReplicaId): MemoryClaim | undefined;
	/** It is that memory, and no older copy of it. */
	knows(peer: ReplicaId, memory: MemoryClaim): boolean;
	/** How far the journal of a peer is by now, as it says. */
	hear(peer: ReplicaId, memory: MemoryClaim): void;
	/**
	 * Whether this is the memory that the peer always had; a new peer is remembered first. A newcomer is let in:
	 * it does not vote before the log admits it. Rejects when the disk fails.
	 */
	meet(peer: ReplicaId, memory: MemoryClaim): Promise<boolean>;
};

/** Why a handshake failed: `kind` to tell it once, `text` to be read after the name of the other replica. */
export type Trouble = {
	readonly kind: 'version' | 'secret' | 'replicas' | 'rules' | 'id' | 'proof' | 'form' | 'memory' | 'refused';
	readonly text: string;
};

export const readChallenge = (data: unknown): Challenge | undefined =>
	read<Challenge>(data, {...identity, version: isCount, id: isCount, nonce: isNonce});

export const readHello = (data: unknown): PeerHello | undefined =>
	read<PeerHello>(data, {
		...identity,
		role: value => value === 'replica',
		version: isCount,
		id: isCount,
		...memory,
		nonce: isNonce,
		proof: isShort,
	});

/** Of `welcome`, and of `lost`. */
export const readWelcome = (data: unknown): PeerWelcome | undefined =>
	read<PeerWelcome>(data, {...memory, id: isCount, proof: isShort});

export const readDisk = (data: unknown): DiskReport | undefined =>
	read<DiskReport>(data, {groups: isCount, hasRoom: isBoolean});

/** What keeps two replicas apart, if anything does. */
export function disagreement(
	own: Identity,
	other: Identity & {readonly version: number},
): Trouble | undefined {
	if (other.version !== protocolVersion) return otherVersion(other.version);
	if (other.cluster !== own.cluster)
		return {kind: 'secret', text: 'has another secret: copy DATA/secret of one replica to all the others'};
	if (other.replicas !== own.replicas) {
		const text = `counts ${other.replicas} replicas, not ${own.replicas}: give all the same cluster.json`;
		return {kind: 'replicas', text};
	}
	if (other.rules !== own.rules)
		return {kind: 'rules', text: 'keeps another number of sessions: give all the same cluster.json'};
	return undefined;
}

/** Other releases may say hello in other forms, but they all say their version. */
export function unreadable(data: unknown): Trouble {
	if (typeof data === 'object' && data !== null && Object.hasOwn(data, 'version')) {
		const {version} = data as {version: unknown};
		if (isCount(version) && version !== protocolVersion) return otherVersion(version);
	}

	return {kind: 'form', text: 'does not speak as a replica does: is something else at its address?'};
}

const otherVersion = (version: number): Trouble => ({
	kind: 'version',
	text: `speaks version ${version} of the protocol, not ${protocolVersion}: run the same release everywhere`,
});

export const unproven: Trouble = {
	kind: 'proof',
	text: 'cannot prove that it knows the secret: copy DATA/secret of one replica to all the others',
};

/** Its votes could break what it promised (rule R12). */
export const memoryLost = (peer: ReplicaId): Trouble => ({
	kind: 'memory',
	text: `has lost its memory, or a part of it, since it was met here, and is not heard: put its old DATA/replica-${peer} back, or let it begin anew: paxos-chat readmit ${peer}; the others go on without it`,
});

/** Who is at the place where `expected` should be. */
export const wrongId = (expected: ReplicaId, found: ReplicaId): Trouble => ({
	kind: 'id',
	text: `says that it is replica ${found}: compare the address of replica ${expected} in all cluster.json`,
});

/** Somebody who is no peer: replica `id` does not exist, or it is this one. */
export const wrongCaller = (id: ReplicaId): Trouble => ({
	kind: 'id',
	text: `says that it is replica ${id}, which is none of the others here: is the same id started twice?`,
});

const isShort = (value: unknown): value is string => typeof value === 'string' && value.length <= 128;
const isBoolean = (value: unknown): value is boolean => typeof value === 'boolean';
const memory = {
	incarnation: isNonce,
	isNewcomer: isBoolean,
	groups: isCount,
};
const identity = {cluster: isShort, replicas: isCount, rules: isShort};

/** A fresh object, if the data has exactly these keys as its own, and each guard takes its value. */
function read<Type>(
	data: unknown,
	guards: {readonly [Key in keyof Type]: (value: unknown) => boolean},
): Type | undefined {
	if (typeof data !== 'object' || data === null || Array.isArray(data)) return undefined;
	const keys = Object.keys(guards) as Array<keyof Type & string>;
	if (Object.keys(data).length !== keys.length) return undefined;
	const fresh: Partial<Record<string, unknown>> = {};
	for (const key of keys) {
		if (!Object.hasOwn(data, key)) return undefined;
		const value = (data as Record<string, unknown>)[key];
		if (!guards[key](value)) return undefined;
		fresh[key] = value;
	}

	return fresh as Type;
}
