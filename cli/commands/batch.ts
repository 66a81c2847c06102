import {type BatchEnd, type BatchReport, type Progress, runBatch} from '../../source/client/batch.ts';
import {Failure} from '../../source/failure.ts';
import {HistoryFile} from '../../source/history-file.ts';
import type {Flags} from '../flags.ts';
import {leaving} from '../leaving.ts';
import {print, tell} from '../output.ts';
import {clusterOf, nickOf, refuseReadOnly, timeoutMsOf} from '../target.ts';

const usualTimeoutSeconds = 120;

/** `--batch N`: says N messages, reports how fast. Starts no replicas and follows no feed. */
export async function batch(flags: Flags): Promise<number> {
	refuseReadOnly(flags, '--batch');
	const cluster = clusterOf(flags);
	const timeoutMs = timeoutMsOf(flags, usualTimeoutSeconds);
	const history = flags.history === undefined ? undefined : await openHistory(flags.history);
	const progress = new ProgressLine();
	const end = await runBatch({
		cluster,
		messages: flags.batch ?? 1,
		clients: flags.clients ?? 1,
		size: flags.size ?? 100,
		nick: nickOf(flags),
		...(flags.via === undefined ? {} : {via: flags.via}),
		timeoutMs,
		signal: leaving,
		onProgress: told => progress.show(told),
		...(history === undefined ? {} : {onOperation: operation => history.append(operation)}),
	});
	progress.clear();
	await history?.close().catch((error: Error) => {
		throw new Failure(`--history: ${error.message}`, 1, {cause: error});
	});
	print(flags.json ? `${JSON.stringify(end.report)}\n` : summary(end.report));
	if (end.reason === 'aborted') return leaving.reason as number;
	return judge(end, timeoutMs / 1000);
}

/** Every message acknowledged, or the one line that says why not. */
function judge({report, reason, isReached, why}: BatchEnd, seconds: number): number {
	const {acknowledged, requested} = report;
	if (acknowledged === requested) return 0;
	if (reason === 'silent' && !isReached)
		throw new Failure(
			`no replica could be reached within ${seconds} s; start them with \`paxos-chat cluster\`, or name another --config`,
			3,
		);
	const left = `${acknowledged} of ${requested} messages acknowledged`;
	if (reason === 'silent')
		throw new Failure(
			`${left}, then none for ${seconds} s: no quorum; see \`paxos-chat monitor\` for who is missing`,
			4,
		);
	throw new Failure(`${left}; the first that was not: ${why ?? 'no reason given'}`);
}

function summary(report: BatchReport): string {
	const {acknowledged, requested, unknown, failed, clients, retried, seconds, throughput, viewChanges} =
		report;
	const {p50, p95, p99, max} = report.latencyMs;
	const ms = (value: number | null) => (value === null ? '-' : `${value.toFixed(1)} ms`);
	return [
		`${acknowledged} of ${requested} messages acknowledged by ${clients} clients in ${seconds.toFixed(2)} s: ${Math.round(throughput)} a second`,
		`latency: p50 ${ms(p50)}, p95 ${ms(p95)}, p99 ${ms(p99)}, longest ${ms(max)}`,
		`${retried} retried, ${unknown} of unknown fate, ${failed} failed, ${viewChanges} view changes`,
		'',
	].join('\n');
}

/** One line that is drawn over itself on a terminal; elsewhere a line a second, if there is news. */
class ProgressLine {
	readonly #isTerminal = process.stderr.isTTY;
	#last = '';

	show({acknowledged, requested, perSecond, view, sentence}: Progress): void {
		const stands = perSecond === 0 ? `; ${sentence}` : '';
		const where = view === null ? '' : `, view ${view}`;
		const line = `${acknowledged} of ${requested} acknowledged, ${perSecond} a second${where}${stands}`;
		if (this.#isTerminal)
			process.stderr.write(`\r\u001B[K${line.slice(0, (process.stderr.columns ?? 80) - 1)}`);
		else if (line !== this.#last) tell(line);
		this.#last = line;
	}

	clear(): void {
		if (this.#isTerminal) process.stderr.write('\r\u001B[K');
	}
}

async function openHistory(path: string): Promise<HistoryFile> {
	try {
		return await HistoryFile.create(path);
	} catch (error) {
		const {code, message} = error as NodeJS.ErrnoException;
		throw new Failure(
			`--history: cannot write ${path}: ${code ?? message}; name a file in a directory that is there`,
			2,
		);
	}
}
