import type {ChatState} from '../chat/chat.ts';
import {digestOf} from '../chat/chat-state.ts';
import type {Answer, Line} from '../chat/types.ts';
import {admit, latestOf} from '../consensus/membership.ts';
import type {
	Admitted,
	Entry,
	Message,
	Proposal,
	ReplicaId,
	Request,
	Slot,
	Value,
	View,
} from '../consensus/types.ts';
import {majorityOf, noView, primaryOf} from '../consensus/views.ts';
import {encodeValue} from '../value-text.ts';

/** A theorem did not hold. The message begins with its name. */
export class Broken extends Error {
	override readonly name = 'Broken';

	constructor(theorem: string, text: string) {
		super(`${theorem}: ${text}`);
	}
}

/** What a directory of a replica holds for sure, for all its lives. */
type Memory = {
	readonly id: ReplicaId;
	readonly incarnation: string;
	readonly isNewcomer: boolean;
	view: View;
	readonly votes: Map<Slot, Vote>;
	/** Of its checkpoint. */
	since: Slot;
};
type Vote = {readonly view: View; readonly text: string};

/** What came of a slot: the same for every replica. */
type Executed = {readonly text: string; readonly hash: string; readonly position: number};

/** A message of a client, from the moment at which it was first said. */
type Said = {
	readonly request: Request;
	/** The highest position that anybody had been told by then. */
	readonly after: number;
};

/**
 * Watches a world from outside and knows everything in it: one method for each
 * theorem, called by the `on…` methods where it could break. A theorem that
 * does not hold throws Broken.
 */
export class Checker {
	/** What was decided for each slot, as text. */
	readonly decided = new Map<Slot, string>();
	/** The text that stands at each position of the chat. */
	readonly story: string[] = [''];
	/** Answers that clients were given to what they said. */
	acknowledged = 0;
	readonly #replicas: number;
	/** Every memory that there ever was, and of each replica the one that it has now. */
	readonly #memories: Memory[] = [];
	readonly #disks: Memory[] = [];
	#admitted: readonly Admitted[] = [];
	/** Memories that others have heard take part. */
	readonly #heard = new Set<string>();
	/** By text: no two messages of a world are the same. */
	readonly #said = new Map<string, Said>();
	readonly #openings = new Set<string>();
	readonly #positions = new Map<string, number>();
	readonly #sequences = new Map<string, {readonly session: Slot; readonly sequence: number}>();
	readonly #proposals = new Map<string, string>();
	readonly #prepared = new Set<string>();
	readonly #executed: Executed[] = [];
	/** Of the whole states that were kept as checkpoints, sessions included. */
	readonly #digests: string[] = [];
	/** All of it, one after the other, and where in there each slot ends. */
	#log = '';
	readonly #ends = [0];
	#acknowledgedTo = 0;
	#at = 0;

	constructor(replicas: number) {
		this.#replicas = replicas;
		for (let id = 0; id < replicas; id++) this.onMemory(id, '', false);
	}

	/** From here on this is the memory of a replica: a new one, or one that it had before. */
	onMemory(id: ReplicaId, incarnation: string, isNewcomer: boolean) {
		let memory = this.#memories.find(one => one.id === id && one.incarnation === incarnation);
		if (!memory) {
			memory = {id, incarnation, isNewcomer, view: noView, votes: new Map(), since: 0};
			this.#memories.push(memory);
		}

		this.#disks[id] = memory;
	}

