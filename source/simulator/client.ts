import type {Answer} from '../chat/types.ts';
import type {ReplicaId, Request} from '../consensus/types.ts';
import type {World} from './world.ts';

/**
 * A client with one session, opened through the log: one request at a time,
 * said again now and then, under the same number, until a replica that it asked
 * answers. If its session is gone, the message is given up as unknown, and the
 * next one opens a new session.
 */
export class Client {
	readonly name: string;
	/** As on the wire: 32 hex digits. */
	readonly id: string;
	/** Whom it talks to next. */
	choose: () => ReplicaId;
	/** How many messages it began to say, was told the position of, and gave up. */
	said = 0;
	answered = 0;
	unknown = 0;
	/** Longest time that an answer took. */
	worst = 0;
	#session = 0;
	#sequence = 0;
	/** What it wants said, until it knows what came of it. */
	#text: string | undefined;
	#request: Request | undefined;
	#since = 0;
	#stop = 0;
	#isChatting = false;
	#openings = 0;
	/** Numbers the waits, so that a repetition that was planned for an earlier one does nothing. */
	#wait = 0;
	readonly #world: World;

	constructor(world: World, name: string, choose: () => ReplicaId) {
		this.#world = world;
		this.name = name;
		this.id = Buffer.from(name).toString('hex').padEnd(32, '0').slice(0, 32);
		this.choose = choose;
		world.clients.set(this.id, this);
	}

	get isWaiting(): boolean {
		return this.#text !== undefined;
	}

	/** How long the present message has been without an answer, or the slowest one was. */
	get patience(): number {
		return Math.max(this.worst, this.isWaiting ? this.#world.events.now - this.#since : 0);
	}

	/** Opens its session before it has anything to say. */
	open(): void {
		if (!this.#request) this.#begin();
	}

	/** False if it still waits for its last answer. */
	say(text = `${this.name} says ${this.said + 1}`): boolean {
		if (this.isWaiting) return false;
		this.said++;
		this.#text = text;
		this.#since = this.#world.events.now;
		if (!this.#request) this.#begin();
		return true;
	}

	/** Says so many things, with pauses up to so long. */
	chat(count: number, pause: number): void {
		this.#stop = this.said + count;
		if (this.#isChatting) return;
		this.#isChatting = true;
		const next = () => {
			this.#isChatting = this.said < this.#stop;
			if (!this.#isChatting) return;
			this.say();
			this.#world.events.later(1 + this.#world.random.below(pause), next);
		};
		next();
	}

	hush(): void {
		this.#stop = 0;
	}

	/** It knows its secret and nothing else, as after a crash: what was under way may stand in the log or not. */
	restart(): void {
		this.#world.see('a client started anew with its secret');
		if (this.isWaiting) this.unknown++;
		this.#session = 0;
		this.#request = undefined;
		this.#text = undefined;
	}

	/** From a replica that it asked. */
	onAnswer(answer: Answer): void {
		const request = this.#request;
		if (!request || answer.client !== this.id) return;
		if (answer.status === 'opened') {
			// Of an earlier opening it would lead into a session that is over.
			if (request.session !== 0 || answer.nonce !== request.text) return;
			this.#session = answer.session;
			this.#sequence = answer.sequence;
			this.#request = undefined;
			if (this.isWaiting) this.#begin();
			return;
		}

		if (answer.session !== request.session || answer.sequence !== request.sequence) return;
		this.#world.checker.onAnswered(request, answer);
		this.#world.trace.add('client', () => `${this.name} is told: ${describe(answer)}`);
		if (answer.status !== 'ok') this.#world.see(`a client was told ${answer.status}`);
		if (answer.status === 'ok') {
			this.#sequence = answer.sequence;
			this.answered++;
		} else {
			this.#session = 0;
			this.unknown++;
		}

		this.worst = this.patience;
		this.#request = undefined;
		this.#text = undefined;
	}

	/** The first request that has to be answered now: an opening, if there is no session yet. */
	#begin(): void {
		const isOpen = this.#session !== 0;
		this.#request = {
			client: this.id,
			session: this.#session,
			sequence: isOpen ? this.#sequence + 1 : 0,
			nick: this.name,
			text: isOpen ? this.#text! : `opening ${++this.#openings}`,
		};
		this.#world.checker.onSaid(this.#request);
		this.#ask(++this.#wait);
	}

	#ask(wait: number): void {
		if (!this.#request || wait !== this.#wait) return;
		this.#world.submit(this.choose(), this.#request);
		this.#world.events.later(this.#world.random.between(200, 400), () => this.#ask(wait));
	}
}

function describe(answer: Answer): string {
	if (answer.status === 'ok') return `position ${answer.position}, slot ${answer.slot}`;
	return answer.status;
}
