import {once} from 'node:events';
import {createServer, type Server as HttpServer} from 'node:http';
import type {AddressInfo} from 'node:net';
import {setTimeout as pause} from 'node:timers/promises';
import {Chat, type ChatState} from './chat/chat.ts';
import type {ChatLog} from './chat/chat-log.ts';
import {digestOf} from './chat/chat-state.ts';
import {decodeLine} from './chat/line-text.ts';
import type {Answer, Line} from './chat/types.ts';
import {type Cluster, rulesOf} from './cluster.ts';
import {Replica} from './consensus/replica.ts';
import type {
	Chunk,
	Decision,
	Fetch,
	Message,
	Note,
	Options,
	ReplicaId,
	Request,
	Slot,
	Witness,
} from './consensus/types.ts';
import {majorityOf} from './consensus/views.ts';
import {Failure} from './failure.ts';
import {Host, type Service, type Watch} from './host.ts';
import {turnedAway} from './network/client-wire.ts';
import {Door} from './network/door.ts';
import type {Done, Hash, Identity, Order, Status, TurnedAway, Weather} from './network/events.ts';
import {Faults} from './network/faults.ts';
import type {Network} from './network/network.ts';
import {Rooms} from './network/rooms.ts';
import {NoteBook} from './note-book.ts';
import {mostOpenFiles, type Places, placesIn} from './open-files.ts';
import {Pages} from './pages.ts';
import {RoomLeft} from './room-left.ts';
import {slotStatesOf} from './slot-states.ts';
import {type Acquaintances, memoryLost} from './storage/acquaintances.ts';
import type {Checkpoint} from './storage/checkpoint.ts';
import {openReplicaDirectory, type ReplicaDirectory} from './storage/directory.ts';
import type {Disk} from './storage/disk.ts';
import {codeOf, failureOf, isOfSystem} from './storage/files.ts';
import {type Ground, realGround} from './storage/ground.ts';
import type {Journal} from './storage/journal.ts';
import {Keeper} from './storage/keeper.ts';
import {KeptLines} from './storage/kept-lines.ts';
import {type FirstLook, lookThrough} from './storage/log-check.ts';
import {type Recalled, recall} from './storage/recall.ts';
import {Scrub} from './storage/scrub.ts';
import type {Recorder} from './trace.ts';
import {Transfer} from './transfer.ts';
import {forgetText} from './value-text.ts';
import {Witnesses} from './witnesses.ts';

/** How often a replica tells its monitors how it is. */
const statusMs = 200;
/** How often a replica repeats to the others how its disk is, and what its state was at its last checkpoints. */
const repeatMs = 1000;
/** How often it looks how much room is left: the reserve has to hold what is written in between. */
const roomMs = 200;
/** So long a start waits for its log to be looked through, in milliseconds: that is enough for some ten megabytes, or for many more. */
const firstLookMs = 150;
/** Whatever `checkpointBytes` is: of what is decided, so much may wait for a checkpoint. */
const leastBacklogBytes = 8_388_608;
const requestTimeouts = {headersTimeout: 5000, requestTimeout: 10_000, connectionsCheckingInterval: 1000};
/** Connections beside those of clients: of peers and administrators, and of whoever has not said yet what he wants. */
const strangers = 1100;

export type ServerOptions = {
	readonly cluster: Cluster;
	readonly id: ReplicaId;
	/** The directory DATA. */
	readonly data: string;
	/** Slots to leave out in the first view that it leads. */
	readonly skip: readonly Slot[];
	/** Share of messages lost, of what it hears from its peers, from 0 to 1. */
	readonly loss: number;
	/** Takes fault orders from administrators. */
	readonly hasFaults: boolean;
	/** One line for the operator. */
	readonly log: (line: string) => void;
	/** The replica has stopped for good: its disk failed, or an invariant broke. Called once. */
	readonly onFatal: (error: Error) => void;
	/** Records what happens at the door of the core. The caller closes it when the server has stopped. */
	readonly recorder?: Recorder | undefined;
	/** What its memory stands on; the real disk, if absent. */
	readonly ground?: Ground;
};

