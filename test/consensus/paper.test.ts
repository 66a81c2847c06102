import {describe, expect, test} from '@jest/globals';
import {noOp} from '../../source/consensus/types.ts';
import {accept, accepted, beat, Door, prepare, request, value} from './door.ts';

/**
 * Leslie Lamport, Paxos Made Simple (2001), sentence by sentence, with the
 * words of this project: a proposal number is a view, chosen is decided,
 * a distinguished proposer is the primary of a view.
 */
const one = value(request(1));
const two = value(request(2));

describe('2.2, choosing a value', () => {
	test('P1: an acceptor must accept the first proposal that it receives', () => {
		expect(new Door(1).hear(0, accept(0, 1, one)).said('accepted')).toEqual([accepted(0, 1)]);
	});

	test('P1a: it accepts a proposal iff it has not responded to a prepare request with a greater number', () => {
		const door = new Door(1).hear(2, prepare(2, 1));
		door.take();
		expect(door.hear(0, accept(0, 1, one)).said('accepted')).toEqual([]);
		expect(door.hear(2, accept(2, 1, one)).said('accepted')).toEqual([accepted(2, 1)]);
	});

	test('an acceptor can accept more than one proposal', () => {
		const door = new Door(1).hear(0, accept(0, 1, one)).hear(2, accept(2, 1, two));
		expect(door.replica.acceptor.accepted.get(1)).toEqual({view: 2, slot: 1, epoch: 0, value: two});
	});

	test('P2c: the value is that of the highest-numbered proposal among those that a majority reports', () => {
		const door = new Door(0).hear(1, accept(1, 1, one));
		door.lead(3, [{view: 2, slot: 1, epoch: 0, value: two}]);
		expect(door.said('accept')).toContainEqual(accept(3, 1, two));
	});

	test('P2c: it is any value if nobody in the majority has accepted anything', () => {
		const door = new Door(0).lead().ask(request(1));
		expect(door.said('accept')[0]?.value.requests).toEqual([request(1)]);
	});

	test('a promise holds the proposal with the highest number that the acceptor has accepted, if any', () => {
		const door = new Door(1)
			.hear(0, accept(0, 1, one))
			.hear(2, accept(2, 1, two))
			.hear(0, prepare(3, 1));
		expect(door.said('promise')).toMatchObject([
			{view: 3, accepted: [{view: 2, slot: 1, epoch: 0, value: two}]},
		]);
	});

	test('an acceptor needs to remember its promise and its highest proposal, even if it fails and is restarted', () => {
		const entries = new Door(1)
			.hear(0, accept(0, 1, one))
			.hear(2, prepare(2, 1))
			.take().writes;
		const again = new Door(1, {}, entries);
		expect(again.hear(0, accept(0, 1, two)).said('accepted')).toEqual([]);
		expect(again.hear(2, prepare(2, 1)).said('promise')).toMatchObject([{accepted: [{view: 0, value: one}]}]);
	});

	test('the proposer can abandon a proposal and forget it, as long as it never issues another one with that number', () => {
		const entries = new Door(0).lead().ask(request(1)).take().writes;
		const again = new Door(0, {}, entries).tick(5).ask(request(2));
		expect(again.said('accept')).toEqual([]);
		again.campaign(3);
		expect(again.said('prepare').map(({view}) => view)).toEqual([3]);
	});
});

describe('2.3, learning a chosen value', () => {
	test('a learner finds out that a majority of acceptors have accepted the proposal', () => {
		const door = new Door(1).hear(0, accept(0, 1, one));
		expect(door.hear(0, accepted(0, 1)).take().decisions).toEqual([{slot: 1, value: one}]);
	});

	test('a learner that missed it learns when a new proposal is issued, or asks', () => {
		const door = new Door(2).hear(0, accept(0, 1, one));
		door.hear(1, beat(0, {delivered: 1})).hear(1, beat(0, {delivered: 1}));
		expect(door.said('ask')).toEqual([{type: 'ask', from: 1}]);
		door.hear(1, accept(1, 1, one), accepted(1, 1));
		expect(door.take().decisions).toEqual([{slot: 1, value: one}]);
	});
});

