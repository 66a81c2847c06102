import {createServer} from 'node:http';
import type {AddressInfo} from 'node:net';
import {describe, expect, test} from '@jest/globals';
import {Administrator} from '../../source/client/administrator.ts';
import {type Cluster, defaults} from '../../source/cluster.ts';
import {Door} from '../../source/network/door.ts';
import type {Done, Order} from '../../source/network/events.ts';
import {statusOf} from './fake-replica.ts';
import {afterwards, stage} from './stage.ts';

const secret = Buffer.alloc(32, 7);

/** A real door, with nothing but a list of orders behind it. */
async function door(options: {hasFaults?: boolean; carryOut?: (order: Order) => Promise<Done>} = {}) {
	const orders: Order[] = [];
	const httpServer = createServer();
	const made = new Door({
		id: 0,
		identity: {cluster: 'test', replicas: 1, rules: 'test'},
		secret,
		hasFaults: options.hasFaults ?? true,
		httpServer,
		connections: 10,
		handlers: {
			say: () => {},
			read: () => Promise.resolve([]),
			position: () => 0,
			hash: slot => ({slot, hash: null, executed: 0}),
			order: order => {
				orders.push(order);
				return options.carryOut?.(order) ?? Promise.resolve({ok: true});
			},
			status: () => statusOf(0),
			weather: () => ({view: 0, leader: 0, position: 0, executed: 0, hasQuorum: true, hole: null, full: []}),
			failed: () => {},
		},
	});
	await new Promise<void>(resolve => httpServer.listen(0, '127.0.0.1', resolve));
	const {port} = httpServer.address() as AddressInfo;
	const close = async () => {
		await made.close();
		httpServer.closeAllConnections();
		httpServer.close();
	};
	afterwards(close);
	const cluster: Cluster = {
		...defaults,
		f: 0,
		replicas: [{id: 0, host: '127.0.0.1', bind: '127.0.0.1', port}],
	};
	return {cluster, orders, close};
}

function administrator(cluster: Cluster, options: {secret?: Buffer; timeoutMs?: number} = {}): Administrator {
	const made = new Administrator({cluster, secret, ...options});
	afterwards(() => made.close());
	return made;
}

describe('orders', () => {
	test('both ends prove that they know the secret, and the outcome comes back', async () => {
		const {cluster, orders} = await door({carryOut: () => Promise.resolve({ok: true, slot: 12})});
		const outcome = await administrator(cluster).order(0, {kind: 'skip', slot: null});
		expect(outcome).toEqual({ok: true, slot: 12, isReached: true});
		expect(orders).toEqual([{kind: 'skip', slot: null}]);
	});

	test('a refused order has a reason, and for a skip the next free slot', async () => {
		const why = 'slot 3 is proposed already; the next free one is 9';
		const {cluster} = await door({carryOut: () => Promise.resolve({ok: false, why, slot: 9})});
		const outcome = await administrator(cluster).order(0, {kind: 'skip', slot: 3});
		expect(outcome).toEqual({ok: false, why, slot: 9, isReached: true});
	});

	test('a kill is done when the connection breaks', async () => {
		const served = await door({
			carryOut: () => {
				void served.close();
				return new Promise(() => {});
			},
		});
		expect(await administrator(served.cluster).order(0, {kind: 'kill'})).toEqual({ok: true, isReached: true});
	});

	test('of anything else, that would be a failure', async () => {
		const served = await door({
			carryOut: () => {
				void served.close();
				return new Promise(() => {});
			},
		});
		const outcome = await administrator(served.cluster).order(0, {kind: 'isolate'});
		expect(outcome).toMatchObject({ok: false, why: expect.stringContaining('the connection broke')});
	});

	test('another secret is turned away, and nothing is done', async () => {
		const {cluster, orders} = await door();
		const outcome = await administrator(cluster, {secret: Buffer.alloc(32, 8)}).order(0, {kind: 'kill'});
		expect(outcome).toMatchObject({
			ok: false,
			isReached: false,
			why: expect.stringContaining('the secret is not that of replica 0'),
		});
		expect(orders).toEqual([]);
	});

	test('a replica that cannot prove that it knows the secret is not believed', async () => {
		const {cluster, replicas} = await stage(1);
		const outcome = await administrator(cluster).order(0, {kind: 'heal'});
		expect(outcome).toMatchObject({
			ok: false,
			isReached: false,
			why: expect.stringContaining('it does not know the secret of this cluster'),
		});
		expect(replicas[0]!.hellos).toHaveLength(1);
	});

	test('without --faults nothing is asked of it', async () => {
		const {cluster, orders} = await door({hasFaults: false});
		const outcome = await administrator(cluster).order(0, {kind: 'kill'});
		expect(outcome).toMatchObject({ok: false, isReached: true, why: expect.stringContaining('--faults')});
		expect(orders).toEqual([]);
	});

	test('nobody there, nobody so called, and nobody who gets it done', async () => {
		const {cluster, close} = await door({carryOut: () => new Promise(() => {})});
		const hasty = administrator(cluster, {timeoutMs: 100});
		expect(await hasty.order(1, {kind: 'heal'})).toMatchObject({ok: false, isReached: false});
		expect(await hasty.order(0, {kind: 'heal'})).toMatchObject({ok: false, isReached: true});
		await close();
		const outcome = await hasty.order(0, {kind: 'kill'});
		expect(outcome).toMatchObject({ok: false, isReached: false, why: expect.stringContaining('refused')});
	});
});