/** What a replica holds open before it is one, and the connections that it may. */
type Parts = {
	readonly places: Places;
	readonly directory: ReplicaDirectory;
	readonly recalled: Recalled;
	readonly firstLook: FirstLook;
	readonly chat: Chat;
	readonly replica: Replica;
	readonly watch: Watch | undefined;
};

/**
 * One replica as a process sees it: a host on a real journal and real rooms,
 * with the chat attached and clients at the door.
 */
export class Server implements Service {
	readonly id: ReplicaId;
	readonly #options: ServerOptions;
	readonly #cluster: Cluster;
	readonly #directory: ReplicaDirectory;
	readonly #journal: Journal;
	readonly #acquaintances: Acquaintances;
	readonly #log: ChatLog;
	/** Before its end nobody is given a line of the log. */
	readonly #firstLook: FirstLook;
	#chat: Chat;
	readonly #http: HttpServer;
	readonly #faults: Faults;
	readonly #rooms: Rooms;
	readonly #door: Door;
	readonly #host: Host;
	readonly #timers: NodeJS.Timeout[] = [];
	/** The status that monitors heard last, but for its time. */
	#toldStatus = '';
	/** When each peer was last heard, in milliseconds of the monotonic clock. */
	readonly #heardAt = new Map<ReplicaId, number>();
	readonly #counts = {retriesAnswered: 0, viewsEntered: 0, noOps: 0};
	readonly #notes = new NoteBook(() => performance.now());
	readonly #keeper: Keeper;
	/** What is decided while a checkpoint of a peer is being installed, which comes first. */
	#held: Decision[] | undefined;
	readonly #scrub: Scrub;
	/** A piece of the disk is being read again. */
	#scrubbing: Promise<void> | undefined;
	readonly #kept: KeptLines;
	readonly #transfer: Transfer;
	readonly #witnesses: Witnesses;
	readonly #network: Network;
	/** What clients said in this turn of the event loop. */
	#said: Request[] = [];
	readonly #roomLeft: RoomLeft;
	/** New requests are refused with this: the end is near. */
	#farewell: string | undefined;
	/** Nothing is said or acknowledged any more. */
	#isStopped = false;
	readonly #failed = Promise.withResolvers<void>();
	#stopping: Promise<void> | undefined;

	/** Reads what the disk remembers, executes it, and then lets the world in. Throws a Failure if it must not start. */
	static async start(options: ServerOptions): Promise<Server> {
		const {cluster, id, data, ground = realGround} = options;
		const places = placesFor(cluster, options.log);
		const directory = await openReplicaDirectory({data, id, cluster, tell: options.log});
		const opened = [directory.release];
		let server: Server | undefined;
		try {
			let failure: Error | undefined;
			const fatal = (error: Error) => {
				failure ??= error;
				server?.fail(error);
			};
			const recalled = await recall({
				directory,
				segmentBytes: cluster.segmentBytes,
				onError: fatal,
				tell: options.log,
				ground,
			});
			const {journal, log, entries, checkpoint} = recalled;
			opened.push(
				() => journal.close(),
				() => log.close(),
			);
			const slot = checkpoint?.slot ?? 0;
			// No vote depends on old lines: a long log is looked through while the replica takes part already.
			const firstLook = lookThrough(directory.chatLog, checkpoint);
			firstLook.whole.catch(fatal);
			opened.push(() => firstLook.stop());
			await Promise.race([firstLook.whole, pause(firstLookMs, undefined, {ref: false})]);
			const chat = new Chat({sessions: cluster.sessions}, checkpoint);
			const core = coreOptions(options, directory);
			const replica = new Replica(core, entries, slot, checkpoint?.admitted);
			const watch = options.recorder?.begin(core, entries, slot, checkpoint?.admitted ?? []);
			// The disk may fail while it is read: the journal makes its next file meanwhile.
			if (failure) throw failure;
			server = new Server(options, {places, directory, recalled, firstLook, chat, replica, watch});
			await server.#listen();
			return server;
		} catch (error) {
			if (server) await server.stop();
			else for (const close of opened.reverse()) await close();
			throw error;
		}
	}

