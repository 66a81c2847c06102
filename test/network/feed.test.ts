import {describe, expect, test} from '@jest/globals';
import fc from 'fast-check';
import type {Line} from '../../source/chat/types.ts';
import {readLines} from '../../source/network/client-wire.ts';
import type {ClientServer, Connection} from '../../source/network/connection.ts';
import type {Lines, LinesRows} from '../../source/network/events.ts';
import {Feed} from '../../source/network/feed.ts';
import {client, openHouse, strangeClient, tcpOf, type Visitor} from './visitors.ts';

/** A follower without a network in between: what is sent to it is heard at once. */
class Follower {
	/** It has everything up to here. */
	position: number;
	isLive = false;
	isSlow = false;
	/** Pages that are not live and that it has not answered yet: it owes a `follow`. */
	owes = 0;
	refusals = 0;
	#then: (() => void) | undefined;
	/** Lines up to here it had before it came: it may hear them again. */
	readonly #had: number;

	constructor(after: number) {
		this.position = after;
		this.#had = after;
	}

	readonly socket = {
		join: () => void world.room.add(this),
		leave: () => void world.room.delete(this),
		emit: (_event: string, rows: LinesRows) => this.hear(readLines(rows)!),
	};

	refuse(): void {
		this.refusals++;
	}

	whenDrained(then: () => void): void {
		this.#then = then;
	}

	drain(): void {
		this.isSlow = false;
		const then = this.#then;
		this.#then = undefined;
		then?.();
	}

	hear({lines, isLive}: Lines): void {
		for (const {position} of lines) {
			if (position <= this.#had) continue;
			// The point of it all: the next line, and no other.
			expect(position).toBe(this.position + 1);
			this.position = position;
		}

		this.isLive = isLive;
		if (!isLive) this.owes++;
	}
}

/** A log that is written some time before it is published, and reads that take their time. */
class World {
	readonly room = new Set<Follower>();
	readonly followers: Follower[] = [];
	readonly reads: Array<() => void> = [];
	written: number;
	published: number;
	readonly #feed: Feed;

	constructor(isWaiting: boolean, start: number) {
		// What was executed when the first follower comes need not be readable yet.
		this.written = isWaiting ? Math.max(0, start - 2) : start;
		this.published = this.written;
		this.#feed = new Feed({
			server: {
				to: () => ({emit: (_: string, rows: LinesRows) => this.#broadcast(readLines(rows)!)}),
			} as unknown as ClientServer,
			position: () => start,
			read: (after, limit) =>
				new Promise(resolve => {
					const asked = this.#read(after, limit);
					// What stood in the log when it was asked, or what stands there in the end.
					this.reads.push(() => resolve(this.reads.length % 2 === 0 ? asked : this.#read(after, limit)));
				}),
			onError: error => {
				throw error;
			},
			limits: {pageLines: 3, pageBytes: 500, reads: 2},
		});
	}

	follow(follower: Follower): void {
		if (!this.followers.includes(follower)) this.followers.push(follower);
		follower.owes = 0;
		this.#feed.follow(follower as unknown as Connection, follower.position);
	}

	publish(count: number): void {
		const until = Math.min(this.written, this.published + count);
		const lines = Array.from({length: until - this.published}, (_, index) =>
			lineAt(this.published + 1 + index),
		);
		this.published = until;
		this.#feed.publish(lines);
	}

	/** As when a replica is given what it missed: nobody hears of these lines. */
	skip(count: number): void {
		this.written = Math.max(this.written, this.published + count);
		this.published += count;
	}

	retry(): void {
		this.#feed.retry();
	}

	#read(after: number, limit: number): readonly Line[] {
		const count = Math.max(0, Math.min(limit, this.written - after));
		return Array.from({length: count}, (_, index) => lineAt(after + 1 + index));
	}

	#broadcast(lines: Lines): void {
		for (const follower of this.room) {
			expect(follower.isSlow).toBe(false);
			follower.hear(lines);
		}
	}
}

let world: World;

const lineAt = (position: number): Line => ({
	position,
	slot: position,
	client: '0'.repeat(32),
	sequence: 1,
	nick: 'a',
	// Some lines are as large as a page.
	text: 'x'.repeat(position % 7 === 0 ? 400 : 1),
	at: position,
});

const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve));

type Step =
	| {readonly kind: 'write' | 'publish' | 'skip' | 'come'; readonly count: number}
	| {readonly kind: 'ask' | 'slow' | 'drain' | 'read'; readonly which: number};

