import {type Bites, CatchUp} from './chat/catch-up.ts';
import type {ChatState} from './chat/chat.ts';
import {decodeState} from './chat/chat-state.ts';
import {type CheckpointText, CheckpointTexts} from './checkpoint-texts.ts';
import type {Chunk, Fetch, Message, Piece, ReplicaId, Slot} from './consensus/types.ts';

/** A peer that has not answered for so long is asked again, or another one: whoever has waited longest for his turn. In milliseconds. */
const impatienceMs = 1000;
/**
 * So long whoever is out of turn has to wait. While a checkpoint comes in, the others are, as what has come of it would be
 * of no use any more; if no piece has come for so long, it is everybody's turn again, and that of a peer with whom only
 * the start is possible. In milliseconds.
 */
const patienceMs = 3000;
/**
 * Beside a primary that works, whoever catches up rests after each piece for so many times as long as that took it: the
 * others may share its processor. (`npm run bench`: three replicas and their clients on two cores, 50,000 messages
 * missed. At once, from the primary, whose log looked at each line that it gave: there in 1.5 to 2.6 s, and the others
 * answered 0.6 to 0.7 of what they do with all three. From a backup, with these rests: 3 to 4 s, and 0.75 to 0.9.)
 */
const restShare = 8;
/** But not for longer than this: at most so much later it is there. In milliseconds. */
const politeMs = 5000;
/** So long a state waits for somebody else who had the same; if nobody else says anything, its sender is believed. In milliseconds. */
const vouchMs = 3000;
/** For so long nothing is asked of a peer that sent what cannot be true. In milliseconds. */
const distrustMs = 10_000;
/** Characters of a checkpoint: several times what as many sessions as there may be come to. */
const mostCharacters = 16_777_216;

/** The replica around a transfer: its chat, its log, its peers. */
export type TransferPorts = {
	/** Where our own chat stands. */
	chat(): Pick<ChatState, 'slot' | 'position' | 'at' | 'hash'>;
	/** The latest durable checkpoint of our own, for others. */
	checkpoint(): ChatState | undefined;
	/** How many bytes of what follows a position, or of the checkpoint there from an offset on, a peer gets in one piece; none, while that is under way to it. */
	bytesFor(peer: ReplicaId, after: number, offset: number): number;
	/** The lines after a position, as text: about so many bytes, and none that our checkpoint does not cover. */
	read(after: number, bytes: number, done: (lines: string) => void): void;
	/** Of our view, as far as we know. */
	leader(): ReplicaId | null;
	send(to: ReplicaId, message: Message): void;
	/** Keeps lines that were fetched, for later; forgets all that were kept. */
	keep(lines: string): void;
	forget(): void;
	/** All lines that were kept, and then this state, are true: make them ours. */
	install(state: ChatState): void;
	/** Who says that the state after this slot is that one, and who says that it is another one. */
	witnesses(
		slot: Slot,
		digest: string,
	): {readonly same: readonly ReplicaId[]; readonly other: readonly ReplicaId[]};
	/** A piece came in. */
	progress(): void;
	tell(text: string): void;
	/** Milliseconds of a clock that does not jump. */
	now(): number;
	/** Lets others go on, for so many milliseconds at least, and then calls. */
	later(run: () => void, ms?: number): void;
};

/**
 * Brings a replica that is far behind up to the checkpoint of a peer: first the
 * lines of the chat log that it misses, then the checkpoint, all of it piece by
 * piece and asking for each, so that nothing else waits long behind them. Nothing is
 * believed before the chain over the lines ends in the checkpoint's hash. So it does
 * not matter who sent which lines: when a peer falls silent the next one goes on.
 * What the chain does not cover, the sessions, is believed if another replica
 * had the same state after the same slot, and fewer had another. So a checkpoint is
 * the word of one replica: no piece of it comes from anybody else.
 */
export class Transfer {
	readonly #ports: TransferPorts;
	#catchUp: CatchUp | undefined;
	/** Whose answers are welcome: a slow one is as good as a fast one. */
	readonly #asked = new Set<ReplicaId>();
	/** What has come of the checkpoint of each of them. */
	readonly #begun = new Map<ReplicaId, CheckpointText>();
	#askedAt = 0;
	/** Everybody who was asked, the one asked last at the end: who speaks up most often is not asked more often. */
	readonly #turns = new Set<ReplicaId>();
	/** Who has spoken up since the last question. */
	readonly #offering = new Set<ReplicaId>();
	/** When the primary was passed over for the first time since anybody was asked. */
	#sparedAt: number | undefined;
	/** When lines, or a piece of a checkpoint, came last that were of use. */
	#usefulAt = Number.NEGATIVE_INFINITY;
	/** Until when it rests between pieces: from the first question after a while without any. */
	#politeUntil = 0;
	/** A piece is being looked through, in bites. */
	#isBusy = false;
	/** What fits its lines, and waits for a second witness. */
	#candidate: Candidate | undefined;
	/** Until when nothing is asked of a peer. */
	readonly #distrusted = new Map<ReplicaId, number>();
	/** Our own, as others have begun to fetch them. */
	readonly #texts: CheckpointTexts;

