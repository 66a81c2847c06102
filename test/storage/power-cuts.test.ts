import {setImmediate as turn} from 'node:timers/promises';
import {isDeepStrictEqual} from 'node:util';
import {afterAll, expect, test} from '@jest/globals';
import {Chat, type ChatState} from '../../source/chat/chat.ts';
import {Replica} from '../../source/consensus/replica.ts';
import type {Decision, Message, ReplicaId, Slot, Value, View} from '../../source/consensus/types.ts';
import {noView} from '../../source/consensus/views.ts';
import {Host, type Service} from '../../source/host.ts';
import {Random} from '../../source/simulator/random.ts';
import {settings} from '../../source/simulator/world.ts';
import {type Checkpoint, previousOf} from '../../source/storage/checkpoint.ts';
import {createMemory, pathsIn, replicaPath} from '../../source/storage/directory.ts';
import {Keeper} from '../../source/storage/keeper.ts';
import {readMembers, writeMembers} from '../../source/storage/members.ts';
import {readMeta} from '../../source/storage/meta.ts';
import {type Recalled, recall} from '../../source/storage/recall.ts';
import {SimulatedFiles} from './simulated-files.ts';

/** More of them with CRASH_STATES=1000000. */
const wanted = Number(process.env.CRASH_STATES ?? 4000);
const patienceMs = 60_000 + wanted * 10;

const data = '/data';
const id = 1;
const path = replicaPath(data, id);
const paths = pathsIn(path);
const cluster = 'c'.repeat(32);
const segmentBytes = 4096;
const checkpointBytes = 700;
const sessions = 10;
const newName = (random: Random) => Array.from({length: 32}, () => random.below(16).toString(16)).join('');

type Image = ReadonlyMap<string, Buffer>;
/** What others rely on, from the moment on at which they could know it. */
type Claim = {
	/** The memory has been made, and is listed as one that has lived here. */
	readonly isMade: boolean;
	readonly isListed: boolean;
	/** The highest that was told to anybody. */
	readonly view: View;
	/** The votes that somebody heard of, and the core has not forgotten: of each slot, the highest view. */
	readonly votes: ReadonlyMap<Slot, View>;
	/** Up to this slot the core has forgotten everything. */
	readonly since: Slot;
	/** The latest memory of each peer that was met or admitted. */
	readonly peers: ReadonlyMap<ReplicaId, string>;
	/** Nothing beyond was ever proposed. */
	readonly proposed: Slot;
};

const counts = {
	states: 0,
	lives: 0,
	unmade: 0,
	checkpoints: 0,
	installs: 0,
	meetings: 0,
	failures: 0,
	torn: 0,
	fromCheckpoint: 0,
	withoutNewest: 0,
	withVotes: 0,
};

/** Every fifth slot is a no-op, the others hold one or two messages: what was ever decided for a slot. */
class Script {
	readonly #values: Value[] = [];
	readonly #states: ChatState[] = [];
	readonly #texts: string[] = [];
	readonly #chat = new Chat({sessions});
	#sequence = 0;

	value(slot: Slot): Value {
		while (this.#values.length < slot) this.#next();
		return this.#values[slot - 1]!;
	}

	/** Of a replica that never stopped. */
	state(slot: Slot): ChatState {
		if (slot === 0) return new Chat({sessions}).state();
		this.value(slot);
		return this.#states[slot - 1]!;
	}

	/** The lines of the slots after the one, up to the other. */
	text(after: Slot, upTo: Slot): string {
		this.value(upTo);
		return this.#texts.slice(after, upTo).join('');
	}

	#next(): void {
		const slot = this.#values.length + 1;
		const value = this.#make(slot);
		this.#values.push(value);
		this.#texts.push(this.#chat.execute(slot, value).text);
		this.#states.push(this.#chat.state());
	}

	#make(slot: Slot): Value {
		const say = (session: Slot, sequence: number, text: string) => ({
			client: 'ada',
			session,
			sequence,
			nick: 'ada',
			text,
		});
		if (slot === 1) return {at: 1000, requests: [say(0, 0, 'nonce')]};
		if (slot % 5 === 0) return {at: 0, requests: []};
		const requests = Array.from({length: 1 + (slot % 2)}, () => {
			const sequence = ++this.#sequence;
			return say(1, sequence, `message ${sequence} ${'ä'.repeat(sequence % 70)}`);
		});
		return {at: 1000 + slot, requests};
	}
}

