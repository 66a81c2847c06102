import {admit} from '../consensus/membership.ts';
import type {Admitted, Request, Slot, Value} from '../consensus/types.ts';
import {chain, chainStart} from './hash-chain.ts';
import {encodeLine} from './line-text.ts';
import type {Answer, Line} from './types.ts';

/** A client that the chat remembers. A client has one session at a time. */
export type SessionState = {
	readonly client: string;
	/** The slot that opened it. */
	readonly session: Slot;
	/** Of the opening, to know that one again. */
	readonly nonce: string;
	/** The last executed; 0 before the first. */
	readonly sequence: number;
	/** Where the last executed stands: its stored answer. Both 0 before the first. */
	readonly position: number;
	readonly slot: Slot;
};

/** All that a chat must remember between slots: plain data, for a checkpoint. */
export type ChatState = {
	/** The last slot executed, and the last line written; 0 before the first. */
	readonly slot: Slot;
	readonly position: number;
	/** Of the last line, in Unix milliseconds. */
	readonly at: number;
	/** The hash chain after `slot`: 64 hex digits. */
	readonly hash: string;
	/** The one that executed longest ago first: it is the next to go. */
	readonly sessions: readonly SessionState[];
	/** All memories that were admitted (rule R12), in the order of the log; the last one of a replica has replaced those before it. */
	readonly admitted: readonly Admitted[];
};

/** What one slot did to the chat. */
export type Execution = {
	/** Its lines as they go into chat.log; '' if there are none. */
	readonly text: string;
	readonly lines: readonly Line[];
	readonly answers: readonly Answer[];
	/** Requests that had been executed before, and were answered from the session table. */
	readonly retries: number;
};

/** Slots whose hashes are kept, so that replicas which are not quite equally far can be compared. */
const hashesKept = 10_000;

/**
 * The replicated state machine: what a decided slot does to the chat. Every
 * replica executes the same slots in the same order and must come to the same
 * bytes, so nothing here may depend on a clock, a locale, a die or a setting
 * that is not the same everywhere.
 */
export class Chat {
	readonly #capacity: number;
	/**
	 * Of each client. A Map keeps the order of insertion, and whoever executes is
	 * inserted anew: the first is the one whose last execution lies furthest back
	 * in the log.
	 */
	readonly #sessions = new Map<string, Session>();
	/** The hash after slot s stands at s modulo its length. */
	readonly #hashes: string[] = [];
	#slot: Slot = 0;
	#position = 0;
	#at = 0;
	#hash: Buffer = chainStart;
	#admitted: readonly Admitted[] = [];
	#checkpoint = {slot: 0, hash: chainStart.toString('hex')};

	/**
	 * `sessions`: how many are remembered, at least 1. It changes what is
	 * executed and so must be the same on every replica.
	 * `from`: a state that an equal Chat returned; it goes on from there.
	 */
	constructor({sessions}: {readonly sessions: number}, from?: ChatState) {
		this.#capacity = sessions;
		if (!from) return;
		this.#slot = from.slot;
		this.#position = from.position;
		this.#at = from.at;
		this.#hash = Buffer.from(from.hash, 'hex');
		this.#hashes[from.slot % hashesKept] = from.hash;
		this.#checkpoint = {slot: from.slot, hash: from.hash};
		this.#admitted = from.admitted;
		for (const {client, ...session} of from.sessions) this.#sessions.set(client, session);
	}

	/** The last slot executed. */
	get slot(): Slot {
		return this.#slot;
	}

	/** Of the last line, from 1; 0 before the first. */
	get position(): number {
		return this.#position;
	}

	/** Of the last line, in Unix milliseconds. */
	get at(): number {
		return this.#at;
	}

	/** The hash chain after the last slot: 64 hex digits. */
	get hash(): string {
		return this.#hash.toString('hex');
	}

	/** Whose memory was replaced; see ChatState. */
	get admitted(): readonly Admitted[] {
		return this.#admitted;
	}