	constructor(ports: TransferPorts) {
		this.#ports = ports;
		this.#texts = new CheckpointTexts(() => ports.now());
	}

	/** The core says at every beat that it needs this; most of the time it is under way. */
	begin(from: ReplicaId) {
		if (this.#candidate) return this.#consider(this.#candidate);
		const now = this.#ports.now();
		const isFirst = this.#isStuck || this.#begun.size === 0 ? this.#isTurnOf(from) : this.#begun.has(from);
		const waitMs = isFirst ? impatienceMs : patienceMs;
		const isAsked = this.#catchUp !== undefined && now - this.#askedAt < waitMs;
		const distrustedUntil = this.#distrusted.get(from);
		if (this.#isBusy || (distrustedUntil !== undefined && now < distrustedUntil)) return;
		this.#offering.add(from);
		if (isAsked || (this.#catchUp === undefined && this.#isSpared(from))) return;
		if (this.#catchUp?.start !== this.#ports.chat().slot) this.#startAnew();
		this.#ask(from);
	}

	onMessage(from: ReplicaId, message: Fetch | Chunk) {
		if (message.type === 'fetch') this.#onFetch(from, message);
		else this.#onChunk(from, message);
	}

	/** To be called now and then: a peer that fell silent leaves nothing behind here. */
	tidy() {
		this.#texts.forget();
	}

	#startAnew() {
		this.#end();
		const now = this.#ports.now();
		if (now - this.#usefulAt > politeMs) this.#politeUntil = now + politeMs;
		this.#catchUp = new CatchUp(this.#ports.chat());
	}

	get #isStuck(): boolean {
		return this.#ports.now() - this.#usefulAt >= patienceMs;
	}

	/** Nobody else has spoken up who was asked longer ago, or never. */
	#isTurnOf(peer: ReplicaId): boolean {
		const turns = [...this.#turns];
		return [...this.#offering].every(other => turns.indexOf(other) >= turns.indexOf(peer));
	}

	/** All that is said waits for the primary already: it is asked if nobody else has spoken up in its time. */
	#isSpared(peer: ReplicaId): boolean {
		if (peer !== this.#ports.leader()) return false;
		const now = this.#ports.now();
		this.#sparedAt ??= now;
		return now - this.#sparedAt < impatienceMs;
	}

	/** When what came in at this time has been looked through. */
	#askForMore(peer: ReplicaId, since: number) {
		const {leader, later} = this.#ports;
		const now = this.#ports.now();
		// A process that was stopped for an hour, in the middle of a piece, does not rest for eight.
		const restMs = Math.round(Math.min(restShare * (now - since), this.#politeUntil - now));
		if (leader() === null || restMs < 1) return this.#ask(peer);
		const catchUp = this.#catchUp;
		this.#isBusy = true;
		later(() => {
			if (catchUp !== this.#catchUp) return;
			this.#isBusy = false;
			this.#ask(peer);
		}, restMs);
	}

	#ask(peer: ReplicaId) {
		this.#sparedAt = undefined;
		this.#asked.add(peer);
		this.#askedAt = this.#ports.now();
		this.#turns.delete(peer);
		this.#turns.add(peer);
		this.#offering.clear();
		const {slot, text} = this.#begun.get(peer) ?? {slot: 0, text: ''};
		this.#ports.send(peer, {type: 'fetch', after: this.#catchUp!.position, slot, offset: text.length});
	}

	/** Whoever asks for more lines than our checkpoint covers gets the checkpoint, and sees that this is all. */
	#onFetch(from: ReplicaId, fetch: Fetch) {
		const {checkpoint, bytesFor, read, send} = this.#ports;
		const {after} = fetch;
		const state = checkpoint();
		if (!state) return;
		const begun = this.#texts.begun(from, fetch.slot);
		if (!begun && after < state.position) {
			const bytes = bytesFor(from, after, 0);
			const answer = (lines: string) => send(from, {type: 'chunk', after, lines, checkpoint: null});
			if (bytes > 0) read(after, bytes, answer);
			return;
		}

		const {slot, text} = begun ?? this.#texts.begin(from, state);
		// After the same slots all replicas, in all of their lives, have the same text.
		const offset = slot === fetch.slot ? fetch.offset : 0;
		const bytes = bytesFor(from, after, offset);
		if (bytes === 0) return;
		const piece = text.slice(offset, offset + bytes);
		const isLast = offset + piece.length >= text.length;
		send(from, {type: 'chunk', after, lines: '', checkpoint: {slot, offset, text: piece, isLast}});
	}

	#onChunk(from: ReplicaId, {after, lines, checkpoint}: Chunk) {
		const catchUp = this.#catchUp;
		const since = this.#ports.now();
		// Of an older question, or the same piece again.
		if (!catchUp || this.#isBusy || this.#candidate || !this.#asked.has(from) || after !== catchUp.position)
			return;
		this.#follow(catchUp, catchUp.take(lines), isRight => {
			if (!isRight) return this.#refuse(from, 'lines that do not follow');
			if (lines !== '') {
				this.#ports.keep(lines);
				this.#usefulAt = this.#ports.now();
				// No checkpoint that ends before them is of use.
				this.#begun.clear();
			}

			if (checkpoint !== null) this.#join(from, catchUp, checkpoint, since);
			else if (lines !== '') this.#askForMore(from, since);
		});
	}

	#join(from: ReplicaId, catchUp: CatchUp, {slot, offset, text, isLast}: Piece, since: number) {
		const begun = this.#begun.get(from);
		const isNext = begun?.slot === slot && begun.text.length === offset;
		// What we had begun is no more there.
		const isAnother = begun?.slot !== slot && offset === 0;
		// Late, or the same piece again.
		if (!isNext && !isAnother) return;
		// The lines lead beyond it: whoever has a later one may go on with them, and if nobody does, they are of no use.
		if (catchUp.start < catchUp.slot && slot < catchUp.slot) {
			if (!this.#isStuck) return;
			this.#startAnew();
			return this.#ask(from);
		}

		const whole = isNext ? begun.text + text : text;
		if (whole.length > mostCharacters) return this.#refuse(from, 'a checkpoint that has no end');
		this.#begun.set(from, {slot, text: whole});
		this.#usefulAt = this.#ports.now();
		if (isLast) this.#conclude(from, catchUp, whole);
		else if (text !== '') this.#askForMore(from, since);
	}

	#conclude(from: ReplicaId, catchUp: CatchUp, checkpoint: string) {
		this.#begun.clear();
		const {state, digest} = decodeState(checkpoint) ?? {};
		if (!state || digest === undefined) return this.#refuse(from, 'a checkpoint that is none');
		this.#follow(catchUp, catchUp.endsIn(state), isRight => {
			if (!isRight) return this.#refuse(from, 'a checkpoint that does not fit its lines');
			this.#consider({from, start: catchUp.start, state, digest, since: this.#ports.now()});
		});
	}

