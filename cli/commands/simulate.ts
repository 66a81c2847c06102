import {mkdirSync, mkdtempSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import type {ReplicaId} from '../../source/consensus/types.ts';
import {Failure} from '../../source/failure.ts';
import {campaign} from '../../source/simulator/campaign.ts';
import {type Report, simulate as simulateOne} from '../../source/simulator/simulate.ts';
import type {MixReport} from '../../source/simulator/tally.ts';
import {Recorder} from '../../source/trace.ts';
import {print, tell} from '../output.ts';

export type SimulateFlags = {
	/** The first seed; without it a fresh one, which is printed. */
	readonly seed?: number | undefined;
	/** Seeds in a row: one if a seed is given, 200 otherwise. */
	readonly runs?: number | undefined;
	readonly json?: boolean | undefined;
	/** Of a single run: everything that happens in it, for people. */
	readonly verbose?: boolean | undefined;
	/** A directory, made if it is not there: of a single run, or of the first that fails, the trace of each replica. */
	readonly trace?: string | undefined;
};

/** Runs seeded worlds. A line for each mix of faults, or for the one run; 1 if a theorem broke. */
export async function simulate(flags: SimulateFlags): Promise<number> {
	const {json = false, verbose = false, trace} = flags;
	const seed = flags.seed ?? Date.now() % 1_000_000_000;
	const runs = flags.runs ?? (flags.seed === undefined ? 200 : 1);
	if (runs === 1) return showOne(seed, json, verbose, trace);

	let shown = 0;
	const onProgress = (done: number) => {
		if (done < shown + runs / 10) return;
		shown = done;
		tell(`${done} of ${runs} runs`);
	};
	tell(`seeds ${seed} to ${seed + runs - 1}`);
	const report = await campaign({seed, runs, onProgress});
	if (json) {
		say(JSON.stringify(report));
	} else {
		for (const mix of report.mixes) for (const line of linesOf(mix)) say(line);
		if (!report.ok) for (const sight of report.missing) say(`FAIL never seen: ${sight}`);
	}

	if (report.failedSeed !== null) record(report.failedSeed, trace);
	return report.ok ? 0 : 1;
}

function showOne(seed: number, isJson: boolean, isVerbose: boolean, trace: string | undefined): number {
	const reader = isVerbose && !isJson ? (_kind: string, line: string) => say(line) : undefined;
	const report = simulateOne({seed, isHashed: true, ...(reader && {reader})});
	if (!report.ok || trace !== undefined) record(seed, trace);
	if (isJson) say(JSON.stringify({ok: report.ok, seed, runs: 1, mixes: [report]}));
	else for (const line of linesOfOne(report)) say(line);
	return report.ok ? 0 : 1;
}

/** Runs it again, which is the same run, and writes what happened at the door of each core. */
function record(seed: number, directory = mkdtempSync(join(tmpdir(), 'paxos-chat-trace-'))) {
	const recorders = new Map<ReplicaId, Recorder>();
	const recorderOf = (id: ReplicaId) => {
		const path = join(directory, `seed-${seed}-r${id}.trace`);
		const recorder = recorders.get(id) ?? new Recorder(path, tell);
		recorders.set(id, recorder);
		return recorder;
	};
	makeDirectory(directory);
	simulateOne({
		seed,
		witness: (options, ...memory) => recorderOf(options.id).begin(options, ...memory),
	});
	for (const recorder of recorders.values()) recorder.close();
	tell(`traces of ${recorders.size} replicas: ${directory}; see paxos-chat replay`);
}

function makeDirectory(path: string) {
	try {
		mkdirSync(path, {recursive: true});
	} catch (error) {
		throw new Failure(`--trace: cannot make the directory ${path}: ${(error as Error).message}`, 2);
	}
}

function linesOf(mix: MixReport): string[] {
	const {runs, failed, slots, events, viewsToHeal, viewsLater, slowestTicks} = mix;
	const verdict = failed === 0 ? 'ok  ' : 'FAIL';
	const figures = [
		`${runs} runs`,
		`${failed} failed`,
		`${Math.round(events / runs)} events and ${Math.round(slots / runs)} slots a run`,
		`at most ${viewsToHeal} views to heal and ${viewsLater} later`,
		`slowest answer ${slowestTicks.toFixed(1)} ticks`,
	];
	return [
		`${verdict} ${mix.mix.padEnd(8)} ${figures.join(', ')}`,
		...mix.failures.map(failure => `     ${failure}`),
	];
}

function linesOfOne({
	seed,
	mix,
	variant,
	replicas,
	core,
	wrong,
	events,
	slots,
	lines,
	hash,
	failure,
}: Report): string[] {
	const served = core.map(id => `r${id}`).join(' ');
	return [
		`seed ${seed}: ${mix}, ${variant}, n=${replicas}; ${events} events, ${slots} slots, ${lines} lines`,
		...(core.length > 0 ? [`healed ${served}; for ever ${wrong.join(', ') || 'nothing'}`] : []),
		`hash ${hash}`,
		failure === null ? 'ok' : `FAIL ${failure}`,
	];
}

const say = (line: string) => print(`${line}\n`);
