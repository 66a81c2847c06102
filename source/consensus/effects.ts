import type {
	Decision,
	Entry,
	Message,
	Note,
	Outgoing,
	Output,
	ReplicaId,
	Request,
	Slot,
	Value,
} from './types.ts';

/** Collects what the roles want done during one step, and holds the time of day that the step was given. */
export class Effects {
	/** Unix milliseconds of the latest input that said so. */
	now = 0;
	#writes: Entry[] = [];
	#messages: Outgoing[] = [];
	#decisions: Decision[] = [];
	#busy: Request[] = [];
	#fetchFrom: ReplicaId | null = null;
	#notes: Note[] = [];

	write(entry: Entry) {
		this.#writes.push(entry);
	}

	send(to: ReplicaId, message: Message) {
		this.#messages.push({to, message});
	}

	/** To everyone, this replica included: it hears itself as it hears the others, after the write. */
	broadcast(message: Message) {
		this.#messages.push({to: 'all', message});
	}

	deliver(slot: Slot, value: Value) {
		this.#decisions.push({slot, value});
	}

	refuse(request: Request) {
		this.#busy.push(request);
	}

	fetch(from: ReplicaId) {
		this.#fetchFrom = from;
	}

	note(note: Note) {
		this.#notes.push(note);
	}

	take(): Output {
		const output = {
			writes: this.#writes,
			messages: this.#messages,
			decisions: this.#decisions,
			busy: this.#busy,
			fetchFrom: this.#fetchFrom,
			notes: this.#notes,
		};
		this.#writes = [];
		this.#messages = [];
		this.#decisions = [];
		this.#busy = [];
		this.#fetchFrom = null;
		this.#notes = [];
		return output;
	}
}
