/** What a judge has to say, piece by piece. */
export type Finding =
	/** Something that must never be, was. */
	| {readonly type: 'failure'; readonly text: string}
	/** The story did not get to its point: a pass would say nothing. */
	| {readonly type: 'missing'; readonly text: string}
	/** This machine lacks what a part of the story needs: the rest of it counts. */
	| {readonly type: 'skipped'; readonly text: string}
	| {readonly type: 'fact'; readonly name: string; readonly value: Fact};
export type Fact = string | number | boolean | null | readonly Fact[];

export const failure = (text: string): Finding => ({type: 'failure', text});
export const missing = (text: string): Finding => ({type: 'missing', text});
export const skipped = (text: string): Finding => ({type: 'skipped', text});
export const fact = (name: string, value: Fact): Finding => ({type: 'fact', name, value});

export type Outcome = 'PASS' | 'FAIL' | 'NOT SHOWN' | 'SKIPPED';

/** A failure outweighs everything; a story whose situation did not happen has not passed either, and one that could not be played is no failure. */
export function outcomeOf(findings: readonly Finding[]): Outcome {
	if (findings.some(({type}) => type === 'failure')) return 'FAIL';
	if (findings.some(({type}) => type === 'missing')) return 'NOT SHOWN';
	if (findings.some(({type}) => type === 'skipped')) return 'SKIPPED';
	return 'PASS';
}
