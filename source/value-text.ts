import type {Admission, Request, Value} from './consensus/types.ts';

/**
 * A value as text: encoded once, by the primary, it travels and is written as
 * it is. `{"at":…,"requests":[["client",session,sequence,"nick","text"],…]}`
 * without line breaks; of an admission `{"at":…,"requests":[],"admission":[replica,"incarnation",after]}`.
 */
const texts = new WeakMap<Value, string | typeof forgotten>();
const forgotten = Symbol('forgotten');

export function encodeValue(value: Value): string {
	const known = texts.get(value);
	if (typeof known === 'string') return known;
	const rows = value.requests.map(({client, session, sequence, nick, text}) => [
		client,
		session,
		sequence,
		nick,
		text,
	]);
	const {at, admission} = value;
	const row = admission && [admission.replica, admission.incarnation, admission.after];
	const text = JSON.stringify({at, requests: rows, admission: row});
	if (known !== forgotten) texts.set(value, text);
	return text;
}

/** Who needs it from now on encodes it every time. Kept in memory with its text a value takes twice its size. */
export const forgetText = (value: Value): void => void texts.set(value, forgotten);

/** Rebuilds a value from text that may be anything; undefined if it is not one. */
export function decodeValue(text: string): Value | undefined {
	let parsed: unknown;
	try {
		parsed = JSON.parse(text);
	} catch {
		return undefined;
	}

	if (typeof parsed !== 'object' || parsed === null) return undefined;
	const {
		at,
		requests: rows,
		admission: row,
	} = parsed as {at?: unknown; requests?: unknown; admission?: unknown};
	const admission = row === undefined ? undefined : decodeAdmission(row);
	if (Object.keys(parsed).length !== (admission ? 3 : 2)) return undefined;
	if (!isCount(at) || !Array.isArray(rows)) return undefined;
	const requests: Request[] = [];
	for (const row of rows as unknown[]) {
		if (!Array.isArray(row) || row.length !== 5) return undefined;
		const [client, session, sequence, nick, text] = row as unknown[];
		if (typeof client !== 'string' || !isCount(session) || !isCount(sequence)) return undefined;
		if (typeof nick !== 'string' || typeof text !== 'string') return undefined;
		requests.push({client, session, sequence, nick, text});
	}

	if (admission && requests.length > 0) return undefined;
	const value = admission ? {at, requests, admission} : {at, requests};
	texts.set(value, text);
	return value;
}

function decodeAdmission(row: unknown): Admission | undefined {
	if (!Array.isArray(row) || row.length !== 3) return undefined;
	const [replica, incarnation, after] = row as unknown[];
	if (!isCount(replica) || !isIncarnation(incarnation) || !isCount(after)) return undefined;
	return {replica, incarnation, after};
}

/** The name of a memory: 128 bits that were drawn when it was begun, in hex. */
export const isIncarnation = (value: unknown): value is string =>
	typeof value === 'string' && /^[0-9a-f]{32}$/.test(value);

/** A whole number from 0 that adding one to does not spoil. JSON knows -0, which nobody honest writes. */
export const isCount = (value: unknown): value is number =>
	typeof value === 'number' &&
	Number.isSafeInteger(value) &&
	value >= 0 &&
	value < Number.MAX_SAFE_INTEGER &&
	!Object.is(value, -0);
