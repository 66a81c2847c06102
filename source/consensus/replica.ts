import {Acceptor} from './acceptor.ts';
import assert from './assert.ts';
import {Effects} from './effects.ts';
import {sorted} from './imprint.ts';
import {Learner} from './learner.ts';
import {Membership} from './membership.ts';
import {Proposer} from './proposer.ts';
import {keyOf} from './requests.ts';
import {Suspicion} from './suspicion.ts';
import type {
	Admission,
	Admit,
	Admitted,
	Decided,
	Entry,
	Heartbeat,
	Input,
	Message,
	Note,
	Options,
	Output,
	ReplicaId,
	ReplicaStatus,
	Request,
	Slot,
	View,
} from './types.ts';
import {nextViewOf, noView, primaryOf, rankOf} from './views.ts';

/**
 * One replica: acceptor, learner and, in its own views, proposer.
 *
 * It does no input or output, reads no clock and draws no random numbers:
 * what it does follows from the entries it starts with and the inputs it is
 * given, one step at a time.
 */
export class Replica {
	readonly membership: Membership;
	readonly acceptor: Acceptor;
	readonly learner: Learner;
	readonly proposer: Proposer;
	readonly suspicion: Suspicion;
	readonly options: Options;
	/** Requests that we know of and that are not delivered yet, each with the beat at which it came; oldest first. */
	readonly waiting = new Map<string, {readonly request: Request; readonly beat: number}>();
	/** Who leads the present view, as far as we have heard. */
	leader: ReplicaId | null = null;
	/** In this life it has entered no view yet, and heard nobody lead. */
	#isNew = true;
	#beats = 0;
	#sinceBeat: number;
	/** Ticks for which there has been a hole, and nothing was delivered. */
	#holeTicks = 0;
	/** The hole that the last note was about; 0 if it is closed. */
	#toldHole: Slot = 0;
	/** The slot that the last note about fetching a checkpoint was about. */
	#toldLag: Slot = 0;
	#toldFull = false;
	/** Learners that wait to be admitted, and the beat at which each was heard last. */
	readonly #asking = new Map<ReplicaId, number>();
	/** How far each peer said it was, in its last heartbeat. */
	readonly #marks = new Map<ReplicaId, Slot>();
	readonly #effects: Effects;

