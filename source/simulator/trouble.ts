import type {ReplicaId} from '../consensus/types.ts';
import {majorityOf} from '../consensus/views.ts';
import {diskBlows} from './disk-trouble.ts';
import {type Affliction, afflictions, calm, type Strike} from './faults.ts';
import {inWrite, type Machine} from './machine.ts';
import {mayBeLost, ruin, soon, startLater} from './trouble-times.ts';
import type {World} from './world.ts';

const day = 86_400_000;

/**
 * After an event one of the world's faults may strike, each by its chance. The
 * die is thrown for how many events go by before the next one does, instead of
 * at each event: it comes to the same.
 */
export class Meddler {
	readonly #world: World;
	/** Each with the sum of its own chance and of those before it. */
	readonly #strikes: (readonly [Strike, number])[] = [];
	/** That any of them strikes. */
	#chance = 0;
	#wait: number;

	constructor(world: World) {
		this.#world = world;
		const {strikes, drift, write} = world.faults;
		// Habits that nobody sees at work.
		if (drift > 0) world.see('fault: drift');
		if (write[1] > calm.write[1]) world.see('fault: write');
		for (const [strike, chance] of Object.entries(strikes)) {
			this.#chance += chance;
			this.#strikes.push([strike as Strike, this.#chance]);
		}

		this.#wait = this.#next();
	}

