import type {Message, Piece, Proposal, Slot, Value, View} from '../consensus/types.ts';
import {decodeValue, encodeValue, isCount, isIncarnation} from '../value-text.ts';

/**
 * Messages between replicas, as packets and back. A message is a row: its type,
 * and its fields in the order in which types.ts has them. Values stand in it as
 * text, so that what goes to all peers and into the journal is encoded once.
 *
 * What comes in is rebuilt into fresh objects field by field. Whatever is not
 * exactly a message is no message, and a packet with such a row in it is none.
 * This is the hot path, hence no schema library: an accept of 400 requests of
 * 100 bytes takes about 0.2 ms, nearly all of it in JSON.parse.
 */
export type Packet = readonly unknown[];

/** Rows in a packet, values in a page: more than any honest replica puts there, few enough to look through. */
const mostItems = 100_000;
/** A packet that holds this many characters of values takes no more messages. */
const packetLength = 1_048_576;
/** Room to go on for ever, and still far from where adding one does nothing. */
const highestView = 2 ** 52;

export const encode = (messages: readonly Message[]): Packet => messages.map(rowOf);

/** The messages of a packet, which may be anything at all; undefined if one of them is not a message. Never throws. */
export function decode(packet: unknown): Message[] | undefined {
	return readList(packet, readMessage);
}

/** In order, in packets of bearable size: what a new primary says in one breath would be too much for a frame. */
export function split(messages: readonly Message[]): ReadonlyArray<readonly Message[]> {
	if (messages.length < 2) return [messages];
	const parts: Message[][] = [];
	let part: Message[] = [];
	let length = 0;
	for (const message of messages) {
		part.push(message);
		length += lengthOf(message);
		if (length < packetLength && part.length < mostItems) continue;
		parts.push(part);
		part = [];
		length = 0;
	}

	if (part.length > 0) parts.push(part);
	return parts;
}

function rowOf(message: Message): readonly unknown[] {
	const {type} = message;
	switch (type) {
		case 'heartbeat':
			return [type, message.view, message.delivered, message.isLeading, message.isDoubting];
		case 'prepare':
			return [type, message.view, message.from];
		case 'promise': {
			const accepted = message.accepted.map(({view, slot, epoch, value}) => [
				view,
				slot,
				epoch,
				encodeValue(value),
			]);
			return [
				type,
				message.view,
				message.from,
				message.until,
				accepted,
				message.since,
				message.admitted,
				message.delivered,
			];
		}
		case 'accept':
			return [type, message.view, message.slot, message.epoch, encodeValue(message.value)];
		case 'accepted':
			return [type, message.view, message.slot];
		case 'request':
			// Like a value that nobody has stamped: one form, and one guard, for requests wherever they are.
			return [type, encodeValue({at: 0, requests: message.requests})];
		case 'ask':
			return [type, message.from];
		case 'decided':
			return [type, message.from, message.values.map(encodeValue), message.delivered];
		case 'forgotten':
			return [type, message.since];
		case 'admit':
			return [type, message.incarnation, message.after];
		case 'fetch':
			return [type, message.after, message.slot, message.offset];
		case 'chunk': {
			const {checkpoint} = message;
			const piece = checkpoint && [checkpoint.slot, checkpoint.offset, checkpoint.text, checkpoint.isLast];
			return [type, message.after, message.lines, piece];
		}
		case 'witness':
			return [type, message.slot, message.digest];
	}
}

