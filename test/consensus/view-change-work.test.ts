import {expect, test} from '@jest/globals';
import type {ReplicaId, Slot} from '../../source/consensus/types.ts';
import {accept, accepted, Door, prepare, request, value} from './door.ts';

/** How often a map is asked or changed, and how many steps walks over maps, sets and arrays take, while `run` runs. */
function stepsOf(run: () => void): number {
	let steps = 0;
	const restores: (() => void)[] = [];
	const count = <Name extends string>(owner: Record<Name, (...given: never[]) => unknown>, name: Name) => {
		const original = owner[name];
		owner[name] = function (this: unknown, ...given: never[]) {
			steps++;
			return original.apply(this, given);
		};
		restores.push(() => {
			owner[name] = original;
		});
	};
	for (const name of ['get', 'has', 'set', 'delete'] as const) count(Map.prototype, name);
	for (const walk of [new Map().entries(), new Set().values(), [][Symbol.iterator]()])
		count(Object.getPrototypeOf(walk), 'next');
	try {
		run();
	} finally {
		for (const restore of restores) restore();
	}

	return steps;
}

const open: Slot = 3;

/** A replica of the first view that knows so many slots to be decided, and has accepted a few more. */
function after(id: ReplicaId, decided: Slot): Door {
	const door = new Door(id, {windowSlots: 8, backlogBytes: 1e9});
	for (let slot = 1; slot <= decided + open; slot++) {
		door.hear(0, accept(0, slot, value(request(slot))));
		if (slot <= decided) door.hear(0, accepted(0, slot));
	}

	door.take();
	expect(door.replica.learner.through).toBe(decided);
	return door;
}

/** What an acceptor does for a candidate that is as far as it is. */
const workOfAcceptor = (decided: Slot) => {
	const door = after(2, decided);
	const steps = stepsOf(() => door.campaign(1).hear(1, prepare(1, decided + 1)));
	const [promise] = door.said('promise');
	expect(promise?.accepted.map(({slot}) => slot)).toEqual([decided + 1, decided + 2, decided + 3]);
	return steps;
};

/** What a candidate does until it leads and has proposed again what was open. */
const workOfCandidate = (decided: Slot) => {
	const door = after(1, decided);
	const steps = stepsOf(() => door.lead(1));
	expect(door.replica.status().role).toBe('primary');
	expect(door.said('accept').map(({slot}) => slot)).toEqual([decided + 1, decided + 2, decided + 3]);
	return steps;
};

// Without a checkpoint, which would shorten what is in memory.
test.each([
	['the acceptor', workOfAcceptor],
	['the candidate', workOfCandidate],
])('of %s grows with what is open, never with the length of the log', (_who, work) => {
	const steps = work(1000);
	expect(steps).toBeGreaterThan(open);
	expect(work(30_000)).toBe(steps);
});
