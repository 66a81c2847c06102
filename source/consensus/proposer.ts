import assert from './assert.ts';
import type {Effects} from './effects.ts';
import type {Learner} from './learner.ts';
import {keyOf, sizeOf, takeBatch} from './requests.ts';
import {
	noOp,
	type Options,
	type Promised,
	type Proposal,
	type ReplicaId,
	type Request,
	type Slot,
	type Value,
	type View,
} from './types.ts';
import {majorityOf, noView} from './views.ts';

/** What one acceptor has reported so far, page by page. */
type Report = {
	readonly accepted: Proposal[];
	/** Where its next page begins; null when there is none. */
	next: Slot | null;
	/** The highest `since` that it said. */
	since: Slot;
};

/**
 * The primary's part. Idle in views of others; in a view of its own first
 * preparing (asks what was accepted before), then leading (fills slots).
 */
export class Proposer {
	phase: 'idle' | 'preparing' | 'leading' = 'idle';
	/** Proposed in this view and not yet decided. */
	readonly open = new Map<Slot, Value>();
	/** Slots to leave out when their turn comes; of the first view that is led. */
	readonly skips: Set<Slot>;
	#view: View = noView;
	/** While preparing: the first slot asked about. Everything before it is decided. */
	#first: Slot = 1;
	/** While leading: the next slot to be filled. */
	#next: Slot = 1;
	/** Slots before this one were proposed before the last beat. */
	#late: Slot = 1;
	readonly #reports = new Map<ReplicaId, Report>();
	/** Bounded by what Replica holds: nothing is here that is not there. */
	#queue: Request[] = [];
	/**
	 * Keys of all requests that are queued, or proposed and not delivered yet: a repeated one is not proposed
	 * again. Decided is not enough: above a hole, every repetition would take a slot of its own.
	 */
	readonly #inHand = new Set<string>();
	readonly #learner: Learner;
	readonly #options: Options;
	readonly #effects: Effects;

	constructor(learner: Learner, options: Options, effects: Effects) {
		this.#learner = learner;
		this.#options = options;
		this.skips = new Set(options.skip);
		this.#effects = effects;
	}

	/** The next slot that is neither proposed nor to be skipped. */
	get nextFree(): Slot {
		let slot = this.#next;
		while (this.skips.has(slot)) slot++;
		return slot;
	}

