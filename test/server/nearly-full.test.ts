import {afterEach, describe, expect, test} from '@jest/globals';
import {Client} from '../../source/client/client.ts';
import type {ReplicaId} from '../../source/consensus/types.ts';
import {realGround} from '../../source/storage/ground.ts';
import {client as knock, request, type Visitor} from '../network/visitors.ts';
import {Place, until} from './servers.ts';

const undo: Array<() => unknown> = [];
afterEach(async () => {
	for (const each of undo.splice(0).reverse()) await each();
});

/** Three replicas, each with as much room on its disk as the test says. */
async function place() {
	const all = await Place.make(1, {reserveBytes: 1000});
	undo.push(() => all.clear());
	const room = [5000, 5000, 5000];
	const start = (id: ReplicaId) => all.start(id, {ground: {...realGround, room: async () => room[id]!}});
	await Promise.all([0, 1, 2].map(start));
	return {all, room, start};
}

function join(all: Place, via: ReplicaId): Client {
	const client = new Client({cluster: all.cluster, via, follow: {after: 0}});
	undo.push(() => client.close());
	return client;
}

const sentenceOf = (client: Client) => client.store.getSnapshot().connection.sentence;
const untilItSays = (client: Client, sentence: string) =>
	until(
		() => sentenceOf(client) === sentence,
		() => `"${sentence}", and it says "${sentenceOf(client)}"`,
	);
const untilTold = (all: Place, id: ReplicaId, text: string) =>
	until(
		() => all.said(id).includes(text),
		() => `"${text}" in\n${all.said(id)}`,
	);

/** Somebody who speaks without a client: it hears each answer as it was said. */
async function speaker(all: Place, via: ReplicaId): Promise<{visitor: Visitor; session: number}> {
	const visitor = await knock(all.cluster.replicas[via]!.port);
	undo.push(() => visitor.close());
	visitor.enter('dave');
	visitor.say({...request('dave', 0, '5'.repeat(32)), session: 0});
	const [opened] = await visitor.next('said');
	return {visitor, session: opened!.session};
}

describe('disks that are nearly full', () => {
	test('of two of three: new messages wait and everybody knows why, all else goes on; with room they are said, once', async () => {
		const {all, room} = await place();
		const bob = join(all, 1);
		expect(await bob.session('bob').say('before')).toMatchObject({status: 'ok'});
		const {visitor, session} = await speaker(all, 1);
		const executed = {...request('dave', 1), session};
		visitor.say(executed);
		const [answer] = await visitor.next('said');
		expect(answer).toMatchObject({status: 'ok', sequence: 1});

		room[0] = 999;
		room[2] = 10;
		const why = 'the disks of r0 and r2 are nearly full; make room there';
		await untilItSays(bob, `no room: ${why}; messages wait`);
		visitor.say({...request('dave', 2), session});
		expect(await visitor.next('said')).toMatchObject([{status: 'busy', sequence: 2, why}]);
		visitor.say(executed);
		expect(await visitor.next('said')).toEqual([answer]);
		let isSaid = false;
		const waiting = bob.session('bob').say('when there is room');
		void waiting.then(() => {
			isSaid = true;
		});
		// Somebody who comes now reads, and hears at once what everything waits for.
		const reader = join(all, 2);
		await untilItSays(reader, `no room: ${why}; messages wait`);
		await until(
			() => reader.store.getSnapshot().lines.length === 2,
			() => 'both lines',
		);
		const slot = all.server(1).executed;
		await until(
			() => bob.retries >= 3,
			() => `${bob.retries} retries`,
		);
		expect([isSaid, all.server(1).executed, all.server(0).executed]).toEqual([false, slot, slot]);
		for (const id of [0, 1, 2]) expect(all.said(id)).toContain(`takes no new messages: ${why}`);
		expect(all.said(2)).toContain('its disk has 10 bytes left, less than reserveBytes (1000)');
		expect(all.said(1)).not.toContain('its disk');

		room[2] = 5000;
		expect(await waiting).toMatchObject({status: 'ok'});
		// The answer does not wait for the replica to say how the weather is now.
		await until(
			() => sentenceOf(bob).startsWith('online via '),
			() => `online, and it says "${sentenceOf(bob)}"`,
		);
		await untilTold(all, 0, 'takes new messages again');
		await untilTold(all, 2, 'its disk has room again');
		expect(all.said(0)).not.toContain('room again');
		await all.untilLevel();
		const texts = all
			.log(0)
			.toString()
			.match(/before|"hi"|when there is room/g);
		expect(texts).toEqual(['before', '"hi"', 'when there is room']);
		expect([...all.failures]).toEqual([]);
	}, 20_000);

	test('of one of three: the others are enough, while both are there', async () => {
		const {all, room, start} = await place();
		room[2] = 0;
		await untilTold(all, 2, 'its disk has 0 bytes left');
		await all.batch(200);

		await all.stop(1);
		const why = 'the disk of r2 is nearly full and too few others are heard; make room there';
		const bob = join(all, 0);
		await untilItSays(bob, `no room: ${why}; messages wait`);
		const waiting = all.batch(20);
		await start(1);
		await waiting;
		await all.untilLevel();
		expect(all.violations()).toEqual([]);
	}, 20_000);

	test('at a start: known before the first message is taken', async () => {
		const {all, room, start} = await place();
		await all.batch(10);
		await Promise.all([0, 1, 2].map(id => all.stop(id)));
		room.fill(0);
		await Promise.all([0, 1, 2].map(start));
		const {report, sentence} = await all.tryBatch(10, {timeoutMs: 1000});
		expect([report.acknowledged, sentence]).toEqual([
			0,
			'no room: the disks of r0 and r1 and r2 are nearly full; make room there; messages wait',
		]);
		room.fill(1000);
		await all.batch(10);
		expect(all.violations()).toEqual([]);
	}, 20_000);
});
