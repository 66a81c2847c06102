import {rmSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {afterEach, describe, expect, test} from '@jest/globals';
import {Client} from '../../source/client/client.ts';
import type {ReplicaId} from '../../source/consensus/types.ts';
import {ensureSecret} from '../../source/storage/secret.ts';
import {verify} from '../../source/storage/verify.ts';
import {SmallDisk} from '../storage/small-disk.ts';
import {Child} from './child.ts';
import {Place, smallCheckpoints, until} from './servers.ts';

const missing = await SmallDisk.missing();
const onSmallDisk = missing === undefined ? test : test.skip;
const disks: SmallDisk[] = [];
const places: Place[] = [];

async function placeOf(f: number, reserveBytes: number) {
	const all = await Place.make(f, {...smallCheckpoints, reserveBytes});
	places.push(all);
	writeFileSync(join(all.path, 'cluster.json'), JSON.stringify({...all.cluster}));
	return all;
}

/** DATA of this replica, on a disk with little room. */
async function mount(all: Place, id: ReplicaId, kilobytes: number): Promise<SmallDisk> {
	const disk = await SmallDisk.mount(all.data(id), kilobytes);
	disks.push(disk);
	return disk;
}

/** A cluster of which the last replica has little room, and goes on to the end of it. */
async function place(f: number, kilobytes: number) {
	const all = await placeOf(f, 0);
	const poor = 2 * f;
	return {all, disk: await mount(all, poor, kilobytes), poor};
}

afterEach(async () => {
	await Child.killAll();
	for (const disk of disks.splice(0)) await disk.unmount();
	await Promise.all(places.splice(0).map(each => each.clear()));
});

describe(`replicas as processes on a disk that is really full${missing === undefined ? '' : ` (skipped: ${missing})`}`, () => {
	onSmallDisk(
		'one of three: a line with ENOSPC, exit 1; the others go on; with room it catches up',
		async () => {
			const {all, disk, poor} = await place(1, 700);
			await all.shareSecret(poor);
			const replica = new Child(all, poor);
			const others = [new Child(all, 0), new Child(all, 1)];
			await Promise.all([replica, ...others].map(child => child.listening()));
			await all.batch(4000);
			expect(await replica.gone).toBe(1);
			const last = replica.errors.trimEnd().split('\n').at(-1);
			expect(last).toMatch(/^paxos-chat: .*ENOSPC: .*make room on the disk, then start again$/);
			expect(replica.errors).not.toMatch(/ at |internal error/);

			// Without room it says the same again, and nothing else happens.
			const inVain = new Child(all, poor);
			expect(await inVain.gone).toBe(1);
			expect(inVain.errors).toMatch(/ENOSPC: .*make room on the disk, then start again\n$/);

			await disk.resize(16_384);
			const again = await new Child(all, poor).listening();
			await all.batch(100);
			await until(
				() => all.log(2).equals(all.log(0)) && all.log(1).equals(all.log(0)),
				() => again.errors,
			);
			expect(all.violations()).toEqual([]);
		},
		30_000,
	);

	onSmallDisk(
		'all three fill up together: nobody ends, new messages wait, readers read; with room all goes on',
		async () => {
			const all = await placeOf(1, 1_048_576);
			const ids = [0, 1, 2];
			const fillers: string[] = [];
			for (const id of ids) {
				const disk = await mount(all, id, 4096);
				// The secret that was made with the place is hidden by the disk.
				if (id === 0) await ensureSecret(all.data(0), all.cluster);
				await all.shareSecret(id);
				fillers.push(join(disk.path, 'filler'));
				writeFileSync(fillers[id]!, Buffer.alloc(1_572_864));
			}

			const replicas = ids.map(id => new Child(all, id));
			await Promise.all(replicas.map(child => child.listening()));
			// So little that the reserve holds what is taken before all have heard that it is reached.
			const {report, sentence} = await all.tryBatch(100_000, {clients: 1, size: 100, timeoutMs: 1500});
			expect(report.acknowledged).toBeGreaterThan(100);
			expect(sentence).toMatch(/^no room: the disks of r\d and r\d.* are nearly full; make room there/);

			let lines = 0;
			const client = new Client({
				cluster: all.cluster,
				via: 1,
				follow: {after: 0},
				onLines: page => {
					lines += page.length;
				},
			});
			try {
				await until(
					() => lines >= report.acknowledged,
					() => `${lines} of ${report.acknowledged} lines`,
				);
				const waiting = all.batch(50, {clients: 10});
				expect(client.store.getSnapshot().connection.sentence).toMatch(/^no room: /);
				expect(replicas.map(({process}) => process.exitCode)).toEqual([null, null, null]);
				for (const path of fillers) rmSync(path);
				await waiting;
			} finally {
				client.close();
			}

			await until(
				() => all.log(2).equals(all.log(0)) && all.log(1).equals(all.log(0)),
				() => replicas.map(({errors}) => errors).join('\n'),
			);
			expect(all.violations()).toEqual([]);
			const told = replicas.map(({errors}) => errors).join('\n');
			expect(told).toMatch(
				/its disk has \d+ bytes left, less than reserveBytes \(1048576\): make room there/,
			);
			expect(told).toMatch(/its disk has room again: \d+ bytes/);
			expect(told).not.toMatch(/ENOSPC/);
		},
		30_000,
	);

	onSmallDisk(
		'the only one: it stops, and all that it acknowledged is there when there is room',
		async () => {
			const {all, disk, poor} = await place(0, 500);
			const replica = await new Child(all, poor).listening();
			const {report} = await all.tryBatch(100_000, {timeoutMs: 1500});
			expect(await replica.gone).toBe(1);
			expect(replica.errors).toMatch(/ENOSPC/);
			expect(report.acknowledged).toBeGreaterThan(100);
			await disk.resize(16_384);
			const again = await new Child(all, poor).listening();
			await all.batch(100);
			expect(all.violations()).toEqual([]);
			again.process.kill('SIGTERM');
			expect(await again.gone).toBe(143);
			const {ok, replicas} = await verify(all.data(poor));
			expect([ok, replicas[0]!.problems]).toEqual([true, []]);
		},
		30_000,
	);
});
