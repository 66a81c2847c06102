/** What goes wrong all the time, at a rate that a world has. */
export const habits = {
	loss: 'a message is lost',
	repeat: 'a message arrives twice',
	late: 'a message takes up to twenty times as long as usual, and others overtake it',
	drift: 'a replica counts its ticks faster or slower than others',
	write: 'writes take longer, and how long is different each time',
} as const;

/** What strikes now and then: chances at each event of a world. */
export const strikes = {
	crash: 'a replica dies, and starts again later; of what was not synced any prefix is left',
	'crash in a write':
		'a replica dies while a group is being written, which is then there as a whole or not at all',
	'crash in a checkpoint': 'a replica dies while it makes a checkpoint, or installs one that it fetched',
	blackout: 'all replicas die at once, and start again one after the other',
	'sync error': 'a sync fails; that is final, the replica stops and is started again later',
	'full disk': 'a write finds no room; the replica stops, and cannot start before there is some',
	'stalled disk': 'writes do not end, or go on',
	'slow disk': 'the disk of one replica takes thirty times as long for a while',
	'lost directory':
		'a replica dies, and its directory is gone: it must never vote again, or be admitted with a new one',
	'lost sectors': 'the power goes while a group is being written: any of its sectors are there, in any order',
	'garbled sector': 'the power goes while a group is being written, and the last sector of it is rubbish',
	'short write': 'the disk takes a part of a group, and then the power goes',
	'failed sync reads well':
		'a sync fails, and the next start can read what it did not bring to the disk; then the power goes',
	'flipped bit':
		'a replica dies, and a bit of its journal has turned, or of the watermark: refused, or no harm is done',
	'misdirected write':
		'a replica dies, and a sector of its journal holds what belongs elsewhere, or nothing: the same',
	'damaged checkpoint':
		'a replica dies, and its newest checkpoint is damaged, or both are: it starts from what is left, if that suffices',
	'old copy': 'an earlier copy of a directory takes its place: whoever has met that replica refuses it',
	'old directory': 'a directory that was lost is found and put back, in place of the one that was begun anew',
	'lost promise':
		'a replica that promised a candidate loses its directory at once, begins anew, and hears for a while only who led before',
	'early return':
		'while it is being decided that a replica takes part with a new memory, the old one is put back, and later the new one again',
	'missed admission':
		'a replica that voted for such an admission hears no more of it, and is left alone with the memory that was replaced',
	pause: 'a replica stands still, and then all that it missed comes at once',
	jump: 'the time of day of a replica jumps by up to a day',
	glitch: 'a connection is reported closed although nothing is wrong',
	cut: 'the links of a replica are cut, in both directions',
	'one-way cut': 'the links of a replica are cut, each in one direction or both',
	mend: 'all links work again',
	flap: 'a link goes down and comes up, again and again',
	'slow link': 'a link takes thirty times as long for a while',
	deafness: 'a replica sends and does not receive, for a while',
	muteness: 'a replica receives and does not send, for a while',
	'quorum loss': 'all see one replica only, which sees all (Omni-Paxos, figure 1a)',
	constrained:
		'the primary is gone, and of the others all see one only, which was cut off before (figure 1b)',
	chained: 'each sees two neighbours at most (figure 1c)',
	'interrupted transfer': 'whoever sends a checkpoint is cut off from the one who needs it',
	'hasty checkpoint': 'a replica makes a checkpoint while another one asks for promises',
	skip: 'somebody orders the primary to leave a slot out',
	amnesia: 'a client starts anew with its secret, and remembers nothing else',
} as const;
export type Strike = keyof typeof strikes;

/** All kinds of faults, each with a sentence. */
export const faultKinds = {...habits, ...strikes};

/** What goes wrong in a world. */
export type Faults = {
	/** Chances for each message. */
	readonly loss: number;
	readonly repeat: number;
	readonly late: number;
	/** Chances at each event. */
	readonly strikes: Readonly<Partial<Record<Strike, number>>>;
	/** Shortest and longest way of a message that is not late, in units. */
	readonly delay: readonly [number, number];
	/** Shortest and longest time of a write, in units. */
	readonly write: readonly [number, number];
	/** How much faster or slower than others a replica counts its ticks. */
	readonly drift: number;
	/** Slots between two checkpoints; 0: none are made. */
	readonly checkpointSlots: number;
};

export const calm: Faults = {
	loss: 0,
	repeat: 0,
	late: 0,
	strikes: {},
	delay: [1, 8],
	write: [0, 4],
	drift: 0,
	checkpointSlots: 0,
};

/** What may be wrong with a replica for ever. */
export const afflictions = [
	'dead',
	'deaf',
	'mute',
	'links',
	'stalled',
	'grey',
	'flapping',
	'lossy',
	'blinking',
	'slow',
	'napping',
	'well',
] as const;
export type Affliction = (typeof afflictions)[number];
