import {describe, expect, test} from '@jest/globals';
import fc from 'fast-check';
import type {Request} from '../../source/consensus/types.ts';
import * as wire from '../../source/network/client-wire.ts';
import {type Lines, type Reply, textBytes} from '../../source/network/events.ts';

const client = fc.stringMatching(/^[0-9a-f]{32}$/);
const digest = fc.stringMatching(/^[0-9a-f]{64}$/);
const count = fc.maxSafeNat().map(value => Math.min(value, Number.MAX_SAFE_INTEGER - 1));
const number = count.map(value => Math.max(value, 1));
const view = fc.oneof(count, fc.constant(-1));
const id = fc.nat({max: 8});
const text = fc.string({unit: 'binary', maxLength: 40});
const identity = {cluster: fc.string({minLength: 1, maxLength: 64}), replicas: fc.constant(3), rules: digest};
const version = fc.constant(1);
const nonce = client;

const weather = fc.record({
	view,
	leader: fc.option(id),
	position: count,
	executed: count,
	hasQuorum: fc.boolean(),
	hole: fc.option(number),
	full: fc.array(id, {maxLength: 5}),
});
/** Those of a connection, by number. */
const clients = ['a', 'b', 'c'].map(digit => digit.repeat(32));
const speaker = fc.nat({max: clients.length - 1});
const nonceOf = fc.constant('0f'.repeat(16));

/** What is read of a row as the row that it came from. */
const sayRows = (say: unknown) =>
	(say as Request[]).map(request => wire.sayRow(clients.indexOf(request.client), request));
const saidRows = (said: unknown) =>
	(said as Reply[]).map(({speaker, ...answer}) => wire.saidRow(speaker, {client: '', ...answer}));
const linesRows = (read: unknown) => wire.linesOf((read as Lines).lines, (read as Lines).isLive);
const asRead = (read: unknown) => read;

/** Of every event: who reads it, what it may be, and how what was read is said again. */
const events: Record<
	string,
	[read: (value: unknown) => unknown, good: fc.Arbitrary<unknown>, write?: (read: unknown) => unknown]
