/** What goes wrong in a world: chances of things to happen, to a message or at each event. */
export type Faults = {
	/** A message is lost, or repeated, or takes up to twenty times as long as usual. */
	readonly loss: number;
	readonly repeat: number;
	readonly late: number;
	/** A replica crashes, or starts again. */
	readonly crash: number;
	/** All crash at once and start again. */
	readonly blackout: number;
	/** Links are cut, or mended. */
	readonly cut: number;
	readonly oneWay: boolean;
	/** A disk stops, or goes on. */
	readonly stall: number;
	/** A connection is reported closed although nothing is wrong. */
	readonly glitch: number;
	/** Somebody orders the primary to leave a slot out. */
	readonly skip: number;
	/** Somebody's time of day jumps by up to a day. */
	readonly jump: number;
	/** A client starts anew with its secret, and remembers nothing else. */
	readonly amnesia: number;
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
	crash: 0,
	blackout: 0,
	cut: 0,
	oneWay: false,
	stall: 0,
	glitch: 0,
	skip: 0,
	jump: 0,
	amnesia: 0,
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
	'well',
] as const;
export type Affliction = (typeof afflictions)[number];
