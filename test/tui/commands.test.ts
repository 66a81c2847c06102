import {describe, expect, test} from '@jest/globals';
import {draw} from '../../cli/tui/draw.ts';
import {textOf} from '../../cli/tui/rows.ts';
import {stateOf, upOf} from '../../cli/tui/world.ts';
import {
	down,
	follow,
	lineOf,
	modelOf,
	noon,
	pendingOf,
	press,
	statusOf,
	watchedOf,
	worldOf,
} from './fakes.ts';

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

	test('down, silent and unseen are three things, and the words say which', () => {
		const gone = down(2);
		const hearing = (heardAt: number) => watchedOf(0, {status: statusOf(0, {hears: [1, 2]}), heardAt});
		const states = (watched: typeof gone, heardAt: number) =>
			stateOf(watched, {...world.monitor, replicas: [hearing(heardAt), watchedOf(1), watched]});
		// The others hear it: only our way to it is broken.
		expect(states(gone, noon)).toBe('unseen');
		// What was said when it died is no proof that it lives.
		expect(states(gone, gone.since + 1000)).toBe('down');
		// A connection that brings nothing, to a process that nobody hears: it is frozen.
		expect(states({...gone, isConnected: true}, gone.since + 1000)).toBe('silent');
		const text = (watched: typeof gone, heardAt: number) =>
			shown(
				modelOf({view: 'monitor', focus: 'monitor'}),
				worldOf({monitor: {replicas: [hearing(heardAt), watchedOf(1), watched]}}),
			);
		expect(text(gone, noon)).toMatch(/r2 +\? unseen[\s\S]*r2 refused; heard by r0/);
		expect(text({...gone, isConnected: true}, 0)).toMatch(/r2 +\? silent/);
	});

	test('what lives and hears the others counts, everywhere the same', () => {
		const hearing = [0, 1].map(id => watchedOf(id, {status: statusOf(id, {hears: [0, 1, 2]})}));
		const frozen = {...down(3), isConnected: true};
		const isolated = watchedOf(4, {
			status: statusOf(4, {faults: {loss: 0, isIsolated: true, dropped: 0}}),
		});
		const all = worldOf({monitor: {replicas: [...hearing, down(2), frozen, isolated]}});
		expect(upOf(all.monitor)).toEqual([0, 1, 2]);
		const text = shown(modelOf({view: 'monitor', focus: 'monitor'}), all);
		expect(text).toMatch(/up 3\/5 {2}quorum OK/);
		expect(text).toContain('can lose no more');
		const asked = press(modelOf({view: 'monitor', focus: 'monitor', selected: 1}), 'K', all).model;
		expect(asked.overlay).toMatchObject({
			type: 'typed',
			lines: expect.arrayContaining(['Up now 3 of 5 (r0 r1 r2). After: 2 of 5, NO QUORUM.']),
		});
		const refusal = (selected: number) =>
			press(modelOf({view: 'monitor', focus: 'monitor', selected}), 'K', all).model.toast?.text;
		expect(refusal(2)).toBe('r2 does not answer us (refused), though r0 r1 hear it');
		expect(refusal(3)).toBe('r3 is silent (refused)');
		// Killing one that is cut off takes nothing away.
		const cut = press(modelOf({view: 'monitor', focus: 'monitor', selected: 4}), 'K', all).model;
		expect(cut.overlay).toMatchObject({
			lines: expect.arrayContaining([expect.stringContaining('After: 3 of 5')]),
		});
	});
});

test('who learns what it lost has no vote, and does not count', () => {
	const learner = watchedOf(2, {status: statusOf(2, {role: 'learner'})});
	const world = worldOf({monitor: {replicas: [watchedOf(0), watchedOf(1), learner]}});
	expect(upOf(world.monitor)).toEqual([0, 1]);
	const text = shown(modelOf({view: 'monitor', focus: 'monitor'}), world);
	expect(text).toMatch(/r2 +◐ learning/);
	expect(text).toContain('r2 lost its memory: no vote until it is admitted');
	expect(text).toContain('can lose no more');
	const asked = (selected: number) =>
		press(modelOf({view: 'monitor', focus: 'monitor', selected}), 'K', world).model.overlay;
	expect(asked(0)).toMatchObject({type: 'typed', name: 'r0'});
	expect(asked(2)).toMatchObject({
		type: 'dialog',
		lines: expect.arrayContaining([
			'r2 is a learner, without a vote. It stops at once.',
			'Up now 2 of 3 (r0 r1). After: 2 of 3, quorum OK.',
		]),
	});
});

