import type {Answer} from '../chat/types.ts';
import type {Request} from '../consensus/types.ts';
import {saidRow} from './client-wire.ts';
import type {Connection} from './connection.ts';
import type {TurnedAway} from './events.ts';

/** The connection that last entered a client or spoke for it, and its requests that are not answered yet, oldest first. */
type Speaker = {readonly connection: Connection; readonly number: number; open: Request[]};

/** Of one client. It says its next when its last is answered, so they are few, and looked through one by one. */
const mostOpen = 16;

/**
 * Which connection speaks for which client: the way back for answers. A client
 * whose connection broke comes back on another one while this replica may not
 * have noticed yet, so the last to speak for it is the one that is answered.
 */
export class Speakers {
	readonly #speakers = new Map<string, Speaker>();

	/** Clients that somebody speaks for. */
	get size(): number {
		return this.#speakers.size;
	}

	/** From now on this connection may speak for the client, whose secret it knows. */
	enter(connection: Connection, client: string): void {
		connection.numbers.set(client, connection.clients.push(client) - 1);
		this.#speak(connection, client);
	}

	/** Awaits the answer to a request of a client that the connection has entered. False: `limit` are awaited already. */
	open(connection: Connection, request: Request, limit: number): boolean {
		const {client} = request;
		const known = this.#speakers.get(client);
		const {open} = known?.connection === connection ? known : this.#speak(connection, client);
		if (open.some(each => isSame(each, request))) return true;
		if (connection.waiting >= limit || open.length >= mostOpen) return false;
		open.push(request);
		connection.waiting++;
		return true;
	}

	/** Answers go to the connections that they are for, in one `said` to each. Whoever is not here gets his elsewhere. */
	answer(answers: ReadonlyArray<Answer | TurnedAway>): void {
		const answered: Connection[] = [];
		for (const answer of answers) {
			const speaker = this.#speakers.get(answer.client);
			if (!speaker) continue;
			const {connection, number} = speaker;
			settle(speaker, answer);
			if (connection.said.length === 0) answered.push(connection);
			connection.said.push(saidRow(number, answer));
		}

		for (const connection of answered) {
			connection.socket.emit('said', connection.said);
			connection.said = [];
		}
	}

	leave(connection: Connection): void {
		for (const client of connection.numbers.keys())
			if (this.#speakers.get(client)?.connection === connection) this.#speakers.delete(client);
	}

	#speak(connection: Connection, client: string): Speaker {
		const last = this.#speakers.get(client);
		// Of the same connection, it has only got another number.
		const open = last?.connection === connection ? last.open : [];
		if (last && last.connection !== connection) last.connection.waiting -= last.open.length;
		const speaker = {connection, number: connection.numbers.get(client)!, open};
		this.#speakers.set(client, speaker);
		return speaker;
	}
}

/** Takes out what an answer settles. */
function settle(speaker: Speaker, answer: Answer | TurnedAway): void {
	const {connection, open} = speaker;
	if (open.length === 0) return;
	const left = open.filter(request => !settles(answer, request));
	connection.waiting -= open.length - left.length;
	speaker.open = left;
}

function settles(answer: Answer | TurnedAway, {session, sequence}: Request): boolean {
	// An opening request does not know yet which session its answer will name.
	if (answer.status === 'opened') return session === 0 && sequence === 0;
	if (session !== answer.session) return false;
	// A late repetition of what came before it in its session is not answered any more.
	return answer.status === 'ok' ? sequence <= answer.sequence : sequence === answer.sequence;
}

const isSame = (one: Request, other: Request): boolean =>
	one.session === other.session && one.sequence === other.sequence;
