import type {ReplicaId} from '../consensus/types.ts';
import {Client} from './client.ts';
import {stageOfPuppets} from './explore-course.ts';
import {calm} from './faults.ts';
import type {Doom} from './links.ts';
import {tick} from './machine.ts';
import {PuppetStage} from './puppet-stage.ts';
import type {Kind} from './trace.ts';
import {heal} from './trouble.ts';
import {type Settings, World} from './world.ts';

/** A script that cannot be performed, or whose `expect` did not come true. */
export class PlayError extends Error {
	override readonly name = 'PlayError';
}

/**
 * Performs a play: a text with a stage direction in each line, which anybody
 * can read. Returns what happened, after the direction that made it happen.
 * Messages take three units and writes two, a tick is ten: nothing is left to chance.
 *
 *   replicas N [with SETTING VALUE …]   the stage; always first. VALUE may be `never`
 *   skip SLOT            replica 0 is told at its start to leave this slot out
 *   client NAME at ID    a client that talks to this replica; `move NAME to ID` later on
 *   say NAME TEXT        starts the cluster, if it is the first thing that needs it
 *   run N ticks          lets time pass
 *   crash ID [unnoticed] · restart ID · stall ID · resume ID
 *   wipe ID              its directory is gone; `begin anew ID` gives it another, `put back ID` the one before
 *   cut A>B · cut A-B · mend A>B · mend A-B · isolate ID · rejoin ID · heal
 *   lose TYPE A>B        the next message of this type on this link; `lose every TYPE A>B` until `heal`
 *   hold TYPE A>B        keeps it, until `release` lets all go that is held, or `release TYPE A>B` what is meant
 *   loss P %             of all messages
 *   order skip SLOT      to whoever leads
 *   show KIND · hide KIND   message, disk; the others are shown from the beginning
 *   expect view N · expect leader ID · expect no leader · expect NAME answered N
 *   expect ID member · expect ID learner · expect ID dead
 *   expect slot SLOT no-op · expect N slots · expect same logs · expect log ID N lines
 *
 * What begins with `puppets 3` instead is performed on another stage, see PuppetStage.
 */
export function perform(script: string): string {
	const lines = script.split('\n').map(line => line.trim());
	const isDirection = (line: string) => line !== '' && !line.startsWith('#');
	const stage = lines.find(isDirection) === stageOfPuppets ? new PuppetStage() : new Stage();
	for (const [index, direction] of lines.entries()) {
		if (!isDirection(direction)) continue;
		try {
			stage.direct(direction);
		} catch (error) {
			const text = `line ${index + 1}, "${direction}": ${(error as Error).message}`;
			throw new PlayError(`${text}\n${stage.told.join('\n')}`);
		}
	}

	return `${[...stage.told, ...stage.ending()].join('\n')}\n`;
}

type Direction = readonly [pattern: RegExp, act: (stage: Stage, ...words: string[]) => void];

