import {existsSync} from 'node:fs';
import module from 'node:module';
import {fileURLToPath} from 'node:url';

/**
 * Ink needs one function of a library of four hundred files, and loading all
 * of them takes as long as loading all the rest. While `load` runs, only that
 * one is loaded; if it is not where it was, or Node is too old for this, all.
 */
export async function withLeanInk<Loaded>(load: () => Promise<Loaded>): Promise<Loaded> {
	const hooks = module.registerHooks?.({
		resolve(name, context, next) {
			const found = next(name, context);
			if (name !== 'es-toolkit/compat') return found;
			const url = new URL('function/throttle.mjs', found.url);
			return existsSync(fileURLToPath(url)) ? {...found, url: url.href} : found;
		},
	});
	try {
		return await load();
	} finally {
		hooks?.deregister();
	}
}
