/** The word that was probably meant; undefined if none is close: at most a third of its letters wrong, missing, extra or swapped. */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
	const given = word.toLowerCase();
	let best: {readonly candidate: string; readonly distance: number} | undefined;
	for (const candidate of candidates) {
		const isBeginning = given.length >= 3 && candidate.toLowerCase().startsWith(given);
		const distance = isBeginning ? 1 : distanceOf(given, candidate.toLowerCase());
		const isClose = isBeginning || distance <= Math.max(1, Math.floor(candidate.length / 3));
		if (isClose && (best === undefined || distance < best.distance)) best = {candidate, distance};
	}

	return best?.candidate;
}

/** ` Did you mean KEY?`, or nothing: the end of a line that refuses a word. */
export function suggestion(word: string, candidates: Iterable<string>): string {
	const candidate = nearest(word, candidates);
	return candidate === undefined ? '' : `; did you mean ${candidate}?`;
}

/** Damerau's distance, where a letter takes part in one swap at most. */
function distanceOf(from: string, to: string): number {
	let beforeLast: number[] = [];
	let last = Array.from({length: to.length + 1}, (_, column) => column);
	for (let row = 1; row <= from.length; row++) {
		const next = [row];
		for (let column = 1; column <= to.length; column++) {
			const isSame = from[row - 1] === to[column - 1];
			let least = Math.min(last[column]! + 1, next[column - 1]! + 1, last[column - 1]! + (isSame ? 0 : 1));
			const isSwapped = row > 1 && from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
			if (isSwapped) least = Math.min(least, beforeLast[column - 2]! + 1);
			next.push(least);
		}

		beforeLast = last;
		last = next;
	}

	return last[to.length]!;
}