describe('loss', () => {
	const world = worldOf();
	const ask = (script: string) => press(modelOf({focus: 'monitor', selected: 2}), script, world);

	test('L asks, with the consequence in numbers; the arrows change the share; Enter cancels', () => {
		const asked = ask('L').model;
		expect(asked.overlay).toMatchObject({type: 'dialog', title: 'Lose 20% at replica r2?'});
		const text = shown(asked, world);
		expect(text).toContain('1 in 5 messages does not arrive');
		expect(text).toContain('After: 5 of 5, quorum OK.');
		expect(ask('L enter').effects).toEqual([]);
		expect(ask('L right right y').effects).toEqual([
			{type: 'fault', fault: {kind: 'loss', share: 0.5, id: 2}},
		]);
		expect(ask('L left left left left').model.overlay).toMatchObject({title: 'Lose 0% at replica r2?'});
	});

	test('who hears nothing counts for nothing', () => {
		const deaf = ask('L right right right right right').model;
		expect(shown(deaf, world)).toContain('Up now 5 of 5 (r0 r1 r2 r3 r4). After: 4 of 5, quorum OK.');
		const everywhere = press(modelOf(), "'/loss 100%' enter", world).model;
		expect(everywhere.overlay).toMatchObject({type: 'typed', name: 'lose all'});
		expect(shown(everywhere, world)).toContain('After: 0 of 5, NO QUORUM.');
		const bare = worldOf({monitor: {replicas: [watchedOf(0), watchedOf(1), down(2)]}});
		const last = press(modelOf({focus: 'monitor', selected: 0}), 'L right right right right right', bare);
		expect(last.model.overlay).toMatchObject({type: 'typed', name: 'r0', isMeasured: true});
		expect(press(last.model, 'left', bare).model.overlay).toMatchObject({type: 'dialog'});
	});
});

describe('/resend and /cancel by id', () => {
	const pending = [
		pendingOf({key: 3, state: 'failed', text: 'three'}),
		pendingOf({key: 4, state: 'queued', text: 'four'}),
		pendingOf({key: 5, state: 'sent', replicas: [1], text: 'five'}),
		pendingOf({key: 6, state: 'failed', text: 'six'}),
	];
	const world = worldOf({client: {pending}});
	const effects = (line: string) =>
		press(modelOf(), `'${line}' escape`, world).model.line.text === line
			? press({...press(modelOf(), `'${line}'`, world).model, popup: null}, 'enter', world).effects.filter(
					({type}) => type !== 'remember',
				)
			: [];

	test('one message, or all that failed', () => {
		expect(effects('/resend 6')).toEqual([
			{type: 'forget', key: 6},
			{type: 'say', text: 'six', nick: 'alice'},
		]);
		expect(effects('/resend')).toHaveLength(4);
		expect(effects('/cancel 3')).toEqual([{type: 'forget', key: 3}]);
		// Nobody was told of it yet.
		expect(effects('/cancel 4')).toEqual([{type: 'unsay', key: 4}]);
	});

	test('what cannot be is refused, with the reason, and stays in the line', () => {
		for (const [line, why] of [
			['/cancel 5', '5 was sent to r1: it cannot be taken back'],
			['/cancel 9', 'no message that waits or failed has the id 9'],
			['/resend 4', 'no failed message has the id 4'],
		] as const) {
			const typed = {...press(modelOf(), `'${line}'`, world).model, popup: null};
			const {model} = press(typed, 'enter', world);
			expect([line, model.toast?.text, model.line.text]).toEqual([line, why, line]);
		}
	});

	test('Tab offers the ids, with the words', () => {
		const resend = shown(press(modelOf(), "'/resend '", world).model, world);
		expect(resend).toMatch(/3 +failed: three[\s\S]*6 +failed: six/);
		expect(resend).not.toContain('queued: four');
		expect(shown(press(modelOf(), "'/cancel '", world).model, world)).toMatch(/4 +queued: four/);
		expect(press(modelOf(), "'/resend ' down tab", world).model.line.text).toBe('/resend 6');
	});
});

describe('/set', () => {
	const set = (line: string, model = modelOf()) =>
		press({...press(model, `'${line}'`, worldOf()).model, popup: null}, 'enter', worldOf());

	test('tells all settings, or one; changes one', () => {
		expect(set('/set').model.notices.at(-1)?.text).toMatch(
			/^theme dark, time auto, ascii off, split 55, rate 5, bell on, mouse off;/,
		);
		expect(set('/set theme').model.notices.at(-1)?.text).toBe(
			'theme dark (dark, light, contrast, mono): colours',
		);
		expect(set('/set theme contrast').model.theme).toBe('contrast');
		expect(set('/set rate 3').model.hz).toBe(3);
		expect(set('/set bell off').model.isMuted).toBe(true);
		expect(set('/set mouse on')).toMatchObject({
			model: {hasMouse: true},
			effects: expect.arrayContaining([{type: 'mouse', isOn: true}]),
		});
	});

	test.each([
		['/set themes dark', 'themes is no setting; did you mean theme?; /set lists them'],
		['/set theme pink', 'theme is dark, light, contrast or mono'],
		['/set split 90', 'split is a whole number from 35 to 75'],
		['/set __proto__ 1', '__proto__ is no setting; /set lists them'],
	])('%s is refused, and stays in the line', (line, why) => {
		const {model} = set(line);
		expect([model.toast?.text, model.line.text]).toEqual([why, line]);
	});

	test('the picture follows', () => {
		const lines = [lineOf(1, {at: noon})];
		const world = worldOf({client: {lines}});
		expect(shown(set('/set time minutes').model, world)).toMatch(/│12:00 +bob/);
		expect(shown(modelOf(), world)).toMatch(/│12:00:00 +bob/);
		const border = (split: string) =>
			shown(set(`/set split ${split}`).model, world)
				.split('\n')[1]!
				.indexOf('╮');
		expect([border('40'), border('70')]).toEqual([47, 83]);
	});

	test('Tab offers settings, and then their values', () => {
		expect(press(modelOf(), "'/set th' tab", worldOf()).model.line.text).toBe('/set theme ');
		expect(press(modelOf(), "'/set theme co' tab", worldOf()).model.line.text).toBe('/set theme contrast');
	});
});

