/**
 * The vocabulary of the protocol. Everything here is plain data.
 *
 *   replica    one process of the service, numbered 0 to 2f.
 *   view       the ballot number. View v belongs to one replica, primaryOf(v).
 *   slot       a position in the replicated log, counted from 1.
 *   value      what a slot holds: a batch of requests. The empty batch is the no-op.
 *   proposal   a value offered for a slot in a view.
 *   accepted   a replica has the proposal on disk and votes for it.
 *   decided    a majority accepted the same proposal ("chosen"). A decided value never changes.
 *   delivered  decided, as is every slot before it: handed out, in slot order, to be executed.
 *   hole       a slot that is not decided while a later one is.
 *   admission  lets a replica that lost its memory take part again, under a new incarnation (rule R12).
 *   learner    a replica that is not admitted yet: it executes what is decided, and neither promises nor votes.
 *   owed       something that should have been delivered by now: a waiting request, a lag, an old hole.
 *   doubt      the opinion that the primary of the present view does not do its work.
 */

export type ReplicaId = number;
/** From 0; noView (-1) before the first. Kept and durable for ever: it is the promise (rule R1). */
export type View = number;
/** From 1; 0 is "before the first slot". */
export type Slot = number;

/** What a client wants said. (client, session, sequence) names it, however often it is sent. */
export type Request = {
	/** The hash of a secret that the client keeps. */
	readonly client: string;
	/** The slot that opened the session; 0 in the request that opens one. */
	readonly session: Slot;
	/** 1, 2, 3… within the session; 0 in the request that opens one. */
	readonly sequence: number;
	readonly nick: string;
	/** Of the request that opens a session: a nonce, by which it is known again. */
	readonly text: string;
};

/**
 * Replica `replica` goes on with this memory, and with no older one. It has an
 * effect only where `after` is the slot of the latest admission of that replica,
 * 0 if there was none: what was proposed long ago does not undo a later one. Nor
 * has it one for a memory that was admitted before: that has been replaced.
 */
export type Admission = {
	readonly replica: ReplicaId;
	readonly incarnation: string;
	readonly after: Slot;
};

/** A batch, stamped by the primary that first proposed it, in Unix milliseconds; or an admission, alone in its slot. */
export type Value = {
	readonly at: number;
	readonly requests: readonly Request[];
	readonly admission?: Admission;
};
export const noOp: Value = {at: 0, requests: []};

/** What an acceptor has voted for: an Accept, as it came. */
export type Proposal = Omit<Accept, 'type'>;

/** From everybody: where I am, how far I am, whether I lead this view, whether I would leave it. */
export type Heartbeat = {
	readonly type: 'heartbeat';
	readonly view: View;
	readonly delivered: Slot;
	readonly isLeading: boolean;
	readonly isDoubting: boolean;
};

/** Phase 1a, for every slot from `from` on. To one replica: go on with your promise from there. */
export type Prepare = {readonly type: 'prepare'; readonly view: View; readonly from: Slot};

/**
 * Phase 1b. What this acceptor accepted in the slots from `from` to before
 * `until`; null means to the end. A long promise comes in pages.
 */
export type Promised = {
	readonly type: 'promise';
	readonly view: View;
	readonly from: Slot;
	readonly until: Slot | null;
	readonly accepted: readonly Proposal[];
	/** Up to this slot the acceptor cannot say what it accepted: it stands in its checkpoint (rule R8), or went with an older memory (R12). */
	readonly since: Slot;
	/** The slot that admitted this memory of the acceptor; 0 if it is its first. */
	readonly admitted: Slot;
	/** Up to this slot the acceptor has delivered the log. */
	readonly delivered: Slot;
};

/** Phase 2a. */
export type Accept = {
	readonly type: 'accept';
	readonly view: View;
	readonly slot: Slot;
	/**
	 * The latest slot before this one that holds an admission, as far as the primary knows; 0 if none. Who has not
	 * delivered it may not vote, as it may be replaced; nor may one that was admitted later (rule R12).
	 */
	readonly epoch: Slot;
	readonly value: Value;
};

/** Phase 2b. */
export type Accepted = {readonly type: 'accepted'; readonly view: View; readonly slot: Slot};

/** Of what the sender's clients said and was not delivered yet. */
export type Requests = {readonly type: 'request'; readonly requests: readonly Request[]};

/** I am behind: what is decided from this slot on? */
export type Ask = {readonly type: 'ask'; readonly from: Slot};

