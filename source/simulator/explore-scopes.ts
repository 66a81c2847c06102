/** How often a thing may happen. Within these bounds everything that can happen does, in every order. */
export type Bounds = {
	/** Views 0 to one less than this. */
	readonly views: number;
	/** How often each of the two clients may say its one message: to any replica, and again to any other. */
	readonly says: readonly [number, number];
	/** A machine that crashed may start again at any time. */
	readonly crashes: number;
	/** A replica is told that the connection to its primary is closed. */
	readonly doubts: number;
	readonly beats: number;
	/** A packet arrives and is still under way. That packets are lost needs no bound: nobody has to deliver them. */
	readonly repeats: number;
	readonly checkpoints: number;
	/** The directory of a replica is lost, and it begins anew; as long as no more than a minority of them is lost. */
	readonly losses: number;
	/** The directory that was lost is found, and takes the place of the new one; or that one comes back. */
	readonly exchanges: number;
};

/** A small world, and all that may become of it. */
export type Scope = Bounds & {
	/**
	 * nothing: nobody has ever run. sessions: replica 0 leads view 0, and both clients have opened their sessions.
	 * vote: then replica 0 died in the middle of its write, and replica 2 alone holds what it had proposed; replica 1
	 * leads view 1 with replica 0, and knows nothing of it. admission: replica 2 lost its directory and began anew; its
	 * admission is decided by the votes of the other two, and replica 0 alone has heard of that. returned: then replica
	 * 2 heard of it, replica 0 proposes ada's message, and replica 1, which has not heard, asks for promises in view 1.
	 * promised: replica 0 alone holds what it proposes in view 0; replica 1 leads view 1 with the promise of replica 2, which
	 * then lost its directory and began anew, and has heard of view 0 alone. overtaken: replica 2 led view 2, where bob's
	 * message was decided with the vote of replica 1, behind a slot of which nobody else has heard. Then it lost its
	 * directory and began anew; replica 0, still in view 0, alone holds its admission, in the slot before. Replica 1 leads
	 * view 4 with its promise, and the new memory is about to hear what is decided there.
	 */
	readonly from: 'nothing' | 'sessions' | 'vote' | 'admission' | 'returned' | 'promised' | 'overtaken';
	/** A machine that writes does nothing else before the write has ended, unless it crashes; or all else as well. */
	readonly writes: 'first' | 'beside';
};

const none: Scope = {
	from: 'sessions',
	writes: 'first',
	views: 1,
	says: [0, 0],
	crashes: 0,
	doubts: 0,
	beats: 0,
	repeats: 0,
	checkpoints: 0,
	losses: 0,
	exchanges: 0,
};

/** Small enough to be seen whole in seconds. */
const quick = {
	/** Nobody has ever led: who is the first? */
	birth: {...none, from: 'nothing', views: 2, crashes: 1, beats: 1},
	/** One message, and one crash anywhere. */
	message: {...none, says: [1, 0], crashes: 1},
	/** It is said twice, and something arrives twice. */
	again: {...none, says: [2, 0], repeats: 1},
	/** Writes take as long as they like, and those who wait share the next one. */
	writes: {...none, writes: 'beside', says: [1, 0], crashes: 1},
	/** Another primary takes over while a message is under way. */
	succession: {...none, says: [1, 0], views: 2, doubts: 2},
	/** And one after that. */
	views: {...none, views: 3, doubts: 4},
	/** What one replica alone has voted for meets what a later view decides. */
	vote: {...none, from: 'vote', says: [0, 1], views: 3, doubts: 2},
	/** Somebody forgets what is decided, and somebody else has not heard of it. */
	checkpoint: {...none, checkpoints: 1, crashes: 1, beats: 2},
	/** A directory is lost at any time, a new one waits to be admitted, and the old one may come back. */
	loss: {...none, losses: 1, exchanges: 1},
	/** A replica has been admitted with a new memory, hears of it, and may forget it again. */
	admission: {...none, from: 'admission', crashes: 1, beats: 1},
	/** Its old memory comes back while another primary takes over. */
	returned: {...none, from: 'returned', says: [0, 1], views: 2, exchanges: 1, beats: 1},
	/** What an older memory had promised, the new one does not know. */
	promised: {...none, from: 'promised', says: [1, 0], views: 2},
	/** An admission is older than what is decided behind it. */
	overtaken: {...none, from: 'overtaken', says: [1, 0], views: 6, doubts: 2},
} as const satisfies Record<string, Scope>;

/** As far as patience goes. */
const long = {
	/** Two messages race, one of them said twice. */
	race: {...none, says: [2, 1]},
	/** A primary fails and another follows, with a crash anywhere. */
	fall: {...none, says: [1, 0], views: 2, doubts: 2, crashes: 1},
	/** Two primaries after each other, and a crash anywhere. */
	falls: {...none, views: 3, doubts: 4, crashes: 1},
	/** A checkpoint, and another primary that may not have heard of what it covers. */
	forgetting: {...none, says: [1, 0], views: 2, doubts: 2, checkpoints: 1, beats: 2, crashes: 1},
	/** Two directories are lost, one after the other or twice the same; and found again. */
	losses: {...none, losses: 2, exchanges: 2, crashes: 1, beats: 2},
	/** The old memory and the new one take turns, while primaries fail. */
	exchanges: {
		...none,
		from: 'returned',
		says: [1, 1],
		views: 3,
		doubts: 2,
		crashes: 1,
		losses: 1,
		exchanges: 2,
	},
	/** The same, and more that may go wrong. */
	promises: {
		...none,
		from: 'promised',
		says: [1, 0],
		views: 3,
		doubts: 2,
		crashes: 1,
		losses: 1,
		exchanges: 1,
	},
	/** All of it. */
	all: {
		...none,
		writes: 'beside',
		says: [2, 2],
		views: 3,
		doubts: 4,
		crashes: 2,
		beats: 2,
		repeats: 1,
		checkpoints: 1,
		losses: 1,
		exchanges: 1,
	},
} as const satisfies Record<string, Scope>;

export const scopes = {...quick, ...long};
export type ScopeName = keyof typeof scopes;
export const quickScopes = Object.keys(quick) as ScopeName[];
export const longScopes = Object.keys(long) as ScopeName[];
