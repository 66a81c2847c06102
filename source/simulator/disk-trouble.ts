import {Failure} from '../failure.ts';
import {checkpointIn, encodeCheckpoint} from '../storage/checkpoint.ts';
import type {Picture} from '../storage/memory-journal.ts';
import type {Recovered} from '../storage/recovery.ts';
import {flippedBit, garbledSector, type Harm, lostSectors, misdirectedWrite, shortWrite} from './harm.ts';
import {type Checkpoint, inCache, type Machine, nothing} from './machine.ts';
import {mayBeLost, ruin, soon, startLater} from './trouble-times.ts';
import type {World} from './world.ts';

/**
 * Strikes on the bytes of a disk. What they leave is judged by the recovery of
 * the real journal: a replica starts with what that gives, and the checker sees
 * whether anything that somebody relies on is gone.
 */
export const diskBlows = {
	'lost sectors': (world: World) => tear(world, lostSectors),
	'garbled sector': (world: World) => tear(world, garbledSector),
	'short write': (world: World) => tear(world, shortWrite),
	'flipped bit': (world: World, machine: Machine) => damage(world, machine, flippedBit, 'a flipped bit'),
	'misdirected write': (world: World, machine: Machine) =>
		damage(world, machine, misdirectedWrite, 'a misdirected write'),

	'failed sync reads well'(world: World, machine: Machine) {
		if (!machine.life) return false;
		const {random} = world;
		const stopped = () => {
			startLater(world, machine);
			// What was in the cache only goes with the power, before the next start or after it.
			soon(world, random.between(1, 1500), () => losePower(world, machine));
		};
		machine.failDisk(false, stopped, inCache);
		return undefined;
	},

	'old copy'(world: World, machine: Machine) {
		const {machines, random} = world;
		if (machine.isRuined || machine.isOlderCopy) return false;
		if (!machine.hasOlderCopy) {
			if (random.chance(0.2)) machine.makeCopy();
			return false;
		}

		// Whoever begins anew has met nobody, and would not notice.
		if (machines.some(({isLost}) => isLost) || !mayBeLost(world, machine)) return false;
		machine.putCopyBack();
		startLater(world, machine, 100);
		soon(world, random.between(500, 2500), () => machine.beginAnew());
		return undefined;
	},

	'damaged checkpoint'(world: World, machine: Machine) {
		const {newest, previous} = machine.checkpoints;
		if (!newest || machine.isRuined || !mayBeLost(world, machine)) return false;
		world.crash(machine.id);
		const isAlone = world.random.chance(0.8);
		const found = flipped(world, newest) ?? (isAlone || !previous ? previous : flipped(world, previous));
		if (!found && machine.disk.since > 0) {
			world.see('without a checkpoint a replica was not started');
			ruin(world, machine);
			return undefined;
		}

		// The journal goes on from there, or has everything.
		if (found && found.state.slot < machine.disk.since)
			world.checker.noFalseAlarm(
				machine.id,
				`its journal begins after slot ${machine.disk.since}, its previous checkpoint is of ${found.state.slot}`,
			);
		if (found) world.checker.onCheckpoint(machine.id, found.state, found.log);
		world.see(found ? 'started from the previous checkpoint' : 'started from the journal alone');
		machine.fallBackTo(found);
		return startLater(world, machine);
	},
};

/** The power goes in a write: what of it is there is never called damage. */
function tear(world: World, harm: Harm): boolean | undefined {
	const writing = world.machines.filter(({life, disk}) => life && disk.isWriting);
	if (writing.length === 0) return false;
	const machine = world.random.pick(writing);
	const picture = machine.disk.pictureOfWrite!;
	world.crash(machine.id, world.random.chance(0.5), nothing);
	reopen(world, machine, picture, harm);
	return startLater(world, machine);
}

function losePower(world: World, machine: Machine): void {
	if (machine.isRuined) return;
	world.crash(machine.id, false, nothing);
	const {picture} = machine.disk;
	if (picture.place) world.see('the power went while a write was only in the cache');
	reopen(world, machine, picture, picture.place ? lostSectors : () => {});
	startLater(world, machine);
}

function reopen(world: World, machine: Machine, picture: Picture, harm: Harm): void {
	harm(picture, world.random);
	const recovered = read(machine, picture);
	if (recovered instanceof Failure) world.checker.noFalseAlarm(machine.id, recovered.message);
	else if (recovered.tornAt) world.see('a torn tail was cut');
}

/** What was on the disk for long changes: that is found, or does no harm. */
function damage(world: World, machine: Machine, harm: Harm, what: 'a flipped bit' | 'a misdirected write') {
	if (machine.isRuined || !mayBeLost(world, machine)) return false;
	world.crash(machine.id, world.random.chance(0.5), nothing);
	const isClosed = world.random.chance(0.5);
	// Nothing more is written behind a sync that failed.
	if (isClosed && !machine.disk.picture.place) machine.disk.close();
	const {picture} = machine.disk;
	harm(picture, world.random);
	if (read(machine, picture) instanceof Failure) {
		world.see(`${what} was refused`);
		return ruin(world, machine);
	}

	world.see(`${what} did no harm`);
	return startLater(world, machine);
}

function read(machine: Machine, {image}: Picture): Recovered | Failure {
	try {
		return machine.disk.reopen(image);
	} catch (error) {
		if (error instanceof Failure) return error;
		throw error;
	}
}

/** A checkpoint with a bit turned, as a start reads it; undefined if it is refused. */
function flipped({random}: World, {state, log}: Checkpoint): Checkpoint | undefined {
	const content = encodeCheckpoint({...state, bytes: Buffer.byteLength(log)});
	content[random.below(content.length)]! ^= 1 << random.below(8);
	try {
		return {state: checkpointIn('checkpoint', content), log};
	} catch (error) {
		if (error instanceof Failure) return undefined;
		throw error;
	}
}
