import {once} from 'node:events';
import {request as httpRequest} from 'node:http';
import {connect} from 'node:net';
import {afterEach, describe, expect, test} from '@jest/globals';
import {Server} from 'socket.io';
import {WebSocket} from 'ws';
import type {Answer} from '../../source/chat/types.ts';
import {clientOf, newNonce} from '../../source/network/auth.ts';
import {type Done, paths, protocolVersion, type Status} from '../../source/network/events.ts';
import {
	administrator,
	administratorHello,
	calm,
	client,
	type House,
	hasClosed,
	identity,
	keyOf,
	monitor,
	openHouse,
	request,
	strangeClient,
	stranger,
	tcpOf,
	Visitor,
} from './visitors.ts';

const houses: House[] = [];
const visitors: Array<{close(): void}> = [];

async function open(options?: Parameters<typeof openHouse>[0]): Promise<House> {
	const house = await openHouse(options);
	houses.push(house);
	return house;
}

function remember<T extends {close(): void}>(visitor: T): T {
	visitors.push(visitor);
	return visitor;
}

afterEach(async () => {
	for (const visitor of visitors.splice(0)) {
		if (visitor instanceof WebSocket) visitor.terminate();
		else visitor.close();
	}

	const failures = houses.flatMap(house => house.failures);
	await Promise.all(houses.splice(0).map(house => house.close()));
	expect(failures).toEqual([]);
});

/** Until something is so. */
async function until(isSo: () => boolean): Promise<void> {
	while (!isSo()) await new Promise(resolve => setImmediate(resolve));
}

describe('the handshake', () => {
	test('begins with who the server is, and ends with how things stand', async () => {
		const {port, door} = await open();
		const visitor = remember(new Visitor(port));
		const challenge = await visitor.next('challenge');
		expect(challenge).toEqual({...identity, version: protocolVersion, id: 1, nonce: expect.any(String)});
		expect(door.clients).toBe(0);
		visitor.socket.emit('hello', {role: 'client', version: protocolVersion});
		expect(await visitor.next('welcome')).toEqual({id: 1, proof: null, weather: calm, hasFaults: true});
		expect(door.clients).toBe(1);
		visitor.close();
		await until(() => door.clients === 0);
	});

	test('counts clients only', async () => {
		const {port, door} = await open();
		for (const come of [client, monitor, client, administrator]) remember(await come(port));
		expect(door.clients).toBe(2);
	});

	test('challenges everybody with another nonce', async () => {
		const {port} = await open();
		const nonces = await Promise.all(
			Array.from({length: 10}, async () => (await remember(new Visitor(port)).next('challenge')).nonce),
		);
		expect(new Set(nonces).size).toBe(10);
	});

	test('with another version ends in one line that says so', async () => {
		const {port} = await open();
		const visitor = remember(new Visitor(port));
		await visitor.next('challenge');
		visitor.socket.emit('hello', {role: 'client', version: protocolVersion + 1});
		const versions = `speaks version ${protocolVersion} and you ${protocolVersion + 1}`;
		expect(await visitor.next('refused')).toBe(`replica 1 ${versions}: update the older one`);
		await visitor.closed;
	});

	test('sends replicas to their own path', async () => {
		const {port} = await open();
		const visitor = remember(new Visitor(port));
		const {nonce} = await visitor.next('challenge');
		const proof = '0'.repeat(64);
		visitor.socket.emit('hello', {
			...identity,
			role: 'replica',
			version: protocolVersion,
			id: 2,
			nonce,
			proof,
		});
		expect(await visitor.next('refused')).toBe('replicas connect to /peers/');
		await visitor.closed;
	});

	test('that does not come is not waited for', async () => {
		const {port, door} = await open({limits: {helloMs: 100}});
		const silent = remember(new Visitor(port));
		expect(await silent.next('refused')).toBe('no hello within 0.1 s');
		await silent.closed;
		// Nor is who opens a connection and does not even say which namespace it wants.
		const mute = remember(await stranger(port));
		await hasClosed(mute);
		expect(door.clients).toBe(0);
	});

	test('happens once on a connection', async () => {
		const {port, door} = await open({limits: {strikes: 2}});
		const visitor = remember(await client(port));
		visitor.socket.emit('hello', {role: 'monitor', version: protocolVersion});
		await visitor.settle();
		expect(visitor.unheard('welcome')).toBe(0);
		door.status({} as Status);
		await visitor.settle();
		expect(visitor.unheard('status')).toBe(0);
		visitor.socket.emit('hello', {role: 'monitor', version: protocolVersion});
		expect(await visitor.next('refused')).toContain('an event out of its turn');
	});

	test('is the first thing to be said', async () => {
		const {port, said} = await open({limits: {strikes: 3}});
		const visitor = remember(new Visitor(port));
		await visitor.next('challenge');
		visitor.enter('a');
		visitor.say(request('a', 1));
		visitor.socket.emit('follow', {after: 0});
		expect(await visitor.next('refused')).toContain('out of its turn');
		await visitor.closed;
		expect(said).toEqual([]);
	});
});

