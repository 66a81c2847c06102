import {availableParallelism} from 'node:os';
import {simulateAll} from './crew.ts';
import type {Choice} from './simulate.ts';
import {type MixReport, Tally} from './tally.ts';

export type CampaignReport = {
	readonly ok: boolean;
	readonly seed: number;
	readonly runs: number;
	readonly seconds: number;
	readonly mixes: readonly MixReport[];
	/** In how many runs each situation came up, and each fault struck. */
	readonly sights: Readonly<Record<string, number>>;
	/** Situations and faults that never did. A campaign of 2,000 runs or more fails if there is one. */
	readonly missing: readonly string[];
	/** Of the first run that failed. */
	readonly failedSeed: number | null;
};

export type CampaignOptions = {
	/** The first of `runs` seeds in a row. */
	readonly seed: number;
	readonly runs: number;
	/** By default as many as the machine runs at once; 0: none but this one. */
	readonly threads?: number;
	readonly onProgress?: (done: number) => void;
};

/** From so many runs on nothing may be missing. */
export const thoroughRuns = 2000;

/** Simulates many seeds on all cores. */
export async function campaign({seed, runs, threads, onProgress}: CampaignOptions): Promise<CampaignReport> {
	const started = performance.now();
	const choices: Choice[] = Array.from({length: runs}, (_, index) => ({seed: seed + index}));
	const tally = new Tally();
	let done = 0;
	for await (const report of simulateAll(choices, threads ?? availableParallelism())) {
		tally.add(report);
		onProgress?.(++done);
	}

	const {mixes, sights, missing, failedSeed} = tally;
	const seconds = (performance.now() - started) / 1000;
	const ok = failedSeed === null && (runs < thoroughRuns || missing.length === 0);
	return {ok, seed, runs, seconds, mixes, sights, missing, failedSeed};
}
