import type {Machine} from './machine.ts';
import type {World} from './world.ts';

/** Later on, if the time of trouble is not over by then. */
export function soon(world: World, delay: number, run: () => void): void {
	const {faults} = world;
	world.events.later(delay, () => {
		if (world.faults === faults) run();
	});
}

export function startLater(world: World, machine: Machine, latest = 600): undefined {
	soon(world, world.random.between(20, latest), () => machine.start());
}

/** Its directory is gone, or was refused: it is started in vain, and may begin anew. */
export function ruin(world: World, machine: Machine): undefined {
	machine.ruin();
	startLater(world, machine);
	if (world.random.chance(0.8)) soon(world, world.random.between(100, 1500), () => machine.beginAnew());
}

/**
 * No more than a minority: nothing is owed to those whose majority has lost its memory. And nobody while an older copy
 * is not refused yet: a memory that was begun since then has met nobody, and would not notice.
 */
export const mayBeLost = ({machines, replicas}: World, machine: Machine): boolean =>
	machine.isLost ||
	(!machines.some(({isOlderCopy}) => isOlderCopy) &&
		machines.filter(({isLost}) => isLost).length + 1 <= (replicas - 1) / 2);
