import {describe, expect, test} from '@jest/globals';
import * as fc from 'fast-check';
import type {Line} from '../../source/chat/types.ts';
import {Feed} from '../../source/client/feed.ts';
import {type FakeReplica, until} from './fake-replica.ts';
import {join, stage} from './stage.ts';

const line = (position: number): Line => ({
	position,
	slot: position,
	client: 'a'.repeat(32),
	sequence: position,
	nick: 'alice',
	text: `m${position}`,
	at: 1_790_000_000_000,
});
/** Lines from the first position to the last. */
const lines = (first: number, last: number): Line[] =>
	Array.from({length: Math.max(0, last - first + 1)}, (_, index) => line(first + index));
const upTo = (last: number): number[] => Array.from({length: last}, (_, index) => index + 1);
const positions = (list: readonly Line[]): number[] => list.map(({position}) => position);

describe('across replicas', () => {
	test('goes on after the last line at the next replica', async () => {
		const {cluster, replicas, chat} = await stage(3);
		const [r0, r1] = replicas as [FakeReplica, FakeReplica];
		for (let count = 0; count < 25; count++) chat.add('alice', `m${count}`);
		const seen: number[] = [];
		join({cluster, follow: {after: 0}, onLines: list => seen.push(...positions(list))});
		await until('all history is here', () => seen.length === 25);
		// Pages of ten, asked for one after the other.
		expect(r0.follows).toEqual([0, 10, 20]);
		await r0.stop();
		chat.add('bob', 'meanwhile');
		await until('the next is here', () => seen.length === 26);
		expect(r1.follows).toEqual([25]);
		chat.add('bob', 'live');
		r1.publish(chat.lines.slice(-1));
		await until('the live one is here', () => seen.length === 27);
		expect(seen).toEqual(upTo(27));
	});

	test('a replica that is behind the follower repeats nothing', async () => {
		const {cluster, replicas, chat} = await stage(3, [{}, {position: () => 4}]);
		const [r0, r1] = replicas as [FakeReplica, FakeReplica];
		for (let count = 0; count < 8; count++) chat.add('alice', `m${count}`);
		const seen: number[] = [];
		join({cluster, follow: {after: 0}, onLines: list => seen.push(...positions(list))});
		await until('all is here', () => seen.length === 8);
		await r0.stop();
		await until('r1 is asked', () => r1.follows.length > 0);
		expect(r1.follows[0]).toBe(8);
		// It catches up, line by line.
		chat.add('bob', 'new');
		for (const each of chat.lines.slice(4)) r1.publish([each]);
		await until('the new one is here', () => seen.length === 9);
		expect(seen).toEqual(upTo(9));
	});

	test('a line that was lost on the way is asked for', async () => {
		const {cluster, replicas, chat} = await stage(1);
		const [r0] = replicas as [FakeReplica];
		const seen: number[] = [];
		join({cluster, follow: 'now', onLines: list => seen.push(...positions(list))});
		await until('it follows', () => r0.follows.length === 1);
		for (const text of ['one', 'two', 'three']) chat.add('alice', text);
		r0.publish(chat.lines.slice(0, 1));
		r0.publish(chat.lines.slice(2));
		await until('all is here', () => seen.length === 3);
		expect(seen).toEqual(upTo(3));
		// The last one is lost, and nothing comes after it: the weather tells of it.
		chat.add('alice', 'four');
		r0.setWeather({position: 4});
		await until('the last is here', () => seen.length === 4);
		expect(r0.follows).toEqual([0, 1, 3]);
	});

	test('from now on, from the last lines, and not at all', async () => {
		const {cluster, replicas, chat} = await stage(1);
		const [r0] = replicas as [FakeReplica];
		for (let count = 0; count < 8; count++) chat.add('alice', `m${count}`);
		const now: number[] = [];
		const last: number[] = [];
		join({cluster, follow: 'now', onLines: list => now.push(...positions(list))});
		join({cluster, follow: {last: 3}, onLines: list => last.push(...positions(list))});
		join({cluster, follow: null});
		await until('all are connected', () => r0.hellos.length === 3);
		await until('the last lines are here', () => last.length === 3);
		chat.add('bob', 'new');
		r0.publish(chat.lines.slice(-1));
		await until('the new one is here', () => now.length === 1 && last.length === 4);
		expect([now, last]).toEqual([[9], [6, 7, 8, 9]]);
		expect(r0.follows.toSorted()).toEqual([5, 8]);
	});

	test('history before the first line comes when it is asked for, while new lines go on', async () => {
		const {cluster, replicas, chat} = await stage(1);
		const [r0] = replicas as [FakeReplica];
		for (let count = 0; count < 40; count++) chat.add('alice', `m${count}`);
		const {store} = join({cluster, follow: {last: 5}});
		await until('the end is here', () => store.getSnapshot().lines.length === 5);
		store.loadBefore(36);
		expect(store.getSnapshot().isLoading).toBe(true);
		chat.add('bob', 'new');
		r0.publish(chat.lines.slice(-1));
		await until('all is here', () => store.getSnapshot().lines.length === 41);
		expect(positions(store.getSnapshot().lines)).toEqual(upTo(41));
		expect(store.getSnapshot().isLoading).toBe(false);
		store.loadBefore(1);
		expect(store.getSnapshot().isLoading).toBe(false);
		chat.add('bob', 'newer');
		r0.publish(chat.lines.slice(-1));
		await until('the newer one is here', () => store.getSnapshot().lines.length === 42);
	});

	test('history that gets lost with its replica is not waited for', async () => {
		const {cluster, replicas, chat} = await stage(3);
		const [r0] = replicas as [FakeReplica];
		for (let count = 0; count < 40; count++) chat.add('alice', `m${count}`);
		const {store} = join({cluster, follow: {last: 5}});
		await until('the end is here', () => store.getSnapshot().lines.length === 5);
		r0.script.follow = () => void r0.stop();
		store.loadBefore(36);
		await until('it is given up', () => !store.getSnapshot().isLoading);
		store.loadBefore(36);
		await until('all is here', () => store.getSnapshot().lines.length === 40);
	});
});

describe('whatever arrives', () => {
	test('each line is passed on once, in order, without gaps', () => {
		const arrival = fc.record({
			first: fc.integer({min: 1, max: 30}),
			length: fc.integer({min: 0, max: 8}),
			isLive: fc.boolean(),
		});
		void fc.assert(
			fc.property(fc.array(arrival, {maxLength: 60}), fc.integer({min: 0, max: 10}), (arrivals, after) => {
				const seen: number[] = [];
				const asked: number[] = [];
				const feed = new Feed({
					from: {after},
					follow: position => asked.push(position),
					onLines: list => seen.push(...positions(list)),
					onHistory: () => {},
				});
				feed.onLink(30);
				for (const {first, length, isLive} of arrivals) {
					const missesSome = first > feed.position + 1 && length > 0;
					feed.onLines({lines: lines(first, first + length - 1), isLive});
					// It never waits for a line without having asked for it.
					if (missesSome) expect(feed.isAsking && asked.at(-1) === feed.position).toBe(true);
				}

				expect(seen).toEqual(upTo(after + seen.length).slice(after));
				feed.again();
				expect(asked.at(-1)).toBe(feed.position);
				feed.onLines({lines: lines(feed.position + 1, 40), isLive: true});
				expect(seen.at(-1)).toBe(40);
				expect(seen).toHaveLength(40 - after);
			}),
			{numRuns: 500},
		);
	});
});
