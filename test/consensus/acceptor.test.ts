import {expect, test} from '@jest/globals';
import type {Promised} from '../../source/consensus/types.ts';
import {accept, accepted, beat, Door, prepare, promise, request, value} from './door.ts';

const one = value(request(1));
const two = value(request(2));

test('a view is written before anybody hears of it', () => {
	const door = new Door(1).hear(0, prepare(0, 1));
	const {writes, messages} = door.take();
	expect(writes).toEqual([{type: 'view', view: 0}]);
	expect(messages).toContainEqual({
		to: 0,
		message: promise(0, 1),
	});
});

test('a vote is written, and goes to everybody', () => {
	const door = new Door(1).hear(0, accept(0, 1, one));
	const {writes, messages} = door.take();
	expect(writes).toContainEqual({type: 'accepted', view: 0, slot: 1, epoch: 0, value: one});
	expect(messages).toContainEqual({to: 'all', message: accepted(0, 1)});
});

test('the same accept again is voted for again, and written once', () => {
	const door = new Door(1).hear(0, accept(0, 1, one));
	door.take();
	const {writes, messages} = door.hear(0, accept(0, 1, one)).take();
	expect(writes).toEqual([]);
	expect(messages).toEqual([{to: 'all', message: accepted(0, 1)}]);
});

test('a second value in the same view and slot is a bug that stops the replica', () => {
	const door = new Door(1).hear(0, accept(0, 1, one));
	expect(() => door.hear(0, accept(0, 1, two))).toThrow('R3');
});

test('a promise reports for each slot the proposal of the highest view, and none before the slot asked for', () => {
	const door = new Door(1)
		.hear(0, accept(0, 1, one), accept(0, 2, one))
		.hear(0, accept(3, 2, two))
		.hear(2, prepare(5, 2));
	expect(door.said('promise')).toEqual([
		promise(5, 2, {accepted: [{view: 3, slot: 2, epoch: 0, value: two}]}),
	]);
});

test('a promise outlives a restart, with everything that was accepted', () => {
	const entries = new Door(1)
		.hear(0, accept(0, 1, one))
		.hear(2, prepare(5, 1))
		.take().writes;
	const again = new Door(1, {}, entries);
	expect(again.replica.view).toBe(5);
	expect(again.hear(0, accept(3, 1, two)).take().writes).toEqual([]);
	expect(again.hear(2, prepare(5, 1)).said('promise')[0]?.accepted).toEqual([
		{view: 0, slot: 1, epoch: 0, value: one},
	]);
});

test('a start from the checkpoint before the last reports each vote by which anything was decided', () => {
	const door = new Door(1).hear(0, accept(0, 1, one), accepted(0, 1), accept(0, 2, two), accepted(0, 2));
	const before = door.take();
	expect(before.decisions.map(({slot}) => slot)).toEqual([1, 2]);
	door.do({type: 'checkpoint', slot: 2});
	const restated = door.replica.restate();
	// Its value stands in the checkpoint, so this vote has no record.
	const after = door.hear(0, accept(3, 1, one)).take();
	expect(after.messages).toContainEqual({to: 'all', message: accepted(3, 1)});
	expect(after.writes).toEqual([{type: 'view', view: 3}]);

	// That checkpoint is damaged. The journal goes back to the one before it, which stood at slot 0 here.
	const again = new Door(1, {}, [...before.writes, ...restated, ...after.writes]);
	expect(again.replica.view).toBe(3);
	const votes = [
		{view: 0, slot: 1, epoch: 0, value: one},
		{view: 0, slot: 2, epoch: 0, value: two},
	];
	expect(again.hear(2, prepare(5, 1)).said('promise')).toMatchObject([{accepted: votes, since: 0}]);
});

test('a long promise comes in pages, each asked for', () => {
	const door = new Door(1, {batchBytes: 300});
	for (let slot = 1; slot <= 5; slot++) door.hear(0, accept(0, slot, one));
	door.take();
	const pages: number[][] = [];
	let from: number | null = 1;
	while (from !== null) {
		const [promise]: Promised[] = door.hear(2, prepare(2, from)).said('promise');
		pages.push(promise!.accepted.map(({slot}) => slot));
		from = promise!.until;
	}

	expect(pages.length).toBeGreaterThan(1);
	expect(pages.flat()).toEqual([1, 2, 3, 4, 5]);
});

test('what stands in a checkpoint is forgotten, and every promise says so', () => {
	const door = new Door(1).hear(0, accept(0, 1, one), accept(0, 2, two));
	door.hear(0, accepted(0, 1)).do({type: 'checkpoint', slot: 1});
	door.take();
	const [promise] = door.hear(2, prepare(2, 1)).said('promise');
	expect(promise).toMatchObject({since: 1, accepted: [{slot: 2}]});
});

test('a fresh journal restates what must not be forgotten', () => {
	const door = new Door(1).hear(0, accept(0, 1, one), accept(0, 2, two));
	door.hear(0, accepted(0, 1)).hear(2, prepare(2, 1)).do({type: 'checkpoint', slot: 1});
	const again = new Door(1, {}, door.replica.restate(), 1);
	expect(again.replica.view).toBe(2);
	expect([...again.replica.acceptor.accepted.values()]).toEqual([{view: 0, slot: 2, epoch: 0, value: two}]);
});

test('a heartbeat of a newer view moves a replica there, one of an older view does nothing', () => {
	const door = new Door(1).hear(2, beat(5));
	expect(door.replica.view).toBe(5);
	door.take();
	expect(door.hear(0, beat(3, {isDoubting: true})).take().writes).toEqual([]);
	expect(door.replica.view).toBe(5);
});
