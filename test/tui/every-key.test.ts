import {expect, test} from '@jest/globals';
import {type Action, bindings} from '../../cli/tui/keys.ts';
import {emptyLine} from '../../cli/tui/line-editor.ts';
import {noLoad} from '../../cli/tui/meter.ts';
import type {Event, Model} from '../../cli/tui/model.ts';
import {commandOf, slashNames} from '../../cli/tui/slash.ts';
import {follow, lineOf, modelOf, noon, press, statusOf, watchedOf, worldOf} from './fakes.ts';

/** A world in which every action has something to act on. */
const slots = {from: 1, states: 'EENEENEE-DDA', views: Array.from({length: 12}, () => 6)};
const holed = {slots, executed: 8, decided: 11, accepted: 12, holes: [9]};
const world = worldOf({
	client: {
		lines: Array.from({length: 100}, (_, index) =>
			lineOf(index + 1, {text: index % 30 === 10 ? 'hey @alice, find me' : `message ${index + 1}`}),
		),
	},
	monitor: {
		replicas: [0, 1, 2].map(id => watchedOf(id, {status: statusOf(id, holed)})),
		notes: Array.from({length: 80}, (_, index) => ({
			kind: 'view' as const,
			view: index,
			text: 'enters',
			replica: 0,
			at: noon,
		})),
	},
	columns: 120,
	rows: 36,
});
const draft = {
	...emptyLine,
	text: 'one two\nthree four',
	cursor: 10,
	killed: ['cut'],
	undo: [{text: 'one', cursor: 3}],
};
const rich = modelOf({
	last: 100,
	line: draft,
	history: ['one two\nthree four five', 'older'],
	unread: 90,
	selected: 1,
	find: 'find me',
	found: 41,
	anchor: {position: 50, cut: 0},
	log: {slot: 5, isOddOnly: false},
	events: {filter: '', back: 20},
});
const then = (model: Model, script: string) => press(model, script, world).model;

/** Where each key is pressed. */
const places: Readonly<Record<string, Model>> = {
	anywhere: rich,
	line: rich,
	popup: then(modelOf(), "'/k'"),
	panes: {...rich, focus: 'monitor', view: 'split'},
	monitor: {...rich, focus: 'monitor', view: 'monitor'},
	log: {...rich, focus: 'log', view: 'log'},
	events: {...rich, focus: 'events', view: 'events'},
	dialog: then({...rich, focus: 'monitor'}, 'K'),
	typed: {
		...rich,
		overlay: {type: 'typed', title: '', lines: [], name: 'r1', typed: 'r1', leadsTo: {type: 'quit'}},
	},
	menu: {...rich, overlay: {type: 'menu', kind: 'palette', isWide: false, filter: 'r', at: 5}},
	batch: {
		...rich,
		view: 'batch',
		focus: 'batch',
		batch: {
			messages: 9,
			clients: 2,
			startedAt: noon,
			endedAt: null,
			load: noLoad,
			isStopping: false,
			summary: null,
		},
	},
	search: {...rich, overlay: {type: 'search', in: 'history', typed: 'o', at: 0, from: null}},
};
/** In some places, some keys want another state to do anything. */
const exceptions: Readonly<Partial<Record<Action, Model>>> = {
	'view.split': {...rich, view: 'chat'},
	'view.batch': {...rich, batch: places.batch!.batch},
	// Only a loss has a measure.
	'dialog.more': then({...rich, focus: 'monitor'}, 'L'),
	'dialog.less': then({...rich, focus: 'monitor'}, 'L'),
	'line.complete': then(modelOf(), "'/kil' escape"),
	'search.newer': {...rich, overlay: {type: 'search', in: 'history', typed: 'o', at: 1, from: null}},
	'line.down': {...rich, line: {...draft, cursor: 2}},
	'line.home': {...rich, line: {...draft, cursor: 12}},
};

test.each(bindings.map(binding => [binding.context, binding.action, binding.says, binding] as const))(
	'%s: %s does something (%s)',
	(_context, action, _says, {context, keys}) => {
		const model = exceptions[action] ?? places[context]!;
		// Of three replicas the one in the middle is chosen already.
		for (const name of action === 'replica.choose' ? ['0', '2'] : keys) {
			const presses = name === ' ' ? [name] : name.split(' ');
			const events = presses.map(
				(each): Event => ({type: 'key', key: each.length === 1 ? {text: each} : {name: each}}),
			);
			const {model: after, effects} = follow(model, events, world);
			// A toast alone is a refusal; cancelling is told by one, and closes something.
			const isChanged = JSON.stringify({...after, toast: null}) !== JSON.stringify({...model, toast: null});
			expect([name, isChanged || effects.length > 0]).toEqual([name, true]);
		}
	},
);

test('every slash command does something', () => {
	for (const name of slashNames) {
		const failed = worldOf({
			...world,
			client: {
				...world.client,
				pending: [
					{
						key: 1,
						client: 'a'.repeat(32),
						sequence: 1,
						nick: 'alice',
						text: 'x',
						state: 'failed',
						replicas: [],
						retries: 0,
						since: noon,
						settledAt: noon,
					},
				],
			},
		});
		const notices = [{after: 1, at: noon, text: 'told', isBad: false}];
		const batch = name === 'load' ? places.batch!.batch : null;
		const before = modelOf({last: 100, unread: 3, notices, batch, view: name === 'chat' ? 'split' : 'chat'});
		const example = commandOf(name).example.replace('leader', 'find').replace('alice', 'eve');
		const {model, effects} = press(before, `'${example}' enter`, failed);
		const isSilent =
			JSON.stringify({...model, history: [], line: emptyLine, toast: null}) ===
				JSON.stringify({...before, history: [], line: emptyLine, toast: null, unread: null}) &&
			effects.length === 1;
		expect([example, model.toast?.isBad ?? false, isSilent]).toEqual([example, false, false]);
	}
});
