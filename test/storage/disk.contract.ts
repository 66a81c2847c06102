import {describe, expect, test} from '@jest/globals';
import fc from 'fast-check';
import type {Entry} from '../../source/consensus/types.ts';
import type {Disk} from '../../source/storage/disk.ts';

/** What every disk must do, real or simulated. A rig is one such disk, through its lives. */
export type Rig = {
	/** Begins a life: what the disk remembers, and the disk itself. */
	start(): Promise<{disk: Disk; entries: readonly Entry[]}>;
	/** Restated entries, behind all so far; `isDone` when durable, then `removeOlder` may be called. */
	rotate(restated: readonly Entry[]): {isDone: boolean; removeOlder(): Promise<void>};
	/** Ends the life at once. Some of what was not acknowledged may have reached the disk. */
	crash(): Promise<void>;
	/** Lets time pass until the condition holds. */
	until(condition: () => boolean): Promise<void>;
	/** Lets time pass until the disk has been idle. */
	idle(): Promise<void>;
	dispose(): Promise<void>;
};

export const view = (number: number): Entry => ({type: 'view', view: number});
export const accepted = (slot: number, text: string, number = 1): Entry => ({
	type: 'accepted',
	view: number,
	slot,
	epoch: 0,
	value: {at: slot, requests: [{client: 'c', session: 1, sequence: slot, nick: 'n', text}]},
});
export const decided = (slot: number): Entry => ({type: 'decided', slot});

export function diskContract(name: string, make: () => Promise<Rig>, numRuns: number) {
	const onRig = (what: string, run: (rig: Rig) => Promise<void>) =>
		test(what, async () => {
			const rig = await make();
			try {
				await run(rig);
			} finally {
				await rig.dispose();
			}
		});

	/** Appends and waits. */
	const write = async (rig: Rig, disk: Disk, ...entries: Entry[]) => {
		let isDone = false;
		disk.append(entries, () => {
			isDone = true;
		});
		await rig.until(() => isDone);
	};

	describe(`${name} as a disk`, () => {
		onRig('a new one remembers nothing', async rig => {
			expect((await rig.start()).entries).toEqual([]);
		});

		onRig('what is acknowledged survives a crash, as it was written', async rig => {
			const entries: Entry[] = [
				view(0),
				accepted(1, 'line\nbreak \u2028 "quotes" \\ \u{1f600} ä'),
				decided(1),
				{type: 'decided', slot: 2, value: {at: 0, requests: []}},
				accepted(Number.MAX_SAFE_INTEGER - 1, ''),
			];
			await write(rig, (await rig.start()).disk, ...entries);
			await rig.crash();
			expect((await rig.start()).entries).toEqual(entries);
		});

		onRig('acknowledges later, never within the call, and in order', async rig => {
			const {disk} = await rig.start();
			const done: number[] = [];
			for (let number = 0; number < 50; number++) {
				disk.append(number % 3 === 0 ? [] : [view(number)], () => done.push(number));
				expect(done).not.toContain(number);
				if (number % 7 === 0) await rig.until(() => done.length > number / 2);
			}
			await rig.until(() => done.length === 50);
			expect(done).toEqual(Array.from({length: 50}, (_, number) => number));
		});

		onRig('an append of nothing waits for all before it', async rig => {
			const {disk} = await rig.start();
			let isDone = false;
			disk.defer([view(1)]);
			disk.append([], () => {
				isDone = true;
			});
			await rig.until(() => isDone);
			await rig.crash();
			expect((await rig.start()).entries).toEqual([view(1)]);
		});

		onRig('deferred entries go with the next append, in order', async rig => {
			const {disk} = await rig.start();
			disk.defer([decided(1)]);
			disk.defer([decided(2)]);
			await write(rig, disk, view(3));
			disk.defer([decided(4)]);
			await write(rig, disk, view(5));
			await rig.crash();
			expect((await rig.start()).entries).toEqual([decided(1), decided(2), view(3), decided(4), view(5)]);
		});

		onRig('deferred entries that nothing follows are written when the disk is idle', async rig => {
			const {disk} = await rig.start();
			await write(rig, disk, view(1));
			disk.defer([decided(1)]);
			await rig.idle();
			await rig.crash();
			expect((await rig.start()).entries).toEqual([view(1), decided(1)]);
		});

		onRig('the life after a crash never hears what the life before asked for', async rig => {
			const {disk} = await rig.start();
			let calls = 0;
			disk.append([view(1)], () => calls++);
			disk.append([view(2)], () => calls++);
			await rig.crash();
			const next = await rig.start();
			await write(rig, next.disk, view(3));
			await rig.idle();
			expect(calls).toBe(0);
		});

		onRig('writes again after a crash, and after another', async rig => {
			const expected: Entry[] = [];
			for (let life = 0; life < 5; life++) {
				const {disk, entries} = await rig.start();
				expect(entries).toEqual(expected);
				for (const entry of [view(life), accepted(life + 1, 'x'.repeat(life * 400))]) {
					await write(rig, disk, entry);
					expected.push(entry);
				}
				await rig.crash();
			}
		});

		onRig('a rotation puts what is restated in the place of all that was before', async rig => {
			const {disk} = await rig.start();
			await write(rig, disk, view(1), accepted(1, 'one'), accepted(2, 'two'));
			disk.defer([decided(1)]);
			const rotation = rig.rotate([view(1), accepted(2, 'two')]);
			disk.append([accepted(3, 'three')], () => {});
			await rig.until(() => rotation.isDone);
			await write(rig, disk, accepted(4, 'four'));
			const fresh = [view(1), accepted(2, 'two'), accepted(3, 'three'), accepted(4, 'four')];

			await rig.crash();
			const before = await rig.start();
			expect(before.entries).toEqual([view(1), accepted(1, 'one'), accepted(2, 'two'), decided(1), ...fresh]);

			const again = rig.rotate(fresh);
			await rig.until(() => again.isDone);
			await write(rig, before.disk, accepted(5, 'five'));
			await again.removeOlder();
			await write(rig, before.disk, accepted(6, 'six'));
			await rig.crash();
			expect((await rig.start()).entries).toEqual([...fresh, accepted(5, 'five'), accepted(6, 'six')]);
		});

		test('whatever happens, a crash leaves a prefix with all that was acknowledged', async () => {
			await fc.assert(
				fc.asyncProperty(fc.array(step, {minLength: 5, maxLength: 40}), async steps => {
					const rig = await make();
					try {
						await play(rig, steps);
					} finally {
						await rig.dispose();
					}
				}),
				{numRuns},
			);
		});
	});
}

