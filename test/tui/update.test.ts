import {describe, expect, test} from '@jest/globals';
import {draw} from '../../cli/tui/draw.ts';
import {pictureOf} from '../../cli/tui/screen.ts';
import {update} from '../../cli/tui/update/update.ts';
import {safeLine} from '../../source/safe-text.ts';
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

const picture = (...given: Parameters<typeof draw>) => pictureOf(draw(...given));
const news = {type: 'news'} as const;

describe('the line', () => {
	test('Enter sends what stands there, once, and remembers it', () => {
		const {model, effects} = press(modelOf(), "'hello' enter enter", worldOf());
		expect(effects.filter(({type}) => type === 'say')).toEqual([{type: 'say', text: 'hello', nick: 'alice'}]);
		expect(model.line.text).toBe('');
		expect(press(model, 'up', worldOf()).model.line.text).toBe('hello');
	});

	test('what was typed before ↑ is kept at the end, and chooses what is recalled', () => {
		const model = modelOf({history: ['alpha', 'beta', 'alps']});
		const up = press(model, "'al' up up", worldOf()).model;
		expect(up.line.text).toBe('alpha');
		expect(press(up, 'down down', worldOf()).model.line.text).toBe('al');
	});

	test('a wrong command says why, and stays in the line', () => {
		const {model, effects} = press(modelOf(), "'/kil r1 ' enter", worldOf());
		expect(effects).toEqual([]);
		expect(model.line.text).toBe('/kil r1 ');
		expect(model.toast?.text).toContain('did you mean /kill');
	});

	test('what is refused stays in the line', () => {
		for (const text of ['/goto 99', '/theme pink', '/kill r1', '/cancel']) {
			const world = worldOf({about: {noFaults: 'no secret'}});
			const {model, effects} = press(modelOf(), `'${text}' enter`, world);
			expect([model.line.text, model.toast?.isBad, effects]).toEqual([text, true, []]);
		}
	});

	test('Ctrl+C clears the draft into the history, then arms, then quits', () => {
		const world = worldOf();
		const cleared = press(modelOf(), "'draft' ctrl+c", world);
		expect(cleared.effects).toEqual([{type: 'remember', text: 'draft'}]);
		expect(press(cleared.model, 'up', world).model.line.text).toBe('draft');
		const armed = press(cleared.model, 'ctrl+c', world);
		expect(armed.effects).toEqual([]);
		expect(press(armed.model, 'ctrl+c', world).effects).toEqual([{type: 'quit'}]);
		expect(press(armed.model, 'ctrl+c', worldOf({now: noon + 2500})).effects).toEqual([]);
	});

	test('quitting asks when others would lose their replicas, or own messages are not decided', () => {
		const alone = worldOf({about: {ownsReplicas: true}, monitor: {replicas: [watchedOf(0)]}});
		expect(press(modelOf(), 'ctrl+d', alone).effects).toEqual([{type: 'quit'}]);
		const shared = worldOf({about: {ownsReplicas: true}});
		const asked = press(modelOf(), 'ctrl+c ctrl+c', shared);
		expect(asked.effects).toEqual([]);
		expect(picture(asked.model, shared)).toContain('4 other clients are connected');
		expect(press(asked.model, 'y', shared).effects).toEqual([{type: 'quit'}]);
		const open = worldOf({client: {pending: [pendingOf()]}});
		expect(press(modelOf(), "'/quit' enter", open).model.overlay).toMatchObject({title: 'Quit?'});
	});

	test('a long paste is asked about, and never sent by itself', () => {
		const text = Array.from({length: 30}, (_, index) => `line ${index}`).join('\n');
		const world = worldOf();
		const asked = update(modelOf(), {type: 'paste', text}, world);
		expect(asked.effects).toEqual([]);
		expect(asked.model.overlay).toMatchObject({type: 'dialog', title: 'Paste 30 lines?'});
		expect(press(asked.model, 'enter', world).model.line.text).toBe('');
		expect(press(asked.model, 'y', world).model.line.text).toBe(text);
		// Terminals send a carriage return for each line break, the last one included.
		const returns = `${text.replaceAll('\n', '\r')}\r`;
		expect(update(modelOf(), {type: 'paste', text: returns}, world).model.overlay).toMatchObject({
			title: 'Paste 30 lines?',
			leadsTo: {text: returns.slice(0, -1)},
		});
		expect(update(modelOf(), {type: 'paste', text: 'one\ntwo\nthree'}, world).model.line.text).toBe(
			'one\ntwo\nthree',
		);
	});

	test('Tab completes commands, their arguments and nicks', () => {
		const world = worldOf({client: {lines: [lineOf(1, {nick: 'carol'})]}});
		expect(press(modelOf(), "'/kil' tab", world).model.line.text).toBe('/kill ');
		expect(press(modelOf(), "'/kill ' down tab", world).model.line.text).toBe('/kill r1');
		expect(press(modelOf(), "'hi @ca' tab", world).model.line.text).toBe('hi @carol ');
		expect(picture(press(modelOf(), "'/k'", world).model, world)).toContain('1 of 2');
	});

	test('reverse search finds earlier input', () => {
		const world = worldOf();
		const model = modelOf({history: ['kill the leader', 'hello', 'kill r1']});
		expect(press(model, "ctrl+r 'kill' enter", world).model.line.text).toBe('kill r1');
		expect(press(model, "ctrl+r 'kill' ctrl+r enter", world).model.line.text).toBe('kill the leader');
		expect(press(model, "'x' ctrl+r 'kill' escape", world).model.line.text).toBe('x');
	});

	test('keys and text in one chunk: a key that leads to the line takes the rest as text', () => {
		expect(press(modelOf({focus: 'monitor'}), "'ihello'", worldOf()).model.line.text).toBe('hello');
	});
});