test('Ctrl+X Ctrl+E opens the editor; Ctrl+X and anything else says that it means nothing', () => {
	const both = press(modelOf(), "'draft' ctrl+x ctrl+e", worldOf());
	expect(both.effects).toEqual([{type: 'edit', text: 'draft'}]);
	const wrong = press(modelOf(), "'draft' ctrl+x ctrl+u", worldOf()).model;
	expect([wrong.line.text, wrong.toast?.text, wrong.chord]).toEqual([
		'draft',
		'Ctrl+X Ctrl+U means nothing',
		null,
	]);
	expect(press(modelOf(), "ctrl+x 'e'", worldOf()).model).toMatchObject({line: {text: 'e'}, chord: null});
});

describe('only holes in the log', () => {
	const slots = {from: 1, states: 'EENEENEE-DDA', views: Array.from({length: 12}, () => 6)};
	const holed = {slots, executed: 8, decided: 11, accepted: 12, holes: [9]};
	const world = worldOf({
		monitor: {replicas: [0, 1, 2].map(id => watchedOf(id, {status: statusOf(id, holed)}))},
	});
	const log = modelOf({view: 'log', focus: 'log'});

	test('o leaves holes and no-ops, with their numbers; the cursor goes from one to the next', () => {
		const {model} = press(log, 'o', world);
		const text = shown(model, world);
		expect(text).toMatch(/^slot +3 +6 +9 *$/m);
		expect(text).toMatch(/^ r0 +∅ +∅ +○ *$/m);
		expect(model.log).toEqual({slot: 9, isOddOnly: true});
		expect(press(model, 'left', world).model.log.slot).toBe(6);
		expect(press(model, 'left left left left', world).model.log.slot).toBe(3);
		const all = press(model, 'left o', world).model;
		expect(all.log).toEqual({slot: 6, isOddOnly: false});
		expect(shown(all, world)).toMatch(/^ r0 +██∅██∅██○▓▓▒/m);
	});

	test('where there is none, it says so', () => {
		const {model} = press(log, 'o', worldOf());
		expect([model.log.isOddOnly, model.toast?.isBad]).toEqual([false, true]);
	});

	test('Enter shows the slot, and then what was said in it', () => {
		const lines = [lineOf(7, {slot: 8, text: 'said in eight'})];
		const talked = {...world, client: {...world.client, lines, position: 7}};
		const small = modelOf({focus: 'log', log: {slot: 8, isOddOnly: false}});
		const large = press(small, 'enter', talked).model;
		expect([large.view, large.focus]).toEqual(['log', 'log']);
		expect(shown(large, talked)).toContain('said in eight');
		expect(press(large, 'enter', talked).model).toMatchObject({view: 'chat', found: 7});
		expect(press({...large, log: {slot: 2, isOddOnly: false}}, 'enter', talked).model.toast?.text).toContain(
			'slot 2',
		);
	});
});

describe('looking away', () => {
	const lines = [lineOf(1), lineOf(2)];
	const more = worldOf({client: {lines: [...lines, lineOf(3), lineOf(4, {text: 'hi @alice'})]}});
	const look = (isHere: boolean) => ({type: 'look', isHere}) as const;
	const news = {type: 'news'} as const;

	test('what comes meanwhile is unread, and the line stays until something is said', () => {
		const away = follow(modelOf({last: 2}), [look(false), news, look(true)], more).model;
		expect(away.unread).toBe(3);
		expect(press(away, "'x' enter", more).model.unread).toBeNull();
		expect(follow(modelOf({last: 2}), [look(true), news], more).model.unread).toBeNull();
		// What stood behind another view was not read.
		const elsewhere = {...away, view: 'monitor', focus: 'monitor'} as const;
		expect(follow(elsewhere, [look(false)], more).model.unread).toBe(3);
		// Turning away again is having read.
		expect(follow(away, [look(false)], more).model.unread).toBeNull();
	});

	test('the bell rings for those who do not look, or of whom nobody knows', () => {
		const rings = (...events: Parameters<typeof follow>[1]) =>
			follow(modelOf({last: 2}), [...events, news], more).effects;
		expect(rings()).toEqual([{type: 'bell'}]);
		expect(rings(look(false))).toEqual([{type: 'bell'}]);
		expect(rings(look(true))).toEqual([]);
	});
});
