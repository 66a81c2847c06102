import {createHash} from 'node:crypto';
import type {ChatState} from '../chat/chat.ts';
import {plainOf, stateOf} from '../chat/chat-state.ts';
import {Failure} from '../failure.ts';
import {isCount} from '../value-text.ts';
import {readIfThere, writeAtomically} from './files.ts';

/** The chat after `slot`, and how many bytes of chat.log that is: the journal up to this slot can go. */
export type Checkpoint = ChatState & {readonly bytes: number};

const format = 1;
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

/**
 * The checkpoint before it stays until this one is durable. chat.log has to be
 * synced up to its bytes already. Rejects with the error of the disk.
 */
export async function writeCheckpoint(path: string, checkpoint: Checkpoint): Promise<void> {
	const text = JSON.stringify({format, bytes: checkpoint.bytes, ...plainOf(checkpoint)});
	await writeAtomically(path, `${sha256(text)}\n${text}\n`);
}

/** Undefined if there is none. Throws a Failure if it is damaged: nothing else holds what it stands for. */
export async function readCheckpoint(path: string): Promise<Checkpoint | undefined> {
	const content = await readIfThere(path);
	if (content === undefined) return undefined;
	const [, hash, text] = /^([0-9a-f]{64})\n(.*)\n$/s.exec(content) ?? [];
	const isIntact = text !== undefined && sha256(text) === hash;
	const checkpoint = isIntact ? decode(text) : undefined;
	if (checkpoint) return checkpoint;
	const reason = isIntact
		? 'is not of a kind that this version knows'
		: 'is damaged: its checksum does not match';
	throw new Failure(`${path} ${reason}; this replica does not vote; the others go on without it`);
}

function decode(text: string): Checkpoint | undefined {
	const data = JSON.parse(text);
	const state = data.format === format && isCount(data.bytes) ? stateOf(data) : undefined;
	return state && {...state, bytes: data.bytes};
}