	private constructor(options: ServerOptions, parts: Parts) {
		const {cluster, id, ground = realGround} = options;
		const {directory, recalled} = parts;
		const {acquaintances, journal, log} = recalled;
		this.id = id;
		this.#options = options;
		this.#cluster = cluster;
		this.#directory = directory;
		this.#journal = journal;
		this.#acquaintances = acquaintances;
		this.#log = log;
		this.#firstLook = parts.firstLook;
		this.#chat = parts.chat;
		this.#keeper = new Keeper({
			...recalled,
			path: directory.checkpoint,
			restate: () => {
				const {replica} = this.#host;
				return {since: replica.acceptor.since, entries: replica.restate()};
			},
			forget: slot => this.#host.checkpoint(slot),
			isStopped: () => this.#isStopped,
			failed: this.#failed.promise,
			onError: error => this.fail(asError(error)),
			ground,
		});
		this.#scrub = new Scrub({
			...directory,
			latest: () => this.#keeper.latest,
			segment: () => journal.segment,
		});
		this.#roomLeft = new RoomLeft({
			id,
			cluster,
			measure: () =>
				ground.room(directory.path).catch((error: unknown) => {
					throw failureOf(directory.path, error);
				}),
			onChange: () => this.#rooms.tellDisk(),
			tell: text => this.note([{kind: 'busy', view: this.#host.replica.view, text}]),
		});
		this.#kept = new KeptLines(directory.fetchedLines, error => this.fail(error));
		this.#transfer = new Transfer({
			chat: () => this.#chat,
			checkpoint: () => this.#keeper.latest,
			bytesFor: (peer, after, offset) => network.bytesFor(peer, after, offset),
			read: (after, bytes, done) => this.#readText(after, bytes, this.#guard(done)),
			leader: () => this.#host.replica.leader,
			send: (to, message) => network.send(to, [message]),
			keep: lines => this.#kept.keep(lines),
			forget: () => this.#kept.forget(),
			witnesses: (slot, digest) => this.#witnesses.about(slot, digest),
			install: state => this.#install(state),
			progress: () => this.#host.progress(),
			tell: options.log,
			now: () => performance.now(),
			later: (run, ms) =>
				ms === undefined ? setImmediate(this.#guard(run)) : setTimeout(this.#guard(run), ms),
		});
		// Nothing is served but sockets: whoever does not ask for one soon is sent away.
		this.#http = createServer(requestTimeouts, (_request, response) => response.writeHead(404).end());
		this.#http.maxConnections = parts.places.all;
		const identity: Identity = {
			cluster: directory.identity,
			replicas: cluster.replicas.length,
			rules: rulesOf(cluster),
		};
		const {secret} = directory;
		this.#faults = new Faults({
			die: Math.random,
			receive: (from, messages) => {
				// A learner sends none, and counts for nothing.
				if (messages.some(({type}) => type === 'heartbeat')) this.#heardAt.set(from, performance.now());
				if (this.#host.replica.hole !== null) forgetTexts(messages);
				this.#host.receive(from, messages);
			},
			disconnected: peer => this.#host.disconnected(peer),
		});
		this.#faults.lose(options.loss);
		this.#rooms = new Rooms({
			id,
			cluster,
			identity,
			memory: directory.memory,
			groups: () => journal.durable,
			hasRoom: () => this.#roomLeft.hasRoom,
			acquaintances: {
				remembered: peer => acquaintances.remembered(peer),
				knows: (peer, memory) => acquaintances.knows(peer, memory),
				hear: (peer, memory) => void this.#whole(acquaintances.hear(peer, memory)).catch(() => {}),
				meet: (peer, memory) => this.#whole(acquaintances.meet(peer, memory)),
			},
			secret,
			httpServer: this.#http,
			onMessages: this.#guard((from, messages) => this.#faults.receive(from, messages)),
			onRoom: (peer, hasRoom) => this.#roomLeft.hear(peer, hasRoom),
			onDisconnected: this.#guard(peer => this.#faults.disconnected(peer)),
			onHears: () => undefined,
			onLost: (peer, isOlder) =>
				this.fail(memoryLost(directory.path, id, peer, isOlder ? 'older' : 'another')),
			onTrouble: options.log,
		});
		this.#door = new Door({
			id,
			identity,
			secret,
			hasFaults: options.hasFaults,
			httpServer: this.#http,
			connections: parts.places.guests,
			handlers: {
				say: this.#guard(requests => this.#say(requests)),
				read: (after, limit) => this.#read(after, limit),
				position: () => this.#chat.position,
				hash: slot => this.#hashAt(slot),
				order: async order => this.#obey(order),
				weather: () => this.#weatherNow(),
				status: () => this.#status(),
				failed: error => this.fail(asError(error)),
			},
		});
		const network = new Pages(this.#faults.around(this.#rooms), () => performance.now());
		this.#network = network;
		this.#witnesses = new Witnesses({
			id,
			replicas: cluster.replicas.length,
			onWrong: (slot, against) => this.fail(wrongState(directory, id, slot, against)),
			tell: options.log,
		});
		if (recalled.checkpoint) this.#testify(recalled.checkpoint);
		const disk: Disk = {
			append: (entries, done) => this.#journal.append(entries, this.#guard(done)),
			defer: entries => this.#journal.defer(entries),
		};
		this.#host = new Host(parts.replica, disk, network, this, Date.now, parts.watch);
		this.#rememberAdmitted();
		if (parts.replica.membership.standing === 'learner')
			options.log(
				'begins with a new memory: executes what the others decide, and votes when they have admitted it',
			);
		// What the disk remembered was counted in an earlier life.
		Object.assign(this.#counts, {retriesAnswered: 0, viewsEntered: 0, noOps: 0});
	}

	get port(): number {
		return (this.#http.address() as AddressInfo).port;
	}

	get executed(): Slot {
		return this.#chat.slot;
	}

	/** Clients that are connected. */
	get clients(): number {
		return this.#door.clients;
	}

	/** Takes no new requests from clients: the operator stops the whole cluster and wants all logs equal. */
	quiesce() {
		this.#farewell ??= `r${this.id} is about to stop`;
	}

	/** Says goodbye to everybody and leaves a clean disk; after a failure, as clean as it is. */
	stop(): Promise<void> {
		this.#stopping ??= this.#close();
		return this.#stopping;
	}

	/** The first error of a disk, or a broken invariant, is final: nothing more is said or acknowledged. */
	fail(error: Error) {
		if (this.#isStopped) return;
		this.#end();
		this.#failed.resolve();
		this.#options.onFatal(isOfSystem(error) ? failureOf(this.#directory.path, error) : error);
	}

	#end() {
		this.#isStopped = true;
		for (const timer of this.#timers) clearInterval(timer);
	}

	async #close() {
		this.#end();
		// Whoever is sent away finds nobody here when he comes back, and goes elsewhere at once.
		this.#http.close();
		await Promise.all([this.#door.close(), this.#rooms.close()]);
		this.#http.closeAllConnections();
		await this.#keeper.close();
		await this.#scrubbing;
		await this.#firstLook.stop();
		const parts = [this.#journal, this.#log, this.#kept, this.#acquaintances];
		const closed = await Promise.allSettled(parts.map(part => part.close()));
		await this.#directory.release();
		for (const one of closed) if (one.status === 'rejected') throw one.reason;
	}

	// What the host wants of us.

	execute(decisions: readonly Decision[]) {
		if (this.#held) {
			this.#held.push(...decisions);
			for (const {value} of decisions) forgetText(value);
			return;
		}

		const {checkpointBytes} = this.#cluster;
		const checkpointsIn = (bytes: number) => Math.floor(bytes / checkpointBytes);
		let {bytes} = this.#log;
		let checkpoint: Checkpoint | undefined;
		let text = '';
		const lines: Line[] = [];
		const answers: Answer[] = [];
		for (const {slot, value} of decisions) {
			const execution = this.#chat.execute(slot, value);
			forgetText(value);
			text += execution.text;
			lines.push(...execution.lines);
			answers.push(...execution.answers);
			this.#counts.retriesAnswered += execution.retries;
			if (value.admission) this.#rememberAdmitted();
			else if (value.requests.length === 0) this.#counts.noOps++;
			const before = checkpointsIn(bytes);
			bytes += Buffer.byteLength(execution.text);
			// The same slots on every replica: their logs have the same bytes.
			if (checkpointsIn(bytes) > before) checkpoint = {...this.#chat.state(), bytes};
		}

		if (checkpoint) this.#look(checkpoint);

		if (lines.length === 0 && answers.length === 0) return;
		// An answer says that the line stands in this log: it follows the write.
		this.#append(text, () => {
			if (lines.length > 0) this.#door.publish(lines);
			if (answers.length > 0) this.#door.answer(answers);
		});
	}

	hasSettled(request: Request): boolean {
		return this.#chat.hasSettled(request);
	}

	refuse(requests: readonly Request[]) {
		this.#door.answer(
			requests.map(request => turnedAway(request, 'busy', `r${this.id} has no room for more`)),
		);
	}

	fetch(from: ReplicaId) {
		if (!this.#held) this.#transfer.begin(from);
	}

	transfer(from: ReplicaId, message: Fetch | Chunk | Witness) {
		if (message.type === 'witness') this.#witnesses.say(from, message.slot, message.digest);
		else this.#transfer.onMessage(from, message);
	}

	note(notes: readonly Note[]) {
		const at = Date.now();
		for (const {kind} of notes) if (kind === 'view') this.#counts.viewsEntered++;
		const told = this.#notes.sift(notes);
		for (const note of told) {
			const slot = note.slot === undefined ? '' : ` slot ${note.slot}:`;
			this.#options.log(`view ${note.view}${slot} ${note.text}`);
		}

		this.#door.notes(told.map(note => ({...note, replica: this.id, at})));
	}

	// What the outside wants of us.

	/** What many connections say in one turn of the event loop goes into the core in one step. */
	#say(requests: readonly Request[]) {
		if (this.#said.length === 0) setImmediate(this.#guard(() => this.#submit()));
		for (const request of requests) this.#said.push(request);
	}

	#submit() {
		const requests = this.#said;
		this.#said = [];
		const why = this.#farewell ?? this.#roomLeft.why;
		const left = why === undefined ? this.#host.submit(requests) : requests;
		const known: Answer[] = [];
		const refused: TurnedAway[] = [];
		for (const request of left) {
			const answer = this.#chat.answerTo(request);
			if (answer) known.push(answer);
			else if (why !== undefined) refused.push(turnedAway(request, 'busy', why));
		}

		this.#counts.retriesAnswered += known.length;
		if (known.length > 0) this.#append('', () => this.#door.answer(known));
		if (refused.length > 0) this.#door.answer(refused);
	}

	/** `done` follows when it stands in the log, and all that was appended before. */
	#append(text: string, done: () => void) {
		this.#log.append(text, this.#guard(done));
	}

	#hashAt(slot: Slot): Hash {
		return {slot, hash: this.#chat.hashAt(slot) ?? null, executed: this.#chat.slot};
	}

	#obey(order: Order): Done {
		this.#options.log(`obeys the order to ${order.kind}${describe(order)}`);
		switch (order.kind) {
			case 'kill':
				// The order is a real SIGKILL: nothing is flushed, nobody is told.
				process.kill(process.pid, 'SIGKILL');
				return {ok: true};
			case 'isolate':
				this.#faults.isolate();
				this.#heardAt.clear();
				return {ok: true};
			case 'heal':
				this.#faults.heal();
				this.#host.heal();
				return {ok: true};
			case 'loss':
				this.#faults.lose(order.probability);
				return {ok: true};
			case 'skip':
				return this.#skip(order.slot);
		}
	}

	#skip(wanted: Slot | null): Done {
		const {proposer, view, leader} = this.#host.replica;
		if (proposer.phase !== 'leading') {
			const who = leader === null ? 'nobody leads it' : `r${leader} leads it`;
			return {ok: false, why: `r${this.id} does not lead view ${view}: ${who}`};
		}

		const free = proposer.nextFree;
		const slot = wanted ?? free;
		if (slot < free) return {ok: false, why: `slot ${slot} is proposed already`, slot: free};
		this.#host.skip(slot);
		return {ok: true, slot};
	}

	// What time brings.

	async #listen() {
		await this.#roomLeft.look();
		const {bind, port} = this.#cluster.replicas[this.id]!;
		this.#http.listen(port, bind);
		try {
			await once(this.#http, 'listening');
		} catch (error) {
			throw listenFailure(error, this.id, bind, port);
		}

		// Too many open files, for instance: the caller comes again.
		this.#http.on('error', error => this.#options.log(`cannot take a connection: ${error.message}`));

		this.#rooms.start();
		this.#timers.push(
			setInterval(
				this.#guard(() => this.#tick()),
				this.#cluster.tickMs,
			),
		);
		this.#timers.push(
			setInterval(
				this.#guard(() => this.#tellStatus()),
				statusMs,
			),
		);
		this.#timers.push(
			setInterval(
				this.#guard(() => {
					this.#repeatWitness();
					this.#rooms.tellDisk();
					this.#transfer.tidy();
				}),
				repeatMs,
			),
		);
		this.#timers.push(
			setInterval(() => this.#roomLeft.look().catch(error => this.fail(asError(error))), roomMs),
		);
		const {scrubMs} = this.#cluster;
		if (scrubMs > 0) this.#timers.push(setInterval(() => this.#lookAgain(), scrubMs));
	}

	/** A timer that was held up calls once, not once for each tick it missed: nobody is doubted for our own sleep. */
	#tick() {
		this.#host.tick();
		const {membership, learner} = this.#host.replica;
		if (membership.standing === 'replaced')
			return this.fail(replaced(this.#directory, this.id, membership.admittedAt(this.id)));
		this.#roomLeft.judge(this.#voters);
		this.#door.weather(this.#weatherNow());
		// What makes no line makes the journal grow, too: sessions that are opened, views that come to nothing.
		const isLong = this.#journal.bytesSinceRotation > 2 * this.#cluster.checkpointBytes;
		const isDue = isLong || learner.isFull;
		if (isDue && !this.#keeper.isBusy) this.#keeper.keep({...this.#chat.state(), bytes: this.#log.bytes});
	}

	/** Takes the state after a slot for a checkpoint, unless one is being made, and says to the others what it is. */
	#look(checkpoint: Checkpoint) {
		this.#keeper.keep(checkpoint);
		// To write it down takes its time, for which no answer has to wait.
		setImmediate(this.#guard(() => this.#testify(checkpoint)));
	}

	#testify(state: ChatState) {
		this.#witnesses.say(this.id, state.slot, digestOf(state));
	}

	#repeatWitness() {
		const {own} = this.#witnesses;
		if (own.length > 0) this.#network.broadcast(own);
	}

	/** What the disk has lost nobody can vote with after the next start: that is known now, and final. */
	#lookAgain() {
		this.#scrubbing ??= this.#scrub
			.look()
			.catch((error: unknown) => {
				// With too many open files for the moment, it looks again later.
				if (!/^E[MN]FILE$/.test(codeOf(error) ?? '')) this.fail(asError(error));
			})
			.then(() => {
				this.#scrubbing = undefined;
			});
	}

	/** Makes a peer's state ours, with the lines that were kept for it. What is decided meanwhile waits. */
	#install(state: ChatState) {
		this.#held = [];
		this.#keeper.install(
			state,
			() => this.#kept.pieces(),
			last => {
				this.#takeOver(state);
				const lines = last.split('\n').flatMap(text => decodeLine(text) ?? []);
				if (lines.length > 0) this.#door.publish(lines);
				this.#kept.forget();
			},
		);
	}

	/** From here on, peers that were replaced are turned away at the handshake. */
	#rememberAdmitted() {
		for (const {replica, incarnation} of this.#chat.admitted) {
			if (replica === this.id) continue;
			// Its rejection has ended this replica, and nobody else waits for it.
			this.#whole(this.#acquaintances.admit(replica, incarnation)).catch(() => {});
		}
	}

	#takeOver(state: ChatState) {
		this.#chat = new Chat({sessions: this.#cluster.sessions}, state);
		this.#testify(state);
		const answers = [...this.#host.replica.waiting.values()].flatMap(
			({request}) => this.#chat.answerTo(request) ?? [],
		);
		if (answers.length > 0) this.#append('', () => this.#door.answer(answers));
		const held = this.#held ?? [];
		this.#held = undefined;
		this.execute(held.filter(({slot}) => slot > state.slot));
		this.#host.install(state.slot, state.admitted);
		this.#rememberAdmitted();
	}

	/** What it comes to; if that is an error, it is the end. */
	#whole<Result>(work: Promise<Result>): Promise<Result> {
		return work.catch((error: unknown) => {
			this.fail(asError(error));
			throw error;
		});
	}

	/** Of the lines of our log, for others. */
	async #read(after: number, limit: number): Promise<Line[]> {
		await this.#firstLook.whole;
		return this.#isStopped ? [] : this.#log.read(after, limit);
	}

	/** For a replica that is behind. */
	#readText(after: number, bytes: number, done: (lines: string) => void) {
		const end = this.#keeper.latest?.bytes ?? 0;
		this.#firstLook.whole
			.then(() => (this.#isStopped ? '' : this.#log.readText(after, end, bytes)))
			.then(done, (error: unknown) => this.fail(asError(error)));
	}

	#weatherNow(): Weather {
		const {replica} = this.#host;
		return {
			view: Math.max(0, replica.view),
			leader: replica.leader,
			position: this.#chat.position,
			executed: this.#chat.slot,
			hasQuorum: this.#voters.length >= majorityOf(this.#cluster.replicas.length),
			hole: replica.hole,
			full: this.#roomLeft.full,
		};
	}

	/** Replicas that vote, as far as this one can tell. */
	get #voters(): ReplicaId[] {
		const {standing} = this.#host.replica.membership;
		return standing === 'member' ? [...this.#hears(), this.id] : this.#hears();
	}

	/** Peers that take part. */
	#hears(): ReplicaId[] {
		const since = performance.now() - this.#cluster.patienceMs;
		return [...this.#heardAt].filter(([, at]) => at > since).map(([peer]) => peer);
	}

	/** What says the same as the last one is said every other time: an idle cluster leaves its monitors in peace. */
	#tellStatus(): void {
		const status = this.#status();
		const told = JSON.stringify({...status, now: 0});
		const isNews = told !== this.#toldStatus;
		this.#toldStatus = isNews ? told : '';
		if (isNews) this.#door.status(status);
	}

	#status(): Status {
		const {replica} = this.#host;
		const {loss, isIsolated, dropped} = this.#faults;
		return {
			...replica.status(),
			id: this.id,
			now: Date.now(),
			executed: this.#chat.slot,
			messages: this.#chat.position,
			hash: this.#chat.hash,
			hashSlot: this.#chat.slot,
			since: replica.acceptor.since,
			clients: this.#door.clients,
			hears: this.#hears(),
			faults: this.#options.hasFaults || loss > 0 ? {loss, isIsolated, dropped} : null,
			counts: this.#counts,
			slots: slotStatesOf(replica),
		};
	}

	/** A bug of ours stops the replica, whoever called. */
	#guard<Arguments extends unknown[]>(run: (...given: Arguments) => void): (...given: Arguments) => void {
		return (...given) => {
			if (this.#isStopped) return;
			try {
				run(...given);
			} catch (error) {
				this.fail(asError(error));
			}
		};
	}
}

