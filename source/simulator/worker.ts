import {parentPort} from 'node:worker_threads';
import {type Choice, simulate} from './simulate.ts';

/** A thread of a campaign: gets a list of runs, answers with their reports. */
parentPort?.on('message', (choices: readonly Choice[]) => {
	parentPort?.postMessage(choices.map(choice => simulate(choice)));
});
