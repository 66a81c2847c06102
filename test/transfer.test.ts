import {describe, expect, test} from '@jest/globals';
import {Chat, type ChatState} from '../source/chat/chat.ts';
import {decodeState, digestOf, encodeState} from '../source/chat/chat-state.ts';
import type {Chunk, Message, Piece, ReplicaId, Slot} from '../source/consensus/types.ts';
import {Pages} from '../source/pages.ts';
import {Events} from '../source/simulator/events.ts';
import {Transfer} from '../source/transfer.ts';

/** Of virtual time, in milliseconds. */
const latencyMs = 5;
const beatMs = 100;
const mostSessions = 10_000;

type Fate = (from: ReplicaId, to: ReplicaId, message: Message) => Message | null;

/** A chat log and its checkpoint, and a transfer around it. */
class Replica {
	readonly id: ReplicaId;
	transfer: Transfer;
	readonly #world: World;
	chat = new Chat({sessions: mostSessions});
	checkpoint: ChatState | undefined;
	/** Of its checkpoints, also of older ones. */
	readonly digests = new Map<Slot, string>();
	/** All lines of the log. */
	lines: string[] = [];
	kept = '';
	isAlive = true;
	installed = 0;
	pieces = 0;
	readonly told: string[] = [];

	constructor(world: World, id: ReplicaId) {
		this.id = id;
		this.#world = world;
		this.transfer = this.#newTransfer();
	}

	/** What a transfer holds is gone. */
	restart(): void {
		this.transfer = this.#newTransfer();
	}

	#newTransfer(): Transfer {
		const world = this.#world;
		const {id} = this;
		const pages = new Pages(
			{
				broadcast: () => {},
				send: (to, messages) => {
					for (const message of messages) world.carry(id, to, message);
				},
			},
			() => world.events.now,
		);
		return new Transfer({
			bytesFor: (peer, after, offset) => Math.min(pages.bytesFor(peer, after, offset), world.bytesInAPiece),
			chat: () => this.chat,
			checkpoint: () => this.checkpoint,
			leader: () => world.leader,
			read: (after, bytes, done) => {
				const end = Math.min(this.checkpoint!.position, after + world.linesInAPiece);
				let text = '';
				for (let at = after; at < end && (text === '' || text.length < bytes); at++) text += this.lines[at]!;
				world.events.later(1, () => done(text));
			},
			send: (to, message) => pages.send(to, [message]),
			keep: lines => {
				this.kept += lines;
				world.workedMs += world.msPerPiece;
			},
			forget: () => {
				this.kept = '';
			},
			witnesses: (slot, digest) => world.witnesses(id, slot, digest),
			install: state => {
				this.installed++;
				this.lines.push(...this.kept.split(/(?<=\n)/).filter(line => line !== ''));
				this.kept = '';
				this.chat = new Chat({sessions: mostSessions}, state);
			},
			progress: () => {
				this.pieces++;
			},
			tell: text => this.told.push(text),
			now: () => world.events.now + world.workedMs,
			later: (run, ms = 0) => world.events.later(ms, run),
		});
	}

	/** Executes so many more slots, every third of them empty. */
	live(slots: number): void {
		for (let count = 0; count < slots; count++) {
			const slot = this.chat.slot + 1;
			const opening = {client: 'a', session: 0, sequence: 0, nick: 'a', text: ''};
			const sequence = this.chat.position + 1;
			const words = {client: 'a', session: 1, sequence, nick: 'a', text: `message ${sequence}`};
			const requests = slot === 1 ? [opening] : slot % 3 === 0 ? [] : [words];
			const {text} = this.chat.execute(slot, {at: 10 * slot, requests});
			if (text !== '') this.lines.push(text);
		}
	}

	/** Executes so many empty slots. */
	idle(slots: number): void {
		for (let count = 0; count < slots; count++) this.chat.execute(this.chat.slot + 1, {at: 0, requests: []});
	}

	/** Executes a slot in which so many clients open a session. */
	populate(sessions: number): void {
		const requests = Array.from({length: sessions}, (_, index) => {
			const client = String(index).padStart(32, '0');
			return {client, session: 0, sequence: 0, nick: 'a', text: client};
		});
		this.chat.execute(this.chat.slot + 1, {at: 0, requests});
	}

	keepCheckpoint(): void {
		this.checkpoint = structuredClone(this.chat.state());
		this.digests.set(this.checkpoint.slot, digestOf(this.checkpoint));
	}
}

