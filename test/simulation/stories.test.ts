import {expect, test} from '@jest/globals';
import {perform, stories} from './stories.ts';

/** More of them with STORY_SEEDS=10, for those who change the core. */
const seeds = Array.from({length: Number(process.env.STORY_SEEDS ?? 1)}, (_, index) => index + 1);

for (const story of stories) {
	test(`${story.name}, n=${story.n}`, () => {
		const failures = seeds.flatMap(seed => {
			const why = perform(story, seed);
			return why === undefined ? [] : `seed ${seed}: ${why}`;
		});
		expect(failures).toEqual([]);
	});
}
