import type {Direction} from './evidence.ts';
import {brokenLinks} from './partition.ts';

/** Replicas 0 and 1 do not hear each other; replica 2 hears both, and is heard by both. */
const links: readonly Direction[] = [
	[0, 1],
	[1, 0],
];

/** The next in line believes that the primary is dead, and is told by the third that it lives: nobody may take over, again and again. */
export const cutPair = brokenLinks({
	name: 'cut-pair',
	tells:
		'the primary and the next in line do not hear each other, the third hears both: no view changes for it',
	f: 1,
	links,
	isHarmless: true,
});
