import type {Evidence} from './evidence.ts';

/** What one session said, in order. */
type Words = Evidence['histories'][number];

/** From a moment to the next answer of each session that had been answered before `known`; for ever, if none came. */
export const waitsAfter = ({histories}: Evidence, at: number, known = at): readonly number[] =>
	sessionsOf(histories)
		.filter(words => words.some(({end}) => end !== null && end < known))
		.map(words => firstAnswer(words, at) - at);

/** From the first word to the first answer, of each session that said nothing before a moment; for ever, if none came. */
export const newcomersWaits = ({histories}: Evidence, at: number): readonly number[] =>
	sessionsOf(histories)
		.map(words => ({words, begun: Math.min(...words.map(({start}) => start))}))
		.filter(({begun}) => begun > at)
		.map(({words, begun}) => firstAnswer(words, begun) - begun);

function sessionsOf(histories: Evidence['histories']): readonly Words[] {
	const sessions = new Map<string, Array<Words[number]>>();
	for (const operation of histories.flat()) {
		const words = sessions.get(operation.client);
		if (words === undefined) sessions.set(operation.client, [operation]);
		else words.push(operation);
	}

	return [...sessions.values()];
}

const firstAnswer = (words: Words, after: number): number =>
	words.reduce(
		(first, {end}) => (end !== null && end > after ? Math.min(first, end) : first),
		Number.POSITIVE_INFINITY,
	);

/** Of waits, the longest in whole milliseconds; null if there is none, or one for ever. */
export const longestOf = (waits: readonly number[]): number | null => {
	const longest = waits.reduce((most, wait) => Math.max(most, wait), 0);
	return waits.length === 0 || longest === Number.POSITIVE_INFINITY ? null : Math.round(longest);
};
