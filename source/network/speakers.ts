import type {Request} from '../consensus/types.ts';
import type {Connection} from './connection.ts';
import type {Said} from './events.ts';

type Answered = Said[number];
/** The connection that last entered a client or spoke for it, and its requests that are not answered yet. */
type Speaker = {readonly connection: Connection; readonly open: Set<string>};

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
		connection.clients.add(client);
		this.#speaker(connection, client);
	}

	/** Awaits the answer to a request of a client that the connection has entered. False: `limit` are awaited already. */
	open(connection: Connection, request: Request, limit: number): boolean {
		const {open} = this.#speaker(connection, request.client);
		const name = nameOf(request.session, request.sequence);
		if (open.has(name)) return true;
		if (connection.waiting >= limit) return false;
		open.add(name);
		connection.waiting++;
		return true;
	}

	/** Sorts answers by the connections that they are for. Whoever is not here gets his elsewhere. */
	sort(answers: Said): Map<Connection, Answered[]> {
		const sorted = new Map<Connection, Answered[]>();
		for (const answer of answers) {
			const speaker = this.#speakers.get(answer.client);
			if (!speaker) continue;
			const {connection, open} = speaker;
			if (open.delete(nameAnswered(answer))) connection.waiting--;
			const list = sorted.get(connection);
			if (list) list.push(answer);
			else sorted.set(connection, [answer]);
		}

		return sorted;
	}

	leave(connection: Connection): void {
		for (const client of connection.clients)
			if (this.#speakers.get(client)?.connection === connection) this.#speakers.delete(client);
		connection.clients.clear();
	}

	#speaker(connection: Connection, client: string): Speaker {
		const last = this.#speakers.get(client);
		if (last?.connection === connection) return last;
		if (last) last.connection.waiting -= last.open.size;
		const speaker = {connection, open: new Set<string>()};
		this.#speakers.set(client, speaker);
		return speaker;
	}
}

const nameOf = (session: number, sequence: number): string => `${session} ${sequence}`;
/** An opening request does not know yet which session its answer will name. */
const nameAnswered = (answer: Answered): string =>
	answer.status === 'opened' ? nameOf(0, 0) : nameOf(answer.session, answer.sequence);
