import {fileURLToPath} from 'node:url';
import vm from 'node:vm';

if (!vm.SourceTextModule)
	throw new Error('run the tests through `npm test`: --experimental-vm-modules is missing');

// Hundreds of processes are started from the same sources: they are compiled once.
process.env.NODE_COMPILE_CACHE ??= fileURLToPath(
	new URL('../node_modules/.cache/paxos-chat', import.meta.url),
);

/** Tests with real processes run one at a time, so that nothing beside them steals their time. */
export default {
	rootDir: '..',
	testEnvironment: 'node',
	maxWorkers: 1,
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
	testMatch: ['<rootDir>/test/**/*.test.{ts,tsx}'],
	modulePathIgnorePatterns: ['<rootDir>/dist/'],
};
