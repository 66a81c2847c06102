import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {cpSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync} from 'node:fs';
import {mkdir, rm} from 'node:fs/promises';
import {join} from 'node:path';
import {setTimeout as wait} from 'node:timers/promises';
import {fileURLToPath} from 'node:url';
import {describe, expect, jest, test} from '@jest/globals';
import fc from 'fast-check';
import type {Entry} from '../../source/consensus/types.ts';
import {Failure} from '../../source/failure.ts';
import {headerBytes} from '../../source/storage/group.ts';
import {Journal} from '../../source/storage/journal.ts';
import {recover} from '../../source/storage/recovery.ts';
import {watermarkOf} from '../../source/storage/watermark.ts';
import {encodeValue} from '../../source/value-text.ts';
import {accepted, decided, diskContract, view} from './disk.contract.ts';
import {JournalRig, temporaryDirectory, until} from './journal-rig.ts';

// These wait for a real disk, which may be busy with other things.
jest.setTimeout(30_000);

diskContract('a journal', () => JournalRig.make(), 25);

/** Runs on a rig, and takes its directory away afterwards. */
async function onRig(
	run: (rig: JournalRig) => Promise<void>,
	options: ConstructorParameters<typeof JournalRig>[1] = {},
) {
	const rig = await JournalRig.make(options);
	try {
		await run(rig);
	} finally {
		await rig.dispose();
	}
}

const segmentsOf = (directory: string) =>
	readdirSync(directory)
		.filter(name => name.endsWith('.segment'))
		.map(name => join(directory, name));

function copyJournal(from: string, to: string): void {
	cpSync(from, to, {recursive: true});
	cpSync(watermarkOf(from), watermarkOf(to));
}

/** The segment that was written last, and where each group begins and ends in it. */
function lastSegment(directory: string) {
	for (const path of segmentsOf(directory).toReversed()) {
		const buffer = readFileSync(path);
		const groups: {start: number; end: number}[] = [];
		let start = 0;
		while (start + headerBytes <= buffer.length && buffer[start] === 0xff) {
			const end = start + headerBytes + buffer.readUInt32LE(start + 8);
			groups.push({start, end});
			start = end;
		}
		if (groups.length > 0) return {path, buffer, groups};
	}
	throw new Error('no segment holds a group');
}

const refusal = async (directory: string): Promise<Failure> => {
	try {
		await recover(directory);
	} catch (error) {
		expect(error).toBeInstanceOf(Failure);
		const {message} = error as Failure;
		expect(message).not.toContain('\n');
		expect(message).toContain(directory);
		return error as Failure;
	}
	throw new Error('the journal was not refused');
};

