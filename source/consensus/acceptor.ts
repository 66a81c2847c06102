import assert from './assert.ts';
import type {Effects} from './effects.ts';
import {sorted} from './imprint.ts';
import type {Membership} from './membership.ts';
import {isSame, sizeOf} from './requests.ts';
import type {Entry, Options, Proposal, ReplicaId, Slot, View} from './types.ts';
import {noView} from './views.ts';

/**
 * The memory of Paxos: what this replica has promised and voted for
 * (Lamport, Paxos Made Simple, section 2.2; the ballots are views).
 *
 * The promise needs no field beside the view: entering a view is the promise
 * never to vote in an older one, and Replica lets no older message through.
 */
export class Acceptor {
	/** Only grows, and is durable before anyone hears of it (rule R1). */
	view: View = noView;
	/** Up to this slot everything stands in a checkpoint, and is forgotten here (rule R8). */
	since: Slot;
	/** The highest slot ever accepted. */
	highest: Slot;
	/** The latest proposal accepted for each slot after `since`. Replaced only by one of a higher view. */
	readonly accepted = new Map<Slot, Proposal>();
	/** Size of all that is accepted after `since`. */
	bytes = 0;
	readonly #membership: Membership;
	readonly #options: Options;
	readonly #effects: Effects;

	constructor(membership: Membership, options: Options, effects: Effects, since: Slot) {
		this.#membership = membership;
		this.#options = options;
		this.#effects = effects;
		this.since = since;
		this.highest = since;
	}

	/** See Replica. */
	get imprint(): unknown {
		return [this.view, this.since, this.highest, sorted(this.accepted)];
	}

	recover(entry: Entry) {
		if (entry.type === 'decided') return;
		this.view = Math.max(this.view, entry.view);
		if (entry.type === 'accepted' && entry.slot > this.since) this.#remember(entry);
	}

	enter(view: View) {
		assert(view > this.view, 'R1: a promise never falls');
		this.view = view;
		this.#effects.write({type: 'view', view});
	}

	/** Writes the view that is on disk already, so that what was written before is there as well. */
	restateView() {
		this.#effects.write({type: 'view', view: this.view});
	}

	/**
	 * Phase 1b. Whatever was accepted is reported, however long ago it was
	 * decided: a primary that missed the decision learns of it only from here.
	 * A long report comes in pages, for each of which the primary asks.
	 */
	onPrepare(primary: ReplicaId, from: Slot, delivered: Slot) {
		if (this.#membership.standing !== 'member') return;
		// What an older memory of ours had accepted was decided before this slot, or never will be.
		const admitted = this.#membership.admittedAt(this.#options.id);
		const accepted: Proposal[] = [];
		let slot = Math.max(from, this.since + 1);
		for (let size = 0; slot <= this.highest && size < this.#options.batchBytes; slot++) {
			const proposal = this.accepted.get(slot);
			if (!proposal) continue;
			accepted.push(proposal);
			size += sizeOf(proposal.value);
		}

		const until = slot <= this.highest ? slot : null;
		this.#effects.send(primary, {
			type: 'promise',
			view: this.view,
			from,
			until,
			accepted,
			since: Math.max(this.since, admitted),
			admitted,
			delivered,
		});
	}

	/** Phase 2b. The vote goes to every replica, so that each learns by itself. */
	onAccept({slot, epoch, value}: Proposal) {
		const {standing} = this.#membership;
		if (standing !== 'member' || this.#membership.isOwnEnd(value)) return;
		const previous = this.accepted.get(slot);
		if (previous?.view === this.view) {
			// The same message again: the vote may have been lost.
			assert(isSame(previous.value, value), 'R3: one value for each view and slot');
		} else if (slot > this.since) {
			const proposal = {view: this.view, slot, epoch, value};
			this.#remember(proposal);
			this.#effects.write({type: 'accepted', ...proposal});
		}

		// At or below `since` the value stands in our checkpoint: the vote needs no record of its own, as
		// every later promise of ours says `since`, and no primary proposes there without having it.
		this.#effects.broadcast({type: 'accepted', view: this.view, slot});
	}

	forget(through: Slot) {
		for (let slot = this.since + 1; slot <= through; slot++) this.#drop(slot);
		this.since = Math.max(this.since, through);
		this.highest = Math.max(this.highest, this.since);
	}

	#remember({view, slot, epoch, value}: Proposal) {
		this.#drop(slot);
		this.accepted.set(slot, {view, slot, epoch, value});
		this.bytes += sizeOf(value);
		this.highest = Math.max(this.highest, slot);
	}

	#drop(slot: Slot) {
		const known = this.accepted.get(slot);
		if (!known) return;
		this.bytes -= sizeOf(known.value);
		this.accepted.delete(slot);
	}
}