const step: fc.Arbitrary<Step> = fc.oneof(
	{
		weight: 4,
		arbitrary: fc.record({kind: fc.constantFrom('write', 'publish'), count: fc.integer({min: 1, max: 5})}),
	},
	{weight: 2, arbitrary: fc.record({kind: fc.constant('come'), count: fc.nat({max: 12})})},
	{weight: 1, arbitrary: fc.record({kind: fc.constant('skip'), count: fc.integer({min: 1, max: 4})})},
	{
		weight: 6,
		arbitrary: fc.record({kind: fc.constantFrom('ask', 'read', 'slow', 'drain'), which: fc.nat({max: 5})}),
	},
) as fc.Arbitrary<Step>;

async function take(step: Step): Promise<void> {
	switch (step.kind) {
		case 'write':
			world.written += step.count;
			break;
		case 'publish':
			world.publish(step.count);
			break;
		case 'skip':
			world.skip(step.count);
			break;
		case 'come':
			world.follow(new Follower(step.count));
			break;
		case 'ask': {
			const follower = world.followers[step.which];
			if (follower && follower.owes > 0) world.follow(follower);
			break;
		}
		case 'slow':
			if (world.followers[step.which]) world.followers[step.which]!.isSlow = true;
			break;
		case 'drain':
			world.followers[step.which]?.drain();
			break;
		case 'read':
			world.reads.splice(step.which % Math.max(1, world.reads.length), 1)[0]?.();
			await turn();
			break;
	}
}

/** Everything comes to rest: all drain, all reads return, all who owe a `follow` send it. */
async function settle(): Promise<void> {
	for (;;) {
		for (const follower of world.followers) follower.drain();
		const owing = world.followers.filter(({owes}) => owes > 0);
		for (const follower of owing) world.follow(follower);
		const reads = world.reads.splice(0);
		for (const answer of reads) answer();
		await turn();
		if (owing.length === 0 && reads.length === 0 && world.reads.length === 0) return;
	}
}

test('however reading and publishing interleave, nobody misses a line or gets one twice', async () => {
	let joined = 0;
	await fc.assert(
		fc.asyncProperty(
			fc.boolean(),
			fc.nat({max: 8}),
			fc.array(step, {minLength: 10, maxLength: 60}),
			async (isWaiting, start, steps) => {
				world = new World(isWaiting, start);
				for (const each of steps) await take(each);
				await settle();
				// All that was executed is written in the end, and one more line, so that gaps come to light.
				world.written = Math.max(world.written, world.published, start) + 1;
				world.publish(Number.POSITIVE_INFINITY);
				await settle();
				world.retry();
				await settle();
				for (const follower of world.followers) {
					expect(follower.position).toBeGreaterThanOrEqual(world.published);
					expect(follower.isLive).toBe(true);
					expect(follower.refusals).toBe(0);
					if (world.room.has(follower)) joined++;
				}

				expect(world.room.size).toBe(world.followers.length);
			},
		),
		{numRuns: 400},
	);
	expect(joined).toBeGreaterThan(400);
});

test('at most so many pages are read at a time, and at most one for each', async () => {
	world = new World(false, 50);
	const followers = Array.from({length: 5}, () => new Follower(0));
	for (let again = 0; again < 10; again++) world.follow(followers[0]!);
	expect(world.reads).toHaveLength(1);
	for (const follower of followers) for (let again = 0; again < 10; again++) world.follow(follower);
	expect(world.reads).toHaveLength(2);
	for (let page = 0; page < 5; page++) {
		world.reads.shift()!();
		await turn();
		expect(world.reads.length).toBeLessThanOrEqual(2);
	}

	await settle();
	for (const follower of followers) expect(follower.position).toBe(50);
});

test('who asks again before it was answered gets what it asked for last', async () => {
	world = new World(false, 50);
	const follower = new Follower(0);
	world.follow(follower);
	follower.position = 7;
	world.follow(follower);
	await settle();
	expect(follower.position).toBe(50);
	expect(follower.isLive).toBe(true);
});

test('a log that reads with a gap is not passed on beyond it', async () => {
	const heard: Lines[] = [];
	const feed = new Feed({
		server: {} as unknown as ClientServer,
		position: () => 9,
		read: () => Promise.resolve([lineAt(1), lineAt(2), lineAt(4)]),
		onError: () => {},
		limits: {pageLines: 10, pageBytes: 1000, reads: 1},
	});
	const socket = {emit: (_: string, rows: LinesRows) => heard.push(readLines(rows)!)};
	feed.follow({isSlow: false, socket} as unknown as Connection, 0);
	await turn();
	expect(heard).toEqual([{lines: [lineAt(1), lineAt(2)], isLive: false}]);
});

