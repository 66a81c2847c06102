import {allBut, brokenLinks} from './partition.ts';

/** A star: only replica 2 hears the others, and is heard by them. */
const links = allBut(5, (one, other) => one === 2 || other === 2);

/** Every replica but one has lost the majority, the primary too: that one must lead, although it is not the next in line. */
export const quorumLoss = brokenLinks({
	name: 'quorum-loss',
	tells: 'of five replicas only one still reaches a majority, and it is not the primary: it leads, and stays',
	f: 2,
	links,
});