> = {
	hello: [
		wire.readHello,
		fc.oneof(
			fc.record({role: fc.constantFrom('client', 'monitor', 'replica'), version}),
			fc.record({role: fc.constant('administrator'), version, nonce, proof: digest}),
		),
	],
	enter: [
		wire.readEnter,
		fc.record({secrets: fc.array(fc.string({minLength: 16, maxLength: 128}), {maxLength: 5})}),
	],
	say: [
		value => wire.readSay(value, clients),
		fc.array(fc.tuple(speaker, count, count, text, text), {maxLength: 5}),
		sayRows,
	],
	follow: [wire.readFollow, fc.record({after: count})],
	hashOf: [wire.readHashOf, fc.record({slot: count})],
	order: [
		wire.readOrder,
		fc.oneof(
			fc.record({kind: fc.constantFrom('kill', 'isolate', 'heal')}),
			fc.record({kind: fc.constant('skip'), slot: fc.option(number)}),
			fc.record({kind: fc.constant('loss'), probability: fc.double({min: 0, max: 1, noNaN: true})}),
		),
	],
	challenge: [wire.readChallenge, fc.record({...identity, version, id, nonce})],
	welcome: [wire.readWelcome, fc.record({id, proof: fc.option(digest), weather, hasFaults: fc.boolean()})],
	refused: [wire.readRefused, text],
	said: [
		wire.readSaid,
		fc.array(
			fc.oneof(
				fc.tuple(count, count, count, number, number),
				fc.tuple(count, count, count, fc.constantFrom('expired', 'gap')),
				fc.tuple(count, count, count, fc.constant('opened'), nonceOf),
				fc.tuple(count, count, count, fc.constantFrom('busy', 'refused'), text),
			),
			{maxLength: 5},
		),
		saidRows,
	],
	lines: [
		wire.readLines,
		fc
			.record({
				from: fc.integer({min: 1, max: 1e12}),
				lines: fc.array(fc.tuple(number, client, number, text, text, count), {maxLength: 5}),
				isLive: fc.boolean(),
			})
			.map(({from, lines, isLive}) => ({
				lines: lines.map((line, index) => [from + index, ...line]),
				isLive,
			})),
		linesRows,
	],
	weather: [wire.readWeather, weather],
	status: [
		wire.readStatus,
		fc.record({
			view,
			leader: fc.option(id),
			role: fc.constantFrom('primary', 'candidate', 'backup', 'learner'),
			isDoubting: fc.boolean(),
			accepted: count,
			decided: count,
			delivered: count,
			holes: fc.array(number, {maxLength: 3}),
			waiting: count,
			skips: fc.array(number, {maxLength: 3}),
			id,
			now: count,
			executed: count,
			messages: count,
			hash: digest,
			hashSlot: count,
			since: count,
			clients: count,
			hears: fc.array(id, {maxLength: 3}),
			faults: fc.option(
				fc.record({
					loss: fc.double({min: 0, max: 1, noNaN: true}),
					isIsolated: fc.boolean(),
					dropped: count,
				}),
			),
			counts: fc.record({retriesAnswered: count, viewsEntered: count, noOps: count}),
		}),
	],
	notes: [
		wire.readNotes,
		fc.array(
			fc.record(
				{
					kind: fc.constantFrom('view', 'doubt', 'campaign', 'leader', 'hole', 'no-op', 'admission', 'busy'),
					view,
					slot: number,
					peer: id,
					text,
					replica: id,
					at: count,
				},
				{requiredKeys: ['kind', 'view', 'text', 'replica', 'at']},
			),
			{maxLength: 5},
		),
	],
	hash: [wire.readHash, fc.record({slot: count, hash: fc.option(digest), executed: count})],
	done: [
		wire.readDone,
		fc.oneof(
			fc.record({ok: fc.constant(true), slot: number}, {requiredKeys: ['ok']}),
			fc.record({ok: fc.constant(false), why: text, slot: number}, {requiredKeys: ['ok', 'why']}),
		),
	],
};

/** As it would arrive. */
const overTheWire = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

/** Adds to every object in a value what does not belong there. */
function litter(value: unknown): unknown {
	if (Array.isArray(value)) return value.map(litter);
	if (typeof value !== 'object' || value === null) return value;
	const entries = Object.entries(value).map(([key, inner]) => [key, litter(inner)]);
	const littered = {...Object.fromEntries(entries), extra: {deep: [[[1]]]}, constructor: 1};
	// As JSON.parse does it: an own property of that name.
	return Object.defineProperty(littered, '__proto__', {value: {isAdmin: true}, enumerable: true});
}

/** All places in a value, as paths of keys. */
function placesIn(value: unknown, path: ReadonlyArray<string> = []): ReadonlyArray<ReadonlyArray<string>> {
	if (typeof value !== 'object' || value === null) return [path];
	return [path, ...Object.entries(value).flatMap(([key, inner]) => placesIn(inner, [...path, key]))];
}

function replaced(value: unknown, [key, ...path]: ReadonlyArray<string>, by: unknown): unknown {
	if (key === undefined) return by;
	const copy: unknown = Array.isArray(value) ? [...value] : {...(value as object)};
	const record = copy as Record<string, unknown>;
	record[key] = replaced(record[key], path, by);
	return copy;
}

/** Every object in `value` is another than any in `other`. */
function isFresh(value: unknown, other: unknown): boolean {
	const old = new Set<unknown>();
	const visit = (each: unknown, see: (object: object) => boolean): boolean =>
		typeof each !== 'object' ||
		each === null ||
		(see(each) && Object.values(each).every(inner => visit(inner, see)));
	visit(other, object => Boolean(old.add(object)));
	return visit(value, object => !old.has(object));
}

