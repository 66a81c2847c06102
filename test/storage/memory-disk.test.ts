import {describe, expect, test} from '@jest/globals';
import type {Entry} from '../../source/consensus/types.ts';
import {Random} from '../../source/simulator/random.ts';
import {MemoryDisk} from '../../source/storage/memory-disk.ts';
import {accepted, decided, diskContract, type Rig, view} from './disk.contract.ts';

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
			disk.rotate(restated, 0, removeOlder => {
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
		disk.rotate([view(1)], 0, removeOlder => {
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

describe('the bytes of a memory disk', () => {
	/** Lives a life of some lives: writes, rotations, crashes, starts. `look` sees it after each step. */
	const live = (seed: number, look: (disk: MemoryDisk, random: Random) => void) => {
		const random = new Random(seed);
		const time = new Time();
		const disk = new MemoryDisk(time.later, () => 1 + random.below(5), 20);
		let slot = 0;
		const entries = () =>
			Array.from({length: random.below(4)}, () => accepted(++slot, 'x'.repeat(random.below(200))));
		const write = (run: () => void) => random.chance(0.5) && run();
		disk.start();
		for (let step = 0; step < 60; step++) {
			const die = random.next();
			if (die < 0.5) disk.append(entries(), () => {});
			else if (die < 0.6) disk.defer(entries());
			else if (die < 0.7) {
				const {remove} = disk.older;
				disk.rotate([view(step), ...entries()], slot, older => {
					write(remove);
					write(older);
				});
			} else if (die < 0.75) disk.close();
			else if (die < 0.85) {
				disk.crash(count => random.below(count + 1), random.chance(0.5));
				disk.start();
			}

			for (let turn = random.below(3); turn > 0; turn--) time.step();
			look(disk, random);
		}
	};

	test('are read as what it holds, whenever somebody asks', () => {
		let rotations = 0;
		let trims = 0;
		for (let seed = 1; seed <= 100; seed++) {
			live(seed, (disk, random) => {
				if (random.chance(0.7)) return;
				const other = new MemoryDisk(
					() => {},
					() => 1,
				);
				const {rotation, last} = other.reopen(disk.picture.image);
				expect(other.entries).toEqual(disk.entries);
				expect([other.since, other.groups]).toEqual([disk.since, disk.groups]);
				expect([other.older.since, last?.number]).toEqual([disk.older.since, disk.groups]);
				if (rotation) rotations++;
				if (other.since > 0) trims++;
			});
		}

		expect(rotations).toBeGreaterThan(100);
		expect(trims).toBeGreaterThan(100);
	});

	test('a write that came to its end is there, and nothing that was there before is gone', () => {
		let writes = 0;
		for (let seed = 1; seed <= 50; seed++) {
			live(seed, disk => {
				const written = disk.pictureOfWrite;
				if (!written?.place) return;
				writes++;
				const other = new MemoryDisk(
					() => {},
					() => 1,
				);
				other.reopen(written.image);
				expect(other.groups).toBe(disk.groups + 1);
				expect(other.entries.slice(0, disk.entries.length)).toEqual(disk.entries);
				// Without it all is as before.
				const {segment, from, to} = written.place;
				written.image.segments.find(({number}) => number === segment)!.content.fill(0, from, to);
				other.reopen(written.image);
				expect(other.entries).toEqual(disk.entries);
			});
		}

		expect(writes).toBeGreaterThan(100);
	});

	test('what a failed sync left in the cache is written again at the next start', () => {
		const time = new Time();
		const disk = new MemoryDisk(time.later, () => 10);
		disk.start();
		disk.append([view(1)], () => {});
		disk.crash((_count, underWay) => underWay, true);
		const lost = () => {
			const {image, place} = disk.picture;
			image.segments.find(({number}) => number === place?.segment)?.content.fill(0, place!.from, place!.to);
			const other = new MemoryDisk(time.later, () => 10);
			other.reopen(image);
			return other.entries;
		};
		expect(disk.entries).toEqual([view(1)]);
		expect(lost()).toEqual([]);
		disk.start();
		expect(disk.picture.place).toBeDefined();
		expect(lost()).toEqual([view(1)]);
	});
});
