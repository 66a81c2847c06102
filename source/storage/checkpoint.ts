import {createHash} from 'node:crypto';
import {dirname} from 'node:path';
import type {ChatState} from '../chat/chat.ts';
import {plainOf, stateOf} from '../chat/chat-state.ts';
import type {Slot} from '../consensus/types.ts';
import {Failure, lostMemory} from '../failure.ts';
import {isCount} from '../value-text.ts';
import {type Files, isMissing, realFiles, realReader, writeDurably} from './files.ts';
import {readPastCache} from './past-cache.ts';

/** The chat after `slot`, and how many bytes of chat.log that is: the journal up to this slot can go. */
export type Checkpoint = ChatState & {readonly bytes: number};

const format = 1;
type Read = (path: string) => Promise<Buffer>;
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

/** The checkpoint that was made before the one at this path. */
export const previousOf = (path: string): string => `${path}.previous`;

/**
 * The new checkpoint gets its name when it was read again from the disk and is
 * what was written; the one before it stays as the previous one. chat.log has
 * to be synced up to its bytes already. Rejects with the error of the disk, or
 * with a Failure if the disk holds something else.
 */
export async function writeCheckpoint(
	path: string,
	checkpoint: Checkpoint,
	{files = realFiles, readBack = readPastCache}: {files?: Files; readBack?: Read} = {},
): Promise<void> {
	const content = encodeCheckpoint(checkpoint);
	const unnamed = `${path}.new`;
	await writeDurably(unnamed, content, files);
	if (!content.equals(await readBack(unnamed)))
		throw new Failure(
			`${unnamed}: the disk does not hold what was written to it; see to the disk, then start again`,
		);
	// A crash in between leaves no checkpoint but the previous one, and the journal behind that.
	await files.rename(path, previousOf(path)).catch(unlessMissing);
	await files.rename(unnamed, path);
	await files.syncDirectory(dirname(path));
}

/** Undefined if there is none. Throws a Failure if it is damaged. */
export async function readCheckpoint(
	path: string,
	read: Read = realReader.read,
): Promise<Checkpoint | undefined> {
	const content = await read(path).catch(unlessMissing);
	return content && checkpointIn(path, content);
}

export function encodeCheckpoint(checkpoint: Checkpoint): Buffer {
	const text = JSON.stringify({format, bytes: checkpoint.bytes, ...plainOf(checkpoint)});
	return Buffer.from(`${sha256(text)}\n${text}\n`);
}

/** Throws a Failure if it is damaged. */
export function checkpointIn(path: string, content: Buffer): Checkpoint {
	const [, hash, text] = /^([0-9a-f]{64})\n(.*)\n$/s.exec(content.toString()) ?? [];
	const isIntact = text !== undefined && sha256(text) === hash;
	const checkpoint = isIntact ? decode(text) : undefined;
	if (checkpoint) return checkpoint;
	const reason = isIntact
		? 'is not of a kind that this version knows'
		: 'is damaged: its checksum does not match';
	throw new Failure(`${path} ${reason}`);
}

/**
 * The checkpoint to start from with a journal that begins after `since`: the
 * newest; if it is damaged or gone the one before it, which then takes its
 * place; or none, if the journal has everything. `tell` hears which of them is
 * damaged. Throws a Failure if none of them reaches the beginning of the journal.
 */
export async function recoverCheckpoint(
	path: string,
	since: Slot,
	tell: (text: string) => void,
	{files = realFiles, read = realReader.read}: {files?: Files; read?: Read} = {},
): Promise<Checkpoint | undefined> {
	const newest = await look(path, since, read);
	if (newest.checkpoint) return newest.checkpoint;
	const previous = await look(previousOf(path), since, read);
	const {checkpoint} = previous;
	if (!checkpoint && since > 0)
		throw lostMemory(`${newest.why}; ${previous.why}; the journal begins after slot ${since}`);
	if (checkpoint) {
		tell(`${newest.why}: starts from the one before it, of slot ${checkpoint.slot}, and the journal`);
		await files.rename(previousOf(path), path);
	} else if (newest.isThere || previous.isThere) {
		tell(`${newest.why}; ${previous.why}: starts from the journal alone, which has everything`);
		await files.removeAll(path);
		await files.removeAll(previousOf(path));
	}

	await files.syncDirectory(dirname(path));
	return checkpoint;
}

/** A checkpoint that a journal can go on from, or why there is none. */
async function look(path: string, since: Slot, read: Read) {
	try {
		const checkpoint = await readCheckpoint(path, read);
		if (!checkpoint) return {why: `${path} is missing`, isThere: false};
		if (checkpoint.slot >= since) return {checkpoint, why: '', isThere: true};
		return {why: `${path} is of slot ${checkpoint.slot}`, isThere: true};
	} catch (error) {
		if (!(error instanceof Failure)) throw error;
		return {why: error.message, isThere: true};
	}
}

function unlessMissing(error: unknown): undefined {
	if (!isMissing(error)) throw error;
}

function decode(text: string): Checkpoint | undefined {
	const data = JSON.parse(text);
	const state = data.format === format && isCount(data.bytes) ? stateOf(data) : undefined;
	return state && {...state, bytes: data.bytes};
}
