import type {
	Admission,
	Entry,
	Message,
	Note,
	Piece,
	ReplicaId,
	Slot,
	Value,
	View,
} from '../consensus/types.ts';
import type {Life, Machine} from './machine.ts';
import type {World} from './world.ts';

/**
 * What does not come up by itself, and has to: bugs live where two of these
 * meet. A campaign that never saw one of them has looked at less than it says.
 */
export const situations = [
	'a view changed while a checkpoint was being fetched',
	'a checkpoint became durable during a view change',
	'a checkpoint was fetched from a peer',
	'a checkpoint was fetched by a candidate',
	'a candidate was behind what somebody had forgotten',
	'a transfer went on with another peer',
	'a checkpoint came in pieces',
	'a newer checkpoint was made while one was fetched',
	'a promise came in pages',
	'a no-op was proposed beside a value that was proposed again',
	'a value that was decided already was proposed again',
	'a slot that was left out was closed by a no-op',
	'a hole was fetched, not filled',
	'a vote was asked for below a checkpoint',
	'a decision was learned without a vote of our own',
	'the window was full above a hole',
	'two candidates at once',
	'a campaign was overtaken',
	'a replica led again in a later life',
	'a primary died with proposals open',
	'a primary that had stood still came back in an older view',
	'a late request went to everybody',
	'a request was in two slots and executed once',
	'a retry was answered from the session table',
	'a retry was answered from the session table of a checkpoint',
	'a client was told expired',
	'a client started anew with its secret',
	'busy',
	'the clock of a primary was behind the log',
	'a crash lost what was not synced',
	'a crash kept what was not synced',
	'a crash kept a whole group that nobody had been told of',
	'a crash while a checkpoint was written',
	'a crash between checkpoint and rotation',
	'a crash between rotation and the end of the old journal',
	'a crash while a fetched checkpoint was installed',
	'started from a checkpoint',
	'a vote had to wait for a checkpoint',
	'a sync failed, and the replica stopped',
	'a write found no room, and the replica stopped',
	'a replica could not start on a full disk',
	'a replica without its memory was not started',
	'a replica asked to be admitted',
	'a replica was admitted with a new memory',
	'a replica was admitted a second time',
	'an admission was proposed again by the next primary',
	'a replaced memory came back',
	'a replica found out that it was replaced',
	'a replaced memory promised',
	'everything died at once',
	'a torn tail was cut',
	'the power went while a write was only in the cache',
	'a flipped bit was refused',
	'a flipped bit did no harm',
	'a misdirected write was refused',
	'a misdirected write did no harm',
	'started from the previous checkpoint',
	'started from the journal alone',
	'without a checkpoint a replica was not started',
	'an older copy was refused',
] as const;
export type Situation = (typeof situations)[number];

/** Looks on, and recognises situations. Changes nothing and draws no random numbers. */
export class Situations {
	readonly #world: World;
	/** Who asks for promises. */
	readonly #candidates = new Set<ReplicaId>();
	/** In which life each led last. */
	readonly #led = new Map<ReplicaId, number>();
	readonly #leftOut = new Set<Slot>();
	/** In which view each memory was first proposed. */
	readonly #admissions = new Map<string, View>();

	constructor(world: World) {
		this.#world = world;
	}

	onNotes({id, life}: Machine, notes: readonly Note[]): void {
		for (const note of notes) this.#onNote(id, note, life);
		const kinds = new Set(notes.map(({kind}) => kind));
		if (kinds.has('no-op') && kinds.has('proposal'))
			this.#world.see('a no-op was proposed beside a value that was proposed again');
	}

	onReceived({replica}: Machine, from: ReplicaId, messages: readonly Message[]): void {
		if (!replica) return;
		const {learner, acceptor} = replica;
		for (const message of messages) {
			if (message.type === 'chunk' && message.checkpoint) this.#onPiece(from, message.checkpoint);
			if (message.type === 'decided' && message.values.length > 0 && learner.hasHole) {
				const isNext = message.from <= learner.through + 1;
				if (isNext) this.#world.see('a hole was fetched, not filled');
			}

			if (message.type === 'promise' && message.view === replica.view) {
				const isReplaced = message.admitted < this.#world.checker.admittedAt(from);
				if (isReplaced) this.#world.see('a replaced memory promised');
			}

			if (message.type === 'accept' && message.view >= replica.view) {
				if (message.slot <= acceptor.since) this.#world.see('a vote was asked for below a checkpoint');
				if (learner.isFull) this.#world.see('a vote had to wait for a checkpoint');
			}
		}
	}

