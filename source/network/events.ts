import type {Answer, Line} from '../chat/types.ts';
import type {MemoryClaim, Note, ReplicaId, ReplicaStatus, Slot} from '../consensus/types.ts';

/**
 * The language of the wire: every event, who says it, and what it carries.
 * Both directions of every connection begin with a handshake, in which the
 * server speaks first:
 *
 *   challenge  server -> dialer   who I am, and a nonce
 *   hello      dialer -> server   my role, and for replicas and administrators the proof that I know the secret
 *   welcome    server -> dialer   for replicas and administrators the server's own proof
 *   refused    server -> dialer   one line why, and the connection is closed
 *   lost       server -> dialer   to a replica, with a proof: I have met you when you had another memory
 *
 * A proof is HMAC-SHA256(secret, role, ids of both ends, identity of the cluster, both nonces, incarnation), in hex; the secret never travels.
 */
export const protocolVersion = 7;
/** Paths of the two socket.io engines that share a port, so that peers and clients have limits of their own. */
export const paths = {peers: '/peers/', clients: '/clients/'} as const;
/** What every replica of a cluster must have in common, beside the secret: `n` and a digest of what changes the replicated state. */
export type Identity = {readonly cluster: string; readonly replicas: number; readonly rules: string};

export type Challenge = Identity & {readonly version: number; readonly id: ReplicaId; readonly nonce: string};
export type Hello =
	| {readonly role: 'client' | 'monitor'; readonly version: number}
	| {readonly role: 'administrator'; readonly version: number; readonly nonce: string; readonly proof: string}
	| (Identity &
			MemoryClaim & {
				readonly role: 'replica';
				readonly version: number;
				readonly id: ReplicaId;
				readonly nonce: string;
				readonly proof: string;
			});

/** How things stand at a replica, for its clients: sent in the welcome, and whenever it changes. */
export type Weather = {
	readonly view: number;
	readonly leader: ReplicaId | null;
	readonly position: number;
	readonly executed: Slot;
	/** A majority can be heard by this replica, itself included. */
	readonly hasQuorum: boolean;
	/** What everything waits for: the lowest hole, if there is one. */
	readonly hole: Slot | null;
	/** For want of room on these disks no new messages are taken; none: they are. */
	readonly full: readonly ReplicaId[];
};
export type Welcome = {
	readonly id: ReplicaId;
	readonly proof: string | null;
	readonly weather: Weather;
	/** Started with --faults: takes fault orders. */
	readonly hasFaults: boolean;
};

/**
 * A client proves that it owns sessions, by the secrets whose hashes are its
 * client ids. No answer. Secrets are counted from 0, over all that were said on
 * this connection: by its number, not its id, a client is called in `say` and `said`.
 */
export type Enter = {readonly secrets: readonly string[]};
/** A request of one of this connection's clients. */
export type SayRow = readonly [speaker: number, session: Slot, sequence: number, nick: string, text: string];
/** What became of one: where it stands, or else its status with what belongs to that: the nonce of an opening, the reason why not. */
export type SaidRow =
	| readonly [speaker: number, session: Slot, sequence: number, position: number, slot: Slot]
	| readonly [speaker: number, session: Slot, sequence: number, status: 'opened', nonce: string]
	| readonly [speaker: number, session: Slot, sequence: number, status: 'expired' | 'gap']
	| readonly [speaker: number, session: Slot, sequence: number, status: 'busy' | 'refused', why: string];
/** It did not go into the log. `busy`: try the same again later. `refused`: it never will. */
export type TurnedAway = {
	readonly status: 'busy' | 'refused';
	readonly client: string;
	readonly session: Slot;
	readonly sequence: number;
	readonly why: string;
};
/** A row of `said` as its hearer has it. */
export type Reply = Numbered<Answer | TurnedAway>;
/** By the number of its client on the connection. */
type Numbered<T> = T extends unknown ? Omit<T, 'client'> & {readonly speaker: number} : never;
export type Said = readonly Reply[];
/** Send me the lines after this position, and from then on the new ones. */
export type Follow = {readonly after: number};
/**
 * Lines in order without gaps. `isLive`: the follower is now in the room and hears new lines by itself;
 * otherwise this is a page of history, and it asks for the next by another `follow`.
 */
export type Lines = {readonly lines: readonly Line[]; readonly isLive: boolean};
export type LinesRows = {readonly lines: readonly LineRow[]; readonly isLive: boolean};
export type LineRow = readonly [
	position: number,
	slot: Slot,
	client: string,
	sequence: number,
	nick: string,
	text: string,
	at: number,
];

