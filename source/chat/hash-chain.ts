import {createHash, type Hash} from 'node:crypto';
import type {Slot} from '../consensus/types.ts';

/**
 * The running hash of a chat log: h(0) is 32 zero bytes, and
 * h(s) = SHA-256(h(s-1), s as 8 bytes big-endian, the lines of s with their newlines).
 * Slots without lines count too, so that two replicas can be compared at any
 * equal slot, and equal hashes mean equal logs up to there.
 */
export const chainStart: Buffer = Buffer.alloc(32);

/** `text`: the lines of this slot as they stand in chat.log, '' if it has none. */
export function chain(previous: Buffer, slot: Slot, text: string): Buffer {
	return beginLink(previous, slot).update(text, 'utf8').digest();
}

/** The same for lines that come as bytes, in pieces: what is to be updated with them, and then digested. */
export function beginLink(previous: Buffer, slot: Slot): Hash {
	number.writeBigUInt64BE(BigInt(slot));
	return createHash('sha256').update(previous).update(number);
}

const number = Buffer.alloc(8);
