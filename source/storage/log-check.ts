import {open} from 'node:fs/promises';
import {setImmediate as others} from 'node:timers/promises';
import {beginLink, chainStart} from '../chat/hash-chain.ts';
import type {Slot} from '../consensus/types.ts';
import {Failure} from '../failure.ts';
import type {Checkpoint} from './checkpoint.ts';

/** Some milliseconds of work, whatever the lines are; and more than the longest line. */
const pieceBytes = 262_144;
/** Some milliseconds of hashing. */
const biteSlots = 2000;

/** Gives these bytes of a file, and fewer only where it ends; they may be gone when the next are asked for. */
export type ReadPart = (from: number, to: number) => Promise<Buffer>;

/** What a log holds at a start, as it is being looked through. */
export type FirstLook = {
	/** Rejects with a Failure that names what is damaged. */
	readonly whole: Promise<void>;
	/** Ends it early: then nobody may rely on it. */
	stop(): Promise<void>;
};

/**
 * Looks through a chat.log, up to what a checkpoint names, as fast as the
 * machine does it, in bites between which others go on. It reads what readers
 * will be given, and so through the memory of the system.
 */
export function lookThrough(path: string, checkpoint: Checkpoint | undefined): FirstLook {
	let isInVain = false;
	const look = async () => {
		if (!checkpoint) return;
		const file = await open(path, 'r');
		try {
			// One buffer for all: that many of them would take much memory until they are collected.
			const buffer = Buffer.allocUnsafeSlow(pieceBytes);
			const read: ReadPart = async (from, to) => {
				const {bytesRead} = await file.read(buffer, 0, to - from, from);
				return buffer.subarray(0, bytesRead);
			};
			for await (const _ of checkLog(path, checkpoint, read, pieceBytes)) {
				if (isInVain) return;
				await others();
			}
		} finally {
			await file.close();
		}
	};
	const whole = look();
	return {
		whole,
		stop() {
			isInVain = true;
			return whole.catch(() => {});
		},
	};
}

/**
 * Follows the hash chain over a chat.log, which must come to the hash that the
 * checkpoint names; yields after each bite. The lines are taken as bytes, and
 * only their slots are read, as the chain covers every byte: that is many times
 * faster than to decode them. Throws a Failure that names what is damaged.
 */
export async function* checkLog(
	path: string,
	{slot: lastSlot, bytes, hash: expected}: Checkpoint,
	read: ReadPart,
	size: number,
): AsyncGenerator<void, void, undefined> {
	const noLine = (start: number) =>
		damaged(path, `at byte ${start}: there is no line as this program writes it`);
	/** The chain up to before this slot, and on to its lines so far. There is no slot 0. */
	let slot: Slot = 0;
	let link = beginLink(chainStart, 0);
	let hash: Buffer = chainStart;
	const step = () => {
		if (slot > 0) hash = link.digest();
		slot++;
		link = beginLink(hash, slot);
	};

	for (let from = 0; from < bytes; ) {
		const piece = await read(from, Math.min(from + size, bytes));
		const end = piece.lastIndexOf(10) + 1;
		if (end === 0) throw noLine(from);
		let taken = 0;
		for (let start = 0; start < end; start = piece.indexOf(10, start) + 1) {
			const next = slotAt(piece, start);
			if (next === undefined) throw noLine(from + start);
			if (next < Math.max(slot, 1) || next > lastSlot)
				throw damaged(path, `at byte ${from + start}: no line of slot ${next} can stand there`);
			if (next === slot) continue;
			if (start > taken) link.update(piece.subarray(taken, start));
			taken = start;
			for (let count = 1; slot < next; count++) {
				step();
				if (count % biteSlots === 0) yield;
			}
		}

		link.update(piece.subarray(taken, end));
		from += end;
		yield;
	}

	// One beyond the last: with it the chain over the last is complete.
	for (let count = 1; slot <= lastSlot; count++) {
		step();
		if (count % biteSlots === 0) yield;
	}

	if (hash.toString('hex') !== expected)
		throw damaged(path, `before byte ${bytes}: its lines do not have the hash that the checkpoint names`);
}

const head = Buffer.from('{"position":');
const middle = Buffer.from(',"slot":');
const comma = 44;

/**
 * Of the line that begins at this byte; undefined if it does not begin as a
 * line does. Done by hand, as a regular expression takes ten times as long,
 * which is longer than to hash the line.
 */
function slotAt(bytes: Buffer, start: number): Slot | undefined {
	if (!hasAt(bytes, start, head)) return undefined;
	let at = start + head.length;
	while (isDigit(bytes[at])) at++;
	if (!hasAt(bytes, at, middle)) return undefined;
	at += middle.length;
	const first = at;
	let slot = 0;
	for (; isDigit(bytes[at]); at++) slot = slot * 10 + bytes[at]! - 48;
	return at > first && bytes[at] === comma ? slot : undefined;
}

function hasAt(bytes: Buffer, start: number, text: Buffer): boolean {
	for (let index = 0; index < text.length; index++) if (bytes[start + index] !== text[index]) return false;
	return true;
}

const isDigit = (byte: number | undefined) => byte !== undefined && byte >= 48 && byte <= 57;

const damaged = (path: string, where: string) =>
	new Failure(
		`${path} is damaged ${where}; this replica stops; copy the file from another replica, where it is the same, and start again`,
	);
