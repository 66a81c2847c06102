import {describe, expect, test} from '@jest/globals';
import type {Client} from '../../source/client/client.ts';
import type {Result} from '../../source/client/session.ts';
import type {Request} from '../../source/consensus/types.ts';
import {type Answered, type FakeReplica, type FakeSocket, until} from './fake-replica.ts';
import {join, stage} from './stage.ts';

const okOf = ({client, session, sequence}: Request, position: number): Answered => ({
	status: 'ok',
	client,
	session,
	sequence,
	position,
	slot: position,
});

/** Plays as usual until a message comes, not an opening; then does this with it. */
const onMessage =
	(replica: () => FakeReplica, act: (request: Request, socket: FakeSocket) => void) =>
	(say: readonly Request[], socket: FakeSocket) => {
		for (const request of say) {
			if (request.sequence === 0) replica().answer([request], socket);
			else act(request, socket);
		}
	};

describe('saying', () => {
	test('opens a session through the log, then numbers its messages from 1', async () => {
		const {cluster, replicas, chat} = await stage(3);
		const session = join({cluster}).session('alice');
		const results = await Promise.all([session.say('one'), session.say('two'), session.say('three', 'bob')]);
		expect(results).toMatchObject([
			{status: 'ok', sequence: 1, position: 1, retries: 0},
			{status: 'ok', sequence: 2, position: 2},
			{status: 'ok', sequence: 3, position: 3},
		]);
		expect(chat.lines.map(({nick, text}) => `${nick}: ${text}`)).toEqual([
			'alice: one',
			'alice: two',
			'bob: three',
		]);
		expect(replicas[0]!.says[0]).toEqual([
			{
				client: session.client,
				session: 0,
				sequence: 0,
				nick: 'alice',
				text: expect.stringMatching(/^[0-9a-f]{32}$/),
			},
		]);
		// One request at a time: an opening and three messages, each by itself.
		expect(replicas.map(({says}) => says.map(say => say.length))).toEqual([[1, 1, 1, 1], [], []]);
	});

	test('what all sessions say in one turn is one event', async () => {
		const {cluster, replicas} = await stage(1);
		const client = join({cluster});
		const sessions = Array.from({length: 500}, (_, index) => client.session(`n${index}`));
		await new Promise<void>(resolve => {
			let left = sessions.length;
			for (const session of sessions)
				session.send('hello', result => {
					expect(result.status).toBe('ok');
					if (--left === 0) resolve();
				});
		});
		// All openings, then all messages, whose cause was one list of answers.
		expect(replicas[0]!.says.map(say => say.length)).toEqual([500, 500]);
	});

	test('a long list is cut into events that a replica takes', async () => {
		const {cluster, replicas} = await stage(1);
		const client = join({cluster});
		const results = Array.from({length: 300}, (_, index) =>
			client.session(`n${index}`).say('x'.repeat(4096)),
		);
		expect((await Promise.all(results)).every(({status}) => status === 'ok')).toBe(true);
		const sizes = replicas[0]!.says.map(say => JSON.stringify(say).length);
		expect(Math.max(...sizes)).toBeLessThan(500_000);
	});

	test('what cannot go into the log is refused before it is sent, and uses up no number', async () => {
		const {cluster, replicas} = await stage(1);
		const session = join({cluster}).session('alice');
		const [tooLong, noNick, fine] = await Promise.all([
			session.say('é'.repeat(2049)),
			session.say('hi', 'no such nick'),
			session.say('hi'),
		]);
		expect(tooLong).toEqual({
			status: 'failed',
			sequence: null,
			retries: 0,
			why: 'the text is longer than 4096 bytes',
		});
		expect(noNick).toMatchObject({status: 'failed', why: expect.stringContaining('a nick is')});
		expect(fine).toMatchObject({status: 'ok', sequence: 1});
		expect(replicas[0]!.messages).toHaveLength(1);
	});

	test('a client made again with its secret goes on after its last number', async () => {
		const {cluster} = await stage(1);
		const first = join({cluster});
		const session = first.session('alice');
		await session.say('one');
		await session.say('two');
		first.close();
		const again = join({cluster}).session('alice', session.secret);
		expect(again.client).toBe(session.client);
		expect(await again.say('three')).toMatchObject({status: 'ok', sequence: 3, position: 3});
	});
});

