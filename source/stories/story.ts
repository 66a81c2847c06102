import type {Evidence} from './evidence.ts';
import type {Finding} from './finding.ts';
import type {Stage, StageOptions} from './stage.ts';

/**
 * Gathering and judging are apart: `play` only makes things happen and writes
 * down what was seen, `judge` only reads that. So every judge can be shown
 * forged evidence, which it has to refuse.
 */
export type Story = {
	readonly name: string;
	/** In one sentence, for help and README. */
	readonly tells: string;
	/** What the number behind the name (`kill-loop:20`) counts, and its default. */
	readonly rounds: {readonly of: string; readonly usual: number};
	/** Plays all acts, each on a stage of its own, and hands over what each left behind. */
	play(theatre: Theatre, rounds: number): Promise<readonly Evidence[]>;
	judge(acts: readonly Evidence[], rounds: number): Iterable<Judged>;
};

/** Findings belong to an act; those of the story as a whole have none. */
export type Judged = Finding & {readonly act?: string};

/** Opens stages, and clears them away whatever happens. */
export type Theatre = {
	perform(options: StageOptions, play: (stage: Stage) => Promise<void>): Promise<Evidence>;
};

/** Marks what a judge finds with the title of the act. */
export function* ofAct(act: Evidence, findings: Iterable<Finding>): Generator<Judged> {
	for (const finding of findings) yield {...finding, act: act.title};
}
