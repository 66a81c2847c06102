import type {ReplicaId} from '../consensus/types.ts';
import type {Scope} from './explore-scopes.ts';
import {clients, ids, type Move, openingOf, type Possibilities, type World} from './explore-world.ts';
import type {Act} from './puppet.ts';

/** How a scope begins: one way, on which nothing is left to chance. */
export class Opening {
	/** Where it leads to, and what happened on the way, as lines of a script. */
	world: World;
	readonly script: string[] = [];
	/** The theorem that broke on the way. */
	broken: string | undefined;
	readonly #all: Possibilities;

	constructor(all: Possibilities, from: Scope['from']) {
		this.#all = all;
		this.world = all.empty;
		for (const owner of ids) this.#act(owner, {type: 'start'});
		if (from === 'nothing') return;
		this.#open();
		if (this.broken !== undefined) return;
		this.script.length = 0;
		this.script.push('# all goes well: r0 leads view 0, ada and bob open their sessions');
		if (from === 'vote') this.#leaveVote();
	}

	#act(owner: ReplicaId, act: Act, packet?: number) {
		if (this.broken) return;
		const number = this.#all.space.numberOf(act);
		const move: Move = {owner, acts: [number], costs: [], ...(packet !== undefined && {packet})};
		const outcome = this.#all.space.step(this.world.locals[owner]!, number);
		this.script.push(...this.#all.describe(move));
		const broken = outcome.broken ?? this.#all.judge(this.world, owner, outcome);
		if (broken !== undefined) {
			this.broken = broken;
			return;
		}

		const packets = this.world.packets.filter(each => each !== packet);
		this.world = this.#all.after(this.world, move, outcome) ?? {...this.world, packets};
	}

	/** Lets writes end and packets arrive, the oldest first, until there are none; between some of the machines. */
	#settle(among: readonly ReplicaId[] = ids) {
		for (let moves = 0; moves < 1000 && !this.broken; moves++) {
			const {locals, packets} = this.world;
			const writer = locals.find(local => local.isWriting);
			const packet = packets.find(each => {
				const {from, to} = this.#all.space.packets[each]!;
				return among.includes(from) && among.includes(to) && locals[to]!.isAlive;
			});
			if (writer) this.#act(writer.owner, {type: 'write'});
			else if (packet === undefined) return;
			else this.#receive(packet);
		}
	}

	#receive(packet: number) {
		const {from, to, messages} = this.#all.space.packets[packet]!;
		this.#act(to, {type: 'receive', from, messages}, packet);
	}

	#open() {
		this.#settle();
		for (const client of clients) {
			this.#act(0, {type: 'say', request: openingOf(client)});
			this.#settle();
			this.#all.sessions.set(client, Math.max(0, ...this.world.locals[0]!.deeds.executed.keys()));
		}

		// Until everybody has heard how far everybody is, and trusts the primary.
		for (let beats = 0; beats < 4; beats++) {
			for (const owner of ids) this.#act(owner, {type: 'beat'});
			this.#settle();
		}
	}

	#leaveVote() {
		this.#act(0, {type: 'say', request: this.#all.messageOf('ada')});
		this.#act(0, {type: 'crash', isKept: false});
		const accept = this.world.packets.find(packet => this.#all.space.packets[packet]!.to === 2);
		if (accept !== undefined) this.#receive(accept);
		if (this.world.locals[2]!.isWriting) this.#act(2, {type: 'write'});
		this.world = {...this.world, packets: []};
		this.#act(0, {type: 'start'});
		this.#act(1, {type: 'doubt'});
		this.#settle([0, 1]);
		this.world = {...this.world, packets: []};
	}
}
