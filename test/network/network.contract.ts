import {expect, test} from '@jest/globals';
import {type Message, noOp, type ReplicaId} from '../../source/consensus/types.ts';
import type {Network} from '../../source/network/network.ts';

/** What was heard of whom, in order. */
export type Heard = Array<{readonly from: ReplicaId; readonly message: Message}>;

/** Three or more replicas on one network, all within reach of each other. */
export type Neighbourhood = {
	readonly networks: readonly Network[];
	readonly heard: readonly Heard[];
	/** Resolves when the condition holds; fails if it never does. */
	until(condition: () => boolean): Promise<void>;
};

/** What every network does for replicas that are well and reach each other. */
export function networkContract(meet: () => Promise<Neighbourhood>) {
	const vote = (slot: number): Message => ({type: 'accepted', view: 0, slot});

	test('a broadcast reaches every other replica, and not the one that says it', async () => {
		const {networks, heard, until} = await meet();
		networks[0]!.broadcast([vote(1), vote(2)]);
		const others = heard.slice(1);
		await until(() => others.every(list => list.length >= 2));
		for (const list of others) expect(list).toEqual([1, 2].map(slot => ({from: 0, message: vote(slot)})));
		expect(heard[0]).toEqual([]);
	});

	test('a directed message reaches its replica alone', async () => {
		const {networks, heard, until} = await meet();
		networks[1]!.send(2, [vote(7)]);
		networks[1]!.broadcast([vote(8)]);
		await until(() => heard.every((list, id) => id === 1 || list.some(({message}) => isVote(message, 8))));
		expect(heard[2]!.filter(({message}) => isVote(message, 7))).toEqual([{from: 1, message: vote(7)}]);
		expect(heard[0]!.some(({message}) => isVote(message, 7))).toBe(false);
	});

	test('everybody talks to everybody, and each message is what was said', async () => {
		const {networks, heard, until} = await meet();
		const request = {client: 'c'.repeat(32), session: 1, sequence: 1, nick: 'zoë', text: 'a\n"b" 👋'};
		const value = {at: 5, requests: [request]};
		const said: readonly Message[] = [
			{type: 'heartbeat', view: 1, delivered: 2, isLeading: false, isDoubting: true},
			{type: 'prepare', view: 1, from: 3},
			{
				type: 'promise',
				view: 1,
				from: 3,
				until: 4,
				accepted: [{view: 0, slot: 3, epoch: 0, value}],
				since: 2,
				admitted: 1,
				delivered: 2,
			},
			{type: 'accept', view: 1, slot: 3, value, epoch: 2},
			{type: 'accepted', view: 1, slot: 3},
			{type: 'request', requests: [request]},
			{type: 'ask', from: 3},
			{type: 'admit', incarnation: '0f'.repeat(16), after: 4},
			{type: 'decided', from: 3, values: [value, noOp], delivered: 4},
		];
		for (const network of networks) network.broadcast(said);
		await until(() => heard.every(list => list.length >= said.length * (networks.length - 1)));
		for (const [id, list] of heard.entries()) {
			for (const from of networks.keys()) {
				const words = list.filter(line => line.from === from).map(({message}) => message);
				expect(words).toEqual(from === id ? [] : said);
			}
		}
	});
}

const isVote = (message: Message, slot: number) => message.type === 'accepted' && message.slot === slot;
