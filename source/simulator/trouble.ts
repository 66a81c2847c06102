import type {ReplicaId} from '../consensus/types.ts';
import {type Affliction, afflictions, calm} from './faults.ts';
import type {World} from './world.ts';

const day = 86_400_000;

/** After an event: one of the world's faults may strike. */
export function meddle(world: World) {
	const {random, faults, links, machines, events} = world;
	const machine = random.pick(machines);
	if (random.chance(faults.crash)) {
		if (machine.life) world.crash(machine.id, random.chance(0.5));
		else machine.start();
	}

	if (random.chance(faults.blackout)) {
		world.see('everything died at once');
		for (const {id} of machines) world.crash(id, false);
		for (const each of machines) events.later(random.below(100), () => each.start());
	}

	if (random.chance(faults.stall)) {
		if (machine.isStalled) machine.resume();
		else machine.stall();
	}

	if (random.chance(faults.glitch)) {
		const peer = random.pick(world.ids);
		if (peer !== machine.id) machine.life?.host.disconnected(peer);
	}

	if (random.chance(faults.skip) && machine.life) {
		machine.life.host.skip(machine.life.host.replica.proposer.nextFree + random.below(3));
	}

	if (random.chance(faults.jump)) machine.skew += random.between(-day, day);
	if (random.chance(faults.amnesia)) random.pick([...world.clients.values()]).restart();
	if (random.chance(faults.cut)) {
		if (random.chance(0.4)) links.cut.clear();
		else cutSome(world, machine.id);
	}
}

function cutSome({random, faults, links, ids}: World, id: ReplicaId) {
	for (const peer of ids) {
		const isBoth = !faults.oneWay || random.chance(0.5);
		const isOut = random.chance(0.5);
		if (isBoth || isOut) links.sever([id], [peer]);
		if (isBoth || !isOut) links.sever([peer], [id]);
	}
}

/** From here on the core is well, and each of the others has something for ever. Returns what. */
export function heal(world: World, core: readonly ReplicaId[]): string[] {
	world.faults = {...calm, checkpointSlots: world.faults.checkpointSlots};
	world.links.cut.clear();
	for (const machine of world.machines) {
		machine.start();
		machine.resume();
		machine.life?.host.heal();
	}

	return world.ids
		.filter(id => !core.includes(id))
		.map(id => {
			const affliction = world.random.pick(afflictions);
			world.see(`for ever ${affliction}`);
			afflict(world, id, affliction);
			return `r${id} ${affliction}`;
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
		case 'links':
			for (const other of ids) {
				if (random.chance(0.5)) links.sever([id], [other]);
				if (random.chance(0.5)) links.sever([other], [id]);
			}

			break;
		case 'flapping':
			again(world, () => (machine.life ? world.crash(id) : machine.start()));
			break;
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
