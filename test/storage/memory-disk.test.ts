import {describe, expect, test} from '@jest/globals';
import type {Entry} from '../../source/consensus/types.ts';
import {MemoryDisk} from '../../source/storage/memory-disk.ts';
import {decided, diskContract, type Rig, view} from './disk.contract.ts';

/** Virtual time: what is due next, in order. */
class Time {
	now = 0;
	readonly #due: {readonly at: number; readonly run: () => void}[] = [];

	readonly later = (delay: number, run: () => void) => {
		const at = this.now + delay;
		const index = this.#due.findIndex(other => other.at > at);
		this.#due.splice(index === -1 ? this.#due.length : index, 0, {at, run});
	};

	step(): boolean {
		const next = this.#due.shift();
		if (!next) return false;
		this.now = next.at;
		next.run();
		return true;
	}

	until(condition: () => boolean) {
		while (!condition())
			if (!this.step()) throw new Error('nothing more happens, and the condition does not hold');
	}
}

const makeRig = (keep: (count: number) => number): Rig => {
	const time = new Time();
	let delay = 0;
	const disk = new MemoryDisk(time.later, () => 1 + (delay++ % 5));
	return {
		start: async () => ({disk, entries: [...disk.entries]}),
		rotate(restated) {
			const rotation = {isDone: false, removeOlder: async () => {}};
			disk.rotate(restated, removeOlder => {
				rotation.isDone = true;
				rotation.removeOlder = async () => removeOlder();
			});
			return rotation;
		},
		crash: async () => disk.crash(keep),
		until: async condition => time.until(condition),
		idle: async () => {
			while (time.step());
		},
		dispose: async () => {},
	};
};

diskContract('a memory disk that loses what it can', async () => makeRig(() => 0), 300);
let crashes = 0;
diskContract('a memory disk that keeps some', async () => makeRig(count => ++crashes % (count + 1)), 300);

describe('a memory disk', () => {
	const make = () => {
		const time = new Time();
		return {time, disk: new MemoryDisk(time.later, () => 10, 100)};
	};

	test('gathers what comes while a write is under way', () => {
		const {time, disk} = make();
		const done: [string, number][] = [];
		disk.append([view(1)], () => done.push(['first', time.now]));
		disk.append([view(2)], () => done.push(['second', time.now]));
		disk.append([view(3)], () => done.push(['third', time.now]));
		expect(disk.unsynced).toBe(3);
		time.until(() => done.length === 3);
		expect(done).toEqual([
			['first', 10],
			['second', 20],
			['third', 20],
		]);
		expect(disk.unsynced).toBe(0);
	});

	test('keeps as much of what was not synced as the crash says', () => {
		for (let kept = 0; kept <= 4; kept++) {
			const {disk} = make();
			disk.append([view(1), view(2)], () => {});
			disk.append([view(3)], () => {});
			disk.defer([decided(4)]);
			const counts: number[] = [];
			disk.crash(count => {
				counts.push(count);
				return kept;
			});
			expect(counts).toEqual([4]);
			expect(disk.entries).toEqual([view(1), view(2), view(3), decided(4)].slice(0, kept));
		}
	});

	test('refuses a crash that keeps more than there is', () => {
		const {disk} = make();
		disk.append([view(1)], () => {});
		expect(() => disk.crash(() => 2)).toThrow('cannot keep 2 of 1');
	});

	test('ends no write while it is stalled, and goes on when it is resumed', () => {
		const {time, disk} = make();
		let done = 0;
		disk.append([view(1)], () => done++);
		disk.stall();
		disk.append([view(2)], () => done++);
		while (time.step());
		expect(done).toBe(0);
		expect(disk.entries).toEqual([]);
		disk.resume();
		time.until(() => done === 2);
		expect(disk.entries).toEqual([view(1), view(2)]);
	});

	test('a stall ends with a crash, and what it held is lost', () => {
		const {time, disk} = make();
		const done: Entry[] = [];
		disk.append([view(1)], () => done.push(view(1)));
		disk.stall();
		while (time.step());
		disk.crash(() => 0);
		disk.append([view(2)], () => done.push(view(2)));
		time.until(() => done.length > 0);
		expect(done).toEqual([view(2)]);
		expect(disk.entries).toEqual([view(2)]);
	});

	test('a callback may crash it: the ones after are not called', () => {
		const {time, disk} = make();
		let second = false;
		disk.append([], () => disk.crash(() => 0));
		disk.append([], () => {
			second = true;
		});
		while (time.step());
		expect(second).toBe(false);
	});

	test('a write of an older life does not end the one that is under way now', () => {
		const {time, disk} = make();
		disk.append([view(1)], () => {});
		time.later(6, () => {
			disk.crash(() => 0);
			disk.append([view(2)], () => {});
		});
		time.until(() => time.now >= 10);
		expect(disk.entries).toEqual([]);
		time.until(() => disk.entries.length > 0);
		expect(time.now).toBe(16);
	});

	test('an older life removes nothing', () => {
		const {time, disk} = make();
		let remove: (() => void) | undefined;
		disk.append([view(1)], () => {});
		disk.rotate([view(1)], removeOlder => {
			remove = removeOlder;
		});
		time.until(() => remove !== undefined);
		disk.crash(() => 0);
		remove?.();
		expect(disk.entries).toEqual([view(1), view(1)]);
	});

	test('says how much is in the write under way', () => {
		const {disk} = make();
		const counts: number[][] = [];
		const crash = () =>
			disk.crash((...numbers) => {
				counts.push(numbers);
				return 0;
			});
		disk.append([view(1), view(2)], () => {});
		disk.append([view(3)], () => {});
		crash();
		disk.defer([view(1)]);
		crash();
		expect(counts).toEqual([
			[3, 2],
			[1, 0],
		]);
	});

	test('a write that fails is the last one, until the next life', () => {
		const {time, disk} = make();
		let done = 0;
		let errors = 0;
		disk.fail(() => errors++);
		disk.append([view(1)], () => done++);
		disk.append([view(2)], () => done++);
		while (time.step());
		expect([done, errors]).toEqual([0, 1]);
		expect(disk.entries).toEqual([]);
		disk.crash(() => 1);
		disk.append([view(3)], () => done++);
		while (time.step());
		expect([done, errors]).toEqual([1, 1]);
		expect(disk.entries).toEqual([view(1), view(3)]);
	});

	test('what was repaired in time does not fail', () => {
		const {time, disk} = make();
		let done = 0;
		disk.fail(() => {
			throw new Error('it fails all the same');
		});
		disk.append([view(1)], () => done++);
		disk.repair();
		while (time.step());
		expect(done).toBe(1);
	});
});