describe('an administrator', () => {
	test('proves the secret, and the server proves it back', async () => {
		const {port} = await open();
		const visitor = remember(new Visitor(port));
		const {answer, hello} = administratorHello(await visitor.next('challenge'));
		visitor.socket.emit('hello', hello);
		expect((await visitor.next('welcome')).proof).toBe(answer);
	});

	test('with another secret is refused', async () => {
		const {port} = await open();
		const visitor = remember(new Visitor(port));
		visitor.socket.emit('hello', administratorHello(await visitor.next('challenge'), Buffer.alloc(32)).hello);
		expect(await visitor.next('refused')).toBe('the proof is wrong: the secret is not that of replica 1');
		await visitor.closed;
		expect(visitor.unheard('welcome')).toBe(0);
	});

	test('with a proof that was overheard is refused', async () => {
		const {port} = await open();
		const honest = remember(new Visitor(port));
		const {hello} = administratorHello(await honest.next('challenge'));
		honest.socket.emit('hello', hello);
		await honest.next('welcome');
		const thief = remember(new Visitor(port));
		await thief.next('challenge');
		thief.socket.emit('hello', hello);
		expect(await thief.next('refused')).toContain('the proof is wrong');
		await thief.closed;
	});

	test('gives orders', async () => {
		const orders: unknown[] = [];
		const {port} = await open({
			handlers: {
				order(order) {
					orders.push(order);
					return Promise.resolve({ok: false, why: 'slot 3 is proposed already', slot: 9});
				},
			},
		});
		const visitor = remember(await administrator(port));
		visitor.socket.emit('order', {kind: 'skip', slot: 3, extra: 1});
		expect(await visitor.next('done')).toEqual({ok: false, why: 'slot 3 is proposed already', slot: 9});
		expect(orders).toEqual([{kind: 'skip', slot: 3}]);
	});

	test('gives one order at a time', async () => {
		let finish: (done: Done) => void = () => {};
		const {port} = await open({
			handlers: {
				order: () =>
					new Promise(resolve => {
						finish = resolve;
					}),
			},
		});
		const visitor = remember(await administrator(port));
		visitor.socket.emit('order', {kind: 'isolate'});
		visitor.socket.emit('order', {kind: 'heal'});
		expect(await visitor.next('done')).toEqual({
			ok: false,
			why: 'one order at a time: the last one is not done yet',
		});
		finish({ok: true});
		expect(await visitor.next('done')).toEqual({ok: true});
	});

	test('is not listened to by a replica without faults', async () => {
		const {port} = await open({hasFaults: false});
		const visitor = remember(await administrator(port));
		visitor.socket.emit('order', {kind: 'kill'});
		expect(await visitor.next('done')).toEqual({
			ok: false,
			why: 'replica 1 takes no fault orders: start it with --faults',
		});
	});

	test('is not whoever says so', async () => {
		const orders: unknown[] = [];
		const {port} = await open({
			handlers: {order: order => Promise.resolve({ok: true, slot: orders.push(order)})},
			limits: {strikes: 3},
		});
		for (const come of [client, monitor]) {
			const visitor = remember(await come(port));
			for (let strike = 0; strike < 3; strike++) visitor.socket.emit('order', {kind: 'kill'});
			expect(await visitor.next('done')).toMatchObject({ok: false, why: expect.stringContaining('only')});
			await visitor.closed;
		}

		expect(orders).toEqual([]);
	});
});

