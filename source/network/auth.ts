import {createHash, createHmac, randomBytes, timingSafeEqual} from 'node:crypto';
import type {MemoryClaim, ReplicaId} from '../consensus/types.ts';
import {type Identity, protocolVersion} from './events.ts';

/**
 * Who somebody is. Replicas and administrators prove that they know the secret
 * of the cluster, and the server proves it back; the secret itself never
 * travels. Both ends throw a nonce of their own into every handshake, so an
 * overheard proof is worth nothing in the next one. A client proves with a
 * secret of its own that a session is its own.
 */
export type Handshake = Identity & {
	readonly role: 'replica' | 'administrator';
	/** The replica that was dialed, and the nonce of its challenge. */
	readonly server: ReplicaId;
	readonly serverNonce: string;
	/** Who dials: a replica says its id, an administrator has none. The nonce is that of its hello. */
	readonly dialer: ReplicaId | null;
	readonly dialerNonce: string;
	/** What the proof is about: a replica has one, an administrator none. */
	readonly memory?: MemoryClaim;
};

/** Who proves what: either end that it knows the secret, or a server that it has met the dialer with another memory. */
export type Prover = 'dialer' | 'server' | 'witness';

/**
 * The proof, in hex, that one end of this handshake knows the secret. The two
 * ends prove different things, so that a server which only sends back what it
 * was sent proves nothing.
 */
export function proofOf(secret: Buffer, prover: Prover, handshake: Handshake): string {
	const {role, server, serverNonce, dialer, dialerNonce, cluster, replicas, rules, memory} = handshake;
	// As JSON, so that no two different handshakes can be spelled alike.
	const facts = [
		'paxos-chat',
		protocolVersion,
		prover,
		role,
		server,
		dialer,
		cluster,
		replicas,
		rules,
		serverNonce,
		dialerNonce,
		...(memory ? [memory.incarnation, memory.isNewcomer, memory.groups] : []),
	];
	return createHmac('sha256', secret).update(JSON.stringify(facts)).digest('hex');
}

/** Whether `proof`, which may be anything, is the proof of that end. Takes as long for a good guess as for a bad one. */
export function isProof(proof: unknown, secret: Buffer, prover: Prover, handshake: Handshake): boolean {
	if (typeof proof !== 'string' || !/^[0-9a-f]{64}$/.test(proof)) return false;
	return timingSafeEqual(Buffer.from(proof), Buffer.from(proofOf(secret, prover, handshake)));
}

/** 128 bits that nobody can foresee, in hex. */
export const newNonce = (): string => randomBytes(16).toString('hex');
export const isNonce = (value: unknown): value is string =>
	typeof value === 'string' && /^[0-9a-f]{32}$/.test(value);

/** The client id that belongs to a client's secret: the first 32 hex digits of its SHA-256. */
export const clientOf = (secret: string): string =>
	createHash('sha256').update(secret).digest('hex').slice(0, 32);