const directions: readonly Direction[] = [
	[/^replicas (\d)(?: with (.+))?$/, (stage, replicas, rest) => stage.set(Number(replicas), rest)],
	[/^skip (\d+)$/, (stage, slot) => stage.skips.push(Number(slot))],
	[/^client (\w+) at (\d)$/, (stage, name, id) => stage.enter(name!, Number(id))],
	[/^move (\w+) to (\d)$/, (stage, name, id) => (stage.client(name!).choose = () => Number(id))],
	[/^say (\w+) (.+)$/, (stage, name, text) => stage.say(name!, text!)],
	[/^run (\d+) ticks?$/, (stage, ticks) => stage.world.run(Number(ticks) * tick)],
	[/^crash (\d)$/, (stage, id) => stage.world.crash(Number(id))],
	[/^crash (\d) unnoticed$/, (stage, id) => stage.world.crash(Number(id), false)],
	[/^restart (\d)$/, (stage, id) => stage.restart(Number(id))],
	[/^wipe (\d)$/, (stage, id) => stage.wipe(Number(id))],
	[/^begin anew (\d)$/, (stage, id) => stage.machine(id).beginAnew()],
	[/^put back (\d)$/, (stage, id) => stage.putBack(Number(id))],
	[/^stall (\d)$/, (stage, id) => stage.machine(id).stall()],
	[/^resume (\d)$/, (stage, id) => stage.machine(id).resume()],
	[/^cut (\d)>(\d)$/, (stage, a, b) => stage.world.links.sever([Number(a)], [Number(b)])],
	[/^mend (\d)>(\d)$/, (stage, a, b) => stage.world.links.mend([Number(a)], [Number(b)])],
	[/^cut (\d)-(\d)$/, (stage, a, b) => both(a, b, (from, to) => stage.world.links.sever([from], [to]))],
	[/^mend (\d)-(\d)$/, (stage, a, b) => both(a, b, (from, to) => stage.world.links.mend([from], [to]))],
	[/^isolate (\d)$/, (stage, id) => stage.world.links.isolate(Number(id))],
	[/^rejoin (\d)$/, (stage, id) => stage.world.links.rejoin(Number(id))],
	[/^heal$/, stage => stage.heal()],
	[/^lose (\w+) (\d)>(\d)$/, (stage, ...link) => stage.doom('lost', link)],
	[/^lose every (\w+) (\d)>(\d)$/, (stage, ...link) => stage.doom('always lost', link)],
	[/^hold (\w+) (\d)>(\d)$/, (stage, ...link) => stage.doom('held', link)],
	[/^release$/, stage => stage.world.links.release()],
	[
		/^release (\w+) (\d)>(\d)$/,
		({world}, type, from, to) =>
			world.links.release(held => held.type === type && `${held.from}>${held.to}` === `${from}>${to}`),
	],
	[/^loss (\d+) %$/, (stage, percent) => stage.change({loss: Number(percent) / 100})],
	[/^order skip (\d+)$/, (stage, slot) => stage.leader().host.skip(Number(slot))],
	[/^(show|hide) (message|disk)$/, (stage, verb, kind) => stage.show(kind as Kind, verb === 'show')],
	[/^expect view (\d+)$/, (stage, view) => equal('view', stage.world.view, Number(view))],
	[/^expect leader (\d)$/, (stage, id) => equal('leader', stage.world.leader, Number(id))],
	[
		/^expect (\d) (member|learner|dead)$/,
		(stage, id, standing) => equal('it', stage.machine(id).replica?.membership.standing ?? 'dead', standing),
	],
	[/^expect no leader$/, stage => equal('leader', stage.world.leader, undefined)],
	[
		/^expect (\w+) answered (\d+)$/,
		(stage, name, count) => equal('answers', stage.client(name!).answered, Number(count)),
	],
	[
		/^expect slot (\d+) no-op$/,
		(stage, slot) => equal('slot', stage.world.checker.decided.get(Number(slot)), noOpText),
	],
	[
		/^expect log (\d) (\d+) lines?$/,
		(stage, id, lines) => equal('lines', stage.life(id).chat.position, Number(lines)),
	],
	[/^expect (\d+) slots$/, (stage, slots) => equal('slots', stage.world.checker.decided.size, Number(slots))],
	[/^expect same logs$/, stage => equal('different logs among those that live', stage.logs().size, 1)],
];

const noOpText = '{"at":0,"requests":[]}';

/** Real machines in a world in which time passes. */
class Stage {
	/** What happened, a line each. */
	readonly told: string[] = [];
	readonly skips: number[] = [];
	readonly #clients = new Map<string, Client>();
	readonly #hidden = new Set<Kind>(['message', 'disk']);
	#world: World | undefined;
	#isBegun = false;

	direct(direction: string) {
		for (const [pattern, act] of directions) {
			const words = pattern.exec(direction);
			if (!words) continue;
			// A direction stands apart from what happened before it.
			if (this.told.at(-1)?.startsWith(' ')) this.told.push('');
			this.told.push(`> ${direction}`);
			act(this, ...words.slice(1));
			return;
		}

		throw new Error('is no stage direction');
	}

