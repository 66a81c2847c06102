import type {Message, ReplicaId} from '../consensus/types.ts';
import {allGoesWell, Course} from './explore-course.ts';
import type {Scope} from './explore-scopes.ts';
import {type Client, clients, ids, type Possibilities} from './explore-world.ts';

/** How a scope begins: the first part of a course, always the same. */
export class Opening extends Course {
	constructor(all: Possibilities, from: Scope['from']) {
		super(all);
		if (from === 'nothing') for (const owner of ids) this.act(owner, {type: 'start'});
		else this.goWell();
		if (this.broken !== undefined || from === 'nothing') return;
		this.script.splice(0, Number.POSITIVE_INFINITY, allGoesWell);
		if (from === 'vote') this.#leaveVote();
		if (from === 'admission' || from === 'returned') this.#admit();
		if (from === 'returned') this.#takeOver();
		if (from === 'promised') this.#loseAPromise();
		if (from === 'overtaken') this.#overtake();
	}

	/** The oldest packet that says such a thing arrives, and what it makes somebody write is written. */
	#deliver(from: ReplicaId, to: ReplicaId, type: Message['type']) {
		if (this.broken) return;
		const packet = this.world.packets.find(each => {
			const {messages, ...link} = this.all.space.packets[each]!;
			return link.from === from && link.to === to && messages.some(message => message.type === type);
		});
		if (packet === undefined) throw new Error(`no ${type} is under way from ${from} to ${to}`);
		this.receive(packet);
		this.#write(to);
	}

	#write(owner: ReplicaId) {
		while (this.world.locals[owner]!.isWriting && !this.broken) this.act(owner, {type: 'write'});
	}

	#say(client: Client, owner: ReplicaId) {
		this.act(owner, {type: 'say', request: this.all.messageOf(client)});
		this.#write(owner);
	}

	/** All that is under way is lost, but for this. */
	#keep(...kept: readonly [from: ReplicaId, to: ReplicaId, type: Message['type']][]) {
		const packets = this.world.packets.filter(each => {
			const {messages, ...link} = this.all.space.packets[each]!;
			return kept.some(
				([from, to, type]) =>
					link.from === from && link.to === to && messages.some(message => message.type === type),
			);
		});
		this.world = {...this.world, packets};
	}

	#beginAnew() {
		this.act(2, {type: 'crash', isKept: false});
		this.act(2, {type: 'begin anew'});
		this.act(2, {type: 'start'});
	}

	/** Replica 0 knows that a new memory of replica 2 is admitted; the other two are about to hear of it. */
	#admit() {
		this.#beginAnew();
		this.#deliver(2, 0, 'admit');
		this.#deliver(0, 1, 'accept');
		this.#deliver(1, 0, 'accepted');
		this.#keep();
		for (const peer of [2, 1]) {
			this.#showLag(0, peer);
			this.#deliver(peer, 0, 'ask');
		}
	}

	/** Replica 2 made replica 1 the primary of view 1. Its new memory knows nothing of that, and hears replica 0 in view 0. */
	#loseAPromise() {
		for (const client of clients) this.#say(client, 0);
		this.#keep([0, 2, 'accept'], [0, 2, 'accepted']);
		this.act(1, {type: 'doubt'});
		this.act(2, {type: 'doubt'});
		this.#deliver(2, 1, 'heartbeat');
		this.#deliver(1, 2, 'prepare');
		this.#deliver(2, 1, 'promise');
		this.#beginAnew();
		this.#keep([2, 1, 'admit'], [0, 2, 'accept'], [0, 2, 'accepted']);
		this.#showLag(0, 2);
		this.#keep([2, 1, 'admit'], [2, 0, 'ask'], [0, 2, 'accept'], [0, 2, 'accepted']);
	}

	/**
	 * What is decided in view 2 has a hole before it, for which replica 0 alone accepts an admission, in view 0. View 4
	 * hears of both, and the new memory of what view 4 makes of it.
	 */
	#overtake() {
		this.#succeed(1, 2);
		this.#succeed(2, 1);
		this.#deliver(1, 2, 'promise');
		this.#say('ada', 2);
		this.#keep();
		this.#say('bob', 2);
		this.#deliver(2, 1, 'accept');
		this.#deliver(1, 2, 'accepted');
		this.#beginAnew();
		this.#deliver(2, 0, 'admit');
		this.#succeed(0, 1);
		this.#succeed(1, 0);
		this.#deliver(0, 1, 'promise');
		this.#deliver(1, 0, 'accept');
		this.#deliver(0, 1, 'accepted');
		this.#deliver(1, 0, 'accepted');
		this.#keep();
		this.#showLag(1, 2);
		this.#deliver(2, 1, 'ask');
		this.#keep([1, 2, 'decided']);
	}

	/** One hears twice how far the other is. */
	#showLag(from: ReplicaId, to: ReplicaId) {
		for (let beats = 0; beats < 2; beats++) {
			this.act(from, {type: 'beat'});
			this.#deliver(from, to, 'heartbeat');
		}
	}

	/** The next in line takes the next view, as one other doubts with it, and that one promises. */
	#succeed(next: ReplicaId, other: ReplicaId) {
		this.#keep();
		this.act(other, {type: 'doubt'});
		this.#deliver(other, next, 'heartbeat');
		this.act(next, {type: 'doubt'});
		this.#write(next);
		this.#deliver(next, other, 'prepare');
	}

	/** The new memory may vote for what replica 0 proposes, and replica 1 takes over. */
	#takeOver() {
		this.#deliver(0, 2, 'decided');
		this.#say('ada', 0);
		this.act(0, {type: 'doubt'});
		this.act(1, {type: 'doubt'});
		this.#keep([0, 1, 'decided'], [0, 1, 'heartbeat'], [0, 2, 'accept']);
		this.#deliver(0, 1, 'heartbeat');
	}

	#leaveVote() {
		this.act(0, {type: 'say', request: this.all.messageOf('ada')});
		this.act(0, {type: 'crash', isKept: false});
		const accept = this.world.packets.find(packet => this.all.space.packets[packet]!.to === 2);
		if (accept !== undefined) this.receive(accept);
		if (this.world.locals[2]!.isWriting) this.act(2, {type: 'write'});
		this.world = {...this.world, packets: []};
		this.act(0, {type: 'start'});
		this.act(1, {type: 'doubt'});
		this.settle([0, 1]);
		this.world = {...this.world, packets: []};
	}
}
