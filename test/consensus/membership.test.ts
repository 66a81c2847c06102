import {expect, test} from '@jest/globals';
import {Membership} from '../../source/consensus/membership.ts';
import {
	type Admission,
	type Message,
	noOp,
	type Promised,
	type Slot,
	type Value,
} from '../../source/consensus/types.ts';
import {accept, accepted, beat, Door, options, prepare, promise, request, value} from './door.ts';

const first = '0'.repeat(32);
const second = 'a'.repeat(32);
const third = 'b'.repeat(32);
const admitting = (replica: number, incarnation: string, after: Slot = 0): Value => ({
	at: 1000,
	requests: [],
	admission: {replica, incarnation, after} satisfies Admission,
});
const ask = (incarnation: string, after: Slot = 0): Message => ({type: 'admit', incarnation, after});
const newcomer = {incarnation: second, isNewcomer: true};
const decided = (from: Slot, ...values: readonly Value[]) =>
	({type: 'decided', from, values, delivered: from + values.length - 1}) as const;

test('a newcomer asks to be admitted, and neither promises nor votes nor doubts nor campaigns', () => {
	const door = new Door(2, newcomer);
	door.hear(0, prepare(0, 1), beat(0, {isLeading: true}), accept(0, 1, value(request(1))));
	door.hear(1, beat(0, {isDoubting: true}));
	door.tick(200);
	const {messages} = door.take();
	expect(new Set(messages.map(({message}) => message.type))).toEqual(new Set(['admit']));
	expect(messages).toContainEqual({to: 'all', message: ask(second)});
	expect(door.replica.status()).toMatchObject({role: 'learner', view: 0});
});

test('it learns from whoever is further on, also in an older view than its own', () => {
	const door = new Door(2, newcomer).hear(1, prepare(4, 1));
	door.take();
	for (let round = 0; round < 2; round++) door.hear(0, beat(3, {delivered: 5, isLeading: true}));
	expect(door.said('ask')).toEqual([{type: 'ask', from: 1}]);
});

test('what its clients say goes to whoever leads', () => {
	const door = new Door(2, newcomer).hear(0, beat(0, {isLeading: true}));
	door.take();
	door.ask(request(1));
	expect(door.take().messages).toEqual([{to: 0, message: {type: 'request', requests: [request(1)]}}]);
});

test('it takes part from the slot on that admits it, and says that it knows nothing of what came before', () => {
	const door = new Door(2, newcomer).hear(0, beat(0, {isLeading: true}));
	door.hear(0, decided(1, value(request(1)), admitting(2, second)));
	expect(door.replica.status().role).toBe('backup');
	door.take();
	// Who does not know that may be of a view that the older memory had left.
	door.hear(0, accept(0, 3, value(request(2))));
	expect(door.said('accepted')).toEqual([]);
	door.hear(0, {...accept(0, 3, value(request(2))), epoch: 2});
	expect(door.said('accepted')).toEqual([accepted(0, 3)]);
	door.hear(1, prepare(1, 1));
	const promise: Partial<Promised> = {
		since: 2,
		admitted: 2,
		accepted: [{view: 0, slot: 3, epoch: 2, value: value(request(2))}],
	};
	expect(door.said('promise')).toMatchObject([promise]);
});

test('its admission is on disk before anybody hears it take part', () => {
	const door = new Door(2, newcomer).hear(0, beat(0, {isLeading: true}));
	door.take();
	const {writes} = door.hear(0, decided(1, admitting(2, second))).take();
	expect(writes.map(({type}) => type)).toEqual(['decided', 'view']);
});

test('an admission of somebody else does not admit it', () => {
	const door = new Door(2, newcomer).hear(0, decided(1, admitting(2, third), admitting(1, second)));
	expect(door.replica.membership.standing).toBe('learner');
});

test('the primary proposes an admission alone, once, and nothing behind it before it is delivered', () => {
	const door = new Door(0).lead();
	door.take();
	door.hear(2, ask(second)).ask(request(1));
	door.hear(2, ask(second));
	expect(door.said('accept')).toEqual([accept(0, 1, admitting(2, second))]);
	door.hear(1, accepted(0, 1));
	expect(door.said('accept')).toEqual([{...accept(0, 2, value(request(1))), epoch: 1}]);
	door.hear(1, accepted(0, 2)).hear(2, ask(second));
	expect(door.said('accept')).toEqual([]);
	// What a memory before this one asked for comes late.
	door.hear(2, ask(third));
	expect(door.said('accept')).toEqual([]);
	door.hear(2, ask(third, 1));
	expect(door.said('accept')).toEqual([{...accept(0, 3, admitting(2, third, 1)), epoch: 1}]);
});