	/** Undefined if the slot is not executed yet or too long ago. */
	hashAt(slot: Slot): string | undefined {
		if (slot === this.#checkpoint.slot) return this.#checkpoint.hash;
		if (slot > this.#slot || slot <= this.#slot - hashesKept) return undefined;
		return this.#hashes[slot % hashesKept];
	}

	/** Executes the next slot. Throws if it is another one: that would be a bug of ours, and a hole in the log. */
	execute(slot: Slot, value: Value): Execution {
		if (slot !== this.#slot + 1) throw new Error(`slot ${slot} came to be executed after slot ${this.#slot}`);
		const lines: Line[] = [];
		const answers: Answer[] = [];
		let text = '';
		let retries = 0;
		for (const request of value.requests) {
			const {client, session, sequence} = request;
			const known = this.#sessions.get(client);
			const verdict = judge(request, known);
			switch (verdict) {
				case 'open':
					answers.push(this.#open(client, opened(slot, request.text, known)));
					break;
				case 'next': {
					const line = this.#say(slot, value.at, request, known!);
					lines.push(line);
					text += encodeLine(line);
					answers.push(okOf(client, known!));
					break;
				}
				case 'opened':
					answers.push(this.#open(client, known!));
					break;
				case 'again':
					retries++;
					answers.push(okOf(client, known!));
					break;
				case 'gap':
				case 'expired':
					answers.push({status: verdict, client, session, sequence});
					break;
				case 'old':
					break;
			}
		}

		this.#admitted = admit(this.#admitted, slot, value);
		this.#forget();
		this.#slot = slot;
		this.#hash = chain(this.#hash, slot, text);
		this.#hashes[slot % hashesKept] = this.hash;
		return {text, lines, answers, retries};
	}

	/**
	 * The state proves that this request will never do anything any more: it was
	 * executed, be it long ago, or its session is gone. A session that was opened
	 * in a slot which is executed here, and that the table does not hold, never
	 * comes back; of a later one this replica, which lags, can say nothing.
	 */
	hasSettled(request: Request): boolean {
		const verdict = this.#judge(request);
		return verdict === 'again' || verdict === 'old' || verdict === 'opened' || this.#isGone(request, verdict);
	}

	/** The answer to a request that is settled and whose client may wait for it. Undefined says nothing about the request. */
	answerTo(request: Request): Answer | undefined {
		const {client, session, sequence} = request;
		const known = this.#sessions.get(client);
		const verdict = this.#judge(request);
		if (verdict === 'again') return okOf(client, known!);
		if (verdict === 'opened') return openedOf(client, known!);
		return this.#isGone(request, verdict) ? {status: 'expired', client, session, sequence} : undefined;
	}

	#judge(request: Request): Verdict {
		return judge(request, this.#sessions.get(request.client));
	}

	#isGone({session}: Request, verdict: Verdict): boolean {
		return verdict === 'expired' && session <= this.#slot;
	}

	/** For a checkpoint. A Chat made from it goes on exactly as this one does. */
	state(): ChatState {
		this.#checkpoint = {slot: this.#slot, hash: this.hash};
		const sessions = Array.from(this.#sessions, ([client, session]) => ({client, ...session}));
		return {
			slot: this.#slot,
			position: this.#position,
			at: this.#at,
			hash: this.hash,
			sessions,
			admitted: this.#admitted,
		};
	}

	#open(client: string, session: Session): Answer {
		this.#touch(client, session);
		return openedOf(client, session);
	}

	#say(slot: Slot, stamp: number, {client, sequence, nick, text}: Request, session: Session): Line {
		const position = ++this.#position;
		// Primaries stamp by their own clocks; a reader of the log shall never see time go back.
		this.#at = Math.max(this.#at, stamp);
		session.sequence = sequence;
		session.position = position;
		session.slot = slot;
		this.#touch(client, session);
		return {position, slot, client, sequence, nick, text, at: this.#at};
	}

	#touch(client: string, session: Session): void {
		this.#sessions.delete(client);
		this.#sessions.set(client, session);
	}

	/**
	 * Once a slot, after all of its requests: a session that went and came back
	 * within one slot would have the same name twice, and could execute a number twice.
	 */
	#forget(): void {
		for (const client of this.#sessions.keys()) {
			if (this.#sessions.size <= this.#capacity) return;
			this.#sessions.delete(client);
		}
	}
}

/** What the table holds of a client. */
type Session = {-readonly [Key in Exclude<keyof SessionState, 'client'>]: SessionState[Key]};

type Verdict = 'open' | 'opened' | 'next' | 'again' | 'old' | 'gap' | 'expired';

/** Rule R11: a session executes number k + 1 only after k, and each only once. */
function judge({session, sequence, text}: Request, known: Session | undefined): Verdict {
	if (session === 0 && sequence === 0) return known?.nonce === text ? 'opened' : 'open';
	if (known?.session !== session) return 'expired';
	if (sequence > known.sequence + 1) return 'gap';
	if (sequence > known.sequence) return 'next';
	// A session that has executed nothing yet has no answer to give, whatever number it goes on from.
	if (sequence === known.sequence && known.position > 0) return 'again';
	// Its answer is no longer known. Nobody waits for it: a client says its next when it has the answer to its last.
	return 'old';
}

/**
 * A client has one session. Another opening ends the one before, so that what
 * is still under way in there cannot take a number of the new one; its numbers
 * go on, so that a client and a number name one message for ever.
 */
const opened = (slot: Slot, nonce: string, before: Session | undefined): Session => ({
	session: slot,
	nonce,
	sequence: before?.sequence ?? 0,
	position: 0,
	slot: 0,
});

const openedOf = (client: string, {session, nonce, sequence}: Session): Answer => ({
	status: 'opened',
	client,
	nonce,
	session,
	sequence,
});

const okOf = (client: string, {session, sequence, position, slot}: Session): Answer => ({
	status: 'ok',
	client,
	session,
	sequence,
	position,
	slot,
});