function placesFor({connections}: Cluster, tell: ServerOptions['log']): Places {
	const files = mostOpenFiles();
	const places = placesIn({guests: connections, all: connections + strangers}, files);
	if (places.guests < connections)
		tell(
			`may have ${files} files open: takes ${places.guests} connections, not ${connections}; for more raise the limit (ulimit -n)`,
		);
	return places;
}

function coreOptions({cluster, id, skip}: ServerOptions, {memory}: ReplicaDirectory): Options {
	const ticks = (milliseconds: number) => Math.max(1, Math.round(milliseconds / cluster.tickMs));
	return {
		id,
		replicas: cluster.replicas.length,
		...memory,
		heartbeatTicks: ticks(cluster.heartbeatMs),
		patienceTicks: ticks(cluster.patienceMs),
		startPatienceTicks: ticks(cluster.startPatienceMs),
		staggerTicks: ticks(cluster.staggerMs),
		holePatienceTicks:
			cluster.holePatienceMs === 0 ? Number.POSITIVE_INFINITY : ticks(cluster.holePatienceMs),
		windowSlots: cluster.windowSlots,
		batchRequests: cluster.batchRequests,
		batchBytes: cluster.batchBytes,
		retainBytes: cluster.retainBytes,
		// A checkpoint is begun at least at half of it. Less than the least is not worth waiting for.
		backlogBytes: Math.max(leastBacklogBytes, 2 * cluster.checkpointBytes),
		queueRequests: cluster.queueRequests,
		skip,
	};
}

