import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import type {Evidence} from './evidence.ts';
import {type Outcome, outcomeOf} from './finding.ts';
import {Stage, type StageOptions} from './stage.ts';
import type {Judged, Story, Theatre} from './story.ts';

/** What came of one story. */
export type Performance = {
	readonly story: string;
	readonly outcome: Outcome;
	readonly findings: readonly Judged[];
	/** Seconds. */
	readonly duration: number;
	/** Where the clusters, logs and histories of a story lie that did not pass; null if it passed, or was broken off. */
	readonly directory: string | null;
};

export type Audience = {
	/** Progress, line by line. */
	readonly tell: (line: string) => void;
	/** Shows the cluster of an act, for as long as it is there; resolves when the show is over. */
	readonly watch?: (stage: Stage, isOver: AbortSignal) => Promise<void>;
	/** Disks are held by strace and prlimit where these may hold a process, and by the module around them elsewhere; by that alone, if absent. */
	readonly prefersSystem?: boolean;
	/** Aborted: the play is broken off, and its processes are ended. */
	readonly signal?: AbortSignal;
};

/** Plays a story in a directory of its own, and judges it. Whatever goes wrong on the way is a failure of the story. */
export async function perform(story: Story, rounds: number, audience: Audience): Promise<Performance> {
	const began = performance.now();
	const directory = await mkdtemp(join(tmpdir(), `paxos-chat-${story.name}-`));
	const findings = await playAndJudge(story, rounds, new House(directory, story.name, audience));
	const outcome = outcomeOf(findings);
	const isWorthALook = outcome !== 'PASS' && outcome !== 'SKIPPED' && !audience.signal?.aborted;
	if (!isWorthALook) await rm(directory, {recursive: true});
	return {
		story: story.name,
		outcome,
		findings,
		duration: Math.round((performance.now() - began) / 100) / 10,
		directory: isWorthALook ? directory : null,
	};
}

async function playAndJudge(story: Story, rounds: number, house: House): Promise<Judged[]> {
	try {
		return [...story.judge(await story.play(house, rounds), rounds)];
	} catch (error) {
		const {message} = error as Error;
		return [{type: 'failure', text: message, ...(house.act === null ? {} : {act: house.act})}];
	}
}

/** One stage after the other, each cleared away before the next is opened. */
class House implements Theatre {
	/** The act that is being played, or was broken off. */
	act: string | null = null;
	readonly #directory: string;
	readonly #story: string;
	readonly #audience: Audience;
	#acts = 0;

	constructor(directory: string, story: string, audience: Audience) {
		this.#directory = directory;
		this.#story = story;
		this.#audience = audience;
	}

	async perform(options: StageOptions, play: (stage: Stage) => Promise<void>): Promise<Evidence> {
		const {tell, watch, prefersSystem = false, signal} = this.#audience;
		this.act = options.title;
		signal?.throwIfAborted();
		const directory = join(this.#directory, `act-${++this.#acts}`);
		const onLine = (line: string) => tell(`${this.#story}, ${line}`);
		const stage = await Stage.open(options, directory, onLine, prefersSystem);
		const isOver = new AbortController();
		const show = watch?.(stage, isOver.signal).catch((error: Error) => stage.breakOff(error));
		const breakOff = () => stage.breakOff(new Error('it was broken off'));
		signal?.addEventListener('abort', breakOff, {once: true});
		try {
			await play(stage);
			const evidence = await stage.finish();
			this.act = null;
			return evidence;
		} finally {
			signal?.removeEventListener('abort', breakOff);
			await stage.close();
			isOver.abort();
			await show;
		}
	}
}