describe.each(Object.entries(events))('%s', (_name, [read, good, write = asRead]) => {
	test('is taken as it was said, in fresh objects', () => {
		fc.assert(
			fc.property(good, value => {
				const received = overTheWire(value);
				const rebuilt = read(received);
				expect(overTheWire(write(rebuilt))).toEqual(overTheWire(value));
				expect(isFresh(rebuilt, received)).toBe(true);
			}),
		);
	});

	test('loses what does not belong to it', () => {
		fc.assert(
			fc.property(good, value => {
				const rebuilt = read(litter(overTheWire(value)));
				expect(JSON.stringify(rebuilt)).toBe(JSON.stringify(read(overTheWire(value))));
				expect((rebuilt as {isAdmin?: unknown}).isAdmin).toBeUndefined();
			}),
		);
	});

	test('with anything else in any place is refused or is still an event', () => {
		const anything = fc.oneof(
			fc.constantFrom(undefined, null, -2, 0.5, 2 ** 53, '', [], {}, true, '1'),
			fc.anything({withNullPrototype: true, withBigInt: true, withDate: true, withMap: true}),
		);
		fc.assert(
			fc.property(good, fc.nat(), anything, (value, place, other) => {
				const received = overTheWire(value);
				const places = placesIn(received);
				const rebuilt = read(replaced(received, places[place % places.length]!, other));
				// What is accepted is accepted again: it is an event, made of nothing but what can be said.
				// On the way a minus is lost with which a zero can come.
				if (rebuilt !== undefined) expect(read(overTheWire(write(rebuilt)))).toEqual(overTheWire(rebuilt));
			}),
		);
	});

	test('without any of its parts is refused, unless that part may be missing', () => {
		const optional = new Set(['slot', 'peer']);
		fc.assert(
			fc.property(good, value => {
				const received = overTheWire(value);
				for (const path of placesIn(received)) {
					const key = path.at(-1);
					if (key === undefined || optional.has(key) || /^\d+$/.test(key)) continue;
					expect(read(replaced(received, path, undefined))).toBeUndefined();
				}
			}),
			{numRuns: 30},
		);
	});

	test('never throws at anything', () => {
		fc.assert(
			fc.property(fc.anything({withNullPrototype: true, withBigInt: true, withDate: true}), value => {
				const rebuilt = read(value);
				if (rebuilt !== undefined) expect(read(overTheWire(write(rebuilt)))).toEqual(overTheWire(rebuilt));
			}),
		);
	});
});

test('what is inherited was not said', () => {
	expect(wire.readLines({lines: [], isLive: true})).toBeDefined();
	expect(wire.readLines(Object.create({lines: [], isLive: true}))).toBeUndefined();
});

test('a row is exactly as long as it should be, and names somebody whom its connection has entered', () => {
	const row = [2, 7, 1, 'alice', 'hi'];
	expect(wire.readSay([row], clients)).toEqual([
		{client: clients[2], session: 7, sequence: 1, nick: 'alice', text: 'hi'},
	]);
	for (const other of [[], row.slice(0, 4), [...row, 0], {...row, length: 5}, new Array(5)])
		expect(wire.readSay([row, other], clients)).toBeUndefined();
	for (const speaker of [3, -1, 0.5, '0', null, 'length', '__proto__', 2 ** 53])
		expect(wire.readSay([row, [speaker, ...row.slice(1)]], clients)).toBeUndefined();
	expect(wire.readSay([row], [])).toBeUndefined();
	const nonce = '0f'.repeat(16);
	const replies = [
		[0, 7, 1, 5, 6],
		[0, 7, 1, 'opened', nonce],
		[0, 7, 1, 'gap'],
		[0, 7, 1, 'busy', ''],
	];
	expect(wire.readSaid(replies)).toHaveLength(4);
	for (const reply of replies) {
		expect(wire.readSaid([[...reply, 0]])).toBeUndefined();
		expect(wire.readSaid([reply.slice(0, -1)])).toBeUndefined();
	}

	const line = [1, 1, '0'.repeat(32), 1, 'alice', 'hi', 1];
	expect(wire.readLines({lines: [line], isLive: true})).toBeDefined();
	expect(wire.readLines({lines: [[...line, 0]], isLive: true})).toBeUndefined();
	expect(wire.readLines({lines: [line.slice(0, -1)], isLive: true})).toBeUndefined();
});

