import {expect, test} from '@jest/globals';
import {accept, accepted, beat, Door, options, prepare, request, value} from './door.ts';

const leading = beat(0, {isLeading: true});

test('everybody says at every beat where it is, how far, and what it thinks', () => {
	const door = new Door(1).hear(0, leading);
	door.take();
	expect(door.tick(2).said('heartbeat')).toEqual([beat(0)]);
});

test('nobody is trusted before it has spoken, and silence makes doubt', () => {
	const door = new Door(1);
	expect(door.replica.status().isDoubting).toBe(true);
	door.hear(0, leading);
	expect(door.replica.status().isDoubting).toBe(false);
	door.tick(2 * options.patienceTicks);
	expect(door.replica.status().isDoubting).toBe(true);
});

test('a primary that speaks and owes is doubted; one that delivers is trusted', () => {
	const idle = new Door(1).hear(0, leading).ask(request(1));
	const busy = new Door(1).hear(0, leading).ask(request(1), request(2));
	for (let tick = 0; tick < 2 * options.patienceTicks; tick++) {
		idle.tick().hear(0, leading);
		const slot = tick + 1;
		busy.tick().hear(0, accept(0, slot, value(request(slot, 'bob'))), accepted(0, slot), leading);
	}

	expect(idle.replica.status().isDoubting).toBe(true);
	expect(busy.replica.status()).toMatchObject({isDoubting: false, waiting: 2});
});

test('a young hole is no debt, an old one is', () => {
	const door = new Door(1)
		.hear(0, leading)
		.hear(0, accept(0, 2, value(request(1))), accepted(0, 2))
		.ask(request(2));
	for (let tick = 0; tick < options.holePatienceTicks - 1; tick++) door.tick().hear(0, leading);
	expect(door.replica.status()).toMatchObject({isDoubting: false, holes: [1]});
	for (let tick = 0; tick < 2 * options.patienceTicks; tick++) door.tick().hear(0, leading);
	expect(door.replica.status().isDoubting).toBe(true);
});

test('a view is left when a majority doubts it, and not before', () => {
	const door = new Door(1).hear(0, leading).tick(2 * options.patienceTicks);
	expect(door.replica).toMatchObject({view: 0});
	door.take();
	door.hear(2, beat(0, {isDoubting: true}));
	expect(door.replica.view).toBe(1);
	expect(door.said('prepare')).toEqual([prepare(1, 1)]);
});

test('a doubt that was taken back does not count', () => {
	const door = new Door(1)
		.hear(0, leading)
		.hear(2, beat(0, {isDoubting: true}))
		.hear(2, beat(0));
	door.tick(2 * options.patienceTicks);
	expect(door.replica.view).toBe(0);
});

test('the one further in line waits a stagger longer', () => {
	const door = new Door(2).hear(0, leading);
	const doubt = () => door.hear(1, beat(0, {isDoubting: true})).tick();
	while (!door.replica.status().isDoubting) door.tick();
	for (let tick = 0; tick < options.staggerTicks - 1; tick++) doubt();
	expect(door.replica.view).toBe(0);
	for (let tick = 0; tick < 2; tick++) doubt();
	expect(door.replica.view).toBe(2);
});

test('the very first view is left to replica 0 for longer', () => {
	const door = new Door(1);
	let ticks = 0;
	for (; door.replica.view === -1; ticks++) door.hear(2, beat(-1, {isDoubting: true})).tick();
	expect(ticks).toBeGreaterThan(options.startPatienceTicks);
	expect(door.replica.view).toBe(1);
});

test('a primary that hung up is doubted at once, and told to everybody', () => {
	const door = new Door(2).hear(0, leading);
	door.take();
	expect(door.do({type: 'disconnected', peer: 0}).said('heartbeat')).toEqual([beat(0, {isDoubting: true})]);
	expect(door.do({type: 'disconnected', peer: 1}).said('heartbeat')).toEqual([]);
});

test('a request goes to the primary, and again until it is delivered; the oldest one to everybody', () => {
	const door = new Door(1).hear(0, leading);
	door.take();
	door.ask(request(1), request(2));
	expect(door.take().messages).toEqual([
		{to: 0, message: {type: 'request', requests: [request(1), request(2)]}},
	]);
	door.tick(6);
	const repeated = door.take().messages.filter(({message}) => message.type === 'request');
	expect(repeated).toContainEqual({to: 'all', message: {type: 'request', requests: [request(1)]}});
	expect(repeated).toContainEqual({to: 0, message: {type: 'request', requests: [request(2)]}});
});

test('a new primary is told what waits', () => {
	const door = new Door(2).hear(0, leading).ask(request(1));
	door.take();
	door.hear(1, prepare(1, 1));
	expect(door.take().messages).toContainEqual({to: 1, message: {type: 'request', requests: [request(1)]}});
});

test('a delivered request waits no more', () => {
	const door = new Door(1).hear(0, leading).ask(request(1));
	expect(door.replica.status().waiting).toBe(1);
	door.hear(0, accept(0, 1, value(request(1))), accepted(0, 1));
	expect(door.replica.status().waiting).toBe(0);
});

test('what finds no room is refused', () => {
	const door = new Door(1).hear(0, leading);
	door.ask(...[1, 2, 3, 4, 5].map(sequence => request(sequence)));
	expect(door.take().busy).toEqual([request(5)]);
	expect(door.ask(request(4)).take().busy).toEqual([]);
});

test('what only the primary may say is not taken from others', () => {
	const door = new Door(1).hear(2, accept(0, 1, value(request(1))));
	expect(door.take().writes.filter(({type}) => type === 'accepted')).toEqual([]);
	expect(door.hear(2, prepare(0, 1)).said('promise')).toEqual([]);
});

test('a fetched checkpoint takes the place of all that came before it', () => {
	const door = new Door(1).hear(0, leading).ask(request(1), request(2));
	door.hear(0, {type: 'forgotten', since: 7});
	door.do({type: 'install', slot: 7, admitted: []}).do({type: 'settled', requests: [request(1)]});
	expect(door.replica.status()).toMatchObject({delivered: 7, waiting: 1});
	door.hear(0, accept(0, 8, value(request(2))), accepted(0, 8));
	expect(door.take().decisions.map(({slot}) => slot)).toEqual([8]);
	expect(door.hear(2, prepare(2, 1)).said('promise')).toMatchObject([{since: 7}]);
});

test('the same inputs give the same outputs', () => {
	const play = () => {
		const door = new Door(0).lead().ask(request(1)).hear(1, accepted(0, 1)).tick(9);
		return door.hear(2, beat(0, {isDoubting: true})).take();
	};
	expect(play()).toEqual(play());
});
