import type {Direction} from './evidence.ts';
import {brokenLinks} from './partition.ts';

/** Replica 0 hears nobody, and is heard by everybody. */
const links: readonly Direction[] = [
	[1, 0],
	[2, 0],
];

/** A primary whose signs of life arrive, and who can decide nothing: whoever only listens for it waits for ever. */
export const oneWayPrimary = brokenLinks({
	name: 'one-way-primary',
	tells: 'the primary is heard and hears nobody: another one leads, and stays',
	f: 1,
	links,
});
