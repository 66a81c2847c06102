import {allBut, brokenLinks} from './partition.ts';

/** At first replica 2 misses something. Then the primary is alone, and only replica 2 reaches a majority. */
const before = allBut(5, (one, other) => one !== 2 && other !== 2);
const links = allBut(5, (one, other) => (one === 2 || other === 2) && one !== 0 && other !== 0);

/** The only replica that can be elected is one that lags: it must lead, and learn before it does. */
export const constrained = brokenLinks({
	name: 'constrained',
	tells:
		'of five replicas only one that has missed something still reaches a majority: it learns, leads, and stays',
	f: 2,
	before,
	links,
});