const script = new Script();

test(
	`${wanted} states of a directory that a loss of power may leave: all that somebody relied on is there`,
	async () => {
		for (let seed = 1; counts.states < wanted; seed++) {
			const past = new Past(seed);
			try {
				await past.live();
			} catch (error) {
				throw new Error(`seed ${seed}: ${(error as Error).message}`, {cause: error});
			}
		}

		expect(counts.unmade).toBeGreaterThan(wanted / 500);
		expect(counts.checkpoints).toBeGreaterThan(wanted / 20);
		expect(counts.installs).toBeGreaterThan(wanted / 200);
		expect(counts.meetings).toBeGreaterThan(wanted / 50);
		expect(counts.failures).toBeGreaterThan(wanted / 500);
		expect(counts.torn).toBeGreaterThan(wanted / 50);
		expect(counts.fromCheckpoint).toBeGreaterThan(wanted / 4);
		expect(counts.withoutNewest).toBeGreaterThan(wanted / 20);
		expect(counts.withVotes).toBeGreaterThan(wanted / 4);
	},
	patienceMs,
);

/** The lives of one replica on one disk. */
class Past {
	readonly random: Random;
	files: SimulatedFiles;
	claim: Claim = {
		isMade: false,
		isListed: false,
		view: noView,
		votes: new Map(),
		since: 0,
		peers: new Map(),
		proposed: 0,
	};
	/** Of the memory; a new one, whenever the disk has lost all trace of one that was being made. */
	#incarnation: string | undefined;
	/** What the disk was asked to do. */
	#waiting: (() => void)[] = [];
	/** Pictures of what a loss of power would leave, not looked at yet. */
	#images: {readonly image: Image; readonly claim: Claim}[] = [];

	constructor(seed: number) {
		this.random = new Random(seed);
		this.files = new SimulatedFiles(this.random, new Map([[`${data}/`, Buffer.alloc(0)]]));
	}

	async live(): Promise<void> {
		for (let life = this.random.between(2, 4); life > 0; life--) {
			counts.lives++;
			await this.#liveOnce();
			for (const {image, claim} of this.#images) await this.#check(image, claim);
			this.#images = [];
			const next = this.files.die();
			this.files = next;
			this.#waiting = [];
			if (this.random.chance(0.3)) continue;
			const image = next.image();
			await this.#check(image, this.claim);
			this.files = new SimulatedFiles(this.random, image);
		}
	}

	rely(news: Partial<Claim>): void {
		this.claim = {...this.claim, ...news};
	}

	/** Does some of what the disk was asked to do. */
	async pump(steps: number): Promise<void> {
		for (let step = 0; step < steps; step++) {
			const [next] = this.#waiting.splice(this.random.below(Math.min(3, this.#waiting.length)), 1);
			next?.();
			await turn();
		}
	}

	/** Lets the disk work until this has come to its end. */
	async through<Result>(work: Promise<Result>): Promise<Result> {
		let isOver = false;
		const end = () => {
			isOver = true;
		};
		work.then(end, end);
		for (let wait = 0; !isOver; wait++) {
			if (wait > 10_000) throw new Error('it does not end');
			await this.pump(1);
		}

		return await work;
	}

	async #liveOnce(): Promise<void> {
		const {random, files} = this;
		files.schedule = run => this.#waiting.push(run);
		files.onStep = () => {
			if (random.chance(0.1)) this.#images.push({image: files.image(), claim: this.claim});
		};
		if (random.chance(0.4)) files.weaken(this.#weakness());
		try {
			await this.#open();
			let life: Life | undefined;
			let failure: Error | undefined;
			const onError = (error: Error) => {
				failure ??= error;
				life?.fail(error);
			};
			const recalled = await this.through(recallFrom(files, onError));
			if (failure) throw failure;
			life = new Life(this, recalled);
			await life.work(random.between(5, 60));
		} catch (error) {
			if (!/ENOSPC|EIO/.test((error as Error).message)) throw error;
			counts.failures++;
		} finally {
			files.weaken({});
		}
	}

	/** As a start does it. */
	async #open(): Promise<void> {
		const {files} = this;
		if (!(await files.list(data)).includes(`replica-${id}`)) {
			const meta = {cluster, id, replicas: 3, isNewcomer: false};
			await this.through(createMemory(data, path, meta, files));
		}

		this.#incarnation = (await readMeta(path, files.ground.readPrivate)).incarnation;
		const members = await readMembers(data, cluster, files.ground.readPrivate);
		// Who finds the name finds it durable: whoever made it, or a loss of power, saw to that.
		this.rely({isMade: true});
		if (members.length === 0) await this.through(writeMembers(data, cluster, [id], files));
		this.rely({isListed: true});
	}

