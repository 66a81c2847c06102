import {expect, test} from '@jest/globals';
import type {Note} from '../source/consensus/types.ts';
import {NoteBook} from '../source/note-book.ts';

const noOp = (slot: number, view = 1): Note => ({kind: 'no-op', view, slot, text: 'proposes a no-op'});
const busy: Note = {kind: 'busy', view: 1, text: 'no room'};

test('a few notes are told as they are', () => {
	const notes = [noOp(3), noOp(4), noOp(5), busy, noOp(6)];
	expect(new NoteBook(() => 0).sift(notes)).toEqual(notes);
});

test('what is to be said of many slots in a row is said once', () => {
	const many = Array.from({length: 1000}, (_, index) => noOp(index + 10));
	const told = new NoteBook(() => 0).sift([busy, ...many, noOp(1011), noOp(1012, 2)]);
	expect(told).toEqual([
		busy,
		{...noOp(10), text: 'proposes a no-op, and so for each up to slot 1009'},
		noOp(1011),
		noOp(1012, 2),
	]);
});

test('of each kind there are at most fifty in a second, and the rest is counted', () => {
	let now = 0;
	const book = new NoteBook(() => now);
	let told = 0;
	for (; now < 999; now++) told += book.sift([busy]).length;
	expect(told).toBe(50);
	expect(book.sift([noOp(1)])).toEqual([noOp(1)]);
	now = 1000;
	expect(book.sift([busy])).toEqual([{...busy, text: 'no room (and 949 more of this kind before)'}]);
	expect(book.sift([busy])).toEqual([busy]);
	now = 5000;
	expect(book.sift([busy])).toEqual([busy]);
});