describe('who may come in', () => {
	test('no page of the web', async () => {
		const {port} = await open();
		const page = new WebSocket(`ws://127.0.0.1:${port}${paths.clients}?EIO=4&transport=websocket`, {
			origin: 'http://evil.example',
		});
		const [error] = (await once(page, 'error')) as [Error];
		expect(error.message).toContain('400');
		const visitor = remember(
			new Visitor(port, {extraHeaders: {origin: `http://127.0.0.1:${port}`}, reconnection: false}),
		);
		expect(await visitor.failed).toBeInstanceOf(Error);
	});

	test('nobody by long polling, nor with the protocol of old, nor to another namespace', async () => {
		const {port} = await open();
		const ask = httpRequest({port, path: `${paths.clients}?EIO=4&transport=polling`}).end();
		const [response] = await once(ask, 'response');
		expect(response.statusCode).toBe(400);
		response.resume();
		const old = new WebSocket(`ws://127.0.0.1:${port}${paths.clients}?EIO=3&transport=websocket`);
		await hasClosed(old);
		const elsewhere = remember(await stranger(port));
		elsewhere.send('40/admin,');
		expect(String((await once(elsewhere, 'message'))[0])).toContain('Invalid namespace');
	});

	test('nobody in the place of an open connection', async () => {
		const {port} = await open();
		const first = remember(new WebSocket(`ws://127.0.0.1:${port}${paths.clients}?EIO=4&transport=websocket`));
		const {sid} = JSON.parse(String((await once(first, 'message'))[0]).slice(1));
		for (const name of ['sid', 's%69d']) {
			const second = new WebSocket(
				`ws://127.0.0.1:${port}${paths.clients}?EIO=4&transport=websocket&${name}=${sid}`,
				{origin: 'http://evil.example'},
			);
			const [error] = (await once(second, 'error')) as [Error];
			expect(error.message).toContain('400');
		}
	});

	test('not more than there is room for, administrators excepted', async () => {
		const {port} = await open({connections: 3});
		const guests = [
			remember(await client(port)),
			remember(await client(port)),
			remember(await monitor(port)),
		];
		const late = remember(new Visitor(port));
		await late.next('challenge');
		late.socket.emit('hello', {role: 'client', version: protocolVersion});
		expect(await late.next('refused')).toBe('replica 1 has all the 3 connections it takes: try another');
		remember(await administrator(port));
		guests[0]!.close();
		await guests[0]!.closed;
		remember(await client(port));
	});

	test('not more than that even without a hello', async () => {
		const {port, door} = await open({connections: 3});
		const silent = await Promise.all(Array.from({length: 3 + 16}, () => stranger(port)));
		for (const each of silent) remember(each);
		const late = remember(new Visitor(port));
		expect(await late.failed).toBeInstanceOf(Error);
		silent[0]!.close();
		await hasClosed(silent[0]!);
		remember(await administrator(port));
		expect(door.clients).toBe(0);
	});

	test('each path to its own, and none to nobody', async () => {
		const {httpServer, port} = await open();
		const peers = new Server(httpServer, {
			path: paths.peers,
			transports: ['websocket'],
			destroyUpgrade: false,
			serveClient: false,
		});
		const met = new Promise(resolve => peers.on('connection', resolve));
		const peer = remember(new Visitor(port, {path: paths.peers}));
		await met;
		remember(await client(port));
		// Longer than the second after which an engine ends what it takes for nobody's.
		const lost = new WebSocket(`ws://127.0.0.1:${port}/elsewhere/`);
		await once(lost, 'error');
		expect(peer.socket.connected).toBe(true);
		peer.close();
		peers.disconnectSockets(true);
	});

	test('once by one connection', async () => {
		const {port, door} = await open();
		const many = remember(await stranger(port));
		for (let again = 0; again < 100; again++) many.send('40');
		await hasClosed(many);
		const back = remember(await strangeClient(port));
		expect(door.clients).toBe(1);
		for (const frame of ['41', '40', '41', '40']) back.send(frame);
		await hasClosed(back);
		await until(() => door.clients === 0);
	});
});