	#weakness() {
		const {random} = this;
		return random.pick([
			{roomBytes: random.below(60_000)},
			{syncs: random.below(30)},
			{logSyncs: random.below(4)},
			{pieceBytes: random.between(50, 300)},
		]);
	}

	/** What the next start would find, and make of it. */
	async #check(image: Image, claim: Claim): Promise<void> {
		counts.states++;
		const files = new SimulatedFiles(new Random(1), image);
		const {readPrivate} = files.ground;
		const members = await readMembers(data, cluster, readPrivate);
		if (claim.isListed && !members.includes(id)) throw new Error('it is not listed');
		if (!(await files.list(data)).includes(`replica-${id}`)) {
			counts.unmade++;
			if (claim.isMade) throw new Error('it is gone');
			return;
		}

		const {incarnation} = await readMeta(path, readPrivate);
		if (!(await files.list(path)).includes('journal')) throw new Error('its journal is gone');
		if (claim.isMade && incarnation !== this.#incarnation) throw new Error('it is another memory');
		const {checkpoint, acquaintances, told} = await this.#start(files, incarnation, claim);
		if (told.some(line => line.startsWith('the last write'))) counts.torn++;
		// A cut write, or between two names of a checkpoint: nothing that was synced is damaged.
		const complaint = told.find(
			line => !/^the last write|checkpoint is missing: starts from the one before/.test(line),
		);
		if (complaint !== undefined) throw new Error(`it complains: ${complaint}`);
		const slot = checkpoint?.slot ?? 0;
		if (slot > 0) counts.fromCheckpoint++;
		if (slot < claim.since)
			throw new Error(`it has a checkpoint of slot ${slot}, and forgot up to ${claim.since}`);
		for (const [peer, name] of claim.peers)
			if (acquaintances.remembered(peer)?.incarnation !== name)
				throw new Error(`replica ${peer} is forgotten`);
		if (this.random.chance(0.2)) await this.#checkWithoutNewest(image, incarnation, claim);
	}

	/** Should the newest checkpoint be lost, the one before it and the journal know everything as well. */
	async #checkWithoutNewest(image: Image, incarnation: string, claim: Claim): Promise<void> {
		// A start after a loss of power between two names has but one, until it makes the next.
		if (!image.has(paths.checkpoint) || !image.has(previousOf(paths.checkpoint))) return;
		counts.withoutNewest++;
		const older = new Map([...image].filter(([name]) => name !== paths.checkpoint));
		await this.#start(new SimulatedFiles(new Random(1), older), incarnation, claim);
	}

	async #start(files: SimulatedFiles, incarnation: string, claim: Claim) {
		const told: string[] = [];
		const onError = (error: Error) => {
			throw error;
		};
		const {checkpoint, entries, acquaintances} = await recallFrom(files, onError, line => told.push(line));
		const slot = checkpoint?.slot ?? 0;
		const text = (await files.read(paths.chatLog)).toString();
		if (text !== script.text(0, slot)) throw new Error(`the chat log is not what slot ${slot} leaves`);
		const replica = new Replica(optionsOf(incarnation), entries, slot, checkpoint?.admitted);
		this.#checkCore(replica, checkpoint, claim);
		files.die();
		return {checkpoint, acquaintances, told};
	}

	#checkCore(replica: Replica, checkpoint: Checkpoint | undefined, claim: Claim): void {
		const chat = new Chat({sessions}, checkpoint);
		for (const {slot, value} of replica.step({type: 'tick', now: 0}).decisions) chat.execute(slot, value);
		if (chat.slot > claim.proposed) throw new Error(`slot ${chat.slot} was never proposed`);
		if (!isDeepStrictEqual(chat.state(), script.state(chat.slot)))
			throw new Error(`the state after slot ${chat.slot} is another one`);
		if (replica.view < claim.view)
			throw new Error(`it is in view ${replica.view}, and promised ${claim.view}`);
		const {accepted} = replica.acceptor;
		if (claim.votes.size > 0) counts.withVotes++;
		for (const [slot, view] of claim.votes) {
			if (slot <= replica.acceptor.since) continue;
			const vote = accepted.get(slot);
			if (!vote || vote.view < view) throw new Error(`the vote for slot ${slot} in view ${view} is lost`);
			if (!isDeepStrictEqual(vote.value, script.value(slot)))
				throw new Error(`slot ${slot} has another value`);
		}
	}
}

