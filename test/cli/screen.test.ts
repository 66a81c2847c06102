import {describe, expect, test} from '@jest/globals';
import {type Flags, flagsOf} from '../../cli/flags.ts';
import {hasColour} from '../../cli/screen.ts';
import {nickOf, replicaOf} from '../../cli/target.ts';
import {parseCluster} from '../../source/cluster.ts';

describe('colour', () => {
	const table: ReadonlyArray<
		readonly [flags: Partial<Flags>, environment: NodeJS.ProcessEnv, isTerminal: boolean, isOn: boolean]
	> = [
		[{}, {}, true, true],
		[{}, {}, false, false],
		[{}, {TERM: 'dumb'}, true, false],
		[{}, {NO_COLOR: '1'}, true, false],
		[{}, {NO_COLOR: ''}, true, true],
		[{}, {FORCE_COLOR: '1', NO_COLOR: '1'}, false, true],
		[{}, {FORCE_COLOR: '', TERM: 'dumb'}, false, true],
		[{}, {FORCE_COLOR: '0'}, true, false],
		[{color: 'always'}, {NO_COLOR: '1', FORCE_COLOR: '0'}, false, true],
		[{color: 'never'}, {FORCE_COLOR: '1'}, true, false],
		[{color: 'auto'}, {}, true, true],
		[{noColor: true}, {FORCE_COLOR: '1'}, true, false],
	];
	test.each(table)('%j with %j, terminal %j: %j', (flags, environment, isTerminal, isOn) => {
		expect(hasColour({color: undefined, noColor: false, ...flags}, environment, isTerminal)).toBe(isOn);
	});
});

test('the nick is the one given, or what can be one of the user', () => {
	const before = process.env.USER;
	const nicks = ['alice', 'a.b c@d', 'Zoë', '', '...', 'abcdefghijklmnopqrstuvwxyz'].map(user => {
		process.env.USER = user;
		return nickOf(flagsOf({}));
	});
	if (before === undefined) delete process.env.USER;
	else process.env.USER = before;
	expect(nicks).toEqual(['alice', 'abcd', 'Zoë', expect.stringMatching(/^.+$/), 'guest', 'abcdefghijklmnop']);
	expect(nickOf(flagsOf({nick: ['bob']}))).toBe('bob');
});

test('the id of a replica is one that the cluster has', () => {
	const replicas = [0, 1, 2].map(id => ({id, host: 'localhost', port: 7100 + id}));
	const cluster = parseCluster(JSON.stringify({f: 1, replicas}), 'x');
	expect(replicaOf(cluster, flagsOf({}), 'ID', '2')).toBe(2);
	const must = 'ID: must be the id of a replica in cluster.json, from 0 to 2, is';
	for (const word of ['3', '-1', 'r0', '', '1.0'])
		expect(() => replicaOf(cluster, flagsOf({}), 'ID', word)).toThrow(`${must} ${JSON.stringify(word)}`);
});
