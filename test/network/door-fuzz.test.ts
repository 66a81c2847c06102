import {type ChildProcess, fork} from 'node:child_process';
import {once} from 'node:events';
import {connect} from 'node:net';
import {fileURLToPath} from 'node:url';
import {afterAll, beforeAll, expect, test} from '@jest/globals';
import fc from 'fast-check';
import {paths, protocolVersion} from '../../source/network/events.ts';
import type {Report, Task} from './door-process.ts';
import {client, hasClosed, keyOf, request, strangeClient, stranger, tcpOf, type Visitor} from './visitors.ts';

/** The door under everything that strangers can send, in a process that would die of it. */

let door: ChildProcess;
let port: number;

beforeAll(async () => {
	door = fork(fileURLToPath(new URL('door-process.ts', import.meta.url)), {
		execArgv: ['--expose-gc'],
		env: {...process.env, NODE_OPTIONS: ''},
	});
	[{port}] = (await once(door, 'message')) as [Report];
});

afterAll(async () => {
	const exit = once(door, 'exit');
	door.disconnect();
	await exit;
});

async function report(task: Task = {}): Promise<Report> {
	const answer = once(door, 'message');
	door.send(task);
	return ((await answer) as [Report])[0];
}

async function until(isSo: (report: Report) => boolean): Promise<Report> {
	for (;;) {
		const now = await report();
		if (isSo(now)) return now;
	}
}

/** An honest client that has been there all the time still gets its answers. */
class Honest {
	readonly #visitor: Visitor;
	#sequence = 0;

	constructor(visitor: Visitor) {
		this.#visitor = visitor;
		visitor.enter('honest');
	}