/** What is voted for above a hole may wait for long, and for a slow disk as well. */
function forgetTexts(messages: readonly Message[]): void {
	for (const message of messages) if (message.type === 'accept') forgetText(message.value);
}

/** Whatever it is an instance of, what carries a message is an error. */
const asError = (error: unknown): Error =>
	typeof error === 'object' && error !== null && 'message' in error
		? (error as Error)
		: new Error(String(error));

const wrongState = ({path}: ReplicaDirectory, id: ReplicaId, slot: Slot, against: readonly ReplicaId[]) =>
	new Failure(
		`replica ${id} has another state after slot ${slot} than ${against.map(peer => `r${peer}`).join(' and ')}, which agree: ${path} is damaged; it stops, and the others go on without it`,
	);

/** Somebody let this replica begin anew, and that one was admitted. */
const replaced = ({path}: ReplicaDirectory, id: ReplicaId, slot: Slot) =>
	new Failure(
		`${path} was replaced: slot ${slot} of the log admits another memory of replica ${id}, and this one never votes again; start the replica with the directory that was begun anew`,
	);

function describe(order: Order): string {
	if (order.kind === 'loss') return ` ${order.probability}`;
	if (order.kind === 'skip') return order.slot === null ? ' the next slot' : ` slot ${order.slot}`;
	return '';
}

function listenFailure(error: unknown, id: ReplicaId, bind: string, port: number): Failure {
	const code = codeOf(error);
	const where = `r${id} cannot listen on ${bind}:${port}`;
	if (code === 'EADDRINUSE')
		return new Failure(`${where}: the port is in use; stop what uses it, or change cluster.json`);
	if (code === 'EADDRNOTAVAIL')
		return new Failure(`${where}: this machine does not have that address; start r${id} where it belongs`);
	return new Failure(`${where}: ${asError(error).message}`);
}
