import {writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {afterEach, describe, expect, test} from '@jest/globals';
import {verify} from '../../source/storage/verify.ts';
import {SmallDisk} from '../storage/small-disk.ts';
import {Child} from './child.ts';
import {Place, smallCheckpoints, until} from './servers.ts';

const missing = await SmallDisk.missing();
const onSmallDisk = missing === undefined ? test : test.skip;
const disks: SmallDisk[] = [];
const places: Place[] = [];

/** A cluster of which the last replica has its DATA on a disk with little room. */
async function place(f: number, kilobytes: number) {
	const all = await Place.make(f, smallCheckpoints);
	places.push(all);
	writeFileSync(join(all.path, 'cluster.json'), JSON.stringify({...all.cluster}));
	const poor = 2 * f;
	const disk = await SmallDisk.mount(all.data(poor), kilobytes);
	disks.push(disk);
	return {all, disk, poor};
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
