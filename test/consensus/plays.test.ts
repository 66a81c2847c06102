import {readdirSync, readFileSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {expect, test} from '@jest/globals';
import {perform} from '../../source/simulator/play.ts';

/**
 * A play is a script, a line `---`, and what happens when it is performed.
 * `UPDATE_PLAYS=1` writes down anew what happens; what its `expect` lines say
 * must come true all the same.
 */
const folder = join(import.meta.dirname, 'plays');
const isUpdate = process.env.UPDATE_PLAYS === '1';

for (const name of readdirSync(folder).sort()) {
	test(`play: ${name.replace('.txt', '').replaceAll('-', ' ')}`, () => {
		const path = join(folder, name);
		const [script, expected] = readFileSync(path, 'utf8').split('\n---\n');
		const told = perform(script!);
		if (isUpdate) writeFileSync(path, `${script!.trimEnd()}\n---\n${told}`);
		else expect(told).toBe(expected);
	});
}

test('there are plays', () => {
	expect(readdirSync(folder).length).toBeGreaterThanOrEqual(20);
});
