import {isCount} from '../value-text.ts';
import type {ChatState, SessionState} from './chat.ts';

/** A state as plain data that takes little room: sessions as rows. */
export function plainOf({slot, position, at, hash, sessions}: ChatState) {
	const rows = sessions.map(one => [
		one.client,
		one.session,
		one.nonce,
		one.sequence,
		one.position,
		one.slot,
	]);
	return {slot, position, at, hash, sessions: rows};
}

/** Rebuilds a state from data that may be anything; undefined if it is not one. */
export function stateOf(data: unknown): ChatState | undefined {
	if (typeof data !== 'object' || data === null) return undefined;
	const {slot, position, at, hash, sessions: rows} = data as Record<string, unknown>;
	if (!isCount(slot) || !isCount(position) || !isCount(at)) return undefined;
	if (typeof hash !== 'string' || !/^[0-9a-f]{64}$/.test(hash) || !Array.isArray(rows)) return undefined;
	const sessions: SessionState[] = [];
	const clients = new Set<string>();
	for (const row of rows as unknown[]) {
		if (!Array.isArray(row) || row.length !== 6) return undefined;
		const [client, session, nonce, sequence, lastPosition, lastSlot] = row as unknown[];
		if (typeof client !== 'string' || typeof nonce !== 'string' || !isCount(session) || !isCount(sequence))
			return undefined;
		if (!isCount(lastPosition) || !isCount(lastSlot)) return undefined;
		// Nobody was opened or executed beyond the state, and a client has one session.
		if (session > slot || lastSlot > slot || lastPosition > position || clients.has(client)) return undefined;
		clients.add(client);
		sessions.push({client, session, nonce, sequence, position: lastPosition, slot: lastSlot});
	}

	return {slot, position, at, hash, sessions};
}
