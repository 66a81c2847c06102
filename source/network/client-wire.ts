import * as v from 'valibot';
import type {Answer, Line} from '../chat/types.ts';
import type {ReplicaId, Request} from '../consensus/types.ts';
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
	type LinesRows,
	nickPattern,
	type Order,
	type Reply,
	type Said,
	type SaidRow,
	type SayRow,
	type StampedNote,
	type Status,
	type TurnedAway,
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

// The three that carry the traffic are rows, written and read by hand: they are made for every message.

/** `speaker`: the number of the request's client on this connection. */
export const sayRow = (speaker: number, {session, sequence, nick, text}: Request): SayRow => [
	speaker,
	session,
	sequence,
	nick,
	text,
];

/**
 * `clients`: those of this connection, by number. A row of anybody else is no
 * request. The shape alone: what a request may say is the business of `refusalOf`.
 */
export function readSay(value: unknown, clients: readonly string[]): readonly Request[] | undefined {
	return readRows(value, row => readRequest(row, clients));
}

/** To the client with this number. */
export function saidRow(speaker: number, answer: Answer | TurnedAway): SaidRow {
	const {status, session, sequence} = answer;
	switch (status) {
		case 'ok':
			return [speaker, session, sequence, answer.position, answer.slot];
		case 'opened':
			return [speaker, session, sequence, status, answer.nonce];
		case 'expired':
		case 'gap':
			return [speaker, session, sequence, status];
		case 'busy':
		case 'refused':
			return [speaker, session, sequence, status, answer.why];
	}
}

export const turnedAway = (
	{client, session, sequence}: Request,
	status: TurnedAway['status'],
	why: string,
): TurnedAway => ({status, client, session, sequence, why});

export function readSaid(value: unknown): Said | undefined {
	return readRows(value, readReply);
}

export const linesOf = (lines: readonly Line[], isLive: boolean): LinesRows => ({
	lines: lines.map(({position, slot, client, sequence, nick, text, at}) => [
		position,
		slot,
		client,
		sequence,
		nick,
		text,
		at,
	]),
	isLive,
});

/** Also sees to it that there is no gap in the lines. */
export function readLines(value: unknown): Lines | undefined {
	if (typeof value !== 'object' || value === null) return undefined;
	if (!Object.hasOwn(value, 'lines') || !Object.hasOwn(value, 'isLive')) return undefined;
	const {lines: rows, isLive} = value as {readonly lines: unknown; readonly isLive: unknown};
	const lines = readRows(rows, readLine);
	if (typeof isLive !== 'boolean' || lines === undefined) return undefined;
	for (let index = 1; index < lines.length; index++)
		if (lines[index]!.position !== lines[index - 1]!.position + 1) return undefined;
	return {lines, isLive};
}

/** Why this request cannot go into the log, as a line for people; undefined if it can. Clients may ask before they send. */
export function refusalOf({session, sequence, nick, text}: Request): string | undefined {
	const isPlain = plainNick.test(nick);
	if (!isPlain && !nickPattern.test(nick)) return 'a nick is 1 to 16 letters, digits, _ or -';
	// The screens speak under these names.
	const name = isPlain ? nick : nick.normalize('NFKC');
	if (nick === '--' || (name.length === 6 && name.toLowerCase() === 'system'))
		return `the nick ${nick} is taken`;
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

/** Why no new messages are taken, as a line for people: these disks are nearly full, where `f` replicas may fail. */
export function noRoom(full: readonly ReplicaId[], f: number): string {
	const names = full.map(id => `r${id}`).join(' and ');
	const disks = full.length === 1 ? `the disk of ${names} is` : `the disks of ${names} are`;
	return `${disks} nearly full${full.length > f ? '' : ' and too few others are heard'}; make room there`;
}

/** The usual nick, told from the others without the tables of Unicode. */
const plainNick = /^[A-Za-z0-9_-]{1,16}$/;

function readRequest(row: readonly unknown[], clients: readonly string[]): Request | undefined {
	const [speaker, session, sequence, nick, text] = row;
	if (row.length !== 5 || !isCount(speaker) || !isCount(session) || !isCount(sequence)) return undefined;
	const client = clients[speaker];
	if (client === undefined || typeof nick !== 'string' || typeof text !== 'string') return undefined;
	return {client, session, sequence, nick, text};
}

function readReply(row: readonly unknown[]): Reply | undefined {
	const [speaker, session, sequence, what, more] = row;
	if (!isCount(speaker) || !isCount(session) || !isCount(sequence)) return undefined;
	if (isNumber(what)) {
		if (row.length !== 5 || !isNumber(more)) return undefined;
		return {status: 'ok', speaker, session, sequence, position: what, slot: more};
	}

	switch (what) {
		case 'opened':
			if (row.length !== 5 || !isNonce(more)) return undefined;
			return {status: what, speaker, nonce: more, session, sequence};
		case 'expired':
		case 'gap':
			return row.length === 4 ? {status: what, speaker, session, sequence} : undefined;
		case 'busy':
		case 'refused':
			if (row.length !== 5 || typeof more !== 'string' || more.length > whyLength) return undefined;
			return {status: what, speaker, session, sequence, why: more};
		default:
			return undefined;
	}
}

function readLine(row: readonly unknown[]): Line | undefined {
	const [position, slot, client, sequence, nick, text, at] = row;
	if (row.length !== 7 || !isNumber(position) || !isNumber(slot) || !isNumber(sequence)) return undefined;
	if (typeof client !== 'string' || !clientPattern.test(client)) return undefined;
	if (typeof nick !== 'string' || typeof text !== 'string' || !isCount(at)) return undefined;
	return {position, slot, client, sequence, nick, text, at};
}

function readRows<T>(value: unknown, read: (row: readonly unknown[]) => T | undefined): T[] | undefined {
	if (!Array.isArray(value)) return undefined;
	const list: T[] = [];
	for (const row of value as unknown[]) {
		const rebuilt = Array.isArray(row) ? read(row) : undefined;
		if (rebuilt === undefined) return undefined;
		list.push(rebuilt);
	}

	return list;
}

/** Of a slot, a position, a sequence: from 1. */
const isNumber = (value: unknown): value is number => isCount(value) && value > 0;

// The rest is rare, and described instead of written.

const namesOf = <Name extends string>(names: Readonly<Record<Name, true>>): Name[] =>
	Object.keys(names) as Name[];
const roles: Readonly<Record<Status['role'], true>> = {
	primary: true,
	candidate: true,
	backup: true,
	learner: true,
};

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
	full: v.pipe(v.array(id), v.maxLength(listLength)),
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
