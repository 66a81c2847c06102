import {expect} from 'expect';

/**
 * As much of jest as some of our tests need, for a process that has no time to
 * start all of it: a file of tests runs in plain Node, the first failure is
 * what counts.
 */
type Run = (...row: never[]) => unknown;
type Test = {readonly name: string; readonly run: () => unknown; readonly around: Around};
type Around = {readonly before: readonly Run[]; readonly after: readonly Run[]};

const tests: Test[] = [];
let around: Around = {before: [], after: []};

const add = (name: string, run: () => unknown) => tests.push({name, run, around: {...around}});
const each =
	<Row>(rows: readonly Row[]) =>
	(name: string, run: (...row: unknown[]) => unknown) => {
		for (const row of rows) add(name, () => (Array.isArray(row) ? run(...row) : run(row)));
	};

export {expect};
export const test = Object.assign((name: string, run: () => unknown) => void add(name, run), {each});
export const jest = {setTimeout() {}};
export const beforeEach = (run: Run) => {
	around = {...around, before: [...around.before, run]};
};
export const afterEach = (run: Run) => {
	around = {...around, after: [run, ...around.after]};
};
/** Only tells something. */
export const afterAll = (_run: Run) => {};

export function describe(_name: string, run: () => void) {
	const outer = around;
	run();
	around = outer;
}

/** Why a test failed; undefined if none did. `part`: of the names of those that are run. */
export async function firstFailure(part: string): Promise<string | undefined> {
	const chosen = tests.filter(({name}) => name.includes(part));
	if (chosen.length === 0) throw new Error(`there is no test "${part}"`);
	for (const {name, run, around} of chosen) {
		try {
			for (const prepare of around.before) await prepare();
			await run();
		} catch (error) {
			return `${name}: ${(error as Error).message}`;
		} finally {
			for (const clean of around.after) await clean();
		}
	}

	return undefined;
}
