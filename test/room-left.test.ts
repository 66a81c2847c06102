import {expect, test} from '@jest/globals';
import {RoomLeft} from '../source/room-left.ts';

/** Replica 0 of 2f + 1, and the room on its disk. */
function roomOf(f: number, reserveBytes = 1000) {
	const disk = {bytes: 5000, looks: 0};
	const told: string[] = [];
	const changes: boolean[] = [];
	const room: RoomLeft = new RoomLeft({
		id: 0,
		cluster: {f, reserveBytes},
		measure: async () => {
			disk.looks++;
			return disk.bytes;
		},
		onChange: () => changes.push(room.hasRoom),
		tell: text => told.push(text),
	});
	return {room, disk, told, changes};
}

test('the own disk: told when it falls below the reserve and when it is over it again, not each time', async () => {
	const {room, disk, told, changes} = roomOf(1);
	for (const bytes of [1000, 999, 998, 1000, 5000]) {
		disk.bytes = bytes;
		await room.look();
	}

	expect(changes).toEqual([false, true]);
	expect(told).toEqual([
		'its disk has 999 bytes left, less than reserveBytes (1000): make room there',
		'its disk has room again: 1000 bytes',
	]);
	expect(room.full).toEqual([]);
});

test('without a reserve nobody looks', async () => {
	const {room, disk} = roomOf(0, 0);
	disk.bytes = 0;
	await room.look();
	expect([disk.looks, room.hasRoom]).toEqual([0, true]);
});

test('a disk that does not answer is asked once, and its error comes out', async () => {
	const asked: Array<PromiseWithResolvers<number>> = [];
	const room = new RoomLeft({
		id: 0,
		cluster: {f: 0, reserveBytes: 1},
		measure: () => {
			asked.push(Promise.withResolvers());
			return asked.at(-1)!.promise;
		},
		onChange: () => {},
		tell: () => {},
	});
	const first = room.look();
	await room.look();
	expect(asked).toHaveLength(1);
	asked[0]!.reject(new Error('EIO'));
	await expect(first).rejects.toThrow('EIO');
	const again = room.look();
	expect(asked).toHaveLength(2);
	asked[1]!.resolve(0);
	await again;
	expect(room.hasRoom).toBe(false);
});

// What each replica has said of its disk: + room, - none, . nothing yet. Who is not heard has said it earlier.
test.each([
	// All is as ever while no disk that is heard of is full, however few are heard.
	['+++', [0, 1, 2], []],
	['+++', [0], []],
	['+..', [0, 1, 2], []],
	['+--', [0], []],
	// One may be full: the others are enough.
	['++-', [0, 1, 2], []],
	['-++', [0, 1, 2], []],
	['++---', [0, 1, 2, 3, 4], [2, 3, 4]],
	['+++--', [0, 1, 2, 3, 4], []],
	// Two may not; nor one, if another is not heard or has not said.
	['+--', [0, 1, 2], [1, 2]],
	['-+-', [2, 1, 0], [0, 2]],
	['---', [0, 1, 2], [0, 1, 2]],
	['++-', [0, 2], [2]],
	['-++', [0, 1], [0]],
	['+.-', [0, 1, 2], [2]],
	// We take no part ourselves, and two others have room, or only one.
	['-++', [1, 2], []],
	['++-', [1, 2], [2]],
	['-', [0], [0]],
	['+', [0], []],
])('disks %s, of which %j take part: refused for %j', async (said, voters, full) => {
	const {room, disk} = roomOf((said.length - 1) / 2);
	disk.bytes = said.startsWith('-') ? 0 : 5000;
	await room.look();
	for (const [peer, sign] of [...said].entries()) if (peer > 0 && sign !== '.') room.hear(peer, sign === '+');
	room.judge(voters);
	expect(room.full).toEqual(full);
	expect(room.why !== undefined).toBe(full.length > 0);
});

test('what is refused and why is told once, and so is the end of it', () => {
	const {room, told} = roomOf(1);
	const judge = (one: boolean, two: boolean, voters = [0, 1, 2]) => {
		room.hear(1, one);
		room.hear(2, two);
		for (let time = 0; time < 3; time++) room.judge(voters);
	};
	judge(true, false);
	judge(false, false);
	judge(true, false, [0, 2]);
	judge(true, true, [0, 2]);
	expect(told).toEqual([
		'takes no new messages: the disks of r1 and r2 are nearly full; make room there',
		'takes no new messages: the disk of r2 is nearly full and too few others are heard; make room there',
		'takes new messages again',
	]);
});
