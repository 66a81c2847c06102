import type {Request, Value} from './consensus/types.ts';

/**
 * A value as text: encoded once, by the primary, it travels and is written as
 * it is. `{"at":…,"requests":[["client",session,sequence,"nick","text"],…]}`
 * without line breaks.
 */
const texts = new WeakMap<Value, string>();

export function encodeValue(value: Value): string {
	const known = texts.get(value);
	if (known !== undefined) return known;
	const rows = value.requests.map(({client, session, sequence, nick, text}) => [
		client,
		session,
		sequence,
		nick,
		text,
	]);
	const text = JSON.stringify({at: value.at, requests: rows});
	texts.set(value, text);
	return text;
}

/** It was written and sent. Kept in memory with its text a value takes twice its size; who needs it again encodes it again. */
export const forgetText = (value: Value): void => void texts.delete(value);

/** Rebuilds a value from text that may be anything; undefined if it is not one. */
export function decodeValue(text: string): Value | undefined {
	let parsed: unknown;
	try {
		parsed = JSON.parse(text);
	} catch {
		return undefined;
	}

	if (typeof parsed !== 'object' || parsed === null || Object.keys(parsed).length !== 2) return undefined;
	const {at, requests: rows} = parsed as {at?: unknown; requests?: unknown};
	if (!isCount(at) || !Array.isArray(rows)) return undefined;
	const requests: Request[] = [];
	for (const row of rows as unknown[]) {
		if (!Array.isArray(row) || row.length !== 5) return undefined;
		const [client, session, sequence, nick, text] = row as unknown[];
		if (typeof client !== 'string' || !isCount(session) || !isCount(sequence)) return undefined;
		if (typeof nick !== 'string' || typeof text !== 'string') return undefined;
		requests.push({client, session, sequence, nick, text});
	}

	const value = {at, requests};
	texts.set(value, text);
	return value;
}

/** A whole number from 0 that adding one to does not spoil. */
export const isCount = (value: unknown): value is number =>
	typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 && value < Number.MAX_SAFE_INTEGER;
