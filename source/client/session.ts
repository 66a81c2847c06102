import type {ReplicaId, Request, Slot} from '../consensus/types.ts';
import {clientOf, newNonce} from '../network/auth.ts';
import {refusalOf} from '../network/client-wire.ts';
import type {Reply} from '../network/events.ts';
import {safeLine} from '../safe-text.ts';
import type {ClientStore} from './client-store.ts';

/** What came of a message; there is exactly one for each. */
export type Result = {
	/** Its number in the session; null if it never got one. */
	readonly sequence: number | null;
	/** How often it was sent again. */
	readonly retries: number;
} & (
	| {readonly status: 'ok'; readonly position: number; readonly slot: Slot}
	/** `failed`: it does not stand in the log. `unknown`: it may, once, or it may not. */
	| {readonly status: 'failed' | 'unknown'; readonly why: string}
);

/** What a session needs of its client. */
export type Speaker = {
	/** Say this session's request, together with all that others say in this turn. */
	speak(session: Session): void;
	/** From now on it speaks as another client. */
	renamed(session: Session, before: string): void;
	readonly store: ClientStore;
};

/** Told by a person, a message has a key in the store; told by a program it has none, and costs nothing there. */
type Words = {
	readonly nick: string;
	readonly text: string;
	readonly done: (result: Result) => void;
	readonly key: number;
};

/**
 * One speaker of the chat, with sequence numbers of its own. It has one
 * request under way at a time and repeats it under the same number until it
 * is answered, so a message is executed at most once, however often it is
 * sent; the others wait in order.
 *
 * It opens itself through the log before its first message. A session made
 * with the secret of an earlier one goes on after the last number executed
 * there; messages of the earlier life must have been settled by then.
 */
export class Session {
	readonly nick: string;
	/** Its client's notes: its number on the present connection, null if it has not been entered there, … */
	number: number | null = null;
	/** … since when its request is not answered by the present replica, and until when it waits for one that is too busy. */
	saidAt: number | null = null;
	busyUntil: number | null = null;
	#secret: string;
	#client: string;
	readonly #speaker: Speaker;
	/** Said and not under way yet, from `#next` on. */
	#queue: Words[] = [];
	#next = 0;
	#words: Words | null = null;
	/** What is not answered yet: the message under way, or the opening before it. */
	#request: Request | null = null;
	/** How often the request, and the message under way, were sent. */
	#sent = 0;
	#wordsSent = 0;
	#busy = 0;
	/** The slot that opened the session; 0: not open. */
	#session: Slot = 0;
	/** The last number that was settled. */
	#sequence = 0;
	#ended: string | null = null;

	constructor(speaker: Speaker, nick: string, secret: string = newNonce()) {
		this.#speaker = speaker;
		this.nick = nick;
		this.#secret = secret;
		this.#client = clientOf(secret);
	}

	/** What proves that this speaker owns its session. */
	get secret(): string {
		return this.#secret;
	}

	/** The hash of the secret: the name of this client in the log. */
	get client(): string {
		return this.#client;
	}

	/** For people: it is shown in the store until it is settled, and a while longer. */
	say(text: string, nick: string = this.nick): Promise<Result> {
		return new Promise(done => {
			this.#take({nick, text, done, key: this.#speaker.store.say(this.client, nick, text)});
		});
	}

	/** For programs: `done` is called once, never before this returns. */
	send(text: string, done: (result: Result) => void, nick: string = this.nick): void {
		this.#take({nick, text, done, key: 0});
	}

	/** Takes a message back that nobody was told yet; says whether it could. */
	unsay(key: number): boolean {
		const end = {sequence: null, retries: 0, status: 'failed', why: 'taken back'} as const;
		if (this.#words?.key === key) {
			if (this.#wordsSent > 0) return false;
			this.#settle(end);
			return true;
		}

		const index = this.#queue.findIndex((words, at) => at >= this.#next && words.key === key);
		if (index === -1) return false;
		const [words] = this.#queue.splice(index, 1);
		this.#report(words!, end);
		return true;
	}

	/** What is to be said, and said again, until it is answered. */
	get request(): Request | null {
		return this.#request;
	}

	get isWaiting(): boolean {
		return this.#request !== null;
	}

	/** `busy` answers to the request so far. */
	get busy(): number {
		return this.#busy;
	}

	/** The request went out to this replica. Returns whether it had been sent before. */
	onSent(replica: ReplicaId): boolean {
		this.#sent++;
		if (this.#words !== null && this.#request !== null && this.#request.sequence > 0) {
			this.#wordsSent++;
			if (this.#words.key > 0) this.#speaker.store.sent(this.#words.key, this.#request, replica);
		}

		return this.#sent > 1;
	}

	/** Whatever does not answer the request under way is late, and says nothing new. */
	onAnswer(answer: Reply): void {
		const request = this.#request;
		if (request === null) return;
		if (answer.status === 'opened') {
			// Of an earlier opening, ours or of an earlier life, it would lead into a session that is over.
			if (request.session === 0 && answer.nonce === request.text)
				this.#onOpened(answer.session, answer.sequence);
			return;
		}

		if (answer.session !== request.session || answer.sequence !== request.sequence) return;
		const {sequence} = request;
		switch (answer.status) {
			case 'ok':
				if (sequence === 0) return;
				this.#sequence = sequence;
				this.#settle({...this.#facts(), status: 'ok', position: answer.position, slot: answer.slot});
				break;
			case 'busy':
				this.#busy++;
				return;
			case 'refused':
				this.#onRefused(sequence, safeLine(answer.why));
				break;
			case 'expired': {
				const facts = this.#facts();
				this.#renew();
				const why = 'the session is no longer remembered: the message may or may not stand in the log';
				this.#settle({...facts, status: 'unknown', why});
				break;
			}
			case 'gap':
				// Nobody but us gives the numbers: opening again tells which one is right.
				this.#session = 0;
				this.#settle({
					...this.#facts(),
					status: 'failed',
					why: `the session lost count: ${sequence} is not its next number`,
				});
				break;
		}
	}