	/** The world, running. */
	get world(): World {
		const world = this.#world;
		if (!world) throw new Error('a play begins with `replicas N`');
		if (!this.#isBegun) {
			this.#isBegun = true;
			world.begin(this.skips);
		}

		return world;
	}

	set(replicas: number, rest = '') {
		const words = rest.split(' ').filter(word => word !== '');
		const options: Record<string, number> = {};
		for (let at = 0; at < words.length; at += 2) {
			options[words[at]!] = words[at + 1] === 'never' ? Number.POSITIVE_INFINITY : Number(words[at + 1]);
		}

		const world = new World(
			1,
			replicas,
			{...calm, delay: [3, 3], write: [2, 2]},
			options as Partial<Settings>,
		);
		world.trace.reader = (kind, line) => {
			if (!this.#hidden.has(kind)) this.told.push(line);
		};
		this.#world = world;
	}

	change(faults: {readonly loss: number}) {
		this.world.faults = {...this.world.faults, ...faults};
	}

	show(kind: Kind, isShown: boolean) {
		if (isShown) this.#hidden.delete(kind);
		else this.#hidden.add(kind);
	}

	enter(name: string, at: ReplicaId) {
		if (!this.#world) throw new Error('a play begins with `replicas N`');
		this.#clients.set(name, new Client(this.#world, name, () => at));
	}

	client(name: string): Client {
		const client = this.#clients.get(name);
		if (!client) throw new Error(`nobody is called ${name}`);
		return client;
	}

	say(name: string, text: string) {
		void this.world;
		if (!this.client(name).say(text)) throw new Error(`${name} still waits for an answer`);
	}

	doom(fate: Doom['fate'], [type, from, to]: readonly string[]) {
		this.world.links.doomed.push({type: type!, from: Number(from), to: Number(to), fate});
	}

	heal() {
		const {world} = this;
		const {delay, write} = world.faults;
		heal(world, world.ids);
		world.links.doomed = [];
		world.faults = {...calm, delay, write};
	}

	restart(id: ReplicaId) {
		this.world.crash(id, false);
		this.world.machines[id]!.start();
	}

	wipe(id: ReplicaId) {
		this.world.crash(id);
		this.world.machines[id]!.ruin();
	}

	putBack(id: ReplicaId) {
		if (!this.world.machines[id]!.putBack()) throw new Error('there is no other directory');
		this.world.machines[id]!.start();
	}

	machine(id: string | undefined) {
		return this.world.machines[Number(id)]!;
	}

	life(id: string | undefined) {
		const {life} = this.machine(id);
		if (!life) throw new Error(`r${id} is dead`);
		return life;
	}

	leader() {
		const {leader} = this.world;
		if (leader === undefined) throw new Error('nobody leads');
		return this.life(String(leader));
	}

	logs(): Set<string> {
		return new Set(this.world.machines.flatMap(({life}) => (life ? [life.log] : [])));
	}

	/** Where everybody stands when the curtain falls. */
	ending(): string[] {
		return [
			'',
			'> the end',
			...this.world.machines.map(({id, life}) => `        r${id} ${life ? describeLife(life) : 'is dead'}`),
		];
	}
}

type Living = ReturnType<Stage['life']>;

function describeLife({chat, host}: Living): string {
	const {view, leader, role, delivered, holes, waiting} = host.replica.status();
	const parts = [
		role === 'backup'
			? `in view ${view}, ${leader === null ? 'knows no leader' : `follows r${leader}`}`
			: `${role} in view ${view}`,
		`delivered ${delivered}`,
		...(holes.length > 0 ? [`holes ${holes.join(' ')}`] : []),
		...(waiting > 0 ? [`${waiting} waiting`] : []),
		`${chat.position} lines`,
	];
	return parts.join(', ');
}

function equal(what: string, found: unknown, expected: unknown) {
	if (found !== expected) throw new Error(`${what}: ${String(found)}`);
}

function both(a: string | undefined, b: string | undefined, act: (from: ReplicaId, to: ReplicaId) => void) {
	act(Number(a), Number(b));
	act(Number(b), Number(a));
}
