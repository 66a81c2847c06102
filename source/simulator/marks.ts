import type {Entry, ReplicaId, Slot} from '../consensus/types.ts';

/**
 * How far each replica could still deliver after a crash at this moment, and so
 * who may forget what. There is no transfer of checkpoints yet: a replica that
 * falls behind the memory of all others would stay there for ever. Therefore
 * one of them, the archivist, forgets only what all others have for sure; the
 * others may forget what the archivist has for sure, and so can be asked in vain.
 */
export class Marks {
	readonly archivist: ReplicaId;
	readonly #through: Slot[];
	readonly #decided: readonly Set<Slot>[];

	constructor(replicas: number, archivist: ReplicaId) {
		this.archivist = archivist;
		this.#through = Array.from({length: replicas}, () => 0);
		this.#decided = Array.from({length: replicas}, () => new Set());
	}

	onStarted(id: ReplicaId, since: Slot, entries: readonly Entry[]): void {
		this.#through[id] = Math.max(this.#through[id]!, since);
		this.onDurable(id, entries);
	}

	onDurable(id: ReplicaId, entries: readonly Entry[]): void {
		const decided = this.#decided[id]!;
		for (const entry of entries) if (entry.type === 'decided') decided.add(entry.slot);
		while (decided.delete(this.#through[id]! + 1)) this.#through[id]!++;
	}

	mayForget(id: ReplicaId, slot: Slot): boolean {
		if (id !== this.archivist) return slot <= this.#through[this.archivist]!;
		return slot <= Math.min(...this.#through);
	}
}
