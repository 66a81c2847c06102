import {expect, test} from '@jest/globals';
import {accept, accepted, beat, Door, options, request, value} from './door.ts';

const one = value(request(1));
const two = value(request(2));
const three = value(request(3));
const leading = (delivered: number) => beat(0, {isLeading: true, delivered});

/** Replica 1, which has delivered as much as it may without a checkpoint. */
function full(): Door {
	const door = new Door(1, {backlogBytes: 1}).hear(0, leading(0), accept(0, 1, one)).hear(2, accepted(0, 1));
	expect(door.take().decisions).toEqual([{slot: 1, value: one}]);
	return door;
}

test('a replica whose checkpoint is late votes for nothing more, and does not ask for what the others have', () => {
	const door = full();
	door.hear(0, accept(0, 2, two), leading(3)).hear(0, leading(3));
	door.hear(0, {type: 'decided', from: 2, values: [two, three], delivered: 3});
	const {messages, writes, decisions} = door.take();
	expect(messages.map(({message}) => message.type)).not.toContain('accepted');
	expect(messages.map(({message}) => message.type)).not.toContain('ask');
	expect([writes, decisions]).toEqual([[], []]);
});

test('it says so, once', () => {
	const door = new Door(1, {backlogBytes: 1})
		.hear(0, accept(0, 1, one))
		.hear(2, accepted(0, 1))
		.tick(10);
	const {notes} = door.take();
	expect(notes.filter(({kind}) => kind === 'busy').map(({text}) => text)).toEqual([
		'takes nothing more until a checkpoint is on disk: too much was decided since the last one',
	]);
});

test('for that it blames nobody', () => {
	const door = full();
	for (let round = 0; round < 2 * options.patienceTicks; round++) door.hear(0, leading(9)).tick();
	expect(door.replica.status().isDoubting).toBe(false);
});

test('with the checkpoint it goes on, and asks for what it has missed', () => {
	const door = full().hear(0, accept(0, 2, two), leading(2));
	door.do({type: 'checkpoint', slot: 1});
	door.take();
	expect(door.hear(0, leading(2)).said('ask')).toEqual([{type: 'ask', from: 2}]);
	expect(door.hear(0, accept(0, 2, two)).said('accepted')).toEqual([accepted(0, 2)]);
});

test('what was delivered behind the checkpoint counts on', () => {
	const door = new Door(1, {backlogBytes: 300}).hear(0, leading(0));
	door.hear(0, {type: 'decided', from: 1, values: [one, two], delivered: 2});
	door.do({type: 'checkpoint', slot: 1});
	door.hear(0, {type: 'decided', from: 3, values: [three], delivered: 3});
	door.take();
	expect(door.hear(0, accept(0, 4, one)).said('accepted')).toEqual([]);
	door.do({type: 'checkpoint', slot: 2});
	expect(door.hear(0, accept(0, 4, one)).said('accepted')).toEqual([accepted(0, 4)]);
});

test('a fetched checkpoint is one, too', () => {
	const door = full();
	door.do({type: 'install', slot: 9, admitted: []});
	expect(door.hear(0, accept(0, 10, two)).said('accepted')).toEqual([accepted(0, 10)]);
});

test('so is one that holds only what was decided here meanwhile', () => {
	const door = full();
	door.do({type: 'install', slot: 1, admitted: []});
	expect(door.replica.acceptor.since).toBe(1);
	expect(door.hear(0, accept(0, 2, two)).said('accepted')).toEqual([accepted(0, 2)]);
});

test('above a hole it votes for as much, and always in the slots that follow what it has delivered', () => {
	const door = new Door(1, {backlogBytes: 300, windowSlots: 2}).hear(0, leading(0));
	const voted = (slot: number) => door.hear(0, accept(0, slot, one)).said('accepted').length;
	expect([voted(10), voted(11), voted(12), voted(2)]).toEqual([1, 1, 0, 1]);
	// Nor does it say again what it has voted there.
	expect([voted(11), voted(13)]).toEqual([0, 0]);
	door.hear(0, {type: 'decided', from: 1, values: [one, two], delivered: 2});
	door.do({type: 'checkpoint', slot: 2});
	expect([voted(4), voted(5)]).toEqual([1, 0]);
	door.do({type: 'install', slot: 12, admitted: []});
	expect([voted(15), voted(16)]).toEqual([1, 1]);
});

test('nor does it gather votes of others for what it does not take', () => {
	const door = full().hear(0, accept(0, 2, two));
	const before = JSON.stringify(door.replica.learner.imprint);
	for (let slot = 2; slot < 100; slot++) door.hear(2, accepted(0, slot));
	expect(JSON.stringify(door.replica.learner.imprint)).toBe(before);
});
