import {describe, expect, test} from '@jest/globals';
import {draw} from '../../cli/tui/draw.ts';
import {textOf} from '../../cli/tui/rows.ts';
import {toldOf} from '../../cli/tui/told.ts';
import type {StampedNote} from '../../source/network/events.ts';
import {modelOf, noon, press, worldOf} from './fakes.ts';

const note = (replica: number, change: Partial<StampedNote> = {}): StampedNote => ({
	kind: 'hole',
	view: 1,
	slot: 5,
	text: 'everything waits for this slot',
	replica,
	at: noon + replica,
	...change,
});
const toldIn = (notes: readonly StampedNote[], filter = '') =>
	toldOf(modelOf({events: {filter, back: 0}}), worldOf({monitor: {notes}}));

describe('events', () => {
	test('what several replicas tell at once happened once', () => {
		const [told, ...rest] = toldIn([3, 0, 4, 1].map(id => note(id)));
		expect(rest).toEqual([]);
		expect(told).toMatchObject({
			who: [0, 1, 3, 4],
			about: 'hole 5',
			slot: 5,
			text: 'everything waits for this slot',
		});
		// Another slot, view, text or time is another event; and so is the same replica again.
		expect(toldIn([note(0), note(1, {slot: 6})])).toHaveLength(2);
		expect(toldIn([note(0), note(1, {view: 2})])).toHaveLength(2);
		expect(toldIn([note(0), note(1, {text: 'the hole is closed'})])).toHaveLength(2);
		expect(toldIn([note(0), note(1, {at: noon + 5000})])).toHaveLength(2);
		expect(toldIn([note(0), note(0, {at: noon + 100})])).toHaveLength(2);
	});

	test('of the promises that a campaign gains the last count is shown', () => {
		const gains = [1, 2, 3].map(count =>
			note(1, {kind: 'campaign', text: `has ${count} of 3 promises needed`, at: noon + count}),
		);
		expect(toldIn(gains).map(({text}) => text)).toEqual(['has 3 of 3 promises needed']);
	});

	test('they stand in the order of their times, and the operator among them', () => {
		const late = note(1, {at: noon + 900, text: 'late'});
		const early = note(0, {at: noon + 100, text: 'early'});
		const order = {at: noon + 500, replica: null, kind: 'order', text: 'kill r0'} as const;
		const told = toldOf(modelOf({ownEvents: [order]}), worldOf({monitor: {notes: [late, early]}}));
		expect(told.map(({text}) => text)).toEqual(['early', 'kill r0', 'late']);
	});

	test('a filter finds every replica that told, and kinds, slots and words', () => {
		const notes = [
			...[0, 1, 2, 3].map(id => note(id)),
			note(4, {kind: 'doubt', slot: 9, text: 'doubts view 1'}),
		];
		for (const filter of ['r2', 'hole 5', 'EVERYTHING']) expect(toldIn(notes, filter)).toHaveLength(1);
		expect(toldIn(notes, 'r4')).toMatchObject([{kind: 'doubt'}]);
	});

	test('who, what and the whole sentence are shown, in a narrow pane on several rows', () => {
		const text = 'everything waits for this slot: slot 6 is decided and this one is not';
		const world = worldOf({monitor: {notes: [0, 1, 2].map(id => note(id, {text}))}});
		const shown = (model: ReturnType<typeof modelOf>, size: object = {}) =>
			draw(model, {...world, ...size})
				.rows.map(textOf)
				.join('\n');
		expect(shown(modelOf({view: 'events', focus: 'events'}))).toMatch(
			/12:00:00\.000 r0 r1 r2 +hole 5 +everything waits .* this one is not/,
		);
		expect(shown(modelOf({view: 'events', focus: 'events'}), {columns: 80, rows: 24})).toMatch(
			/r0 \+2 +hole 5/,
		);
		const narrow = shown(modelOf({view: 'events', focus: 'events'}), {columns: 60, rows: 20});
		expect(narrow.replace(/\s+/g, ' ')).toContain(text);
		const small = shown(modelOf({view: 'events', focus: 'events'}), {columns: 40, rows: 12});
		expect(small.replace(/\s+/g, ' ')).toContain(text.slice(0, 60));
	});

	test('Enter leads from an event to its slot', () => {
		const world = worldOf({monitor: {notes: [note(0), note(0, {at: noon + 5000, slot: 8})]}});
		const model = modelOf({view: 'events', focus: 'events'});
		expect(press(model, 'enter', world).model).toMatchObject({view: 'log', log: {slot: 8}});
		expect(press({...model, events: {filter: '', back: 1}}, 'enter', world).model.log.slot).toBe(5);
	});
});
