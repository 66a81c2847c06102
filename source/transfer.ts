import {CatchUp} from './chat/catch-up.ts';
import type {ChatState} from './chat/chat.ts';
import {plainOf, stateOf} from './chat/chat-state.ts';
import type {Chunk, Fetch, Message, ReplicaId} from './consensus/types.ts';

/** A peer that has not answered for so long is asked again, or another one. In milliseconds. */
const impatienceMs = 1000;

/** The replica around a transfer: its chat, its log, its peers. */
export type TransferPorts = {
	/** Where our own chat stands. */
	chat(): Pick<ChatState, 'slot' | 'position' | 'hash'>;
	/** The latest durable checkpoint of our own, for others. */
	checkpoint(): ChatState | undefined;
	/** Some of the lines of our log, as text: those after a position, none after another. */
	read(after: number, upTo: number, done: (lines: string) => void): void;
	send(to: ReplicaId, message: Message): void;
	/** Keeps lines that were fetched, for later; forgets all that were kept. */
	keep(lines: string): void;
	forget(): void;
	/** All lines that were kept, and then this state, are true: make them ours. */
	install(state: ChatState): void;
	/** A piece came in. */
	progress(): void;
	tell(text: string): void;
	/** Milliseconds of a clock that does not jump. */
	now(): number;
};

/**
 * Brings a replica that is far behind up to the checkpoint of a peer: first the
 * lines of the chat log that it misses, piece by piece and asking for each, so
 * that nothing else waits behind them; then the checkpoint. Nothing is believed
 * before the chain over the lines ends in the checkpoint's hash.
 */
export class Transfer {
	readonly #ports: TransferPorts;
	#catchUp: CatchUp | undefined;
	#peer: ReplicaId | undefined;
	#askedAt = 0;

	constructor(ports: TransferPorts) {
		this.#ports = ports;
	}

	/** The core says at every beat that it needs this; most of the time it is under way. */
	begin(from: ReplicaId) {
		const {now, chat, forget} = this.#ports;
		if (this.#catchUp && now() - this.#askedAt < impatienceMs) return;
		// What another peer has begun may lead beyond this one's checkpoint.
		if (this.#catchUp?.start !== chat().slot || this.#peer !== from) {
			this.#catchUp = new CatchUp(chat());
			forget();
		}

		this.#ask(from);
	}

	onMessage(from: ReplicaId, message: Fetch | Chunk) {
		if (message.type === 'fetch') this.#onFetch(from, message.after);
		else this.#onChunk(from, message);
	}

	#ask(peer: ReplicaId) {
		this.#peer = peer;
		this.#askedAt = this.#ports.now();
		this.#ports.send(peer, {type: 'fetch', after: this.#catchUp!.position});
	}

	#onFetch(from: ReplicaId, after: number) {
		const {checkpoint, read, send} = this.#ports;
		const state = checkpoint();
		if (!state || after > state.position) return;
		const answer = (lines: string, isLast: boolean) =>
			send(from, {type: 'chunk', after, lines, checkpoint: isLast ? JSON.stringify(plainOf(state)) : null});
		if (after === state.position) answer('', true);
		else read(after, state.position, lines => answer(lines, false));
	}

	#onChunk(from: ReplicaId, {after, lines, checkpoint}: Chunk) {
		const {chat, progress, keep} = this.#ports;
		const catchUp = this.#catchUp;
		// Of an older question, or asked for in vain: the core got what it missed in another way.
		if (!catchUp || from !== this.#peer || after !== catchUp.position) return;
		if (catchUp.start !== chat().slot) return this.#end();
		progress();
		if (!catchUp.take(lines)) return this.#refuse(from, 'lines that do not follow');
		if (lines !== '') keep(lines);
		if (checkpoint === null) {
			if (lines !== '') this.#ask(from);
			return;
		}

		const state = readState(checkpoint);
		if (!state || !catchUp.endsIn(state))
			return this.#refuse(from, 'a checkpoint that does not fit its lines');
		this.#catchUp = undefined;
		this.#ports.install(state);
	}

	#refuse(from: ReplicaId, what: string) {
		this.#ports.tell(`r${from} sent ${what}: asks again`);
		this.#end();
	}

	#end() {
		this.#catchUp = undefined;
		this.#ports.forget();
	}
}

function readState(text: string): ChatState | undefined {
	try {
		return stateOf(JSON.parse(text));
	} catch {
		return undefined;
	}
}
