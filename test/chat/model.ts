import {createHash} from 'node:crypto';
import type {Answer, Line} from '../../source/chat/types.ts';
import type {Request} from '../../source/consensus/types.ts';

type Row = {
	client: string;
	session: number;
	nonce: string;
	last: number;
	answer: Answer | undefined;
	executed: number;
};

/**
 * The chat as one would say it in words: a list that is searched from end to
 * end, a counter that knows who executed when, and hashes over whole buffers.
 * It is told one request after the other.
 */
export class Model {
	readonly capacity: number;
	rows: Row[] = [];
	lines: Line[] = [];
	hash = '00'.repeat(32);
	slot = 0;
	retries = 0;
	#count = 0;
	#text = '';

	constructor(capacity: number) {
		this.capacity = capacity;
	}

	find(client: string): Row | undefined {
		return this.rows.find(row => row.client === client);
	}

	begin(slot: number): void {
		this.slot = slot;
		this.retries = 0;
		this.#text = '';
	}

	request(request: Request, stamp: number): Answer | undefined {
		const {client, session, sequence, nick, text} = request;
		let row = this.find(client);
		if (session === 0 && sequence === 0) {
			if (row?.nonce !== text) {
				const last = row?.last ?? 0;
				this.rows = this.rows.filter(other => other !== row);
				row = {client, session: this.slot, nonce: text, last, answer: undefined, executed: 0};
				this.rows.push(row);
			}

			row.executed = ++this.#count;
			return {status: 'opened', client, nonce: text, session: row.session, sequence: row.last};
		}

		if (!row || row.session !== session) return {status: 'expired', client, session, sequence};
		if (sequence === row.last && row.answer) {
			this.retries++;
			return row.answer;
		}

		if (sequence <= row.last) return undefined;
		if (sequence !== row.last + 1) return {status: 'gap', client, session, sequence};
		const position = this.lines.length + 1;
		const at = Math.max(stamp, this.lines.at(-1)?.at ?? 0);
		const line = {position, slot: this.slot, client, sequence, nick, text, at};
		this.lines.push(line);
		this.#text += `${JSON.stringify(line)}\n`;
		row.last = sequence;
		row.executed = ++this.#count;
		row.answer = {status: 'ok', client, session, sequence, position, slot: this.slot};
		return row.answer;
	}

	end(): void {
		while (this.rows.length > this.capacity) {
			const oldest = Math.min(...this.rows.map(row => row.executed));
			this.rows = this.rows.filter(row => row.executed !== oldest);
		}

		const number = Buffer.from(this.slot.toString(16).padStart(16, '0'), 'hex');
		this.hash = createHash('sha256')
			.update(Buffer.concat([Buffer.from(this.hash, 'hex'), number, Buffer.from(this.#text)]))
			.digest('hex');
	}

	get text(): string {
		return this.#text;
	}
}