/** The answer: the values of consecutive slots, and how far the sender is. */
export type Decided = {
	readonly type: 'decided';
	readonly from: Slot;
	readonly values: readonly Value[];
	readonly delivered: Slot;
};

/** What you ask for lies behind my checkpoint, which stands at `since`: fetch that. */
export type Forgotten = {readonly type: 'forgotten'; readonly since: Slot};

/**
 * From a learner, at every beat: let me take part again, with this memory.
 * `after` is the slot of its latest admission that it knows, 0 if there is none: what an earlier memory asked
 * for, and comes late, is not heeded.
 */
export type Admit = {readonly type: 'admit'; readonly incarnation: string; readonly after: Slot};

/**
 * From host to host, for one that is too far behind: the chat after this position. The core does not look into it.
 * Of your checkpoint of this slot the text is here up to this offset; both are 0 if nothing of it is.
 */
export type Fetch = {
	readonly type: 'fetch';
	readonly after: number;
	readonly slot: Slot;
	readonly offset: number;
};

/** The answer: some lines of the chat log, as text, and after the last of them a piece of the checkpoint that they lead up to. */
export type Chunk = {
	readonly type: 'chunk';
	readonly after: number;
	readonly lines: string;
	readonly checkpoint: Piece | null;
};

/** Of the text of the sender's checkpoint of this slot, what stands at this offset. */
export type Piece = {
	readonly slot: Slot;
	readonly offset: number;
	readonly text: string;
	readonly isLast: boolean;
};

/** From host to host: what the whole state of the chat is after this slot, as 64 hex digits. */
export type Witness = {readonly type: 'witness'; readonly slot: Slot; readonly digest: string};

/** Messages that carry a view pass the gate in Replica. The others mean the same in every view. */
export type Message =
	| Heartbeat
	| Prepare
	| Promised
	| Accept
	| Accepted
	| Requests
	| Ask
	| Decided
	| Forgotten
	| Admit
	| Fetch
	| Chunk
	| Witness;

/** What a replica must not forget. Written to disk, read back at start. */
export type Entry =
	| {readonly type: 'view'; readonly view: View}
	| ({readonly type: 'accepted'} & Proposal)
	/** Without a value: what this replica has accepted for the slot, as the entries before this one say, is decided. */
	| {readonly type: 'decided'; readonly slot: Slot; readonly value?: Value};

/** An admission that had an effect, and its slot. A later one of the same replica has replaced this memory. */
export type Admitted = {readonly replica: ReplicaId; readonly incarnation: string; readonly slot: Slot};

/** All that can happen to a replica. `now` is the time of day in Unix milliseconds: it stamps batches, nothing else. */
export type Input =
	| {readonly type: 'tick'; readonly now: number}
	/** From clients of this replica. Requests that it has executed are kept away by the host. */
	| {readonly type: 'request'; readonly now: number; readonly requests: readonly Request[]}
	/** What a peer, or this replica itself, said at once. What it makes possible to propose goes into one batch. */
	| {
			readonly type: 'packet';
			readonly now: number;
			readonly from: ReplicaId;
			readonly messages: readonly Message[];
	  }
	/** The peer's process hung up, and dialing it again is refused. It may come back, and be heard again. */
	| {readonly type: 'disconnected'; readonly peer: ReplicaId}
	/** All up to this slot stands in a durable checkpoint and may be forgotten. */
	| {readonly type: 'checkpoint'; readonly slot: Slot}
	/** A piece of a checkpoint came in: whoever sends it is at work, as if it had let us deliver something. */
	| {readonly type: 'progress'}
	/** The state up to this slot was fetched from a peer, and stands in a durable checkpoint here; with it came who was admitted. */
	| {readonly type: 'install'; readonly slot: Slot; readonly admitted: readonly Admitted[]}
	/** Of what waits here, these will never do anything any more: executed without us, or their session is gone. */
	| {readonly type: 'settled'; readonly requests: readonly Request[]}
	/** For the demonstration: leave this slot out when its turn comes. Only while leading, only a slot that is not proposed yet. */
	| {readonly type: 'skip'; readonly slot: Slot}
	/** Forget the slots to be skipped. */
	| {readonly type: 'heal'};

