import type {ChatState} from './chat/chat.ts';
import {encodeState} from './chat/chat-state.ts';
import type {ReplicaId, Slot} from './consensus/types.ts';

/** A text that nobody asks for is held for so long: far longer than a peer takes to ask again. In milliseconds. */
const holdMs = 30_000;

/** A checkpoint as text. */
export type CheckpointText = {readonly slot: Slot; readonly text: string};

/**
 * Checkpoints as text, while peers fetch them piece by piece. Newer ones are
 * made meanwhile, faster than a slow line carries one; so each peer gets to its
 * end what it has begun, and there is one text at most for each of them.
 */
export class CheckpointTexts {
	readonly #now: () => number;
	readonly #begun = new Map<ReplicaId, {readonly checkpoint: CheckpointText; readonly askedAt: number}>();

	/** `now` gives milliseconds of a clock that does not jump. */
	constructor(now: () => number) {
		this.#now = now;
	}

	/** The checkpoint of this slot, if that is what the peer has begun to fetch. */
	begun(peer: ReplicaId, slot: Slot): CheckpointText | undefined {
		this.forget();
		const {checkpoint} = this.#begun.get(peer) ?? {};
		return checkpoint?.slot === slot ? this.#hold(peer, checkpoint) : undefined;
	}

	/** From now on the peer fetches this one. Peers that fetch the same share its text. */
	begin(peer: ReplicaId, state: ChatState): CheckpointText {
		for (const {checkpoint} of this.#begun.values())
			if (checkpoint.slot === state.slot) return this.#hold(peer, checkpoint);
		return this.#hold(peer, {slot: state.slot, text: encodeState(state)});
	}

	/** What nobody asks for any more. */
	forget(): void {
		const since = this.#now() - holdMs;
		for (const [peer, {askedAt}] of this.#begun) if (askedAt < since) this.#begun.delete(peer);
	}

	#hold(peer: ReplicaId, checkpoint: CheckpointText): CheckpointText {
		this.#begun.set(peer, {checkpoint, askedAt: this.#now()});
		return checkpoint;
	}
}