	/** `since` and `admitted`: the slot of the checkpoint that the entries follow, and who was admitted by then; 0 and nobody if there is none. */
	constructor(options: Options, entries: Iterable<Entry>, since: Slot, admitted: readonly Admitted[] = []) {
		this.options = options;
		this.#effects = new Effects();
		this.membership = new Membership(options, admitted, since);
		this.acceptor = new Acceptor(this.membership, options, this.#effects, since);
		this.learner = new Learner(this.acceptor, options, this.#effects);
		this.proposer = new Proposer(this.membership, this.learner, options, this.#effects);
		this.suspicion = new Suspicion(options);
		this.#sinceBeat = options.heartbeatTicks;
		for (const entry of entries) {
			this.acceptor.recover(entry);
			this.learner.recover(entry);
		}

		// A restarted primary may have proposed things it no longer remembers.
		// Its proposer stays idle until it has prepared a view above this one (rule R3).
	}

	get view(): View {
		return this.acceptor.view;
	}

	get primary(): ReplicaId {
		return primaryOf(this.view, this.options.replicas);
	}

	/** The slot that everything waits for, once it has been waited for as long as a beat. */
	get hole(): Slot | null {
		return this.#toldHole === 0 ? null : this.#toldHole;
	}

	/** The one door. */
	step(input: Input): Output {
		if ('now' in input) this.#effects.now = input.now;
		const {view} = this;
		const {isDoubting} = this.suspicion;
		// What the entries told, before anybody is told how far this replica is.
		this.#deliver();
		this.#take(input);
		this.#deliver();
		this.proposer.leadWhenReady();
		this.proposer.flush();
		if (this.proposer.phase === 'leading') this.leader = this.options.id;
		this.#campaign();
		this.#check(view);
		this.#tell(isDoubting);
		return this.#effects.take();
	}

	status(): ReplicaStatus {
		const {proposer, learner, acceptor, membership} = this;
		const roles = {idle: 'backup', preparing: 'candidate', leading: 'primary'} as const;
		return {
			view: this.view,
			leader: this.leader,
			role: membership.standing === 'member' ? roles[proposer.phase] : 'learner',
			isDoubting: this.suspicion.isDoubting,
			accepted: acceptor.highest,
			decided: learner.highest,
			delivered: learner.through,
			holes: learner.holes(16),
			waiting: this.waiting.size,
			skips: [...proposer.skips],
		};
	}

	/**
	 * All that decides what this replica does from here on, as plain data: two
	 * that have the same imprint (and the same options) do the same for ever.
	 * What only counts, or only served a note, is left out.
	 */
	imprint(): unknown {
		const {membership, acceptor, learner, proposer, suspicion, options} = this;
		const {heartbeatTicks, holePatienceTicks} = options;
		const waiting = [...this.waiting.values()].map(({request, beat}) => [
			request,
			Math.min(this.#beats - beat, 2),
		]);
		const holeTicks = Math.min(this.#holeTicks, Math.max(heartbeatTicks, holePatienceTicks));
		const marks = sorted(this.#marks).filter(([, mark]) => mark > learner.through);
		const asking = sorted(this.#asking).map(([id, beat]) => [id, this.#beats - beat]);
		return [
			[membership.imprint, acceptor.imprint, learner.imprint, proposer.imprint, suspicion.imprint],
			[
				waiting,
				this.leader,
				this.#isNew,
				Math.min(this.#sinceBeat, heartbeatTicks),
				holeTicks,
				marks,
				asking,
			],
		];
	}

	/** All that must not be forgotten, as entries: what a fresh journal begins with after a checkpoint. */
	restate(): readonly Entry[] {
		const {acceptor, learner} = this;
		const entries: Entry[] = [];
		if (this.view !== noView) entries.push({type: 'view', view: this.view});
		for (const proposal of acceptor.accepted.values()) entries.push({type: 'accepted', ...proposal});
		for (const [slot, value] of learner.decided) {
			if (slot <= acceptor.since) continue;
			const isOwn = acceptor.accepted.get(slot)?.value === value;
			entries.push(isOwn ? {type: 'decided', slot} : {type: 'decided', slot, value});
		}

		return entries;
	}

	#take(input: Input) {
		switch (input.type) {
			case 'tick':
				return this.#onTick();
			case 'request':
				return this.#onClients(input.requests);
			case 'packet':
				for (const message of input.messages) this.#onMessage(input.from, message);
				return;
			case 'disconnected':
				if (input.peer !== this.primary) return;
				this.suspicion.onDisconnected();
				return this.#beat();
			case 'checkpoint':
				return this.#onCheckpoint(input.slot);
			case 'progress':
				return this.suspicion.onDelivered();
			case 'install':
				return this.#onInstall(input.slot, input.admitted);
			case 'settled':
				for (const request of input.requests) this.waiting.delete(keyOf(request));
				return;
			case 'skip':
				if (this.proposer.phase === 'leading' && input.slot >= this.proposer.nextFree) {
					this.proposer.skips.add(input.slot);
				}

				return;
			case 'heal':
				return this.proposer.skips.clear();
		}
	}

	#onMessage(from: ReplicaId, message: Message) {
		// The gate (rule R2): older views are dropped, newer views are entered, and what comes after only ever
		// sees messages of the current view. Whoever is in an older one hears of ours at the next beat.
		if ('view' in message) {
			if (message.view < this.view) {
				// A learner has promised nothing, and may be alone in a view of which it tells nobody: it learns in any.
				const isLearner = this.membership.standing === 'learner';
				if (isLearner && message.type === 'heartbeat') this.#onMark(from, message.delivered);
				return;
			}

			if (message.view > this.view) this.#enter(message.view, `r${from} is there`);
		}

		const isPrimary = from === this.primary;

		switch (message.type) {
			case 'heartbeat':
				return this.#onHeartbeat(from, message);
			case 'prepare':
				if (isPrimary) this.acceptor.onPrepare(from, message.from, this.learner.through);
				return;
			case 'promise':
				return this.proposer.onPromise(from, message);
			case 'accept':
				if (!isPrimary) return;
				this.#hearLeader(from);
				// Who does not know yet who was admitted may have been replaced: it catches up first (rule R12).
				if (message.epoch > this.learner.through) return;
				// A primary that does not know our admission may be of a view that our older memory promised to leave.
				if (message.epoch < this.membership.admittedAt(this.options.id)) return;
				if (!this.learner.hasRoomFor(message.slot)) return;
				return this.acceptor.onAccept(message);
			case 'accepted':
				return this.learner.onAccepted(from, message.slot);
			case 'request':
				return this.#onRequests(message.requests);
			case 'ask':
				return this.#onAsk(from, message.from);
			case 'decided':
				return this.#onDecided(from, message);
			case 'forgotten':
				return this.#onForgotten(from, message.since);
			case 'admit':
				return this.#onAdmit(from, message);
			case 'fetch':
			case 'chunk':
			case 'witness':
				return; // Between hosts.
		}
	}

	#onTick() {
		this.suspicion.tick();
		this.#holeTicks = this.learner.hasHole ? this.#holeTicks + 1 : 0;
		if (++this.#sinceBeat >= this.options.heartbeatTicks) this.#beat();
	}

	/**
	 * Now and then a replica tells everybody where it is, how far it is and what
	 * it thinks of the view. From the primary that is the sign of life; from the
	 * others it is how views and decisions find their way around broken links.
	 * Then it says again what has had no answer for a whole beat. What a learner
	 * thinks is nobody's concern: it only asks to be admitted.
	 */
	#beat() {
		this.#sinceBeat = 0;
		this.#beats++;
		// Who has fallen silent for some beats asks no more.
		for (const [learner, beat] of this.#asking) if (beat < this.#beats - 3) this.#asking.delete(learner);
		const {standing} = this.membership;
		if (standing === 'learner')
			this.#effects.broadcast({
				type: 'admit',
				incarnation: this.options.incarnation,
				after: this.membership.admittedAt(this.options.id),
			});
		if (standing === 'member')
			this.#effects.broadcast({
				type: 'heartbeat',
				view: this.view,
				delivered: this.learner.through,
				isLeading: this.proposer.phase === 'leading',
				isDoubting: this.suspicion.isDoubting,
			});
		this.proposer.resend();
		this.#repeatRequests();
	}

	/**
	 * The oldest late request goes to everybody, who then hold it like their own.
	 * So it finds a way to a primary that we cannot reach, and a primary that
	 * does nothing about it owes it to a majority.
	 */
	#repeatRequests() {
		const late: Request[] = [];
		for (const {request, beat} of this.waiting.values()) {
			if (beat >= this.#beats - 1 || late.length > this.options.batchRequests) break;
			late.push(request);
		}

		if (late.length > 0) this.#effects.broadcast({type: 'request', requests: late.slice(0, 1)});
		this.#pass(late.slice(1));
	}

	#onHeartbeat(from: ReplicaId, {delivered, isLeading, isDoubting}: Heartbeat) {
		this.#onMark(from, delivered);
		this.suspicion.onOpinion(from, isDoubting);
		if (!isLeading || from !== this.primary) return;
		this.#hearLeader(from);
		const isBehind = delivered > this.learner.through;
		const lag = `r${from} has delivered slot ${delivered}, we slot ${this.learner.through}`;
		// Who takes nothing himself is owed nothing.
		const debt = this.learner.isFull ? undefined : (this.#debt ?? (isBehind ? lag : undefined));
		this.suspicion.onSignOfLife(debt);
	}

	/** What was decided just now is on its way to us; what the sender had a beat ago already was lost. */
	#onMark(from: ReplicaId, delivered: Slot) {
		const mark = this.#marks.get(from) ?? 0;
		this.#marks.set(from, delivered);
		if (mark > this.learner.through && !this.learner.isFull)
			this.#effects.send(from, {type: 'ask', from: this.learner.through + 1});
	}

	#hearLeader(from: ReplicaId) {
		if (this.leader === from) return;
		this.#isNew = false;
		this.leader = from;
		if (from !== this.options.id) this.#note({kind: 'leader', peer: from, text: `follows r${from}`});
	}