	onSent(to: readonly ReplicaId[], messages: readonly Message[]): void {
		const {machines} = this.#world;
		for (const message of messages) {
			if (message.type === 'request' && to.length > 1) this.#world.see('a late request went to everybody');
			if (message.type === 'admit') this.#world.see('a replica asked to be admitted');
			if (message.type === 'accept' && message.value.admission)
				this.#onAdmissionProposed(message.view, message.value.admission);
			if (message.type !== 'promise') continue;
			if (message.until !== null) this.#world.see('a promise came in pages');
			const candidate = machines[to[0]!]!.replica;
			const isBehind = candidate?.view === message.view && candidate.learner.through < message.since;
			if (isBehind) this.#world.see('a candidate was behind what somebody had forgotten');
		}
	}

	onBeat({replica}: Machine): void {
		if (replica?.proposer.phase !== 'leading' || !replica.learner.hasHole) return;
		const {proposer, learner, options} = replica;
		const isFull = proposer.nextFree > learner.through + options.windowSlots;
		if (isFull) this.#world.see('the window was full above a hole');
	}

	onWritten(entries: readonly Entry[]): void {
		for (const entry of entries)
			if (entry.type === 'decided' && entry.value)
				this.#world.see('a decision was learned without a vote of our own');
	}

	/** `at`: of the log before it. */
	onExecuted({requests, at: stamp, admission}: Value, retries: number, at: number): void {
		if (admission) this.#world.see('a replica was admitted with a new memory');
		if (admission && admission.after > 0) this.#world.see('a replica was admitted a second time');
		if (retries > 0) this.#world.see('a request was in two slots and executed once');
		if (requests.length > 0 && stamp < at) this.#world.see('the clock of a primary was behind the log');
	}

	onCheckpoint(): void {
		if (this.#candidates.size > 0) this.#world.see('a checkpoint became durable during a view change');
	}

	onInstalled({replica}: Machine): void {
		this.#world.see('a checkpoint was fetched from a peer');
		if (replica?.proposer.phase === 'preparing') this.#world.see('a checkpoint was fetched by a candidate');
	}

	onCrash({id, replica, life}: Machine): void {
		this.#candidates.delete(id);
		const isOpen = replica?.proposer.phase === 'leading' && replica.proposer.open.size > 0;
		if (isOpen) this.#world.see('a primary died with proposals open');
		const moment = life?.moment;
		if (moment) this.#world.see(`a crash ${moment}`);
	}

	/** Of what was not synced so much is kept, and so much was in the write under way. */
	onLost(count: number, kept: number, underWay: number): void {
		if (kept < count) this.#world.see('a crash lost what was not synced');
		if (kept > 0) this.#world.see('a crash kept what was not synced');
		if (kept > 0 && kept === underWay)
			this.#world.see('a crash kept a whole group that nobody had been told of');
	}

	onWakingUp({replica}: Machine): void {
		if (replica?.proposer.phase === 'leading' && this.#world.view > replica.view)
			this.#world.see('a primary that had stood still came back in an older view');
	}

	#onPiece(from: ReplicaId, {slot, isLast, offset}: Piece): void {
		if (isLast && offset > 0) this.#world.see('a checkpoint came in pieces');
		const {state} = this.#world.machines[from]!.checkpoint ?? {};
		if (offset > 0 && state && state.slot > slot)
			this.#world.see('a newer checkpoint was made while one was fetched');
	}

	#onAdmissionProposed(view: View, {incarnation}: Admission): void {
		const first = this.#admissions.get(incarnation) ?? view;
		this.#admissions.set(incarnation, first);
		if (view > first) this.#world.see('an admission was proposed again by the next primary');
	}

	#onNote(id: ReplicaId, {kind, text, slot = 0}: Note, life: Life | undefined): void {
		const world = this.#world;
		switch (kind) {
			case 'view':
				if (life?.fetchingFrom !== undefined)
					world.see('a view changed while a checkpoint was being fetched');
				if (this.#candidates.delete(id)) world.see('a campaign was overtaken');
				break;
			case 'campaign':
				if (!text.startsWith('asks')) break;
				if (this.#candidates.size > 0) world.see('two candidates at once');
				this.#candidates.add(id);
				break;
			case 'leader':
				if (!text.startsWith('leads') || !life) break;
				this.#candidates.delete(id);
				if ((this.#led.get(id) ?? life.number) !== life.number)
					world.see('a replica led again in a later life');
				this.#led.set(id, life.number);
				break;
			case 'proposal':
				if (world.checker.decided.has(slot)) world.see('a value that was decided already was proposed again');
				break;
			case 'skip':
				this.#leftOut.add(slot);
				break;
			case 'no-op':
				if (this.#leftOut.has(slot)) world.see('a slot that was left out was closed by a no-op');
				break;
			case 'doubt':
			case 'hole':
			case 'lag':
			case 'busy':
			case 'admission':
				break;
		}
	}
}
