import * as v from 'valibot';
import type {Answer, Line} from '../chat/types.ts';
import type {Request} from '../consensus/types.ts';
import {isCount} from '../value-text.ts';
import {isNonce} from './auth.ts';
import {
	type Challenge,
	clientPattern,
	type Done,
	type Enter,
	type Follow,
	type Hash,
	type HashOf,
	type Hello,
	type Lines,
	nickPattern,
	type Order,
	type Said,
	type Say,
	type StampedNote,
	type Status,
	textBytes,
	type Weather,
	type Welcome,
} from './events.ts';

/**
 * What clients and replicas say to each other, taken from JSON that may be
 * anything. Each `read…` rebuilds its event into fresh objects that hold what
 * the types name and nothing else; it returns undefined, and never throws, if
 * that cannot be done. A list is good as a whole or not at all.
 */

// The three that carry the traffic are written by hand: they run for every message.

/** The shape alone: what a request may say is the business of `refusalOf`. */
export function readSay(value: unknown): Say | undefined {
	return readList(value, readRequest);
}

export function readSaid(value: unknown): Said | undefined {
	return readList(value, readAnswer);
}

/** Also sees to it that there is no gap in the lines. */
export function readLines(value: unknown): Lines | undefined {
	if (!isObject(value)) return undefined;
	const isLive = own(value, 'isLive');
	const lines = readList(own(value, 'lines'), readLine);
	if (typeof isLive !== 'boolean' || lines === undefined) return undefined;
	for (let index = 1; index < lines.length; index++)
		if (lines[index]!.position !== lines[index - 1]!.position + 1) return undefined;
	return {lines, isLive};
}

/** Why this request cannot go into the log, as a line for people; undefined if it can. Clients may ask before they send. */
export function refusalOf({session, sequence, nick, text}: Request): string | undefined {
	if (!nickPattern.test(nick)) return 'a nick is 1 to 16 letters, digits, _ or -';
	// The screens speak under these names.
	if (nick === '--' || nick.normalize('NFKC').toLowerCase() === 'system') return `the nick ${nick} is taken`;
	if (session === 0 && sequence === 0) {
		return isNonce(text)
			? undefined
			: 'a request that opens a session has a nonce of 32 hex digits for a text';
	}

	if (session === 0 || sequence === 0) return 'a request names its session and a sequence number from 1';
	if (text === '') return 'the text is empty';
	if (!text.isWellFormed()) return 'the text is not well-formed Unicode';
	// No character takes more than three bytes for each of its UTF-16 units, so most texts need no counting.
	if (text.length * 3 > textBytes && Buffer.byteLength(text) > textBytes)
		return `the text is longer than ${textBytes} bytes`;
	return undefined;
}

function readRequest(value: unknown): Request | undefined {
	if (!isObject(value)) return undefined;
	const client = own(value, 'client');
	const session = own(value, 'session');
	const sequence = own(value, 'sequence');
	const nick = own(value, 'nick');
	const text = own(value, 'text');
	if (!isClient(client) || !isCount(session) || !isCount(sequence)) return undefined;
	if (typeof nick !== 'string' || typeof text !== 'string') return undefined;
	return {client, session, sequence, nick, text};
}

const namesOf = <Name extends string>(names: Readonly<Record<Name, true>>): Name[] =>
	Object.keys(names) as Name[];
const roles: Readonly<Record<Status['role'], true>> = {
	primary: true,
	candidate: true,
	backup: true,
	learner: true,
};

function readAnswer(value: unknown): Said[number] | undefined {
	if (!isObject(value)) return undefined;
	const client = own(value, 'client');
	const session = own(value, 'session');
	const sequence = own(value, 'sequence');
	if (!isClient(client) || !isCount(session) || !isCount(sequence)) return undefined;
	const status = own(value, 'status') as Said[number]['status'];
	switch (status) {
		case 'ok': {
			const position = own(value, 'position');
			const slot = own(value, 'slot');
			if (!isNumber(position) || !isNumber(slot)) return undefined;
			return {status, client, session, sequence, position, slot} satisfies Answer;
		}
		case 'opened': {
			const nonce = own(value, 'nonce');
			return isNonce(nonce) ? {status, client, nonce, session, sequence} : undefined;
		}
		case 'expired':
		case 'gap':
			return {status, client, session, sequence} satisfies Answer;
		case 'busy':
		case 'refused': {
			const why = own(value, 'why');
			if (typeof why !== 'string' || why.length > whyLength) return undefined;
			return {status, client, session, sequence, why};
		}
		default:
			return undefined;
	}
}

function readLine(value: unknown): Line | undefined {
	if (!isObject(value)) return undefined;
	const position = own(value, 'position');
	const slot = own(value, 'slot');
	const client = own(value, 'client');
	const sequence = own(value, 'sequence');
	const nick = own(value, 'nick');
	const text = own(value, 'text');
	const at = own(value, 'at');
	if (!isNumber(position) || !isNumber(slot) || !isClient(client) || !isNumber(sequence)) return undefined;
	if (typeof nick !== 'string' || typeof text !== 'string' || !isCount(at)) return undefined;
	return {position, slot, client, sequence, nick, text, at};
}

