import type {Effect, Model, Notice, Step} from '../model.ts';
import type {World} from '../world.ts';

const toastMs = 4000;

export const mostNotices = 300;

export const step = (model: Model, ...effects: readonly Effect[]): Step => ({model, effects});

/** Said in the last line for a moment. */
export const toasted = (model: Model, text: string, world: World, isBad = false): Model => ({
	...model,
	toast: {text, isBad, until: world.now + toastMs},
});

/** Not done, and why. */
export const refused = (model: Model, text: string, world: World): Step =>
	step(toasted(model, text, world, true));

/** Said among the messages, below the last one. */
export const noticed = (model: Model, notice: Omit<Notice, 'after'>): Model => ({
	...model,
	notices: [...model.notices, {...notice, after: model.last}].slice(-mostNotices),
});
