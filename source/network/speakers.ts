import type {Request} from '../consensus/types.ts';
import type {Connection} from './connection.ts';
import type {Said} from './events.ts';

type Answered = Said[number];
/** The connection that last entered a client or spoke for it, and its requests that are not answered yet, by name. */
type Speaker = {readonly connection: Connection; readonly open: Map<string, Request>};

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
		open.set(name, request);
		connection.waiting++;
		return true;
	}

	/** Sorts answers by the connections that they are for. Whoever is not here gets his elsewhere. */
	sort(answers: Said): Map<Connection, Answered[]> {
		const sorted = new Map<Connection, Answered[]>();
		for (const answer of answers) {
			const speaker = this.#speakers.get(answer.client);
			if (!speaker) continue;
			const {connection} = speaker;
			connection.waiting -= settle(speaker.open, answer);
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
		const speaker = {connection, open: new Map<string, Request>()};
		this.#speakers.set(client, speaker);
		return speaker;
	}
}

/** Takes out what an answer settles, and says how many that were. */
function settle(open: Map<string, Request>, answer: Answered): number {
	const before = open.size;
	open.delete(nameAnswered(answer));
	if (answer.status === 'ok')
		// A late repetition of what came before it in its session is not answered any more.
		for (const [name, {session, sequence}] of open) {
			if (session !== answer.session || sequence > answer.sequence) break;
			open.delete(name);
		}

	return before - open.size;
}

const nameOf = (session: number, sequence: number): string => `${session} ${sequence}`;
/** An opening request does not know yet which session its answer will name. */
const nameAnswered = (answer: Answered): string =>
	answer.status === 'opened' ? nameOf(0, 0) : nameOf(answer.session, answer.sequence);