describe('over sockets', () => {
	/** Follows as a client does, and writes down the positions of what it hears. */
	async function follow(visitor: Visitor, after: number, until: number): Promise<number[]> {
		const positions: number[] = [];
		visitor.socket.emit('follow', {after});
		while ((positions.at(-1) ?? after) < until) {
			const {lines, isLive} = await visitor.next('lines');
			positions.push(...lines.map(({position}) => position));
			if (!isLive) visitor.socket.emit('follow', {after: positions.at(-1) ?? after});
		}

		return positions;
	}

	test('history comes in pages, and the last one is live', async () => {
		const house = await openHouse();
		house.log.write(450);
		const visitor = await client(house.port);
		visitor.socket.emit('follow', {after: 20});
		const first = await visitor.next('lines');
		expect(first.lines.map(({position}) => position)).toEqual(Array.from({length: 200}, (_, i) => 21 + i));
		expect(first.isLive).toBe(false);
		// Nothing more until it asks.
		await visitor.settle();
		expect(visitor.unheard('lines')).toBe(0);
		visitor.socket.emit('follow', {after: 220});
		expect(await visitor.next('lines')).toMatchObject({isLive: false});
		visitor.socket.emit('follow', {after: 420});
		expect(await visitor.next('lines')).toMatchObject({isLive: true, lines: {length: 30}});
		house.door.publish(house.log.write(2));
		expect(await visitor.next('lines')).toEqual({lines: house.log.lines.slice(450), isLive: true});
		visitor.close();
		await house.close();
	});

	test('a page is no larger than about 256 KiB', async () => {
		const house = await openHouse();
		house.log.write(200, 'x'.repeat(4096));
		const visitor = await client(house.port);
		visitor.socket.emit('follow', {after: 0});
		const {lines, isLive} = await visitor.next('lines');
		expect(isLive).toBe(false);
		expect(lines.length).toBeGreaterThan(50);
		expect(JSON.stringify(lines).length).toBeLessThan(270_000);
		visitor.close();
		await house.close();
	});

	test('who is ahead of this replica waits in the room', async () => {
		const house = await openHouse();
		house.log.write(3);
		const visitor = await client(house.port);
		visitor.socket.emit('follow', {after: 5});
		expect(await visitor.next('lines')).toEqual({lines: [], isLive: true});
		house.door.publish(house.log.write(3));
		const {lines} = await visitor.next('lines');
		expect(lines.at(-1)!.position).toBe(6);
		expect(house.log.reads).toBe(0);
		visitor.close();
		await house.close();
	});

	test('who does not keep up leaves the room, and is brought up from the log', async () => {
		const house = await openHouse({limits: {softBytes: 300_000}});
		const slow = await strangeClient(house.port);
		const quick = await client(house.port);
		const heard: number[] = [];
		let pages = 0;
		let isLive = false;
		slow.on('message', data => {
			const frame = String(data);
			if (!frame.startsWith('42["lines"')) return;
			const said = readLines(JSON.parse(frame.slice(2))[1])!;
			heard.push(...said.lines.map(({position}) => position));
			({isLive} = said);
			if (isLive) return;
			pages++;
			slow.send(`42["follow",{"after":${heard.at(-1)}}]`);
		});
		slow.send('42["follow",{"after":0}]');
		quick.socket.emit('follow', {after: 0});
		expect(await quick.next('lines')).toEqual({lines: [], isLive: true});
		while (!isLive) await turn();
		tcpOf(slow).pause();
		const publish = async (count: number) => {
			house.door.publish(house.log.write(count, 'x'.repeat(1000)));
			expect((await quick.next('lines')).isLive).toBe(true);
		};

		for (let batch = 0; batch < 100; batch++) await publish(150);
		expect(house.log.reads).toBe(0);
		// It reads again while more comes.
		tcpOf(slow).resume();
		for (let batch = 0; batch < 20; batch++) await publish(10);
		while (heard.length < house.log.lines.length) await turn();
		expect(heard).toEqual(house.log.lines.map(({position}) => position));
		expect(pages).toBeGreaterThan(5);
		expect(isLive).toBe(true);
		await publish(1);
		while (heard.length < house.log.lines.length) await turn();
		slow.terminate();
		quick.close();
		await house.close();
	});

	test('lines that are published at random moments reach all followers once and in order', async () => {
		const house = await openHouse();
		const total = 9000;
		const pause = async () => {
			for (let left = Math.floor(Math.random() * 4); left > 0; left--) await turn();
		};

		// Enough that nobody is ahead of it.
		house.log.write(3400);
		house.log.beforeRead = pause;
		const publishing = (async () => {
			while (house.log.lines.length < total) {
				const lines = house.log.write(1 + Math.floor(Math.random() * 40));
				// Readable already, and not published yet.
				await pause();
				house.door.publish(lines);
				await pause();
			}
		})();
		const all = await Promise.all(
			Array.from({length: 12}, async (_, index) => {
				const visitor = await client(house.port);
				const after = index * 300;
				const positions = await follow(visitor, after, total);
				visitor.close();
				return {after, positions};
			}),
		);
		await publishing;
		for (const {after, positions} of all)
			expect(positions).toEqual(Array.from(positions, (_, index) => after + 1 + index));
		await house.close();
		expect(house.failures).toEqual([]);
	});
});