describe('the end of a journal after a crash', () => {
	/** Three acknowledged groups and a last one, all in one segment. */
	const write = async (rig: JournalRig) => {
		await rig.start();
		for (let slot = 1; slot <= 3; slot++) await rig.write(accepted(slot, `text ${slot}`), decided(slot));
		await rig.write(accepted(4, 'the last'), decided(4));
		await rig.crash();
		return lastSegment(rig.directory);
	};
	const firstThree = [1, 2, 3].flatMap(slot => [accepted(slot, `text ${slot}`), decided(slot)]);
	const all = [...firstThree, accepted(4, 'the last'), decided(4)];

	test('cut at any byte of its last group, it opens with all before it', () =>
		onRig(
			async rig => {
				const {path, buffer, groups} = await write(rig);
				const {start, end} = groups.at(-1)!;
				for (let length = end; length >= start; length--) {
					truncateSync(path, length);
					const {entries} = await recover(rig.directory);
					expect(entries).toEqual(length === end ? all : firstThree);
				}
				// The same with the zeros of the segment behind the cut, which is how a crash leaves it.
				for (let length = start; length < end; length++) {
					const torn = Buffer.from(buffer);
					torn.fill(0, length);
					writeFileSync(path, torn);
					const {entries, tornAt} = await recover(rig.directory);
					const isWhole = torn.equals(buffer);
					expect(entries).toEqual(isWhole ? all : firstThree);
					if (!isWhole) expect(tornAt).toEqual(length === start ? undefined : {path, offset: start});
				}
			},
			{segmentBytes: 4096, idleMs: 1_000_000},
		));

	test('torn in any order of its sectors, or followed by rubbish, it is cut and never called damaged', () =>
		onRig(
			async rig => {
				await rig.start();
				await rig.write(view(1));
				await rig.write(accepted(1, 'x'.repeat(6000)));
				await rig.crash();
				const {path, buffer, groups} = lastSegment(rig.directory);
				const {start, end} = groups.at(-1)!;
				await fc.assert(
					fc.asyncProperty(
						fc.array(fc.boolean(), {minLength: 14, maxLength: 14}),
						fc.uint8Array({maxLength: 300}),
						async (sectors, rubbish) => {
							const torn = Buffer.from(buffer);
							for (const [index, isWritten] of sectors.entries()) {
								const from = Math.max(start, Math.floor(start / 512 + index) * 512);
								const to = Math.floor(start / 512 + index + 1) * 512;
								if (!isWritten) torn.fill(0, from, Math.min(to, end));
							}
							const isWhole = torn.equals(buffer);
							torn.set(rubbish, end);
							writeFileSync(path, torn);
							const {entries} = await recover(rig.directory);
							expect(entries).toEqual(isWhole ? [view(1), accepted(1, 'x'.repeat(6000))] : [view(1)]);
						},
					),
					{numRuns: 100},
				);
			},
			{segmentBytes: 16_384, idleMs: 1_000_000},
		));

	test('recovers, appends, crashes again, recovers: an old torn end hides nothing that is newer', () =>
		onRig(
			async rig => {
				const {path, groups} = await write(rig);
				truncateSync(path, groups.at(-1)!.end - 1);
				const second = await rig.start();
				expect(second.entries).toEqual(firstThree);
				expect(second.tornAt).toEqual({path, offset: groups.at(-1)!.start});
				await rig.write(view(7));
				await rig.write(view(8));
				await rig.crash();

				const again = lastSegment(rig.directory);
				expect(again.path).not.toBe(path);
				truncateSync(again.path, again.groups.at(-1)!.end - 3);
				expect((await rig.start()).entries).toEqual([...firstThree, view(7)]);
				await rig.write(view(9));
				await rig.crash();
				const last = await rig.start();
				expect(last.entries).toEqual([...firstThree, view(7), view(9)]);
				expect(last.tornAt).toBeUndefined();
			},
			{idleMs: 1_000_000},
		));

	test('the last group is written again: what could only be read from a cache may vanish afterwards', () =>
		onRig(
			async rig => {
				const {path, buffer, groups} = await write(rig);
				expect((await rig.start()).entries).toEqual(all);
				await rig.write(view(5));
				await rig.crash();
				const lost = Buffer.from(buffer);
				lost.fill(0, groups.at(-1)!.start);
				writeFileSync(path, lost);
				expect((await rig.start()).entries).toEqual([...all, view(5)]);
			},
			{idleMs: 1_000_000},
		));

	test('many restarts leave few segments', () =>
		onRig(async rig => {
			await write(rig);
			for (let life = 0; life < 10; life++) {
				expect((await rig.start()).entries).toEqual(all);
				await rig.crash();
			}
			expect(segmentsOf(rig.directory).length).toBeLessThanOrEqual(4);
		}));
});

