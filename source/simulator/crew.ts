import {Worker} from 'node:worker_threads';
import {type Choice, type Report, simulate} from './simulate.ts';

/** Runs in one message to a thread: enough to keep it busy, few enough to share fairly. */
const portionRuns = 8;

/**
 * Simulates on so many threads; 0: here. Reports come in the order of the
 * choices, whatever thread made them. Choices are taken one after the other as
 * there is time for them, so that they may have no end but the caller's.
 */
export async function* simulateAll(choices: Iterable<Choice>, threads: number): AsyncGenerator<Report> {
	if (threads === 0) {
		for (const choice of choices) yield simulate(choice);
		return;
	}

	const portions = portionsOf(choices);
	/** In order. */
	const underWay: Promise<readonly Report[]>[] = [];
	const goOn = (worker: Worker) => {
		const {done, value} = portions.next();
		if (done) return;
		const answer = ask(worker, value);
		underWay.push(answer);
		answer.then(
			() => goOn(worker),
			() => {}, // Whoever waits for it is told.
		);
	};
	const workers = Array.from({length: threads}, startWorker);
	try {
		for (const worker of workers) goOn(worker);
		for (let next = underWay.shift(); next; next = underWay.shift()) yield* await next;
	} finally {
		await Promise.all(workers.map(worker => worker.terminate()));
	}
}

function* portionsOf(choices: Iterable<Choice>): Generator<readonly Choice[], undefined> {
	let portion: Choice[] = [];
	for (const choice of choices) {
		if (portion.push(choice) < portionRuns) continue;
		yield portion;
		portion = [];
	}

	if (portion.length > 0) yield portion;
	return undefined;
}

function startWorker(): Worker {
	const file = import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js';
	// What this process was started with, a test runner or a piece of text, is not for a thread.
	return new Worker(new URL(file, import.meta.url), {execArgv: []});
}

function ask(worker: Worker, choices: readonly Choice[]): Promise<readonly Report[]> {
	return new Promise((resolve, reject) => {
		const settle = () => {
			worker.off('message', onMessage);
			worker.off('error', onError);
			worker.off('exit', onExit);
		};
		const onMessage = (reports: readonly Report[]) => {
			settle();
			resolve(reports);
		};
		const onError = (error: unknown) => {
			settle();
			reject(error);
		};
		const onExit = () => onError(new Error('a thread of the campaign ended before its time'));
		worker.on('message', onMessage);
		worker.on('error', onError);
		worker.on('exit', onExit);
		worker.postMessage(choices);
	});
}