	/** What should have been delivered by now. A young hole is an excuse: it is being shown. */
	get #debt(): string | undefined {
		if (this.learner.hasHole) {
			if (this.#holeTicks < this.options.holePatienceTicks) return undefined;
			return `slot ${this.learner.through + 1} is a hole`;
		}

		if (this.waiting.size > 0) return `${this.waiting.size} requests wait`;
		const [learner] = this.#asking.keys();
		return learner === undefined ? undefined : `r${learner} waits to be admitted`;
	}

	#onClients(requests: readonly Request[]) {
		const taken: Request[] = [];
		for (const request of requests) {
			const held = this.#hold(request, keyOf(request));
			if (!held) this.#effects.refuse(request);
			else if (held === 'taken') taken.push(request);
		}

		if (taken.length < requests.length && this.waiting.size >= this.options.queueRequests) {
			this.#note({kind: 'busy', text: `holds ${this.waiting.size} requests, no room for more`});
		}

		this.#pass(taken);
	}

	/** The primary proposes what it holds. Others pass it on: once when they take it, then at every beat. */
	#onRequests(requests: readonly Request[]) {
		const taken: Request[] = [];
		for (const request of requests) {
			const key = keyOf(request);
			const held = this.#hold(request, key);
			if (!held) continue;
			if (held === 'taken') taken.push(request);
			this.proposer.onRequest(request, key);
		}

		if (this.proposer.phase === 'idle') this.#pass(taken);
	}

	/** Undefined if there is no room for it. */
	#hold(request: Request, key: string): 'known' | 'taken' | undefined {
		if (this.waiting.has(key)) return 'known';
		if (this.waiting.size >= this.options.queueRequests) return undefined;
		this.waiting.set(key, {request, beat: this.#beats});
		return 'taken';
	}

	/** To the primary, which may be this very replica. */
	#pass(requests: readonly Request[]) {
		if (this.view === noView) return;
		const {batchRequests} = this.options;
		for (let at = 0; at < requests.length; at += batchRequests) {
			this.#effects.send(this.primary, {type: 'request', requests: requests.slice(at, at + batchRequests)});
		}
	}

	/** To be admitted is owed like a request: a primary that does nothing about it is not one that works. */
	#onAdmit(replica: ReplicaId, {incarnation, after}: Admit) {
		if (after !== this.membership.admittedAt(replica)) return;
		this.#asking.set(replica, this.#beats);
		this.proposer.onAdmit({replica, incarnation, after});
	}

	#onAsk(from: ReplicaId, first: Slot) {
		const {since} = this.acceptor;
		const isForgotten = first <= since && !this.learner.decided.has(first);
		if (isForgotten) this.#effects.send(from, {type: 'forgotten', since});
		else this.learner.onAsk(from, first);
	}

	#onForgotten(from: ReplicaId, since: Slot) {
		if (since <= this.learner.through) return;
		this.#effects.fetch(from);
		const slot = this.learner.through + 1;
		if (this.#toldLag === slot) return;
		this.#toldLag = slot;
		const text = `is too far behind: r${from} has all up to slot ${since} in a checkpoint, which is fetched`;
		this.#note({kind: 'lag', peer: from, slot, text});
	}

	#onCheckpoint(slot: Slot) {
		this.acceptor.forget(slot);
		this.learner.forget(slot);
	}

	#onInstall(slot: Slot, admitted: readonly Admitted[]) {
		// What it holds was decided here meanwhile: it is a checkpoint like any other.
		if (slot <= this.learner.through) return this.#onCheckpoint(slot);
		this.membership.install(admitted, slot);
		this.#onMembership(admitted);
		this.learner.install(slot);
		this.acceptor.forget(slot);
		for (const open of this.proposer.open.keys()) if (open <= slot) this.proposer.onDecided(open);
		this.proposer.onInstalled();
		this.suspicion.onDelivered();
		this.#holeTicks = 0;
		this.#note({kind: 'lag', slot, text: 'goes on after a checkpoint that was fetched'});
	}

	#onDecided(from: ReplicaId, {from: first, values, delivered}: Decided) {
		if (this.learner.isFull) return;
		for (const [index, value] of values.entries()) this.learner.decide(first + index, value);
		this.#deliver();
		const {through} = this.learner;
		// Page after page, but only while pages bring us further.
		if (through === first + values.length - 1 && through < delivered && !this.learner.isFull) {
			this.#effects.send(from, {type: 'ask', from: through + 1});
		}
	}

	/**
	 * Takes the next view of our own when a majority doubts the present one and
	 * it is our turn. The view is on disk before 'prepare' leaves, so no two
	 * lives of this replica ever propose in the same view. It is then kept, and
	 * only repeated, until a majority doubts it in turn: a replica cut off from
	 * the others does not run away with the numbers.
	 */
	#campaign() {
		const {id, replicas} = this.options;
		if (this.membership.standing !== 'member') return;
		if (!this.suspicion.isTurnOf(rankOf(id, this.view, replicas), this.#grace)) return;
		const view = nextViewOf(id, this.view, replicas);
		this.#enter(view, this.view === noView ? 'nobody led before' : `a majority doubts view ${this.view}`);
		this.#note({kind: 'campaign', text: `asks for promises from slot ${this.learner.through + 1} on`});
		this.proposer.prepare(this.view, this.learner.through + 1);
	}

	/**
	 * How much longer all but the next in line wait, in ticks. Processes start
	 * slowly: the first view of all is left to replica 0 for a good while, and
	 * after a restart of everybody the next in line gets its time too.
	 */
	get #grace(): number {
		const {startPatienceTicks, patienceTicks} = this.options;
		if (this.view === noView) return startPatienceTicks;
		return this.#isNew ? patienceTicks : 0;
	}

	#enter(view: View, because: string) {
		this.#isNew = false;
		this.acceptor.enter(view);
		this.learner.enter();
		this.proposer.retire();
		this.suspicion.enter();
		this.leader = null;
		this.#note({kind: 'view', text: `enters view ${view}: ${because}`});
		this.#pass([...this.waiting.values()].map(({request}) => request));
	}

	#deliver() {
		const {proposer, learner} = this;
		for (const slot of proposer.open.keys()) if (learner.isDecided(slot)) proposer.onDecided(slot);
		let slot = learner.through;
		for (const value of learner.deliver()) {
			if (this.membership.onDelivered(++slot, value)) this.#onAdmitted(slot, value.admission!);
			this.suspicion.onDelivered();
			this.#holeTicks = 0;
			if (this.waiting.size === 0 && !proposer.isBusy) continue;
			for (const request of value.requests) {
				const key = keyOf(request);
				this.waiting.delete(key);
				proposer.onDelivered(key);
			}
		}
	}

	#onAdmitted(slot: Slot, admission: Admission) {
		const {id} = this.options;
		const {replica} = admission;
		this.#onMembership([admission]);
		const who = replica === id ? 'this replica' : `r${replica}`;
		const isReplaced = replica === id && this.membership.standing !== 'member';
		const text = isReplaced ? 'another memory takes the place of this one' : `${who} takes part again`;
		// Who takes part counts as one that remembers, also after a crash: so the admission is on disk, which a
		// decision alone need not be, before anybody hears of it. This entry waits for all before it.
		if (replica === id && !isReplaced && this.view !== noView) this.acceptor.restateView();
		this.#note({kind: 'admission', slot, peer: replica, text});
	}

	/** These wait no longer to be admitted; and if this memory was replaced, it leads no longer. */
	#onMembership(admitted: readonly Pick<Admitted, 'replica'>[]) {
		for (const {replica} of admitted) this.#asking.delete(replica);
		if (this.membership.standing !== 'member') this.proposer.retire();
	}

	/** States what must be true after every step: a bug of ours stops the replica instead of going on wrongly. */
	#check(viewBefore: View) {
		const {proposer, learner, options, acceptor} = this;
		assert(this.view >= viewBefore, 'R1: a promise never falls');
		assert(proposer.phase === 'idle' || this.primary === options.id, 'R3: only the primary proposes');
		assert(
			proposer.open.size === 0 || proposer.phase === 'leading',
			'R3: nothing is led that was not prepared',
		);
		assert(!learner.decided.has(learner.through + 1), 'R7: what is contiguous is delivered');
		assert(learner.through >= acceptor.since, 'R8: only what was delivered is forgotten');
		assert(this.waiting.size <= options.queueRequests, 'every queue is bounded');
	}

	/** Notes what is seen only by comparing. Votes overtake each other all the time: a hole is told of when it has lasted a beat. */
	#tell(wasDoubting: boolean) {
		const {suspicion, learner} = this;
		if (suspicion.isDoubting && !wasDoubting) {
			this.#note({kind: 'doubt', text: `doubts view ${this.view}: ${suspicion.complaint}`});
		}

		if (learner.isFull && !this.#toldFull) {
			const text =
				'takes nothing more until a checkpoint is on disk: too much was decided since the last one';
			this.#note({kind: 'busy', text});
		}

		this.#toldFull = learner.isFull;
		const slot = learner.through + 1;
		if (this.#toldHole > 0 && this.#toldHole < slot) {
			this.#note({kind: 'hole', slot: this.#toldHole, text: 'the hole is closed'});
			this.#toldHole = 0;
		}

		if (this.#toldHole === 0 && this.#holeTicks >= this.options.heartbeatTicks) {
			this.#toldHole = slot;
			const text = `everything waits for this slot: slot ${learner.highest} is decided and this one is not`;
			this.#note({kind: 'hole', slot, text});
		}
	}

	#note(note: Omit<Note, 'view'>) {
		this.#effects.note({view: this.view, ...note});
	}
}
