import type {Admitted, Options, Proposal, ReplicaId, Slot, Value} from './types.ts';

/**
 * Whose word counts (rule R12).
 *
 * A replica whose memory is lost may have voted for what hardly anybody else
 * voted for, so it must not begin to vote as if it had never lived. It begins
 * as a learner, and asks to be admitted. The admission is a slot of the log,
 * decided by the votes of f+1 others; all that its old memory helped to decide
 * stands before this slot, and at least one of the others knows of each. Once
 * it has executed the slot, and so all before it, it knows what it forgot: it
 * promises and votes from here on. Behind that slot nothing of its old memory
 * counts any more, even if that comes back. What that had promised is kept for it: it votes only
 * for what a primary proposes that knows of the admission, as older views may
 * have been left with that promise.
 *
 * (Michael et al., Recovering Shared Objects Without Stable Storage, DISC 2017,
 * tell why a recovery without such incarnations can lose what was decided.)
 */
export class Membership {
	#admitted: readonly Admitted[] = [];
	/** See epoch. */
	#epoch: Slot = 0;
	readonly #options: Options;

	/** `admitted` and `since`: of the checkpoint at which this life begins, and its slot. */
	constructor(options: Options, admitted: readonly Admitted[], since: Slot) {
		this.#options = options;
		this.install(admitted, since);
	}

	/** See Replica. */
	get imprint(): unknown {
		return [this.#admitted, this.#epoch];
	}

	/** What this replica is to the others. Who is replaced says nothing any more. */
	get standing(): 'member' | 'learner' | 'replaced' {
		const {id, incarnation, isNewcomer} = this.#options;
		const own = latestOf(this.#admitted, id);
		if (own?.incarnation === incarnation || (!own && !isNewcomer)) return 'member';
		return isNewcomer && !wasAdmitted(this.#admitted, id, incarnation) ? 'learner' : 'replaced';
	}

	/** The slot that admitted the memory of this replica which counts; 0 if that is its first. */
	admittedAt(replica: ReplicaId): Slot {
		return latestOf(this.#admitted, replica)?.slot ?? 0;
	}

	/**
	 * The latest slot, of those delivered, that may have held an admission, be it one that came too late; 0 if none did.
	 * A checkpoint does not tell of those that came too late: it may have held one itself.
	 */
	get epoch(): Slot {
		return this.#epoch;
	}

	/** The latest slot, of those delivered, that admitted somebody; 0 if none did. */
	get latest(): Slot {
		return this.#admitted.at(-1)?.slot ?? 0;
	}

	/** It would end the memory of this very replica, whose own vote must not be among those that decide it. */
	isOwnEnd({admission}: Value): boolean {
		const {id, incarnation} = this.#options;
		if (admission?.replica !== id || admission.incarnation === incarnation) return false;
		return admission.after >= this.admittedAt(id);
	}

	/** True if it admitted somebody. */
	onDelivered(slot: Slot, value: Value): boolean {
		if (!value.admission) return false;
		const before = this.#admitted;
		this.install(admit(before, slot, value), slot);
		return this.#admitted !== before;
	}

	/** `slot`: up to which this is so. */
	install(admitted: readonly Admitted[], slot: Slot) {
		this.#admitted = admitted;
		this.#epoch = Math.max(this.#epoch, slot);
	}

	/** As admittedAt, if these were decided as well, in slots above what is delivered. */
	foresee(open: ReadonlyMap<Slot, Proposal>): (replica: ReplicaId) => Slot {
		let foreseen = this.#admitted;
		const inOrder = [...open.values()].sort((one, other) => one.slot - other.slot);
		for (const {slot, value} of inOrder) foreseen = admit(foreseen, slot, value);
		return replica => latestOf(foreseen, replica)?.slot ?? 0;
	}
}

/** All who were admitted up to this slot, in order: the same list, if the slot changes nothing. No memory is admitted twice. */
export function admit(before: readonly Admitted[], slot: Slot, {admission}: Value): readonly Admitted[] {
	if (!admission) return before;
	const {replica, incarnation, after} = admission;
	if (after !== (latestOf(before, replica)?.slot ?? 0)) return before;
	if (wasAdmitted(before, replica, incarnation)) return before;
	return [...before, {replica, incarnation, slot}];
}

const wasAdmitted = (admitted: readonly Admitted[], replica: ReplicaId, incarnation: string): boolean =>
	admitted.some(each => each.replica === replica && each.incarnation === incarnation);

/** The admission of a replica that counts, of all that there were. */
export const latestOf = (admitted: readonly Admitted[], replica: ReplicaId): Admitted | undefined =>
	admitted.findLast(each => each.replica === replica);