describe('what is said', () => {
	test('by a client that was entered goes to the log, all else is refused with the reason', async () => {
		const {port, said} = await open();
		const visitor = remember(await client(port));
		visitor.enter('a', 'b');
		const opening = {...request('b', 0, newNonce()), session: 0};
		const long = request('a', 2, 'x'.repeat(4097));
		const alias = {...request('b', 3), nick: 'system'};
		visitor.say(request('a', 1), long, opening, alias, request('b', 4));
		const answer = (of: {client: string; session: number; sequence: number}, why: unknown) => ({
			status: 'refused',
			client: of.client,
			session: of.session,
			sequence: of.sequence,
			why,
		});
		expect(await visitor.next('said')).toEqual([
			answer(long, 'the text is longer than 4096 bytes'),
			answer(alias, 'the nick system is taken'),
		]);
		expect(said).toEqual([request('a', 1), opening, request('b', 4)]);
	});

	test('is bounded by what waits for an answer, however often it is repeated', async () => {
		const {door, port, said} = await open({limits: {requests: 3}});
		const visitor = remember(await client(port));
		visitor.enter('a', 'b', 'c', 'd');
		const opening = {...request('c', 0, newNonce()), session: 0};
		const first = [request('a', 1), request('b', 1), opening];
		visitor.say(...first, request('d', 1));
		visitor.say(...first);
		expect(await visitor.next('said')).toEqual([
			expect.objectContaining({status: 'busy', client: clientOf(keyOf('d')), sequence: 1}),
		]);
		expect(said).toEqual([...first, ...first]);
		// Answers make room, also to an opening, which names the session it opened.
		const {client: c} = opening;
		door.answer([{status: 'opened', client: c, nonce: opening.text, session: 77, sequence: 0}]);
		visitor.say(request('d', 1), request('d', 2));
		expect((await visitor.next('said'))[0]).toMatchObject({status: 'opened', session: 77});
		expect(await visitor.next('said')).toMatchObject([{status: 'busy', sequence: 2}]);
		expect(said.at(-1)).toEqual(request('d', 1));
		const {client: a} = request('a', 1);
		door.answer([
			{status: 'busy', client: a, session: 1, sequence: 1, why: 'full'},
			{status: 'ok', client: clientOf(keyOf('b')), session: 1, sequence: 1, position: 1, slot: 1},
		]);
		expect(await visitor.next('said')).toHaveLength(2);
		visitor.say(request('a', 1), request('b', 2), request('b', 3));
		expect(await visitor.next('said')).toMatchObject([{status: 'busy', sequence: 3}]);
	});

	test('and is repeated after what followed it was answered does not count for ever', async () => {
		const {door, port, said} = await open({limits: {requests: 2}});
		const visitor = remember(await client(port));
		const name = {client: clientOf(keyOf('a')), session: 1};
		visitor.enter('a');
		for (let sequence = 2; sequence < 10; sequence++) {
			visitor.say(request('a', sequence - 1), request('a', sequence));
			await visitor.settle();
			door.answer([{status: 'ok', ...name, sequence, position: sequence, slot: sequence}]);
			expect(await visitor.next('said')).toMatchObject([{status: 'ok', sequence}]);
		}

		expect(said).toHaveLength(16);
	});

	test('is answered in one list to each connection', async () => {
		const {door, port} = await open();
		const [alice, bob] = [remember(await client(port)), remember(await client(port))];
		alice.enter('a1', 'a2');
		bob.enter('b');
		await Promise.all([alice.settle(), bob.settle()]);
		const answers: readonly Answer[] = ['a1', 'b', 'elsewhere', 'a2'].map((name, index) => ({
			status: 'ok',
			client: clientOf(keyOf(name)),
			session: 1,
			sequence: 1,
			position: index + 1,
			slot: 1,
		}));
		door.answer(answers);
		door.answer([answers[1]!]);
		expect(await alice.next('said')).toEqual([answers[0], answers[3]]);
		expect(await bob.next('said')).toEqual([answers[1]]);
		expect(await bob.next('said')).toEqual([answers[1]]);
		await alice.settle();
		expect(alice.unheard('said')).toBe(0);
	});

	test('is answered to the connection that spoke for the client last', async () => {
		const {door, port} = await open({limits: {requests: 1}});
		const [old, fresh] = [remember(await client(port)), remember(await client(port))];
		const answer = {
			status: 'ok',
			client: clientOf(keyOf('a')),
			session: 1,
			sequence: 1,
			position: 1,
			slot: 1,
		} as const;
		old.enter('a', 'b');
		old.say(request('a', 1));
		await old.settle();
		fresh.enter('a');
		await fresh.settle();
		door.answer([answer]);
		expect(await fresh.next('said')).toEqual([answer]);
		// What was taken over does not count any more where it was said first.
		old.say(request('b', 1));
		await old.settle();
		expect(old.unheard('said')).toBe(0);
		door.answer([{...answer, client: clientOf(keyOf('b'))}]);
		await old.next('said');
		old.say(request('a', 1));
		await old.settle();
		door.answer([answer]);
		expect(await old.next('said')).toEqual([answer]);
		fresh.close();
		await fresh.closed;
		door.answer([answer]);
		expect(await old.next('said')).toEqual([answer]);
	});

	test('for more clients than a connection may have ends it', async () => {
		const {port} = await open({limits: {clients: 3, allClients: 5}});
		const visitor = remember(await client(port));
		visitor.enter('a', 'b');
		visitor.enter('a', 'b');
		expect(await visitor.next('refused')).toBe('a connection speaks for at most 3 clients');
		for (const names of [
			['c', 'd', 'e'],
			['f', 'g', 'h'],
		]) {
			const other = remember(await client(port));
			other.enter(...names);
			if (names.includes('h')) expect(await other.next('refused')).toContain('too many clients');
			else await other.settle();
		}
	});
});

