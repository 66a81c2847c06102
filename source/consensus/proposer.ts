import assert from './assert.ts';
import type {Effects} from './effects.ts';
import type {Learner} from './learner.ts';
import type {Membership} from './membership.ts';
import {keyOf, sizeOf, takeBatch} from './requests.ts';
import {
	type Accept,
	type Admission,
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
	/** Which memory of the acceptor it is; see Promised. */
	readonly admitted: Slot;
	/** How far it knew the log, with its last page. */
	delivered: Slot;
};

/**
 * The primary's part. Idle in views of others; in a view of its own first
 * preparing (asks what was accepted before), then leading (fills slots).
 */
export class Proposer {
	phase: 'idle' | 'preparing' | 'leading' = 'idle';
	/** Proposed in this view and not yet decided. */
	readonly open = new Map<Slot, Accept>();
	/** Slots to leave out when their turn comes; of the first view that is led. */
	readonly skips: Set<Slot>;
	#view: View = noView;
	/** While preparing: the first slot asked about. Everything before it is decided. */
	#first: Slot = 1;
	/** While leading: the next slot to be filled. */
	#next: Slot = 1;
	/** Slots before this one were proposed before the last beat. */
	#late: Slot = 1;
	/** The latest slot that holds an admission, delivered or proposed. */
	#epoch: Slot = 0;
	/** To be proposed next. */
	#admission: Admission | undefined;
	readonly #reports = new Map<ReplicaId, Report>();
	/** Bounded by what Replica holds: nothing is here that is not there. */
	#queue: Request[] = [];
	/**
	 * Keys of all requests that are queued, or proposed and not delivered yet: a repeated one is not proposed
	 * again. Decided is not enough: above a hole, every repetition would take a slot of its own.
	 */
	readonly #inHand = new Set<string>();
	readonly #membership: Membership;
	readonly #learner: Learner;
	readonly #options: Options;
	readonly #effects: Effects;

