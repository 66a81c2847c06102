import type {ReplicaId, Slot} from '../consensus/types.ts';
import {decodeValue} from '../value-text.ts';
import {describeValue} from './describe.ts';
import {Course, stageOfPuppets} from './explore-course.ts';
import {scopes} from './explore-scopes.ts';
import type {Local} from './explore-space.ts';
import {type Client, clients, type Outcome, openingOf, Possibilities} from './explore-world.ts';
import type {Act} from './puppet.ts';

/**
 * The stage of a play that begins with `puppets 3`: the machines of the
 * exploration, which do nothing by themselves. Whatever happens, a direction
 * says so; what the exploration prints is such a play, and ends in the theorem
 * that breaks. What stands behind ` # ` is for the reader.
 *
 *   all goes well        replica 0 leads view 0, ada and bob open their sessions; otherwise nobody has ever run
 *   start ID · beat ID · checkpoint ID
 *   write ID             the write under way ends
 *   doubt ID             its connection to the primary is reported closed
 *   crash ID             what was not synced is lost; `crash ID kept`: it reached the disk
 *   begin anew ID · put back ID   the directory of a dead one, see `Act`
 *   open NAME at ID · say NAME at ID   ada or bob opens a session, or says a message
 *   deliver A>B WORDS    a packet that was sent arrives: any of them, at any time, again and again; what nobody
 *                        delivers is lost. `deliver A>B WORDS (2)` is the second one of those that read alike
 */
export class PuppetStage {
	/** What happened, a line each. */
	readonly told: string[] = [];
	// Nothing is out of bounds here.
	readonly #all = new Possibilities(scopes.all);
	readonly #course = new Course(this.#all);

	direct(line: string) {
		const direction = line.split(' # ')[0]!.trim();
		for (const [pattern, perform] of directions) {
			const words = pattern.exec(direction);
			if (!words) continue;
			// A direction stands apart from what happened before it.
			if (this.told.at(-1)?.startsWith(' ')) this.told.push('');
			this.told.push(`> ${direction}`);
			perform(this, ...(words.slice(1) as string[]));
			if (this.#course.broken !== undefined) throw new Error(this.#course.broken);
			return;
		}

		throw new Error('is no stage direction for puppets');
	}

	/** Where everybody stands when the curtain falls. */
	ending(): string[] {
		return ['', '> the end', ...this.standings()];
	}

	get locals(): readonly Local[] {
		return this.#course.world.locals;
	}

	standings(): string[] {
		return this.locals.map(local => `  r${local.owner} ${describeStanding(local)}`);
	}

	goWell() {
		if (this.#course.script.length > 0) cannotFollow('it went otherwise');
		this.#course.goWell();
		this.told.push(...this.standings());
	}

	act(id: string, act: Exclude<Act, {type: 'receive'}>) {
		const before = this.#mover(Number(id), act.type);
		this.#tell(before, this.#course.act(before.owner, act));
	}

	say(id: string, name: string, isOpening: boolean) {
		const client = clients.find(each => each === name);
		if (client === undefined) throw new Error(`nobody is called ${name}`);
		this.act(id, {type: 'say', request: isOpening ? openingOf(client) : this.#messageOf(client)});
	}

	deliver(from: ReplicaId, to: ReplicaId, words: string, number = '1') {
		const sent = this.#course.sentBetween(from, to);
		const packet = sent.filter(each => this.#course.wordsOf(each) === words)[Number(number) - 1];
		if (packet === undefined) {
			const underWay = sent.filter(each => this.#course.world.packets.includes(each));
			const known = underWay.map(each => this.#course.wordsOf(each)).join('; ');
			cannotFollow(`r${from} sent no such packet; under way is ${known || 'nothing'}`);
		}

		this.#tell(this.#mover(to, 'receive'), this.#course.receive(packet));
	}

	#messageOf(client: Client) {
		if (!this.#all.sessions.has(client))
			cannotFollow(`${client} has no session; it has if \`all goes well\``);
		return this.#all.messageOf(client);
	}

	#mover(owner: ReplicaId, act: Act['type']): Local {
		const local = this.locals[owner]!;
		const obstacle = obstacleTo(local, act);
		return obstacle === undefined ? local : cannotFollow(`r${owner} ${obstacle}`);
	}

	#tell(before: Local, outcome: Outcome | undefined) {
		if (outcome === undefined || outcome.broken !== undefined) return;
		const {next, sent} = outcome;
		const {owner, view, deeds} = next;
		const tell = (text: string) => this.told.push(`  r${owner} ${text}`);
		if (next.isAlive && (!before.isAlive || before.view !== view)) tell(`is in view ${view}`);
		for (const [slot, {value}] of deeds.executed)
			if (!before.deeds.executed.has(slot)) tell(`executes ${describeSlot(slot, value)}`);
		if (before.isAlive && !next.isAlive) tell('dies');
		if (next.isWriting && !before.isWriting) tell('writes');
		for (const packet of sent)
			tell(`to r${this.#all.space.packets[packet]!.to}: ${this.#course.wordsOf(packet)}`);
	}
}

type Direction = readonly [pattern: RegExp, perform: (stage: PuppetStage, ...words: string[]) => void];

const plain = (type: Exclude<Act['type'], 'receive' | 'say' | 'crash'>): Direction => [
	new RegExp(`^${type} ([012])$`),
	(stage, id) => stage.act(id!, {type}),
];

const directions: readonly Direction[] = [
	[new RegExp(`^${stageOfPuppets}$`), () => {}],
	[/^all goes well$/, stage => stage.goWell()],
	plain('start'),
	plain('beat'),
	plain('checkpoint'),
	plain('write'),
	plain('doubt'),
	plain('begin anew'),
	plain('put back'),
	[
		/^crash ([012])( kept)?$/,
		(stage, id, kept) => stage.act(id!, {type: 'crash', isKept: kept !== undefined}),
	],
	[/^open (\w+) at ([012])$/, (stage, name, id) => stage.say(id!, name!, true)],
	[/^say (\w+) at ([012])$/, (stage, name, id) => stage.say(id!, name!, false)],
	[
		/^deliver ([012])>([012]) (.+?)(?: \((\d+)\))?$/,
		(stage, from, to, words, number) => stage.deliver(Number(from), Number(to), words!, number),
	],
];

/** Where a script was written down on another core, this one may go another way. */
function cannotFollow(why: string): never {
	throw new Error(`cannot be followed any more: ${why}`);
}

/** Why a machine cannot do this now. */
function obstacleTo({isAlive, isWriting, canStart, canCheckpoint, former}: Local, act: Act['type']) {
	if (act === 'start' || act === 'begin anew' || act === 'put back') {
		if (isAlive) return 'lives';
		if (act === 'start' && !canStart) return 'has found out that its memory was replaced';
		return act === 'put back' && !former ? 'has no other directory' : undefined;
	}

	if (!isAlive) return 'is dead';
	if (act === 'write' && !isWriting) return 'writes nothing';
	return act === 'checkpoint' && !canCheckpoint ? 'writes, or has nothing new for a checkpoint' : undefined;
}

function describeSlot(slot: Slot, text: string): string {
	const value = decodeValue(text);
	return `slot ${slot}: ${value ? describeValue(value) : text}`;
}

function describeStanding({isAlive, isWriting, view, deeds}: Local): string {
	if (!isAlive) return 'is dead';
	return `is in view ${view}, has executed ${deeds.executed.size} slots${isWriting ? ', and writes' : ''}`;
}