describe('saying again', () => {
	test('the connection breaks: the same number, at the next replica', async () => {
		const {cluster, replicas, chat} = await stage(3);
		const [r0, r1] = replicas as [FakeReplica, FakeReplica, FakeReplica];
		r0.script.say = onMessage(
			() => r0,
			() => void r0.stop(),
		);
		const client = join({cluster});
		const result = await client.session('alice').say('hello');
		expect(result).toMatchObject({status: 'ok', sequence: 1, retries: 1});
		expect(r1.messages).toEqual(r0.messages);
		expect(chat.lines).toHaveLength(1);
		expect(client.retries).toBe(1);
	});

	test('the answer was lost: the message stands in the chat once', async () => {
		const {cluster, replicas, chat} = await stage(3);
		const [r0] = replicas as [FakeReplica];
		r0.script.say = onMessage(
			() => r0,
			request => {
				chat.execute(request);
				void r0.stop();
			},
		);
		const session = join({cluster}).session('alice');
		const results = [await session.say('one'), await session.say('two')];
		expect(results).toMatchObject([
			{status: 'ok', position: 1, retries: 1},
			{status: 'ok', position: 2, retries: 0},
		]);
		expect(chat.lines.map(({text}) => text)).toEqual(['one', 'two']);
	});

	test('a replica that is down is passed over, and people are told', async () => {
		const {cluster, replicas} = await stage(3);
		const [r0, r1] = replicas as [FakeReplica, FakeReplica];
		await r0.stop();
		const sentences: string[] = [];
		const client = join({cluster, onConnection: ({sentence}) => sentences.push(sentence)});
		expect(await client.session('alice').say('hello')).toMatchObject({status: 'ok', retries: 0});
		expect(r1.messages).toHaveLength(1);
		const [p0, p1] = [r0, r1].map(({port}) => `127.0.0.1:${port}`);
		expect(sentences).toContain(`cannot reach r0 (${p0}): refused; trying r1 (${p1})`);
		expect(sentences.at(-1)).toBe('online via r1');
	});

	test('a replica that does not greet is passed over', async () => {
		const {cluster, replicas} = await stage(3, [{isGreeting: false}]);
		const result = await join({cluster}).session('alice').say('hello');
		expect(result).toMatchObject({status: 'ok', retries: 0});
		expect(replicas[1]!.messages).toHaveLength(1);
	});

	test('a replica that falls silent is left, with the same number', async () => {
		const {cluster, replicas} = await stage(3);
		const [r0, r1] = replicas as [FakeReplica, FakeReplica];
		r0.script.say = onMessage(
			() => r0,
			() => {},
		);
		r0.script.isAnswering = false;
		const result = await join({cluster}).session('alice').say('hello');
		expect(result).toMatchObject({status: 'ok', sequence: 1, retries: 1});
		expect(r1.messages).toEqual(r0.messages);
	});

	test('a replica that lives and does not answer a message is left, too', async () => {
		const {cluster, replicas} = await stage(3);
		const [r0, r1] = replicas as [FakeReplica, FakeReplica];
		r0.script.say = onMessage(
			() => r0,
			() => {},
		);
		const result = await join({cluster}).session('alice').say('hello');
		expect(result).toMatchObject({status: 'ok', sequence: 1, retries: 1});
		expect(r1.messages).toEqual(r0.messages);
	});

	test('with nobody else to be had, it is said again to the same replica', async () => {
		const {cluster, replicas} = await stage(3);
		const [r0] = replicas as [FakeReplica];
		await Promise.all(replicas.slice(1).map(replica => replica.stop()));
		let times = 0;
		r0.script.say = onMessage(
			() => r0,
			(request, socket) => {
				if (++times === 2) r0.answer([request], socket);
			},
		);
		const result = await join({cluster, patienceMs: 150}).session('alice').say('hello');
		expect(result).toMatchObject({status: 'ok', sequence: 1, retries: 1});
		expect(r0.hellos).toHaveLength(1);
	});

	test('after a whole round in vain it waits a little, and finds a replica that comes back', async () => {
		const {cluster, replicas} = await stage(3);
		await Promise.all(replicas.map(replica => replica.stop()));
		const sentences: string[] = [];
		const client = join({
			cluster,
			onConnection: ({state, sentence}) => state === 'offline' && sentences.push(sentence),
		});
		const result = client.session('alice').say('hello');
		await until('the client is offline', () => client.store.getSnapshot().connection.state === 'offline');
		expect(client.store.getSnapshot().connection.retryAt).toBeGreaterThan(0);
		expect(client.store.getSnapshot().pending).toMatchObject([
			{state: 'queued', text: 'hello', sequence: null},
		]);
		// Nobody wants to read the same again in every round.
		const rounds = new Set<number | null>();
		await until(
			'more rounds were in vain',
			() => rounds.add(client.store.getSnapshot().connection.retryAt).size > 3,
		);
		expect(sentences).toEqual([
			'offline: no replica can be reached (r0 refused, r1 refused, r2 refused); trying again',
		]);
		await replicas[2]!.start();
		expect(await result).toMatchObject({status: 'ok', retries: 0});
	});

	test('busy: the same number a little later, on the same connection', async () => {
		const {cluster, replicas} = await stage(3);
		const [r0] = replicas as [FakeReplica];
		let times = 0;
		r0.script.say = onMessage(
			() => r0,
			(request, socket) => {
				const {client, session, sequence} = request;
				if (++times > 3) r0.answer([request], socket);
				else r0.tell(socket, [{status: 'busy', client, session, sequence, why: 'full'}]);
			},
		);
		const session = join({cluster, patienceMs: 1000}).session('alice');
		const results = await Promise.all([session.say('one'), session.say('two')]);
		expect(results).toMatchObject([
			{status: 'ok', sequence: 1, retries: 3},
			{status: 'ok', sequence: 2, retries: 0},
		]);
		expect(r0.messages.map(({sequence}) => sequence)).toEqual([1, 1, 1, 1, 2]);
		expect(r0.hellos).toHaveLength(1);
	});
});

