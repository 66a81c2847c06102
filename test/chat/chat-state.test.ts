import {describe, expect, test} from '@jest/globals';
import {Chat, type ChatState} from '../../source/chat/chat.ts';
import {plainOf, stateOf} from '../../source/chat/chat-state.ts';

const session = {client: 'a', session: 1, nonce: 'n', sequence: 2, position: 3, slot: 4};
const admission = {replica: 2, incarnation: '0a'.repeat(16), slot: 5};
const state: ChatState = {
	slot: 9,
	position: 7,
	at: 1000,
	hash: 'ab'.repeat(32),
	sessions: [session],
	admitted: [admission],
};
const row = ['a', 1, 'n', 2, 3, 4];

test('a state comes back from its plain form, through JSON, as it was', () => {
	for (const each of [state, new Chat({sessions: 3}).state()])
		expect(stateOf(JSON.parse(JSON.stringify(plainOf(each))))).toEqual(each);
	expect(plainOf(state).sessions).toEqual([row]);
});

test('what else the data holds is left behind', () => {
	expect(stateOf({...plainOf(state), format: 1, bytes: 12})).toEqual(state);
});

describe('what cannot be a state is none', () => {
	const plain = plainOf(state);
	const wrong: ReadonlyArray<readonly [string, unknown]> = [
		['nothing', undefined],
		['null', null],
		['a list', []],
		['text', 'state'],
		['no slot', {...plain, slot: undefined}],
		['a slot as text', {...plain, slot: '9'}],
		['a negative position', {...plain, position: -1}],
		['a position with a fraction', {...plain, position: 7.5}],
		['a time beyond numbers', {...plain, at: 2 ** 60}],
		['a short hash', {...plain, hash: 'ab'}],
		['a hash in capitals', {...plain, hash: 'AB'.repeat(32)}],
		['no sessions', {...plain, sessions: undefined}],
		['sessions that are an object', {...plain, sessions: {}}],
		['a session that is an object', {...plain, sessions: [session]}],
		['a short session', {...plain, sessions: [row.slice(1)]}],
		['a long session', {...plain, sessions: [[...row, 5]]}],
		['a client that is a number', {...plain, sessions: [[1, 1, 'n', 2, 3, 4]]}],
		['a nonce that is a number', {...plain, sessions: [['a', 1, 1, 2, 3, 4]]}],
		['a sequence that is null', {...plain, sessions: [['a', 1, 'n', null, 3, 4]]}],
		['a client twice', {...plain, sessions: [row, ['b', 1, 'n', 2, 3, 4], row]}],
		['a session of a later slot', {...plain, sessions: [['a', 10, 'n', 2, 3, 4]]}],
		['an execution in a later slot', {...plain, sessions: [['a', 1, 'n', 2, 3, 10]]}],
		['a line behind the last one', {...plain, sessions: [['a', 1, 'n', 2, 8, 4]]}],
	];
	test.each(wrong)('%s', (_what, data) => {
		expect(stateOf(data)).toBeUndefined();
	});
});
