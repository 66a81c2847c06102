import {execFileSync} from 'node:child_process';
import {readFileSync} from 'node:fs';
import {dirname, join} from 'node:path';
import {expect, test} from '@jest/globals';

/** What a file needs to run, and what that needs, and so on: packages, and files of ours. */
function needsOf(path: string, seen = new Set<string>()): ReadonlySet<string> {
	if (seen.has(path)) return seen;
	seen.add(path);
	for (const [, types, names, from] of readFileSync(path, 'utf8').matchAll(
		/^import (type )?(?:(.*?) from )?'([^']+)';$/gms,
	)) {
		// What is only a type is gone when it runs.
		const isOnlyTypes = names !== undefined && /^\{(?:\s*type [^,}]+,?)+\s*\}$/.test(names);
		if (types !== undefined || isOnlyTypes) continue;
		if (from!.startsWith('.')) needsOf(join(dirname(path), from!), seen);
		else seen.add(from!);
	}

	return seen;
}

const packages = (path: string) =>
	[...needsOf(path)].filter(need => !need.endsWith('.ts') && !need.endsWith('.tsx'));

test.each(['cli/tui/draw.ts', 'cli/tui/update/update.ts', 'cli/tui/screen.ts', 'cli/tui/reference.ts'])(
	'%s needs no network, no file and no React: it is a function of what it is given',
	path => {
		expect(packages(path).filter(name => name !== 'string-width')).toEqual([]);
	},
);

test('the check itself sees what is there', () => {
	expect(packages('cli/tui/app.tsx')).toEqual(
		expect.arrayContaining(['ink', 'react', 'node:fs/promises', 'socket.io-client']),
	);
});

test('of the library of which Ink needs one function, only that one is loaded', () => {
	const script = `
		import module from 'node:module';
		import {withLeanInk} from './cli/lean-ink.ts';
		const loaded = [];
		module.registerHooks({
			load(url, context, next) {
				if (url.includes('/es-toolkit/')) loaded.push(url);
				return next(url, context);
			},
		});
		const {render} = await withLeanInk(() => import('ink'));
		process.stdout.write(JSON.stringify([typeof render, loaded.length]));`;
	const {NODE_OPTIONS: _, ...env} = process.env;
	const told = execFileSync(process.execPath, ['--input-type=module', '-e', script], {env, encoding: 'utf8'});
	const [kind, count] = JSON.parse(told) as [string, number];
	expect(kind).toBe('function');
	expect(count).toBeGreaterThan(0);
	expect(count).toBeLessThan(10);
});
