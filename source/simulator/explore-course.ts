import type {ReplicaId} from '../consensus/types.ts';
import {describeMessage} from './describe.ts';
import {
	clients,
	ids,
	type Move,
	type Outcome,
	openingOf,
	type Possibilities,
	type World,
} from './explore-world.ts';
import type {Act} from './puppet.ts';

/** How a script of puppets begins; see PuppetStage, which performs it. */
export const stageOfPuppets = 'puppets 3';
export const allGoesWell = 'all goes well # r0 leads view 0, ada and bob open their sessions';

/** One way from world to world on which nothing is left to chance, and the script of it. */
export class Course {
	/** Where it has led to. */
	world: World;
	/** The theorem that broke on the way; nothing happens after that. */
	broken: string | undefined;
	/** What happened, a direction each. */
	readonly script: string[] = [];
	protected readonly all: Possibilities;
	/** Every packet that was ever sent, in the order in which that happened first. */
	readonly #sent = new Set<number>();

	constructor(all: Possibilities) {
		this.all = all;
		this.world = all.empty;
	}

	act(owner: ReplicaId, act: Act, packet?: number): Outcome | undefined {
		return this.#act(owner, this.all.space.numberOf(act), packet);
	}

	take({owner, acts, packet}: Move) {
		for (const act of acts) this.#act(owner, act, packet);
	}

	receive(packet: number): Outcome | undefined {
		return this.#act(this.all.space.packets[packet]!.to, this.all.receiptOf(packet), packet);
	}

	/** Replica 0 leads view 0, and both clients have opened their sessions. */
	goWell() {
		for (const owner of ids) this.act(owner, {type: 'start'});
		this.settle();
		for (const client of clients) {
			this.act(0, {type: 'say', request: openingOf(client)});
			this.settle();
			this.all.sessions.set(client, Math.max(0, ...this.world.locals[0]!.deeds.executed.keys()));
		}

		// Until everybody has heard how far everybody is, and trusts the primary.
		for (let beats = 0; beats < 4; beats++) {
			for (const owner of ids) this.act(owner, {type: 'beat'});
			this.settle();
		}
	}

	/** Lets writes end and packets arrive, the oldest first, until there are none; between some of the machines. */
	settle(among: readonly ReplicaId[] = ids) {
		for (let moves = 0; moves < 1000 && this.broken === undefined; moves++) {
			const {locals, packets} = this.world;
			const writer = locals.find(local => local.isWriting);
			const packet = packets.find(each => {
				const {from, to} = this.all.space.packets[each]!;
				return among.includes(from) && among.includes(to) && locals[to]!.isAlive;
			});
			if (writer) this.act(writer.owner, {type: 'write'});
			else if (packet === undefined) return;
			else this.receive(packet);
		}
	}

	/** In the order in which they were first sent, whether they have arrived or not: the network may repeat itself. */
	sentBetween(from: ReplicaId, to: ReplicaId): number[] {
		return [...this.#sent].filter(each => {
			const link = this.all.space.packets[each]!;
			return link.from === from && link.to === to;
		});
	}

	wordsOf(packet: number): string {
		return this.all.space.packets[packet]!.messages.map(describeMessage).join(' | ');
	}

	#act(owner: ReplicaId, act: number, packet?: number): Outcome | undefined {
		if (this.broken !== undefined) return undefined;
		const what = this.all.space.acts[act]!;
		const {locals, packets} = this.world;
		const outcome = this.all.space.step(locals[owner]!, act);
		this.script.push(what.type === 'receive' ? this.#describeReceipt(packet!) : describe(owner, what));
		this.broken = this.all.judge(this.world, owner, outcome);
		if (outcome.broken !== undefined) return outcome;
		for (const each of outcome.sent) this.#sent.add(each);
		const underWay = new Set(packets);
		if (what.type === 'receive') underWay.delete(packet!);
		for (const each of outcome.sent) underWay.add(each);
		this.world = {
			...this.world,
			locals: locals.with(owner, outcome.next),
			packets: [...underWay].sort((one, other) => one - other),
		};
		return outcome;
	}

	/** Words do not tell all that is in a packet: of those that read alike, the first one needs no number. */
	#describeReceipt(packet: number): string {
		const {from, to} = this.all.space.packets[packet]!;
		const words = this.wordsOf(packet);
		const alike = this.sentBetween(from, to).filter(each => this.wordsOf(each) === words);
		const number = alike.indexOf(packet) + 1;
		const again = this.world.packets.includes(packet) ? '' : ' # once more';
		return `deliver ${from}>${to} ${words}${number > 1 ? ` (${number})` : ''}${again}`;
	}
}

function describe(owner: ReplicaId, act: Exclude<Act, {type: 'receive'}>): string {
	switch (act.type) {
		case 'say': {
			const {nick, session} = act.request;
			return session === 0 ? `open ${nick} at ${owner} # its session` : `say ${nick} at ${owner}`;
		}
		case 'crash':
			return act.isKept
				? `crash ${owner} kept # what was not synced reached the disk`
				: `crash ${owner} # what was not synced is lost`;
		case 'doubt':
			return `doubt ${owner} # its connection to the primary is reported closed`;
		case 'write':
			return `write ${owner} # its write ends`;
		case 'begin anew':
			return `begin anew ${owner} # its directory is lost`;
		case 'put back':
			return `put back ${owner} # the directory that it had before`;
		case 'start':
		case 'beat':
		case 'checkpoint':
			return `${act.type} ${owner}`;
	}
}