describe('what makes no sense', () => {
	test.each([
		['an unknown event', 'shout', {}],
		['an unknown event', 'welcome', {}],
		['a malformed event', 'follow', {after: -1}],
		['a malformed event', 'say', [{client: 1}]],
		['a malformed event', 'say', [[0, 1, 1, 'alice', 'of a client that was not entered']]],
		['a malformed event', 'hash', undefined],
	])('%s (%s) is borne some times, and then no more', async (why, event, payload) => {
		const {port} = await open({limits: {strikes: 3}});
		const visitor = remember(await client(port));
		visitor.socket.emit(event, payload);
		visitor.socket.emit(event, payload, () => {});
		await visitor.settle();
		visitor.socket.emit(event, payload);
		expect(await visitor.next('refused')).toBe(`too much that makes no sense, at last ${why}`);
		await visitor.closed;
	});

	test('monitors and administrators neither speak nor follow', async () => {
		const {port, said} = await open({limits: {strikes: 4}});
		for (const come of [monitor, administrator]) {
			const visitor = remember(await come(port));
			visitor.enter('a');
			visitor.say(request('a', 1));
			visitor.socket.emit('follow', {after: 0});
			visitor.socket.emit('follow', {after: 0});
			expect(await visitor.next('refused')).toContain('out of its turn');
			expect(visitor.unheard('lines')).toBe(0);
		}

		expect(said).toEqual([]);
	});

	test('nothing is binary', async () => {
		const {port} = await open();
		const visitor = remember(await strangeClient(port));
		visitor.send('459-["say",{"_placeholder":true,"num":0}]');
		visitor.send(Buffer.alloc(1000));
		await hasClosed(visitor);
	});

	test('what is said at the connecting is not kept', async () => {
		const {port} = await open();
		const visitor = remember(await stranger(port));
		visitor.send(
			`40{"__proto__":{"role":"administrator"},"role":["administrator"],"x":"${'x'.repeat(1000)}"}`,
		);
		const [connected] = await once(visitor, 'message');
		expect(String(connected)).toContain('40{"sid"');
		visitor.send('42["order",{"kind":"kill"}]');
		visitor.send(`42["hello",{"role":"client","version":${protocolVersion}}]`);
		let heard = '';
		while (!heard.startsWith('42["welcome"')) heard = String((await once(visitor, 'message'))[0]);
	});
});

