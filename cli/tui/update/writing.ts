import {accept} from '../complete.ts';
import {completionsFor} from '../draw.ts';
import {historyMatches} from '../history.ts';
import {type Edit, edits, moveRow, withText} from '../line-editor.ts';
import type {Model, Step} from '../model.ts';
import type {World} from '../world.ts';
import {step} from './steps.ts';

const mostHistory = 1000;

/** The popup follows what is typed, and closes when the cursor goes elsewhere. */
export function edited(model: Model, edit: Edit): Step {
	const line = edits[edit](model.line);
	const isTyping = line.text !== model.line.text;
	return step({
		...model,
		line,
		recall: isTyping ? null : model.recall,
		popup: isTyping && model.popup !== null ? {at: 0} : null,
	});
}

/** The newest last, each once. */
export function remembered(model: Model, text: string): Model {
	const history = [...model.history.filter(each => each !== text), text].slice(-mostHistory);
	return {...model, history, recall: null};
}

/** Up and down: among the lines of a draft first, then among earlier input; the draft is kept at its end. */
export function recalled(model: Model, by: -1 | 1): Model {
	const inside = moveRow(model.line, by);
	if (inside !== null && model.recall === null) return {...model, line: inside};
	const draft = model.recall?.draft ?? model.line;
	const from = model.recall?.at ?? model.history.length;
	// What was typed before the key is what the entries begin with.
	for (let at = from + by; at >= 0 && at < model.history.length; at += by) {
		const text = model.history[at]!;
		if (text.startsWith(draft.text) && text !== draft.text)
			return {
				...model,
				recall: {at, draft},
				popup: null,
				line: {...draft, text, cursor: text.length, last: 'other'},
			};
	}

	return by > 0 && model.recall !== null ? {...model, recall: null, line: draft} : model;
}

/** Tab: the only choice, or the chosen one; of several, first shows them. */
export function completed(model: Model, world: World): Step {
	const completions = completionsFor(model, world);
	if (completions === null) return step({...model, popup: null});
	if (model.popup === null && completions.choices.length > 1) return step({...model, popup: {at: 0}});
	const at = Math.min(model.popup?.at ?? 0, completions.choices.length - 1);
	const line = accept(model.line, completions.from, completions.choices[at]!);
	return step({
		...model,
		line,
		recall: null,
		popup: line.text.startsWith('/') && line.text.endsWith(' ') ? {at: 0} : null,
	});
}

export function pointed(model: Model, world: World, by: -1 | 1): Model {
	const count = completionsFor(model, world)?.choices.length ?? 1;
	return {...model, popup: {at: ((model.popup?.at ?? 0) + by + count) % count}};
}

export function searchAccepted(model: Model): Step {
	const {overlay} = model;
	if (overlay?.type !== 'search') return step(model);
	if (overlay.in === 'chat') return step({...model, overlay: null});
	const text = historyMatches(model, overlay.typed)[overlay.at];
	return step({...model, overlay: null, line: text === undefined ? model.line : withText(model.line, text)});
}
