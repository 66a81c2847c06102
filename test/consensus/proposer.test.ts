import {expect, test} from '@jest/globals';
import {noOp} from '../../source/consensus/types.ts';
import {accepted, beat, Door, prepare, promise, request, value} from './door.ts';

const one = value(request(1));
const two = value(request(2));

/** The slots proposed since it was last asked, and how many requests each holds. */
const proposals = (door: Door) =>
	door.said('accept').map(({slot, value: {requests}}) => [slot, requests.length]);

test('nothing is proposed before a majority has promised', () => {
	const door = new Door(0).campaign();
	expect(door.replica.view).toBe(0);
	door.ask(request(1));
	expect(proposals(door)).toEqual([]);
	door.lead();
	expect(proposals(door)).toEqual([[1, 1]]);
});

test('for each slot the proposal of the highest view is proposed again, and the no-op where there is none', () => {
	const door = new Door(0).hear(1, {type: 'accept', view: 1, slot: 1, value: one, epoch: 0});
	door.lead(3, [
		{view: 2, slot: 1, epoch: 0, value: two},
		{view: 2, slot: 3, epoch: 0, value: two},
	]);
	const again = door.said('accept').filter(({view}) => view === 3);
	expect(again.map(({slot, value: offered}) => [slot, offered])).toEqual([
		[1, two],
		[2, noOp],
		[3, two],
	]);
});

test('new requests come after all slots that older views have left open', () => {
	const door = new Door(0).campaign().ask(request(7));
	door.lead(0, [{view: 0, slot: 2, epoch: 0, value: two}]);
	expect(proposals(door)).toEqual([
		[1, 0],
		[2, 1],
		[3, 1],
	]);
});

test('a primary below somebody’s checkpoint catches up before it leads, and fills nothing there', () => {
	const door = new Door(0).campaign().ask(request(3)).lead(0, [], 2);
	expect(door.replica.status().role).toBe('candidate');
	expect(proposals(door)).toEqual([]);
	door.hear(1, {type: 'decided', from: 1, values: [one, two], delivered: 2});
	expect(door.replica.status().role).toBe('primary');
	expect(proposals(door)).toEqual([[3, 1]]);
});

test('a promise that tells of a checkpoint is not waited for, if there are enough without it', () => {
	const door = new Door(1);
	door.campaign(1);
	door.hear(2, promise(1, 1, {since: 9}));
	expect(door.replica.status().role).toBe('candidate');
	door.hear(0, promise(1, 1));
	expect(door.replica.status().role).toBe('primary');
});

test('a promise counts when all of its pages are there', () => {
	const door = new Door(0).campaign();
	door.take();
	const first = promise(0, 1, {until: 2, accepted: [{view: 0, slot: 1, epoch: 0, value: one}]});
	door.hear(1, first);
	expect(door.replica.status().role).toBe('candidate');
	expect(door.said('prepare')).toEqual([prepare(0, 2)]);
	door.hear(1, first);
	expect(door.replica.status().role).toBe('candidate');
	door.hear(1, {...first, from: 2, until: null, accepted: [{view: 0, slot: 2, epoch: 0, value: two}]});
	expect(proposals(door)).toEqual([
		[1, 1],
		[2, 1],
	]);
});

test('what waits while the window is full goes out in batches', () => {
	const door = new Door(0, {windowSlots: 1, queueRequests: 9}).lead();
	door.ask(request(1)).ask(request(2)).ask(request(3), request(4));
	expect(proposals(door)).toEqual([[1, 1]]);
	door.hear(1, accepted(0, 1));
	expect(proposals(door)).toEqual([[2, 2]]);
	door.hear(1, accepted(0, 2));
	expect(proposals(door)).toEqual([[3, 1]]);
});

test('a slot that somebody wants skipped is left out, once, and the order dies with the view', () => {
	const door = new Door(0).lead().do({type: 'skip', slot: 2});
	for (const sequence of [1, 2, 3]) door.ask(request(sequence));
	expect(proposals(door)).toEqual([
		[1, 1],
		[3, 1],
		[4, 1],
	]);
	door.do({type: 'skip', slot: 9}).hear(1, beat(4));
	expect(door.replica.status().skips).toEqual([]);
});

test('a slot that is proposed already is not skipped', () => {
	const door = new Door(0).lead().ask(request(1)).do({type: 'skip', slot: 1});
	expect(door.replica.status().skips).toEqual([]);
});

test('a request that is decided above a hole is not proposed again', () => {
	const door = new Door(0).lead().do({type: 'skip', slot: 1}).ask(request(1)).hear(1, accepted(0, 2));
	expect(door.replica.status()).toMatchObject({delivered: 0, holes: [1]});
	door.take();
	door
		.hear(1, {type: 'request', requests: [request(1)]})
		.ask(request(1))
		.tick(8);
	expect(proposals(door)).toEqual([]);
});

test('what an older view left open is not proposed beside the same request that waits', () => {
	const door = new Door(0).campaign().ask(request(1), request(2));
	door.lead(0, [{view: 0, slot: 1, epoch: 0, value: one}]);
	const {messages} = door.take();
	const offered = messages.flatMap(({message}) => (message.type === 'accept' ? message.value.requests : []));
	expect(offered.map(({sequence}) => sequence)).toEqual([1, 2]);
});

test('prepare and accept are said again at a beat, until they are answered', () => {
	const door = new Door(0).campaign();
	door.take();
	expect(door.tick(2).said('prepare')).toEqual([prepare(0, 1)]);
	door.lead().ask(request(1)).tick(2);
	door.take();
	expect(proposals(door.tick(2))).toEqual([[1, 1]]);
	door.hear(1, accepted(0, 1));
	door.take();
	expect(proposals(door.tick(4))).toEqual([]);
});