describe('answers', () => {
	test('each message has exactly one result, however often and in whatever order it is answered', async () => {
		const {cluster, replicas} = await stage(1);
		const [r0] = replicas as [FakeReplica];
		const answers: Answered[] = [];
		r0.script.say = onMessage(
			() => r0,
			(request, socket) => {
				const {client, session, sequence} = request;
				answers.push(okOf(request, sequence));
				const strangers: Answered[] = [
					okOf({...request, sequence: sequence + 1}, 900),
					okOf({...request, session: session + 1}, 901),
					okOf({...request, client: 'f'.repeat(32)}, 902),
					{status: 'expired', client, session: session + 1, sequence},
					{status: 'opened', client, nonce: '0'.repeat(32), session, sequence: 7},
				];
				// All that was ever answered, latest first, and again.
				r0.tell(socket, strangers);
				r0.tell(socket, [...answers].reverse());
				r0.tell(socket, answers);
			},
		);
		const session = join({cluster}).session('alice');
		const counts = new Map<string, number>();
		const results = await Promise.all(
			Array.from({length: 20}, (_, index) => {
				const text = `m${index}`;
				return new Promise<Result>(resolve =>
					session.send(text, result => {
						counts.set(text, (counts.get(text) ?? 0) + 1);
						resolve(result);
					}),
				);
			}),
		);
		expect(results.map(result => (result.status === 'ok' ? result.position : result.why))).toEqual(
			Array.from({length: 20}, (_, index) => index + 1),
		);
		expect([...counts.values()].every(count => count === 1)).toBe(true);
		expect(r0.messages.map(({sequence}) => sequence)).toEqual(
			Array.from({length: 20}, (_, index) => index + 1),
		);
	});

	test('expired: unknown, and nothing is said again; the next message opens a new session', async () => {
		const {cluster, replicas, chat} = await stage(1);
		const [r0] = replicas as [FakeReplica];
		const session = join({cluster}).session('alice');
		await session.say('one');
		const {client} = session;
		chat.expire(client);
		const [two, three] = await Promise.all([session.say('two'), session.say('three')]);
		expect(two).toMatchObject({status: 'unknown', sequence: 2});
		expect(three).toMatchObject({status: 'ok', sequence: 1, position: 2});
		expect(r0.messages.map(({text}) => text)).toEqual(['one', 'two', 'three']);
		expect(r0.messages[2]!.session).toBeGreaterThan(r0.messages[1]!.session);
		expect(chat.lines.map(({text}) => text)).toEqual(['one', 'three']);
		// The numbers begin anew, so the name is another one: together they name one message.
		expect(chat.lines.map(({sequence}) => sequence)).toEqual([1, 1]);
		expect(chat.lines[0]!.client).toBe(client);
		expect(chat.lines[1]!.client).toBe(session.client);
		expect(session.client).not.toBe(client);
	});

	test('expired: a late answer to the old opening does not bring the old session back', async () => {
		const {cluster, replicas, chat} = await stage(1);
		const [r0] = replicas as [FakeReplica];
		const session = join({cluster}).session('alice');
		await session.say('one');
		const old = r0.messages[0]!.session;
		chat.expire(session.client);
		const {client} = session;
		r0.script.say = (say, socket) => {
			if (say[0]!.sequence === 0)
				r0.tell(socket, [{status: 'opened', client, nonce: '0'.repeat(32), session: old, sequence: 0}]);
			r0.answer(say, socket);
		};
		expect(await session.say('two')).toMatchObject({status: 'unknown'});
		expect(await session.say('three')).toMatchObject({status: 'ok', sequence: 1});
	});

	test('gap: a failure of ours; the session finds its number again', async () => {
		const {cluster, chat} = await stage(1);
		const session = join({cluster}).session('alice');
		await session.say('one');
		await session.say('two');
		chat.setSequence(session.client, 1);
		expect(await session.say('three')).toMatchObject({
			status: 'failed',
			why: expect.stringContaining('count'),
		});
		expect(await session.say('four')).toMatchObject({status: 'ok', sequence: 2});
	});

	test('refused: failed with the reason, and the number goes to the next message', async () => {
		const {cluster, replicas} = await stage(1);
		const [r0] = replicas as [FakeReplica];
		r0.script.say = onMessage(
			() => r0,
			(request, socket) => {
				const {client, session, sequence, text} = request;
				if (text === 'fine') r0.answer([request], socket);
				else r0.tell(socket, [{status: 'refused', client, session, sequence, why: 'not\u001b[2J here'}]);
			},
		);
		const session = join({cluster}).session('alice');
		expect(await session.say('bad')).toMatchObject({status: 'failed', sequence: 1, why: 'not here'});
		expect(await session.say('fine')).toMatchObject({status: 'ok', sequence: 1});
	});

	test('refused after it was sent before: unknown, and its number is not given to another message', async () => {
		const {cluster, replicas, chat} = await stage(3);
		const [r0, r1] = replicas as [FakeReplica, FakeReplica];
		r0.script.say = onMessage(
			() => r0,
			request => {
				chat.execute(request);
				void r0.stop();
			},
		);
		r1.script.say = onMessage(
			() => r1,
			(request, socket) => {
				const {client, session, sequence, text} = request;
				if (text === 'two') r1.answer([request], socket);
				else r1.tell(socket, [{status: 'refused', client, session, sequence, why: 'not entered'}]);
			},
		);
		const session = join({cluster}).session('alice');
		expect(await session.say('one')).toMatchObject({status: 'unknown', sequence: 1, why: 'not entered'});
		expect(await session.say('two')).toMatchObject({status: 'ok', sequence: 2, position: 2});
		expect(chat.lines.map(({text}) => text)).toEqual(['one', 'two']);
	});

	test('closed: what was sent is unknown, what was not has failed, and nothing hangs', async () => {
		const {cluster, replicas} = await stage(1);
		const [r0] = replicas as [FakeReplica];
		r0.script.say = onMessage(
			() => r0,
			() => {},
		);
		const client = join({cluster});
		const session = client.session('alice');
		const results = Promise.all([session.say('one'), session.say('two')]);
		await until('the first is sent', () => r0.messages.length === 1);
		client.close();
		expect(await results).toMatchObject([
			{status: 'unknown', sequence: 1},
			{status: 'failed', sequence: null},
		]);
		expect(await session.say('three')).toMatchObject({status: 'failed', why: 'the client was closed'});
		expect(await client.session('bob').say('four')).toMatchObject({status: 'failed', sequence: null});
	});
});

