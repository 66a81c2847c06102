import {expect, test} from '@jest/globals';
import {calmRoundTrip} from '../../source/client/round-trip.ts';

test.each([
	[null, 5, 5],
	[1, 4, 1],
	[1, 4.1, 4.1],
	[20, 29, 20],
	[20, 11, 20],
	[20, 31, 31],
	[20, 9, 9],
])('after %p a round trip of %p ms is one of %p', (last, ms, shown) => {
	expect(calmRoundTrip(last, ms)).toBe(shown);
});
