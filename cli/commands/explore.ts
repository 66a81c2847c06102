import {type Exploration, explore as exploreScope} from '../../source/simulator/explore.ts';
import {longScopes, quickScopes, type ScopeName, scopes} from '../../source/simulator/explore-scopes.ts';
import {print, tell} from '../output.ts';

export type ExploreFlags = {
	/** Different worlds to look at in each scope. */
	readonly states: number;
	readonly json: boolean;
};

/** Tries every order of events within small bounds. A line for each scope; 1 and a play if a theorem broke. */
export function explore({states, json}: ExploreFlags): Promise<number> {
	const found: Found[] = [];
	for (const scope of [...quickScopes, ...longScopes]) {
		const started = performance.now();
		const report = exploreScope(scopes[scope], states, seen => tell(`${scope}: ${seen} worlds`));
		const one = {scope, seconds: (performance.now() - started) / 1000, ...report};
		found.push(one);
		if (!json) print(`${lineOf(one)}\n`);
		if (report.violation) break;
	}

	const ok = found.every(({violation}) => violation === null);
	const total = found.reduce((sum, each) => sum + each.states, 0);
	if (json) print(`${JSON.stringify({ok, states: total, scopes: found})}\n`);
	else print(`${found.at(-1)?.violation?.script ?? `ok   ${total} worlds in all`}\n`);
	return Promise.resolve(ok ? 0 : 1);
}

type Found = Exploration & {readonly scope: ScopeName; readonly seconds: number};

function lineOf({scope, states, machines, depth, isComplete, seconds, violation}: Found): string {
	const verdict = violation ? 'FAIL' : 'ok  ';
	const moves = `${depth - 1} moves`;
	const far = isComplete ? `all there are, at most ${moves} away` : `to a depth of ${moves}`;
	return `${verdict} ${scope.padEnd(11)} ${states} worlds of ${machines} machines, ${far}, in ${seconds.toFixed(1)} s`;
}
