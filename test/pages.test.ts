import {expect, test} from '@jest/globals';
import type {Decided, Message, ReplicaId, Value} from '../source/consensus/types.ts';
import {Pages} from '../source/pages.ts';

const value = (text: string): Value => ({
	at: 1,
	requests: [{client: 'a', session: 1, sequence: 1, nick: 'a', text}],
});
const page = (from: number, count: number, delivered: number): Decided => ({
	type: 'decided',
	from,
	values: Array.from({length: count}, (_, index) => value(`${from + index} ${'x'.repeat(900)}`)),
	delivered,
});

/** What goes to the peers, at a time that the test gives. */
function stage() {
	const clock = {now: 0};
	const sent: Array<readonly [to: ReplicaId | 'all', message: Message]> = [];
	const pages = new Pages(
		{
			broadcast: messages => void sent.push(...messages.map(message => ['all', message] as const)),
			send: (to, messages) => void sent.push(...messages.map(message => [to, message] as const)),
		},
		() => clock.now,
	);
	return {clock, sent, pages};
}

test('what is no page goes on as it is', () => {
	const {pages, sent} = stage();
	const vote: Message = {type: 'accepted', view: 0, slot: 1};
	pages.broadcast([vote, page(1, 100, 100)]);
	pages.send(2, [vote, vote]);
	expect(sent).toEqual([
		['all', vote],
		['all', page(1, 100, 100)],
		[2, vote],
		[2, vote],
	]);
});

test('a page is cut to what the line bears, from its beginning, and the next follows', () => {
	const {pages, sent, clock} = stage();
	pages.send(2, [page(1, 100, 500)]);
	const [, first] = sent[0]! as [ReplicaId, Decided];
	expect(first).toEqual({...page(1, 100, 500), values: page(1, 2, 500).values});
	// At 1 Mbit/s a page of the core would keep the line busy for a second.
	let from = 3;
	for (let turn = 0; turn < 100; turn++) {
		clock.now += 1 + (sent.at(-1)![1] as Decided).values.length * 8.4;
		pages.send(2, [page(from, 120, 5000)]);
		const {values} = sent.at(-1)![1] as Decided;
		expect(values.length * 8.4).toBeLessThan(110);
		from += values.length;
	}

	expect(from).toBeGreaterThan(500);
});

test('each peer has a line of its own, and a page that is under way is not sent to it twice', () => {
	const {pages, sent, clock} = stage();
	const vote: Message = {type: 'accepted', view: 0, slot: 1};
	pages.send(1, [page(1, 10, 10)]);
	pages.send(2, [page(1, 10, 10)]);
	clock.now = 100;
	pages.send(1, [page(1, 10, 10)]);
	pages.send(2, [vote, page(2, 9, 10)]);
	expect(sent.map(([to, {type}]) => [to, type])).toEqual([
		[1, 'decided'],
		[2, 'decided'],
		[2, 'accepted'],
	]);
});

test('the pieces of a checkpoint go on where the lines have ended, and none is sent twice', () => {
	const {pages, sent, clock} = stage();
	const line = (position: number) => `${position} ${'x'.repeat(900)}\n`;
	pages.send(1, [{type: 'chunk', after: 0, lines: line(1) + line(2), checkpoint: null}]);
	let offset = 0;
	let most = 0;
	// At 1 Mbit/s, on which a checkpoint as a whole would be under way for eight seconds.
	for (let bytes = 1804; offset < 1_000_000; ) {
		clock.now += 2 + bytes / 125;
		bytes = pages.bytesFor(1, 2, offset);
		most = Math.max(most, bytes);
		const text = 'x'.repeat(bytes);
		pages.send(1, [{type: 'chunk', after: 2, lines: '', checkpoint: {slot: 9, offset, text, isLast: false}}]);
		expect(pages.bytesFor(1, 2, offset)).toBe(0);
		offset += bytes;
	}

	// Neither small for ever, nor more than the line carries in a moment.
	expect(most).toBeGreaterThan(5000);
	expect(most).toBeLessThan(10_000);
	expect(sent.length).toBeLessThan(250);
});

test('a value is never cut: one is sent, however large', () => {
	const {pages, sent} = stage();
	pages.send(1, [{type: 'decided', from: 1, values: [value('x'.repeat(100_000)), value('y')], delivered: 2}]);
	expect((sent[0]![1] as Decided).values).toHaveLength(1);
});
