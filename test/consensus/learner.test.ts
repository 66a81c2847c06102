import {expect, test} from '@jest/globals';
import {accept, accepted, beat, Door, request, value} from './door.ts';

const one = value(request(1));
const two = value(request(2));
const three = value(request(3));

test('a slot is decided when a majority has voted for it, the own vote included', () => {
	const door = new Door(1).hear(0, accept(0, 1, one));
	expect(door.take().decisions).toEqual([]);
	const {decisions, writes} = door.hear(2, accepted(0, 1)).take();
	expect(decisions).toEqual([{slot: 1, value: one}]);
	expect(writes).toEqual([{type: 'decided', slot: 1}]);
});

test('one replica has one vote, however often it is heard', () => {
	const door = new Door(1, {replicas: 5}).hear(0, accept(0, 1, one));
	for (let time = 0; time < 5; time++) door.hear(2, accepted(0, 1));
	expect(door.take().decisions).toEqual([]);
	expect(door.hear(3, accepted(0, 1)).take().decisions).toEqual([{slot: 1, value: one}]);
});

test('votes of different views do not add up', () => {
	const door = new Door(1, {replicas: 5}).hear(0, accept(0, 1, one)).hear(2, accepted(0, 1));
	door.hear(2, accept(2, 1, one));
	expect(door.hear(3, accepted(2, 1)).take().decisions).toEqual([]);
	expect(door.hear(4, accepted(2, 1)).take().decisions).toEqual([{slot: 1, value: one}]);
});

test('votes say which proposal won: a value of an older view is not taken for it', () => {
	const door = new Door(1).hear(0, accept(0, 1, one)).hear(2, beat(2));
	const {decisions} = door.hear(0, accepted(2, 1)).hear(2, accepted(2, 1)).take();
	expect(decisions).toEqual([]);
});

test('slots are delivered in order, without gaps, once', () => {
	const door = new Door(1).hear(0, accept(0, 1, one), accept(0, 2, two), accept(0, 3, three));
	door.hear(2, accepted(0, 3)).hear(2, accepted(0, 2));
	expect(door.take().decisions).toEqual([]);
	expect(door.replica.status()).toMatchObject({delivered: 0, decided: 3, holes: [1]});
	door.hear(2, accepted(0, 1)).hear(2, accepted(0, 1));
	expect(door.take().decisions.map(({slot}) => slot)).toEqual([1, 2, 3]);
});

test('a replica that missed something asks whoever had it a beat ago, and delivers the answer', () => {
	const door = new Door(1).hear(0, beat(0, {delivered: 2, isLeading: true}));
	expect(door.said('ask')).toEqual([]);
	door.hear(0, beat(0, {delivered: 2, isLeading: true}));
	expect(door.said('ask')).toEqual([{type: 'ask', from: 1}]);
	door.hear(0, {type: 'decided', from: 1, values: [one, two], delivered: 2});
	const {decisions, writes} = door.take();
	expect(decisions.map(({slot}) => slot)).toEqual([1, 2]);
	expect(writes).toContainEqual({type: 'decided', slot: 1, value: one});
});

test('a page that ends early is followed by a question for the next', () => {
	const door = new Door(1).hear(0, {type: 'decided', from: 1, values: [one], delivered: 3});
	expect(door.said('ask')).toEqual([{type: 'ask', from: 2}]);
});

test('whoever is ahead answers with what it has delivered, and with the mark of its checkpoint below that', () => {
	const door = new Door(1).hear(0, {type: 'decided', from: 1, values: [one, two], delivered: 2});
	door.take();
	expect(door.hear(2, {type: 'ask', from: 2}).said('decided')).toEqual([
		{type: 'decided', from: 2, values: [two], delivered: 2},
	]);
	door.do({type: 'checkpoint', slot: 1}).take();
	expect(door.hear(2, {type: 'ask', from: 1}).said('forgotten')).toEqual([{type: 'forgotten', since: 1}]);
});

test('what was decided is delivered again after a restart, with the first step', () => {
	const entries = new Door(1)
		.hear(0, accept(0, 1, one))
		.hear(2, accepted(0, 1))
		.take().writes;
	expect(new Door(1, {}, entries).tick().take().decisions).toEqual([{slot: 1, value: one}]);
});

test('two values decided for one slot are a bug that stops the replica', () => {
	const door = new Door(1).hear(0, {type: 'decided', from: 1, values: [one], delivered: 1});
	expect(() => door.hear(2, {type: 'decided', from: 1, values: [two], delivered: 1})).toThrow('agreement');
});