test('to be admitted is owed: a primary that lets a learner wait is doubted, until the learner falls silent', () => {
	const door = new Door(1).hear(0, beat(0, {isLeading: true}));
	for (let round = 0; round < 2 * options.patienceTicks; round++)
		door
			.hear(2, ask(second))
			.hear(0, beat(0, {isLeading: true}))
			.tick();
	expect(door.replica.status().isDoubting).toBe(true);
	for (let round = 0; round < 10; round++) door.hear(0, beat(0, {isLeading: true})).tick();
	expect(door.replica.status().isDoubting).toBe(false);
});

test('nobody but the primary heeds it', () => {
	const door = new Door(1).hear(0, beat(0, {isLeading: true}));
	door.take();
	door.hear(2, ask(second));
	expect(door.take().messages).toEqual([]);
});

test('who has not delivered the last admission does not vote for what comes behind it', () => {
	const door = new Door(1).hear(0, beat(0, {isLeading: true}));
	door.hear(0, {...accept(0, 2, value(request(1))), epoch: 1});
	expect(door.said('accepted')).toEqual([]);
	door.hear(0, decided(1, admitting(2, second)));
	door.hear(0, {...accept(0, 2, value(request(1))), epoch: 1});
	expect(door.said('accepted')).toEqual([accepted(0, 2)]);
});

test('nobody votes for his own end, but for an admission that has no effect any more', () => {
	const door = new Door(2).hear(0, accept(0, 1, admitting(2, second)));
	expect(door.said('accepted')).toEqual([]);
	const later = new Door(2, newcomer).hear(0, decided(1, admitting(2, second)));
	later.take();
	later.hear(0, {...accept(0, 2, admitting(2, third)), epoch: 1});
	expect(later.said('accepted')).toEqual([accepted(0, 2)]);
});

test('a memory that was replaced says nothing any more, and leads no longer', () => {
	const door = new Door(0).lead();
	door.hear(1, decided(1, admitting(0, second)));
	expect(door.replica.membership.standing).toBe('replaced');
	expect(door.replica.proposer.phase).toBe('idle');
	door.take();
	door.hear(1, prepare(1, 1), accept(1, 2, value(request(1)))).tick(100);
	expect(door.take().messages).toEqual([]);
});

test('a candidate does not count the promise of a memory that was replaced, and knows it from what others accepted', () => {
	const door = new Door(1).hear(0, accept(0, 1, admitting(2, second)));
	door.campaign(1);
	door.hear(2, promise(1, 1));
	expect(door.replica.status().role).toBe('candidate');
	// With the slot that admitted it in its promise it is the new memory.
	door.hear(2, promise(1, 1, {since: 1, admitted: 1, delivered: 1}));
	expect(door.replica.status().role).toBe('candidate');
	door.hear(2, decided(1, admitting(2, second)));
	// It promised itself before it knew that, and asks itself again.
	door.tick(options.heartbeatTicks);
	expect(door.replica.status().role).toBe('primary');
});

test('a promise of somebody who does not know the last admission does not count: an older memory may have led this view with it', () => {
	const door = new Door(0, newcomer).hear(1, beat(1, {isLeading: true}));
	door.hear(2, decided(1, value(request(1)), admitting(0, second)));
	door.campaign(3);
	const accepted = [{view: 1, slot: 3, epoch: 0, value: value(request(2))}];
	door.hear(1, promise(3, 3, {accepted, delivered: 1}));
	expect(door.replica.status().role).toBe('candidate');
	door.hear(1, promise(3, 3, {accepted, delivered: 2}));
	expect(door.replica.status().role).toBe('primary');
});

test('nor does one that was given before the candidate itself knew of it; whoever gave it is asked again', () => {
	const door = new Door(1);
	door.campaign(1);
	door.hear(0, promise(1, 1, {until: 2}));
	door.hear(0, decided(1, admitting(2, second)));
	door.hear(0, promise(1, 2, {delivered: 1}));
	expect(door.replica.status().role).toBe('candidate');
	door.take();
	door.tick(options.heartbeatTicks);
	expect(door.said('prepare')).toContainEqual(prepare(1, 1));
	door.hear(0, promise(1, 1, {delivered: 1}));
	expect(door.replica.status().role).toBe('primary');
});

