import {describe, expect, test} from '@jest/globals';
import fc from 'fast-check';
import {type Bites, CatchUp} from '../../source/chat/catch-up.ts';
import {Chat, type ChatState} from '../../source/chat/chat.ts';
import {noOp, type Request, type Value} from '../../source/consensus/types.ts';

/** To its end; also tells how many bites it took. */
function run(bites: Bites): {isRight: boolean; count: number} {
	for (let count = 0; ; count++) {
		const {done, value} = bites.next();
		if (done) return {isRight: value, count};
	}
}

const isRight = (bites: Bites) => run(bites).isRight;

/** A chat with one session, opened in slot 1, that says what it is told, a list a slot. */
class Teller {
	readonly chat = new Chat({sessions: 10});
	#sequence = 0;

	constructor() {
		this.slot([{client: 'a', session: 0, sequence: 0, nick: 'alice', text: ''}]);
	}

	/** Gives the lines of the slot. */
	slot(requests: readonly Request[], at = 1000): string {
		return this.chat.execute(this.chat.slot + 1, {at, requests}).text;
	}

	say(texts: readonly string[], at?: number): string {
		const requests = texts.map(text => ({
			client: 'a',
			session: 1,
			sequence: ++this.#sequence,
			nick: 'alice',
			text,
		}));
		return this.slot(requests, at);
	}

	get state(): ChatState {
		return structuredClone(this.chat.state());
	}
}

/** Where two lines are known, and then three more in two slots, with empty ones around them. */
function story() {
	const teller = new Teller();
	const known = teller.say(['one', 'two']);
	const from = teller.state;
	teller.slot([]);
	const first = teller.say(['three']);
	teller.slot([]);
	teller.slot([]);
	const second = teller.say(['four', 'five'], 2000);
	teller.slot([]);
	return {known, from, first, second, state: teller.state};
}

describe('what follows is taken', () => {
	test('lines in one piece, and in pieces that end within a slot', () => {
		const {from, first, second, state} = story();
		const whole = new CatchUp(from);
		expect(isRight(whole.take(first + second))).toBe(true);
		expect([whole.start, whole.position]).toEqual([2, 5]);
		expect(isRight(whole.endsIn(state))).toBe(true);

		const pieces = new CatchUp(from);
		for (const line of `${first}${second}`.split(/(?<=\n)/)) expect(isRight(pieces.take(line))).toBe(true);
		expect(isRight(pieces.endsIn(state))).toBe(true);
	});

	test('no lines at all, when there were only empty slots', () => {
		const teller = new Teller();
		teller.say(['one']);
		const from = teller.state;
		for (let slot = 0; slot < 12; slot++) teller.slot([]);
		const catchUp = new CatchUp(from);
		expect(isRight(catchUp.take(''))).toBe(true);
		expect(isRight(catchUp.endsIn(teller.state))).toBe(true);
		expect(isRight(new CatchUp(from).endsIn(from))).toBe(true);
	});

	test('everything, from the very beginning', () => {
		const {known, first, second, state} = story();
		const catchUp = new CatchUp(new Chat({sessions: 10}).state());
		expect(isRight(catchUp.take(known + first + second))).toBe(true);
		expect(isRight(catchUp.endsIn(state))).toBe(true);
	});
});

describe('what does not follow is refused', () => {
	const {known, from, first, second, state} = story();
	const wrong: ReadonlyArray<readonly [what: string, lines: string]> = [
		['a gap', second],
		['lines that we have', known + first],
		['a line twice', first + first],
		['lines in another order', second + first],
		['a line of a slot that we have executed', first.replace('"slot":4', '"slot":2')],
		['a line of an earlier slot', first.replace('"slot":4', '"slot":1')],
		['a slot that goes back', first + second.replaceAll('"slot":7', '"slot":3')],
		['time that goes back', first + second.replaceAll('"at":2000', '"at":999')],
		['a line with another key', first.replace('"position"', '"extra":1,"position"')],
		['a line as another program writes it', first.replace('{"position"', '{ "position"')],
		['no JSON', 'three\n'],
		['an empty line', `${first}\n`],
		['a line without its end', first.slice(0, -1)],
		['the beginning of another line', `${first}{"pos`],
		['a slot that nobody can have decided', first.replace('"slot":4', `"slot":${2 ** 50}`)],
	];
	test.each(wrong)('%s', (_what, lines) => {
		expect(isRight(new CatchUp(from).take(lines))).toBe(false);
	});

	test('a piece, or a slot, that is larger than any honest one', () => {
		const large = first.replace('three', 'x'.repeat(9_000_000));
		expect(isRight(new CatchUp(from).take(large))).toBe(true);
		expect(isRight(new CatchUp(from).take(large + large.replace('"position":3', '"position":4')))).toBe(
			false,
		);

		const slot = new CatchUp(from);
		const again = (position: number) => large.replace('"position":3', `"position":${position}`);
		expect(isRight(slot.take(again(3)))).toBe(true);
		expect(isRight(slot.take(again(4)))).toBe(true);
		expect(isRight(slot.take(again(5)))).toBe(false);
	});

	test('a state that these lines do not lead to', () => {
		const others: ReadonlyArray<Partial<ChatState>> = [
			{hash: 'ab'.repeat(32)},
			{position: 6},
			{position: 4},
			{slot: 7},
			{slot: 9},
			{slot: 2},
			{slot: 2 ** 50},
			{at: 2001},
		];
		for (const other of others) {
			const catchUp = new CatchUp(from);
			expect(isRight(catchUp.take(first + second))).toBe(true);
			expect(isRight(catchUp.endsIn({...state, ...other}))).toBe(false);
		}

		const less = new CatchUp(from);
		expect(isRight(less.take(first))).toBe(true);
		expect(isRight(less.endsIn(state))).toBe(false);
	});

	test('one text changed, and one line moved to another slot', () => {
		for (const lines of [
			first.replace('three', 'trhee') + second,
			first.replace('"slot":4', '"slot":3') + second,
			first + second.replace('"nick":"alice"', '"nick":"alicf"'),
		]) {
			const catchUp = new CatchUp(from);
			expect(isRight(catchUp.take(lines))).toBe(true);
			expect(isRight(catchUp.endsIn(state))).toBe(false);
		}
	});
});

