import {describe, expect, test} from '@jest/globals';
import {Pace} from '../source/pace.ts';

/** A line, on which a page takes its time, and a peer that asks for one after the other. */
function ask(pace: Pace, pages: number, msOf: (bytes: number, page: number) => number): number[] {
	const sizes: number[] = [];
	let now = 1000;
	let first = 0;
	for (let page = 0; page < pages; page++) {
		const bytes = pace.bytesFor(first, now);
		sizes.push(bytes);
		pace.sent(first, first + bytes, bytes, true, now);
		first += bytes;
		now += msOf(bytes, page);
	}

	return sizes;
}

const kibibyte = 1024;

describe('a page is as large as the line carries in a moment', () => {
	test.each([
		['64 kbit/s', 8],
		['1 Mbit/s', 125],
		['10 Mbit/s', 1250],
	])('%s', (_, bytesPerMs) => {
		for (const wayMs of [1, 150]) {
			const sizes = ask(new Pace(), 200, bytes => wayMs + bytes / bytesPerMs);
			expect(sizes[0]).toBe(2 * kibibyte);
			expect(sizes.every(Number.isInteger)).toBe(true);
			const longestMs = Math.max(...sizes.slice(1)) / bytesPerMs;
			expect(longestMs).toBeLessThanOrEqual(Math.max(100, (4 * kibibyte) / bytesPerMs));
			const bytes = sizes.reduce((sum, size) => sum + size, 0);
			const carriedMs = bytes / bytesPerMs;
			// The way itself takes its time, and a page keeps the line busy for 50 ms of it.
			expect(carriedMs / (carriedMs + 200 * wayMs)).toBeGreaterThan(wayMs === 1 ? 0.9 : 0.2);
		}
	});

	test('a fast line has the largest after some pages, near or far', () => {
		for (const [wayMs, pages] of [
			[1, 6],
			[20, 8],
			[200, 8],
		] as const) {
			const sizes = ask(new Pace(), pages + 100, bytes => wayMs + bytes / 100_000);
			expect(sizes.slice(pages)).toEqual(Array(100).fill(256 * kibibyte));
		}
	});

	test('what slows down a page now and then does not make the others small', () => {
		const sizes = ask(new Pace(), 300, (_, page) => (page % 3 === 0 ? 5 : 300));
		expect(Math.min(...sizes.slice(40))).toBeGreaterThan(200 * kibibyte);
	});

	test('a way that has become longer is no line that has become slower', () => {
		const sizes = ask(new Pace(), 300, (bytes, page) => (page < 20 ? 2 : 200) + bytes / 100_000);
		expect(sizes.slice(100)).toContain(256 * kibibyte);
		const sum = sizes.slice(100).reduce((all, size) => all + size, 0);
		expect(sum / 200).toBeGreaterThan(100 * kibibyte);
	});

	test('a line that has become slower is noticed within some pages', () => {
		const sizes = ask(new Pace(), 60, (bytes, page) => 2 + bytes / (page < 20 ? 100_000 : 125));
		expect(Math.max(...sizes.slice(30))).toBeLessThan(12 * kibibyte);
	});
});

describe('what is asked for again', () => {
	const sent = () => {
		const pace = new Pace();
		expect(pace.bytesFor(10, 0)).toBe(2048);
		pace.sent(10, 20, 2048, true, 0);
		return pace;
	};

	test('is not sent twice while it is under way, and each time that is longer', () => {
		const pace = sent();
		expect([pace.bytesFor(10, 100), pace.bytesFor(19, 199)]).toEqual([0, 0]);
		expect(pace.bytesFor(10, 250)).toBe(2048);
		pace.sent(10, 20, 2048, true, 250);
		expect([pace.bytesFor(10, 640), pace.bytesFor(10, 660)]).toEqual([0, 2048]);
	});

	test('is under way for as long as the line needs for it', () => {
		const pace = sent();
		expect(pace.bytesFor(20, 100)).toBeGreaterThan(0);
		pace.sent(20, 21, 204_800, false, 100);
		expect([pace.bytesFor(20, 5000), pace.bytesFor(20, 11_000)]).toEqual([0, 2048]);
	});

	test('is sent when another beginning is asked for', () => {
		expect([sent().bytesFor(9, 100), sent().bytesFor(21, 100)]).toEqual([2048, 2048]);
	});
});

test('a question that comes some time after the last page tells nothing of the line', () => {
	const pace = new Pace();
	ask(pace, 10, () => 1);
	const end = 10_000_000;
	pace.sent(end, end + 1, 100, false, 2000);
	expect(pace.bytesFor(end + 1, 2001)).toBe(2048);
});