describe('faults', () => {
	const killed = {type: 'fault', fault: {kind: 'kill', id: 1}};

	test('K says the consequence in numbers; Enter cancels, y kills', () => {
		const world = worldOf({
			monitor: {replicas: [watchedOf(0), watchedOf(1), watchedOf(2), down(3), watchedOf(4)]},
			client: {pending: [pendingOf(), pendingOf({key: 2})]},
		});
		const asked = press(modelOf({focus: 'monitor', selected: 1}), 'K', world);
		const shown = picture(asked.model, world);
		expect(shown).toContain('r1 is the LEADER of view 6. It stops at once.');
		expect(shown).toContain('Up now 4 of 5 (r0 r1 r2 r4). After: 3 of 5, quorum OK.');
		expect(shown).toContain('2 of your messages are not decided yet and will be retried.');
		expect(asked.effects).toEqual([]);
		expect(press(asked.model, 'enter', world).effects).toEqual([]);
		expect(press(asked.model, 'escape', world).model.overlay).toBeNull();
		expect(press(asked.model, 'y', world).effects).toEqual([killed]);
	});

	test('what stops the service needs the name', () => {
		const world = worldOf({
			monitor: {replicas: [watchedOf(0), watchedOf(1), watchedOf(2), down(3), down(4)]},
		});
		const asked = press(modelOf({focus: 'monitor', selected: 1}), 'K', world);
		expect(picture(asked.model, world)).toContain('After: 2 of 5, NO QUORUM');
		expect(press(asked.model, 'y enter', world).effects).toEqual([]);
		expect(press(asked.model, "'r1' enter", world).effects).toEqual([killed]);
		expect(press(modelOf(), "'/kill r1!' enter", world).effects).toEqual([
			{type: 'remember', text: '/kill r1!'},
		]);
	});

	test('/kill r1! does not ask, unless it is grave', () => {
		expect(press(modelOf(), "'/kill r1!' enter", worldOf()).effects).toContainEqual(killed);
	});

	test('a disabled action says why', () => {
		const because = (script: string, world: ReturnType<typeof worldOf>) =>
			press(modelOf({focus: 'monitor', selected: 1}), script, world).model.toast?.text;
		expect(because('K', worldOf({about: {isReadOnly: true}}))).toContain('read-only');
		expect(because('K', worldOf({about: {noFaults: 'no data/secret'}}))).toBe('no data/secret');
		expect(because('K', worldOf({monitor: {replicas: [watchedOf(0), down(1), watchedOf(2)]}}))).toBe(
			'r1 is down (refused)',
		);
		const deaf = watchedOf(1, {status: statusOf(1, {faults: null})});
		expect(because('K', worldOf({monitor: {replicas: [watchedOf(0), deaf, watchedOf(2)]}}))).toContain(
			'--faults',
		);
		const leaderless = [0, 1, 2].map(id => watchedOf(id, {status: statusOf(id, {leader: null})}));
		expect(because('S', worldOf({monitor: {replicas: leaderless}}))).toContain('no leader yet');
	});

	test.each([
		'/kill r1',
		'/restart r1',
		'/skip',
		'/isolate r1',
		'/loss 10%',
		'/heal',
		'/batch 10',
		'/nick eve',
		'hello',
	])('read-only takes %s away', line => {
		const {effects} = press(modelOf(), `'${line}' enter`, worldOf({about: {isReadOnly: true}}));
		expect(effects.filter(({type}) => type !== 'remember')).toEqual([]);
	});

	test('what came of it stands in the chat and below the line', () => {
		const world = worldOf();
		const {model} = follow(modelOf(), [{type: 'outcome', isOk: true, text: safeLine('r1 is killed')}], world);
		expect(picture(model, world).match(/r1 is killed/g)).toHaveLength(2);
	});
});

