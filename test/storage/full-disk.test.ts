import {readFileSync, rmSync, writeFileSync} from 'node:fs';
import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, describe, expect, test} from '@jest/globals';
import {ChatLog} from '../../source/chat/chat-log.ts';
import type {Entry} from '../../source/consensus/types.ts';
import {previousOf, readCheckpoint, writeCheckpoint} from '../../source/storage/checkpoint.ts';
import {type Files, realFiles} from '../../source/storage/files.ts';
import {Journal} from '../../source/storage/journal.ts';
import {KeptLines} from '../../source/storage/kept-lines.ts';
import {accepted} from './disk.contract.ts';
import {until} from './journal-rig.ts';
import {SmallDisk} from './small-disk.ts';

const missing = await SmallDisk.missing();
const onSmallDisk = missing === undefined ? test : test.skip;

describe(`a disk that is really full${missing === undefined ? '' : ` (skipped: ${missing})`}`, () => {
	let disk: SmallDisk;
	beforeEach(async () => {
		if (missing !== undefined) return;
		disk = await SmallDisk.mount(await mkdtemp(join(tmpdir(), 'paxos-chat-')), 256);
	});
	afterEach(async () => {
		if (missing !== undefined) return;
		await disk.unmount();
		await rm(disk.path, {recursive: true});
	});

	const file = (name: string) => join(disk.path, name);
	/** Leaves so many pages. */
	const fill = async (pages: number) => {
		writeFileSync(file('ballast'), Buffer.alloc((await disk.room()) - pages * 4096));
		expect(await disk.room()).toBe(pages * 4096);
	};
	const makeRoom = () => rmSync(file('ballast'));

	onSmallDisk(
		'takes a part of a group and says yes, then no: nothing is acknowledged, nothing lost',
		async () => {
			/** Writes of which the kernel took a part, without an error. */
			let parts = 0;
			const files: Files = {
				...realFiles,
				write: (fd, buffer, offset, length, position, done) =>
					realFiles.write(fd, buffer, offset, length, position, (error, written) => {
						if (!error && written < length) parts++;
						done(error, written);
					}),
			};
			const failures: Error[] = [];
			const options = {
				directory: file('journal'),
				segmentBytes: 8192,
				onError: (error: Error) => failures.push(error),
				files,
			};
			const {journal} = await Journal.open(options);
			const entries: Entry[] = [];
			let acknowledged = 0;
			for (let slot = 1; slot <= 5; slot++) {
				entries.push(accepted(slot, 'x'.repeat(300)));
				journal.append([entries.at(-1)!], () => acknowledged++);
				await until(() => acknowledged === slot);
			}

			await fill(2);
			journal.append([accepted(6, 'y'.repeat(60_000))], () => acknowledged++);
			journal.append([accepted(7, 'z')], () => acknowledged++);
			await until(() => failures.length > 0);
			expect(failures[0]!.message).toMatch(
				/\.segment: ENOSPC: [^\n]*; make room on the disk, then start again$/,
			);
			expect([acknowledged, failures.length]).toEqual([5, 1]);
			expect(parts).toBeGreaterThan(0);

			// Without room it cannot start, and spoils nothing by trying.
			await expect(Journal.open(options)).rejects.toThrow('make room on the disk');
			makeRoom();
			const again = await Journal.open(options);
			expect(again.entries).toEqual(entries);
			expect(again.tornAt).toBeDefined();
			await again.journal.close();
		},
	);

	onSmallDisk(
		'takes a part of some lines: those before stand in the log, and nobody hears of the others',
		async () => {
			const failures: Error[] = [];
			const log = await ChatLog.open(file('chat.log'), 0, error => failures.push(error));
			let acknowledged = 0;
			await new Promise<void>(resolve => log.append('first\n', resolve));
			await fill(3);
			for (let line = 0; line < 5; line++) {
				log.append(`${'x'.repeat(9000)}\n`, () => acknowledged++);
				await new Promise(resolve => setImmediate(resolve));
			}

			expect(failures).toHaveLength(1);
			expect(failures[0]!.message).toMatch(
				/cannot write \S+chat\.log: ENOSPC: [^\n]*; make room on the disk, then/,
			);
			expect(acknowledged).toBe(1);
			await log.close();
			const content = readFileSync(file('chat.log'), 'latin1');
			// The kernel took what it had room for: a part of the second line.
			expect(content.length).toBeGreaterThan(6 + 9001);
			expect(content.length).toBeLessThan(6 + 2 * 9001);
			makeRoom();
			const again = await ChatLog.open(file('chat.log'), 6 + 9001, () => {});
			expect(again.bytes).toBe(6 + 9001);
			await again.close();
		},
	);

	onSmallDisk('has no room for a checkpoint: the one before it stays what it was', async () => {
		const checkpoint = (sessions: number) => ({
			slot: 5,
			position: 3,
			at: 1,
			bytes: 100,
			hash: 'ab'.repeat(32),
			admitted: [],
			sessions: Array.from({length: sessions}, (_, index) => ({
				client: `${index}`.padStart(64, '0'),
				session: 1,
				nonce: '',
				sequence: 1,
				position: 1,
				slot: 1,
			})),
		});
		await writeCheckpoint(file('checkpoint'), checkpoint(3));
		await fill(4);
		await expect(writeCheckpoint(file('checkpoint'), checkpoint(1000))).rejects.toMatchObject({
			code: 'ENOSPC',
		});
		expect(await readCheckpoint(file('checkpoint'))).toEqual(checkpoint(3));
		expect(await readCheckpoint(previousOf(file('checkpoint')))).toBeUndefined();
		makeRoom();
		await writeCheckpoint(file('checkpoint'), checkpoint(1000));
		expect(await readCheckpoint(file('checkpoint'))).toEqual(checkpoint(1000));
		expect(await readCheckpoint(previousOf(file('checkpoint')))).toEqual(checkpoint(3));
	});

	onSmallDisk('has no room for lines of another replica: that is said once', async () => {
		const failures: Error[] = [];
		const kept = new KeptLines(file('fetched-lines'), error => failures.push(error));
		await fill(2);
		kept.keep(`${'x'.repeat(100_000)}\n`);
		await kept.close();
		expect(failures.map(({message}) => message)).toEqual([
			expect.stringMatching(/fetched-lines: ENOSPC: [^\n]*; make room on the disk, then start again$/),
		]);
	});
});
