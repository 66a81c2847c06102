import {registerHooks} from 'node:module';
import {join} from 'node:path';
import {pathToFileURL} from 'node:url';

/**
 * Runs the tests of one file as a process of its own: prints why the first of
 * them failed and ends with 1, or ends with 0.
 *
 *   node catch-by-test.ts FILE [PART]   PART of the names of those that are run
 */
const [file = '', ...words] = process.argv.slice(2);
const bareJest = pathToFileURL(join(import.meta.dirname, 'bare-jest.ts')).href;
registerHooks({
	resolve: (specifier, context, next) =>
		specifier === '@jest/globals' ? {url: bareJest, shortCircuit: true} : next(specifier, context),
});
await import(pathToFileURL(join(import.meta.dirname, '..', `${file}.test.ts`)).href);
const {firstFailure} = await import('./bare-jest.ts');
const why = await firstFailure(words.join(' '));
if (why !== undefined) process.stdout.write(`${why.split('\n')[0]}\n`);
process.exit(why === undefined ? 0 : 1);
