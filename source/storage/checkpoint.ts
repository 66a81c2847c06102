import {createHash} from 'node:crypto';
import type {ChatState, SessionState} from '../chat/chat.ts';
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
	const {slot, position, bytes, hash, at, sessions} = checkpoint;
	const rows = sessions.map(one => [one.client, one.session, one.sequence, one.position, one.slot]);
	const text = JSON.stringify({format, slot, position, bytes, hash, at, sessions: rows});
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
	const {format: written, slot, position, bytes, hash, at, sessions: rows} = JSON.parse(text);
	if (written !== format || !isCount(slot) || !isCount(position) || !isCount(bytes) || !isCount(at))
		return undefined;
	if (typeof hash !== 'string' || !/^[0-9a-f]{64}$/.test(hash) || !Array.isArray(rows)) return undefined;
	const sessions: SessionState[] = [];
	for (const row of rows as unknown[]) {
		if (!Array.isArray(row) || row.length !== 5) return undefined;
		const [client, session, sequence, position, slot] = row as unknown[];
		if (typeof client !== 'string' || !isCount(session) || !isCount(sequence)) return undefined;
		if (!isCount(position) || !isCount(slot)) return undefined;
		sessions.push({client, session, sequence, position, slot});
	}

	return {slot, position, bytes, hash, at, sessions};
}
