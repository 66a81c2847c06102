import {execFileSync} from 'node:child_process';
import {describe, expect, test} from '@jest/globals';
import fc from 'fast-check';
import {Chat, type ChatState} from '../../source/chat/chat.ts';
import type {Answer} from '../../source/chat/types.ts';
import {noOp, type Request, type Value} from '../../source/consensus/types.ts';
import {Model} from './model.ts';

const open = (client: string, nonce = 'first'): Request => ({
	client,
	session: 0,
	sequence: 0,
	nick: client,
	text: nonce,
});
const say = (client: string, session: number, sequence: number, text = `${client}${sequence}`): Request => ({
	client,
	session,
	sequence,
	nick: client,
	text,
});
const slotOf = (at: number, ...requests: Request[]): Value => ({at, requests});

/** Executes the next slot and returns what was answered. */
const next = (chat: Chat, ...requests: Request[]): readonly Answer[] =>
	chat.execute(chat.slot + 1, slotOf(1000, ...requests)).answers;
const statuses = (answers: readonly Answer[]): string[] => answers.map(({status}) => status);

/** What a client may try, right or wrong. It becomes a request once it is known where the client stands. */
type Intent = {
	client: number;
	kind: 'open' | 'next' | 'again' | 'old' | 'gap' | 'stray' | 'forged';
	back: number;
};
type Step = {at: number; intents: Intent[]};
const intent = fc.record<Intent>({
	client: fc.nat(4),
	kind: fc.constantFrom('open', 'next', 'next', 'next', 'again', 'old', 'gap', 'stray', 'forged'),
	back: fc.nat(6),
});
const history = fc.record({
	capacity: fc.integer({min: 1, max: 6}),
	steps: fc.array(fc.record<Step>({at: fc.nat(50), intents: fc.array(intent, {maxLength: 8})}), {
		maxLength: 25,
	}),
});

function requestOf({client: index, kind, back}: Intent, model: Model): Request {
	const client = `c${index}`;
	const {session, last} = model.find(client) ?? {session: Math.max(1, model.slot - back), last: 0};
	const sequences = {
		open: 0,
		next: last + 1,
		again: last,
		old: Math.max(0, last - 1 - back),
		gap: last + 2 + back,
		stray: back,
		forged: last + 1,
	};
	if (kind === 'open') return open(client, `${back % 2}`);
	return say(client, kind === 'stray' ? back : kind === 'forged' ? session + 1 : session, sequences[kind]);
}

/** Plays a history on the model, and gives the slots it is made of with what the model made of each. */
function play(model: Model, steps: readonly Step[]) {
	return steps.map(({at, intents}) => {
		model.begin(model.slot + 1);
		const from = model.lines.length;
		const requests: Request[] = [];
		const answers: Answer[] = [];
		for (const each of intents) {
			const request = requestOf(each, model);
			requests.push(request);
			const answer = model.request(request, at);
			if (answer) answers.push(answer);
		}

		model.end();
		const {text, retries, hash} = model;
		return {value: {at, requests}, outcome: {text, lines: model.lines.slice(from), answers, retries}, hash};
	});
}

describe('any history', () => {
	test('is executed as the model says, each request once and in the order of its session', () => {
		fc.assert(
			fc.property(history, ({capacity, steps}) => {
				const model = new Model(capacity);
				const chat = new Chat({sessions: capacity});
				const lines = play(model, steps).flatMap(({value, outcome, hash}) => {
					expect(chat.execute(chat.slot + 1, value)).toEqual(outcome);
					expect(chat.hash).toBe(hash);
					return outcome.lines;
				});
				expect(chat.state().sessions.map(({client}) => client)).toEqual(
					model.rows.toSorted((one, other) => one.executed - other.executed).map(({client}) => client),
				);

				expect(lines.map(({position}) => position)).toEqual(lines.map((_, index) => index + 1));
				expect(lines.map(({at}) => at)).toEqual(
					lines.map(({at}) => at).toSorted((one, other) => one - other),
				);
			}),
			{numRuns: 300},
		);
	});

	test('goes on in a chat restored from its state as if nothing had happened', () => {
		fc.assert(
			fc.property(history, fc.nat(25), ({capacity, steps}, after) => {
				const slots = play(new Model(capacity), steps);
				const chat = new Chat({sessions: capacity});
				for (const {value} of slots.slice(0, after)) chat.execute(chat.slot + 1, value);
				const state = JSON.parse(JSON.stringify(chat.state())) as ChatState;
				const restored = new Chat({sessions: capacity}, state);
				expect(restored.state()).toEqual(state);
				expect(restored.hashAt(state.slot)).toBe(state.hash);
				for (const {value} of slots.slice(after)) {
					const {requests} = value;
					expect(requests.map(each => restored.answerTo(each))).toEqual(
						requests.map(each => chat.answerTo(each)),
					);
					expect(restored.execute(restored.slot + 1, value)).toEqual(chat.execute(chat.slot + 1, value));
				}

				expect(restored.state()).toEqual(chat.state());
			}),
			{numRuns: 200},
		);
	});

	test('has a hash of its own: another one as soon as a line or a slot is another', () => {
		const run = (steps: readonly Step[]) => {
			const chat = new Chat({sessions: 4});
			const log = play(new Model(4), steps).map(({value}) => chat.execute(chat.slot + 1, value).text);
			return {hash: chat.hash, log: JSON.stringify(log)};
		};
		fc.assert(
			fc.property(history, fc.nat(24), fc.array(intent, {maxLength: 2}), ({steps}, where, intents) => {
				const first = run(steps);
				const second = run(steps.map((step, index) => (index === where ? {...step, intents} : step)));
				expect(first.hash === second.hash).toBe(first.log === second.log);
				expect(run([...steps, {at: 0, intents: []}]).hash).not.toBe(first.hash);
			}),
		);
	});
});

