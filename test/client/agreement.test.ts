import {describe, expect, test} from '@jest/globals';
import {type Comparable, compare} from '../../source/client/agreement.ts';
import type {Hash} from '../../source/network/events.ts';

/** What a replica remembers: hashes of slots from `from` to `executed`, all beginning with its letter. */
type Memory = {
	readonly executed: number;
	readonly from?: number;
	readonly letter?: string;
	readonly isSilent?: boolean;
};
const hashOf = (letter: string, slot: number): string => letter + slot.toString(16).padStart(63, '0');

function ask(memories: readonly Memory[], asked: string[] = []) {
	return (id: number, slot: number): Promise<Hash | null> => {
		asked.push(`r${id}@${slot}`);
		const {executed, from = 1, letter = 'a', isSilent = false} = memories[id]!;
		if (isSilent) return Promise.resolve(null);
		const hash = slot >= from && slot <= executed ? hashOf(letter, slot) : null;
		return Promise.resolve({slot, hash, executed});
	};
}

const at = (...executed: number[]): Comparable[] => executed.map((each, id) => ({id, executed: each}));

describe('compare', () => {
	test('at the highest slot that all have executed, though some have gone on', async () => {
		const memories = [{executed: 130}, {executed: 125}, {executed: 118}];
		expect(await compare(at(120, 117, 118), ask(memories))).toEqual({
			state: 'identical',
			comparedAt: 117,
			hashes: [0, 1, 2].map(id => ({id, hash: hashOf('a', 117)})),
			leftOut: [],
			sentence: 'identical up to slot 117 on r0 r1 r2',
		});
	});

	test('one that has another chat is told by name', async () => {
		const memories = [{executed: 50}, {executed: 50}, {executed: 50, letter: 'b'}];
		const agreement = await compare(at(50, 50, 50), ask(memories));
		expect(agreement).toMatchObject({
			state: 'diverged',
			comparedAt: 50,
			sentence: 'DIVERGENCE r0 != r2 at slot <= 50',
		});
	});

	test('one that is further behind than the others remember is left out, and that is said', async () => {
		const memories = [{executed: 20_000, from: 10_001}, {executed: 400}, {executed: 19_990, from: 9_991}];
		expect(await compare(at(20_000, 400, 19_990), ask(memories))).toMatchObject({
			state: 'identical',
			comparedAt: 19_990,
			leftOut: [1],
			sentence: 'identical up to slot 19990 on r0 r2; left out, too far behind: r1',
		});
	});

	test('one that was restarted meanwhile is compared where it is now', async () => {
		const memories = [{executed: 50}, {executed: 30}, {executed: 50}];
		expect(await compare(at(50, 50, 50), ask(memories))).toMatchObject({state: 'identical', comparedAt: 30});
	});

	test('one that does not answer is not compared', async () => {
		const memories = [{executed: 50}, {executed: 40, isSilent: true}, {executed: 50}];
		const agreement = await compare(at(50, 40, 50), ask(memories));
		expect(agreement).toMatchObject({state: 'identical', leftOut: []});
		expect(agreement.hashes.map(({id}) => id)).toEqual([0, 2]);
	});

	test('nothing to compare: unknown', async () => {
		expect(await compare([], ask([]))).toMatchObject({state: 'unknown', comparedAt: null});
		expect(await compare(at(50), ask([{executed: 50}]))).toMatchObject({state: 'unknown', comparedAt: null});
		const apart = [{executed: 20_000, from: 10_001}, {executed: 5}];
		expect(await compare(at(20_000, 5), ask(apart))).toMatchObject({state: 'unknown', leftOut: [1]});
	});

	test('before the first slot all are the same, and nobody need be asked', async () => {
		const asked: string[] = [];
		expect(await compare(at(0, 3, 0), ask([], asked))).toMatchObject({state: 'identical', comparedAt: 0});
		expect(asked).toEqual([]);
	});

	test('a replica that tells tales does not keep us at it for ever', async () => {
		let executed = 1000;
		const agreement = await compare(at(1000, 1000), (id, slot) =>
			Promise.resolve(
				id === 0 ? {slot, hash: hashOf('a', slot), executed: 1000} : {slot, hash: null, executed: --executed},
			),
		);
		expect(agreement.state).toBe('unknown');
	});
});