/** What a replica says of itself to its monitors: five times a second; half as often while it is as it was. */
export type Status = ReplicaStatus & {
	readonly id: ReplicaId;
	readonly now: number;
	readonly executed: Slot;
	/** Lines in its chat log. */
	readonly messages: number;
	/** The hash chain after slot `hashSlot`, in hex. */
	readonly hash: string;
	readonly hashSlot: Slot;
	/** Slots before this one lie behind a checkpoint. */
	readonly since: Slot;
	readonly clients: number;
	/** Peers it hears. */
	readonly hears: readonly ReplicaId[];
	readonly faults: {readonly loss: number; readonly isIsolated: boolean; readonly dropped: number} | null;
	/** Counts since it started, for evidence: requests answered from the session table, views entered, no-ops executed. */
	readonly counts: {readonly retriesAnswered: number; readonly viewsEntered: number; readonly noOps: number};
	/** Of its last slots; for the log grid. */
	readonly slots?: SlotStates;
};
/** What stands in slots from `from` on: a letter for each (see slot-states.ts), and the view in which it was accepted (-1: in none). */
export type SlotStates = {readonly from: Slot; readonly states: string; readonly views: readonly number[]};
/** A note, stamped where it was made. */
export type StampedNote = Note & {readonly replica: ReplicaId; readonly at: number};

/** The hash after a slot; null if this replica cannot tell (not executed yet, or too long ago). */
export type HashOf = {readonly slot: Slot};
export type Hash = {readonly slot: Slot; readonly hash: string | null; readonly executed: Slot};

/** Fault orders, from administrators, to replicas that run with --faults. */
export type Order =
	| {readonly kind: 'kill' | 'isolate' | 'heal'}
	/** Null: the primary's next free slot. */
	| {readonly kind: 'skip'; readonly slot: Slot | null}
	| {readonly kind: 'loss'; readonly probability: number};
export type Done =
	| {readonly ok: true; readonly slot?: Slot}
	/** `slot`: of a refused skip, the next free one. */
	| {readonly ok: false; readonly why: string; readonly slot?: Slot};

export type ClientToServer = {
	hello: (hello: Hello) => void;
	enter: (enter: Enter) => void;
	/** Gathered over one turn of the event loop. */
	say: (say: readonly SayRow[]) => void;
	follow: (follow: Follow) => void;
	hash: (of: HashOf) => void;
	/** Administrators only. */
	order: (order: Order) => void;
};
export type ServerToClient = {
	challenge: (challenge: Challenge) => void;
	welcome: (welcome: Welcome) => void;
	refused: (why: string) => void;
	/** Gathered over one step. */
	said: (said: readonly SaidRow[]) => void;
	lines: (lines: LinesRows) => void;
	weather: (weather: Weather) => void;
	status: (status: Status) => void;
	notes: (notes: readonly StampedNote[]) => void;
	hash: (hash: Hash) => void;
	done: (done: Done) => void;
};

/**
 * Between replicas. The dialer hears; the server speaks, into the rooms `replicas` and `replica:ID`.
 * A packet is a list of messages, each in the form that `wire.ts` gives it (values encoded once, as text).
 */
export type PeerWelcome = MemoryClaim & {readonly id: ReplicaId; readonly proof: string};
/** So many groups of the server's journal are durable by now, and whether its disk has more room than the reserve. */
export type DiskReport = {readonly groups: number; readonly hasRoom: boolean};
export type PeerToServer = {hello: (hello: Hello) => void};
export type ServerToPeer = {
	challenge: (challenge: Challenge) => void;
	welcome: (welcome: PeerWelcome) => void;
	/** The memory is that which the server remembers. */
	lost: (lost: PeerWelcome) => void;
	refused: (why: string) => void;
	message: (messages: readonly unknown[]) => void;
	/** Said to whoever comes in, every now and then, and when there is no more room, or room again. */
	disk: (report: DiskReport) => void;
};

/** Limits of what people say: bytes of UTF-8 in a text, and what a nick may be. */
export const textBytes = 4096;
export const nickPattern = /^[\p{L}\p{N}_-]{1,16}$/u;
/** The hash of a client's secret: the first 32 hex digits of SHA-256. */
export const clientPattern = /^[0-9a-f]{32}$/;
