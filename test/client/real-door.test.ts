import {createServer} from 'node:http';
import type {AddressInfo} from 'node:net';
import {describe, expect, test} from '@jest/globals';
import {Chat} from '../../source/chat/chat.ts';
import type {Line} from '../../source/chat/types.ts';
import {type Cluster, defaults} from '../../source/cluster.ts';
import type {Request} from '../../source/consensus/types.ts';
import {Door} from '../../source/network/door.ts';
import {statusOf, until} from './fake-replica.ts';
import {afterwards, join} from './stage.ts';

/** Replicas of one chat that agree by being one object: real doors, and nothing between them. */
async function doors(count: number) {
	const chat = new Chat({sessions: 100});
	const lines: Line[] = [];
	const open: Door[] = [];
	const addresses: Array<Cluster['replicas'][number]> = [];
	const say = (requests: readonly Request[]) => {
		const {lines: fresh, answers} = chat.execute(chat.slot + 1, {at: 1_790_000_000_000, requests});
		lines.push(...fresh);
		for (const door of open) {
			door.answer(answers);
			door.publish(fresh);
		}
	};
	const closers: Array<() => Promise<void>> = [];
	for (let id = 0; id < count; id++) {
		const httpServer = createServer();
		const door = new Door({
			id,
			identity: {cluster: 'test', replicas: count, rules: 'test'},
			secret: Buffer.alloc(32),
			hasFaults: false,
			httpServer,
			connections: 100,
			handlers: {
				say,
				read: (after, limit) => Promise.resolve(lines.slice(after, after + limit)),
				position: () => chat.position,
				hash: slot => ({slot, hash: chat.hashAt(slot) ?? null, executed: chat.slot}),
				order: () => Promise.resolve({ok: true}),
				status: () => statusOf(0),
				weather: () => ({
					view: 0,
					leader: 0,
					position: chat.position,
					executed: chat.slot,
					hasQuorum: true,
					hole: null,
					full: [],
				}),
				failed: () => {},
			},
		});
		await new Promise<void>(resolve => httpServer.listen(0, '127.0.0.1', resolve));
		const {port} = httpServer.address() as AddressInfo;
		addresses.push({id, host: '127.0.0.1', bind: '127.0.0.1', port});
		open.push(door);
		const close = async () => {
			httpServer.close();
			await door.close();
			httpServer.closeAllConnections();
		};
		afterwards(close);
		closers.push(close);
	}

	const cluster: Cluster = {...defaults, f: (count - 1) / 2, replicas: addresses};
	return {cluster, lines, close: (id: number) => closers[id]!()};
}

describe('a real door', () => {
	test('sessions say, a feed hears, and both move when the replica goes', async () => {
		const {cluster, lines, close} = await doors(3);
		const heard: Line[] = [];
		join({cluster, follow: {after: 0}, onLines: fresh => heard.push(...fresh)});
		const talker = join({cluster, follow: 'now'});
		const sessions = Array.from({length: 50}, (_, index) => talker.session(`n${index}`));
		let acknowledged = 0;
		const talk = async (index: number) => {
			for (let count = 0; count < 40; count++) {
				const result = await sessions[index]!.say(`${index}.${count}`);
				expect(result).toMatchObject({status: 'ok', sequence: count + 1});
				acknowledged++;
			}
		};
		const talks = Promise.all(sessions.map((_, index) => talk(index)));
		await until('some is said', () => acknowledged > 500);
		await close(0);
		await talks;
		expect(lines).toHaveLength(2000);
		await until('all is heard', () => heard.length === 2000);
		expect(heard).toEqual(lines);
		// To the next one, and further if that was silent for longer than the little patience of a test.
		const {state, replica} = talker.store.getSnapshot().connection;
		expect({state, isThere: replica !== 0}).toEqual({state: 'online', isThere: true});
		expect(talker.store.getSnapshot().lines.length).toBe(2000);
		// A late follower reads the history page by page, and a reader goes back in it.
		const late = join({cluster, via: 2, follow: {last: 10}});
		await until('the end is there', () => late.store.getSnapshot().lines.length === 10);
		late.store.loadBefore(1991);
		await until('more is there', () => late.store.getSnapshot().lines.length === 510);
		await sessions[0]!.say('the last word');
		await until('it is heard', () => late.store.getSnapshot().lines.at(-1)?.text === 'the last word');
		expect(late.store.getSnapshot().lines.map(({position}) => position)).toEqual(
			Array.from({length: 511}, (_, index) => 1491 + index),
		);
	}, 15_000);
});
