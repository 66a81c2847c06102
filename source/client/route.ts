import type {Address, Cluster} from '../cluster.ts';
import type {ReplicaId} from '../consensus/types.ts';
import {protocolVersion, type Welcome} from '../network/events.ts';
import {type Heard, Link, patienceAfter} from './link.ts';

export type RouteOptions = {
	readonly cluster: Cluster;
	/** Whom to try first. */
	readonly via: ReplicaId;
	/** A replica took us in: whatever is not answered yet must be said again, to it. */
	readonly onLink: (link: Link, welcome: Welcome) => void;
	/** The replica that had taken us in is gone; the search for another one has begun. */
	readonly onLost: () => void;
	/** From the replica that has taken us in. */
	readonly onHeard: (heard: Heard) => void;
	/** Somebody was tried, for those who watch. */
	readonly onChange: () => void;
	/** Nobody better was found than the replica that has taken us in. */
	readonly onStay: () => void;
};

/** Pause after a round that found nobody: full jitter, doubling to the longest. */
const pauseMs = 50;
const longestPauseMs = 2000;
/** A connection that broke earlier than this was none: its replica gets no second chance before the others. */
const briefMs = 1000;

/**
 * The way into the cluster: one connection, which moves from replica to
 * replica in order of id. That is the line of succession, so after a primary
 * died clients mostly find the next one at their first try. A new connection
 * is open before the old one is closed: a search that finds nobody better
 * costs nothing.
 */
export class Route {
	/** The replica that took us in. */
	link: Link | null = null;
	/** Why each replica that was tried in this search is of no use; null: it answered. */
	readonly tried = new Map<ReplicaId, string | null>();
	/** When the next round begins, on the clock of `tick`; null while one is under way. */
	nextRoundAt: number | null = null;
	readonly #options: RouteOptions;
	#candidate: Link | null = null;
	/** Whom to try still in this round. */
	#round: ReplicaId[] = [];
	/** Where somebody wants us to go. */
	#goal: ReplicaId | null = null;
	#isSeeking = false;
	#takesAnybody = true;
	#emptyRounds = 0;
	#welcomedAt = 0;
	#now = 0;
	/** The identity of the cluster, from the first replica that took us in. */
	#cluster: string | null = null;
	#isClosed = false;

	constructor(options: RouteOptions) {
		this.#options = options;
	}

	start(): void {
		this.#isSeeking = true;
		this.#beginRound(this.#options.via);
	}

	/** Whom is it dialing? */
	get trying(): Address | null {
		return this.#candidate === null ? null : this.#addressOf(this.#candidate.id);
	}

	/** Every replica was tried in vain at least once since one was of use. */
	get hasTriedAll(): boolean {
		return this.#emptyRounds > 0;
	}

