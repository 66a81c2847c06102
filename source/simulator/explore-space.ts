import type {MemoryName, Message, Options, ReplicaId, View} from '../consensus/types.ts';
import {type Act, type Deeds, Puppet, type Sent} from './puppet.ts';

/** All machines that have the same fingerprint. The first way that led here is the one to go again. */
export type Local = {
	/** Counted from 0, by the space that knows it. */
	readonly number: number;
	readonly owner: ReplicaId;
	/** Its fingerprint. */
	readonly text: string;
	readonly before: Local | undefined;
	readonly act: Act | undefined;
	readonly isAlive: boolean;
	readonly isWriting: boolean;
	readonly canStart: boolean;
	readonly canCheckpoint: boolean;
	/** See Puppet. */
	readonly isLost: boolean;
	readonly former: MemoryName | undefined;
	readonly view: View;
	readonly promised: View;
	readonly deeds: Deeds;
	readonly steps: Map<number, Step>;
};

/** What an act does: the machine afterwards, and the packets that it sent; or the theorem that it broke. */
export type Step =
	| {readonly next: Local; readonly sent: readonly number[]; readonly broken?: undefined}
	| {readonly broken: string};

export type Packet = {
	readonly from: ReplicaId;
	readonly to: ReplicaId;
	readonly messages: readonly Message[];
	/** The highest view in it if all of its messages have one, and will do nothing above it; otherwise infinite. */
	readonly view: View;
};

/** Puppets that are kept where they stand, so that the next act needs no walk from the beginning. */
const puppetsKept = 3000;
/** Of the machines that are reached again, one in so many is remembered, for `recheck`. */
const mergesBetween = 3;

/**
 * Every machine that was ever seen, by number, and what each act does to it.
 * A world of three machines has far fewer different machines than different
 * worlds: the real code runs once for each machine and act, and a world is no
 * more than a few numbers.
 */
export class Space {
	readonly locals: Local[] = [];
	readonly packets: Packet[] = [];
	readonly acts: Act[] = [];
	/** How often the real code has taken an act. */
	taken = 0;
	/** Some machines that were reached on a second way: the way, from another machine by an act. */
	readonly #merges: {readonly known: Local; readonly before: Local; readonly act: Act}[] = [];
	#merged = 0;
	readonly #options: readonly Options[];
	readonly #localsByText = new Map<string, Local>();
	readonly #packetsByText = new Map<string, number>();
	readonly #actsByText = new Map<string, number>();
	readonly #puppets = new Map<Local, Puppet>();

	constructor(options: readonly Options[]) {
		this.#options = options;
	}

	/** A machine that has never run. */
	empty(owner: ReplicaId): Local {
		return this.#local(new Puppet(this.#options[owner]!), owner, undefined, undefined);
	}

	/** The number of an act, for `step`. */
	numberOf(act: Act): number {
		return intern(this.#actsByText, this.acts, JSON.stringify(act), () => act);
	}

	step(local: Local, act: number): Step {
		const known = local.steps.get(act);
		if (known) return known;
		const step = this.#take(local, act);
		local.steps.set(act, step);
		return step;
	}

	/** The way from the beginning to here. */
	static wayTo(local: Local): Act[] {
		const acts: Act[] = [];
		for (let at: Local | undefined = local; at?.act; at = at.before) acts.push(at.act);
		return acts.reverse();
	}

	/**
	 * All of this stands on fingerprints: what has the same one must do the same.
	 * So some of the machines that were reached on two ways are brought there on
	 * the second way again, and every act that was tried after the first way is
	 * tried there. Returns how many; throws if one does something else.
	 */
	recheck(): number {
		let tried = 0;
		for (const {known, before, act} of this.#merges) {
			for (const [next, step] of known.steps) {
				const puppet = this.#walk([...Space.wayTo(before), act], known.owner);
				tried++;
				const found = this.#outcomeOf(puppet, this.acts[next]!, known.owner);
				const expected = step.broken ?? `${step.sent.join(' ')} ${step.next.text}`;
				if (found !== expected)
					throw new Error(`not the same after ${JSON.stringify(this.acts[next])}: ${found}, ${expected}`);
			}
		}

		return tried;
	}

	#outcomeOf(puppet: Puppet, act: Act, owner: ReplicaId): string {
		try {
			const sent = puppet.act(act).map(each => this.#packet(owner, each));
			return `${sent.join(' ')} ${owner}${puppet.fingerprint()}`;
		} catch (error) {
			return (error as Error).message;
		}
	}

	#onMerge(known: Local, before: Local, act: Act) {
		if (this.#merged++ % mergesBetween === 0) this.#merges.push({known, before, act});
	}

	#walk(way: readonly Act[], owner: ReplicaId): Puppet {
		const puppet = new Puppet(this.#options[owner]!);
		for (const act of way) puppet.act(act);
		return puppet;
	}

	#take(local: Local, act: number): Step {
		const puppet = this.#puppetAt(local);
		this.taken++;
		try {
			const sent = puppet.act(this.acts[act]!).flatMap(each => this.#packet(local.owner, each));
			const next = this.#local(puppet, local.owner, local, this.acts[act]);
			if (next.before !== local && next !== local) this.#onMerge(next, local, this.acts[act]!);
			this.#park(next, puppet);
			return {next, sent};
		} catch (error) {
			return {broken: (error as Error).message};
		}
	}

	#puppetAt(local: Local): Puppet {
		const parked = this.#puppets.get(local);
		if (parked) {
			this.#puppets.delete(local);
			return parked;
		}

		return this.#walk(Space.wayTo(local), local.owner);
	}

	#park(local: Local, puppet: Puppet) {
		this.#puppets.set(local, puppet);
		if (this.#puppets.size <= puppetsKept) return;
		for (const oldest of this.#puppets.keys()) {
			this.#puppets.delete(oldest);
			return;
		}
	}

	#local(puppet: Puppet, owner: ReplicaId, before: Local | undefined, act: Act | undefined): Local {
		const text = `${owner}${puppet.fingerprint()}`;
		const known = this.#localsByText.get(text);
		if (known) return known;
		const {voted, proposed, executed} = puppet;
		const local: Local = {
			number: this.locals.length,
			owner,
			text,
			before,
			act,
			isAlive: puppet.isAlive,
			isWriting: puppet.isWriting,
			canStart: puppet.can('start'),
			canCheckpoint: puppet.can('checkpoint'),
			isLost: puppet.isLost,
			former: puppet.former,
			view: puppet.view,
			promised: puppet.promised,
			deeds: {voted: new Map(voted), proposed: new Map(proposed), executed: new Map(executed)},
			steps: new Map(),
		};
		this.locals.push(local);
		this.#localsByText.set(text, local);
		return local;
	}

	#packet(from: ReplicaId, {to, messages}: Sent): number {
		const text = JSON.stringify(messages);
		return intern(this.#packetsByText, this.packets, `${from}>${to} ${text}`, () => {
			const views = messages.map(message => ('view' in message ? message.view : Number.POSITIVE_INFINITY));
			return {from, to, messages: JSON.parse(text) as readonly Message[], view: Math.max(...views)};
		});
	}
}

function intern<Item>(numbers: Map<string, number>, items: Item[], text: string, make: () => Item): number {
	const known = numbers.get(text);
	if (known !== undefined) return known;
	numbers.set(text, items.length);
	return items.push(make()) - 1;
}
