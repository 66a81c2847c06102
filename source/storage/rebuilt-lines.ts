import {open} from 'node:fs/promises';
import {Chat} from '../chat/chat.ts';
import {readAt} from '../chat/log-lines.ts';
import type {Entry, Slot, Value} from '../consensus/types.ts';
import type {Checkpoint} from './checkpoint.ts';

const chunkBytes = 262_144;

/**
 * Executes again what a journal holds behind a checkpoint, as a start does it,
 * and gives the first byte of chat.log that is another one than what comes of
 * it; undefined if there is none. Neither has to reach as far as the other: the
 * log is not synced line by line, and that a slot is decided is written down
 * later than its vote. Nor is the unfinished end of a crash any damage, if
 * the system has filled it up with zeros.
 */
export async function firstForeignByte(
	path: string,
	checkpoint: Checkpoint | undefined,
	entries: readonly Entry[],
	sessions: number,
): Promise<number | undefined> {
	const chat = new Chat({sessions}, checkpoint);
	const decided = decidedIn(entries);
	const file = await open(path, 'r');
	try {
		let offset = checkpoint?.bytes ?? 0;
		for (;;) {
			const slot = chat.slot + 1;
			const value = decided.get(slot);
			if (!value) return undefined;
			const expected = Buffer.from(chat.execute(slot, value).text);
			const found = await readAt(file, offset, expected.length);
			if (!found.equals(expected.subarray(0, found.length))) {
				const at = offset + found.findIndex((byte, index) => byte !== expected[index]);
				return (await isZeroFrom(at)) ? undefined : at;
			}

			if (found.length < expected.length) return undefined;
			offset += expected.length;
		}
	} finally {
		await file.close();
	}

	async function isZeroFrom(start: number): Promise<boolean> {
		for (let at = start; ; ) {
			const chunk = await readAt(file, at, chunkBytes);
			if (chunk.length === 0) return true;
			if (chunk.some(byte => byte !== 0)) return false;
			at += chunk.length;
		}
	}
}

/** A mark without a value means the one that was accepted last before it. */
function decidedIn(entries: readonly Entry[]): Map<Slot, Value> {
	const accepted = new Map<Slot, Value>();
	const decided = new Map<Slot, Value>();
	for (const entry of entries) {
		if (entry.type === 'accepted') accepted.set(entry.slot, entry.value);
		if (entry.type !== 'decided') continue;
		const value = entry.value ?? accepted.get(entry.slot);
		if (value) decided.set(entry.slot, value);
	}

	return decided;
}
