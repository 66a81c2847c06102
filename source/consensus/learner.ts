import type {Acceptor} from './acceptor.ts';
import assert from './assert.ts';
import type {Effects} from './effects.ts';
import {sorted} from './imprint.ts';
import {isSame, sizeOf} from './requests.ts';
import type {Entry, Options, ReplicaId, Slot, Value} from './types.ts';
import {majorityOf} from './views.ts';

/** Counts votes, knows what is decided, and hands it on in slot order without gaps (rules R6 and R7). */
export class Learner {
	/** Every slot up to and including this one is decided and delivered. */
	through: Slot;
	/** The highest slot known to be decided. */
	highest: Slot;
	/** What is decided: all of it after the checkpoint, and before it some, for replicas that are behind. */
	readonly decided = new Map<Slot, Value>();
	/** Of the present view: who voted for a slot that is not decided yet. */
	readonly #votes = new Map<Slot, Set<ReplicaId>>();
	/** Size of what was delivered since the last checkpoint. */
	#backlog = 0;
	readonly #acceptor: Acceptor;
	readonly #options: Options;
	readonly #effects: Effects;

	constructor(acceptor: Acceptor, options: Options, effects: Effects) {
		this.#acceptor = acceptor;
		this.#options = options;
		this.#effects = effects;
		this.through = acceptor.since;
		this.highest = acceptor.since;
	}

	/** Entries come in the order in which they were written: what a mark without a value means is known by then. */
	recover(entry: Entry) {
		if (entry.type !== 'decided' || entry.slot <= this.#acceptor.since) return;
		const value = entry.value ?? this.#acceptor.accepted.get(entry.slot)?.value;
		assert(value !== undefined, 'a decided mark follows what it marks');
		this.decided.set(entry.slot, value);
		this.highest = Math.max(this.highest, entry.slot);
	}

	/** A later slot is decided and an earlier one is not. */
	get hasHole(): boolean {
		return this.highest > this.through;
	}

	/**
	 * So much was delivered since the last checkpoint that no more is taken
	 * before there is another: else a replica whose disk is slower than those of
	 * a majority would run out of memory, as all of it is kept until then.
	 */
	get isFull(): boolean {
		return this.#backlog >= this.#options.backlogBytes;
	}

	/**
	 * Who is behind votes on, while it learns what it has missed; but not for
	 * ever more above the hole that it has not filled yet. In the slots that
	 * follow its last delivered one it may always vote: they may be what all
	 * wait for.
	 */
	hasRoomFor(slot: Slot): boolean {
		const {windowSlots, backlogBytes} = this.#options;
		return !this.isFull && (slot <= this.through + windowSlots || this.#acceptor.bytes < backlogBytes);
	}

	/** The lowest holes, in order, at most `limit`. */
	holes(limit: number): Slot[] {
		const holes: Slot[] = [];
		for (let slot = this.through + 1; slot < this.highest && holes.length < limit; slot++) {
			if (!this.decided.has(slot)) holes.push(slot);
		}

		return holes;
	}

	/** What is decided above the lowest hole, and so not delivered yet. */
	decidedAbove(): Value[] {
		return [...this.decided].filter(([slot]) => slot > this.through).map(([, value]) => value);
	}

	isDecided(slot: Slot): boolean {
		return slot <= this.through || this.decided.has(slot);
	}

	/** See Replica. The backlog follows from the rest. */
	get imprint(): unknown {
		const votes = [...this.#votes].map(([slot, voters]) => [slot, [...voters].sort()]);
		return [this.through, this.highest, sorted(this.decided), votes.sort()];
	}

	/** Votes are counted within a view; the next primary proposes again what stayed open. */
	enter() {
		this.#votes.clear();
	}

	onAccepted(from: ReplicaId, slot: Slot) {
		if (this.isDecided(slot)) return;
		// For what was not taken here votes say nothing; who has no room for it asks for it later.
		if (!this.#acceptor.accepted.has(slot) && !this.hasRoomFor(slot)) return;
		const votes = this.#votes.get(slot) ?? new Set();
		this.#votes.set(slot, votes.add(from));
		if (votes.size < majorityOf(this.#options.replicas)) return;

		// The votes say which proposal won; its value is in our own acceptor, unless that message was lost
		// or what we have there is of another view. Then 'ask' will fetch it.
		const proposal = this.#acceptor.accepted.get(slot);
		if (proposal?.view !== this.#acceptor.view) return;
		this.decide(slot, proposal.value);
	}

	decide(slot: Slot, value: Value) {
		if (slot <= this.through && !this.decided.has(slot)) return; // Long executed, and forgotten.
		const known = this.decided.get(slot);
		if (known) {
			assert(isSame(known, value), 'agreement: one value is decided for a slot');
			return;
		}

		this.decided.set(slot, value);
		this.highest = Math.max(this.highest, slot);
		this.#votes.delete(slot);
		const isOwn = this.#acceptor.accepted.get(slot)?.value === value;
		this.#effects.write(isOwn ? {type: 'decided', slot} : {type: 'decided', slot, value});
	}

	/** Hands on what has become contiguous. */
	deliver(): Value[] {
		const delivered: Value[] = [];
		for (;;) {
			const value = this.decided.get(this.through + 1);
			if (!value) return delivered;
			this.through++;
			this.#backlog += sizeOf(value);
			this.#effects.deliver(this.through, value);
			delivered.push(value);
		}
	}

	/** Answers a replica that is behind with a page of what it misses. */
	onAsk(from: ReplicaId, first: Slot) {
		const values: Value[] = [];
		let size = 0;
		for (let slot = first; slot <= this.through && size < this.#options.batchBytes; slot++) {
			const value = this.decided.get(slot);
			if (!value) break;
			values.push(value);
			size += sizeOf(value);
		}

		if (values.length === 0) return;
		this.#effects.send(from, {type: 'decided', from: first, values, delivered: this.through});
	}

	/** Everything up to this slot was executed elsewhere, and its outcome is installed here. */
	install(slot: Slot) {
		for (const known of this.decided.keys()) if (known <= slot) this.decided.delete(known);
		for (const voted of this.#votes.keys()) if (voted <= slot) this.#votes.delete(voted);
		this.through = slot;
		this.highest = Math.max(this.highest, slot);
		this.#backlog = 0;
	}

	/**
	 * What a checkpoint covers is kept only to answer those who are behind: the
	 * latest of it, up to `retainBytes`. Whoever is further behind than that
	 * needs the checkpoint.
	 */
	forget(through: Slot) {
		assert(through <= this.through, 'only what was delivered is forgotten');
		let slot = through;
		let size = 0;
		for (; this.decided.has(slot) && size < this.#options.retainBytes; slot--) {
			size += sizeOf(this.decided.get(slot)!);
		}

		while (this.decided.delete(slot)) slot--;
		this.#backlog = 0;
		for (let kept = this.#acceptor.since + 1; kept <= this.through; kept++)
			this.#backlog += sizeOf(this.decided.get(kept)!);
	}
}
