import type {BatchEnd, Progress} from '../../source/client/batch.ts';
import {Failure} from '../../source/failure.ts';
import {HistoryFile} from '../../source/history-file.ts';
import type {Flags} from '../flags.ts';
import {leaving} from '../leaving.ts';
import {startLoad} from '../load.ts';
import {isTerminal, print, tell} from '../output.ts';
import {openScreen} from '../screen.ts';
import {summaryOf} from '../summary.ts';
import {clusterOf, nickOf, refuseReadOnly, timeoutMsOf} from '../target.ts';

const usualTimeoutSeconds = 120;

/** `--batch N`: says N messages, reports how fast; on a terminal the screen shows how it goes. Starts no replicas and follows no feed. */
export async function batch(flags: Flags): Promise<number> {
	refuseReadOnly(flags, '--batch');
	const cluster = clusterOf(flags);
	const timeoutMs = timeoutMsOf(flags, usualTimeoutSeconds);
	const history = flags.history === undefined ? undefined : await openHistory(flags.history);
	const isScreen = isTerminal() && !flags.plain && !flags.json;
	const progress = isScreen ? null : new ProgressLine();
	const load = startLoad({
		cluster,
		messages: flags.batch ?? 1,
		clients: flags.clients ?? 1,
		size: flags.size ?? 100,
		nick: nickOf(flags),
		...(flags.via === undefined ? {} : {via: flags.via}),
		timeoutMs,
		onProgress: told => progress?.show(told),
		...(history === undefined ? {} : {onOperation: operation => history.append(operation)}),
	});
	leaving.addEventListener('abort', load.stop, {once: true});
	if (leaving.aborted) load.stop();
	let seen = 0;
	if (isScreen) {
		seen = await openScreen(cluster, flags, {supervisor: null, startIn: 'batch', load});
		// Whoever left before the end has not long to wait for the summary.
		load.stop();
	}

	const end = await load.ended;
	leaving.removeEventListener('abort', load.stop);
	progress?.clear();
	await history?.close().catch((error: Error) => {
		throw new Failure(`--history: ${error.message}`, 1, {cause: error});
	});
	print(`${flags.json ? JSON.stringify(end.report) : summaryOf(end.report).join('\n')}\n`);
	// Its monitor saw replicas that hold different chats.
	if (seen !== 0) return seen;
	// Ctrl+C is a key of the screen, and a signal everywhere else.
	if (end.reason === 'aborted') return leaving.aborted ? (leaving.reason as number) : 130;
	return judge(end, timeoutMs / 1000);
}

/** Every message acknowledged, or the one line that says why not. */
function judge({report, reason, isReached, why, sentence}: BatchEnd, seconds: number): number {
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
			`${left}, then none for ${seconds} s (${sentence}); see \`paxos-chat monitor\` for who is missing`,
			4,
		);
	throw new Failure(`${left}; the first that was not: ${why ?? 'no reason given'}`);
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
