import {expect, test} from '@jest/globals';
import {majorityOf, nextViewOf, noView, primaryOf, rankOf} from '../../source/consensus/views.ts';

const sizes = [1, 3, 5, 7];

test('view v belongs to replica v mod n, before the first view to nobody yet', () => {
	expect([0, 1, 2, 3, 4].map(view => primaryOf(view, 3))).toEqual([0, 1, 2, 0, 1]);
	expect(nextViewOf(0, noView, 3)).toBe(0);
	expect(rankOf(0, noView, 3)).toBe(0);
});

test.each(sizes)('n=%i: the next view of a replica is the first one above that it owns', replicas => {
	for (let view = noView; view < 3 * replicas; view++) {
		for (let id = 0; id < replicas; id++) {
			const next = nextViewOf(id, view, replicas);
			expect(next).toBeGreaterThan(view);
			expect(next).toBeLessThanOrEqual(view + replicas);
			expect(primaryOf(next, replicas)).toBe(id);
		}
	}
});

test.each(sizes)(
	'n=%i: the line of succession holds everybody once, the primary of the view last',
	replicas => {
		const ids = Array.from({length: replicas}, (_, id) => id);
		for (let view = 0; view < 2 * replicas; view++) {
			const line = [...ids].sort((a, b) => rankOf(a, view, replicas) - rankOf(b, view, replicas));
			expect(line.map(id => rankOf(id, view, replicas))).toEqual(ids);
			expect(line[0]).toBe(primaryOf(view + 1, replicas));
			expect(line.at(-1)).toBe(primaryOf(view, replicas));
		}
	},
);

test.each(sizes)('n=%i: two majorities share a replica, and f may be missing', replicas => {
	expect(2 * majorityOf(replicas)).toBeGreaterThan(replicas);
	expect(majorityOf(replicas)).toBe(replicas - (replicas - 1) / 2);
});