	/** See Replica. Reports count in the order in which they came. */
	get imprint(): unknown {
		const always = [this.#view, [...this.skips].sort(), this.#next, this.#late];
		if (this.phase === 'idle') return always;
		const work = [this.#first, [...this.open], [...this.#reports], this.#queue, [...this.#inHand].sort()];
		return [this.phase, always, work];
	}

	retire() {
		if (this.phase === 'leading') this.skips.clear();
		this.phase = 'idle';
		this.open.clear();
		this.#reports.clear();
		this.#queue = [];
		this.#inHand.clear();
	}

	/** Phase 1a. Everything before `first` is known to be decided. */
	prepare(view: View, first: Slot) {
		assert(this.phase === 'idle' && view > this.#view, 'R3: a view is prepared once in a life');
		this.phase = 'preparing';
		this.#view = view;
		this.#first = first;
		this.#effects.broadcast({type: 'prepare', view, from: first});
	}

	onPromise(from: ReplicaId, {accepted, from: first, until, since}: Promised) {
		if (this.phase !== 'preparing') return;
		const report = this.#reports.get(from) ?? {accepted: [], next: this.#first, since: 0};
		// Pages are taken in order; one that was taken already, or comes too early, says nothing new.
		if (report.next === null || first !== report.next) return;
		this.#reports.set(from, report);
		report.accepted.push(...accepted);
		report.next = until;
		report.since = Math.max(report.since, since);
		if (until !== null) {
			this.#effects.send(from, {type: 'prepare', view: this.#view, from: until});
			return;
		}

		const count = this.#complete.length;
		this.#note('campaign', `has ${count} of ${majorityOf(this.#options.replicas)} promises needed`);
		this.leadWhenReady();
	}

	/**
	 * Leads once a majority has promised, and nothing that one of them has
	 * forgotten is still unknown here (rule R8: what lies at or below a `since`
	 * is decided; it is fetched, never filled).
	 */
	leadWhenReady() {
		if (this.phase !== 'preparing') return;
		const complete = this.#complete;
		if (complete.length < majorityOf(this.#options.replicas)) return;
		if (this.#learner.through < Math.max(...complete.map(({since}) => since))) return;
		this.phase = 'leading';
		this.#note('leader', `leads from slot ${this.#learner.through + 1} on, with ${complete.length} promises`);
		this.#settle(complete);
		this.flush();
	}

	onRequest(request: Request) {
		if (this.phase === 'idle') return;
		const key = keyOf(request);
		if (this.#inHand.has(key)) return;
		this.#inHand.add(key);
		this.#queue.push(request);
	}

	onDecided(slot: Slot) {
		this.open.delete(slot);
	}

	onDelivered(value: Value) {
		if (this.#inHand.size === 0) return;
		for (const request of value.requests) this.#inHand.delete(keyOf(request));
	}

	/** Slots were settled without being delivered one by one: what is in hand is counted anew. */
	onInstalled() {
		this.#inHand.clear();
		const values = [...this.open.values(), ...this.#learner.decidedAbove()];
		for (const request of values.flatMap(({requests}) => requests).concat(this.#queue)) {
			this.#inHand.add(keyOf(request));
		}
	}

	/** Messages get lost: says again, at a beat, what was open at the last beat already. */
	resend() {
		if (this.phase === 'preparing') {
			const waiting = [...this.#reports].filter(([, {next}]) => next !== null);
			for (const [to, {next}] of waiting) {
				this.#effects.send(to, {type: 'prepare', view: this.#view, from: next ?? this.#first});
			}

			this.#effects.broadcast({type: 'prepare', view: this.#view, from: this.#first});
		}

		// The lowest first, as all others wait for it; and not so much that what is slow gets slower.
		let size = 0;
		for (const [slot, value] of this.open) {
			if (slot >= this.#late || size >= this.#options.batchBytes) break;
			this.#effects.broadcast({type: 'accept', view: this.#view, slot, value});
			size += sizeOf(value);
		}

		this.#late = this.#next;
	}

	get #complete(): Report[] {
		return [...this.#reports.values()].filter(({next}) => next === null);
	}

	/**
	 * Rule R4. Whatever may have been decided in an older view was accepted by a
	 * majority, and so was reported by someone here: for each slot the proposal
	 * of the highest view is the only one that is safe. A slot that nobody
	 * reported cannot have been decided, and the no-op closes it
	 * (Paxos Made Simple, section 2.5).
	 */
	#settle(reports: readonly Report[]) {
		const safe = new Map<Slot, Proposal>();
		let last = this.#learner.through;
		for (const {accepted} of reports) {
			for (const proposal of accepted) {
				const best = safe.get(proposal.slot);
				if (!best || proposal.view > best.view) safe.set(proposal.slot, proposal);
				last = Math.max(last, proposal.slot);
			}
		}

		const placed = new Set<string>();
		for (this.#next = this.#learner.through + 1; this.#next <= last; ) {
			const slot = this.#next;
			const decided = this.#learner.decided.get(slot);
			const proposal = safe.get(slot);
			if (decided) {
				this.#next++;
			} else if (proposal) {
				this.#note('proposal', `proposes again what view ${proposal.view} left open`, slot);
				this.#propose(proposal.value);
			} else {
				this.#note('no-op', 'no promise held this slot, proposes a no-op', slot);
				this.#propose(noOp);
			}

			const {requests} = decided ?? proposal?.value ?? noOp;
			for (const request of requests) placed.add(keyOf(request));
		}

		// What came while we were preparing, and stands in one of these slots, needs no other one.
		for (const key of placed) this.#inHand.add(key);
		this.#queue = this.#queue.filter(request => !placed.has(keyOf(request)));
	}

	/**
	 * Fills slots while there is something to say and room in the window. What
	 * waits while it is full goes out together: the slower the quorum, the bigger the batch.
	 */
	flush() {
		const {batchRequests, batchBytes, windowSlots} = this.#options;
		while (this.phase === 'leading' && this.#queue.length > 0) {
			if (this.#next > this.#learner.through + windowSlots) return;
			if (this.skips.delete(this.#next)) {
				this.#note('skip', 'leaves this slot out, as ordered', this.#next++);
				continue;
			}

			const requests = takeBatch(this.#queue, batchRequests, batchBytes);
			this.#propose({at: this.#effects.now, requests});
		}
	}

	/** Phase 2a. */
	#propose(value: Value) {
		const slot = this.#next++;
		this.open.set(slot, value);
		for (const request of value.requests) this.#inHand.add(keyOf(request));
		this.#effects.broadcast({type: 'accept', view: this.#view, slot, value});
	}

	#note(kind: 'campaign' | 'leader' | 'proposal' | 'no-op' | 'skip', text: string, slot?: Slot) {
		this.#effects.note({kind, view: this.#view, text, ...(slot === undefined ? {} : {slot})});
	}
}