describe('exactly once', () => {
	test('a request that stands in two slots, or twice in one, executes once and is answered the same each time', () => {
		const chat = new Chat({sessions: 10});
		next(chat, open('a'));
		const {lines, answers, retries, text} = chat.execute(2, slotOf(1000, say('a', 1, 1), say('a', 1, 1)));
		expect(lines).toHaveLength(1);
		expect(text.split('\n')).toHaveLength(2);
		expect(retries).toBe(1);
		const ok = {status: 'ok', client: 'a', session: 1, sequence: 1, position: 1, slot: 2};
		expect(answers).toEqual([ok, ok]);
		expect(chat.execute(3, slotOf(1001, say('a', 1, 1)))).toEqual({
			text: '',
			lines: [],
			answers: [ok],
			retries: 1,
		});
	});

	test('an older request than the last executes nothing and is not answered', () => {
		const chat = new Chat({sessions: 10});
		next(chat, open('a'));
		next(chat, say('a', 1, 1), say('a', 1, 2));
		expect(next(chat, say('a', 1, 1), say('a', 1, 0))).toEqual([]);
		expect(chat.position).toBe(2);
	});

	test('a number that is not the next is a gap, until the gap is closed', () => {
		const chat = new Chat({sessions: 10});
		next(chat, open('a'));
		expect(next(chat, say('a', 1, 2))).toEqual([{status: 'gap', client: 'a', session: 1, sequence: 2}]);
		expect(statuses(next(chat, say('a', 1, 1), say('a', 1, 2)))).toEqual(['ok', 'ok']);
	});

	test('a batch with one request that was executed before executes the others', () => {
		const chat = new Chat({sessions: 10});
		next(chat, open('a'), open('b'));
		next(chat, say('a', 1, 1));
		expect(
			chat.execute(3, slotOf(1, say('a', 1, 1), say('b', 1, 1))).lines.map(({client}) => client),
		).toEqual(['b']);
	});
});

describe('sessions', () => {
	test('an opening that stands in the log twice opens once and says how far the session is', () => {
		const chat = new Chat({sessions: 10});
		next(chat, open('a'));
		next(chat, say('a', 1, 1));
		expect(next(chat, open('a'))).toEqual([
			{status: 'opened', client: 'a', nonce: 'first', session: 1, sequence: 1},
		]);
		expect(statuses(next(chat, say('a', 1, 2)))).toEqual(['ok']);
		expect(chat.position).toBe(2);
	});

	test('another opening ends the session before: what is under way there takes no number of the new one', () => {
		const chat = new Chat({sessions: 10});
		next(chat, open('a'), say('a', 1, 1));
		expect(next(chat, open('a', 'second'))).toEqual([
			{status: 'opened', client: 'a', nonce: 'second', session: 2, sequence: 1},
		]);
		expect(statuses(next(chat, say('a', 1, 2), say('a', 2, 1), say('a', 2, 2)))).toEqual(['expired', 'ok']);
		expect(chat.answerTo(say('a', 2, 2))).toMatchObject({status: 'ok', position: 2});
		// The numbers go on, so that a client and a number name one message.
		expect(chat.state().sessions).toMatchObject([{client: 'a', session: 2, sequence: 2}]);
	});

	test('opening writes no line', () => {
		const chat = new Chat({sessions: 10});
		expect(chat.execute(1, slotOf(1, open('a')))).toMatchObject({text: '', lines: []});
	});

	test('the one whose last execution lies furthest back goes, and is then expired', () => {
		const chat = new Chat({sessions: 2});
		next(chat, open('a'));
		next(chat, open('b'));
		next(chat, say('a', 1, 1));
		next(chat, open('c'));
		expect(statuses(next(chat, say('b', 2, 1), say('a', 1, 2), say('c', 4, 1)))).toEqual([
			'expired',
			'ok',
			'ok',
		]);
		expect(next(chat, open('b'))).toEqual([
			{status: 'opened', client: 'b', nonce: 'first', session: 6, sequence: 0},
		]);
		expect(statuses(next(chat, say('b', 2, 1), say('b', 6, 1)))).toEqual(['expired', 'ok']);
	});

	test('a retry is no execution: it keeps no session alive', () => {
		const chat = new Chat({sessions: 2});
		next(chat, open('a'), say('a', 1, 1));
		next(chat, open('b'));
		next(chat, say('a', 1, 1));
		next(chat, open('c'));
		expect(statuses(next(chat, say('a', 1, 2)))).toEqual(['expired']);
	});

	test('a session that goes and comes back within one slot cannot execute a number twice', () => {
		const chat = new Chat({sessions: 1});
		const {lines} = chat.execute(
			1,
			slotOf(1, open('a'), say('a', 1, 1), open('b'), open('a'), say('a', 1, 1)),
		);
		expect(lines).toHaveLength(1);
		expect(chat.state().sessions).toHaveLength(1);
	});

	test('never opened, or with numbers that no session has: expired', () => {
		const chat = new Chat({sessions: 2});
		expect(statuses(next(chat, say('a', 1, 1), say('a', 0, 1), say('a', 7, 0)))).toEqual(
			Array(3).fill('expired'),
		);
	});
});