describe('damage in a journal', () => {
	test('any flipped bit of a group that is followed by another is refused with file and offset', () =>
		onRig(
			async rig => {
				await rig.start();
				await rig.write(view(1));
				await rig.write(accepted(1, 'damaged soon'), view(2));
				await rig.write(view(3));
				await rig.write(view(4));
				await rig.crash();
				const {path, buffer, groups} = lastSegment(rig.directory);
				for (const {start, end} of groups.slice(0, -1)) {
					for (let bit = start * 8; bit < end * 8; bit += 3) {
						const flipped = Buffer.from(buffer);
						flipped[bit >> 3] = flipped[bit >> 3]! ^ (1 << (bit & 7));
						writeFileSync(path, flipped);
						expect((await refusal(rig.directory)).message).toContain(`${path}: damaged at byte ${start}`);
					}
				}
				await expect(rig.start()).rejects.toThrow(`${path}: damaged at byte`);
			},
			{segmentBytes: 1024, idleMs: 1_000_000},
		));

	test('one flipped bit anywhere in any file is refused, or nothing acknowledged is lost', () =>
		onRig(async rig => {
			const expected: Entry[] = [];
			for (let life = 0; life < 3; life++) {
				await rig.start();
				for (let slot = 1; slot <= 12; slot++) {
					expected.push(accepted(slot, 'y'.repeat(100 + slot * 20), life + 1));
					await rig.write(expected.at(-1)!);
				}
				await (life === 1 ? rig.journal.close() : rig.crash());
			}
			const lastAcknowledged = expected.length - 1;
			const places = segmentsOf(rig.directory).map(path => ({path, buffer: readFileSync(path)}));
			let refused = 0;
			await fc.assert(
				fc.asyncProperty(fc.nat(), fc.nat(), async (which, where) => {
					const {path, buffer} = places[which % places.length]!;
					const bit = where % (buffer.length * 8);
					const flipped = Buffer.from(buffer);
					flipped[bit >> 3] = flipped[bit >> 3]! ^ (1 << (bit & 7));
					writeFileSync(path, flipped);
					try {
						const {entries} = await recover(rig.directory);
						// Only the last group of the last crash can be taken for a torn one.
						expect(entries).toEqual(expected.slice(0, Math.max(entries.length, lastAcknowledged)));
					} catch (error) {
						if (!(error instanceof Failure)) throw error;
						refused++;
					} finally {
						writeFileSync(path, buffer);
					}
				}),
				{numRuns: 200},
			);
			expect(refused).toBeGreaterThan(20);
		}));

	test('after some idleness, and after a clean close, damage to the last entries is no torn end', async () => {
		const damageLastEntries = (directory: string) => {
			const {path, buffer, groups} = lastSegment(directory);
			const {start, end} = groups.findLast(group => group.end - group.start > headerBytes)!;
			expect(end).toBeLessThan(groups.at(-1)!.end);
			buffer[end - 2]! ^= 1;
			writeFileSync(path, buffer);
			return `${path}: damaged at byte ${start}`;
		};
		await onRig(async rig => {
			await rig.start();
			await rig.write(view(1));
			const {syncs} = rig.files;
			await until(() => rig.files.syncs > syncs);
			await rig.crash();
			const place = damageLastEntries(rig.directory);
			expect((await refusal(rig.directory)).message).toContain(place);
		});
		await onRig(
			async rig => {
				await rig.start();
				// The second goes with the third, and nothing follows them but the close.
				for (const number of [1, 2, 3]) rig.journal.append([view(number)], () => {});
				await rig.journal.close();
				const place = damageLastEntries(rig.directory);
				expect((await refusal(rig.directory)).message).toContain(place);
			},
			{idleMs: 1_000_000},
		);
	});

	test('a missing, emptied or exchanged segment is refused', () =>
		onRig(async rig => {
			await rig.start();
			for (let slot = 1; slot <= 60; slot++) {
				// Or a segment would grow for as long as a slow machine makes the next one.
				await rig.journal.readyToRotate();
				await rig.write(accepted(slot, 'z'.repeat(150)));
			}

			await rig.journal.close();
			const full = segmentsOf(rig.directory).filter(path => readFileSync(path)[0] === 0xff);
			expect(full.length).toBeGreaterThan(4);
			const copy = `${rig.directory}.copy`;
			cpSync(rig.directory, copy, {recursive: true});
			const restore = () => {
				rmSync(rig.directory, {recursive: true});
				cpSync(copy, rig.directory, {recursive: true});
			};
			for (const path of full.slice(0, -1)) {
				rmSync(path);
				await refusal(rig.directory);
				restore();
				writeFileSync(path, Buffer.alloc(2048));
				await refusal(rig.directory);
				restore();
			}
			cpSync(full[2]!, full[1]!);
			await refusal(rig.directory);
			restore();
			expect((await recover(rig.directory)).entries).toHaveLength(60);
		}));

	test('a segment out of another life of the journal, with the same numbers, is refused', () =>
		onRig(
			async rig => {
				await rig.start();
				await rig.write(view(1));
				await rig.journal.close();
				const fork = new JournalRig(`${rig.directory}.fork`, rig.options);
				copyJournal(rig.directory, fork.directory);
				for (const [one, text] of [
					[rig, 'one'],
					[fork, 'two'],
				] as const) {
					await one.start();
					for (let slot = 1; slot <= 4; slot++) {
						await one.write(accepted(slot, text));
						await one.journal.rotate([]);
					}
					await one.journal.close();
				}
				const name = segmentsOf(rig.directory).filter(path => readFileSync(path)[0] === 0xff)[2]!;
				const other = name.replace(rig.directory, fork.directory);
				const numberIn = (path: string) => readFileSync(path).readUIntLE(16, 6);
				expect(numberIn(other)).toBe(numberIn(name));
				cpSync(other, name);
				await refusal(rig.directory);
			},
			{segmentBytes: 8192, idleMs: 1_000_000},
		));

	test('a journal that has lost all its content is not a new one', () =>
		onRig(async rig => {
			await rig.start();
			await rig.write(view(1));
			await rig.crash();
			for (const path of segmentsOf(rig.directory)) rmSync(path);
			await expect(rig.start()).rejects.toThrow('the journal is empty: this replica does not vote');
			await rm(rig.directory, {recursive: true});
			await mkdir(rig.directory);
			await expect(rig.start()).rejects.toThrow('does not vote');
		}));
});

