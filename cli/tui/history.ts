import type {Model} from './model.ts';

/** Earlier input that has these words in it, newest first. */
export const historyMatches = ({history}: Model, typed: string): readonly string[] =>
	history.filter(text => text.toLowerCase().includes(typed.toLowerCase())).toReversed();
