import {allBut, brokenLinks} from './partition.ts';

/** Nobody hears replica 0, and it hears nobody. */
const links = allBut(3, (one, other) => one !== 0 && other !== 0);

/** A primary on an island believes that it leads; what it is told there may be acknowledged by nobody. */
export const cutOffPrimary = brokenLinks({
	name: 'cut-off-primary',
	tells: 'the primary is cut off from all others, with clients on its side: another one leads, and stays',
	f: 1,
	links,
});
