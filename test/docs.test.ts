import {existsSync} from 'node:fs';
import {join} from 'node:path';
import {describe, expect, test} from '@jest/globals';
import {commands} from '../cli/commands.ts';
import {flagTable, spellingOf} from '../cli/flags.ts';
import {slashCommands} from '../cli/tui/slash.ts';
import {defaults, ranges} from '../source/cluster.ts';
import {mutants} from './simulation/mutants.ts';
import {stories as tales} from './simulation/stories.ts';
import {filesIn, root, textOf} from './source-files.ts';

/** What README.md and docs/ say is compared with what is there. */
const documents = ['README.md', ...filesIn('docs')].filter(path => path.endsWith('.md'));
const readme = textOf('README.md');
/** Without blocks of code and line breaks, so that what is wrapped is found. */
const proseOf = (path: string): string =>
	textOf(path)
		.replace(/^```[\s\S]*?^```$/gm, '')
		.replace(/\s+/g, ' ');
const wordsOf = (pattern: RegExp, text: string): readonly string[] =>
	[...text.matchAll(pattern)].map(([, word]) => word!);

describe.each(documents)('%s', path => {
	const prose = proseOf(path);

	test('names files that are there', () => {
		const everything = filesIn('source', 'cli', 'test', 'docs', 'bench');
		const spans = wordsOf(/`([^` ]+)`/g, prose);
		const paths = spans.filter(span => /^(?:source|cli|test|docs|bench)\//.test(span));
		expect(paths.filter(span => !existsSync(join(root, span)))).toEqual([]);
		const names = spans.filter(span => /^[\w-]+\.(?:tsx?|md)$/.test(span));
		expect(names.filter(name => !everything.some(each => each.endsWith(`/${name}`)))).toEqual([]);
	});

	test('knows no path of a machine and no host of a registry', () => {
		const text = textOf(path);
		expect(text).not.toMatch(/(?:^|[\s`"'(=])\/(?:home|root|tmp|Users|work|mnt|opt|usr|var)\//m);
		expect(text).not.toMatch(/\bregistry\b|npmjs|https?:\/\//);
	});

	test('has lines that can be read', () => {
		expect(
			textOf(path)
				.split('\n')
				.filter(line => line.length > 160),
		).toEqual([]);
	});
});

test('what is installed comes from the registry of whoever installs it', () => {
	expect(textOf('package-lock.json')).not.toMatch(/"resolved"/);
	expect(textOf('.npmrc')).not.toMatch(/registry\s*=|https?:/);
});

test('the table of tunables is that of cluster.ts', () => {
	const rows = [...readme.matchAll(/^\| `(\w+)` \| (\d+) \| (\d+) … (\d+) \| \S/gm)];
	const told = rows.map(([, key, usual, least, most]) => [key, Number(usual), [Number(least), Number(most)]]);
	const keys = Object.keys(defaults) as (keyof typeof defaults)[];
	expect(told).toEqual(keys.map(key => [key, defaults[key], ranges[key]]));
});

test('the table of messages is that of types.ts, field by field', () => {
	const [before] = textOf('source/consensus/types.ts').split('\nexport type Message =');
	const types = [...before!.matchAll(/export type \w+ = \{[^}]*?type: '(\w+)'([^}]*)\}/g)];
	const known = types.map(([, name, rest]) => `${name}(${wordsOf(/readonly (\w+):/g, rest!).join(', ')})`);
	const told = wordsOf(/^\| `(\w+\([^`]*\))` \| [^|]+ → [^|]+ \| \S/gm, readme);
	expect(known.length).toBeGreaterThanOrEqual(11);
	expect([...told].sort()).toEqual([...known].sort());
});

test('the README shows every screen of docs/screens.md, as it is there', () => {
	const pictures = [...textOf('docs/screens.md').matchAll(/^```text\n[^`]*```$/gm)].map(
		([picture]) => picture,
	);
	expect(pictures.length).toBeGreaterThanOrEqual(6);
	expect(pictures.filter(picture => !readme.includes(picture))).toEqual([]);
});

test('every event of the wire is named', () => {
	const events = wordsOf(/^\t(\w+): \(\w+: .*\) => void;$/gm, textOf('source/network/events.ts'));
	expect(events).toContain('lost');
	expect([...new Set(events)].filter(name => !readme.includes(`\`${name}\``))).toEqual([]);
});