	/** An older copy of its memory took the place of it: what is in the copy is seen when it starts. */
	onOlderCopy(id: ReplicaId) {
		const copy = {...this.#disks[id]!, view: noView, votes: new Map(), since: 0};
		this.#memories.push(copy);
		this.#disks[id] = copy;
	}

	/** A client says something for the first time. */
	onSaid(request: Request) {
		if (request.session === 0) this.#openings.add(request.client);
		else this.#said.set(request.text, {request, after: this.#acknowledgedTo});
	}

	/** A client is told what came of it. */
	onAnswered(request: Request, answer: Answer) {
		if (answer.status === 'gap') {
			throw new Broken(
				'per-session order',
				`${request.client}/${request.session}/${request.sequence} left a gap`,
			);
		}

		if (answer.status !== 'ok') return;
		this.acknowledged++;
		this.acknowledgedStands(request, answer.position, answer.slot);
		this.#acknowledgedTo = Math.max(this.#acknowledgedTo, answer.position);
	}

	/** These entries would survive a crash. */
	onDurable(id: ReplicaId, entries: readonly Entry[]) {
		const disk = this.#disks[id]!;
		for (const entry of entries) {
			if (entry.type === 'decided') continue;
			this.promiseNeverFalls(id, entry.view);
			disk.view = Math.max(disk.view, entry.view);
			if (entry.type === 'accepted') {
				this.votesOnlyRise(id, entry.view, entry.slot, encodeValue(entry.value));
				disk.votes.set(entry.slot, {view: entry.view, text: encodeValue(entry.value)});
			}
		}
	}

	/** A new life begins: `view` and `votes` are what it remembers above its checkpoint at `since`. */
	onStarted(id: ReplicaId, since: Slot, view: View, votes: ReadonlyMap<Slot, Proposal>) {
		const disk = this.#disks[id]!;
		if (view < disk.view) {
			throw new Broken('promise never falls', `r${id} promised view ${disk.view} and starts in ${view}`);
		}

		for (const [slot, vote] of disk.votes)
			if (slot > since) this.noVoteIsForgotten(id, slot, vote, votes.get(slot));
		// A crash may have kept more than anybody was told of.
		disk.view = view;
		for (const vote of votes.values())
			disk.votes.set(vote.slot, {view: vote.view, text: encodeValue(vote.value)});
	}

	/**
	 * A checkpoint up to this slot would survive a crash; `log` is the whole chat.log that it names.
	 * What it says is looked at when a life begins with it, and in the end.
	 */
	onCheckpoint(id: ReplicaId, state: ChatState, log: string) {
		const {slot, hash, position} = state;
		this.#disks[id]!.since = slot;
		const known = this.#executed[slot];
		if (known?.hash !== hash || known.position !== position)
			throw new Broken(
				'equal hashes at equal slots',
				`r${id} keeps a checkpoint of slot ${slot} with ${hash}`,
			);
		const digest = digestOf(state);
		this.#digests[slot] ??= digest;
		if (this.#digests[slot] !== digest)
			throw new Broken(
				'equal states at equal slots',
				`r${id} keeps a checkpoint of slot ${slot} with another`,
			);
		this.logIsLongEnough(id, slot, log);
	}

	/** A message leaves for another replica. */
	onSent(id: ReplicaId, life: number, message: Message) {
		if (!('view' in message)) return;
		this.admittedBeforeItTakesPart(id, message.type);
		this.viewOnDiskBeforeOnWire(id, message.view, message.type);
		if (message.type === 'accepted') this.voteDurableBeforeSent(id, message.view, message.slot);
		if (message.type === 'promise') {
			for (const {view, slot} of message.accepted) this.voteDurableBeforeSent(id, view, slot);
		}

		if (message.type === 'prepare') {
			this.onlyThePrimaryProposes(id, message.view);
			this.#prepared.add(`${life} ${message.view}`);
		}

		if (message.type === 'accept') {
			this.onlyThePrimaryProposes(id, message.view);
			this.preparedInThisLife(id, life, message.view);
			this.oneProposalPerViewAndSlot(message.view, message.slot, encodeValue(message.value));
		}
	}

	/** A replica is about to execute a slot. */
	onDecided(id: ReplicaId, previous: Slot, slot: Slot, value: Value) {
		const text = encodeValue(value);
		this.noSlotPastAHole(id, previous, slot);
		this.agreement(slot, text);
		if (this.decided.has(slot)) return;
		this.decidedByAMajority(slot, text);
		this.validity(slot, value);
		this.decided.set(slot, text);
		const admitted = admit(this.#admitted, slot, value);
		// One that comes too late admits nobody.
		if (value.admission && admitted !== this.#admitted)
			this.admittedByOthers(slot, text, value.admission.replica);
		this.#admitted = admitted;
	}

	/** It has executed it; `hash` and `position` are of its chat afterwards. */
	onExecuted(id: ReplicaId, slot: Slot, lines: readonly Line[], after: Executed) {
		for (const line of lines) if (slot >= this.#executed.length) this.#onLine(line);
		this.sameLogEverywhere(id, slot, after);
	}

	/** A line that nobody had executed before. */
	#onLine({slot, position, text, at}: Line) {
		this.exactlyOnce(position, text);
		const {request, after} = this.#said.get(text)!;
		this.sessionOrder(slot, request);
		this.realTimeOrder(position, text, after);
		if (at < this.#at)
			throw new Broken('time in the log never goes back', `position ${position}: ${at} after ${this.#at}`);
		this.#at = at;
		this.story[position] = text;
		this.#positions.set(text, position);
	}

	/** The slot that admitted the memory of this replica which counts; 0 if that is its first. */
	admittedAt(id: ReplicaId): Slot {
		return latestOf(this.#admitted, id)?.slot ?? 0;
	}

	/** It took part with this memory: by now its admission, if it needed one, would survive a crash. */
	hasTakenPart(incarnation: string): boolean {
		return this.#heard.has(incarnation);
	}

	/** This memory was admitted, be it long ago. */
	wasAdmitted(incarnation: string): boolean {
		return this.#admitted.some(each => each.incarnation === incarnation);
	}

	promiseNeverFalls(id: ReplicaId, view: View) {
		if (view < this.#disks[id]!.view) {
			throw new Broken('promise never falls', `r${id} wrote view ${view} after ${this.#disks[id]!.view}`);
		}
	}

	votesOnlyRise(id: ReplicaId, view: View, slot: Slot, text: string) {
		const known = this.#disks[id]!.votes.get(slot);
		if (!known || view > known.view || (view === known.view && text === known.text)) return;
		throw new Broken(
			'votes only rise',
			`r${id} voted for slot ${slot} in view ${known.view}, and then in ${view}`,
		);
	}

	noVoteIsForgotten(id: ReplicaId, slot: Slot, vote: Vote, known: Proposal | undefined) {
		const isKept =
			known &&
			(known.view > vote.view || (known.view === vote.view && encodeValue(known.value) === vote.text));
		if (isKept) return;
		throw new Broken(
			'no vote is forgotten',
			`r${id} voted for slot ${slot} in view ${vote.view}, and has ${known ? `one in view ${known.view}` : 'none'} after a restart`,
		);
	}

	/** What a crash left of a write is no damage. */
	noFalseAlarm(id: ReplicaId, reason: string) {
		throw new Broken('no false alarm', `r${id} does not start: ${reason}`);
	}

	noOlderCopyIsHeard(id: ReplicaId, peer: ReplicaId) {
		throw new Broken('no older copy is heard', `r${peer} takes r${id} for what it was before`);
	}

	viewOnDiskBeforeOnWire(id: ReplicaId, view: View, type: string) {
		if (view <= this.#disks[id]!.view) return;
		throw new Broken(
			'no view on the wire that is not on disk',
			`r${id} said ${type} of view ${view}, its disk says ${this.#disks[id]!.view}`,
		);
	}

	voteDurableBeforeSent(id: ReplicaId, view: View, slot: Slot) {
		const {votes, since} = this.#disks[id]!;
		const vote = votes.get(slot);
		// What its checkpoint covers is decided, and no primary proposes anything else there (rule R8).
		if ((vote && vote.view >= view) || slot <= since) return;
		throw new Broken(
			'a vote is durable before it is sent',
			`r${id} voted for slot ${slot} in view ${view}, its disk does not know`,
		);
	}

	onlyThePrimaryProposes(id: ReplicaId, view: View) {
		if (primaryOf(view, this.#replicas) === id) return;
		throw new Broken('only the primary proposes', `r${id} proposed in view ${view}`);
	}

	preparedInThisLife(id: ReplicaId, life: number, view: View) {
		if (this.#prepared.has(`${life} ${view}`)) return;
		throw new Broken('nothing is led that was not prepared in this life', `r${id} proposed in view ${view}`);
	}

	oneProposalPerViewAndSlot(view: View, slot: Slot, text: string) {
		const key = `${view} ${slot}`;
		const known = this.#proposals.get(key) ?? text;
		this.#proposals.set(key, known);
		if (known === text) return;
		throw new Broken('one proposal per view and slot', `view ${view}, slot ${slot}: ${known} and ${text}`);
	}

	noSlotPastAHole(id: ReplicaId, previous: Slot, slot: Slot) {
		if (slot === previous + 1) return;
		throw new Broken(
			'no slot is executed past a hole',
			`r${id} executed slot ${slot} after slot ${previous}`,
		);
	}

	agreement(slot: Slot, text: string) {
		const known = this.decided.get(slot) ?? text;
		if (known !== text) throw new Broken('agreement', `slot ${slot} holds ${known} and ${text}`);
	}

	decidedByAMajority(slot: Slot, text: string) {
		const holders = this.#votersFor(slot, text).size;
		if (holders >= majorityOf(this.#replicas)) return;
		throw new Broken('decided by a majority', `slot ${slot} was executed with ${holders} votes on disk`);
	}

	/** Also of memories that are lost: they did vote. */
	#votersFor(slot: Slot, text: string): Set<ReplicaId> {
		const voted = this.#memories.filter(({votes}) => votes.get(slot)?.text === text);
		return new Set(voted.map(({id}) => id));
	}

	admittedByOthers(slot: Slot, text: string, replica: ReplicaId) {
		const voters = this.#votersFor(slot, text);
		voters.delete(replica);
		if (voters.size >= majorityOf(this.#replicas)) return;
		throw new Broken('admitted by others', `r${replica} was admitted with ${voters.size} votes of others`);
	}

	admittedBeforeItTakesPart(id: ReplicaId, type: string) {
		const {isNewcomer, incarnation} = this.#disks[id]!;
		this.#heard.add(incarnation);
		if (!isNewcomer || this.wasAdmitted(incarnation)) return;
		throw new Broken(
			'admitted before it takes part',
			`r${id} said ${type} with a memory that nobody admitted`,
		);
	}

	validity(slot: Slot, value: Value) {
		for (const request of value.requests) {
			const said = this.#said.get(request.text)?.request;
			const isOpening = request.session === 0 && request.sequence === 0 && this.#openings.has(request.client);
			const isSaid =
				said &&
				said.client === request.client &&
				said.session === request.session &&
				said.sequence === request.sequence;
			if (!isOpening && !isSaid)
				throw new Broken('validity', `slot ${slot} holds ${JSON.stringify(request)}, which nobody said`);
		}
	}

	exactlyOnce(position: number, text: string) {
		if (!this.#said.has(text))
			throw new Broken('validity', `position ${position} holds "${text}", which nobody said`);
		const known = this.#positions.get(text);
		if (known !== undefined)
			throw new Broken('exactly once', `"${text}" stands at ${known} and at ${position}`);
		if (position !== this.story.length)
			throw new Broken('exactly once', `position ${position} follows ${this.story.length - 1}`);
	}

	/** A later session goes on with the numbers of the one before, or begins anew if the table had let that one go. */
	sessionOrder(slot: Slot, {client, session, sequence}: Request) {
		const last = this.#sequences.get(client) ?? {session: 0, sequence: 0};
		const isNext = sequence === last.sequence + 1 || (session !== last.session && sequence === 1);
		if (!isNext) {
			throw new Broken(
				'per-session order',
				`slot ${slot} executes ${client}/${session}/${sequence} after ${last.session}/${last.sequence}`,
			);
		}

		this.#sequences.set(client, {session, sequence});
	}

	/** What was acknowledged stands before all that was first said later. */
	realTimeOrder(position: number, text: string, after: number) {
		if (position > after) return;
		throw new Broken(
			'real-time order',
			`"${text}" stands at ${position}, and was said when ${after} had been acknowledged`,
		);
	}

	acknowledgedStands({text}: Request, position: number, slot: Slot) {
		if (this.story[position] !== text) {
			throw new Broken(
				'what is acknowledged stands',
				`"${text}" was acknowledged at ${position}, where "${this.story[position]}" stands`,
			);
		}

		const value = this.decided.get(slot);
		if (!value?.includes(JSON.stringify(text))) {
			throw new Broken(
				'what is acknowledged stands',
				`"${text}" was acknowledged in slot ${slot}, which holds ${value}`,
			);
		}
	}

	/** The chat logs are byte for byte prefixes of one another, and their hashes are equal at equal slots. */
	sameLogEverywhere(id: ReplicaId, slot: Slot, {text, hash, position}: Executed) {
		const known = this.#executed[slot];
		if (!known) {
			this.#executed[slot] = {text, hash, position};
			this.#log += text;
			this.#ends[slot] = this.#log.length;
		} else if (known.text !== text || known.position !== position) {
			throw new Broken(
				'one log everywhere',
				`r${id} wrote ${JSON.stringify(text)} for slot ${slot}, another ${JSON.stringify(known.text)}`,
			);
		} else if (known.hash !== hash) {
			throw new Broken(
				'equal hashes at equal slots',
				`r${id} has ${hash} after slot ${slot}, another ${known.hash}`,
			);
		}
	}

	logIsLongEnough(id: ReplicaId, slot: Slot, log: string) {
		if (log.length === this.#ends[slot]) return;
		throw new Broken(
			'one log everywhere',
			`r${id} keeps ${log.length} characters of chat.log for slots 1 to ${slot}, of ${this.#ends[slot]}`,
		);
	}

	/** `log`: the whole chat.log of a replica that has executed up to `slot`. */
	logIsComplete(id: ReplicaId, slot: Slot, log: string) {
		if (log !== this.#log.slice(0, this.#ends[slot]))
			throw new Broken('one log everywhere', `the chat.log of r${id} is not what slots 1 to ${slot} say`);
	}
}
