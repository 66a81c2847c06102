import {Failure} from '../../source/failure.ts';
import {suggestion} from '../../source/nearest.ts';
import type {Fact} from '../../source/stories/finding.ts';
import type {Stage} from '../../source/stories/stage.ts';
import {stories} from '../../source/stories/stories.ts';
import type {Judged, Story} from '../../source/stories/story.ts';
import {type Performance, perform} from '../../source/stories/theatre.ts';
import type {Flags} from '../flags.ts';
import {leaving} from '../leaving.ts';
import {isTerminal, print, tell} from '../output.ts';
import {openScreen} from '../screen.ts';

/** A word of the command line: a story, and how many rounds of it. */
type Wanted = {readonly story: Story; readonly rounds: number};

/**
 * Plays stories on clusters of their own. Words: `STORY` or `STORY:ROUNDS`; all
 * stories, if there are none. On a terminal `--watch` shows each cluster on the
 * monitor, which may be left: the story goes on.
 */
export async function demo(words: readonly string[], flags: Flags): Promise<number> {
	if (flags.watch && !isTerminal())
		throw new Failure('--watch needs a terminal: leave it out to read how far each story is', 2);
	const wanted =
		words.length === 0 ? stories.map(story => ({story, rounds: story.rounds.usual})) : words.map(wantedOf);
	const show = new Show(flags);
	const audience = {tell: show.tell, signal: leaving, ...(flags.watch ? {watch: show.watch} : {})};
	const performances: Performance[] = [];
	for (const {story, rounds} of wanted) {
		tell(`${story.name}: ${story.tells}`);
		const performance = await perform(story, rounds, audience);
		if (leaving.aborted) break;
		performances.push(performance);
		if (!flags.json) print(describe(performance));
	}

	const ok = performances.length === wanted.length && performances.every(isOk);
	if (flags.json) print(`${JSON.stringify({ok, stories: performances.map(toJson)})}\n`);
	return leaving.aborted ? (leaving.reason as number) : Number(!ok);
}

/** The screen has the terminal for itself: what is told meanwhile waits until it is left. */
class Show {
	readonly #flags: Flags;
	#held: string[] | null = null;

	constructor(flags: Flags) {
		this.#flags = flags;
	}

	readonly tell = (line: string): void => {
		if (this.#held === null) tell(line);
		else this.#held.push(line);
	};

	readonly watch = async ({cluster, data}: Stage, isOver: AbortSignal): Promise<void> => {
		const flags = {...this.#flags, data, readOnly: true};
		const end = AbortSignal.any([isOver, leaving]);
		this.#held = [];
		try {
			await openScreen(cluster, flags, {supervisor: null, startIn: 'monitor', leaving: end});
		} finally {
			for (const line of this.#held) tell(line);
			this.#held = null;
		}
	};
}

function wantedOf(word: string): Wanted {
	const [name = '', count, ...more] = word.split(':');
	const story = stories.find(story => story.name === name);
	if (story === undefined) {
		const names = stories.map(({name}) => name);
		throw new Failure(
			`unknown story ${JSON.stringify(name)}${suggestion(name, names)}; there are ${names.join(', ')}`,
			2,
		);
	}

	const rounds = count === undefined ? story.rounds.usual : Number(/^\d{1,6}$/.test(count) ? count : 0);
	if (rounds < 1 || more.length > 0)
		throw new Failure(
			`${word}: behind the colon stands a number from 1 on: ${story.rounds.of} (${story.rounds.usual})`,
			2,
		);
	return {story, rounds};
}

/** What this machine lacks the tools for has not failed; it is said in words. */
const isOk = ({outcome}: Performance): boolean => outcome === 'PASS' || outcome === 'SKIPPED';

/** `PASS  normal (9.1 s)`, and below it what was found, act by act. */
function describe({story, outcome, findings, duration, directory}: Performance): string {
	const verdict = outcome === 'NOT SHOWN' ? 'FAIL (not shown)' : outcome;
	const lines = [`${verdict}  ${story} (${duration.toFixed(1)} s)`];
	for (const act of actsOf(findings)) {
		const own = findings.filter(finding => finding.act === act);
		const facts = own.flatMap(finding =>
			finding.type === 'fact' ? [`${wordsOf(finding.name)} ${shown(finding.value)}`] : [],
		);
		if (facts.length > 0) lines.push(`  ${act ?? 'all acts'}: ${facts.join(', ')}`);
		for (const finding of own) {
			if (finding.type === 'failure') lines.push(`  ${act ?? 'all acts'}: FAILED: ${finding.text}`);
			if (finding.type === 'missing') lines.push(`  ${act ?? 'all acts'}: not shown: ${finding.text}`);
			if (finding.type === 'skipped') lines.push(`  ${act ?? 'all acts'}: skipped: ${finding.text}`);
		}
	}

	if (directory !== null) lines.push(`  kept for a look: ${directory}`);
	return `${lines.join('\n')}\n`;
}

/** `{"story","ok","outcome","reasons","acts":[{"act","facts"}],"seconds","directory"}` */
function toJson(performance: Performance) {
	const {story, outcome, findings, duration, directory} = performance;
	const reasons = findings.flatMap(finding =>
		finding.type === 'fact' ? [] : [{act: finding.act ?? null, kind: finding.type, text: finding.text}],
	);
	const acts = actsOf(findings).map(act => ({
		act: act ?? null,
		facts: Object.fromEntries(
			findings.flatMap(finding =>
				finding.type === 'fact' && finding.act === act ? [[finding.name, finding.value]] : [],
			),
		),
	}));
	return {story, ok: isOk(performance), outcome, reasons, acts, seconds: duration, directory};
}

const actsOf = (findings: readonly Judged[]): ReadonlyArray<string | undefined> => [
	...new Set(findings.map(({act}) => act)),
];
/** `failoverMs` -> `failover ms` */
const wordsOf = (name: string): string => name.replace(/[A-Z]/g, letter => ` ${letter.toLowerCase()}`);
const shown = (value: Fact): string => (Array.isArray(value) ? value.map(shown).join('/') : String(value));
