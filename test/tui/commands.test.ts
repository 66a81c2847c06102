import {describe, expect, test} from '@jest/globals';
import {draw} from '../../cli/tui/draw.ts';
import {textOf} from '../../cli/tui/rows.ts';
import {stateOf} from '../../cli/tui/world.ts';
import {down, follow, lineOf, modelOf, noon, press, statusOf, watchedOf, worldOf} from './fakes.ts';

const shown = (...given: Parameters<typeof draw>) =>
	draw(...given)
		.rows.map(textOf)
		.join('\n');

describe('slash commands', () => {
	test('/save hands out what is loaded, harmless, and nothing else', () => {
		const lines = [lineOf(1), lineOf(2, {text: 'two\n\u001b[2Jlines', nick: 'e\u0007ve'})];
		const {effects} = press(modelOf(), "'/save a file.txt' enter", worldOf({client: {lines}}));
		const save = effects.find(({type}) => type === 'save');
		expect(save).toMatchObject({path: 'a file.txt'});
		const {text} = save as {text: string};
		expect(text.split('\n#')).toHaveLength(2);
		expect(text).toMatch(/^#1 slot 2 .* bob: message 1\n#2 slot 3 .*: two\n\t.*lines\n$/);
		expect(text).not.toMatch(/[\u0007\u001b]/);
	});

	test('/who tells who is connected where, and who spoke last', () => {
		const lines = [lineOf(1, {nick: 'carol'}), lineOf(2), lineOf(3, {nick: 'carol'})];
		const world = worldOf({
			client: {lines},
			monitor: {replicas: [watchedOf(0, {status: statusOf(0, {clients: 3})}), watchedOf(1), down(2)]},
		});
		const {model} = press(modelOf(), "'/who' enter", world);
		expect(model.notices.at(-1)?.text).toMatch(/^clients at r0: 3, r1: 1; spoke last: carol \d\d:\d\d, bob/);
	});

	test('/edit and Alt+E give the draft away, and take it back as it is', () => {
		const draft = press(modelOf(), "'my draft' alt+e", worldOf());
		expect(draft.effects).toEqual([{type: 'edit', text: 'my draft'}]);
		expect(press(modelOf(), "'/edit some words' enter", worldOf()).effects).toContainEqual({
			type: 'edit',
			text: 'some words',
		});
		const {model} = follow(draft.model, [{type: 'edited', text: 'one\n/kill r1\n'}], worldOf());
		// Nothing of it is run or sent before Enter.
		expect(model.line).toMatchObject({text: 'one\n/kill r1', cursor: 'one\n/kill r1'.length});
	});

	test.each([
		['/rate 11', /whole number from 1 to 10/],
		['/rate', /hz is missing/],
		['/mouse perhaps', /on or off/],
		['/connect r7', /r0 to r4/],
		['/save', /file is missing/],
	])('%s is refused, and stays in the line', (text, why) => {
		const {model, effects} = press(modelOf(), `'${text}' escape`, worldOf());
		const entered = press({...model, popup: null, focus: 'line'}, 'enter', worldOf());
		expect(entered.model.toast).toMatchObject({isBad: true, text: expect.stringMatching(why)});
		expect(entered.model.line.text).toBe(text);
		expect([...effects, ...entered.effects]).toEqual([]);
	});

	test('/mouse, /bell, /connect and /rate', () => {
		expect(press(modelOf(), "'/mouse on' enter", worldOf()).effects).toContainEqual({
			type: 'mouse',
			isOn: true,
		});
		expect(press(modelOf(), "'/connect r2' enter", worldOf()).effects).toContainEqual({
			type: 'connect',
			id: 2,
		});
		expect(press(modelOf(), "'/rate 1' enter", worldOf()).model.hz).toBe(1);
		const muted = press(modelOf({last: 1}), "'/bell off' enter", worldOf()).model;
		const world = worldOf({client: {lines: [lineOf(1), lineOf(2, {text: 'hey @alice'})]}});
		expect(follow(muted, [{type: 'news'}], world).effects).toEqual([]);
		expect(follow({...muted, isMuted: false}, [{type: 'news'}], world).effects).toEqual([{type: 'bell'}]);
	});
});

test('the wheel scrolls the chat by three rows, and comes back to its end', () => {
	const lines = Array.from({length: 100}, (_, index) => lineOf(index + 1));
	const world = worldOf({client: {lines}, columns: 80, rows: 24});
	const bottom = (script: string) => {
		const {model} = press(modelOf({last: 100}), script, world);
		return /message (\d+)(?![\s\S]*message \d)/.exec(shown(model, world))?.[1];
	};
	expect([bottom(''), bottom('wheelup'), bottom('wheelup wheelup'), bottom('wheelup wheeldown')]).toEqual([
		'100',
		'97',
		'94',
		'100',
	]);
});

describe('the table of replicas', () => {
	const replicas = [
		watchedOf(0, {status: statusOf(0, {executed: 20}), roundTripMs: 2}),
		watchedOf(1, {status: statusOf(1, {executed: 7}), roundTripMs: 9}),
		down(2),
	];
	const world = worldOf({monitor: {replicas}, columns: 120, rows: 36});
	const order = (text: string) => [...text.matchAll(/^\W*r(\d) +\S/gm)].map(([, id]) => id).join('');

	test('s sorts it by one column after the other, and the keys follow what is seen', () => {
		let {model} = press(modelOf({view: 'monitor', focus: 'monitor'}), '', world);
		const orders = ['ID', 'STATE', 'VIEW', 'EXEC', 'RTT'].map(sorting => {
			expect(model.sorting).toBe(sorting);
			const seen = order(shown(model, world).split('msg/s')[0]!);
			({model} = press(model, 's', world));
			return seen;
		});
		expect(orders).toEqual(['012', '201', '012', '102', '210']);
		const sorted = modelOf({view: 'monitor', focus: 'monitor', sorting: 'EXEC', selected: 1});
		expect(press(sorted, 'j', world).model.selected).toBe(0);
	});

	test('silent is not down: the connection stands, or others hear it', () => {
		const mute = down(2);
		const hearing = (heardAt: number) => watchedOf(0, {status: statusOf(0, {hears: [1, 2]}), heardAt});
		const states = (watched: typeof mute, heardAt: number) =>
			stateOf(watched, {...world.monitor, replicas: [hearing(heardAt), watched]});
		expect(states({...mute, isConnected: true}, noon)).toBe('silent');
		expect(states(mute, noon)).toBe('silent');
		// What was said when it died is no proof that it lives.
		expect(states(mute, mute.since + 1000)).toBe('down');
		expect(stateOf(mute, world.monitor)).toBe('down');
		const text = shown(
			modelOf({view: 'monitor', focus: 'monitor'}),
			worldOf({monitor: {replicas: [hearing(noon), mute, watchedOf(1)]}}),
		);
		expect(text).toMatch(/r2 +\? silent/);
		expect(text).toMatch(/r2 refused; heard by r0/);
	});
});