type Step =
	| {readonly type: 'append' | 'defer'; readonly count: number; readonly size: number}
	| {readonly type: 'rotate' | 'remove' | 'wait' | 'crash'};

const writing = (type: 'append' | 'defer') =>
	fc.record({
		type: fc.constant(type),
		count: fc.integer({min: 0, max: 3}),
		size: fc.integer({min: 0, max: 600}),
	});
const step: fc.Arbitrary<Step> = fc.oneof(
	{arbitrary: writing('append'), weight: 6},
	{arbitrary: writing('defer'), weight: 3},
	{arbitrary: fc.record({type: fc.constantFrom('wait' as const, 'crash' as const)}), weight: 4},
	{arbitrary: fc.record({type: fc.constantFrom('rotate' as const, 'remove' as const)}), weight: 3},
);

/** Keeps book of everything ever handed over, and compares after each crash. */
async function play(rig: Rig, steps: readonly Step[]) {
	let written: Entry[] = [];
	let from = 0;
	let acknowledged = 0;
	let life = 0;
	let {disk} = await rig.start();
	let rotations: {rotation: ReturnType<Rig['rotate']>; from: number}[] = [];

	const check = async () => {
		await rig.crash();
		life++;
		const {disk: next, entries} = await rig.start();
		const kept = from + entries.length;
		expect(kept).toBeGreaterThanOrEqual(acknowledged);
		expect(entries).toEqual(written.slice(from, kept));
		written = written.slice(0, kept);
		acknowledged = kept;
		rotations = [];
		disk = next;
	};

	const obey = async (step: Step) => {
		const now = life;
		switch (step.type) {
			case 'append':
			case 'defer': {
				const entries = Array.from({length: step.count}, (_, index) =>
					accepted(written.length + index + 1, '.'.repeat(step.size)),
				);
				written.push(...entries);
				const through = written.length;
				if (step.type === 'defer') disk.defer(entries);
				else
					disk.append(entries, () => {
						expect(life).toBe(now);
						expect(through).toBeGreaterThanOrEqual(acknowledged);
						acknowledged = through;
					});
				break;
			}
			case 'rotate': {
				const start = written.length;
				const restated = [view(start), decided(start)];
				written.push(...restated);
				rotations.push({rotation: rig.rotate(restated), from: start});
				break;
			}
			case 'remove': {
				const oldest = rotations.shift();
				if (!oldest) break;
				await rig.until(() => oldest.rotation.isDone);
				await oldest.rotation.removeOlder();
				from = oldest.from;
				break;
			}
			case 'wait': {
				const through = written.length;
				let isDone = false;
				disk.append([], () => {
					isDone = true;
					acknowledged = through;
				});
				await rig.until(() => isDone);
				break;
			}
			case 'crash':
				await check();
		}
	};

	for (const step of steps) await obey(step);
	await check();
}
