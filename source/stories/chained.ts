import {allBut, brokenLinks} from './partition.ts';

/** A chain: 0 - 1 - 2 - 3 - 4. */
const links = allBut(5, (one, other) => Math.abs(one - other) === 1);

/** The primary stands at the end of a chain: its neighbour hears it well, and it reaches no majority. */
export const chained = brokenLinks({
	name: 'chained',
	tells: 'five replicas in a chain, the primary at its end: one from the middle leads, and stays',
	f: 2,
	links,
});
