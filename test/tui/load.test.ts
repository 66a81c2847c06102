import {describe, expect, test} from '@jest/globals';
import {draw} from '../../cli/tui/draw.ts';
import {type Answer, Meter, noLoad} from '../../cli/tui/meter.ts';
import type {Batch, Model} from '../../cli/tui/model.ts';
import {barChart, condensed} from '../../cli/tui/panes/charts.ts';
import {rowWidth, textOf} from '../../cli/tui/rows.ts';
import {down, follow, modelOf, noon, press, watchedOf, worldOf} from './fakes.ts';

const ok = (start: number, end: number): Answer => ({start, end, status: 'ok'});
const shown = (...given: Parameters<typeof draw>) =>
	draw(...given)
		.rows.map(textOf)
		.join('\n');

describe('the meter', () => {
	test('counts, rates and percentiles are those of the answers', () => {
		const meter = new Meter(1000);
		for (let index = 0; index < 100; index++) meter.add(ok(1000 + index * 10, 1005 + index * 10));
		meter.add({start: 1000, end: null, status: 'unknown'});
		meter.add({start: 1000, end: null, status: 'failed'});
		const load = meter.at(2000);
		expect(load).toMatchObject({acknowledged: 100, unknown: 1, failed: 1, elapsed: 1000, now: 100});
		expect(load.rates).toEqual([100, 100, 100, 100]);
		expect(load.latency).toMatchObject({p50: 5, p99: 5, max: 5});
		expect(load.latency.counts).toEqual([0, 0, 100, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
	});

	test('the longest pause is found, and silence is told while it lasts', () => {
		const meter = new Meter(0);
		for (const end of [10, 20, 1420, 1430, 2000]) meter.add(ok(end - 5, end));
		expect(meter.at(2500)).toMatchObject({pause: {ms: 1400, after: 20}, silent: 500});
		expect(noLoad).toMatchObject({pause: null, acknowledged: 0, rates: []});
	});

	test('a load of hours stays in the picture, and none of it is lost', () => {
		const meter = new Meter(0);
		for (let second = 0; second < 7200; second++) meter.add(ok(second * 1000, second * 1000 + 100));
		const {rates, stretchMs} = meter.at(7_200_000);
		expect(rates.length).toBeLessThanOrEqual(480);
		expect(rates.length * stretchMs).toBeGreaterThan(7_000_000);
		expect(rates.every(rate => rate === 1)).toBe(true);
	});
});

describe('charts', () => {
	test('bars are as high as their values, and what is not nothing is seen', () => {
		expect(barChart([0, 1, 50, 100], 2, false)).toEqual(['   █', ' ▁██']);
		expect(barChart([4, 2], 1, true, 2, 1)).toEqual(['@@ == ']);
	});

	test('many values become few by their means', () => {
		expect(condensed([1, 3, 5, 7, 9], 3)).toEqual({values: [2, 6, 9], each: 2});
		expect(condensed([1, 2], 10)).toEqual({values: [1, 2], each: 1});
	});
});

const meter = new Meter(0);
for (let index = 0; index < 400; index++) {
	const end = index < 200 ? index * 10 : 1400 + index * 10;
	meter.add(ok(end - 8, end));
}

const batchOf = (change: Partial<Batch> = {}): Batch => ({
	messages: 1000,
	clients: 8,
	startedAt: noon - 6000,
	endedAt: null,
	load: meter.at(6000),
	isStopping: false,
	summary: null,
	...change,
});
const notes = [
	{kind: 'leader', view: 1, replica: 1, at: noon - 9000, text: 'leads from slot 1 on, with 3 promises'},
	{kind: 'campaign', view: 2, replica: 2, at: noon - 3500, text: 'asks for promises from slot 9 on'},
	{kind: 'leader', view: 2, replica: 2, at: noon - 3000, text: 'leads from slot 9 on, with 3 promises'},
] as const;
const world = worldOf({monitor: {notes, replicas: [watchedOf(0), watchedOf(1), watchedOf(2)]}});
const watching = (batch: Batch = batchOf()): Model => modelOf({view: 'batch', focus: 'batch', batch});

describe('the screen of a load', () => {
	test('progress, throughput, histogram, and what befell the cluster meanwhile', () => {
		const model = {
			...watching(),
			ownEvents: [
				{at: noon - 4000, replica: null, kind: 'order', text: 'kill r1'},
				{at: noon - 3900, replica: 1, kind: 'down', text: 'refused'},
			] as const,
		};
		const text = shown(model, world);
		expect(text).toMatch(/400 \/ 1000 {2}40% {2}eta 9s/);
		expect(text).toContain('longest pause 1.41s');
		expect(text).toMatch(/latency +p50 8.0ms/);
		expect(text).toMatch(/1ms +2ms +5ms +10ms +20ms/);
		const meanwhile = text.slice(text.indexOf('meanwhile'));
		expect(meanwhile).toMatch(
			/you +order +kill r1 *\n.*r1 +down +refused *\n.*r2 +leader v2 +leads from slot 9 on/,
		);
		// What came before it, and how a campaign goes, is none of its business.
		expect(meanwhile).not.toMatch(/slot 1 on|asks for/);
		expect(text.match(/▲/g)).toHaveLength(2);
	});

	test.each([
		[120, 36],
		[80, 24],
		[60, 20],
		[40, 10],
		[200, 60],
	])('%dx%d: every row is as wide as the terminal, with ASCII too', (columns, rows) => {
		for (const isAscii of [false, true])
			for (const batch of [
				batchOf(),
				batchOf({load: noLoad}),
				batchOf({summary: 'one\ntwo\nthree', endedAt: noon}),
			]) {
				const {rows: drawn} = draw(
					watching(batch),
					worldOf({...world, columns, rows, about: {isAscii}, monitor: {...world.monitor, notes}}),
				);
				expect(drawn).toHaveLength(rows);
				for (const row of drawn) expect([textOf(row), rowWidth(row)]).toEqual([textOf(row), columns]);
				if (isAscii) expect(drawn.map(textOf).join('\n')).toMatch(/^[\n -~]*$/);
			}
	});

	test('/batch leads to it, Esc back to where one was while it goes on, Alt+6 there again', () => {
		const begun = press(modelOf(), "'/batch 500 4' enter", world);
		expect(begun.effects).toContainEqual({type: 'batch', messages: 500, clients: 4, nick: 'alice'});
		expect(begun.model).toMatchObject({view: 'batch', focus: 'batch'});
		const back = press(begun.model, 'escape', world);
		expect(back.model).toMatchObject({view: 'split', focus: 'line'});
		expect(back.effects).toEqual([]);
		expect(shown(back.model, world)).toContain('load 0%');
		expect(press(back.model, 'alt+6', world).model.view).toBe('batch');
		const again = press({...back.model, popup: null}, "'/batch 5' enter", world);
		expect(again.model.toast?.text).toContain('a load runs already');
		expect(press(modelOf(), 'alt+6', world).model.toast?.isBad).toBe(true);
	});

	test('q stops it, and its summary stays until one leaves', () => {
		const stopped = press(watching(), 'q', world);
		expect(stopped.effects).toEqual([{type: 'stopBatch'}]);
		expect(shown(stopped.model, {...world, now: noon + 5000})).toContain('stopping');
		const ended = follow(
			stopped.model,
			[{type: 'batch', batch: {summary: '400 of 1000 acknowledged', endedAt: noon + 100}}],
			world,
		).model;
		expect(shown(ended, world)).toContain('400 of 1000 acknowledged');
		expect(press(ended, 'escape', world).model).toMatchObject({view: 'split', batch: null});
	});

	test('faults can be ordered from it', () => {
		const asked = press(watching(), '1 K', world).model;
		expect(asked.overlay).toMatchObject({title: expect.stringContaining('Kill replica r1?')});
		expect(press({...asked, view: 'batch'}, 'enter', world).model).toMatchObject({
			view: 'batch',
			overlay: null,
		});
	});
});

describe('--batch on a terminal', () => {
	const alone = worldOf({...world, about: {hasChat: false}});

	test('there is no chat to go to, and Ctrl+C first ends what is under way, then leaves', () => {
		for (const script of ['alt+1', 'alt+3', 'escape'])
			expect(press(watching(), script, alone).model).toMatchObject({view: 'batch', toast: {isBad: true}});
		expect(press(watching(), 'alt+2 escape', alone).model.focus).toBe('line');
		expect(press({...watching(), focus: 'line'}, "'hello' enter", alone).effects).toEqual([]);
		const once = press(watching(), 'ctrl+c', alone);
		expect(once.effects).toEqual([{type: 'stopBatch'}]);
		expect(press(once.model, 'ctrl+c', alone).effects).toEqual([{type: 'quit'}]);
	});
});

test('a replica that goes and comes back is an event, once it was heard', () => {
	const news = {type: 'news'} as const;
	const at = (...replicas: ReturnType<typeof down>[]) => worldOf({monitor: {replicas}});
	const unheard = {...down(1), heardAt: null, status: null};
	let model = follow(modelOf(), [news], at(watchedOf(0), unheard)).model;
	model = follow(model, [news], at(watchedOf(0), watchedOf(1))).model;
	expect(model.ownEvents).toEqual([]);
	model = follow(model, [news, news], at(watchedOf(0), down(1))).model;
	model = follow(model, [news, news], at(watchedOf(0), watchedOf(1))).model;
	expect(model.ownEvents.map(({replica, kind, text}) => ({replica, kind, text}))).toEqual([
		{replica: 1, kind: 'down', text: 'refused'},
		{replica: 1, kind: 'back', text: 'answers again, after being down'},
	]);
});
