import {createHash} from 'node:crypto';
import type {Admitted} from '../consensus/types.ts';
import {isCount, isIncarnation} from '../value-text.ts';
import type {ChatState, SessionState} from './chat.ts';

/** A state as plain data that takes little room: sessions as rows. */
export function plainOf({slot, position, at, hash, sessions, admitted}: ChatState) {
	const rows = sessions.map(one => [
		one.client,
		one.session,
		one.nonce,
		one.sequence,
		one.position,
		one.slot,
	]);
	const admissions = admitted.map(one => [one.replica, one.incarnation, one.slot]);
	return {slot, position, at, hash, sessions: rows, admitted: admissions};
}

/** Equal states have equal digests, on every replica and in every life: it covers all of a state. */
export const digestOf = (state: ChatState): string => sha256(JSON.stringify(plainOf(state)));

/** A state as text: its digest, and then all of it. */
export function encodeState(state: ChatState): string {
	const text = JSON.stringify(plainOf(state));
	return `${sha256(text)}\n${text}`;
}

/** Rebuilds a state from text that may be anything; undefined if it is not one, or not the one of its digest. */
export function decodeState(text: string): {readonly state: ChatState; readonly digest: string} | undefined {
	const end = text.indexOf('\n');
	const digest = text.slice(0, end);
	try {
		const state = stateOf(JSON.parse(text.slice(end + 1)));
		return state && digestOf(state) === digest ? {state, digest} : undefined;
	} catch {
		return undefined;
	}
}

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

/** Rebuilds a state from data that may be anything; undefined if it is not one. */
export function stateOf(data: unknown): ChatState | undefined {
	if (typeof data !== 'object' || data === null) return undefined;
	const {slot, position, at, hash, sessions: rows, admitted: admissions} = data as Record<string, unknown>;
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

	const admitted = admittedOf(admissions, slot);
	return admitted && {slot, position, at, hash, sessions, admitted};
}

function admittedOf(rows: unknown, last: number): Admitted[] | undefined {
	if (!Array.isArray(rows)) return undefined;
	const admitted: Admitted[] = [];
	for (const row of rows as unknown[]) {
		if (!Array.isArray(row) || row.length !== 3) return undefined;
		const [replica, incarnation, slot] = row as unknown[];
		if (!isCount(replica) || !isIncarnation(incarnation) || !isCount(slot) || slot > last) return undefined;
		// In the order of the log, as they are made.
		if (slot <= (admitted.at(-1)?.slot ?? 0)) return undefined;
		admitted.push({replica, incarnation, slot});
	}

	return admitted;
}
