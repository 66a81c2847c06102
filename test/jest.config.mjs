import {fileURLToPath} from 'node:url';
import vm from 'node:vm';

if (!vm.SourceTextModule)
	throw new Error('run the tests through `npm test`: --experimental-vm-modules is missing');

// Hundreds of processes are started from the same sources: they are compiled once.
process.env.NODE_COMPILE_CACHE ??= fileURLToPath(
	new URL('../node_modules/.cache/paxos-chat', import.meta.url),
);

const common = {
	rootDir: fileURLToPath(new URL('..', import.meta.url)),
	testEnvironment: 'node',
	extensionsToTreatAsEsm: ['.ts', '.tsx'],
	transform: {
		'^.+\\.tsx?$': [
			'@swc/jest',
			{
				jsc: {
					target: 'es2024',
					parser: {syntax: 'typescript', tsx: true},
					transform: {react: {runtime: 'automatic'}},
				},
				module: {type: 'es6'},
			},
		],
	},
	modulePathIgnorePatterns: ['<rootDir>/dist/'],
};

/** These compute, and wait for nothing but their own disk: two of them at a time are done sooner. */
const computing = [
	'simulation/',
	'consensus/',
	'chat/',
	'stories/forgery.test.ts',
	...[
		'bit-flips',
		'checkpoint',
		'crash-states',
		'journal',
		'log-check',
		'memory-disk',
		'power-cuts',
		'scrub',
		'verify',
	].map(name => `storage/${name}.test.ts`),
	'transfer.test.ts',
	'history.test.ts',
	'safe-text.test.ts',
	'network/wire.test.ts',
	'tui/frame.test.ts',
];

/** Tests with real processes and sockets run one at a time, so that nothing beside them steals their time. */
export default {
	maxWorkers: 2,
	projects: [
		{
			...common,
			testMatch: computing.map(name => `<rootDir>/test/${name}${name.endsWith('/') ? '**/*.test.ts' : ''}`),
		},
		{
			...common,
			testMatch: ['<rootDir>/test/**/*.test.{ts,tsx}'],
			testPathIgnorePatterns: ['/node_modules/', ...computing.map(name => `<rootDir>/test/${name}`)],
			runner: '<rootDir>/test/serial-runner.mjs',
		},
	],
};