	/** Settles everything that waits: no answer will be heard any more. */
	end(why: string): void {
		this.#ended = why;
		const words = [this.#words, ...this.#queue.slice(this.#next)];
		const facts = this.#facts();
		this.#request = null;
		this.#words = null;
		this.#queue = [];
		this.#next = 0;
		for (const each of words) {
			if (each === null) continue;
			const isUnknown = each === words[0] && facts.sequence !== null;
			const unsent = {sequence: null, retries: 0};
			if (isUnknown) this.#report(each, {...facts, status: 'unknown', why});
			else this.#report(each, {...unsent, status: 'failed', why: 'it was never sent'});
		}
	}

	#take(words: Words): void {
		const {nick, text, key} = words;
		// As its session and number will be valid, all that can be wrong is known now.
		const refusal = this.#ended ?? refusalOf({client: this.client, session: 1, sequence: 1, nick, text});
		if (refusal !== undefined) {
			if (key > 0) this.#speaker.store.settle(key, {state: 'failed', why: refusal});
			const result: Result = {sequence: null, retries: 0, status: 'failed', why: refusal};
			queueMicrotask(() => words.done(result));
			return;
		}

		if (this.#words !== null) {
			this.#queue.push(words);
			return;
		}

		this.#words = words;
		this.#begin();
	}

	/** The message under way has its turn: ask for it, or first for the session. */
	#begin(): void {
		const {nick, text} = this.#words!;
		this.#sent = 0;
		this.#wordsSent = 0;
		this.#busy = 0;
		this.#request =
			this.#session === 0
				? {client: this.client, session: 0, sequence: 0, nick, text: newNonce()}
				: {client: this.client, session: this.#session, sequence: this.#sequence + 1, nick, text};
		this.#speaker.speak(this);
	}

	#onRefused(sequence: number, why: string): void {
		// The number was not used up: it is the next message's.
		if (this.#wordsSent <= 1) this.#settle({...this.#facts(), status: 'failed', why});
		else {
			// Others may have taken it before. Then its number must not be given to another message;
			// and if they have not, that will be told as a gap.
			this.#sequence = sequence;
			this.#settle({...this.#facts(), status: 'unknown', why});
		}
	}

	/** Under a name of its own: in a new session of the old name the numbers would begin anew, and name two messages alike. */
	#renew(): void {
		const before = this.#client;
		this.#secret = newNonce();
		this.#client = clientOf(this.#secret);
		this.#session = 0;
		this.#sequence = 0;
		this.#speaker.renamed(this, before);
	}

	#onOpened(session: Slot, sequence: number): void {
		this.#session = session;
		this.#sequence = sequence;
		this.#begin();
	}

	#settle(result: Result): void {
		const words = this.#words!;
		const next = this.#queue[this.#next];
		this.#request = null;
		this.#words = null;
		this.#wordsSent = 0;
		if (next !== undefined) {
			this.#words = next;
			this.#next++;
			if (this.#next === this.#queue.length) {
				this.#queue = [];
				this.#next = 0;
			}

			this.#begin();
		}

		this.#report(words, result);
	}

	#report({key, done}: Words, result: Result): void {
		if (key > 0) {
			const {store} = this.#speaker;
			if (result.status === 'ok')
				store.settle(key, {state: 'decided', position: result.position, slot: result.slot});
			else store.settle(key, {state: 'failed', why: result.why, isUnknown: result.status === 'unknown'});
		}

		done(result);
	}

	#facts(): {sequence: number | null; retries: number} {
		const sequence = this.#wordsSent > 0 ? (this.#request?.sequence ?? null) : null;
		return {sequence, retries: Math.max(0, this.#wordsSent - 1)};
	}
}