function readMessage(row: unknown): Message | undefined {
	if (!Array.isArray(row)) return undefined;
	const [type, one, two, three, four, five, six, seven] = row as unknown[];
	switch (type) {
		case 'heartbeat':
			if (row.length !== 5 || !(isView(one) || one === -1) || !isCount(two)) return undefined;
			if (typeof three !== 'boolean' || typeof four !== 'boolean') return undefined;
			return {type, view: one, delivered: two, isLeading: three, isDoubting: four};
		case 'prepare':
			if (row.length !== 3 || !isView(one) || !isSlot(two)) return undefined;
			return {type, view: one, from: two};
		case 'promise': {
			if (row.length !== 8 || !isView(one) || !isSlot(two)) return undefined;
			if (!isCount(five) || !isCount(six) || !isCount(seven)) return undefined;
			if (three !== null && !isSlot(three)) return undefined;
			const accepted = readList(four, readProposal);
			return (
				accepted && {
					type,
					view: one,
					from: two,
					until: three,
					accepted,
					since: five,
					admitted: six,
					delivered: seven,
				}
			);
		}
		case 'accept': {
			const proposal = readProposal(row.slice(1));
			return proposal && {type, ...proposal};
		}
		case 'accepted':
			if (row.length !== 3 || !isView(one) || !isSlot(two)) return undefined;
			return {type, view: one, slot: two};
		case 'request': {
			const value = row.length === 2 ? readValue(one) : undefined;
			return value?.at === 0 ? {type, requests: value.requests} : undefined;
		}
		case 'ask':
			return row.length === 2 && isSlot(one) ? {type, from: one} : undefined;
		case 'decided': {
			if (row.length !== 4 || !isSlot(one) || !isCount(three)) return undefined;
			const values = readList(two, readValue);
			return values && {type, from: one, values, delivered: three};
		}
		case 'forgotten':
			return row.length === 2 && isSlot(one) ? {type, since: one} : undefined;
		case 'admit':
			if (row.length !== 3 || !isIncarnation(one) || !isCount(two)) return undefined;
			return {type, incarnation: one, after: two};
		case 'fetch':
			if (row.length !== 4 || !isCount(one) || !isCount(two) || !isCount(three)) return undefined;
			return {type, after: one, slot: two, offset: three};
		case 'chunk': {
			if (row.length !== 4 || !isCount(one) || typeof two !== 'string') return undefined;
			const checkpoint = three === null ? null : readPiece(three);
			return checkpoint === undefined ? undefined : {type, after: one, lines: two, checkpoint};
		}
		case 'witness':
			if (row.length !== 3 || !isSlot(one) || !isDigest(two)) return undefined;
			return {type, slot: one, digest: two};
		default:
			return undefined;
	}
}

function readProposal(row: unknown): Proposal | undefined {
	if (!Array.isArray(row) || row.length !== 4) return undefined;
	const [view, slot, epoch, text] = row as unknown[];
	if (!isView(view) || !isSlot(slot) || !isCount(epoch)) return undefined;
	const value = readValue(text);
	return value && {view, slot, epoch, value};
}

function readPiece(row: unknown): Piece | undefined {
	if (!Array.isArray(row) || row.length !== 4) return undefined;
	const [slot, offset, text, isLast] = row as unknown[];
	if (!isSlot(slot) || !isCount(offset) || typeof text !== 'string') return undefined;
	return typeof isLast === 'boolean' ? {slot, offset, text, isLast} : undefined;
}

/**
 * The text goes into the journal as it came, and must come back from there as
 * the same value: so it is one line, begins as encodeValue begins it, and
 * survives UTF-8.
 */
function readValue(text: unknown): Value | undefined {
	if (typeof text !== 'string' || !text.startsWith('{"at":')) return undefined;
	if (text.includes('\n') || !text.isWellFormed()) return undefined;
	return decodeValue(text);
}

/** All of the list, or nothing. */
function readList<Item>(list: unknown, readItem: (item: unknown) => Item | undefined): Item[] | undefined {
	if (!Array.isArray(list) || list.length > mostItems) return undefined;
	const items: Item[] = [];
	for (const element of list as unknown[]) {
		const item = readItem(element);
		if (item === undefined) return undefined;
		items.push(item);
	}

	return items;
}

const isView = (value: unknown): value is View => isCount(value) && value <= highestView;
const isDigest = (value: unknown): value is string =>
	typeof value === 'string' && /^[0-9a-f]{64}$/.test(value);
const isSlot = (value: unknown): value is Slot => isCount(value) && value >= 1;

function lengthOf(message: Message): number {
	switch (message.type) {
		case 'accept':
			return encodeValue(message.value).length;
		case 'decided':
			return message.values.reduce((length, value) => length + encodeValue(value).length, 0);
		case 'promise':
			return message.accepted.reduce((length, {value}) => length + encodeValue(value).length, 0);
		case 'request':
			return message.requests.reduce((length, {text}) => length + text.length + 100, 0);
		case 'chunk':
			return message.lines.length + (message.checkpoint?.text.length ?? 0);
		default:
			return 0;
	}
}