describe('strangers', () => {
	test('events that make no sense are dropped', async () => {
		const {cluster, replicas} = await stage(1);
		const [r0] = replicas as [FakeReplica];
		const lines: number[] = [];
		const client = join({
			cluster,
			follow: {after: 0},
			onLines: each => lines.push(...each.map(line => line.position)),
		});
		const session = client.session('alice');
		await session.say('one');
		const events = [
			'challenge',
			'welcome',
			'said',
			'lines',
			'weather',
			'status',
			'notes',
			'hash',
			'done',
			'x',
		];
		const rubbish = [null, 7, 'x', [], [null], {}, {lines: [{}], isLive: true}, {__proto__: {a: 1}}, [[[]]]];
		for (const socket of r0.sockets)
			for (const event of events)
				for (const each of rubbish)
					(socket as {emit: (event: string, value: unknown) => void}).emit(event, each);
		const position = 'one hundred';
		for (const socket of r0.sockets) socket.emit('weather', {...r0.weather, position} as never);
		expect(await session.say('two')).toMatchObject({status: 'ok', position: 2, retries: 0});
		expect(lines.every(each => each === 1)).toBe(true);
	});

	test.each(['0{', '44', '2', '51-["x",{"_placeholder":true,"num":0}]', '4{}'])(
		'a frame that would end the process (%s) ends the connection',
		async frame => {
			const {cluster, replicas} = await stage(3);
			const [r0, r1] = replicas as [FakeReplica, FakeReplica];
			const session = join({cluster}).session('alice');
			await session.say('one');
			for (const socket of r0.sockets) socket.conn.write(frame);
			expect(await session.say('two')).toMatchObject({status: 'ok', sequence: 2});
			await until('r0 is left', () => r0.sockets.size === 0);
			expect(r1.hellos).toHaveLength(1);
		},
	);

	test('a replica with another id, of another size or of another cluster is not taken', async () => {
		const {cluster, replicas} = await stage(5);
		const smaller = await stage(3);
		const other = await stage(5, [], 'other');
		const sentences: string[] = [];
		const [, a1, a2, , a4] = cluster.replicas;
		const addresses = [
			{...a1!, id: 0},
			{...smaller.cluster.replicas[1]!},
			a2!,
			{...other.cluster.replicas[3]!},
			a4!,
		];
		const client = join({
			cluster: {...cluster, replicas: addresses},
			onConnection: ({sentence}) => sentences.push(sentence),
		});
		const session = client.session('alice');
		expect(await session.say('hello')).toMatchObject({status: 'ok'});
		expect(replicas[2]!.messages).toHaveLength(1);
		await replicas[2]!.stop();
		expect(await session.say('hello again')).toMatchObject({status: 'ok'});
		expect(replicas[4]!.messages).toHaveLength(1);
		for (const why of ['replica 1 answers there', 'counts 3 replicas, not 5', 'belongs to another cluster'])
			expect(sentences.filter(sentence => sentence.includes(why))).not.toEqual([]);
	});
});