function readList<T>(value: unknown, read: (item: unknown) => T | undefined): readonly T[] | undefined {
	if (!Array.isArray(value)) return undefined;
	const list: T[] = [];
	for (const item of value as unknown[]) {
		const rebuilt = read(item);
		if (rebuilt === undefined) return undefined;
		list.push(rebuilt);
	}

	return list;
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
	typeof value === 'object' && value !== null;
/** What an object got from its prototype was not on the wire. */
const own = (value: Readonly<Record<string, unknown>>, key: string): unknown =>
	Object.hasOwn(value, key) ? value[key] : undefined;
const isClient = (value: unknown): value is string => typeof value === 'string' && clientPattern.test(value);
/** Of a slot, a position, a sequence: from 1. */
const isNumber = (value: unknown): value is number => isCount(value) && value > 0;

// The rest is rare, and described instead of written.

/** A reason is a line for people, not a page. */
const whyLength = 1000;
const listLength = 10_000;
const count = v.custom<number>(isCount);
const number = v.custom<number>(isNumber);
/** A view, or noView. */
const view = v.union([count, v.literal(-1)]);
const version = count;
const id = v.pipe(count, v.maxValue(1000));
const nonce = v.pipe(v.string(), v.regex(/^[0-9a-f]{32}$/));
const digest = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/));
const name = v.pipe(v.string(), v.minLength(1), v.maxLength(128));
const why = v.pipe(v.string(), v.maxLength(whyLength));
const slots = v.pipe(v.array(number), v.maxLength(listLength));

const identity = {cluster: name, replicas: v.pipe(count, v.minValue(1), v.maxValue(1000)), rules: name};

const weather = v.object({
	view,
	leader: v.nullable(id),
	position: count,
	executed: count,
	hasQuorum: v.boolean(),
	hole: v.nullable(number),
});

const status = v.object({
	view,
	leader: v.nullable(id),
	role: v.picklist(namesOf(roles)),
	isDoubting: v.boolean(),
	accepted: count,
	decided: count,
	delivered: count,
	holes: slots,
	waiting: count,
	skips: slots,
	id,
	now: count,
	executed: count,
	messages: count,
	hash: digest,
	hashSlot: count,
	since: count,
	clients: count,
	hears: v.pipe(v.array(id), v.maxLength(listLength)),
	faults: v.nullable(
		v.object({
			loss: v.pipe(v.number(), v.minValue(0), v.maxValue(1)),
			isIsolated: v.boolean(),
			dropped: count,
		}),
	),
	counts: v.object({retriesAnswered: count, viewsEntered: count, noOps: count}),
	slots: v.exactOptional(
		v.object({
			from: number,
			states: v.pipe(v.string(), v.regex(/^[END^A-]{0,1000}$/)),
			views: v.pipe(v.array(view), v.maxLength(1000)),
		}),
	),
});

/** Every one of them has to stand here: what is not known would be dropped, with all that came with it. */
const kinds: Readonly<Record<StampedNote['kind'], true>> = {
	view: true,
	doubt: true,
	campaign: true,
	leader: true,
	hole: true,
	'no-op': true,
	proposal: true,
	skip: true,
	lag: true,
	admission: true,
	busy: true,
};

const note = v.object({
	kind: v.picklist(namesOf(kinds)),
	view,
	slot: v.exactOptional(count),
	peer: v.exactOptional(id),
	text: why,
	replica: id,
	at: count,
});

/** Takes a value apart by its schema, and stops at the first flaw: a stranger could send many. */
const reader =
	<T>(schema: v.GenericSchema<unknown, T>) =>
	(value: unknown): T | undefined => {
		const result = v.safeParse(schema, value, {abortEarly: true});
		return result.success ? result.output : undefined;
	};

/** A replica that comes to the door of clients is known by its role; the rest of its hello is read at its own. */
export type GuestHello =
	| Exclude<Hello, {readonly role: 'replica'}>
	| {readonly role: 'replica'; readonly version: number};

export const readHello: (value: unknown) => GuestHello | undefined = reader(
	v.variant('role', [
		v.object({role: v.picklist(['client', 'monitor', 'replica']), version}),
		v.object({role: v.literal('administrator'), version, nonce, proof: digest}),
	]),
);

/** A client's secret is long enough not to be guessed: 16 to 128 characters. */
export const readEnter: (value: unknown) => Enter | undefined = reader(
	v.object({
		secrets: v.pipe(v.array(v.pipe(v.string(), v.minLength(16), v.maxLength(128))), v.maxLength(listLength)),
	}),
);

export const readFollow: (value: unknown) => Follow | undefined = reader(v.object({after: count}));
export const readHashOf: (value: unknown) => HashOf | undefined = reader(v.object({slot: count}));

export const readOrder: (value: unknown) => Order | undefined = reader(
	v.variant('kind', [
		v.object({kind: v.picklist(['kill', 'isolate', 'heal'])}),
		v.object({kind: v.literal('skip'), slot: v.nullable(number)}),
		v.object({kind: v.literal('loss'), probability: v.pipe(v.number(), v.minValue(0), v.maxValue(1))}),
	]),
);

export const readChallenge: (value: unknown) => Challenge | undefined = reader(
	v.object({...identity, version, id, nonce}),
);

export const readWelcome: (value: unknown) => Welcome | undefined = reader(
	v.object({id, proof: v.nullable(digest), weather, hasFaults: v.boolean()}),
);

/** Why the connection is about to be closed. */
export const readRefused: (value: unknown) => string | undefined = reader(why);
export const readWeather: (value: unknown) => Weather | undefined = reader(weather);
export const readStatus: (value: unknown) => Status | undefined = reader(status);
export const readNotes: (value: unknown) => readonly StampedNote[] | undefined = reader(
	v.pipe(v.array(note), v.maxLength(listLength)),
);

export const readHash: (value: unknown) => Hash | undefined = reader(
	v.object({slot: count, hash: v.nullable(digest), executed: count}),
);

export const readDone: (value: unknown) => Done | undefined = reader(
	v.variant('ok', [
		v.object({ok: v.literal(true), slot: v.exactOptional(number)}),
		v.object({ok: v.literal(false), why, slot: v.exactOptional(number)}),
	]),
);
