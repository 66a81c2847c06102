import assert from './assert.ts';
import {sorted} from './imprint.ts';
import type {Options, ReplicaId} from './types.ts';
import {majorityOf} from './views.ts';

/** How many times its first length patience may grow to. */
const patienceGrowth = 16;

/**
 * When to leave a view (rules R9 and R10).
 *
 * One rule for all the ways in which a primary can fail: it must speak, and
 * while something is owed, something must have been delivered since it spoke
 * last. Dead, deaf, mute, stalled and slot-skipping primaries are one case.
 *
 * The doubt of one replica means little, as its own ears may be broken. The
 * view is left when a majority doubts at once; so whoever was cut off, is
 * deaf, or has just started does not disturb a primary that works for others.
 */
export class Suspicion {
	/** Ticks since the primary last earned our trust. Nobody is trusted before it has spoken. */
	#silence: number;
	/**
	 * How many of them we bear. Doubles with every new view and goes back, tick by
	 * tick, while a primary is trusted: in the end it is longer than disks and links are slow.
	 */
	#patience: number;
	/** Something was delivered since the primary last earned our trust. */
	#isPaid = false;
	/** Why the primary's last word earned no trust, or that there was none. */
	#complaint = 'no primary was heard in this life';
	/** Who doubts this view by its own last word, and for how many ticks more we believe that. */
	readonly #doubters = new Map<ReplicaId, number>();
	/** Ticks for which a majority has doubted. */
	#unrest = 0;
	readonly #options: Options;

	constructor(options: Options) {
		assert(
			options.staggerTicks >= 2 * options.heartbeatTicks + 2,
			'a doubt lasts for more than two beats, and less than a stagger',
		);
		this.#options = options;
		this.#patience = options.patienceTicks;
		this.#silence = this.#patience;
	}

	get isDoubting(): boolean {
		return this.#silence >= this.#patience;
	}

	/** Why we doubt, as a sentence without its subject. */
	get complaint(): string {
		return this.#complaint;
	}

	/** See Replica. Longer than patience is not worse, and why it was lost is for people. */
	get imprint(): unknown {
		const silence = Math.min(this.#silence, this.#patience);
		return [silence, this.#patience, this.#isPaid, sorted(this.#doubters), this.#unrest];
	}

	get #isMajority(): boolean {
		return this.#doubters.size >= majorityOf(this.#options.replicas);
	}

	/**
	 * The first in line moves as soon as a majority doubts, each one further a
	 * stagger later. No dice are needed to keep two from moving at once: where a
	 * new primary is followed the doubts fade within a stagger, even for those
	 * who do not hear it. `grace`: ticks that everybody but the first waits longer.
	 */
	isTurnOf(rank: number, grace: number): boolean {
		const wait = rank === 0 ? 0 : rank * this.#options.staggerTicks + grace;
		return this.#isMajority && this.#unrest >= wait;
	}

	enter() {
		this.#silence = 0;
		this.#patience = Math.min(2 * this.#patience, patienceGrowth * this.#options.patienceTicks);
		this.#isPaid = false;
		this.#complaint = 'the primary of this view was not heard yet';
		this.#doubters.clear();
		this.#unrest = 0;
	}

	tick() {
		this.#silence++;
		for (const [id, ticks] of this.#doubters) {
			if (ticks > 1) this.#doubters.set(id, ticks - 1);
			else this.#doubters.delete(id);
		}

		this.#unrest = this.#isMajority ? this.#unrest + 1 : 0;
	}

	/** The last word counts, for a while. */
	onOpinion(from: ReplicaId, isDoubting: boolean) {
		if (isDoubting) this.#doubters.set(from, this.#options.staggerTicks - 1);
		else this.#doubters.delete(from);
	}

	/** The primary spoke. `debt`: what is owed, if something is. */
	onSignOfLife(debt: string | undefined) {
		if (debt !== undefined && !this.#isPaid) {
			this.#complaint = `the primary speaks but delivers nothing: ${debt}`;
			return;
		}

		this.#silence = 0;
		this.#patience = Math.max(this.#patience - this.#options.heartbeatTicks, this.#options.patienceTicks);
		this.#isPaid = false;
		this.#complaint = 'the primary has fallen silent';
	}

	onDelivered() {
		this.#isPaid = true;
	}

	/** The primary hung up: as good as a long silence. */
	onDisconnected() {
		this.#silence = Math.max(this.#silence, this.#patience);
		this.#complaint = 'the primary hung up and its address refuses connections';
	}
}