describe('an end that is gone without a trace', () => {
	/** Writes, is idle, and dies. */
	const write = async (rig: JournalRig) => {
		await rig.start();
		for (let number = 1; number <= 4; number++) await rig.write(view(number));
		// The first group is that of a new journal.
		await until(() => rig.mark === 5);
		await rig.crash();
		return lastSegment(rig.directory);
	};

	test('a journal that was cut between two groups is refused, but for what a torn write may take', () =>
		onRig(async rig => {
			const {path, buffer, groups} = await write(rig);
			// The last one is the empty group of the close.
			for (const [index, {start}] of groups.entries()) {
				for (const isShorter of [false, true]) {
					const cut = Buffer.from(isShorter ? buffer.subarray(0, start) : buffer);
					cut.fill(0, start);
					writeFileSync(path, cut);
					if (index === groups.length - 1) {
						expect((await recover(rig.directory)).entries).toEqual([1, 2, 3, 4].map(view));
					} else if (index === 0) {
						await expect(rig.start()).rejects.toThrow('the journal is empty');
					} else {
						const {message} = await refusal(rig.directory);
						expect(message).toContain(`damaged at byte ${start}, group 5 was on disk once and is gone`);
					}
				}
			}
		}));

	test('under load the mark follows, without a sync that a write waits for', () =>
		onRig(
			async rig => {
				await rig.start();
				for (let number = 1; rig.mark < 12; number++) await rig.write(view(number));
				await rig.crash();
				const {path, groups} = lastSegment(rig.directory);
				truncateSync(path, groups[10]!.start);
				expect((await refusal(rig.directory)).message).toMatch(/group \d+ was on disk once and is gone/);
			},
			{idleMs: 1_000_000, markMs: 0},
		));

	test('without its last segment, or with an older copy of one or of all of it, it is refused', () =>
		onRig(async rig => {
			await rig.start();
			for (let slot = 1; slot <= 30; slot++) await rig.write(accepted(slot, 'z'.repeat(150)));
			const early = `${rig.directory}.early`;
			cpSync(rig.directory, early, {recursive: true});
			for (let slot = 31; slot <= 60; slot++) await rig.write(accepted(slot, 'z'.repeat(150)));
			await rig.journal.close();
			const late = `${rig.directory}.late`;
			cpSync(rig.directory, late, {recursive: true});
			const replaceBy = (copy: string) => {
				rmSync(rig.directory, {recursive: true});
				cpSync(copy, rig.directory, {recursive: true});
			};

			const {path} = lastSegment(rig.directory);
			rmSync(path);
			expect((await refusal(rig.directory)).message).toContain('was on disk once and is gone');

			replaceBy(late);
			const half = lastSegment(early).path.replace(early, rig.directory);
			cpSync(lastSegment(early).path, half);
			for (const later of segmentsOf(rig.directory).filter(name => name > half)) rmSync(later);
			expect((await refusal(rig.directory)).message).toContain('was on disk once and is gone');

			replaceBy(early);
			expect((await refusal(rig.directory)).message).toContain('was on disk once and is gone');
			await expect(rig.start()).rejects.toThrow('was on disk once and is gone');
			replaceBy(late);
			expect((await recover(rig.directory)).entries).toHaveLength(60);
		}));

	test('a group in its place that is another one is refused', () =>
		onRig(
			async rig => {
				await rig.start();
				await rig.write(view(1));
				await rig.crash();
				const fork = new JournalRig(`${rig.directory}.fork`, rig.options);
				copyJournal(rig.directory, fork.directory);
				for (const [one, text] of [
					[rig, 'one'],
					[fork, 'two'],
				] as const) {
					await one.start();
					for (let slot = 1; slot <= 4; slot++) await one.write(accepted(slot, text));
					await one.journal.close();
				}
				rmSync(rig.directory, {recursive: true});
				cpSync(fork.directory, rig.directory, {recursive: true});
				expect((await refusal(rig.directory)).message).toContain('is another one than was once on disk');
			},
			{segmentBytes: 8192, idleMs: 1_000_000},
		));

	test('a watermark with one bad copy will do, and is made whole; with none, or gone, it is refused', () =>
		onRig(async rig => {
			await write(rig);
			const path = watermarkOf(rig.directory);
			const intact = readFileSync(path);
			expect((await recover(rig.directory)).blemish).toBeUndefined();
			for (const at of [10, 4096 + 60]) {
				const bad = Buffer.from(intact);
				bad[at]! ^= 1;
				writeFileSync(path, bad);
				const {blemish, entries} = await recover(rig.directory);
				expect(blemish).toBe(`${path}: one of its two copies is damaged; the other one is good`);
				expect(entries).toHaveLength(4);
			}
			await rig.start();
			await rig.crash();
			expect((await recover(rig.directory)).blemish).toBeUndefined();

			writeFileSync(path, Buffer.alloc(5000));
			expect((await refusal(rig.directory)).message).toContain(`${path} is damaged, or of a kind`);
			rmSync(path);
			expect((await refusal(rig.directory)).message).toContain(`${path} is missing`);
		}));
});