describe('a failing handler', () => {
	test.each([
		['say', {say: fail}],
		['hash', {hash: fail}],
		['order', {order: () => Promise.reject(new Error('broken'))}],
		['order', {order: fail}],
	])('%s is reported, and who asked is sent away', async (event, handlers) => {
		const house = await open({handlers});
		const visitor = remember(await (event === 'order' ? administrator : client)(house.port));
		visitor.enter('a');
		const payloads: Record<string, unknown> = {
			say: [[0, 1, 1, 'alice', 'hi']],
			hash: {slot: 1},
			order: {kind: 'heal'},
		};
		visitor.socket.emit(event, payloads[event]);
		expect(await visitor.next('refused')).toBe('replica 1 failed: try another');
		await visitor.closed;
		expect(house.failures.splice(0)).toEqual([new Error('broken')]);
	});

	test('to read the log, too', async () => {
		const house = await open();
		house.log.write(1);
		house.log.beforeRead = () => Promise.reject(new Error('broken'));
		const visitor = remember(await client(house.port));
		visitor.socket.emit('follow', {after: 0});
		expect(await visitor.next('refused')).toBe('this replica cannot read its log');
		expect(house.failures.splice(0)).toEqual([new Error('broken')]);
	});

	function fail(): never {
		throw new Error('broken');
	}
});

describe('what everybody hears', () => {
	test('the weather, at once when it turns and in a while when the log grew', async () => {
		const {door, port} = await open({limits: {sweepMs: 1_000_000}});
		const visitor = remember(await client(port));
		const watcher = remember(await monitor(port));
		door.weather(calm);
		expect(await visitor.next('weather')).toEqual(calm);
		for (let position = 1; position < 100; position++) door.weather({...calm, position});
		const storm = {...calm, position: 100, hasQuorum: false};
		door.weather(storm);
		expect(await visitor.next('weather')).toEqual(storm);
		await Promise.all([visitor.settle(), watcher.settle()]);
		expect(visitor.unheard('weather') + watcher.unheard('weather')).toBe(0);

		const swept = await open();
		const other = remember(await client(swept.port));
		swept.door.weather(calm);
		swept.door.weather({...calm, position: 5});
		expect(await other.next('weather')).toEqual(calm);
		expect(await other.next('weather')).toEqual({...calm, position: 5});
	});

	test('monitors hear status at once, then status and notes of one turn, and clients do not', async () => {
		const {door, port} = await open({handlers: {status: () => ({id: 0, executed: 7}) as Status}});
		const watcher = remember(await monitor(port));
		expect(await watcher.next('status')).toEqual({id: 0, executed: 7});
		const visitor = remember(await client(port));
		const note = {kind: 'view', view: 1, text: 'entered view 1', replica: 1, at: 1} as const;
		door.status({id: 1} as Status);
		door.notes([note]);
		door.notes([]);
		door.notes([note, note]);
		expect(await watcher.next('status')).toEqual({id: 1});
		expect(await watcher.next('notes')).toEqual([note]);
		expect(await watcher.next('notes')).toEqual([note, note]);
		await visitor.settle();
		expect(visitor.unheard('status') + visitor.unheard('notes')).toBe(0);
	});

	test('who comes late hears the last hundred notes first', async () => {
		const {door, port} = await open({handlers: {status: () => ({id: 0, executed: 7}) as Status}});
		const note = (at: number) => ({kind: 'view', view: at, text: 'entered a view', replica: 0, at}) as const;
		for (let at = 1; at <= 130; at++) door.notes([note(at)]);
		const late = remember(await monitor(port));
		expect(await late.next('status')).toEqual({id: 0, executed: 7});
		expect(await late.next('notes')).toEqual(Array.from({length: 100}, (_, index) => note(31 + index)));
		door.notes([note(131)]);
		expect(await late.next('notes')).toEqual([note(131)]);
	});

	test('hashes, who asks', async () => {
		const {port} = await open({
			handlers: {hash: slot => ({slot, hash: 'f'.repeat(64), executed: 9})},
		});
		for (const come of [client, monitor, administrator]) {
			const visitor = remember(await come(port));
			visitor.socket.emit('hash', {slot: 5});
			expect(await visitor.next('hash')).toEqual({slot: 5, hash: 'f'.repeat(64), executed: 9});
		}
	});
});

