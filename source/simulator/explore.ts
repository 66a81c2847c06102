import {stageOfPuppets} from './explore-course.ts';
import {Opening} from './explore-opening.ts';
import type {Scope} from './explore-scopes.ts';
import {type Move, Possibilities, type World} from './explore-world.ts';

export type Exploration = {
	/** Different worlds that were seen; different machines that they are made of. */
	readonly states: number;
	readonly machines: number;
	/** Acts from world to world, and those for which the real code had to run. */
	readonly acts: number;
	readonly taken: number;
	/** Every world that is fewer acts than this away from the beginning was seen. */
	readonly depth: number;
	/** Types of messages that arrived somewhere. */
	readonly messages: readonly string[];
	/** There is nothing more within these bounds. */
	readonly isComplete: boolean;
	/** The theorem that broke, and the shortest way to it, as a script; null if none did. */
	readonly violation: {readonly theorem: string; readonly script: string} | null;
};

/** Breadth first, so that the first violation is one of the nearest. Ends at `states` different worlds. */
export function explore(scope: Scope, states: number, onProgress?: (states: number) => void): Exploration {
	return new Explorer(scope, states, onProgress).run();
}

/** The same as an object, for whoever wants to look behind it. */
export class Explorer {
	readonly #all: Possibilities;
	readonly #from: Scope['from'];
	readonly #most: number;
	readonly #onProgress: ((states: number) => void) | undefined;
	readonly #seen = new Set<string>();
	/** All worlds in the order in which they were found; where each came from, and by which move. */
	readonly #worlds: string[] = [];
	readonly #origins: Int32Array;
	readonly #moves: Int32Array;
	readonly #knownMoves: Move[] = [];
	readonly #movesByText = new Map<string, number>();
	#acts = 0;
	#violation: Exploration['violation'] = null;

	constructor(scope: Scope, most: number, onProgress?: (states: number) => void) {
		this.#most = most;
		this.#onProgress = onProgress;
		this.#origins = new Int32Array(most);
		this.#moves = new Int32Array(most);
		this.#all = new Possibilities(scope);
		this.#from = scope.from;
	}

	run(): Exploration {
		let depth = 0;
		let end = 0;
		let at = 0;
		const {broken, world} = new Opening(this.#all, this.#from);
		if (broken === undefined) this.#add(world, 0, {owner: 0, acts: [], costs: []});
		else this.#violation = {theorem: broken, script: this.#scriptTo(0)};
		for (; at < this.#worlds.length && !this.#isOver; at++) {
			if (at === end) {
				end = this.#worlds.length;
				depth++;
			}

			this.#expand(at);
		}

		return {
			states: this.#worlds.length,
			machines: this.#all.space.locals.length,
			acts: this.#acts,
			taken: this.#all.space.taken,
			depth,
			messages: this.#messages,
			isComplete: !this.#isOver,
			violation: this.#violation,
		};
	}

	/** Packets that were delivered have an act of their own. */
	get #messages(): string[] {
		const received = this.#all.space.acts.flatMap(act => (act.type === 'receive' ? act.messages : []));
		return [...new Set(received.map(({type}) => type))].sort();
	}

	/** See Space. */
	recheck(): number {
		return this.#all.space.recheck();
	}

	get #isOver(): boolean {
		return this.#violation !== null || this.#worlds.length >= this.#most;
	}

	#expand(at: number) {
		const world = this.#read(this.#worlds[at]!);
		for (const [move, outcome] of this.#all.moves(world)) {
			this.#acts++;
			const broken = outcome.broken ?? this.#all.judge(world, move.owner, outcome);
			if (broken !== undefined) {
				this.#violation = {theorem: broken, script: this.#scriptTo(at, move)};
				return;
			}

			const next = this.#all.after(world, move, outcome);
			if (next) this.#add(next, at, move);
			if (this.#isOver) return;
		}
	}

	#add(world: World, origin: number, move: Move) {
		const {locals, packets, left} = world;
		const text = `${locals.map(({number}) => number).join(' ')}|${left.join(' ')}|${packets.join(' ')}`;
		if (this.#seen.has(text)) return;
		this.#seen.add(text);
		this.#origins[this.#worlds.length] = origin;
		this.#moves[this.#worlds.length] = this.#numberOf(move);
		if (this.#worlds.push(text) % 50_000 === 0) this.#onProgress?.(this.#worlds.length);
	}

	#read(text: string): World {
		const [locals, left, packets] = text.split('|') as [string, string, string];
		return {
			locals: locals.split(' ').map(number => this.#all.space.locals[Number(number)]!),
			left: left.split(' ').map(Number),
			packets: packets === '' ? [] : packets.split(' ').map(Number),
		};
	}

	#numberOf(move: Move): number {
		const {owner, acts, costs} = move;
		const isRepeat = costs.includes('repeat');
		const text = `${owner} ${acts.join(' ')} ${isRepeat}`;
		const known = this.#movesByText.get(text) ?? this.#knownMoves.push(move) - 1;
		this.#movesByText.set(text, known);
		return known;
	}

	/** The whole way is gone once more, from the beginning: who only knows the script can go it as well. */
	#scriptTo(at: number, ...last: readonly Move[]): string {
		const moves: Move[] = [];
		for (let now = at; now > 0; now = this.#origins[now]!) moves.push(this.#knownMoves[this.#moves[now]!]!);
		const course = new Opening(this.#all, this.#from);
		course.script.push('');
		for (const move of [...moves.reverse(), ...last]) course.take(move);
		return [stageOfPuppets, ...course.script, `# ${course.broken}`].join('\n');
	}
}