	constructor(membership: Membership, learner: Learner, options: Options, effects: Effects) {
		this.#membership = membership;
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
		return [this.phase, always, work, this.#epoch, this.#admission];
	}

	retire() {
		if (this.phase === 'leading') this.skips.clear();
		this.phase = 'idle';
		this.open.clear();
		this.#reports.clear();
		this.#queue = [];
		this.#inHand.clear();
		this.#admission = undefined;
	}

	/** Phase 1a. Everything before `first` is known to be decided. */
	prepare(view: View, first: Slot) {
		assert(this.phase === 'idle' && view > this.#view, 'R3: a view is prepared once in a life');
		this.phase = 'preparing';
		this.#view = view;
		this.#first = first;
		this.#effects.broadcast({type: 'prepare', view, from: first});
	}

	onPromise(from: ReplicaId, {accepted, from: first, until, since, admitted, delivered}: Promised) {
		if (this.phase !== 'preparing' || delivered < this.#membership.latest) return;
		const known = this.#reports.get(from);
		const isNewer = known === undefined || admitted > known.admitted;
		const report = isNewer ? {accepted: [], next: this.#first, since: 0, admitted, delivered} : known;
		// Pages are taken in order; one that was taken already, or comes too early, says nothing new.
		if (report.next === null || first !== report.next || admitted !== report.admitted) return;
		this.#reports.set(from, report);
		report.accepted.push(...accepted);
		report.next = until;
		report.delivered = delivered;
		report.since = Math.max(report.since, since);
		if (until !== null) {
			this.#effects.send(from, {type: 'prepare', view: this.#view, from: until});
			return;
		}

		const count = [...this.#reports.values()].filter(({next}) => next === null).length;
		this.#note('campaign', `has ${count} of ${majorityOf(this.#options.replicas)} promises needed`);
		this.leadWhenReady();
	}

	/**
	 * Leads once a majority has promised of which nobody has forgotten what is
	 * still unknown here (rule R8: what lies at or below a `since` is decided; it
	 * is fetched, never filled). A promise that says more is not waited for, if
	 * there are enough without it.
	 *
	 * The promise of a memory that was replaced does not count, and whoever is
	 * replaced does not lead (rule R12). Both are seen before it is delivered: a
	 * majority voted for the admission, so somebody here reports it. (If nobody
	 * does, as it stands decided here above a gap, a majority has left this view.)
	 *
	 * Nor does a promise count whose acceptor has not delivered the last admission
	 * that is known here: an older memory of this replica may have led this very
	 * view with it, and votes do not say for which of the two they are. Such an
	 * acceptor is asked again at the next beat.
	 */
	leadWhenReady() {
		if (this.phase !== 'preparing') return;
		for (const [id, {delivered}] of this.#reports)
			if (delivered < this.#membership.latest) this.#reports.delete(id);
		const majority = majorityOf(this.#options.replicas);
		const whole = [...this.#reports].filter(([, {next}]) => next === null);
		if (whole.length < majority) return;
		const ready = whole.filter(([, {since}]) => since <= this.#learner.through);
		if (ready.length < majority) return;
		const open = this.#openOf(whole.map(([, report]) => report));
		const admittedAt = this.#membership.foresee(open);
		const counting = ready.filter(([id, {admitted}]) => admitted >= admittedAt(id)).map(([id]) => id);
		if (counting.length < majority || !counting.includes(this.#options.id)) return;
		this.phase = 'leading';
		this.#epoch = this.#membership.epoch;
		this.#note('leader', `leads from slot ${this.#learner.through + 1} on, with ${counting.length} promises`);
		this.#settle(open);
		this.flush();
	}

	/**
	 * A learner asks to be let in. Its admission has a slot of its own. Nobody votes
	 * for what comes behind before he has delivered it (see Accept), so nothing there
	 * can have a vote of the memory that is replaced; and nothing is proposed there
	 * that would only have to be said again.
	 */
	onAdmit(admission: Admission) {
		if (this.phase === 'leading' && !this.#isAdmitting) this.#admission ??= admission;
	}

	get #isAdmitting(): boolean {
		return this.#epoch > this.#learner.through;
	}

	/** `key`: of the request, as keyOf gives it; to make it costs more than all else that is done here. */
	onRequest(request: Request, key: string) {
		if (this.phase === 'idle' || this.#inHand.has(key)) return;
		this.#inHand.add(key);
		this.#queue.push(request);
	}

	onDecided(slot: Slot) {
		this.open.delete(slot);
	}

	/** Something is in hand. */
	get isBusy(): boolean {
		return this.#inHand.size > 0;
	}

	/** The request of this key has its place in the log. */
	onDelivered(key: string) {
		this.#inHand.delete(key);
	}

	/** Slots were settled without being delivered one by one: what is in hand is counted anew. */
	onInstalled() {
		this.#inHand.clear();
		const values = [...this.open.values()].map(({value}) => value).concat(this.#learner.decidedAbove());
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
		for (const accept of this.open.values()) {
			if (accept.slot >= this.#late || size >= this.#options.batchBytes) break;
			this.#effects.broadcast(accept);
			size += sizeOf(accept.value);
		}

		this.#late = this.#next;
	}

	/**
	 * Of each slot that is reported and not delivered by now, the proposal of the highest view, or what is known to be
	 * decided; but no admission that was overtaken.
	 */
	#openOf(reports: readonly Report[]): ReadonlyMap<Slot, Proposal> {
		const {through, decided} = this.#learner;
		const open = new Map<Slot, Proposal>();
		for (const proposal of reports.flatMap(({accepted}) => accepted)) {
			const {slot, view} = proposal;
			const best = open.get(slot);
			if (slot > through && (!best || view > best.view)) open.set(slot, proposal);
		}

		for (const proposal of [...open.values()]) {
			const {slot, view, value} = proposal;
			const known = decided.get(slot);
			if (known) open.set(slot, {...proposal, value: known});
			else if (value.admission && isOvertaken(slot, view, reports)) open.delete(slot);
		}

		return open;
	}

	/**
	 * Rule R4. Whatever may have been decided in an older view was accepted by a
	 * majority, and so was reported by someone here: for each slot the proposal
	 * of the highest view is the only one that is safe. A slot that nobody
	 * reported cannot have been decided, and the no-op closes it
	 * (Paxos Made Simple, section 2.5).
	 */
	#settle(open: ReadonlyMap<Slot, Proposal>) {
		const last = Math.max(this.#learner.through, ...open.keys());
		const placed = new Set<string>();
		for (this.#next = this.#learner.through + 1; this.#next <= last; ) {
			const slot = this.#next;
			const decided = this.#learner.decided.get(slot);
			const proposal = open.get(slot);
			const value = decided ?? proposal?.value ?? noOp;
			if (decided) {
				this.#pass(value);
			} else if (proposal) {
				this.#note('proposal', `proposes again what view ${proposal.view} left open`, slot);
				this.#propose(value);
			} else {
				this.#note('no-op', 'no promise held this slot, proposes a no-op', slot);
				this.#propose(value);
			}

			for (const request of value.requests) placed.add(keyOf(request));
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
		while (this.phase === 'leading' && (this.#admission || this.#queue.length > 0)) {
			if (this.#isAdmitting || this.#next > this.#learner.through + windowSlots) return;
			if (this.skips.delete(this.#next)) {
				this.#note('skip', 'leaves this slot out, as ordered', this.#next++);
				continue;
			}

			const at = this.#effects.now;
			if (this.#admission) {
				const admission = this.#admission;
				this.#admission = undefined;
				this.#note(
					'admission',
					`proposes that r${admission.replica} takes part with a new memory`,
					this.#next,
				);
				this.#propose({at, requests: [], admission});
				continue;
			}

			this.#propose({at, requests: takeBatch(this.#queue, batchRequests, batchBytes)});
		}
	}

	/** Phase 2a. */
	#propose(value: Value) {
		const slot = this.#next;
		const accept: Accept = {type: 'accept', view: this.#view, slot, value, epoch: this.#epoch};
		this.open.set(slot, accept);
		this.#effects.broadcast(accept);
		this.#pass(value);
	}

	/** What stands in the next slot is settled. */
	#pass(value: Value) {
		if (value.admission) this.#epoch = this.#next;
		this.#next++;
	}

	#note(
		kind: 'campaign' | 'leader' | 'proposal' | 'no-op' | 'skip' | 'admission',
		text: string,
		slot?: Slot,
	) {
		this.#effects.note({kind, view: this.#view, text, ...(slot === undefined ? {} : {slot})});
	}
}

/**
 * A later view proposed behind this admission without knowing of it, and
 * somebody voted for that. So the admission was not decided: that later primary
 * would have known it. Nor may it be any more, as the memory that it replaces may
 * have voted there too, and the new one would not know of that (rule R12).
 *
 * The vote itself says what its primary knew. How far the voter has delivered
 * does not: it may have been further, and have lost the checkpoint that said so.
 */
function isOvertaken(admission: Slot, view: View, reports: readonly Report[]): boolean {
	return reports.some(({accepted}) =>
		accepted.some(later => later.slot > admission && later.view > view && later.epoch < admission),
	);
}