test('many empty slots are followed in bites, with room for others between them', () => {
	const {from} = story();
	expect(run(new CatchUp(from).endsIn({...from, slot: from.slot + 200_000})).count).toBe(40);
});

describe('against the real chat', () => {
	const said = fc.array(
		fc.record({
			client: fc.constantFrom('a', 'b', 'c'),
			text: fc.string({unit: 'grapheme', maxLength: 12}),
			step: fc.constantFrom(0, 1, 1, 1, 2),
		}),
		{maxLength: 5},
	);
	const slots = fc.array(fc.record({said, at: fc.integer({min: 0, max: 50})}), {maxLength: 25});

	/** Executes it all; gives the state and the lines after each slot. */
	function execute(
		plan: ReadonlyArray<{said: ReadonlyArray<{client: string; text: string; step: number}>; at: number}>,
	) {
		const chat = new Chat({sessions: 2});
		const last = new Map<string, {session: number; sequence: number}>();
		const after = [{state: structuredClone(chat.state()), text: ''}];
		for (const {said: words, at} of plan) {
			const requests = words.map(({client, text, step}): Request => {
				const known = last.get(client);
				if (!known) return {client, session: 0, sequence: 0, nick: client, text: ''};
				known.sequence += step;
				return {client, session: known.session, sequence: known.sequence, nick: client, text};
			});
			const value: Value = requests.length === 0 ? noOp : {at, requests};
			const {text, answers} = chat.execute(chat.slot + 1, value);
			for (const answer of answers) {
				if (answer.status === 'opened')
					last.set(answer.client, {session: answer.session, sequence: answer.sequence});
				if (answer.status === 'expired') last.delete(answer.client);
			}

			after.push({state: structuredClone(chat.state()), text});
		}

		return after;
	}

	test('every later state is reached from every earlier one by the lines between, in any pieces, and by no others', () => {
		fc.assert(
			fc.property(
				slots,
				fc.nat(),
				fc.nat(),
				fc.array(fc.nat(3)),
				fc.nat(),
				(plan, one, other, cuts, spoil) => {
					const after = execute(plan);
					const [start, end] = [one % after.length, other % after.length].sort((a, b) => a - b) as [
						number,
						number,
					];
					const lines = after
						.slice(start + 1, end + 1)
						.flatMap(({text}) => text.split(/(?<=\n)/))
						.filter(line => line !== '');
					const {state: from} = after[start]!;
					const {state} = after[end]!;

					const catchUp = new CatchUp(from);
					const left = [...lines];
					for (const cut of cuts) expect(isRight(catchUp.take(left.splice(0, cut).join('')))).toBe(true);
					expect(isRight(catchUp.take(left.join('')))).toBe(true);
					expect(isRight(catchUp.endsIn(state))).toBe(true);

					if (lines.length === 0) return;
					const text = lines.join('');
					const at = spoil % text.length;
					const flipped = text[at] === '7' ? '8' : '7';
					const spoilt = text.slice(0, at) + flipped + text.slice(at + 1);
					const wrong = new CatchUp(from);
					expect(isRight(wrong.take(spoilt)) && isRight(wrong.endsIn(state))).toBe(false);
					const short = new CatchUp(from);
					expect(isRight(short.take(lines.slice(1).join(''))) && isRight(short.endsIn(state))).toBe(false);
				},
			),
			{numRuns: 300},
		);
	});
});
