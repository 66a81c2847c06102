import {acknowledgedBetween, type Evidence, wordsBetween} from './evidence.ts';
import {type Finding, fact, failure, missing} from './finding.ts';
import {oneAct} from './one-act.ts';

/** Between any two of these a replica may die. */
const calls = ['sync', 'write'] as const;

/** A kill that does not strike by chance: at the first write, the second sync, the third write, and so on. */
export const killedAtCall = oneAct({
	name: 'killed-at-call',
	tells: 'replicas in turn are killed in their n-th write or sync, for n from 1 on, and come back',
	rounds: {of: 'largest n', usual: 6},
	// strace counts by threads: with one that writes, the n-th call of a thread is the n-th of the replica.
	options: {wrapsDisks: true, environment: {UV_THREADPOOL_SIZE: '1'}},

	async play(stage, rounds) {
		await stage.growth(50, 15);
		for (let round = 1; round <= rounds; round++) {
			const victim = round % stage.replicas;
			await stage.hands.killAtCall(victim, calls[round % calls.length]!, round);
			await stage.restart(victim);
			await stage.leader();
			await stage.growth(20, 20);
		}
	},

	judge,
});

function* judge(act: Evidence, rounds: number): Generator<Finding> {
	const {ends, starts} = act;
	if (ends.length < rounds) yield missing(`${ends.length} replicas were killed, not ${rounds}`);
	let torn = 0;
	for (const [index, {at, until, replica, how}] of ends.entries()) {
		const name = `kill ${index + 1}`;
		if (how !== 'SIGKILL') yield failure(`${name}: replica ${replica} ended by ${how}`);
		if (acknowledgedBetween(act, 0, at) === 0) yield missing(`${name}: nothing had been acknowledged before`);
		const back = starts.find(start => start.replica === replica && start.at >= until);
		if (back === undefined) yield missing(`${name}: replica ${replica} was not started again`);
		const next = ends[index + 1]?.at ?? Number.POSITIVE_INFINITY;
		if (acknowledgedBetween(act, until, next) === 0)
			yield failure(`${name}: nothing was acknowledged after it`);
		torn += Number(wordsBetween(act, replica, until, next).some(line => line.includes('unfinished')));
	}

	yield fact('killsAtCalls', ends.length);
	yield fact('tornTails', torn);
}
