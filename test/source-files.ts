import {readdirSync, readFileSync} from 'node:fs';
import {dirname, join, resolve} from 'node:path';

/** The sources as text, for tests that read them instead of running them. */
export const root = resolve(import.meta.dirname, '..');

/** All files below these folders, as paths from the root with `/` between their parts. */
export function filesIn(...folders: readonly string[]): readonly string[] {
	return folders.flatMap(folder =>
		readdirSync(join(root, folder), {recursive: true, withFileTypes: true})
			.filter(entry => entry.isFile())
			.map(({parentPath, name}) => resolve(parentPath, name).slice(root.length + 1))
			.sort(),
	);
}

export const textOf = (path: string): string => readFileSync(join(root, path), 'utf8');

/** What a source imports, statically or later: packages by name, files by their path from the root. */
export function importsOf(path: string): readonly string[] {
	const pattern =
		/(?:^|\n)(?:import|export)\b[^;'"]*?from\s*'([^']+)'|\bimport\(\s*'([^']+)'|\nimport '([^']+)'/g;
	return [...textOf(path).matchAll(pattern)].map(([, one, two, three]) => {
		const name = one ?? two ?? three!;
		return name.startsWith('.') ? resolve(root, dirname(path), name).slice(root.length + 1) : name;
	});
}

/** A source without its comments and without what stands in quotes. */
export const codeOf = (path: string): string =>
	textOf(path)
		.replace(/\/\*[\s\S]*?\*\/|(?<![:'"`\\])\/\/.*$/gm, '')
		.replace(/'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"/g, "''");
