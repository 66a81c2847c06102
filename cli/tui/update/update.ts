import {contextsOf} from '../draw.ts';
import {actionOf, beginsChord, formatKey} from '../keys.ts';
import {insert, withText} from '../line-editor.ts';
import type {Event, Model, Step} from '../model.ts';
import {graphemesOf} from '../rows.ts';
import type {Key} from '../split-chunk.ts';
import type {World} from '../world.ts';
import {act} from './acting.ts';
import {confirm} from './asking.ts';
import {looked, onNews} from './news.ts';
import {searched} from './reading.ts';
import {noticed, refused, step, toasted} from './steps.ts';
import {chosen} from './views.ts';

/** Above this a paste is asked about. */
const calmLines = 5;
const calmCharacters = 1000;

/** What comes of an event: a new model, and what the world is asked to do. Pure. */
export function update(model: Model, event: Event, world: World): Step {
	switch (event.type) {
		case 'key':
			return onKey(model, event.key, world);
		case 'paste':
			return onPaste(model, event.text, world);
		case 'news':
			return onNews(model, world);
		case 'fault':
		case 'insert':
		case 'quit':
			return confirm(model, event, world);
		case 'outcome': {
			const isBad = !event.isOk;
			return step(
				noticed(toasted(model, event.text, world, isBad), {at: world.now, text: event.text, isBad}),
			);
		}
		case 'told':
			return step(noticed(model, {at: world.now, text: event.text, isBad: false}));
		case 'edited': {
			// One line break at the end is the editor's.
			const text = event.text.replace(/\r?\n$/, '');
			return step({...model, focus: 'line', line: withText(model.line, text), recall: null, popup: null});
		}
		case 'look':
			return step(looked(model, event.isHere, world));
		case 'batch':
			return step(model.batch === null ? model : {...model, batch: {...model.batch, ...event.batch}});
	}
}

function onPaste(model: Model, text: string, world: World): Step {
	if (model.overlay !== null) return onText(model, text.split('\n')[0] ?? '', world);
	const lines = text.replace(/\r\n?$|\n$/, '').split(/\r\n?|\n/).length;
	if (lines <= calmLines && text.length <= calmCharacters)
		return confirm(model, {type: 'insert', text}, world);
	return step({
		...model,
		overlay: {
			type: 'dialog',
			title: `Paste ${lines} lines?`,
			lines: [
				`${lines} lines, ${text.length} characters go into the line as one message.`,
				'It is sent when you press Enter, not before.',
			],
			yes: 'paste',
			leadsTo: {type: 'insert', text: text.replace(/\r\n?$|\n$/, '')},
		},
	});
}

function onKey(model: Model, key: Key, world: World): Step {
	const calm: Model =
		model.toast !== null && model.toast.until > world.now && model.armedUntil <= world.now
			? {...model, toast: null}
			: model;
	if ('text' in key) return onText(calm.chord === null ? calm : {...calm, chord: null}, key.text, world);
	if (calm.isPlain && (key.name === 'escape' || key.name === 'alt+l')) return step({...calm, isPlain: false});
	if (calm.overlay === null && key.name === 'escape' && calm.showsDetail)
		return step({...calm, showsDetail: false});
	const contexts = contextsOf(calm, world);
	if (calm.chord !== null) {
		const both = `${calm.chord} ${key.name}`;
		const free: Model = {...calm, chord: null};
		const action = actionOf(both, contexts);
		return action === undefined
			? refused(free, `${formatKey(both)} means nothing`, world)
			: act(free, action, world);
	}

	if (beginsChord(key.name, contexts))
		return step({...toasted(calm, `${formatKey(key.name)} …`, world), chord: key.name});
	const action = actionOf(key.name, contexts);
	return action === undefined ? step(calm) : act(calm, action, world);
}

function onText(model: Model, text: string, world: World): Step {
	const {overlay} = model;
	if (overlay?.type === 'menu') {
		// `?` in the help of one place opens the help of all.
		if (text === '?' && overlay.filter === '')
			return step({...model, overlay: {...overlay, isWide: true, at: 0}});
		return step({...model, overlay: {...overlay, filter: overlay.filter + text, at: 0}});
	}

	if (overlay?.type === 'typed')
		return step({...model, overlay: {...overlay, typed: (overlay.typed + text).slice(0, 40)}});
	if (overlay?.type === 'search')
		return searched(model, {...overlay, typed: overlay.typed + text, at: 0}, world);
	if (overlay === null && model.focus === 'line') {
		const line = insert(model.line, text);
		const isCompletable = /^\/(?!\/)|(?:^|\s)@\S*$/.test(line.text.slice(0, line.cursor));
		return step({...model, line, recall: null, popup: isCompletable ? {at: 0} : null});
	}

	const [character = '', ...rest] = graphemesOf(text);
	const action = actionOf(character, contextsOf(model, world));
	const first =
		action === undefined
			? step(model)
			: action === 'replica.choose'
				? step(chosen(model, Number(character), world))
				: act(model, action, world);
	if (rest.length === 0) return first;
	// A key may have led to where the rest is text.
	const next = onText(first.model, rest.join(''), world);
	return {model: next.model, effects: [...first.effects, ...next.effects]};
}
