import type {ReplicaId, View} from '../consensus/types.ts';
import {monotonicMs} from '../history-file.ts';
import type {End, Kill, Ordeal, Skip, Start, Verdict, What, Word} from './evidence.ts';

/** What was done on a stage, as it is done: for the judge. */
export class Book {
	readonly starts: Start[] = [];
	readonly kills: Kill[] = [];
	readonly skips: Skip[] = [];
	readonly ordeals: Ordeal[] = [];
	readonly ends: End[] = [];
	readonly words: Word[] = [];
	readonly verdicts: Verdict[] = [];
	/** Why something could not be done on this machine. */
	skipped: string | null = null;
	/** What had processes, or their disks, in its hands. */
	readonly heldBy = new Set<string>();
	loss = 0;
	readonly #situation: () => {readonly view: View; readonly leader: ReplicaId | null};

	/** `situation`: the highest view that anybody has told of, and who leads it. */
	constructor(situation: () => {readonly view: View; readonly leader: ReplicaId | null}) {
		this.#situation = situation;
	}

	/** An ordeal begins; what it gives writes down the end, and what is known only then. */
	begin(what: What): (more?: Partial<What>) => void {
		const index = this.ordeals.length;
		const begun: Ordeal = {at: monotonicMs(), until: null, ...this.#situation(), ...what};
		this.ordeals.push(begun);
		return more => {
			this.ordeals[index] = {...begun, ...more, until: monotonicMs()} as Ordeal;
		};
	}
}