/** r0 is behind; the others are ahead, and it hears so from each of them at every beat. */
class World {
	readonly events = new Events();
	readonly replicas: Replica[];
	/** What becomes of a message: another one, or none. */
	fate: Fate = (_from, _to, message) => message;
	readonly leader: ReplicaId | null;
	/** At most, however little they are. */
	linesInAPiece = 4;
	bytesInAPiece = Number.POSITIVE_INFINITY;
	/** How long r0 needs for a piece, and has needed. */
	msPerPiece = 0;
	workedMs = 0;
	/** Who was asked, for what. */
	readonly asked: Array<readonly [peer: ReplicaId, after: number]> = [];

	constructor(slots: number, count = 3, leader: ReplicaId | null = null) {
		this.leader = leader;
		this.replicas = Array.from({length: count}, (_, id) => new Replica(this, id));
		for (const {id} of this.replicas) {
			this.#replica(id).live(id === 0 ? 3 : slots);
			this.#replica(id).keepCheckpoint();
		}

		this.#beat();
	}

	get zero(): Replica {
		return this.#replica(0);
	}

	carry(from: ReplicaId, to: ReplicaId, message: Message): void {
		if (message.type === 'fetch') this.asked.push([to, message.after]);
		const carried = this.fate(from, to, message);
		if (carried?.type !== 'fetch' && carried?.type !== 'chunk') return;
		this.events.later(latencyMs, () => {
			if (this.#replica(to).isAlive) this.#replica(to).transfer.onMessage(from, carried);
		});
	}

	/** Until nobody is ahead any more; false if that does not come true in so many milliseconds. */
	run(withinMs: number): boolean {
		const end = this.events.now + withinMs;
		while (!this.isLevel && this.events.step(end));
		return this.isLevel;
	}

	pass(milliseconds: number): void {
		const end = this.events.now + milliseconds;
		while (this.events.step(end));
	}

	/** Everybody who lives says what his own checkpoints are. */
	witnesses(id: ReplicaId, slot: Slot, digest: string) {
		const others = this.replicas.filter(one => one.id !== id && one.isAlive && one.digests.has(slot));
		const idsOf = (isSame: boolean) =>
			others.filter(({digests}) => (digests.get(slot) === digest) === isSame).map(one => one.id);
		return {same: idsOf(true), other: idsOf(false)};
	}

	get isLevel(): boolean {
		return this.replicas.every(({id, isAlive}) => !isAlive || !this.#isAhead(id));
	}

	#isAhead(id: ReplicaId): boolean {
		return this.#replica(id).checkpoint!.slot > this.zero.chat.slot;
	}

	#beat(): void {
		for (const {id, isAlive} of this.replicas) if (isAlive && this.#isAhead(id)) this.zero.transfer.begin(id);
		this.events.later(beatMs, () => this.#beat());
	}

	#replica(id: ReplicaId): Replica {
		return this.replicas[id]!;
	}
}

/** A chunk with another text for its checkpoint, if it holds one. */
const rewritten = (chunk: Chunk, change: (text: string) => string): Chunk => {
	const {checkpoint} = chunk;
	return checkpoint ? {...chunk, checkpoint: {...checkpoint, text: change(checkpoint.text)}} : chunk;
};

/** A chunk with another state for its checkpoint, whose digest is right. */
const changed = (chunk: Chunk, change: (state: ChatState) => ChatState): Chunk =>
	rewritten(chunk, text => encodeState(change(decodeState(text)!.state)));

const isChunk = (message: Message): message is Chunk => message.type === 'chunk';

function expectEqual(one: Replica, other: Replica) {
	expect(one.lines.join('')).toBe(other.lines.join(''));
	expect(one.chat.state()).toEqual(other.checkpoint);
}

test('gets all lines, piece by piece, and then the checkpoint', () => {
	const world = new World(100);
	expect(world.run(1000)).toBe(true);
	const {zero, replicas} = world;
	expectEqual(zero, replicas[1]!);
	expect([zero.installed, zero.told, zero.kept]).toEqual([1, [], '']);
	// Each question only after the answer to the one before; at every beat the core asks for more, in vain.
	const questions = Array.from({length: 17}, (_, index) => 1 + 4 * index);
	expect(world.asked.map(([, after]) => after)).toEqual([...questions, 66]);
	expect(zero.pieces).toBeGreaterThanOrEqual(18);
});

test('gets a checkpoint alone when only empty slots are missing', () => {
	const world = new World(3);
	for (const ahead of world.replicas.slice(1)) {
		while (ahead.chat.slot < 20) ahead.chat.execute(ahead.chat.slot + 1, {at: 0, requests: []});
		ahead.keepCheckpoint();
	}

	expect(world.run(1000)).toBe(true);
	expectEqual(world.zero, world.replicas[1]!);
});

test('asks the other one when the first to speak up answers nothing', () => {
	const world = new World(100);
	world.fate = (from, _to, message) => (from === 1 && isChunk(message) ? null : message);
	expect(world.run(20_000)).toBe(true);
	// Each in his turn.
	expect(world.asked.slice(0, 3).map(([peer]) => peer)).toEqual([1, 2, 2]);
});

test('a checkpoint that moves on while it is fetched is fetched as it is in the end', () => {
	const world = new World(100);
	world.fate = (from, _to, message) => {
		if (isChunk(message) && message.after === 41 && from === 1) {
			world.replicas[1]!.live(50);
			world.replicas[1]!.keepCheckpoint();
		}

		return message;
	};
	expect(world.run(5000)).toBe(true);
	expect([world.zero.chat.slot, world.zero.installed]).toEqual([150, 1]);
	expectEqual(world.zero, world.replicas[1]!);
});

describe('messages are lost, late or doubled', () => {
	test('one that is lost is asked for again, and nothing that came already', () => {
		for (const lost of ['fetch', 'chunk']) {
			const world = new World(100);
			let count = 0;
			world.fate = (_from, _to, message) =>
				(message.type === 'fetch' || isChunk(message)) &&
				message.type === lost &&
				message.after === 21 &&
				++count === 1
					? null
					: message;
			expect(world.run(1500)).toBe(true);
			expectEqual(world.zero, world.replicas[2]!);
			expect(world.asked.filter(([, after]) => after === 21)).toHaveLength(2);
			expect(world.asked.filter(([, after]) => after === 1)).toHaveLength(1);
		}
	});

	test('a piece twice, and a late one, change nothing', () => {
		const world = new World(100);
		world.fate = (from, to, message) => {
			if (isChunk(message)) {
				for (const delay of [latencyMs, 40])
					world.events.later(delay, () => world.zero.transfer.onMessage(from, message));
			}

			return to === 0 || message.type === 'fetch' ? message : null;
		};
		expect(world.run(2000)).toBe(true);
		expectEqual(world.zero, world.replicas[1]!);
		expect([world.zero.installed, world.zero.told]).toEqual([1, []]);
	});

	test('pieces that nobody asked for change nothing', () => {
		const world = new World(100);
		const lines = world.replicas[2]!.lines.slice(1, 3).join('');
		world.zero.transfer.onMessage(2, {type: 'chunk', after: 1, lines, checkpoint: null});
		expect(world.zero.kept).toBe('');
		expect(world.run(1000)).toBe(true);
		world.zero.transfer.onMessage(1, {
			type: 'chunk',
			after: world.zero.chat.position,
			lines: '',
			checkpoint: null,
		});
		expect([world.zero.kept, world.zero.installed]).toEqual(['', 1]);
	});

	test('peers that always answer too late for our patience bring it to its end all the same', () => {
		const world = new World(60);
		world.fate = (from, _to, message) => {
			if (!isChunk(message)) return message;
			world.events.later(1300, () => world.zero.transfer.onMessage(from, message));
			return null;
		};
		expect(world.run(60_000)).toBe(true);
		expectEqual(world.zero, world.replicas[1]!);
	});
});

describe('peers that die', () => {
	test('in the middle: the other one goes on where it was', () => {
		const world = new World(100);
		world.fate = (_from, _to, message) => {
			if (isChunk(message) && message.after === 41) world.replicas[1]!.isAlive = false;
			return world.replicas[1]!.isAlive ? message : _from === 1 ? null : message;
		};
		expect(world.run(6000)).toBe(true);
		expectEqual(world.zero, world.replicas[2]!);
		expect(
			world.asked
				.filter(([peer]) => peer === 2)
				.map(([, after]) => after)
				.slice(0, 2),
		).toEqual([41, 45]);
	});

	test('and the other one has an older checkpoint: it is fetched from the start', () => {
		const world = new World(100);
		world.replicas[1]!.live(100);
		world.replicas[1]!.keepCheckpoint();
		world.fate = (from, _to, message) => {
			if (isChunk(message) && from === 1 && message.after > 90) world.replicas[1]!.isAlive = false;
			return world.replicas[1]!.isAlive || from !== 1 ? message : null;
		};
		expect(world.run(8000)).toBe(true);
		expect(world.zero.chat.slot).toBe(100);
		expectEqual(world.zero, world.replicas[2]!);
	});

	test('all of them, and one comes back: it goes on', () => {
		const world = new World(100);
		world.fate = (from, _to, message) => {
			if (isChunk(message) && message.after === 41 && world.events.now < 1000) {
				for (const peer of world.replicas.slice(1)) peer.isAlive = false;
			}

			return from === 0 || world.replicas[from]!.isAlive ? message : null;
		};
		world.pass(4000);
		expect(world.zero.chat.slot).toBe(3);
		world.replicas[2]!.isAlive = true;
		expect(world.run(4000)).toBe(true);
		expectEqual(world.zero, world.replicas[2]!);
	});
});

describe('a checkpoint in many pieces', () => {
	const pieceOf = (message: Message) => (isChunk(message) ? message.checkpoint : null);
	const inPieces = () => {
		const world = new World(100);
		world.bytesInAPiece = 40;
		world.linesInAPiece = 50;
		return world;
	};
	/** The pieces that arrive, as they are sent. */
	const watch = (world: World, sight: (from: ReplicaId, piece: Piece) => boolean) => {
		const sent: Array<readonly [from: ReplicaId, slot: Slot, offset: number]> = [];
		world.fate = (from, _to, message) => {
			const piece = pieceOf(message);
			if (!piece) return message;
			sent.push([from, piece.slot, piece.offset]);
			return sight(from, piece) ? message : null;
		};
		return sent;
	};

	test('comes one after the other, and each of them once', () => {
		const world = inPieces();
		const sent = watch(world, () => true);
		expect(world.run(1000)).toBe(true);
		expectEqual(world.zero, world.replicas[1]!);
		const {length} = encodeState(world.replicas[1]!.checkpoint!);
		expect(sent).toEqual(Array.from({length: Math.ceil(length / 40)}, (_, nth) => [1, 100, 40 * nth]));
		expect(sent.length).toBeGreaterThan(5);
	});

	test('is brought to its end while newer ones are made, one with each piece of it', () => {
		const world = inPieces();
		const sent = watch(world, (from, {isLast}) => {
			if (!isLast) world.replicas[from]!.live(3);
			world.replicas[from]!.keepCheckpoint();
			return true;
		});
		while (world.zero.installed === 0 && world.events.step(10_000));
		expect(world.zero.chat.slot).toBe(100);
		expect(new Set(sent.map(([, slot]) => slot))).toEqual(new Set([100]));
		expect(world.zero.told).toEqual([]);
	});

	test('is asked for again from where it was when a piece is lost', () => {
		const world = inPieces();
		let count = 0;
		const sent = watch(world, (_from, {offset}) => offset !== 120 || ++count > 1);
		expect(world.run(3000)).toBe(true);
		expectEqual(world.zero, world.replicas[1]!);
		expect(sent.filter(([, , offset]) => offset === 120)).toHaveLength(2);
		expect(sent.filter(([, , offset]) => offset === 80)).toHaveLength(1);
	});

	test('is what it was, whatever comes late, twice, or from before', () => {
		const world = inPieces();
		world.fate = (from, to, message) => {
			if (!isChunk(message) || !message.checkpoint) return message;
			for (const delay of [latencyMs, latencyMs, 18, 60])
				world.events.later(delay, () => world.zero.transfer.onMessage(from, message));
			return to === 0 ? null : message;
		};
		expect(world.run(2000)).toBe(true);
		expectEqual(world.zero, world.replicas[1]!);
		expect([world.zero.installed, world.zero.told]).toEqual([1, []]);
	});

	test('begins anew with another peer when no more of it comes, however often its own speaks up', () => {
		const world = inPieces();
		watch(world, (from, {offset}) => from !== 1 || offset < 160);
		expect(world.run(6000)).toBe(true);
		expectEqual(world.zero, world.replicas[2]!);
	});

	test('goes on with the first peer when the second one says that it is there, and sends nothing', () => {
		const world = inPieces();
		let isCut = true;
		watch(world, (from, {offset}) => from === 1 && (offset < 120 || !isCut));
		// For longer than anybody waits.
		world.pass(10_000);
		isCut = false;
		expect(world.run(6000)).toBe(true);
		expectEqual(world.zero, world.replicas[1]!);
	});

	test('comes to its end though one peer sends no more of it, and another one nothing at all', () => {
		const world = new World(100, 5);
		world.bytesInAPiece = 40;
		world.linesInAPiece = 50;
		world.fate = (from, _to, message) => {
			if (!isChunk(message)) return message;
			const isSilent = from === 2 || (from === 1 && (message.checkpoint?.offset ?? 0) >= 160);
			return isSilent ? null : message;
		};
		expect(world.run(60_000)).toBe(true);
	});

	test('begins anew with another peer when its own falls silent, and the lines do not', () => {
		const world = inPieces();
		const sent = watch(world, (from, {offset}) => {
			if (from === 1 && offset === 160) world.replicas[1]!.isAlive = false;
			return from !== 1 || world.replicas[1]!.isAlive;
		});
		expect(world.run(9000)).toBe(true);
		expectEqual(world.zero, world.replicas[2]!);
		const [, slot, offset] = sent.find(([from]) => from === 2)!;
		expect([slot, offset]).toEqual([100, 0]);
		expect(world.asked.filter(([, after]) => after < 66).every(([peer]) => peer === 1)).toBe(true);
	});

	const moved = [
		['after the lines that are new', (ahead: Replica) => ahead.live(50)],
		['behind the same lines', (ahead: Replica) => ahead.idle(50)],
	] as const;
	test.each(moved)('begins anew, %s, when the peer has lost what it was about to give', (_what, move) => {
		const world = inPieces();
		let isLost = false;
		const sent = watch(world, (_from, {offset}) => {
			if (offset !== 160 || isLost) return true;
			isLost = true;
			for (const {id} of world.replicas.slice(1)) {
				move(world.replicas[id]!);
				world.replicas[id]!.keepCheckpoint();
			}

			world.replicas[1]!.restart();
			return true;
		});
		expect(world.run(3000)).toBe(true);
		expect(world.zero.chat.slot).toBe(150);
		expectEqual(world.zero, world.replicas[1]!);
		expect(sent.filter(([, slot]) => slot === 150)[0]).toEqual([1, 150, 0]);
		expect(world.zero.told).toEqual([]);
	});

	describe('of a peer whose checkpoint ends before the lines that came of another', () => {
		/** r1 was asked first, and has a later checkpoint than r2. */
		const between = () => {
			const world = inPieces();
			const [, one] = world.replicas;
			one!.live(50);
			one!.keepCheckpoint();
			return world;
		};
		const isBeyond = ({after}: Chunk) => after > 66;

		test('is left alone while the other goes on', () => {
			const world = between();
			let lost = 0;
			const sent: ReplicaId[] = [];
			world.fate = (from, _to, message) => {
				if (!isChunk(message)) return message;
				if (message.checkpoint) sent.push(from);
				return from === 1 && isBeyond(message) && ++lost === 1 ? null : message;
			};
			expect(world.run(10_000)).toBe(true);
			expectEqual(world.zero, world.replicas[1]!);
			// It answered when the other did not, and was not asked for the rest.
			expect(sent.filter(from => from === 2)).toHaveLength(1);
			// No line was asked for anew.
			const asked = world.asked.map(([, after]) => after);
			expect(asked).toEqual(asked.toSorted((one, other) => one - other));
		});

		test('is fetched, once, with its own lines, when the other is dead', () => {
			const world = between();
			const [, one, two] = world.replicas;
			const sent = watch(world, () => true);
			while (world.asked.at(-1)![1] <= 66) world.events.step(10_000);
			one!.isAlive = false;
			expect(world.run(20_000)).toBe(true);
			expectEqual(world.zero, two!);
			const offsets = sent.map(([, , offset]) => offset);
			expect(offsets.filter(offset => offset === 40)).toHaveLength(1);
		});
	});

	test('is held for a peer for as long as it asks, and half a minute', () => {
		const world = inPieces();
		const [, one] = world.replicas;
		const sent = watch(world, () => false);
		// Somebody beside r0, who goes on asking.
		const ask = (offset: number) => one!.transfer.onMessage(2, {type: 'fetch', after: 66, slot: 100, offset});
		ask(0);
		one!.live(20);
		one!.keepCheckpoint();
		for (const offset of [40, 80]) {
			world.pass(29_000);
			ask(offset);
			expect(sent).toContainEqual([1, 100, offset]);
		}

		world.pass(31_000);
		ask(120);
		expect(sent).not.toContainEqual([1, 100, 120]);
	});

	test('is refused when pieces of two are mixed, or when it has no end', () => {
		const world = inPieces();
		world.fate = (from, _to, message) =>
			isChunk(message) && from === 1 && message.checkpoint?.offset === 80
				? rewritten(message, text => text.replaceAll('0', '1').replaceAll('"', "'"))
				: message;
		expect(world.run(20_000)).toBe(true);
		expectEqual(world.zero, world.replicas[2]!);
		expect(world.zero.told).toEqual([expect.stringMatching(/^r1 sent a checkpoint that is none: /)]);

		const endless = inPieces();
		endless.fate = (from, _to, message) => {
			const piece = pieceOf(message);
			if (!isChunk(message) || !piece || from !== 1) return message;
			return {...message, checkpoint: {...piece, text: 'x'.repeat(4_000_000), isLast: false}};
		};
		expect(endless.run(20_000)).toBe(true);
		expectEqual(endless.zero, endless.replicas[2]!);
		expect(endless.zero.told).toEqual([expect.stringMatching(/^r1 sent a checkpoint that has no end: /)]);
	});
});

describe('peers that are wrong', () => {
	/** r1 says it, whatever it is. */
	const wrongs: ReadonlyArray<readonly [what: string, spoil: (chunk: Chunk) => Chunk, told: RegExp]> = [
		[
			'a changed text',
			chunk => ({...chunk, lines: chunk.lines.replace('message', 'massage')}),
			/does not fit its lines/,
		],
		['a gap', chunk => ({...chunk, lines: chunk.lines.replace(/^.*\n/, '')}), /lines that do not follow/],
		['rubbish', chunk => ({...chunk, lines: 'rubbish\n'}), /lines that do not follow/],
		['half a line', chunk => ({...chunk, lines: `${chunk.lines}{"posi`}), /lines that do not follow/],
		[
			'a checkpoint too early',
			chunk => ({...chunk, checkpoint: {slot: 100, offset: 0, text: '{"slot":100}', isLast: true}}),
			/a checkpoint that is none/,
		],
		['no checkpoint', chunk => rewritten(chunk, () => '{'), /a checkpoint that is none/],
		[
			'another slot, with the digest of the right one',
			chunk => rewritten(chunk, text => text.replace(/"slot":\d+/, '"slot":50000')),
			/a checkpoint that is none/,
		],
		['another slot', chunk => changed(chunk, state => ({...state, slot: 50_000})), /does not fit its lines/],
		[
			'a state without the sessions it had',
			chunk => changed(chunk, state => ({...state, sessions: []})),
			/a checkpoint of slot 100 that is not what r1 and r2 had there/,
		],
		[
			'a session that is further than it was',
			chunk =>
				changed(chunk, state => ({
					...state,
					sessions: state.sessions.map(session => ({...session, sequence: session.sequence + 1})),
				})),
			/a checkpoint of slot 100 that is not what r1 and r2 had there/,
		],
	];
	test.each(wrongs)('%s: all of it is thrown away, and the other one is asked', (_what, spoil, told) => {
		const world = new World(100);
		world.fate = (from, _to, message) => (isChunk(message) && from === 1 ? spoil(message) : message);
		expect(world.run(4000)).toBe(true);
		expectEqual(world.zero, world.replicas[2]!);
		expect(world.zero.told).toEqual([expect.stringMatching(told)]);
		expect(world.zero.told[0]).toMatch(/^r1 sent .*: throws all of it away and asks another replica$/);
	});

	test('the only one there is asked again, now and then', () => {
		const world = new World(20, 2);
		let isSpoilt = true;
		world.fate = (from, _to, message) =>
			isChunk(message) && from === 1 && isSpoilt ? {...message, lines: 'rubbish\n'} : message;
		expect(world.run(35_000)).toBe(false);
		expect(world.zero.told).toHaveLength(4);
		isSpoilt = false;
		expect(world.run(11_000)).toBe(true);
		expectEqual(world.zero, world.replicas[1]!);
	});

	test('one whose lines never come to an end does not stop us from what the core learns', () => {
		const world = new World(100);
		world.fate = (from, _to, message) =>
			isChunk(message) && from !== 0 ? {...message, lines: '', checkpoint: null} : message;
		expect(world.run(5000)).toBe(false);
		expect(world.asked.length).toBeLessThan(12);
	});

	test('one that claims millions of slots keeps nobody waiting', () => {
		const world = new World(100);
		world.fate = (from, _to, message) =>
			isChunk(message) && from === 1
				? {...message, lines: message.lines.replace(/"slot":\d+/, '"slot":400000')}
				: message;
		let ticks = 0;
		const tick = () => {
			ticks++;
			world.events.later(0, tick);
		};
		world.events.later(latencyMs * 2 + 1, tick);
		// Many things happen in the same moment of virtual time: bites and other work take turns.
		while (world.zero.told.length === 0 && world.events.step(100));
		expect(ticks).toBeGreaterThan(50);
		expect(world.zero.told).toHaveLength(1);
	});
});

describe('what the hash of the lines does not cover', () => {
	/** r1 sends a state without sessions, and says so too. */
	const lying = (count: number) => {
		const world = new World(100, count);
		const {checkpoint, digests} = world.replicas[1]!;
		const lie: ChatState = {...checkpoint!, sessions: []};
		world.replicas[1]!.checkpoint = lie;
		digests.set(lie.slot, digestOf(lie));
		return world;
	};

	test('is refused if others had something else there, and fetched from those who agree', () => {
		const world = lying(4);
		expect(world.run(4000)).toBe(true);
		expectEqual(world.zero, world.replicas[2]!);
		expect(world.zero.told).toEqual([
			'r1 sent a checkpoint of slot 100 that is not what r2 and r3 had there: throws all of it away and asks another replica',
		]);
	});

	test('is refused from either side if nobody knows who is right', () => {
		const world = lying(3);
		expect(world.run(40_000)).toBe(false);
		expect([world.zero.installed, world.zero.kept]).toEqual([0, '']);
		expect(world.zero.told.slice(0, 2)).toEqual([
			expect.stringMatching(/^r1 sent a checkpoint of slot 100 that is not what r2 had there: /),
			expect.stringMatching(/^r2 sent a checkpoint of slot 100 that is not what r1 had there: /),
		]);
	});

	test('waits for a second word, and is taken from a single one in the end, which is told', () => {
		const world = new World(100);
		world.replicas[2]!.isAlive = false;
		expect(world.run(2600)).toBe(false);
		expect([world.zero.installed, world.zero.told]).toEqual([0, []]);
		// Nobody is doubted for it: at each beat it counts as progress.
		const {pieces} = world.zero;
		world.pass(300);
		expect(world.zero.pieces - pieces).toBe(3);
		world.replicas[2]!.isAlive = true;
		expect(world.run(500)).toBe(true);
		expect(world.zero.told).toEqual([]);

		const alone = new World(100, 2);
		expect(alone.run(4000)).toBe(true);
		expectEqual(alone.zero, alone.replicas[1]!);
		expect(alone.zero.told).toEqual([
			'takes the checkpoint of slot 100 on the word of r1: no other replica spoke about it',
		]);
	});

	test('is of no use any more when our own chat has moved while it waited', () => {
		const world = new World(100, 2);
		world.events.later(2000, () => world.zero.live(10));
		expect(world.run(4900)).toBe(false);
		expect([world.zero.installed, world.zero.chat.slot]).toEqual([0, 13]);
		expect(world.run(2000)).toBe(true);
		expectEqual(world.zero, world.replicas[1]!);
		expect(world.zero.installed).toBe(1);
	});
});

describe('our own chat moves meanwhile', () => {
	test('what was fetched is of no use, and is forgotten', () => {
		const world = new World(100);
		world.fate = (_from, _to, message) => {
			if (isChunk(message) && message.after === 41 && world.zero.chat.slot === 3) world.zero.live(2);
			return message;
		};
		expect(world.run(3000)).toBe(true);
		expectEqual(world.zero, world.replicas[1]!);
		expect([world.zero.installed, world.zero.told]).toEqual([1, []]);
		// It began anew from where it was by then.
		expect(world.asked.some(([, after]) => after === 3)).toBe(true);
	});

	test('and reaches the checkpoint: nothing is installed', () => {
		const world = new World(100);
		world.fate = (_from, _to, message) => {
			if (isChunk(message) && message.after === 41) world.zero.live(100 - world.zero.chat.slot);
			return message;
		};
		expect(world.run(3000)).toBe(true);
		world.pass(50);
		expect([world.zero.installed, world.zero.kept, world.zero.told]).toEqual([0, '', []]);
	});
});

describe('who is asked', () => {
	test('is not the primary, which has enough to do, when there is somebody else', () => {
		const world = new World(100, 3, 1);
		expect(world.run(1000)).toBe(true);
		expect(new Set(world.asked.map(([peer]) => peer))).toEqual(new Set([2]));
	});

	test('is the primary after a while, when nobody else says anything, or when he sends nothing', () => {
		const alone = new World(100, 3, 1);
		alone.replicas[2]!.isAlive = false;
		expect(alone.run(6000)).toBe(true);
		expectEqual(alone.zero, alone.replicas[1]!);

		const mute = new World(100, 3, 1);
		mute.fate = (from, _to, message) => (from === 2 ? null : message);
		expect(mute.run(3000)).toBe(true);
		expectEqual(mute.zero, mute.replicas[1]!);
	});

	test('without a checkpoint says nothing', () => {
		const world = new World(100);
		world.replicas[1]!.checkpoint = undefined;
		const before = world.asked.length;
		world.replicas[1]!.transfer.onMessage(0, {type: 'fetch', after: 0, slot: 0, offset: 0});
		expect(world.asked.length).toBe(before);
	});

	test('gives no line behind its checkpoint, though its log is longer', () => {
		const world = new World(100);
		world.replicas[1]!.live(100);
		const given: Chunk[] = [];
		world.fate = (from, _to, message) => {
			if (isChunk(message) && from === 1) given.push(message);
			return message;
		};
		world.replicas[1]!.transfer.onMessage(0, {type: 'fetch', after: 64, slot: 0, offset: 0});
		world.replicas[1]!.transfer.onMessage(0, {type: 'fetch', after: 200, slot: 0, offset: 0});
		world.run(20);
		const {position} = world.replicas[1]!.checkpoint!;
		expect(position).toBe(66);
		const plain = encodeState(world.replicas[1]!.checkpoint!);
		expect(given.filter(({after}) => after > 50)).toEqual([
			{type: 'chunk', after: 200, lines: '', checkpoint: {slot: 100, offset: 0, text: plain, isLast: true}},
			{type: 'chunk', after: 64, lines: world.replicas[1]!.lines.slice(64, 66).join(''), checkpoint: null},
		]);
	});
});

describe('what a piece costs whoever catches up', () => {
	/** Milliseconds from the first question to the last one. */
	const timeOf = (leader: ReplicaId | null, msPerPiece: number): number => {
		const world = new World(100, 3, leader);
		world.msPerPiece = msPerPiece;
		const asked: number[] = [];
		world.fate = (_from, _to, message) => {
			if (message.type === 'fetch') asked.push(world.events.now);
			return message;
		};
		expect(world.run(20_000)).toBe(true);
		expect(asked.length).toBeGreaterThan(10);
		return asked.at(-1)! - asked[0]!;
	};

	test('is a ninth of its time, beside a primary that works', () => {
		const atOnce = timeOf(1, 0);
		expect(timeOf(1, 2) - atOnce).toBe(16 * 8 * 2);
	});

	test('is all of it while there is no primary: it may be the next', () => {
		expect(timeOf(null, 2)).toBe(timeOf(null, 0));
	});

	test('is all of it after five seconds', () => {
		expect(timeOf(1, 200)).toBeLessThan(5000);
		// Stopped in the middle of one.
		expect(timeOf(1, 3_600_000)).toBeLessThan(5000);
	});
});

describe('a slow line', () => {
	/** To r0 they all speak over one line of 1 Mbit/s, and each word waits until those before it are through. */
	function slow(world: World): {waitedMs: number; carried: number} {
		const line = {freeAt: 0, waitedMs: 0, carried: 0};
		world.fate = (from, to, message) => {
			if (to !== 0 || !isChunk(message)) return message;
			const {now} = world.events;
			const bytes = message.lines.length + (message.checkpoint?.text.length ?? 0);
			line.freeAt = Math.max(line.freeAt, now) + bytes / 125;
			line.waitedMs = Math.max(line.waitedMs, line.freeAt - now);
			line.carried += bytes;
			world.events.later(line.freeAt - now, () => world.zero.transfer.onMessage(from, message));
			return null;
		};
		return line;
	}

	test('what else is said on it never waits long, and nothing goes over it twice', () => {
		const world = new World(5000);
		world.linesInAPiece = 2000;
		const line = slow(world);
		expect(world.run(30_000)).toBe(true);
		expectEqual(world.zero, world.replicas[1]!);
		const {length} = world.replicas[1]!.lines.join('');
		expect(length).toBeGreaterThan(300_000);
		expect(line.waitedMs).toBeLessThan(100);
		expect(line.carried).toBeLessThan(1.02 * length);
	});

	test('nor while a checkpoint of 10,000 sessions is on it, which newer ones overtake', () => {
		const world = new World(3, 3);
		for (const ahead of world.replicas.slice(1)) {
			ahead.populate(mostSessions);
			ahead.keepCheckpoint();
		}

		const grow = () => {
			for (const ahead of world.replicas.slice(1)) {
				ahead.live(10);
				ahead.keepCheckpoint();
			}

			if (world.zero.installed === 0) world.events.later(1000, grow);
		};
		world.events.later(1000, grow);
		const {length} = encodeState(world.replicas[1]!.checkpoint!);
		expect(length).toBeGreaterThan(800_000);
		const line = slow(world);
		while (world.zero.installed === 0 && world.events.step(20_000));
		expect(world.zero.chat.slot).toBe(4);
		expect(line.waitedMs).toBeLessThan(100);
		expect(line.carried).toBeLessThan(1.02 * length);
		expect(world.events.now).toBeLessThan((1.2 * length) / 125);
		expect(world.run(20_000)).toBe(true);
		expectEqual(world.zero, world.replicas[1]!);
	});
});