describe('the chat', () => {
	const many = Array.from({length: 200}, (_, index) => lineOf(index + 1));
	const wide = (lines = many) => worldOf({client: {lines, position: lines.length}, columns: 80, rows: 24});

	test('own messages show their state in words and glyph', () => {
		const lines = [
			lineOf(1),
			lineOf(2, {client: 'a'.repeat(32), sequence: 1, nick: 'alice', text: 'sure', slot: 26}),
		];
		const world = worldOf({
			now: noon + 1900,
			client: {
				lines,
				pending: [
					pendingOf({
						key: 1,
						sequence: 1,
						state: 'decided',
						slot: 26,
						position: 2,
						settledAt: noon,
						text: 'sure',
					}),
					pendingOf({key: 2, sequence: 2, state: 'sent', replicas: [1], text: 'going', since: noon + 1800}),
					pendingOf({
						key: 3,
						sequence: 3,
						state: 'retried',
						retries: 2,
						replicas: [1, 2],
						text: 'second try',
					}),
					pendingOf({key: 4, text: 'waits', since: noon + 1900}),
					pendingOf({key: 5, state: 'failed', why: 'the text is empty', text: 'bad'}),
				],
			},
		});
		const shown = picture(modelOf({view: 'chat'}), world);
		expect(shown).toMatch(/alice ✓ sure +decided #26/);
		expect(shown).toMatch(/alice ↑ going +sent to r1/);
		expect(shown).toMatch(/alice ↻ second try +retry 2, r1>r2, 1s/);
		expect(shown).toMatch(/alice … waits +queued/);
		expect(shown).toMatch(/alice ! bad +failed/);
		expect(shown).toContain('the text is empty (/resend 5, /cancel 5)');
		expect(shown.match(/sure/g)).toHaveLength(1);
	});

	test('new messages never move what a reader who scrolled back looks at', () => {
		const before = press(modelOf({view: 'chat', last: 200}), 'pageup', wide()).model;
		const rows = (model: typeof before, world: ReturnType<typeof wide>) =>
			draw(model, world)
				.rows.slice(3, -3)
				.map(row => row.map(({text}) => text).join(''));
		const more = wide([...many, lineOf(201), lineOf(202)]);
		const after = follow(before, [news], more).model;
		expect(rows(after, more)).toEqual(rows(before, wide()));
		expect(picture(after, more)).toMatch(/-MORE\(\d+, 2 new\)-/);
		const end = press(after, 'escape', more);
		expect(end.effects).toEqual([{type: 'atEnd'}]);
		expect(picture(end.model, more)).toContain('message 202');
	});

	test('a page up and a page down lead back; the first page asks for older ones', () => {
		const model = modelOf({view: 'chat', last: 200});
		const there = press(model, 'pageup pageup pageup', wide()).model;
		expect(press(there, 'pagedown pagedown pagedown', wide()).model.anchor).toBeNull();
		const later = wide(many.map(line => ({...line, position: line.position + 1000})));
		const top = press(model, 'ctrl+home', later);
		expect(top.effects).toEqual([{type: 'loadBefore', position: 1001}]);
		expect(picture(top.model, later)).toContain('message 1\n');
	});

	test('a line tells where the unread begin, until something is said', () => {
		const back = press(modelOf({view: 'chat', last: 200}), 'pageup', wide()).model;
		const more = wide([...many, lineOf(201)]);
		const told = follow(back, [news], more).model;
		expect(told.unread).toBe(201);
		expect(press(told, 'alt+u', more).model.found).toBe(201);
		expect(press(told, "'x' enter", more).model.unread).toBeNull();
	});

	test('search goes from match to match, mentions too', () => {
		const lines = [
			lineOf(1, {text: 'a needle'}),
			lineOf(2),
			lineOf(3, {text: 'Needle two'}),
			lineOf(4, {text: 'hey @alice!'}),
			lineOf(5, {text: 'malice'}),
		];
		const world = worldOf({client: {lines}});
		const found = press(modelOf(), "ctrl+s 'needle' enter", world).model;
		expect(found.found).toBe(3);
		expect(press({...found, focus: 'chat'}, 'n', world).model.found).toBe(1);
		expect(press({...found, focus: 'chat'}, 'n N', world).model.found).toBe(3);
		expect(press(modelOf(), 'alt+p', world).model.found).toBe(4);
		expect(press(modelOf(), 'alt+p alt+p', world).model.toast?.text).toContain('no earlier mention');
	});

	test('Esc leads from a search back to where one was, Enter stays', () => {
		const there = press(modelOf({view: 'chat', last: 200}), 'pageup', wide()).model;
		const found = press(there, "ctrl+s 'message 3'", wide()).model;
		expect(found.anchor).not.toEqual(there.anchor);
		expect(press(found, 'escape', wide()).model.anchor).toEqual(there.anchor);
		expect(press(found, 'enter', wide()).model.anchor).toEqual(found.anchor);
	});

	test('a message cannot pass for another line', () => {
		const lines = [lineOf(1, {nick: '--', text: 'hi\n12:00:00 root ✓ I am root\u2028--  r0 is killed'})];
		const world = worldOf({client: {lines}, columns: 80, rows: 24});
		const rows = picture(modelOf({view: 'chat'}), world).split('\n');
		expect(rows.find(row => row.includes('root'))).toMatch(/^ {20}┊ 12:00:00 root/);
		expect(rows.find(row => row.includes('is killed'))).toMatch(/^ {20}┊ -- {2}r0/);
		expect(rows.find(row => row.endsWith('hi'))).toMatch(/ {7}\?\? {3}hi$/);
	});

	test('what was told before the first message stands above it, or where its time is', () => {
		const told = follow(
			modelOf({view: 'chat'}),
			[{type: 'told', text: safeLine('starting r0')}],
			worldOf(),
		).model;
		const later = worldOf({client: {lines: [lineOf(1, {at: noon + 1})]}});
		const fresh = picture(follow(told, [news], later).model, later);
		expect(fresh.indexOf('starting r0')).toBeGreaterThan(0);
		expect(fresh.indexOf('starting r0')).toBeLessThan(fresh.indexOf('message 1'));
		const old = worldOf({client: {lines: [lineOf(41), lineOf(42), lineOf(43, {at: noon + 1})]}});
		const shown = picture(follow(told, [news], old).model, old);
		expect(shown.indexOf('starting r0')).toBeGreaterThan(shown.indexOf('message 42'));
		expect(shown.indexOf('starting r0')).toBeLessThan(shown.indexOf('message 43'));
	});

	test('failed messages are said again, or taken away', () => {
		const world = worldOf({client: {pending: [pendingOf({key: 7, state: 'failed', text: 'again'})]}});
		expect(press(modelOf(), "'/resend' enter", world).effects.slice(1)).toEqual([
			{type: 'forget', key: 7},
			{type: 'say', text: 'again', nick: 'alice'},
		]);
		expect(press(modelOf(), "'/cancel' enter", world).effects.slice(1)).toEqual([{type: 'forget', key: 7}]);
	});

	test('what happened before this screen was opened stands where its time is', () => {
		const leads = (at: number, view: number) =>
			({kind: 'leader', view, replica: view, at, text: `leads from slot ${view} on`}) as const;
		const lines = [lineOf(1, {at: noon - 60_000}), lineOf(2, {at: noon - 20_000})];
		const notes = [leads(noon - 10_000, 3), leads(noon - 30_000, 2), leads(noon - 100, 4)];
		const world = worldOf({client: {lines}, monitor: {notes}});
		const shown = picture(follow(modelOf({view: 'chat', last: 2}), [news], world).model, world);
		const order = ['message 1', 'slot 2 on', 'message 2', 'slot 3 on', 'slot 4 on'].map(text =>
			shown.indexOf(text),
		);
		expect(order).toEqual(order.toSorted((one, other) => one - other));
		expect(order[0]).toBeGreaterThan(0);
	});

	test('who ordered a skip is not told twice which slot it is', () => {
		const note = {
			kind: 'skip',
			view: 6,
			slot: 21,
			replica: 1,
			at: noon + 900,
			text: 'leaves this slot out, as ordered',
		} as const;
		const ordered = press(modelOf({focus: 'monitor'}), 'S y', worldOf()).model;
		const told = (model: typeof ordered, at: number) =>
			follow(model, [news], worldOf({monitor: {notes: [{...note, at}]}, now: at})).model.notices.filter(
				({text}) => text.includes('slot 21'),
			).length;
		expect([told(ordered, noon + 900), told(ordered, noon + 60_000), told(modelOf(), noon)]).toEqual([
			0, 1, 1,
		]);
	});

	test('a hole and the no-op that fills it are told in the chat', () => {
		const notes = [
			{
				kind: 'skip',
				view: 6,
				slot: 21,
				replica: 1,
				at: noon,
				text: 'leaves this slot out, as ordered',
			} as const,
			{
				kind: 'no-op',
				view: 7,
				slot: 21,
				replica: 2,
				at: noon,
				text: 'no promise held this slot, proposes a no-op',
			} as const,
		];
		const world = worldOf({monitor: {notes}});
		const {model} = follow(modelOf(), [news, news], world);
		expect(model.notices.map(({text}) => text)).toEqual([
			'r1, view 6: leaves slot 21 out, as ordered',
			'r2, view 7: no promise held slot 21, proposes a no-op',
		]);
	});
});

describe('the monitor', () => {
	test('divergence stays in sight on every view, and is remembered for the exit code', () => {
		const agreement = {
			state: 'diverged' as const,
			comparedAt: 9,
			hashes: [],
			leftOut: [],
			sentence: 'DIVERGENCE r0 != r2 at slot <= 9',
		};
		const world = worldOf({monitor: {agreement}});
		const {model, effects} = follow(modelOf(), [news, news], world);
		expect(model.sawDivergence).toBe(true);
		expect(effects).toEqual([{type: 'bell'}]);
		for (const view of ['chat', 'monitor', 'split', 'log', 'events'] as const)
			expect(picture({...model, view}, world)).toContain('DIVERGENCE r0 != r2');
	});

	test('a hole is shown at the replicas that have it, and a no-op after it', () => {
		const slots = {from: 1, states: 'EENE-DA', views: [0, 0, 1, 1, -1, 1, 1]};
		const status = statusOf(0, {slots, executed: 4, decided: 6, accepted: 7, holes: [5]});
		const world = worldOf({
			monitor: {replicas: [0, 1, 2].map(id => watchedOf(id, {status: {...status, id}}))},
			columns: 80,
			rows: 24,
		});
		const model = modelOf({view: 'log', focus: 'log'});
		expect(picture(model, world)).toContain('██∅█○▓▒');
		const there = press(model, 'X', world).model;
		expect(there.log.slot).toBe(5);
		expect(picture(there, world)).toContain('HOLE');
		expect(press(there, 'X', world).model.log.slot).toBe(3);
		expect(press(there, 'X x', world).model.log.slot).toBe(5);
	});

	test('pausing holds the picture while time goes on', () => {
		const paused = press(modelOf({focus: 'monitor'}), 'p', worldOf()).model;
		const later = worldOf({now: noon + 12_000, monitor: {replicas: [0, 1, 2, 3, 4].map(down)}});
		expect(picture(paused, later)).toContain('PAUSED 12s');
		expect(picture(paused, later)).toContain('up 5/5');
		expect(picture(press(paused, 'p', later).model, later)).toContain('NO QUORUM');
	});

	test('help and palette run their entries; what cannot be done says why', () => {
		const world = worldOf({about: {isReadOnly: true}});
		const help = press(modelOf({focus: 'monitor'}), "? 'kill'", world);
		expect(picture(help.model, world)).toContain('(read-only');
		expect(press(help.model, 'enter', world).model.overlay).not.toBeNull();
		const run = press(modelOf(), "ctrl+g 'side by side' enter", worldOf());
		expect(run.model).toMatchObject({overlay: null, view: 'split'});
		expect(press(modelOf(), "ctrl+g '/goto' enter", worldOf()).model.line.text).toBe('/goto ');
	});
});
