import type {Slot} from '../consensus/types.ts';

/** One executed message: a line of chat.log, with its keys in this order. */
export type Line = {
	/** From 1, without gaps. */
	readonly position: number;
	readonly slot: Slot;
	readonly client: string;
	readonly sequence: number;
	readonly nick: string;
	readonly text: string;
	/** Unix milliseconds, never less than in the line before. */
	readonly at: number;
};

/** What came of a request. It names the session and sequence it answers. */
export type Answer =
	| {
			readonly status: 'ok';
			readonly client: string;
			readonly session: Slot;
			readonly sequence: number;
			readonly position: number;
			readonly slot: Slot;
	  }
	/** To the opening with this nonce: the session, and the last number that was used before. */
	| {
			readonly status: 'opened';
			readonly client: string;
			readonly nonce: string;
			readonly session: Slot;
			readonly sequence: number;
	  }
	/** The table does not hold this session (any more): nothing was executed now, what happened before is unknown. */
	| {readonly status: 'expired'; readonly client: string; readonly session: Slot; readonly sequence: number}
	/** Not the next number of its session: executed nothing, and never will under this number unless the gap is closed. */
	| {readonly status: 'gap'; readonly client: string; readonly session: Slot; readonly sequence: number};