	onEvent(): void {
		if (--this.#wait > 0) return;
		this.#wait = this.#next();
		const {random, machines} = this.#world;
		const die = random.next() * this.#chance;
		const [strike] = this.#strikes.find(([, bound]) => die < bound)!;
		if (blows[strike](this.#world, random.pick(machines)) === false) return;
		this.#world.happenings++;
		this.#world.see(`fault: ${strike}`);
	}

	#next(): number {
		if (this.#chance === 0) return Number.POSITIVE_INFINITY;
		return 1 + Math.floor(Math.log(1 - this.#world.random.next()) / Math.log(1 - this.#chance));
	}
}

/** Each strikes the world, and most of them one machine; false if it found nothing to strike. */
const blows: Readonly<Record<Strike, (world: World, machine: Machine) => boolean | undefined>> = {
	crash(world, machine) {
		if (!machine.life) return false;
		world.crash(machine.id, world.random.chance(0.5));
		return startLater(world, machine, 1500);
	},

	'crash in a write'(world, machine) {
		if (machine.disk.unsynced === 0) return false;
		world.crash(machine.id, true, inWrite);
		return startLater(world, machine);
	},

	'crash in a checkpoint'(world) {
		const moments = world.machines.filter(({life}) => life?.moment !== undefined);
		if (moments.length === 0) return false;
		const machine = world.random.pick(moments);
		world.crash(machine.id);
		return startLater(world, machine);
	},

	blackout(world) {
		const {machines, random} = world;
		world.see('everything died at once');
		for (const {id} of machines) world.crash(id, false);
		for (const each of machines) soon(world, random.below(100), () => each.start());
		return undefined;
	},

	'sync error'(world, machine) {
		if (!machine.life) return false;
		machine.failDisk(false, () => startLater(world, machine));
		return undefined;
	},

	'full disk'(world, machine) {
		if (!machine.life) return false;
		machine.failDisk(true, () => {
			// Somebody starts it again in vain, and then makes room.
			startLater(world, machine);
			soon(world, world.random.between(500, 1500), () => {
				machine.isFull = false;
				machine.start();
			});
		});
		return undefined;
	},

	'stalled disk'(_world, machine) {
		if (machine.isStalled) machine.resume();
		else machine.stall();
		return undefined;
	},

	'slow disk'(world, machine) {
		machine.slowness = 30;
		soon(world, world.random.between(200, 1500), () => {
			machine.slowness = 1;
		});
		return undefined;
	},

	'lost directory'(world, machine) {
		if (machine.isRuined || !mayBeLost(world, machine)) return false;
		world.crash(machine.id);
		return ruin(world, machine);
	},

	...diskBlows,

	'old directory': (world, machine) => exchange(world, machine),

	'lost promise'(world) {
		const {machines, links, random, view} = world;
		const before = machines.find(({replica}) => replica?.proposer.phase === 'leading' && replica.view < view);
		const candidate = machines.find(
			({replica}) => replica?.view === view && replica.proposer.phase !== 'idle',
		);
		const promised = machines.filter(each => each !== candidate && each.replica?.view === view);
		if (!before || !candidate || promised.length === 0) return false;
		const machine = random.pick(promised);
		if (machine.isRuined || !mayBeLost(world, machine)) return false;
		world.crash(machine.id);
		machine.ruin();
		soon(world, random.between(1, 50), () => machine.beginAnew());
		// It speaks to the others, and hears of their view when it is over; and of the view before for long.
		const others = world.ids.filter(id => id !== machine.id && id !== before.id);
		links.sever(others, [machine.id]);
		const link = `${before.id}>${machine.id}`;
		links.slow.set(link, 30);
		soon(world, random.between(100, 400), () => {
			links.mend(others, [machine.id]);
			links.slow.delete(link);
		});
		return undefined;
	},

	'early return'(world) {
		const missed = openAdmission(world);
		if (!missed || exchange(world, missed.subject, 100) === false) return false;
		soon(world, world.random.between(50, 600), () => exchange(world, missed.subject, 100));
		return undefined;
	},

	'missed admission'(world) {
		const missed = openAdmission(world);
		if (!missed) return false;
		const {links, random, ids} = world;
		const {voter, subject} = missed;
		links.isolate(voter);
		soon(world, random.between(50, 600), () => {
			exchange(world, subject, 100);
			// Of more than three they need others beside them to be a majority.
			const others = ids.filter(id => id !== voter && id !== subject.id);
			const missing = Math.max(0, majorityOf(world.replicas) - 2);
			while (others.length > missing) others.splice(random.below(others.length), 1);
			const group = [voter, subject.id, ...others];
			links.connectOnly(...group.flatMap(one => group.map(other => [one, other] as const)));
			mendLater(world);
		});
		return undefined;
	},

	pause(world, machine) {
		machine.standStill();
		soon(world, world.random.between(20, 800), () => machine.goOn());
		return undefined;
	},

	jump({random}, machine) {
		machine.skew += random.between(-day, day);
		return undefined;
	},

	glitch({random, ids}, machine) {
		const peer = random.pick(ids);
		if (peer === machine.id) return false;
		machine.disconnected(peer);
		return undefined;
	},

	cut({random, links, ids}, {id}) {
		for (const peer of ids.filter(() => random.chance(0.5))) {
			links.sever([id], [peer]);
			links.sever([peer], [id]);
		}

		return undefined;
	},

	'one-way cut'({random, links, ids}, {id}) {
		for (const peer of ids) {
			const isBoth = random.chance(0.5);
			const isOut = random.chance(0.5);
			if (isBoth || isOut) links.sever([id], [peer]);
			if (isBoth || !isOut) links.sever([peer], [id]);
		}

		return undefined;
	},

	mend({links}) {
		links.cut.clear();
		return undefined;
	},

	flap(world, {id}) {
		const {random, links, ids} = world;
		const peer = random.pick(ids);
		let rounds = random.between(3, 12);
		const turn = () => {
			links.sever([id], [peer]);
			links.sever([peer], [id]);
			soon(world, 30, () => {
				links.mend([id], [peer]);
				links.mend([peer], [id]);
				if (rounds-- > 0) soon(world, 70, turn);
			});
		};
		turn();
		return undefined;
	},

	'slow link'(world, {id}) {
		const {random, links, ids} = world;
		const peer = random.pick(ids);
		const both = [`${id}>${peer}`, `${peer}>${id}`].filter(() => random.chance(0.7));
		for (const link of both) links.slow.set(link, 30);
		soon(world, random.between(200, 1500), () => {
			for (const link of both) links.slow.delete(link);
		});
		return undefined;
	},

	deafness(world, {id}) {
		const {links, ids, random} = world;
		links.sever(ids, [id]);
		soon(world, random.between(100, 1000), () => links.mend(ids, [id]));
		return undefined;
	},

	muteness(world, {id}) {
		const {links, ids, random} = world;
		links.sever([id], ids);
		soon(world, random.between(100, 1000), () => links.mend([id], ids));
		return undefined;
	},

	'quorum loss'(world, {id}) {
		world.links.connectOnly(...world.ids.map(peer => [id, peer] as const));
		return mendLater(world);
	},

	constrained(world, {id}) {
		const {links, ids, leader, random} = world;
		if (leader === undefined || leader === id) return false;
		links.isolate(id);
		soon(world, random.between(50, 300), () => {
			const others = ids.filter(peer => peer !== leader);
			links.connectOnly(...others.map(peer => [id, peer] as const));
			mendLater(world);
		});
		return undefined;
	},

	chained(world) {
		const order = [...world.ids]
			.map(id => ({id, at: world.random.next()}))
			.sort((a, b) => a.at - b.at)
			.map(({id}) => id);
		world.links.connectOnly(...order.slice(1).map((id, index) => [order[index]!, id] as const));
		return mendLater(world);
	},

	'interrupted transfer'(world) {
		const {machines, links, random} = world;
		const fetching = machines.find(({life}) => life?.fetchingFrom !== undefined);
		if (!fetching) return false;
		const [from, to] = [[fetching.life!.fetchingFrom!], [fetching.id]];
		links.sever(from, to);
		soon(world, random.between(50, 1000), () => links.mend(from, to));
		return undefined;
	},

	'hasty checkpoint'({machines}, {life}) {
		const isCampaign = machines.some(({replica}) => replica?.proposer.phase === 'preparing');
		if (!isCampaign || !life) return false;
		life.keepCheckpoint();
		return undefined;
	},

	skip({random}, {life}) {
		if (!life) return false;
		life.host.skip(life.host.replica.proposer.nextFree + random.below(3));
		return undefined;
	},

	amnesia({random, clients}) {
		random.pick([...clients.values()]).restart();
		return undefined;
	},
};

function mendLater(world: World): undefined {
	soon(world, world.random.between(200, 1500), () => world.links.cut.clear());
}

/** The directory before this one is put back, or the one after it again. */
function exchange(world: World, machine: Machine, latest?: number): boolean | undefined {
	// What is put away meanwhile counts as lost.
	if (!mayBeLost(world, machine) || !machine.hasFormer) return false;
	machine.putBack();
	return startLater(world, machine, latest);
}

/** Somebody has voted that a replica takes part with a new memory, and does not know yet whether that was decided. */
function openAdmission({machines}: World): {voter: ReplicaId; subject: Machine} | undefined {
	for (const {id, replica} of machines) {
		if (!replica) continue;
		const {acceptor, learner} = replica;
		// Only the last few slots are open.
		for (let slot = learner.through + 1; slot <= acceptor.highest; slot++) {
			const subject = acceptor.accepted.get(slot)?.value.admission?.replica;
			if (subject !== undefined && subject !== id) return {voter: id, subject: machines[subject]!};
		}
	}

	return undefined;
}

/** From here on the core is well, and each of the others has something for ever. Returns what. */
export function heal(world: World, core: readonly ReplicaId[]): string[] {
	world.faults = {...calm, checkpointSlots: world.faults.checkpointSlots};
	world.links.cut.clear();
	world.links.slow.clear();
	for (const machine of world.machines) {
		machine.repair();
		machine.life?.host.heal();
	}

	return world.ids
		.filter(id => !core.includes(id))
		.map(id => {
			const affliction = world.random.pick(afflictions);
			world.see(`fault: for ever ${affliction}`);
			afflict(world, id, affliction);
			return `r${id} ${affliction}${world.machines[id]!.isRuined ? ', without its memory' : ''}`;
		});
}

export function afflict(world: World, id: ReplicaId, affliction: Affliction) {
	const {random, links, ids} = world;
	const machine = world.machines[id]!;
	switch (affliction) {
		case 'well':
			break;
		case 'dead':
			world.crash(id);
			break;
		case 'deaf':
			links.sever(ids, [id]);
			break;
		case 'mute':
			links.sever([id], ids);
			break;
		case 'stalled':
			machine.stall();
			break;
		case 'grey':
			links.grey.add(id);
			break;
		case 'lossy':
			links.lossy.set(id, 0.6);
			break;
		case 'slow':
			machine.slowness = 30;
			for (const peer of ids) for (const link of [`${id}>${peer}`, `${peer}>${id}`]) links.slow.set(link, 30);
			break;
		case 'links':
			for (const other of ids) {
				if (random.chance(0.5)) links.sever([id], [other]);
				if (random.chance(0.5)) links.sever([other], [id]);
			}

			break;
		case 'flapping':
			again(world, () => (machine.life ? world.crash(id) : machine.start()));
			break;
		case 'napping': {
			let isAsleep = false;
			again(world, () => {
				isAsleep = !isAsleep;
				if (isAsleep) machine.standStill();
				else machine.goOn();
			});
			break;
		}
		case 'blinking': {
			let isCut = false;
			again(world, () => {
				isCut = !isCut;
				if (isCut) links.isolate(id);
				else links.rejoin(id);
			});
			break;
		}
	}
}

/** At a pace of its own, for ever. */
function again({events, random}: World, run: () => void) {
	const pace = random.between(100, 500);
	const next = () => {
		run();
		events.later(pace, next);
	};
	events.later(pace, next);
}