describe('the first error of the disk', () => {
	const text = 'e'.repeat(500);

	/** Lets the next call of a kind fail, counts the calls after it, and how often anything was acknowledged. */
	async function failing(sabotage: (rig: JournalRig) => void, expected: string) {
		await onRig(
			async rig => {
				await rig.start();
				await rig.write(view(1));
				sabotage(rig);
				let acknowledged = 0;
				rig.journal.append([accepted(1, text)], () => acknowledged++);
				rig.journal.append([accepted(2, text)], () => acknowledged++);
				const rotation = rig.journal.rotate([view(1)]).catch(error => error);
				await until(() => rig.failures.length > 0);
				expect(rig.failures[0]).toBeInstanceOf(Failure);
				expect(rig.failures[0]?.message).toContain(expected);
				expect(rig.failures[0]?.message).toContain(rig.directory);
				expect(await rotation).toBe(rig.failures[0]);

				const {syncs} = rig.files;
				rig.journal.append([accepted(3, text)], () => acknowledged++);
				rig.journal.append([], () => acknowledged++);
				rig.journal.defer([decided(1)]);
				await expect(rig.journal.rotate([])).rejects.toBe(rig.failures[0]);
				await rig.journal.close();
				await rig.idle();
				expect(acknowledged).toBe(0);
				expect(rig.failures).toHaveLength(1);
				expect(rig.files.syncs).toBe(syncs);

				await rig.crash();
				expect((await rig.start()).entries[0]).toEqual(view(1));
			},
			{segmentBytes: 8192},
		);
	}

	const coded = (code: string, message: string) => Object.assign(new Error(message), {code});

	test('is final when a sync fails', () =>
		failing(rig => {
			rig.files.fdatasync = (_fd, done) => setImmediate(done, coded('EIO', 'EIO: i/o error, fdatasync'));
		}, 'EIO: i/o error'));

	test('is final when a sync fails once, and would work again', () =>
		failing(rig => {
			const {fdatasync} = rig.files;
			rig.files.fdatasync = (_fd, done) => {
				rig.files.fdatasync = fdatasync;
				setImmediate(done, coded('EIO', 'EIO: i/o error, fdatasync'));
			};
		}, 'EIO'));

	test('is final when a sync of the watermark fails', () =>
		onRig(
			async rig => {
				await rig.start();
				const {fdatasync} = rig.files;
				let syncs = 0;
				rig.files.fdatasync = (fd, done) => {
					if (++syncs < 2) fdatasync(fd, done);
					else setImmediate(done, coded('EIO', 'EIO: i/o error, fdatasync'));
				};
				// The first sync is that of the group, the second that of the mark.
				await rig.write(view(1));
				await until(() => rig.failures.length > 0);
				expect(rig.failures[0]?.message).toContain('EIO');
				expect(syncs).toBe(2);
			},
			{segmentBytes: 8192, idleMs: 1_000_000, markMs: 0},
		));

	test('is final when the disk is full', () =>
		failing(rig => {
			rig.files.write = (_fd, _buffer, _offset, _length, _position, done) =>
				setImmediate(done, coded('ENOSPC', 'ENOSPC: no space left on device, write'), 0);
		}, 'make room on the disk'));

	test('is final when the disk takes a part, says so, and is full at the rest', () =>
		failing(rig => {
			const {write} = rig.files;
			rig.files.write = (fd, buffer, offset, length, position, done) => {
				if (length <= 100) setImmediate(done, coded('ENOSPC', 'ENOSPC: no space left on device, write'), 0);
				else write(fd, buffer, offset, length - 100, position, done);
			};
		}, 'ENOSPC'));

	test('is final when the disk takes nothing', () =>
		failing(rig => {
			rig.files.write = (_fd, _buffer, _offset, _length, _position, done) => setImmediate(done, null, 0);
		}, 'the disk takes no more'));

	test('is final when the next segment cannot be made', () =>
		onRig(async rig => {
			await rig.start();
			await rig.write(view(1));
			rig.files.fsync = async () => {
				throw coded('EIO', 'EIO: i/o error, fsync');
			};
			let acknowledged = 0;
			const append = () =>
				rig.journal.append([accepted(1, text)], () => {
					acknowledged++;
					append();
				});
			append();
			await until(() => rig.failures.length > 0);
			const before = acknowledged;
			append();
			await rig.idle();
			expect(acknowledged).toBe(before);
			expect(rig.failures).toHaveLength(1);
		}));

	test('a write that the disk takes in pieces is no error', () =>
		onRig(async rig => {
			await rig.start();
			const {write} = rig.files;
			let writes = 0;
			rig.files.write = (fd, buffer, offset, length, position, done) => {
				writes++;
				write(fd, buffer, offset, Math.min(length, 7), position, done);
			};
			await rig.write(accepted(1, text), view(2));
			expect(writes).toBeGreaterThan(70);
			await rig.crash();
			expect((await rig.start()).entries).toEqual([accepted(1, text), view(2)]);
		}));
});

