import type {Cluster} from '../cluster.ts';
import type {ReplicaId} from '../consensus/types.ts';
import {type Handshake, isProof, newNonce, proofOf} from '../network/auth.ts';
import {type Done, type Order, protocolVersion} from '../network/events.ts';
import {Link, patienceAfter, placeOf} from './link.ts';

/** What came of an order. `isReached`: the replica let us in, and it is what it should be. */
export type Outcome = Done & {readonly isReached: boolean};

export type AdministratorOptions = {
	readonly cluster: Cluster;
	/** Of the cluster: DATA/secret. */
	readonly secret: Buffer;
	/** How long an order may take. Default 10,000. */
	readonly timeoutMs?: number;
};

/**
 * Gives fault orders, each over a connection of its own on which both ends
 * prove that they know the secret. An order is sent once: whether one was
 * carried out whose answer got lost, the monitor can tell.
 */
export class Administrator {
	readonly #options: AdministratorOptions;
	/** Ends the orders that are under way. */
	readonly #underWay = new Set<(done: Done) => void>();

	constructor(options: AdministratorOptions) {
		this.#options = options;
	}

	/** Never throws: what went wrong is part of the outcome. */
	order(id: ReplicaId, order: Order): Promise<Outcome> {
		const {cluster, secret, timeoutMs = 10_000} = this.#options;
		const address = cluster.replicas[id];
		if (address === undefined) {
			const why = `there is no replica ${id}: they are 0 to ${cluster.replicas.length - 1}`;
			return Promise.resolve({ok: false, why, isReached: false});
		}

		return new Promise(resolve => {
			let handshake: Handshake;
			let isReached = false;
			const end = (done: Done) => {
				clearTimeout(timer);
				this.#underWay.delete(end);
				link.close();
				resolve({...done, isReached});
			};
			const link = new Link({
				address,
				replicas: cluster.replicas.length,
				// It is tried once: what fails is told to somebody, who would have to try again.
				patienceMs: Math.min(timeoutMs, patienceAfter(Number.POSITIVE_INFINITY)),
				hello: ({cluster: identity, replicas, rules, nonce: serverNonce}) => {
					const nonce = newNonce();
					handshake = {
						cluster: identity,
						replicas,
						rules,
						role: 'administrator',
						server: id,
						serverNonce,
						dialer: null,
						dialerNonce: nonce,
					};
					const proof = proofOf(secret, 'dialer', handshake);
					return {role: 'administrator', version: protocolVersion, nonce, proof};
				},
				// Whoever cannot prove that it knows the secret could say that all is done.
				complaint: (_, welcome) =>
					welcome === null || isProof(welcome.proof, secret, 'server', handshake)
						? undefined
						: 'it does not know the secret of this cluster',
				onWelcome: ({hasFaults}) => {
					isReached = true;
					if (hasFaults) link.emit('order', order);
					else end({ok: false, why: `replica ${id} takes no fault orders: start it with --faults`});
				},
				onHeard: heard => {
					if (heard.name === 'done') end(heard.done);
				},
				onGone: why => {
					// A process that kills itself says nothing any more.
					if (isReached && order.kind === 'kill') end({ok: true});
					else end({ok: false, why: `replica ${id} (${placeOf(address)}): ${why}`});
				},
			});
			this.#underWay.add(end);
			const timer = setTimeout(() => {
				end({ok: false, why: `replica ${id} (${placeOf(address)}) did not carry it out in time`});
			}, timeoutMs);
		});
	}

	/** Hangs up. Of orders under way nobody knows what comes. */
	close(): void {
		for (const end of this.#underWay) end({ok: false, why: 'the connection was closed before it was done'});
	}
}