describe('telling how things stand', () => {
	const connectionOf = (client: Client) => client.store.getSnapshot().connection;

	test('no quorum here, but elsewhere: moves', async () => {
		const {cluster, replicas} = await stage(3);
		const [r0, r1] = replicas as [FakeReplica, FakeReplica];
		const client = join({cluster});
		await client.session('alice').say('one');
		r0.setWeather({hasQuorum: false});
		await until('it is at r1', () => connectionOf(client).replica === 1);
		expect(connectionOf(client)).toMatchObject({state: 'online', sentence: 'online via r1'});
		expect(r1.hellos).toHaveLength(1);
		await until('r0 is left', () => r0.sockets.size === 0);
	});

	test('no quorum anywhere: stays, says how many are up, and goes on when there is one', async () => {
		const {cluster, replicas} = await stage(3);
		const [r0, r1] = replicas as [FakeReplica, FakeReplica];
		const client = join({cluster});
		const session = client.session('alice');
		await session.say('one');
		await Promise.all(replicas.slice(1).map(replica => replica.stop()));
		r0.setWeather({hasQuorum: false});
		r0.script.say = () => {};
		const said = session.say('two');
		const sentence = 'no quorum: 1 of 3 replicas up; 2 must hear each other; messages wait';
		await until('it says so', () => connectionOf(client).sentence === sentence);
		expect(connectionOf(client).state).toBe('no quorum');
		expect(r0.hellos).toHaveLength(1);
		await r1.start();
		expect(await said).toMatchObject({status: 'ok', retries: 1});
		expect(connectionOf(client)).toMatchObject({state: 'online', replica: 1});
	});

	test('no room on the disks: says on which, and goes on when there is', async () => {
		const {cluster, replicas} = await stage(3);
		const [r0] = replicas as [FakeReplica];
		const sentences: string[] = [];
		const client = join({cluster, onConnection: ({sentence}) => sentences.push(sentence)});
		await until('it is online', () => connectionOf(client).state === 'online');
		r0.setWeather({full: [0, 2]});
		await until('it waits', () => connectionOf(client).state === 'waiting');
		r0.setWeather({full: [2]});
		await until('it says the other', () => sentences.at(-1)!.includes('too few'));
		r0.setWeather({full: []});
		await until('it is online again', () => connectionOf(client).state === 'online');
		expect(sentences.slice(-3)).toEqual([
			'no room: the disks of r0 and r2 are nearly full; make room there; messages wait',
			'no room: the disk of r2 is nearly full and too few others are heard; make room there; messages wait',
			'online via r0',
		]);
	});

	test('a hole that lasts, and a view that nobody leads', async () => {
		const {cluster, replicas} = await stage(1);
		const [r0] = replicas as [FakeReplica];
		const client = join({cluster});
		await until('it is online', () => connectionOf(client).state === 'online');
		r0.setWeather({hole: 12});
		await until('it waits', () => connectionOf(client).state === 'waiting');
		expect(connectionOf(client).sentence).toBe('waiting: slot 12 is a hole');
		r0.setWeather({hole: null, leader: null, view: 6});
		await until('it elects', () => connectionOf(client).state === 'electing');
		expect(connectionOf(client).sentence).toBe('electing: view 6 has no leader yet');
		r0.setWeather({leader: 0});
		await until('it is online', () => connectionOf(client).state === 'online');
	});

	test('gives up: unreachable, if no replica ever answered; no quorum, if one did', async () => {
		const {cluster, replicas} = await stage(3);
		await Promise.all(replicas.slice(1).map(replica => replica.stop()));
		const [r0] = replicas as [FakeReplica];
		r0.script.say = () => {};
		const reasons: string[] = [];
		const client = join({cluster, timeoutMs: 300, onGiveUp: reason => reasons.push(reason)});
		client.session('alice').send('hello', () => {});
		await until('it gives up', () => reasons.length > 0);
		expect(reasons).toEqual(['no quorum']);
		await r0.stop();
		const stranger = join({cluster, timeoutMs: 300, onGiveUp: reason => reasons.push(reason)});
		stranger.session('alice').send('hello', () => {});
		await until('it gives up', () => reasons.length > 1);
		expect(reasons).toEqual(['no quorum', 'unreachable']);
		expect([client.wasReached, stranger.wasReached]).toEqual([true, false]);
	});

	test('waits longer for a welcome when nobody gave one in time', async () => {
		const {cluster, replicas} = await stage(1);
		// Who would hang up after a second each time would never get in.
		replicas[0]!.script.greetingMs = 1200;
		await join({cluster}).session('alice').say('hello');
		expect(replicas[0]!.messages).toHaveLength(1);
	}, 15_000);

	test('does not give up while nothing waits', async () => {
		const {cluster} = await stage(1);
		const reasons: string[] = [];
		const client = join({cluster, timeoutMs: 100, onGiveUp: reason => reasons.push(reason)});
		const session = client.session('alice');
		await session.say('one');
		await new Promise(resolve => setTimeout(resolve, 300));
		await session.say('two');
		expect(reasons).toEqual([]);
	});

	test('a message of one’s own goes from queued to decided', async () => {
		const {cluster, replicas} = await stage(3);
		const [r0] = replicas as [FakeReplica];
		r0.script.say = onMessage(
			() => r0,
			() => {},
		);
		const client = join({cluster});
		const seen: string[] = [];
		const watch = () => {
			const pending = client.store.getSnapshot().pending[0];
			if (pending && seen.at(-1) !== pending.state) seen.push(pending.state);
		};
		client.store.subscribe(watch);
		const session = client.session('alice');
		await session.say('hello');
		await until('all is told', () => seen.includes('decided'));
		expect(seen).toEqual(['queued', 'sent', 'retried', 'decided']);
		const [pending] = client.store.getSnapshot().pending;
		expect(pending).toMatchObject({
			client: session.client,
			sequence: 1,
			text: 'hello',
			replicas: [0, 1],
			retries: 1,
			position: 1,
		});
		client.store.forget(pending!.key);
		await Promise.resolve();
		expect(client.store.getSnapshot().pending).toEqual([]);
	});

	test('what nobody was told yet can be taken back, and the next one has its turn', async () => {
		const {cluster, replicas} = await stage(1);
		const [r0] = replicas as [FakeReplica];
		const heldBack: Array<() => void> = [];
		r0.script.say = onMessage(
			() => r0,
			(request, socket) => heldBack.push(() => r0.answer([request], socket)),
		);
		const client = join({cluster, patienceMs: 10_000});
		const session = client.session('alice');
		const results = ['one', 'two', 'three'].map(text => session.say(text));
		await until('the first is under way', () => heldBack.length === 1);
		const [one, two] = client.store.getSnapshot().pending;
		expect([session.unsay(one!.key), session.unsay(two!.key), session.unsay(99)]).toEqual([
			false,
			true,
			false,
		]);
		delete r0.script.say;
		heldBack[0]!();
		expect(await Promise.all(results)).toMatchObject([
			{status: 'ok', sequence: 1},
			{status: 'failed', sequence: null, why: 'taken back'},
			{status: 'ok', sequence: 2},
		]);
		expect(r0.messages.map(({text}) => text)).toEqual(['one', 'three']);
	});

	test('before anybody is reached even the first can be taken back', async () => {
		const {cluster, replicas} = await stage(1);
		await replicas[0]!.stop();
		const client = join({cluster});
		const session = client.session('alice');
		const results = ['one', 'two'].map(text => session.say(text));
		expect(session.unsay(client.store.getSnapshot().pending[0]!.key)).toBe(true);
		await replicas[0]!.start();
		expect(await Promise.all(results)).toMatchObject([{status: 'failed'}, {status: 'ok', sequence: 1}]);
		expect(replicas[0]!.messages.map(({text}) => text)).toEqual(['two']);
	});

	test('programs leave no trace in the store', async () => {
		const {cluster} = await stage(1);
		const client = join({cluster});
		await new Promise(resolve => client.session('alice').send('hello', resolve));
		expect(client.store.getSnapshot().pending).toEqual([]);
	});

	test('tells how far away the replica is', async () => {
		const {cluster} = await stage(1);
		const client = join({cluster});
		await until('it is known', () => connectionOf(client).roundTripMs !== null);
		expect(connectionOf(client).roundTripMs).toBeGreaterThan(0);
	});

	test('goes where it is told to, keeps what it has until then, and comes back if that is lost at once', async () => {
		const {cluster, replicas} = await stage(3, [{}, {isGreeting: false}]);
		const client = join({cluster});
		const at = () => connectionOf(client).state === 'online' && connectionOf(client).replica;
		await until('it is online', () => at() === 0);
		// This one takes nobody in: while it is waited for, all goes on as before.
		client.moveTo(1);
		await client.session('alice').say('said meanwhile');
		expect(replicas.map(({messages}) => messages.length)).toEqual([1, 0, 0]);
		client.moveTo(2);
		await until('it has moved', () => at() === 2);
		await client.session('alice').say('said there');
		expect(replicas.map(({messages}) => messages.length)).toEqual([1, 0, 1]);
		await replicas[2]!.stop();
		await until('it is back', () => at() === 0);
	}, 10_000);

	test('begins where it is told to', async () => {
		const {cluster, replicas} = await stage(3);
		await join({cluster, via: 2}).session('alice').say('hello');
		expect(replicas.map(({messages}) => messages.length)).toEqual([0, 0, 1]);
	});
});