describe('the segments of a journal', () => {
	test('no append waits for the next segment', () =>
		onRig(async rig => {
			await rig.start();
			const ready = segmentsOf(rig.directory).length;
			await until(() => segmentsOf(rig.directory).length > ready || ready > 1);
			let goOn = () => {};
			const {fsync} = rig.files;
			rig.files.fsync = async fd => {
				await new Promise<void>(resolve => {
					goOn = resolve;
				});
				return fsync(fd);
			};
			const expected: Entry[] = [];
			for (let slot = 1; slot <= 40; slot++) {
				expected.push(accepted(slot, 'w'.repeat(200)));
				await rig.write(expected.at(-1)!);
			}
			expect(segmentsOf(rig.directory).some(path => statSync(path).size > 2 * 2048)).toBe(true);
			rig.files.fsync = fsync;
			goOn();
			const before = segmentsOf(rig.directory).length;
			await until(() => segmentsOf(rig.directory).length > before);
			await rig.write(view(2));
			await rig.crash();
			expect((await rig.start()).entries).toEqual([...expected, view(2)]);
		}));

	test('a group that is longer than a segment is taken whole', () =>
		onRig(async rig => {
			await rig.start();
			const long = accepted(1, 'ä'.repeat(3_000_000));
			await rig.write(long);
			await rig.write(view(1));
			await rig.crash();
			expect((await rig.start()).entries).toEqual([long, view(1)]);
		}));

	test('who waits for the next segment before a rotation keeps no vote waiting', () =>
		onRig(async rig => {
			await rig.start();
			await rig.journal.readyToRotate();
			let release = () => {};
			const isHeld = new Promise<void>(resolve => {
				release = resolve;
			});
			const {fsync} = rig.files;
			rig.files.fsync = fd => isHeld.then(() => fsync(fd));
			// Takes the segment that was ready; the one after it is not made before it is released.
			await rig.journal.rotate([view(1)]);
			let isReady = false;
			const ready = rig.journal.readyToRotate().then(() => {
				isReady = true;
			});
			await rig.write(view(2));
			expect(isReady).toBe(false);
			release();
			await ready;
			await rig.journal.rotate([view(2)]);
			await rig.crash();
			expect((await rig.start()).entries).toContainEqual(view(2));
		}));

	test('a rotation leaves one segment that counts, and says from which slot on', () =>
		onRig(async rig => {
			await rig.start();
			for (let slot = 1; slot <= 60; slot++) await rig.write(accepted(slot, 'r'.repeat(150)));
			expect(rig.journal.bytesSinceRotation).toBeGreaterThan(60 * 150);
			const removeOlder = await rig.journal.rotate([view(3), accepted(60, 'kept')], 59);
			expect(rig.journal.bytesSinceRotation).toBe(0);
			await removeOlder();
			await rig.write(accepted(61, 'new'));
			expect(rig.journal.bytesSinceRotation).toBeLessThan(500);
			expect(segmentsOf(rig.directory).length).toBeLessThanOrEqual(2);
			await rig.journal.close();
			const {entries, since} = await rig.start();
			expect(entries).toEqual([view(3), accepted(60, 'kept'), accepted(61, 'new')]);
			expect(since).toBe(59);
		}));

	test('files are for their owner only', () =>
		onRig(async rig => {
			await rig.start();
			await rig.write(view(1));
			await rig.journal.close();
			expect(statSync(rig.directory).mode & 0o777).toBe(0o700);
			for (const path of segmentsOf(rig.directory)) expect(statSync(path).mode & 0o777).toBe(0o600);
		}));

	test('a crash at any step, of a start, of writing and of rotating, loses nothing acknowledged', async () => {
		const old = Array.from({length: 12}, (_, index) => accepted(index + 1, 'o'.repeat(200)));
		const restated = [view(2), accepted(12, 'o'.repeat(200))];
		const late = [accepted(13, 'l'.repeat(200)), accepted(14, 'l'.repeat(200))];
		const home = await temporaryDirectory();
		try {
			const before = new JournalRig(join(home, 'before'));
			await before.start();
			for (const entry of old) await before.write(entry);
			await before.journal.close();

			/** Starts, writes, rotates, removes, writes, until it is through or dead; what it knew to be durable. */
			const live = async (rig: JournalRig) => {
				let known = old.length;
				let isRemoving = false;
				let isThrough = false;
				const play = async () => {
					await rig.start();
					const removeOlder = await rig.journal.rotate(restated);
					known = old.length + restated.length;
					await rig.write(late[0]!);
					known++;
					isRemoving = true;
					await removeOlder();
					await rig.write(late[1]!);
					known++;
					await rig.journal.close();
					isThrough = true;
				};
				const errors: unknown[] = [];
				play().catch(error => errors.push(error));
				await until(() => isThrough || rig.files.isDead || errors.length > 0);
				expect(errors).toEqual([]);
				await rig.files.die();
				return {known, isRemoving, isThrough};
			};

			const everything = [...old, ...restated, ...late];
			let isThrough = false;
			for (let step = 1; !isThrough; step++) {
				const directory = join(home, `journal-${step}`);
				copyJournal(before.directory, directory);
				const rig = new JournalRig(directory, {idleMs: 1_000_000});
				rig.dieAt = step;
				const result = await live(rig);
				isThrough = result.isThrough;
				const {entries} = await recover(directory);
				const isShort = entries.length <= restated.length + late.length;
				const first = isShort ? old.length : 0;
				if (isShort) expect(result.isRemoving).toBe(true);
				expect(first + entries.length).toBeGreaterThanOrEqual(result.known);
				expect(entries).toEqual(everything.slice(first, first + entries.length));

				rig.dieAt = Number.POSITIVE_INFINITY;
				expect((await rig.start()).entries).toEqual(entries);
				await rig.write(view(9));
				await rig.crash();
				expect((await recover(directory)).entries).toEqual([...entries, view(9)]);
				expect(step).toBeLessThan(100);
			}
		} finally {
			await rm(home, {recursive: true});
		}
	});
});

