import {beforeEach, describe, expect, test} from '@jest/globals';
import type {Message, ReplicaId} from '../../source/consensus/types.ts';
import {Faults} from '../../source/network/faults.ts';
import type {Network} from '../../source/network/network.ts';

const ask = (from: number): Message => ({type: 'ask', from});
const vote = (slot: number): Message => ({type: 'accepted', view: 0, slot});

let rolls: number[];
let heard: Array<[ReplicaId, readonly Message[]]>;
let said: Array<[ReplicaId | 'all', readonly Message[]]>;
let gone: ReplicaId[];
let faults: Faults;
let network: Network;

beforeEach(() => {
	rolls = [];
	heard = [];
	said = [];
	gone = [];
	faults = new Faults({
		die: () => {
			if (rolls.length === 0) throw new Error('nobody should have thrown the die');
			return rolls.shift()!;
		},
		receive: (from, messages) => heard.push([from, messages]),
		disconnected: peer => gone.push(peer),
	});
	network = faults.around({
		broadcast: messages => said.push(['all', messages]),
		send: (to, messages) => said.push([to, messages]),
	});
});

test('without orders everything passes, and the die stays on the table', () => {
	faults.receive(1, [ask(1), vote(2)]);
	network.broadcast([ask(3)]);
	network.send(2, [ask(4)]);
	faults.disconnected(1);
	expect(heard).toEqual([[1, [ask(1), vote(2)]]]);
	expect(said).toEqual([
		['all', [ask(3)]],
		[2, [ask(4)]],
	]);
	expect(gone).toEqual([1]);
	expect(faults.dropped).toBe(0);
});

describe('loss', () => {
	test('every message has its own fate, also within a packet', () => {
		faults.lose(0.25);
		rolls = [0.25, 0.2499, 0.9, 0];
		faults.receive(1, [ask(1), ask(2), vote(3), vote(4)]);
		expect(heard).toEqual([[1, [ask(1), vote(3)]]]);
		expect(faults.dropped).toBe(2);
		expect([...faults.droppedByType]).toEqual([
			['ask', 1],
			['accepted', 1],
		]);
	});

	test('a packet of which nothing is left is not delivered at all', () => {
		faults.lose(0.5);
		rolls = [0.1, 0.2];
		faults.receive(1, [ask(1), ask(2)]);
		expect(heard).toEqual([]);
	});

	test('1 loses everything, 0 nothing; only what is heard is lost, not what is said', () => {
		faults.lose(1);
		rolls = [0.999_999];
		faults.receive(1, [ask(1)]);
		network.broadcast([ask(2)]);
		expect(heard).toEqual([]);
		expect(said).toEqual([['all', [ask(2)]]]);
		faults.lose(0);
		faults.receive(1, [ask(3)]);
		expect(heard).toEqual([[1, [ask(3)]]]);
	});

	test('about the ordered share is lost', () => {
		let seed = 1;
		const die = () => {
			seed = (seed * 48_271) % 2_147_483_647;
			return seed / 2_147_483_647;
		};
		let count = 0;
		const lossy = new Faults({
			die,
			receive: (_, messages) => {
				count += messages.length;
			},
			disconnected: () => undefined,
		});
		lossy.lose(0.3);
		for (let index = 0; index < 10_000; index++) lossy.receive(1, [ask(1), vote(1)]);
		expect(count / 20_000).toBeCloseTo(0.7, 1);
		expect(count + lossy.dropped).toBe(20_000);
	});

	test('a probability is from 0 to 1', () => {
		for (const wrong of [-0.1, 1.1, Number.NaN, Number.POSITIVE_INFINITY])
			expect(() => faults.lose(wrong)).toThrow(RangeError);
		expect(faults.loss).toBe(0);
	});
});

describe('isolation', () => {
	test('cuts both directions, counts what it drops, and ends with heal', () => {
		faults.isolate();
		expect(faults.isIsolated).toBe(true);
		faults.receive(1, [ask(1), vote(1)]);
		network.broadcast([ask(2)]);
		network.send(2, [vote(3)]);
		expect([heard, said]).toEqual([[], []]);
		expect(faults.dropped).toBe(4);
		faults.heal();
		expect(faults.isIsolated).toBe(false);
		faults.receive(1, [ask(5)]);
		network.broadcast([ask(6)]);
		expect(heard).toEqual([[1, [ask(5)]]]);
		expect(said).toEqual([['all', [ask(6)]]]);
		expect(faults.dropped).toBe(4);
	});

	test('who hangs up meanwhile is reported when it ends, unless heard again', () => {
		faults.isolate();
		faults.disconnected(1);
		faults.disconnected(2);
		faults.receive(2, [ask(1)]);
		expect(gone).toEqual([]);
		faults.heal();
		expect(gone).toEqual([1]);
		faults.isolate();
		faults.heal();
		expect(gone).toEqual([1]);
	});
});

test('heal ends loss too', () => {
	faults.lose(1);
	faults.heal();
	expect(faults.loss).toBe(0);
	faults.receive(1, [ask(1)]);
	expect(heard).toHaveLength(1);
});