describe('the table of commands', () => {
	const usages = wordsOf(/^\| `paxos-chat([^`]*)` \| \S/gm, readme);

	test('has every command with its arguments and flags, and no other', () => {
		const rows = Object.entries(commands).map(([name, command]) => {
			const row = name === 'chat' ? ' --batch' : ` ${name}`;
			const usage = usages.find(each => each.startsWith(row)) ?? '';
			const flags = command.flags.map(spellingOf).filter(flag => !usage.includes(flag));
			const words = command.arguments.split(' ').filter(word => !usage.includes(word.replace(/[[\]…]/g, '')));
			return {name, isThere: usage !== '', missing: [...flags, ...words]};
		});
		expect(rows.filter(({isThere, missing}) => !isThere || missing.length > 0)).toEqual([]);
		const names = usages.map(usage => usage.trim().split(' ')[0]!).filter(name => /^\w/.test(name));
		expect(names.filter(name => !(name in commands))).toEqual([]);
	});

	test('every flag stands somewhere', () => {
		const flags = (Object.keys(flagTable) as (keyof typeof flagTable)[]).map(spellingOf);
		expect(flags.filter(flag => !readme.includes(flag))).toEqual([]);
	});
});

test('slash commands of the README are commands of the screen', () => {
	const named = wordsOf(/`\/(\w+)[^`]*`/g, proseOf('README.md'));
	expect(named).toContain('help');
	expect(named.filter(name => !(name in slashCommands))).toEqual([]);
});

const storyNames = filesIn('source/stories').flatMap(path =>
	wordsOf(/^\tname: '([\w-]+)',$/gm, textOf(path)),
);

test('every story of the demonstration has its row', () => {
	expect(storyNames.length).toBeGreaterThanOrEqual(7);
	expect(storyNames.filter(name => !readme.includes(`\n| \`${name}\` | `))).toEqual([]);
});

test('every dependency has a line, and nothing else has', () => {
	const {dependencies, devDependencies} = JSON.parse(textOf('package.json')) as Record<string, object>;
	const told = wordsOf(/^\| `([^`]+)` \| \S/gm, textOf('docs/dependencies.md'));
	expect([...told].sort()).toEqual(Object.keys({...dependencies, ...devDependencies}).sort());
});

test('the glossary of the README has the words of types.ts', () => {
	const [glossary] = /\/\*\*[\s\S]*?\*\//.exec(textOf('source/consensus/types.ts'))!;
	const words = wordsOf(/^ \* {3}(\w+) {2,}/gm, glossary);
	expect(words).toContain('doubt');
	expect(words.filter(word => !readme.includes(`**${word}**`))).toEqual([]);
});

describe('the pointers of docs/questions.md', () => {
	const prose = proseOf('docs/questions.md');

	test('twenty questions, each with code and with what shows it', () => {
		const answers = textOf('docs/questions.md').split(/^## /m).slice(1);
		expect(answers.map(answer => Number.parseInt(answer, 10))).toEqual(
			Array.from({length: 20}, (_, at) => at + 1),
		);
		expect(answers.filter(answer => !answer.includes('\nCode: ') || !/Shown\s+by:/.test(answer))).toEqual([]);
	});

	test('what is named behind a file stands in it', () => {
		const named = [...prose.matchAll(/`([\w./-]+\.tsx?)` \(((?:`[^`]+`(?:, )?)+)\)/g)].flatMap(
			([, path, names]) => wordsOf(/`([^`]+)`/g, names!).map(name => ({path: path!, name})),
		);
		expect(named.length).toBeGreaterThan(60);
		expect(named.filter(({path, name}) => !textOf(path).includes(name))).toEqual([]);
	});

	test('tests are named by words that stand in them', () => {
		const quoted = [...prose.matchAll(/`(test\/[\w./-]+)` ((?:"[^"]+"(?:, )?)+)/g)].flatMap(
			([, path, quotes]) => wordsOf(/"([^"]+)"/g, quotes!).map(words => ({path: path!, words})),
		);
		expect(quoted.length).toBeGreaterThan(25);
		expect(quoted.filter(({path, words}) => !textOf(path).includes(words))).toEqual([]);
	});

	test('plays, mutants, stories and tales exist', () => {
		const known: Record<string, (name: string) => boolean> = {
			play: name => existsSync(join(root, 'test/consensus/plays', `${name}.txt`)),
			mutant: name => mutants.some(mutant => mutant.name === name),
			story: name => storyNames.includes(name),
			tale: name => tales.some(tale => tale.name === name),
		};
		const named = [...prose.matchAll(/\b(play|mutant|story|tale) `([^`]+)`/g)];
		expect(named.length).toBeGreaterThan(50);
		expect(named.filter(([, kind, name]) => !known[kind!]!(name!)).map(([text]) => text)).toEqual([]);
	});
});