const recallFrom = (files: SimulatedFiles, onError: (error: Error) => void, tell = (_line: string) => {}) =>
	recall({
		directory: paths,
		segmentBytes,
		onError,
		tell,
		ground: files.ground,
		pace: {idleMs: 5000, markMs: 0},
	});

const optionsOf = (incarnation: string) => ({
	...settings,
	// Nobody is doubted: it is the others that lead, and change the view.
	patienceTicks: 1_000_000,
	startPatienceTicks: 1_000_000,
	id,
	replicas: 3,
	incarnation,
	isNewcomer: false,
	skip: [],
});

/** One life of a replica: what a server does, with the two others played from here. */
class Life implements Service {
	readonly #past: Past;
	readonly #random: Random;
	readonly #recalled: Recalled;
	readonly #keeper: Keeper;
	readonly #host: Host;
	#chat: Chat;
	/** Peers that are just being written down. */
	readonly #meeting = new Set<ReplicaId>();
	#held: Decision[] | undefined;
	#failure: Error | undefined;
	#failed = Promise.withResolvers<void>();

	constructor(past: Past, recalled: Recalled) {
		this.#past = past;
		this.#random = past.random;
		this.#recalled = recalled;
		const {checkpoint, entries, journal} = recalled;
		this.#chat = new Chat({sessions}, checkpoint);
		this.#keeper = new Keeper({
			...recalled,
			path: paths.checkpoint,
			restate: () => ({since: replica.acceptor.since, entries: replica.restate()}),
			forget: slot => this.#forget(slot, () => this.#host.checkpoint(slot)),
			isStopped: () => this.#failure !== undefined,
			failed: this.#failed.promise,
			onError: error => this.fail(error as Error),
			ground: past.files.ground,
		});
		const replica = new Replica(
			optionsOf('1'.repeat(32)),
			entries,
			checkpoint?.slot ?? 0,
			checkpoint?.admitted,
		);
		const network = {
			broadcast: (messages: readonly Message[]) => this.#onSaid(messages),
			send: (_to: ReplicaId, messages: readonly Message[]) => this.#onSaid(messages),
		};
		this.#host = new Host(replica, journal, network, this, () => 0);
	}

	fail(error: Error): void {
		this.#failure ??= error;
		this.#failed.resolve();
	}

	/** Throws what its disk has failed with. */
	async work(acts: number): Promise<void> {
		for (let act = 0; act < acts && !this.#failure; act++) {
			this.#act();
			await this.#past.pump(this.#random.pick([0, 1, 3, 10, 30]));
		}

		if (this.#failure) throw this.#failure;
	}

	#act(): void {
		const random = this.#random;
		const choice = random.next();
		if (choice < 0.6) for (let slots = random.between(1, 3); slots > 0; slots--) this.#propose();
		else if (choice < 0.7) this.#changeView();
		else if (choice < 0.8) this.#meet(random.pick([0, 2]));
		else if (choice < 0.85) this.#install();
		else this.#host.tick();
	}

	/** The next slot, or one that is on its way, is proposed; its primary votes for it, now or never. */
	#propose(): void {
		const {view, learner} = this.#host.replica;
		if (view === noView) {
			this.#changeView();
			return;
		}

		const slot = Math.min(this.#past.claim.proposed + 1, learner.through + this.#random.between(1, 4));
		this.#past.rely({proposed: Math.max(this.#past.claim.proposed, slot)});
		const vote: Message[] = this.#random.chance(0.9) ? [{type: 'accepted', view, slot}] : [];
		this.#host.receive(view % 3, [
			{type: 'accept', view, slot, value: script.value(slot), epoch: 0},
			...vote,
		]);
	}

	#changeView(): void {
		const primary = this.#random.pick([0, 2]);
		const {view} = this.#host.replica;
		const next = Array.from({length: 3}, (_, step) => view + 1 + step).find(one => one % 3 === primary)!;
		this.#host.receive(primary, [{type: 'prepare', view: next, from: 1}]);
	}

	/** A peer comes; or the log says that it goes on with another memory. */
	#meet(peer: ReplicaId): void {
		if (this.#meeting.has(peer)) return;
		this.#meeting.add(peer);
		const {acquaintances} = this.#recalled;
		const known = acquaintances.remembered(peer)?.incarnation;
		const remember = (name: string) => {
			this.#meeting.delete(peer);
			counts.meetings++;
			this.#past.rely({peers: new Map([...this.#past.claim.peers, [peer, name]])});
		};
		const incarnation = newName(this.#random);
		const work =
			known === undefined
				? acquaintances.meet(peer, {incarnation, groups: 1, isNewcomer: false}).then(isWelcome => {
						if (isWelcome) remember(incarnation);
					})
				: acquaintances.admit(peer, incarnation).then(() => remember(incarnation));
		// From before the write is over until it is, a loss of power may leave either.
		this.#past.rely({peers: new Map([...this.#past.claim.peers].filter(([other]) => other !== peer))});
		work.catch((error: Error) => this.fail(error));
	}

	/** The state of a peer that is ahead. */
	#install(): void {
		if (this.#held || this.#keeper.isBusy) return;
		counts.installs++;
		this.#held = [];
		const {slot} = this.#chat;
		const next = slot + this.#random.between(1, 12);
		this.#past.rely({proposed: Math.max(this.#past.claim.proposed, next)});
		const middle = this.#random.between(slot, next);
		const lines = async function* () {
			yield script.text(slot, middle);
			yield script.text(middle, next);
		};
		this.#keeper.install(script.state(next), lines, () => {
			this.#chat = new Chat({sessions}, script.state(next));
			const held = this.#held ?? [];
			this.#held = undefined;
			this.execute(held.filter(decision => decision.slot > next));
			this.#forget(next, () => this.#host.install(next, []));
		});
	}

	#forget(slot: Slot, run: () => void): void {
		const {claim} = this.#past;
		counts.checkpoints++;
		const votes = new Map([...claim.votes].filter(([voted]) => voted > slot));
		this.#past.rely({since: Math.max(claim.since, slot), votes});
		run();
	}

	#onSaid(messages: readonly Message[]): void {
		for (const message of messages) {
			const {claim} = this.#past;
			if ('view' in message) this.#past.rely({view: Math.max(claim.view, message.view)});
			if (message.type !== 'accepted' || message.slot <= claim.since) continue;
			const view = Math.max(message.view, claim.votes.get(message.slot) ?? noView);
			this.#past.rely({votes: new Map([...claim.votes, [message.slot, view]])});
		}
	}

	execute(decisions: readonly Decision[]): void {
		if (this.#held) {
			this.#held.push(...decisions);
			return;
		}

		const {log} = this.#recalled;
		const checkpointsIn = (bytes: number) => Math.floor(bytes / checkpointBytes);
		for (const {slot, value} of decisions) {
			const before = checkpointsIn(log.bytes);
			log.append(this.#chat.execute(slot, value).text, () => {});
			if (checkpointsIn(log.bytes) > before) this.#keeper.keep({...this.#chat.state(), bytes: log.bytes});
		}
	}

	hasSettled(): boolean {
		return false;
	}

	refuse(): void {}
	fetch(): void {}
	transfer(): void {}
	note(): void {}
}

if (process.env.CRASH_COUNTS) afterAll(() => void process.stderr.write(`${JSON.stringify(counts)}\n`));