	/** Again at every beat, until somebody else has spoken about it, or had his time to. */
	#consider(candidate: Candidate) {
		const {from, start, state, digest, since} = candidate;
		const {chat, witnesses, now, tell, install, progress, later} = this.#ports;
		// The core got what it missed in another way.
		if (start !== chat().slot) return this.#end();
		this.#candidate = candidate;
		const {same, other} = witnesses(state.slot, digest);
		const isVouchedFor = same.some(id => id !== from);
		const supporters = isVouchedFor ? new Set([...same, from]).size : 1;
		if (other.includes(from) || (other.length > 0 && other.length >= supporters)) {
			const who = other.map(id => `r${id}`).join(' and ');
			return this.#refuse(from, `a checkpoint of slot ${state.slot} that is not what ${who} had there`);
		}

		// It waits by our own will, for which nobody is doubted. The core is in the middle of a step here.
		if (!isVouchedFor && now() - since < vouchMs) return later(progress);
		if (!isVouchedFor)
			tell(
				`takes the checkpoint of slot ${state.slot} on the word of r${from}: no other replica spoke about it`,
			);
		this.#candidate = undefined;
		this.#catchUp = undefined;
		install(state);
	}

	/** Bite by bite, so that a piece that takes long to be looked through stops nobody. */
	#follow(catchUp: CatchUp, bites: Bites, then: (isRight: boolean) => void) {
		const {chat, progress, later} = this.#ports;
		// The core got what it missed in another way.
		if (catchUp.start !== chat().slot) return this.#end();
		progress();
		const {done, value} = bites.next();
		this.#isBusy = !done;
		if (done) then(value);
		else later(() => this.#follow(catchUp, bites, then));
	}

	#refuse(from: ReplicaId, what: string) {
		this.#distrusted.set(from, this.#ports.now() + distrustMs);
		this.#ports.tell(`r${from} sent ${what}: throws all of it away and asks another replica`);
		this.#end();
	}

	#end() {
		this.#isBusy = false;
		this.#candidate = undefined;
		this.#catchUp = undefined;
		this.#asked.clear();
		this.#begun.clear();
		this.#ports.forget();
	}
}

type Candidate = {
	readonly from: ReplicaId;
	/** Where our own chat stood. */
	readonly start: Slot;
	readonly state: ChatState;
	readonly digest: string;
	/** When it came. */
	readonly since: number;
};
