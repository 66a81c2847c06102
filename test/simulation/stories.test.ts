import {expect, test} from '@jest/globals';
import {perform, stories} from './stories.ts';

const seeds = [1, 2];

for (const story of stories) {
	test(`${story.name}, n=${story.n}`, () => {
		const failures = seeds.flatMap(seed => {
			const why = perform(story, seed);
			return why === undefined ? [] : `seed ${seed}: ${why}`;
		});
		expect(failures).toEqual([]);
	});
}
