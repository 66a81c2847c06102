import {beforeAll, expect, test} from '@jest/globals';
import {hunt, type Mutant, mutants} from './mutants.ts';

/**
 * Proof that the net catches fish: each of these deliberate bugs is found by
 * the one play, story, seed, scope or test that is noted beside it. Where that one has
 * changed, the whole net is cast, to tell what may be noted instead.
 */
const catches = new Map<string, string>();
const atOnce = 2;

beforeAll(async () => {
	const waiting = [...mutants];
	const work = async () => {
		for (let mutant = waiting.shift(); mutant; mutant = waiting.shift()) {
			catches.set(mutant.name, await outcome(mutant));
		}
	};
	await Promise.all(Array.from({length: atOnce}, work));
}, 600_000);

async function outcome(mutant: Mutant): Promise<string> {
	try {
		const why = await hunt(mutant, mutant.caught);
		return why === undefined
			? `not by what is noted, but: ${(await hunt(mutant)) ?? 'it survives'}`
			: `caught: ${why}`;
	} catch (error) {
		return (error as Error).message;
	}
}

for (const {name, caught} of mutants) {
	test(`${name}: ${caught}`, () => {
		expect(catches.get(name)).toMatch(/^caught/);
		// A text that does not even run shows nothing.
		expect(catches.get(name)).not.toMatch(/is not defined|is not a function|Cannot read prop|SyntaxError/);
	});
}

test('there are enough of them, each with a name of its own', () => {
	expect(new Set(mutants.map(({name}) => name)).size).toBe(mutants.length);
	expect(mutants.length).toBeGreaterThanOrEqual(80);
});