describe('what the own table proves', () => {
	const chat = new Chat({sessions: 2});
	next(chat, open('a'), open('b'));
	next(chat, say('a', 1, 1), say('a', 1, 2));

	test('the last request is answered', () => {
		expect(chat.answerTo(say('a', 1, 2))).toEqual({
			status: 'ok',
			client: 'a',
			session: 1,
			sequence: 2,
			position: 2,
			slot: 2,
		});
		expect(chat.hasSettled(say('a', 1, 2))).toBe(true);
	});

	test('an older one is known to be executed, though its answer is forgotten', () => {
		expect(chat.answerTo(say('a', 1, 1))).toBeUndefined();
		expect(chat.hasSettled(say('a', 1, 1))).toBe(true);
	});

	test('a replica that lags proves nothing of what it has not executed', () => {
		for (const request of [say('a', 1, 3), say('a', 1, 9), say('a', 5, 1), say('c', 3, 1), say('b', 1, 1)]) {
			expect(chat.answerTo(request)).toBeUndefined();
			expect(chat.hasSettled(request)).toBe(false);
		}
	});

	test('a session of a slot that is executed here, and that the table does not hold, never comes back', () => {
		for (const request of [say('c', 1, 1), say('a', 2, 1)]) {
			expect(chat.answerTo(request)).toMatchObject({status: 'expired', session: request.session});
			expect(chat.hasSettled(request)).toBe(true);
		}
	});

	test('an opening is known by its nonce; any other goes through the log', () => {
		expect(chat.answerTo(open('a'))).toEqual({
			status: 'opened',
			client: 'a',
			nonce: 'first',
			session: 1,
			sequence: 2,
		});
		expect(chat.hasSettled(open('a'))).toBe(true);
		expect(chat.answerTo(open('a', 'second'))).toBeUndefined();
		expect(chat.hasSettled(open('a', 'second'))).toBe(false);
	});

	test('asking changes nothing', () => {
		const before = chat.state();
		chat.answerTo(say('b', 1, 0));
		chat.answerTo(open('b'));
		expect(chat.state()).toEqual(before);
	});
});