describe('2.4, progress', () => {
	test('a distinguished proposer is the only one to try issuing proposals', () => {
		const door = new Door(1)
			.hear(0, beat(0, {isLeading: true}))
			.ask(request(1))
			.tick(20);
		const types = new Set(door.take().messages.map(({message}) => message.type));
		expect(types).not.toContain('prepare');
		expect(types).not.toContain('accept');
	});

	test('a proposer that hears of a higher number abandons its own', () => {
		const door = new Door(0).lead().hear(1, beat(1));
		expect(door.replica.status()).toMatchObject({view: 1, role: 'backup'});
		door.take();
		expect(door.ask(request(1)).said('accept')).toEqual([]);
	});

	test('it then tries a higher number of its own, when its turn comes', () => {
		const door = new Door(0).lead().hear(1, beat(1)).campaign(3);
		expect(door.said('prepare')).toContainEqual(prepare(3, 1));
	});
});

describe('2.5, the implementation', () => {
	test('the response is recorded in stable storage before it is sent', () => {
		// Both come out of one step, and the host sends when it has written.
		const {writes, messages} = new Door(1).hear(0, accept(0, 1, one)).take();
		expect(writes).toContainEqual({type: 'accepted', view: 0, slot: 1, epoch: 0, value: one});
		expect(messages).toContainEqual({to: 'all', message: accepted(0, 1)});
	});

	test('no two proposals are ever issued with the same number: different proposers choose from disjoint sets', () => {
		const views = [0, 1, 2].map(id => {
			const door = new Door(id);
			for (const view of [id, id + 3]) door.campaign(view);
			return door.said('prepare').map(({view}) => view);
		});
		for (const [id, own] of views.entries()) for (const view of own) expect(view % 3).toBe(id);
	});
});

describe('3, implementing a state machine', () => {
	test('a new leader executes phase 1 for all instances from a slot on, with a single short message', () => {
		const door = new Door(1)
			.hear(0, {type: 'decided', from: 1, values: [one, two], delivered: 2})
			.campaign(1);
		expect(door.said('prepare')).toEqual([prepare(1, 3)]);
	});

	test('commands 136 and 137: it fills the gap with a no-op that leaves the state unchanged', () => {
		const door = new Door(0).lead(0, [{view: 0, slot: 2, epoch: 0, value: two}]);
		expect(door.said('accept')).toEqual([accept(0, 1, noOp), accept(0, 2, two)]);
	});

	test('command 138 may be proposed before the leader learns that 137 is chosen, up to a window', () => {
		const door = new Door(0, {windowSlots: 2}).lead();
		for (const sequence of [1, 2, 3]) door.ask(request(sequence));
		expect(door.said('accept').map(({slot}) => slot)).toEqual([1, 2]);
	});

	test('a server executes command i only when it has learned all commands before it', () => {
		const door = new Door(1).hear(0, accept(0, 1, one), accept(0, 2, two)).hear(0, accepted(0, 2));
		expect(door.take().decisions).toEqual([]);
		expect(
			door
				.hear(0, accepted(0, 1))
				.take()
				.decisions.map(({slot}) => slot),
		).toEqual([1, 2]);
	});
});

describe('the rules of this project that the paper leaves to the reader', () => {
	test('R1: a promise only grows, and is written before it is told', () => {
		const door = new Door(1).hear(2, prepare(2, 1)).hear(0, prepare(0, 1)).hear(1, beat(1));
		const {writes} = door.take();
		expect(writes).toEqual([{type: 'view', view: 2}]);
	});

	test('R2: older views are dropped, newer ones are entered', () => {
		const door = new Door(1).hear(2, beat(2));
		door.take();
		expect(door.hear(0, accept(0, 1, one), accepted(0, 1), prepare(0, 1)).take().messages).toEqual([]);
		expect(door.hear(2, accept(5, 1, one)).replica.view).toBe(5);
	});

	test('R3: a restarted primary does not go on in a view of an earlier life', () => {
		const entries = new Door(0).lead().take().writes;
		const again = new Door(0, {}, entries).ask(request(1)).tick(10);
		expect(again.replica.status()).toMatchObject({view: 0, role: 'backup'});
		expect(again.said('accept')).toEqual([]);
	});

	test('R8: a promise says since when its memory begins, and a primary below that catches up first', () => {
		const door = new Door(0).lead(0, [], 3);
		expect(door.replica.status().role).toBe('candidate');
		expect(door.said('accept')).toEqual([]);
	});

	test('R9: one that doubts alone leaves nothing', () => {
		const door = new Door(1).hear(0, beat(0, {isLeading: true})).tick(50);
		expect(door.replica.status()).toMatchObject({view: 0, isDoubting: true});
	});

	test('R10: a campaign keeps its view and repeats it', () => {
		const door = new Door(1).campaign(1).tick(50);
		expect(door.replica.view).toBe(1);
		expect(new Set(door.said('prepare').map(({view}) => view))).toEqual(new Set([1]));
	});
});
