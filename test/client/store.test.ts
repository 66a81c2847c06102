import {describe, expect, test} from '@jest/globals';
import type {Line} from '../../source/chat/types.ts';
import {ClientStore} from '../../source/client/client-store.ts';
import {until} from './fake-replica.ts';

const lines = (first: number, count: number): Line[] =>
	Array.from({length: count}, (_, index) => ({
		position: first + index,
		slot: first + index,
		client: 'a'.repeat(32),
		sequence: 1,
		nick: 'alice',
		text: 'hi',
		at: 1_790_000_000_000,
	}));

describe('telling', () => {
	test('a snapshot stays the same object until the listeners are told', async () => {
		const store = new ClientStore();
		let told = 0;
		store.subscribe(() => told++);
		const before = store.getSnapshot();
		store.append(lines(1, 3));
		expect(store.getSnapshot()).toBe(before);
		await until('it is told', () => told === 1);
		expect(store.getSnapshot()).not.toBe(before);
		expect(store.getSnapshot()).toBe(store.getSnapshot());
		expect(before.lines).toEqual([]);
	});

	test('data is told at most ten times a second, the last of it for certain', async () => {
		const store = new ClientStore();
		const at: number[] = [];
		store.subscribe(() => at.push(performance.now()));
		const start = performance.now();
		let position = 1;
		while (performance.now() - start < 450) {
			store.append(lines(position++, 1));
			await new Promise(resolve => setImmediate(resolve));
		}

		await until('the last is told', () => store.getSnapshot().lines.length === Math.min(5000, position - 1));
		expect(at.length).toBeGreaterThanOrEqual(3);
		expect(at.length).toBeLessThanOrEqual(7);
		for (const [index, each] of at.entries())
			if (index > 0) expect(each - at[index - 1]!).toBeGreaterThan(90);
	});

	test('what one does oneself is told at the end of the turn, once', async () => {
		const store = new ClientStore();
		let told = 0;
		store.subscribe(() => told++);
		store.append(lines(1, 1));
		const key = store.say('a'.repeat(32), 'alice', 'hi');
		store.sent(key, {client: 'a'.repeat(32), sequence: 1}, 0);
		store.settle(key, {state: 'decided', position: 1, slot: 1});
		expect(told).toBe(0);
		await Promise.resolve();
		expect(told).toBe(1);
		expect(store.getSnapshot()).toMatchObject({pending: [{state: 'decided', position: 1}], position: 1});
		// The lines went with it: there is nothing left to tell.
		await new Promise(resolve => setTimeout(resolve, 150));
		expect(told).toBe(1);
	});

	test('nobody listens: whoever looks sees the latest', () => {
		const store = new ClientStore();
		store.append(lines(1, 2));
		expect(store.getSnapshot().lines).toHaveLength(2);
		const end = store.subscribe(() => {});
		end();
		store.append(lines(3, 2));
		expect(store.getSnapshot().lines).toHaveLength(4);
	});
});

describe('bounds', () => {
	test('keeps the last 5,000 lines, without gaps', () => {
		const store = new ClientStore();
		for (let page = 0; page < 130; page++) store.append(lines(1 + page * 100, 100));
		const {lines: kept} = store.getSnapshot();
		expect(kept).toHaveLength(5000);
		expect([kept[0]!.position, kept.at(-1)!.position]).toEqual([8001, 13_000]);
		expect(kept.every(({position}, index) => position === 8001 + index)).toBe(true);
	});

	test('keeps more while the reader is in the history, and lets go of it at the end', () => {
		const asked: number[] = [];
		const store = new ClientStore(before => asked.push(before) > 0);
		store.append(lines(1001, 5000));
		store.loadBefore(1001);
		store.loadBefore(1001);
		expect(asked).toEqual([1001]);
		expect(store.getSnapshot().isLoading).toBe(true);
		store.prepend(lines(501, 500));
		store.append(lines(6001, 500));
		expect(store.getSnapshot().lines).toHaveLength(6000);
		expect(store.getSnapshot().lines[0]!.position).toBe(501);
		store.append(lines(6501, 30_000));
		expect(store.getSnapshot().lines).toHaveLength(20_000);
		store.atEnd();
		expect(store.getSnapshot().lines).toHaveLength(5000);
		expect(store.getSnapshot().lines.at(-1)!.position).toBe(36_500);
	});

	test('history that does not fit is not taken', () => {
		const store = new ClientStore(() => true);
		store.append(lines(10, 5));
		store.loadBefore(10);
		store.prepend(lines(3, 5));
		expect(store.getSnapshot()).toMatchObject({isLoading: false});
		expect(store.getSnapshot().lines[0]!.position).toBe(10);
	});

	test('keeps the last 200 settled messages, and all that wait', () => {
		const store = new ClientStore();
		const waiting = store.say('a'.repeat(32), 'alice', 'waits');
		for (let count = 0; count < 500; count++) {
			const key = store.say('a'.repeat(32), 'alice', `m${count}`);
			store.settle(key, {state: 'failed', why: 'x'});
		}

		const {pending} = store.getSnapshot();
		expect(pending).toHaveLength(201);
		expect(pending[0]!.key).toBe(waiting);
		expect(pending[1]!.text).toBe('m300');
		store.forget(waiting);
		expect(store.getSnapshot().pending).toHaveLength(201);
	});
});
