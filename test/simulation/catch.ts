import {readdirSync, readFileSync} from 'node:fs';
import {join} from 'node:path';
import {explore} from '../../source/simulator/explore.ts';
import {type ScopeName, scopes} from '../../source/simulator/explore-scopes.ts';
import {perform as performPlay} from '../../source/simulator/play.ts';
import {simulate} from '../../source/simulator/simulate.ts';
import {perform as performStory, stories} from './stories.ts';

/**
 * The net, as a process of its own beside the sources that it looks at: prints
 * the first thing that goes wrong, and ends with 1 if there is one.
 *
 *   node catch.ts [FIRST]   FIRST is what to try before all others: `play NAME`, `story NAME`, `seed S`,
 *                           `scope NAME`, which is tried only if it is asked for
 */
const plays = join(import.meta.dirname, '..', 'consensus', 'plays');
const seeds = 60;
const worlds = 300_000;

const endOf = (script: string): string | undefined => {
	try {
		performPlay(script);
		return undefined;
	} catch (error) {
		return (error as Error).message.split('\n')[0];
	}
};

const catchPlay = (name: string): string | undefined =>
	endOf(readFileSync(join(plays, `${name}.txt`), 'utf8').split('\n---\n')[0]!);

/** The script, if it leads to the violation when it is performed as well. */
const catchInScope = (name: string): string | undefined => {
	const {violation} = explore(scopes[name as ScopeName], worlds);
	if (!violation) return undefined;
	const {script, theorem} = violation;
	const end = endOf(script);
	return end?.endsWith(theorem) ? script : `performed, it ends otherwise: ${end}\n${script}`;
};

const catchStory = (name: string): string | undefined => {
	const story = stories.find(({name: known, n}) => `${known}, n=${n}` === name);
	if (!story) throw new Error(`there is no story "${name}"`);
	return performStory(story, 1);
};

const catchers: Record<string, (name: string) => string | undefined> = {
	play: catchPlay,
	story: catchStory,
	scope: catchInScope,
	seed: name => simulate({seed: Number(name)}).failure ?? undefined,
};

function* all(): Generator<string> {
	for (const file of readdirSync(plays).sort()) yield `play ${file.replace('.txt', '')}`;
	for (let seed = 0; seed < seeds; seed++) yield `seed ${seed}`;
	for (const {name, n} of stories) yield `story ${name}, n=${n}`;
}

const [first] = process.argv.slice(2);
for (const trial of first === undefined ? all() : [first]) {
	const [kind, ...words] = trial.split(' ');
	const why = catchers[kind!]!(words.join(' '));
	if (why === undefined) continue;
	process.stdout.write(`${trial}: ${why}\n`);
	process.exit(1);
}