test('lines with a gap between them are refused', () => {
	const [first, second, third] = [1, 2, 3].map(position => [
		position,
		1,
		'0'.repeat(32),
		1,
		'alice',
		'hi',
		1,
	]);
	expect(wire.readLines({lines: [first, second, third], isLive: false})).toBeDefined();
	expect(wire.readLines({lines: [first, third], isLive: false})).toBeUndefined();
	expect(wire.readLines({lines: [second, first], isLive: false})).toBeUndefined();
	expect(wire.readLines({lines: [first, first], isLive: false})).toBeUndefined();
});

test('a million flaws cost no more than the first', () => {
	const flaws = Array.from({length: 1_000_000}, () => 0);
	const before = performance.now();
	expect(wire.readEnter({secrets: flaws})).toBeUndefined();
	expect(wire.readNotes(flaws)).toBeUndefined();
	expect(wire.readSay(flaws, clients)).toBeUndefined();
	expect(performance.now() - before).toBeLessThan(10_000);
});

describe('what a request may say', () => {
	const request = {client: '0'.repeat(32), session: 7, sequence: 1, nick: 'alice', text: 'hi'};
	const opening = {...request, session: 0, sequence: 0, text: 'a5'.repeat(16)};

	test.each([
		['a request', request],
		['an opening', opening],
		['a nick of letters of any script', {...request, nick: 'Ælfgifu_王-7'}],
		['control characters, which are the business of who shows them', {...request, text: '\u001B[31m\n'}],
		['the longest text', {...request, text: 'x'.repeat(textBytes)}],
		['the longest text of three-byte characters', {...request, text: '王'.repeat(textBytes / 3)}],
		['the longest text of four-byte characters', {...request, text: '🦜'.repeat(textBytes / 4)}],
	])('%s', (_what, good) => {
		expect(wire.refusalOf(good)).toBeUndefined();
	});

	test.each([
		['an empty text', {...request, text: ''}, 'the text is empty'],
		['a text too long', {...request, text: 'x'.repeat(textBytes + 1)}, 'longer than 4096 bytes'],
		['a text too long in bytes', {...request, text: '王'.repeat(1366)}, 'longer than 4096 bytes'],
		['half a character', {...request, text: 'a\uD83E'}, 'not well-formed'],
		['an opening without a nonce', {...opening, text: ''}, 'has a nonce'],
		['an opening with a text', {...opening, text: 'hi'}, 'has a nonce'],
		['a sequence without a session', {...request, session: 0}, 'names its session'],
		['a session without a sequence', {...request, sequence: 0}, 'names its session'],
		['no nick', {...request, nick: ''}, 'a nick is'],
		['a long nick', {...request, nick: 'a'.repeat(17)}, 'a nick is'],
		['a nick with a space', {...request, nick: 'al ice'}, 'a nick is'],
		['an opening with a bad nick', {...opening, nick: 'al\u001Bice'}, 'a nick is'],
		['the name of the screens', {...request, nick: 'system'}, 'taken'],
		['the name of the screens, disguised', {...request, nick: 'ＳＹＳＴＥＭ'}, 'taken'],
		['the dash of the screens', {...request, nick: '--'}, 'taken'],
	])('%s is refused', (_what, bad, why) => {
		expect(wire.refusalOf(bad)).toContain(why);
	});
});