	/**
	 * Look for another replica. `takesAnybody`: whoever answers is better than the one we have;
	 * otherwise it must at least hear a majority.
	 */
	seek(takesAnybody: boolean): void {
		if (this.#isClosed) return;
		this.#takesAnybody = takesAnybody;
		if (this.#isSeeking) return;
		this.#isSeeking = true;
		this.tried.clear();
		this.#beginRound(this.#after(this.link?.id ?? this.#options.via - 1));
	}

	/** To this one, if it takes us in; the one that we have is kept until then. */
	go(id: ReplicaId): void {
		if (this.#isClosed || this.link?.id === id) return;
		this.#drop();
		this.tried.clear();
		this.#isSeeking = true;
		this.#takesAnybody = true;
		this.nextRoundAt = null;
		this.#goal = id;
		// Without a replica that we have, the others are as good as none.
		if (this.link === null) this.#beginRound(id);
		else {
			this.#round = [id];
			this.#dialNext();
		}
	}

	/** The replica that we have will do. */
	stay(): void {
		if (this.link === null || this.#goal !== null) return;
		this.#emptyRounds = 0;
		if (!this.#isSeeking) return;
		this.#isSeeking = false;
		this.nextRoundAt = null;
		this.#drop();
	}

	tick(now: number): void {
		this.#now = now;
		if (this.#isClosed || this.nextRoundAt === null || now < this.nextRoundAt) return;
		this.#beginRound(this.#after(this.link?.id ?? this.#options.via - 1));
	}

	close(): void {
		this.#isClosed = true;
		this.#drop();
		this.link?.close();
		this.link = null;
	}

	/** All replicas, from this one on. The one that we have comes last: perhaps a new connection to it works. */
	#beginRound(first: ReplicaId): void {
		this.nextRoundAt = null;
		this.#round = this.#allFrom(first);
		if (this.link !== null && !this.#takesAnybody) this.#round.pop();
		this.#dialNext();
	}

	#dialNext(): void {
		if (this.#isClosed) return;
		const id = this.#round.shift();
		if (id === undefined) {
			this.#endRound();
			return;
		}

		const link: Link = new Link({
			address: this.#addressOf(id),
			replicas: this.#options.cluster.replicas.length,
			patienceMs: patienceAfter(this.#emptyRounds),
			hello: () => ({role: 'client', version: protocolVersion}),
			complaint: ({cluster}) =>
				this.#cluster === null || this.#cluster === cluster ? undefined : 'it belongs to another cluster',
			onWelcome: welcome => this.#onWelcome(link, welcome),
			onHeard: heard => {
				if (this.link === link) this.#options.onHeard(heard);
			},
			onGone: why => this.#onGone(link, why),
		});
		this.#candidate = link;
		this.#options.onChange();
	}

	#onWelcome(link: Link, welcome: Welcome): void {
		this.tried.set(link.id, null);
		this.#candidate = null;
		// Who was gone to leads, should it be lost at once, to all others.
		if (this.#goal === link.id) this.#round = this.#allFrom(link.id).slice(1);
		this.#goal = null;
		if (this.link !== null && !this.#takesAnybody && !welcome.weather.hasQuorum) {
			link.close();
			this.#dialNext();
			return;
		}

		this.link?.close();
		this.link = link;
		this.#cluster ??= link.challenge?.cluster ?? null;
		this.#isSeeking = false;
		this.nextRoundAt = null;
		this.#welcomedAt = this.#now;
		this.#options.onLink(link, welcome);
	}

	#onGone(link: Link, why: string): void {
		if (link === this.#candidate) {
			this.tried.set(link.id, why);
			this.#candidate = null;
			this.#dialNext();
		} else if (link === this.link) {
			const isBrief = this.#now - this.#welcomedAt < briefMs;
			if (!isBrief && !this.#isSeeking) this.tried.clear();
			this.tried.set(link.id, why);
			this.link = null;
			this.#takesAnybody = true;
			this.#isSeeking = true;
			this.#options.onLost();
			// Whoever is being dialed already is as good as anybody.
			if (this.#candidate !== null) return;
			if (isBrief) this.#dialNext();
			else this.#beginRound(this.#after(link.id));
		}
	}

	#endRound(): void {
		this.#goal = null;
		const pause = Math.min(longestPauseMs, pauseMs * 2 ** this.#emptyRounds);
		this.#emptyRounds++;
		this.nextRoundAt = this.#now + Math.random() * pause;
		if (this.link === null) this.#options.onChange();
		else this.#options.onStay();
	}

	#drop(): void {
		this.#candidate?.close();
		this.#candidate = null;
		this.#round = [];
	}

	#addressOf(id: ReplicaId): Address {
		return this.#options.cluster.replicas[id]!;
	}

	#allFrom(first: ReplicaId): ReplicaId[] {
		const {length} = this.#options.cluster.replicas;
		return Array.from({length}, (_, index) => (first + index) % length);
	}

	#after(id: ReplicaId): ReplicaId {
		return (id + 1) % this.#options.cluster.replicas.length;
	}
}
