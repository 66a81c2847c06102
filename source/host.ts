import type {Replica} from './consensus/replica.ts';
import type {
	Admitted,
	Chunk,
	Decision,
	Entry,
	Fetch,
	Input,
	Message,
	Note,
	Output,
	ReplicaId,
	Request,
	Requests,
	Slot,
	Witness,
} from './consensus/types.ts';
import type {Network} from './network/network.ts';
import type {Disk} from './storage/disk.ts';

/** The state machine, and its clients behind it. */
export type Service = {
	/** In slot order, without gaps, once. */
	execute(decisions: readonly Decision[]): void;
	/** True if the state proves that this was executed (or settled otherwise): whoever asks is answered by the service. */
	hasSettled(request: Request): boolean;
	/** There was no room for these, and they were not taken. */
	refuse(requests: readonly Request[]): void;
	/** The replica is so far behind that it needs the checkpoint of this peer; said again at every beat. */
	fetch(from: ReplicaId): void;
	/** What a peer says of checkpoints. */
	transfer(from: ReplicaId, message: Fetch | Chunk | Witness): void;
	note(notes: readonly Note[]): void;
};

/** Stands at the door of the core: takes the step, and sees what goes in and what comes out. */
export type Watch = (input: Input, step: () => Output) => Output;

/**
 * Gives a replica a disk, a network and something to execute, and keeps the
 * one rule of the house: first write, then send. Steps taken while a write is
 * under way share the next one.
 *
 * What is decided is safe on the disks of a majority, so it is executed at
 * once. Then 'executed here' is always true of what the replica delivered,
 * and a late copy of a request can be told from a new one at the door.
 */
export class Host {
	readonly replica: Replica;
	readonly #disk: Disk;
	readonly #network: Network;
	readonly #service: Service;
	readonly #now: () => number;
	readonly #watch: Watch | undefined;
	#queued: Output[] = [];
	#isWriting = false;

	/** The first tick executes what the disk remembers: nothing may come in before. `now` gives Unix milliseconds. */
	constructor(
		replica: Replica,
		disk: Disk,
		network: Network,
		service: Service,
		now: () => number,
		watch?: Watch,
	) {
		this.replica = replica;
		this.#disk = disk;
		this.#network = network;
		this.#service = service;
		this.#now = now;
		this.#watch = watch;
		this.tick();
	}

	tick() {
		this.#take({type: 'tick', now: this.#now()});
	}

	/** Returns those that are settled already: they were not taken. */
	submit(requests: readonly Request[]): readonly Request[] {
		const open: Request[] = [];
		const settled: Request[] = [];
		for (const request of requests) (this.#service.hasSettled(request) ? settled : open).push(request);
		if (open.length > 0) this.#take({type: 'request', now: this.#now(), requests: open});
		return settled;
	}

	receive(from: ReplicaId, messages: readonly Message[]) {
		const forCore: Message[] = [];
		for (const message of messages) {
			if (isOfHosts(message)) this.#service.transfer(from, message);
			else if (message.type === 'request')
				forCore.push({...message, requests: this.#unsettled(message.requests)});
			else forCore.push(message);
		}

		if (forCore.length > 0) this.#take(this.#packet(from, forCore));
	}

	disconnected(peer: ReplicaId) {
		this.#take({type: 'disconnected', peer});
	}

	/** Everything up to this slot stands in a durable checkpoint. */
	checkpoint(slot: Slot) {
		this.#take({type: 'checkpoint', slot});
	}

	/** A piece of a checkpoint came in. */
	progress() {
		this.#take({type: 'progress'});
	}

	/** The state up to this slot was fetched: it is durable, and the service has taken it over. */
	install(slot: Slot, admitted: readonly Admitted[]) {
		this.#take({type: 'install', slot, admitted});
	}

	skip(slot: Slot) {
		this.#take({type: 'skip', slot});
	}

	heal() {
		this.#take({type: 'heal'});
	}

	#packet(from: ReplicaId, messages: readonly Message[]): Input {
		return {type: 'packet', now: this.#now(), from, messages};
	}

	#unsettled(requests: readonly Request[]) {
		return requests.filter(request => !this.#service.hasSettled(request));
	}

	/** What was settled while it waited is not passed on, and waits no longer. */
	#onlyOpen(message: Requests): Requests | undefined {
		const open = this.#unsettled(message.requests);
		if (open.length === message.requests.length) return message;
		const isOpen = new Set(open);
		const settled = message.requests.filter(request => !isOpen.has(request));
		this.#step({type: 'settled', requests: settled});
		return open.length > 0 ? {...message, requests: open} : undefined;
	}

	#take(input: Input) {
		this.#step(input);
		if (!this.#isWriting) this.#write();
	}

	#step(input: Input) {
		const step = this.#watch;
		const output = step ? step(input, () => this.replica.step(input)) : this.replica.step(input);
		if (output.decisions.length > 0) this.#service.execute(output.decisions);
		if (output.busy.length > 0) this.#service.refuse(output.busy);
		if (output.fetchFrom !== null) this.#service.fetch(output.fetchFrom);
		if (output.notes.length > 0) this.#service.note(output.notes);
		if (output.writes.length > 0 || output.messages.length > 0) this.#queued.push(output);
	}

	#write() {
		while (this.#queued.length > 0) {
			const outputs = this.#queued;
			this.#queued = [];
			const entries: Entry[] = [];
			for (const {writes} of outputs) for (const entry of writes) entries.push(entry);
			// A view or a vote must be on disk before anyone hears of it. A decision
			// is safe with the majority already: it is written, not waited for.
			if (entries.some(entry => entry.type !== 'decided')) {
				this.#isWriting = true;
				this.#disk.append(entries, () => {
					this.#isWriting = false;
					this.#release(outputs);
					this.#write();
				});
				return;
			}

			if (entries.length > 0) this.#disk.defer(entries);
			this.#release(outputs);
		}
	}

	/** One packet for everybody, one for each who is told something alone, and our own, last, as a step of its own. */
	#release(outputs: readonly Output[]) {
		const {id} = this.replica.options;
		const toAll: Message[] = [];
		const toSelf: Message[] = [];
		const directed = new Map<ReplicaId, Message[]>();
		for (const {messages} of outputs) {
			for (const {to, message: said} of messages) {
				const message = said.type === 'request' ? this.#onlyOpen(said) : said;
				if (!message) continue;
				if (to === 'all') toAll.push(message);
				if (to === 'all' || to === id) {
					toSelf.push(message);
					continue;
				}

				const known = directed.get(to);
				if (known) known.push(message);
				else directed.set(to, [message]);
			}
		}

		if (toAll.length > 0) this.#network.broadcast(toAll);
		for (const [to, messages] of directed) this.#network.send(to, messages);
		if (toSelf.length > 0) this.#step(this.#packet(id, toSelf));
	}
}

/** The core does not look into these. */
const isOfHosts = (message: Message): message is Fetch | Chunk | Witness =>
	message.type === 'fetch' || message.type === 'chunk' || message.type === 'witness';
