import {expect, test} from '@jest/globals';
import {Replica} from '../source/consensus/replica.ts';
import {type Entry, noOp, type Options, type Slot, type Value} from '../source/consensus/types.ts';
import {readStatus} from '../source/network/client-wire.ts';
import {slotStatesOf} from '../source/slot-states.ts';
import {statusOf} from './client/fake-replica.ts';

const options: Options = {
	id: 1,
	replicas: 3,
	incarnation: '1'.repeat(32),
	isNewcomer: false,
	heartbeatTicks: 10,
	patienceTicks: 100,
	startPatienceTicks: 300,
	staggerTicks: 25,
	holePatienceTicks: 300,
	windowSlots: 64,
	batchRequests: 1000,
	batchBytes: 131_072,
	retainBytes: 1_000_000,
	backlogBytes: 1_000_000,
	queueRequests: 1000,
	skip: [],
};
const said: Value = {at: 1, requests: [{client: 'a', session: 1, sequence: 1, nick: 'a', text: 'hi'}]};
const accepted = (view: number, slot: Slot, value = said): Entry => ({
	type: 'accepted',
	view,
	slot,
	epoch: 0,
	value,
});
const decided = (slot: Slot): Entry => ({type: 'decided', slot});

/** What a replica that remembers this tells of its slots. */
function statesOf(entries: readonly Entry[], since = 0) {
	const replica = new Replica(options, [{type: 'view', view: 3}, ...entries], since);
	replica.step({type: 'tick', now: 0});
	return slotStatesOf(replica);
}

test('a letter for each slot, and the view of each vote', () => {
	const entries = [
		accepted(0, 1),
		decided(1),
		accepted(2, 2, noOp),
		decided(2),
		accepted(3, 4),
		decided(4),
		accepted(3, 5),
	];
	expect(statesOf(entries)).toEqual({from: 1, states: 'EN-DA', views: [0, 2, -1, 3, 3]});
});

test('what lies behind a checkpoint is told as that, and no more than 128 slots are', () => {
	expect(statesOf([accepted(3, 7)], 6)).toEqual({
		from: 1,
		states: '^^^^^^A',
		views: [-1, -1, -1, -1, -1, -1, 3],
	});
	const many = Array.from({length: 300}, (_, index) => [accepted(0, index + 1), decided(index + 1)]).flat();
	const told = statesOf(many);
	expect(told).toMatchObject({from: 173, states: 'E'.repeat(128)});
	expect(told.views).toHaveLength(128);
});

test('it comes through the wire as it is, and nothing else does', () => {
	const slots = statesOf([accepted(0, 1), decided(1), accepted(3, 3)]);
	const status = statusOf(1, {slots});
	expect(readStatus(JSON.parse(JSON.stringify(status)))).toEqual(status);
	for (const wrong of [
		{...slots, states: 'X'},
		{...slots, from: 0},
		{...slots, views: [-2]},
		{...slots, states: 'E'.repeat(1001)},
	])
		expect(readStatus({...status, slots: wrong})).toBeUndefined();
});