/** A fact worth telling, with its reason as a sentence. Nothing depends on notes. */
export type Note = {
	readonly kind:
		| 'view' // entered a view
		| 'doubt' // doubts the primary, or trusts it again
		| 'campaign' // takes a view of its own, gathers promises
		| 'leader' // leads, or learned who does
		| 'hole' // a hole appeared, was filled, was closed
		| 'no-op' // proposes a no-op
		| 'proposal' // proposes again what an older view left open
		| 'skip' // left a slot out
		| 'lag' // is behind, asks, has caught up
		| 'admission' // a replica that lost its memory takes part again
		| 'busy'; // refused a request, or takes nothing for a while
	readonly view: View;
	readonly slot?: Slot;
	readonly peer?: ReplicaId;
	/** Without a full stop; the view and the replica are shown beside it. */
	readonly text: string;
};

export type Outgoing = {readonly to: ReplicaId | 'all'; readonly message: Message};
export type Decision = {readonly slot: Slot; readonly value: Value};

/**
 * All that a replica asks of its host. Messages wait for the writes of this
 * step and of all steps before it. Decisions wait for nothing: the disks of a
 * majority have them.
 */
export type Output = {
	readonly writes: readonly Entry[];
	/** 'all' includes the replica itself. */
	readonly messages: readonly Outgoing[];
	readonly decisions: readonly Decision[];
	/** Requests of clients that found no room and were not taken: try later, or elsewhere. */
	readonly busy: readonly Request[];
	/** A peer whose checkpoint is needed, as nobody remembers what comes next here; said again at every beat. */
	readonly fetchFrom: ReplicaId | null;
	readonly notes: readonly Note[];
};

/** Which memory a replica has: what it promised and voted for, on its disk. */
export type MemoryName = {
	/** No two memories have the same: 128 bits, in hex. */
	readonly incarnation: string;
	/** It was begun in place of one that is lost: until the log admits it, the replica is a learner (rule R12). */
	readonly isNewcomer: boolean;
};

/** What a replica says of its memory to the others; `groups`: how many groups of its journal are durable, so that an older copy is known. */
export type MemoryClaim = MemoryName & {readonly groups: number};

/** Durations are in ticks; the host chooses how long a tick is. */
export type Options = MemoryName & {
	readonly id: ReplicaId;
	/** Number of replicas, 2f + 1. Ids run from 0 to replicas - 1. */
	readonly replicas: number;
	/** The beat: how often a replica speaks up, and says again what got no answer. */
	readonly heartbeatTicks: number;
	/** How long a primary may be silent, or owe something, before it is doubted. */
	readonly patienceTicks: number;
	/** How long the others leave view 0 to replica 0 when the cluster starts for the first time. */
	readonly startPatienceTicks: number;
	/** How much longer each further replica in line waits before it campaigns. More than two beats. */
	readonly staggerTicks: number;
	/** How long a hole may stay before it is a debt. Infinity: until somebody kills the primary. */
	readonly holePatienceTicks: number;
	/** How many slots beyond its executed mark a primary may propose. */
	readonly windowSlots: number;
	/** Requests in one slot, and in one message. */
	readonly batchRequests: number;
	/** Size of a slot, and of a page of values: reached, nothing more is put in. Counted as sizeOf does. */
	readonly batchBytes: number;
	/** How much of what a checkpoint covers is kept for replicas that are behind. */
	readonly retainBytes: number;
	/**
	 * Delivered since the last checkpoint: reached, a replica takes nothing more until there is the next one. And
	 * accepted since then: reached, it votes for no slot that is further than a window from what it has delivered.
	 * Counted as sizeOf does.
	 */
	readonly backlogBytes: number;
	/** Requests a replica holds that are not delivered yet. Beyond that it is busy. */
	readonly queueRequests: number;
	/** Slots a primary leaves out on purpose, to show how a hole is closed. Only in the first view that it leads. */
	readonly skip: readonly Slot[];
};

/** What a replica knows of itself, for people to look at. */
export type ReplicaStatus = {
	readonly view: View;
	/** Who leads this view, as far as this replica has heard. */
	readonly leader: ReplicaId | null;
	readonly role: 'primary' | 'candidate' | 'backup' | 'learner';
	readonly isDoubting: boolean;
	/** The highest slot accepted, and the highest decided. */
	readonly accepted: Slot;
	readonly decided: Slot;
	readonly delivered: Slot;
	/** The lowest holes, at most sixteen. */
	readonly holes: readonly Slot[];
	/** Requests held that are not delivered yet. */
	readonly waiting: number;
	/** Slots to be skipped. */
	readonly skips: readonly Slot[];
};
