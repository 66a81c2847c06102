import {expect, test} from '@jest/globals';
import type {Request, Value} from '../../source/consensus/types.ts';
import {Broken, Checker} from '../../source/simulator/checker.ts';

const request = (sequence: number, text = `ada ${sequence}`): Request => ({
	client: 'ada',
	session: 1,
	sequence,
	nick: 'ada',
	text,
});
const value = (...requests: readonly Request[]): Value => ({at: 1, requests});
const line = (position: number, text: string, at = 1) => ({
	position,
	slot: position,
	client: 'ada',
	sequence: position,
	nick: 'ada',
	text,
	at,
});
const after = (text: string, hash = text, position = 1) => ({text, hash, position});

/** Three disks of which all hold these votes. */
function withVotes(...values: readonly Value[]): Checker {
	const checker = new Checker(3);
	for (const id of [0, 1, 2]) {
		checker.onDurable(id, [{type: 'view', view: 0}]);
		for (const [index, each] of values.entries()) {
			checker.onDurable(id, [{type: 'accepted', view: 0, slot: index + 1, epoch: 0, value: each}]);
		}
	}

	for (const {requests} of values) for (const each of requests) checker.onSaid(each);
	return checker;
}

/** Each theorem, and what breaks it. */
const breaches: Record<string, () => void> = {
	agreement() {
		const checker = withVotes(value(request(1)));
		checker.onDecided(0, 0, 1, value(request(1)));
		checker.onDecided(1, 0, 1, value(request(2)));
	},
	validity() {
		const checker = new Checker(1);
		checker.onDurable(0, [{type: 'accepted', view: 0, slot: 1, epoch: 0, value: value(request(1))}]);
		checker.onDecided(0, 0, 1, value(request(1)));
	},
	'decided by a majority'() {
		const checker = new Checker(3);
		checker.onDurable(0, [{type: 'accepted', view: 0, slot: 1, epoch: 0, value: value(request(1))}]);
		checker.onSaid(request(1));
		checker.onDecided(0, 0, 1, value(request(1)));
	},
	'no slot is executed past a hole'() {
		withVotes(value(request(1)), value(request(2))).onDecided(0, 0, 2, value(request(2)));
	},
	'exactly once'() {
		const checker = withVotes(value(request(1)), value(request(1)));
		checker.onExecuted(0, 1, [line(1, 'ada 1')], after('a'));
		checker.onExecuted(0, 2, [line(2, 'ada 1')], after('b', 'b', 2));
	},
	'per-session order'() {
		withVotes(value(request(2))).onExecuted(0, 1, [line(1, 'ada 2')], after('a'));
	},
	'real-time order'() {
		const checker = withVotes(value(request(1)));
		checker.onDecided(0, 0, 1, value(request(1)));
		checker.onExecuted(0, 1, [line(1, 'ada 1')], after('a'));
		checker.onAnswered(request(1), {
			status: 'ok',
			client: 'ada',
			session: 1,
			sequence: 1,
			position: 1,
			slot: 1,
		});
		checker.onSaid(request(2));
		checker.realTimeOrder(1, 'ada 2', 1);
	},
	'time in the log never goes back'() {
		const checker = withVotes(value(request(1)), value(request(2)));
		checker.onExecuted(0, 1, [line(1, 'ada 1', 9)], after('a'));
		checker.onExecuted(0, 2, [line(2, 'ada 2', 8)], after('b', 'b', 2));
	},
	'what is acknowledged stands'() {
		const checker = withVotes(value(request(1)));
		checker.onAnswered(request(1), {
			status: 'ok',
			client: 'ada',
			session: 1,
			sequence: 1,
			position: 1,
			slot: 1,
		});
	},
	'one log everywhere'() {
		const checker = withVotes();
		checker.onExecuted(0, 1, [], after('a'));
		checker.onExecuted(1, 1, [], after('b'));
	},
	'equal hashes at equal slots'() {
		const checker = withVotes();
		checker.onExecuted(0, 1, [], after('a', 'x'));
		checker.onExecuted(1, 1, [], after('a', 'y'));
	},
	'promise never falls'() {
		const checker = new Checker(3);
		checker.onDurable(0, [
			{type: 'view', view: 3},
			{type: 'view', view: 2},
		]);
	},
	'votes only rise'() {
		const checker = withVotes(value(request(1)));
		checker.onDurable(0, [{type: 'accepted', view: 0, slot: 1, epoch: 0, value: value(request(2))}]);
	},
	'no vote is forgotten'() {
		withVotes(value(request(1))).onStarted(0, 0, 0, new Map());
	},
	'no view on the wire that is not on disk'() {
		new Checker(3).onSent(1, 1, {type: 'prepare', view: 1, from: 1});
	},
	'a vote is durable before it is sent'() {
		withVotes().onSent(1, 1, {type: 'accepted', view: 0, slot: 1});
	},
	'only the primary proposes'() {
		withVotes().onSent(1, 1, {type: 'prepare', view: 0, from: 1});
	},
	'nothing is led that was not prepared in this life'() {
		const checker = withVotes();
		checker.onSent(0, 1, {type: 'prepare', view: 0, from: 1});
		checker.onSent(0, 2, {type: 'accept', view: 0, slot: 1, epoch: 0, value: value(request(1))});
	},
	'one proposal per view and slot'() {
		const checker = withVotes();
		checker.onSent(0, 1, {type: 'prepare', view: 0, from: 1});
		for (const sequence of [1, 2]) {
			checker.onSent(0, 1, {type: 'accept', view: 0, slot: 1, epoch: 0, value: value(request(sequence))});
		}
	},
};

test.each(Object.keys(breaches))('a breach is seen, and called by its name: %s', theorem => {
	expect(breaches[theorem]).toThrow(Broken);
	expect(breaches[theorem]).toThrow(new RegExp(`^${theorem}: `));
});