describe('who does not read', () => {
	/** Writes frames until the other side has had enough. */
	async function write(socket: WebSocket, frame: string): Promise<number> {
		let frames = 0;
		const closed = hasClosed(socket);
		for (; socket.readyState === WebSocket.OPEN; frames++) {
			await new Promise<void>(resolve => socket.send(frame, () => resolve()));
			if (frames % 100 === 0) await new Promise(resolve => setImmediate(resolve));
		}

		await closed;
		return frames;
	}

	test('and yet goes on asking is cut', async () => {
		const {door, port} = await open({
			handlers: {hash: slot => ({slot, hash: 'f'.repeat(50_000), executed: 1})},
		});
		const mute = remember(await strangeClient(port));
		tcpOf(mute).pause();
		// The system's buffers take some, and the door four megabytes.
		expect(await write(mute, '42["hash",{"slot":1}]')).toBeLessThan(2000);
		await until(() => door.clients === 0);
	});

	test('what little it is owed is cut in a while', async () => {
		const {door, port} = await open({limits: {stallMs: 200}});
		const mute = remember(await strangeClient(port));
		mute.send(`42["enter",{"secrets":["${keyOf('a')}"]}]`);
		mute.send('42["hash",{"slot":1}]');
		await once(mute, 'message');
		tcpOf(mute).pause();
		const client = clientOf(keyOf('a'));
		const why = 'x'.repeat(100_000);
		// Enough that the system takes no more, and less than the door would bear.
		for (let answer = 0; answer < 100; answer++) {
			door.answer([{status: 'refused', client, session: 1, sequence: 1, why}]);
			await new Promise(resolve => setImmediate(resolve));
			if (answer === 60) expect(door.clients).toBe(1);
		}

		await until(() => door.clients === 0);
	});

	test('and monitors gets nothing new until it has read what it got', async () => {
		const {door, port} = await open({
			limits: {softPackets: 20},
			handlers: {status: () => ({now: 0}) as Status},
		});
		const mute = remember(await strangeClient(port, 'monitor'));
		const seen: number[] = [];
		mute.on('message', data => {
			const frame = String(data);
			if (frame.startsWith('42["status"')) seen.push(JSON.parse(frame.slice(2))[1].now);
		});
		const watcher = remember(await monitor(port));
		const hash = 'f'.repeat(100_000);
		const show = async (now: number) => {
			door.status({now, hash} as Status);
			expect((await watcher.next('status')).now).toBe(now);
		};

		expect((await watcher.next('status')).now).toBe(0);
		tcpOf(mute).pause();
		for (let now = 1; now <= 200; now++) await show(now);
		tcpOf(mute).resume();
		// It reads the oldest, then a gap, then the newest again.
		let now = 201;
		while ((seen.at(-1) ?? 0) <= 200) await show(now++);
		expect(seen.find(each => each > 0)).toBe(1);
		expect(seen.length).toBeLessThan(190);
	});
});

describe('closing', () => {
	test('ends every connection, says nothing more and lets nobody in', async () => {
		const {door, log, port} = await open();
		const guests = [remember(await client(port)), remember(await monitor(port))];
		const mute = remember(await stranger(port));
		const isClosed = hasClosed(mute);
		guests[0]!.socket.emit('follow', {after: 0});
		await guests[0]!.next('lines');
		const closing = door.close();
		door.publish(log.write(1));
		door.weather({...calm, view: 3});
		door.status({} as Status);
		await closing;
		await Promise.all([...guests.map(guest => guest.closed), isClosed]);
		expect(guests[0]!.unheard('lines') + guests[0]!.unheard('weather')).toBe(0);
		expect(await remember(new Visitor(port)).failed).toBeInstanceOf(Error);
		await door.close();
	});

	test('does not wait for those who do not listen', async () => {
		const {door, port} = await open();
		const deaf = connect(port, '127.0.0.1');
		deaf.write(
			`GET ${paths.clients}?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`,
		);
		await once(deaf, 'data');
		deaf.pause();
		const before = performance.now();
		await door.close();
		expect(performance.now() - before).toBeLessThan(1900);
		deaf.destroy();
	});
});