describe('time and hashes', () => {
	test('the time of a line is never less than in the line before, whatever primaries stamp', () => {
		const chat = new Chat({sessions: 1});
		chat.execute(1, slotOf(500, open('a')));
		const stamps = [300, 200, 900, 0, 901];
		const times = stamps.map(
			(at, index) => chat.execute(index + 2, slotOf(at, say('a', 1, index + 1))).lines[0]?.at,
		);
		expect(times).toEqual([300, 300, 900, 900, 901]);
	});

	test('slots are executed in order and without gaps', () => {
		const chat = new Chat({sessions: 1});
		expect(() => chat.execute(2, noOp)).toThrow('slot 2 came to be executed after slot 0');
		chat.execute(1, noOp);
		expect(() => chat.execute(1, noOp)).toThrow('slot 1 came to be executed after slot 1');
		expect(chat.slot).toBe(1);
	});

	test('a no-op counts, and the same line in another slot is another history', () => {
		const hashes = [0, 1, 2].map(noOps => {
			const chat = new Chat({sessions: 1});
			chat.execute(1, slotOf(1, open('a')));
			for (let count = 0; count < noOps; count++) chat.execute(chat.slot + 1, noOp);
			chat.execute(chat.slot + 1, slotOf(1, say('a', 1, 1)));
			for (let count = 2; count > noOps; count--) chat.execute(chat.slot + 1, noOp);
			return chat.hash;
		});
		expect(new Set(hashes).size).toBe(3);
	});

	test('the hashes of the last 10,000 slots are kept, and that of the checkpoint', () => {
		const chat = new Chat({sessions: 1});
		const hashes = [chat.hash];
		for (let slot = 1; slot <= 12_000; slot++) {
			chat.execute(slot, noOp);
			hashes.push(chat.hash);
			if (slot === 1500) chat.state();
		}

		for (const slot of [1500, 2001, 2002, 9999, 10_000, 10_001, 12_000])
			expect(chat.hashAt(slot)).toBe(hashes[slot]);
		for (const slot of [-1, 0, 1499, 1501, 2000, 12_001, 12_002]) expect(chat.hashAt(slot)).toBeUndefined();
		const restored = new Chat({sessions: 1}, chat.state());
		expect(restored.hashAt(12_000)).toBe(chat.hash);
		for (const slot of [0, 2000, 11_999, 12_001]) expect(restored.hashAt(slot)).toBeUndefined();
	});
});

describe('everywhere the same', () => {
	const values: Value[] = [
		slotOf(1_790_000_000_000, open('a'), open('İstanbul')),
		noOp,
		slotOf(
			1_790_000_000_500,
			say('a', 1, 1, 'tab\tnewline\n"quoted" \\ ❤️ ß İ ı \u{10ffff}\ud800'),
			say('a', 1, 2, ''),
		),
		slotOf(
			1_789_999_999_999,
			say('İstanbul', 1, 1, 'Straße, naïve, 世界, 𝄞'),
			say('a', 9, 1),
			say('a', 1, 4),
		),
	];

	test('the bytes and hashes of a history do not change from version to version', () => {
		const chat = new Chat({sessions: 10});
		const log = values.map((value, index) => chat.execute(index + 1, value).text).join('');
		expect(log).toBe(
			String.raw`{"position":1,"slot":3,"client":"a","sequence":1,"nick":"a","text":"tab\u0009newline\u000a\"quoted\" \\ ❤\ufe0f ß İ ı \udbff\udfff\ud800","at":1790000000500}
{"position":2,"slot":3,"client":"a","sequence":2,"nick":"a","text":"","at":1790000000500}
{"position":3,"slot":4,"client":"İstanbul","sequence":1,"nick":"İstanbul","text":"Straße, naïve, 世界, 𝄞","at":1790000000500}
`,
		);
		expect(chat.hash).toBe('cd20cb9563b1d1d1d874bcb64d2e52989b1142d99e7693c2c4457183fbc42b6b');
	});

	test('a replica in another time zone and with another language agrees', () => {
		const chat = new Chat({sessions: 10});
		const here = values.map((value, index) => chat.execute(index + 1, value));
		const source = new URL('../../source/chat/chat.ts', import.meta.url).href;
		const script = `import {Chat} from ${JSON.stringify(source)};
			const chat = new Chat({sessions: 10});
			const there = ${JSON.stringify(values)}.map((value, index) => chat.execute(index + 1, value));
			process.stdout.write(JSON.stringify({there, state: chat.state(), zone: new Date(0).getTimezoneOffset()}));`;
		const environment = {TZ: 'Pacific/Kiritimati', LANG: 'tr_TR.UTF-8', LC_ALL: 'tr_TR.UTF-8'};
		const output = execFileSync(process.execPath, ['--input-type=module', '-e', script], {
			env: {...process.env, NODE_OPTIONS: '--disable-warning=ExperimentalWarning', ...environment},
			encoding: 'utf8',
		});
		const {there, state, zone} = JSON.parse(output);
		expect(zone).not.toBe(new Date(0).getTimezoneOffset());
		expect(there).toEqual(here);
		expect(state).toEqual(chat.state());
	});
});

test('who was admitted is part of the state, and outlives a checkpoint', () => {
	const admission = (after: number) => ({
		at: 1,
		requests: [],
		admission: {replica: 2, incarnation: 'a'.repeat(32), after},
	});
	const chat = new Chat({sessions: 3});
	expect(chat.execute(1, admission(0))).toEqual({text: '', lines: [], answers: [], retries: 0});
	expect(chat.admitted).toEqual([{replica: 2, incarnation: 'a'.repeat(32), slot: 1}]);
	const later = new Chat({sessions: 3}, chat.state());
	later.execute(2, admission(0));
	expect(later.admitted).toEqual(chat.admitted);
});
