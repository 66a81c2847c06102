import type {ReplicaId, Slot, Witness} from './consensus/types.ts';
import {majorityOf} from './consensus/views.ts';

/** Of each replica, the last so many slots that it spoke about. */
const slotsKept = 32;
/** Of our own, the last so many are said again and again, as a message may be lost. */
const slotsRepeated = 4;

export type WitnessesOptions = {
	readonly id: ReplicaId;
	readonly replicas: number;
	/** A majority of all replicas agrees that our state is wrong. */
	readonly onWrong: (slot: Slot, against: readonly ReplicaId[]) => void;
	readonly tell: (text: string) => void;
};

/**
 * What each replica says its whole state is after some slots, sessions
 * included: the hash chain covers the lines of the chat alone. All of them take
 * a look after the same slots, so what they say can be compared.
 */
export class Witnesses {
	readonly #options: WitnessesOptions;
	readonly #said = new Map<ReplicaId, Map<Slot, string>>();
	/** The last slot about which somebody was told to disagree. */
	#toldSlot: Slot = 0;

	constructor(options: WitnessesOptions) {
		this.#options = options;
	}

	/** A replica, be it this one, looked at its state after this slot. */
	say(replica: ReplicaId, slot: Slot, digest: string): void {
		const said = this.#said.get(replica) ?? new Map<Slot, string>();
		this.#said.set(replica, said);
		said.delete(slot);
		said.set(slot, digest);
		const [oldest] = said.keys();
		if (said.size > slotsKept) said.delete(oldest!);
		this.#judge(slot);
	}

	/** What this replica has to say to the others, who may not have heard it. */
	get own(): readonly Witness[] {
		const said = [...(this.#said.get(this.#options.id) ?? [])];
		return said.slice(-slotsRepeated).map(([slot, digest]) => ({type: 'witness', slot, digest}));
	}

	/** Who says that the state after this slot is that one, and who says that it is another one. */
	about(
		slot: Slot,
		digest: string,
	): {readonly same: readonly ReplicaId[]; readonly other: readonly ReplicaId[]} {
		const heard = [...this.#said].filter(([, said]) => said.has(slot)).sort(([a], [b]) => a - b);
		const idsOf = (isSame: boolean) =>
			heard.filter(([, said]) => (said.get(slot) === digest) === isSame).map(([replica]) => replica);
		return {same: idsOf(true), other: idsOf(false)};
	}

	/** Equal slots make equal states: if they differ, one of them was damaged, and the majority is right. */
	#judge(slot: Slot): void {
		const {id, replicas, onWrong, tell} = this.#options;
		const own = this.#said.get(id)?.get(slot);
		if (own === undefined) return;
		const {other} = this.about(slot, own);
		for (const replica of other) {
			const {same} = this.about(slot, this.#said.get(replica)!.get(slot)!);
			if (same.length < majorityOf(replicas)) continue;
			onWrong(slot, same);
			return;
		}

		if (other.length === 0 || slot === this.#toldSlot) return;
		this.#toldSlot = slot;
		const who = other.map(replica => `r${replica}`).join(' and ');
		tell(`after slot ${slot} the state of ${who} is not the one here: one of them is damaged`);
	}
}
