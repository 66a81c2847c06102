import {writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {afterEach, beforeAll, describe, expect, test} from '@jest/globals';
import {ScreenUnderTest} from '../../bench/terminal.ts';
import {Place} from '../cli/processes.ts';
import {fakeCluster, statusOf} from '../client/fake-replica.ts';

const escapeByte = '\u001b';
const view = (text: string) => Number(/view (\d+)/.exec(text)?.[1] ?? -1);
/** Slots of own messages, as the screen tells them. */
const slotOf = (text: string, message: string) =>
	Number(new RegExp(`${message} +(?:decided )?#(\\d+)`).exec(text)?.[1] ?? Number.NaN);

describe('the program on a terminal', () => {
	let place: Place;
	const screens: ScreenUnderTest[] = [];
	const open = (words: readonly string[] = [], options: object = {}) => {
		const screen = new ScreenUnderTest(words, {cwd: place.path, ...options});
		screens.push(screen);
		return screen;
	};

	beforeAll(() => {
		place = new Place();
	});
	afterEach(async () => {
		for (const screen of screens.splice(0)) await screen.clear();
		await place.clear();
		place = new Place();
	});

	test('chat, kill, skip, resize and leave, with two people', async () => {
		await place.write(1, {holePatienceMs: 1000});
		const alice = open(['--nick', 'alice']);
		const untouched = alice.modes;
		// The first picture is there before any replica is.
		await alice.until(/alice>/);
		await alice.until(/up 3\/3/);
		expect(alice.isAlternate).toBe(true);
		const bob = open(['--nick', 'bob'], {columns: 80, rows: 24});
		await bob.until(/● r\d/);

		// Both see the same order, and each its own state. One read brings several keys.
		bob.write('hello alice\r');
		await alice.until(/bob @ hello alice/);
		await alice.type('hi bob\r');
		await bob.until(/alice @ hi bob/);
		await alice.until(/alice ✓ hi bob +decided #\d+/);
		for (const screen of [alice, bob])
			expect(screen.text.indexOf('hello alice')).toBeLessThan(screen.text.indexOf('hi bob'));

		// The leader is killed through the dialog: Enter cancels, y kills.
		const before = view(alice.text);
		const leader = Number(/leader r(\d)/.exec(alice.text)?.[1]);
		await alice.type(`/kill r${leader}\r`);
		await alice.until(/is the LEADER of view \d+[\s\S]*After: 2 of 3, quorum OK/);
		await alice.type('\r');
		await alice.until(/cancelled/);
		expect(alice.text).toMatch(/up 3\/3/);
		await alice.type(`/kill r${leader}\r`);
		await alice.until(/Esc n Enter: Cancel/);
		await alice.type('y');
		await alice.type('said while nobody leads\r');
		await alice.until(/up 2\/3/);
		await alice.until(text => view(text) > before);
		await alice.until(/said while nobody leads +(decided )?#\d+/);
		await bob.until(/said while nobody leads/);
		expect(bob.text.match(/said while nobody leads/g)).toHaveLength(1);

		// One more would stop the service: the name is asked for, and y does nothing.
		const other = (leader + 1) % 3;
		await alice.type(`/kill r${other}\r`);
		await alice.until(/THIS STOPS THE SERVICE[\s\S]*NO QUORUM/);
		await alice.type('y\r');
		await alice.until(/type r\d, or Esc/);
		await alice.type(`\u007f\u007fr${other}\r`);
		await alice.until(/up 1\/3 {2}NO QUORUM/);
		await alice.type('said to nobody\r');
		await alice.until(/said to nobody +(queued|sent|retry)/);
		await bob.until(/no quorum/);
		for (const id of [leader, other]) {
			await alice.type(`/restart r${id}\r`);
			await alice.until(/It is down, and comes back/);
			await alice.type('y');
			await alice.until(new RegExp(`r${id} runs again`));
		}

		await alice.until(/up 3\/3/);
		await alice.until(/said to nobody +(decided )?#\d+/);
		await bob.until(/said to nobody/);
		expect(bob.text.match(/said to nobody/g)).toHaveLength(1);

		// A skipped slot: a hole on every row, then a no-op.
		await alice.type('/skip\r');
		await alice.until(/leaves its next free slot out/);
		await alice.type('y');
		const slot = Number(/leaves slot (\d+) out/.exec(await alice.until(/leaves slot \d+ out/))?.[1]);
		await alice.type('above the hole\r');
		await alice.until(new RegExp(`waiting: slot ${slot} is a hole`));
		await alice.until(/r0 .*○▓[\s\S]*r1 .*○▓[\s\S]*r2 .*○▓/);
		await alice.until(/above the hole +(decided )?#\d+/);
		expect(slotOf(alice.text, 'above the hole')).toBeGreaterThan(slot);
		await alice.until(/r0 .*█∅█[\s\S]*r1 .*█∅█[\s\S]*r2 .*█∅█/);
		await alice.until(new RegExp(`no promise held slot ${slot}`));

		// Whatever the size, the frame is whole and the draft is kept.
		await alice.type('my draft');
		expect([alice.overflows, bob.overflows]).toEqual([0, 0]);
		for (const [columns, rows] of [
			[80, 24],
			[60, 20],
			[40, 10],
			[39, 9],
			[120, 36],
		] as const) {
			alice.resize(columns, rows);
			await alice.until(columns === 39 ? /Window 39x9, needs 40x10/ : /alice> my draft/);
			expect(alice.rows).toHaveLength(rows);
			expect(alice.scrollback).toBe(0);
			expect(alice.rows.filter(row => row.includes('alice> my draft')).length).toBe(columns === 39 ? 0 : 1);
		}

		await alice.until(text => /^╔═+╗$/m.test(text) && /^╚═+╝$/m.test(text));
		expect(alice.cursor).toEqual({x: '║ alice> my draft'.length, y: 33});

		// Ctrl+C: first the draft goes into the history; then it asks, as bob would lose his replicas.
		alice.write('\u0003');
		await alice.until(/cleared/);
		alice.write(`${escapeByte}[A`);
		await alice.until(/alice> my draft/);
		alice.write('\u0003');
		await alice.until(/alice> +║/);
		alice.write('\u0003');
		await alice.until(/Ctrl\+C again quits/);
		alice.write('\u0003');
		await alice.until(/1 other client is connected/);
		await alice.type('y');
		expect(await alice.end()).toBe(0);
		expect(alice.modes).toEqual(untouched);
		await bob.until(/offline/);
		bob.write('\u0003\u0003');
		expect(await bob.end()).toBe(0);
	}, 60_000);

	test('divergence stays in sight and in the exit code; history comes as one scrolls, and is harmless', async () => {
		const {cluster, replicas, chat, stop} = await fakeCluster(3);
		await place.write(1);
		const addresses = cluster.replicas.map(({id, host, port}) => ({id, host, port}));
		writeFileSync(join(place.path, 'cluster.json'), JSON.stringify({f: 1, replicas: addresses}));
		chat.add('eve', 'the very first');
		for (let count = 0; count < 1500; count++) chat.add('bob', `message ${count}`);
		chat.add(
			'bo\u001b[7mb',
			'\u001b]0;owned\u0007\u001b]8;;http://evil\u0007click\u001b[8m\u202eback\r12:00:00 root ok',
		);
		for (const replica of replicas) {
			replica.setStatus({
				...statusOf(replica.id),
				executed: 9,
				decided: 9,
				messages: chat.lines.length,
				hashSlot: 9,
			});
			replica.script.hash = () => (replica.id === 1 ? 'b' : 'a').repeat(64);
		}

		try {
			const screen = open(['--nick', 'alice'], {columns: 80, rows: 24});
			await screen.until(/DIVERGENCE r0 != r1/);
			await screen.until(/bob +click.*back␍12:00:00 root ok/);
			screen.write(`${escapeByte}[5~${escapeByte}[5~${escapeByte}[1;5H`);
			await screen.until(/message 1/);
			await screen.until(text => {
				// The first page there is; asked again, the one before it comes.
				if (!text.includes('the very first')) screen.write(`${escapeByte}[1;5H`);
				return text.includes('the very first');
			});
			expect(screen.raw).not.toMatch(/\u001b\](?:0|8);/);
			expect(screen.raw).not.toContain('\u001b[8m');
			expect(screen.text).toContain('DIVERGENCE r0 != r1');
			// No shell is there to stop for: the screen comes back by itself.
			screen.write('\u001a');
			await screen.until(() => screen.raw.split('\u001b[?1049h').length === 3);
			await screen.until(/alice>/);
			screen.write('\u0003\u0003');
			expect(await screen.end()).toBe(5);
			expect(screen.text).toContain('DIVERGENCE r0 != r1');
		} finally {
			await stop();
		}
	}, 30_000);

	test('without anybody: it says so, keeps what is typed, and leaves', async () => {
		await place.write(1);
		const screen = open(['monitor', '--nick', 'eve', '--ascii', '--no-color'], {columns: 80, rows: 24});
		await screen.until(/NO QUORUM/);
		await screen.until(/x r0 refused|x r0 .*refused/);
		await screen.type('i');
		screen.write('/chat\r');
		await screen.until(/offline/);
		screen.write('are you there?\r');
		await screen.until(/are you there\? +queued/);
		expect(screen.text).toMatch(/^[\n -~]*$/);
		expect(screen.raw).not.toMatch(/\u001b\[(3|4|9)\dm/);
		screen.write('\u0003\u0003');
		expect(await screen.end()).toBe(0);
		expect(screen.isAlternate).toBe(false);
	}, 20_000);
});