test('who is to be replaced does not lead', () => {
	const door = new Door(1);
	door.campaign(1);
	const open = [{view: 0, slot: 1, epoch: 0, value: admitting(1, second)}];
	for (const from of [0, 2]) door.hear(from, promise(1, 1, {accepted: open}));
	expect(door.replica.status().role).toBe('candidate');
});

test('an admission gives way to a no-op if somebody voted behind it for a later view that did not know of it', () => {
	for (const epoch of [0, 1]) {
		const door = new Door(0);
		door.campaign(6);
		// However far the voter is now: it may have lost the checkpoint that it was at when it voted.
		const behind = {view: 1, slot: 2, epoch, value: value(request(1))};
		const accepted = [{view: 0, slot: 1, epoch: 0, value: admitting(2, second)}, behind];
		door.hear(1, promise(6, 1, {accepted, delivered: 0}));
		const [first] = door.said('accept');
		expect(first).toEqual(accept(6, 1, epoch === 1 ? admitting(2, second) : noOp));
	}
});

test('an admission has an effect only behind the one that it follows', () => {
	const membership = new Membership({...options, id: 0}, [], 0);
	expect(membership.onDelivered(4, admitting(2, second))).toBe(true);
	expect(membership.onDelivered(5, admitting(2, third))).toBe(false);
	expect(membership.admittedAt(2)).toBe(4);
	expect(membership.onDelivered(6, admitting(2, third, 4))).toBe(true);
	expect([membership.admittedAt(2), membership.epoch]).toEqual([6, 6]);
	const open = new Map([[7, {view: 0, slot: 7, epoch: 0, value: admitting(2, first, 6)}]]);
	expect(membership.foresee(open)(2)).toBe(7);
	expect(membership.foresee(new Map())(2)).toBe(6);
});

test('it goes on from a checkpoint, its own or a fetched one', () => {
	const admitted = [{replica: 2, incarnation: second, slot: 4}];
	expect(new Membership({...options, id: 2, ...newcomer}, admitted, 9).standing).toBe('member');
	expect(new Membership({...options, id: 2}, admitted, 9).standing).toBe('replaced');
	const learner = new Membership({...options, id: 2, ...newcomer}, [], 0);
	learner.install(admitted, 4);
	expect(learner.standing).toBe('member');
	const later = [...admitted, {replica: 2, incarnation: third, slot: 9}];
	learner.install(later, 9);
	expect(learner.standing).toBe('replaced');
	// Nor does a start from there forget it; whoever was never admitted may still be.
	expect(new Membership({...options, id: 2, ...newcomer}, later, 9).standing).toBe('replaced');
	const fourth = {incarnation: 'c'.repeat(32), isNewcomer: true};
	expect(new Membership({...options, id: 2, ...fourth}, later, 9).standing).toBe('learner');
});

test('no memory is admitted twice', () => {
	const membership = new Membership({...options, id: 0}, [], 0);
	membership.onDelivered(4, admitting(2, second));
	membership.onDelivered(5, admitting(2, third, 4));
	expect(membership.onDelivered(6, admitting(2, second, 5))).toBe(false);
	expect([membership.admittedAt(2), membership.epoch]).toEqual([5, 6]);
});

test('a checkpoint that says that it was replaced ends its lead, and whoever it admits asks no more', () => {
	const door = new Door(0).lead();
	door.do({type: 'install', slot: 9, admitted: [{replica: 0, incarnation: second, slot: 4}]});
	expect(door.replica.membership.standing).toBe('replaced');
	expect(door.replica.proposer.phase).toBe('idle');
	const backup = new Door(1).hear(0, beat(0, {isLeading: true})).hear(2, ask(second));
	const admitted = [{replica: 2, incarnation: second, slot: 4}];
	backup.do({type: 'install', slot: 9, admitted});
	for (let round = 0; round < 2 * options.patienceTicks; round++)
		backup.hear(0, beat(0, {isLeading: true, delivered: 9})).tick();
	expect(backup.replica.status().isDoubting).toBe(false);
});