describe('the text of a journal', () => {
	test('takes the text of a value as its first writer made it', () =>
		onRig(async rig => {
			await rig.start();
			const entry = accepted(1, 'once') as Extract<Entry, {type: 'accepted'}>;
			await rig.write(entry);
			expect(readFileSync(lastSegment(rig.directory).path, 'utf8')).toContain(encodeValue(entry.value));
		}));

	test('something that no entry looks like is refused, not skipped', () =>
		onRig(async rig => {
			await rig.start();
			await rig.write({type: 'view', view: -5});
			await rig.crash();
			await expect(rig.start()).rejects.toThrow('holds something that this version does not know');
		}));
});

test('a process that is killed keeps all that it acknowledged', async () => {
	const home = await temporaryDirectory();
	const directory = join(home, 'journal');
	const writer = fileURLToPath(new URL('journal-writer.ts', import.meta.url));
	try {
		let acknowledged = 0;
		for (let life = 0; life < 4; life++) {
			const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', writer, directory], {
				stdio: ['ignore', 'pipe', 'inherit'],
				env: {...process.env, NODE_OPTIONS: ''},
			});
			const exit = once(child, 'exit');
			let output = '';
			child.stdout.setEncoding('utf8').on('data', (text: string) => {
				output += text;
			});
			const base = acknowledged;
			const lastLine = () => Number(output.slice(0, output.lastIndexOf('\n')).split('\n').at(-1) || base);
			await until(() => lastLine() > base + 200);
			await wait(life * 7);
			child.kill('SIGKILL');
			await exit;
			acknowledged = lastLine();

			const {entries} = await recover(directory);
			expect(entries.length).toBeGreaterThanOrEqual(acknowledged);
			for (const [index, entry] of entries.entries())
				if (entry.type !== 'accepted' || entry.slot !== index + 1)
					throw new Error(`entry ${index} is another one`);
		}
		expect(acknowledged).toBeGreaterThan(800);
		const {journal} = await Journal.open({directory, segmentBytes: 65_536, onError: () => {}});
		await journal.close();
	} finally {
		await rm(home, {recursive: true});
	}
});