	async isServed(): Promise<void> {
		this.#sequence++;
		this.#visitor.say(request('honest', this.#sequence));
		expect(await this.#visitor.next('said')).toMatchObject([{status: 'ok', sequence: this.#sequence}]);
	}

	close(): void {
		this.#visitor.close();
	}
}

const event = fc.oneof(
	fc.constantFrom('hello', 'enter', 'say', 'follow', 'hash', 'order'),
	fc.constantFrom(
		'error',
		'disconnect',
		'disconnecting',
		'connect',
		'newListener',
		'__proto__',
		'toString',
		'',
	),
	fc.oneof(fc.string(), fc.integer()),
);
/** Rows of a say, and what looks like them. */
const row = fc.oneof(
	fc.constantFrom<unknown>([0, 1, 1, 'alice', 'hi'], [0, 0, 0, 'alice', '0f'.repeat(16)], request('x', 1)),
	fc.tuple(
		fc.constantFrom(0, 1, -1, 0.5, '0', '__proto__', 4095, 2 ** 53, null),
		fc.constantFrom(0, 1, -1, 2 ** 53),
		fc.constantFrom(0, 1, 2, null),
		fc.constantFrom('a', 'system', '\uD800', 7),
		fc.constantFrom('', 'hi', '\uD83E', 'x'.repeat(5000), {}),
	),
	fc.array(fc.jsonValue({maxDepth: 1}), {maxLength: 7}),
);
/** Nearly right: the parts of events, put together anyhow. */
const payload = fc.oneof(
	fc.jsonValue({maxDepth: 4}),
	fc.array(row, {maxLength: 4}),
	fc.record(
		{
			role: fc.constantFrom('client', 'monitor', 'administrator', 'replica', ['client'], '__proto__'),
			version: fc.constantFrom(protocolVersion, protocolVersion + 1, '1', null),
			nonce: fc.constantFrom('0'.repeat(32), 0, ''),
			proof: fc.constantFrom('0'.repeat(64), {}, null),
			secrets: fc.constantFrom([keyOf('x')], ['short'], [[]], {length: 9}, null),
			after: fc.constantFrom(0, -1, 1e308, 2 ** 53, '0', null),
			slot: fc.constantFrom(0, -1, null, 0.5, 2 ** 53),
			kind: fc.constantFrom('kill', 'skip', 'loss', 'toString'),
			probability: fc.constantFrom(0, 2, -0, null),
			__proto__: fc.constant({role: 'administrator'}),
			client: fc.constantFrom(request('x', 1).client, ''),
			session: fc.constantFrom(0, 1, -1),
			sequence: fc.constantFrom(0, 1, null),
			nick: fc.constantFrom('a', 'system', '\uD800'),
			text: fc.constantFrom('', 'hi', '\uD83E', 'x'.repeat(5000)),
		},
		{requiredKeys: []},
	),
);
/** As text, so that own keys named __proto__ arrive as such. */
const json = payload.map(value =>
	JSON.stringify(value).replace(
		/"role"/,
		Math.abs(JSON.stringify(value).length % 5) === 0 ? '"__proto__"' : '"role"',
	),
);
const frame = fc.oneof(
	{weight: 12, arbitrary: fc.tuple(event, json).map(([name, text]) => `42[${JSON.stringify(name)},${text}]`)},
	// With an acknowledgement asked for, or without anything.
	{weight: 3, arbitrary: fc.tuple(event, fc.nat()).map(([name, id]) => `42${id}[${JSON.stringify(name)}]`)},
	// Other packets of both protocols, broken ones, and noise.
	{
		weight: 1,
		arbitrary: fc
			.tuple(fc.stringMatching(/^[0-9b][0-9]?$/), fc.oneof(fc.string({maxLength: 30}), json))
			.map(([type, text]) => `${type}${text}`),
	},
	{
		weight: 1,
		arbitrary: fc.constantFrom(
			'',
			'42',
			'42[',
			'42[]',
			'42{}',
			'42["say"',
			'42null',
			'43999999999999999999[]',
			'40',
			'40/x,',
			'41',
			'44{}',
			'451-["say",{"_placeholder":true,"num":0}]',
			'4599999-["say"]',
			'2',
			'2probe',
			'5',
			'6',
			'b!!!!',
			'42/constructor,["say"]',
			'42["say",{"toJSON":1,"__proto__":null,"constructor":{"prototype":{"x":1}}}]',
			'42["hash",{"slot":1}]',
		),
	},
);

/** More of them take longer: FRAMES=10000. */
const frameCount = Number(process.env.FRAMES ?? 2500);
const patienceMs = Math.max(60_000, 24 * frameCount);

test(
	'thousands of frames of strangers do not stop it, and others are served',
	async () => {
		const honest = new Honest(await client(port));
		const frames = fc.sample(frame, {numRuns: frameCount, seed: 7});
		let sent = 0;
		let used = 0;
		const send = async () => {
			while (sent < frames.length) {
				// Half of them come in before they misbehave.
				const socket = await (used++ % 2 === 0 ? strangeClient(port) : stranger(port));
				if (used % 4 === 1) socket.send('40');
				const closed = hasClosed(socket);
				while (socket.readyState === socket.OPEN && sent < frames.length) {
					socket.send(frames[sent++]!);
					// Until it has been taken, so that the next is not wasted on a closed door.
					socket.ping();
					await Promise.race([new Promise(resolve => socket.once('pong', resolve)), closed]);
				}

				socket.terminate();
				await closed;
			}
		};

		const serve = async () => {
			while (sent < frames.length) await honest.isServed();
		};

		await Promise.all([send(), send(), send(), serve()]);
		await honest.isServed();
		honest.close();
		expect(sent).toBe(frameCount);
		// They are cut before they get far.
		expect(used).toBeGreaterThan(100);
		expect((await until(({clients}) => clients === 0)).uncaught).toEqual([]);
	},
	patienceMs,
);

test.each([
	['depth', `42["say",${'['.repeat(200_000)}${']'.repeat(200_000)}]`],
	['half a depth', `42["say",${'['.repeat(200_000)}`],
	['depth of objects', `42["hello",${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}]`],
	['depth at the connecting', `40${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`],
	['a packet as large as can be', `42["say",["${'x'.repeat(1_040_000)}"]]`],
	['a million nothings', `42["say",[${'0,'.repeat(500_000)}0]]`],
	['a million secrets', `42["enter",{"secrets":[${'"",'.repeat(300_000)}""]}]`],
])('%s does not stop it', async (_what, text) => {
	const honest = new Honest(await client(port));
	for (const come of [stranger, strangeClient]) {
		const socket = await come(port);
		const closed = hasClosed(socket);
		for (let again = 0; again < 10; again++) socket.send(text);
		await honest.isServed();
		socket.close();
		await closed;
	}

	honest.close();
	expect((await until(({clients}) => clients === 0)).uncaught).toEqual([]);
});

test('what is larger than a packet may be ends the connection', async () => {
	const honest = new Honest(await client(port));
	const socket = await strangeClient(port);
	socket.send(`42["say",["${'x'.repeat(1_100_000)}"]]`);
	await hasClosed(socket);
	await honest.isServed();
	honest.close();
	expect((await report()).uncaught).toEqual([]);
});

test('what is no WebSocket at all is turned away', async () => {
	const upgrade = (path: string, more = '') =>
		`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${more}\r\n`;
	const path = `${paths.clients}?EIO=4&transport=websocket`;
	const openings = [
		upgrade(path),
		upgrade(path, 'Sec-WebSocket-Version: 99\r\nSec-WebSocket-Key: x\r\n'),
		upgrade(`${paths.clients}?EIO=4&EIO=3&transport=__proto__`),
		upgrade(`${paths.clients}%ff%00?transport=constructor`),
		upgrade(`${paths.clients}?transport=toString&sid=__proto__`),
		upgrade('http://[/'),
		upgrade('*'),
		upgrade(path, 'Origin: \u0000\r\n'),
		`POST ${paths.clients} HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx`,
		'\u0000\u0001\u0002 nonsense\r\n\r\n',
	];
	for (const opening of openings) {
		const socket = connect(port, '127.0.0.1');
		socket.on('error', () => {});
		socket.resume();
		socket.write(opening);
		await new Promise(resolve => socket.once('close', resolve));
	}

	expect((await report()).uncaught).toEqual([]);
});

test('five hundred come and go, and nothing of them stays', async () => {
	const visit = async () => {
		const visitors = await Promise.all(Array.from({length: 50}, () => strangeClient(port)));
		expect((await report()).clients).toBe(50);
		for (const [index, visitor] of visitors.entries()) {
			visitor.send(`42["follow",{"after":0}]`);
			visitor.send(`42["enter",{"secrets":["${keyOf(`v${index}`)}"]}]`);
			// Some say goodbye, some do not.
			if (index % 2 === 0) visitor.close();
			else visitor.terminate();
		}

		await Promise.all(visitors.map(hasClosed));
		await until(({clients, connections}) => clients === 0 && connections === 0);
		return await report({collect: true});
	};

	const {memoryBytes: before} = await visit();
	for (let again = 0; again < 8; again++) await visit();
	const {memoryBytes: after, uncaught} = await visit();
	expect(uncaught).toEqual([]);
	expect(after - before).toBeLessThan(5_000_000);
}, 60_000);

test('a follower that never reads costs little, and is cut in the end', async () => {
	const honest = new Honest(await client(port));
	const {connections, memoryBytes: before} = await report({collect: true});
	const mute = await strangeClient(port);
	mute.send('42["follow",{"after":0}]');
	await until(report => report.connections === connections + 1);
	tcpOf(mute).pause();
	// It lets the server's pings be answered, so that nothing but its not reading can be held against it.
	const ponging = setInterval(() => mute.send('3'), 200);
	let most = 0;
	let published = 0;
	let now = await report();
	while (now.connections > connections) {
		const isPublishing = published < 20_000;
		now = await report({
			publish: isPublishing ? 200 : 0,
			text: 'x'.repeat(1000),
			collect: published % 2000 === 0,
		});
		if (published % 2000 === 0) most = Math.max(most, now.memoryBytes);
		if (isPublishing) published += 200;
		await honest.isServed();
	}

	clearInterval(ponging);
	// Of the 20 MB that were published, some are in the system's buffers, and here is not much more than a megabyte.
	expect(published).toBe(20_000);
	expect(most - before).toBeLessThan(12_000_000);
	expect(now.uncaught).toEqual([]);
	honest.close();
	mute.terminate();
}, 60_000);
