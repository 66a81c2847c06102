/**
 * Judges what clients saw against what replicas executed. Every acknowledged
 * operation returned its position, so the order is given and only has to be
 * verified: one pass over the log, however many clients there were.
 *
 * The idea is that of a witness check for a linearizable append-only log. Points
 * t(p) with start(p) <= t(p) <= end(p) that increase with the position p exist if
 * and only if nothing at an earlier position was started after something at a
 * later position had returned. See `inRealTime`.
 */
import type {Line} from './chat/types.ts';
import type {ReplicaId, Slot} from './consensus/types.ts';

/** What one request came to, as its client saw it: a line of a `--history` file. */
export type Operation = {
	readonly client: string;
	/** 1, 2, 3… of this client; null if it failed before it had a number. A number whose message failed may be the next one's. */
	readonly sequence: number | null;
	readonly text: string;
	/** Milliseconds of the machine's monotonic clock, with fraction: comparable between processes of one machine. */
	readonly start: number;
	/** Null unless ok: an operation that nobody answered may take effect at any time. */
	readonly end: number | null;
	readonly position: number | null;
	readonly slot: Slot | null;
	/** `unknown`: it may or may not stand in the log. `failed`: it does not and never will. */
	readonly status: 'ok' | 'unknown' | 'failed';
};

/** The bytes of the chat.log of one replica. */
export type ReplicaLog = {readonly replica: ReplicaId; readonly bytes: Buffer};

/** Somebody saw the first `length` positions, between `start` and `end`. */
export type Read = {
	/** Who read. What one reader sees never shrinks. */
	readonly reader: string;
	readonly start: number;
	readonly end: number;
	readonly length: number;
	/** It must show all that was acknowledged before it began. A look at one replica that may lag need not. */
	readonly isFresh: boolean;
};

export type Rule = (typeof rules)[number]['name'];
export type Violation = {readonly rule: Rule; readonly text: string};
export type Verdict = {
	readonly ok: boolean;
	readonly operations: number;
	readonly acknowledged: number;
	readonly unknown: number;
	readonly failed: number;
	/** Lines of the longest log. */
	readonly length: number;
	/** Of every rule at most this many are kept: see `violationsKept`. */
	readonly violations: readonly Violation[];
	readonly violationsFound: number;
};

/** A broken log breaks a rule a million times; the first few say it all. */
export const violationsKept = 5;

/** All that the rules look at, brought into order once. */
type Case = {
	readonly operations: readonly Operation[];
	/** Those that share client and sequence with an earlier one, although both may stand in the log. */
	readonly repeated: readonly Operation[];
	readonly logs: readonly ReplicaLog[];
	readonly reads: readonly Read[];
	/** The longest log, line by line. */
	readonly lines: readonly Line[];
	/** What is wrong with the text of the longest log: its lines up to there are judged. */
	readonly damage: string | undefined;
	/** What was said under this name; nothing that failed. */
	find(client: string, sequence: number): Operation | undefined;
	/** What failed under this name. */
	findFailed(client: string, sequence: number): Operation | undefined;
};
type Complain = (sentence: string) => void;

/** The points of the check, in the order in which they are worth reading. */
const rules = [
	{name: 'prefixes', judge: everyLogIsAPrefixOfTheLongest},
	{name: 'well-formed', judge: linesAreWellFormed},
	{name: 'named-once', judge: operationsAreNamedOnce},
	{name: 'invoked', judge: everyLineWasSaid},
	{name: 'executed-once', judge: nothingIsExecutedTwice},
	{name: 'positions', judge: acknowledgedStandsWhereItWasTold},
	{name: 'failed-absent', judge: whatFailedIsAbsent},
	{name: 'real-time', judge: inRealTime},
	{name: 'session-order', judge: sequencesAreContiguous},
	{name: 'fresh-reads', judge: freshReadsSeeAllThatWasAcknowledged},
	{name: 'future-reads', judge: noReadSeesTheFuture},
	{name: 'shrinking-reads', judge: noReaderSeesLessThanBefore},
] as const satisfies ReadonlyArray<{name: string; judge: (given: Case, complain: Complain) => void}>;

/** Holds the histories of all clients (every client that spoke) against the logs of all replicas. Linear time. */
export function check(
	histories: ReadonlyArray<readonly Operation[]>,
	logs: readonly ReplicaLog[],
	reads: readonly Read[] = [],
): Verdict {
	const operations = histories.flat();
	const given = prepare(operations, logs, reads);
	const violations: Violation[] = [];
	let violationsFound = 0;
	for (const {name, judge} of rules) {
		let found = 0;
		judge(given, sentence => {
			if (found++ < violationsKept) violations.push({rule: name, text: sentence});
		});
		violationsFound += found;
	}

	const count = (status: Operation['status']) =>
		operations.reduce((sum, operation) => sum + Number(operation.status === status), 0);
	return {
		ok: violationsFound === 0,
		operations: operations.length,
		acknowledged: count('ok'),
		unknown: count('unknown'),
		failed: count('failed'),
		length: given.lines.length,
		violations,
		violationsFound,
	};
}

/** (1) At equal positions no two logs differ: each is, byte for byte, the beginning of the longest. */
function everyLogIsAPrefixOfTheLongest({logs}: Case, complain: Complain): void {
	const longest = longestOf(logs);
	if (longest === undefined) return;
	for (const log of logs) {
		const beginning = longest.bytes.subarray(0, log.bytes.length);
		if (beginning.equals(log.bytes)) continue;
		const line = firstDifferentLine(log.bytes, beginning);
		complain(`the logs of replica ${log.replica} and replica ${longest.replica} differ in line ${line}`);
	}
}

/** The log alone: whole lines, positions 1, 2, 3…, slots and times that never go back. */
function linesAreWellFormed({lines, damage}: Case, complain: Complain): void {
	let before: Line | undefined;
	for (const [index, line] of lines.entries()) {
		if (line.position !== index + 1) complain(`line ${index + 1} says that its position is ${line.position}`);
		if (before !== undefined && line.slot < before.slot)
			complain(`line ${index + 1} is of slot ${line.slot}, the line before it of slot ${before.slot}`);
		if (before !== undefined && line.at < before.at)
			complain(`line ${index + 1} was stamped before the line before it`);
		before = line;
	}

	if (damage !== undefined) complain(damage);
}

/** The histories alone: no two operations share client and sequence, and what is ok has an answer. */
function operationsAreNamedOnce({operations, repeated}: Case, complain: Complain): void {
	for (const operation of repeated) complain(`${nameOf(operation)} stands in the histories twice`);
	for (const operation of operations) {
		const {status, sequence, start, end, position, slot} = operation;
		const hasAnswer = [sequence, end, position, slot].every(part => part !== null);
		if (status === 'ok' && !hasAnswer) complain(`${nameOf(operation)} is said to be ok, without an answer`);
		if (end !== null && end < start) complain(`${nameOf(operation)} ended before it started`);
	}
}

/** (2) Each line is an operation that some client started, with the text that it said. */
function everyLineWasSaid({lines, find, findFailed}: Case, complain: Complain): void {
	for (const [index, line] of lines.entries()) {
		const operation = find(line.client, line.sequence) ?? findFailed(line.client, line.sequence);
		if (operation === undefined) complain(`position ${index + 1} holds ${nameOf(line)}, which nobody said`);
		else if (operation.text !== line.text)
			complain(`position ${index + 1} holds ${nameOf(line)} with another text than was said`);
	}
}

/** (2) Each operation stands in the log at most once. */
function nothingIsExecutedTwice({lines}: Case, complain: Complain): void {
	const seen = new Map<string, Set<number>>();
	for (const [index, {client, sequence}] of lines.entries()) {
		const sequences = seen.get(client) ?? new Set<number>();
		seen.set(client, sequences);
		if (sequences.has(sequence))
			complain(`position ${index + 1} holds ${nameOf({client, sequence})} once more`);
		sequences.add(sequence);
	}
}

/** (3) What was acknowledged stands at the position and in the slot that its client was told. */
function acknowledgedStandsWhereItWasTold({operations, lines}: Case, complain: Complain): void {
	for (const operation of operations) {
		if (operation.status !== 'ok' || operation.position === null) continue;
		const {client, sequence, position, slot} = operation;
		const line = lines[position - 1];
		if (line === undefined)
			complain(`${nameOf(operation)} was acknowledged at position ${position}, where the log has ended`);
		else if (line.client !== client || line.sequence !== sequence)
			complain(`${nameOf(operation)} was acknowledged at position ${position}, where ${nameOf(line)} stands`);
		else if (line.slot !== slot)
			complain(`${nameOf(operation)} was acknowledged in slot ${slot}, but stands in slot ${line.slot}`);
	}
}

/** (4) What failed for good is not in the log. */
function whatFailedIsAbsent({lines, findFailed}: Case, complain: Complain): void {
	for (const [index, line] of lines.entries()) {
		if (findFailed(line.client, line.sequence)?.text === line.text)
			complain(`${nameOf(line)} failed, but stands at position ${index + 1}`);
	}
}

/** (5) Nothing stands before something that had returned before it was started. An unknown outcome returns never. */
function inRealTime({lines, find}: Case, complain: Complain): void {
	let latest: Operation | undefined;
	for (const line of lines) {
		const operation = find(line.client, line.sequence);
		if (operation === undefined) continue;
		if (latest === undefined || operation.start > latest.start) latest = operation;
		if (endOf(operation) < latest.start)
			complain(
				`${nameOf(latest)} stands before ${nameOf(operation)}, but was started after that had been acknowledged`,
			);
	}
}

/** (6) The sequences of each client are 1, 2, 3… in the order of positions. */
function sequencesAreContiguous({lines}: Case, complain: Complain): void {
	const last = new Map<string, number>();
	for (const [index, {client, sequence}] of lines.entries()) {
		const before = last.get(client) ?? 0;
		if (sequence !== before + 1)
			complain(`position ${index + 1} holds ${nameOf({client, sequence})} after sequence ${before}`);
		last.set(client, sequence);
	}
}

/** (7) A fresh read shows every position that was acknowledged before it began. */
function freshReadsSeeAllThatWasAcknowledged({operations, reads}: Case, complain: Complain): void {
	const fresh = reads.filter(read => read.isFresh).sort((a, b) => a.start - b.start);
	if (fresh.length === 0) return;
	const acknowledged = operations.filter(isAcknowledged).sort((a, b) => a.end - b.end);
	let next = 0;
	let highest = 0;
	for (const read of fresh) {
		for (; next < acknowledged.length && acknowledged[next]!.end < read.start; next++)
			highest = Math.max(highest, acknowledged[next]!.position);
		if (read.length < highest)
			complain(`${read.reader} saw ${read.length} positions after position ${highest} had been acknowledged`);
	}
}

/** (7) What a read shows had been started before the read ended. */
function noReadSeesTheFuture({lines, reads, find}: Case, complain: Complain): void {
	let latest = Number.NEGATIVE_INFINITY;
	let position = 0;
	for (const read of [...reads].sort((a, b) => a.length - b.length)) {
		for (; position < Math.min(read.length, lines.length); position++) {
			const {client, sequence} = lines[position]!;
			latest = Math.max(latest, find(client, sequence)?.start ?? Number.NEGATIVE_INFINITY);
		}

		if (read.length > lines.length)
			complain(`${read.reader} saw ${read.length} positions, the longest log has ${lines.length}`);
		else if (latest > read.end)
			complain(`${read.reader} saw ${read.length} positions before the last of them had been said`);
	}
}

/** (7) What one reader sees only grows. */
function noReaderSeesLessThanBefore({reads}: Case, complain: Complain): void {
	const last = new Map<string, number>();
	for (const {reader, length} of [...reads].sort((a, b) => a.start - b.start)) {
		const before = last.get(reader) ?? 0;
		if (length < before) complain(`${reader} saw ${length} positions after it had seen ${before}`);
		last.set(reader, length);
	}
}

function prepare(
	operations: readonly Operation[],
	logs: readonly ReplicaLog[],
	reads: readonly Read[],
): Case {
	const said = new ByName();
	const failed = new ByName();
	const repeated: Operation[] = [];
	for (const operation of operations) {
		if (operation.status === 'failed') failed.add(operation);
		else if (!said.add(operation)) repeated.push(operation);
	}

	const {lines, damage} = parse(longestOf(logs));
	return {
		operations,
		repeated,
		logs,
		reads,
		lines,
		damage,
		find: (client, sequence) => said.find(client, sequence),
		findFailed: (client, sequence) => failed.find(client, sequence),
	};
}

/** Operations by client and sequence. */
class ByName {
	readonly #clients = new Map<string, Map<number | null, Operation>>();

	/** False if there is one of this name. */
	add(operation: Operation): boolean {
		const own = this.#clients.get(operation.client) ?? new Map<number | null, Operation>();
		this.#clients.set(operation.client, own);
		if (own.has(operation.sequence)) return false;
		own.set(operation.sequence, operation);
		return true;
	}

	find(client: string, sequence: number): Operation | undefined {
		return this.#clients.get(client)?.get(sequence);
	}
}

/** The lines of a log, up to the first that is not one. */
function parse(log: ReplicaLog | undefined): {lines: readonly Line[]; damage: string | undefined} {
	const lines: Line[] = [];
	if (log === undefined) return {lines, damage: undefined};
	const {replica, bytes} = log;
	for (let from = 0; from < bytes.length; ) {
		const end = bytes.indexOf(0x0a, from);
		const line = end === -1 ? undefined : readLine(bytes.toString('utf8', from, end));
		if (line === undefined)
			return {
				lines,
				damage: `line ${lines.length + 1} of replica ${replica} is not a whole line of a chat log`,
			};
		lines.push(line);
		from = end + 1;
	}

	return {lines, damage: undefined};
}

function readLine(text: string): Line | undefined {
	try {
		const line = JSON.parse(text) as Line;
		const {position, slot, client, sequence, nick, at} = line;
		const areNumbers = [position, slot, sequence, at].every(Number.isSafeInteger);
		const areTexts = [client, nick, line.text].every(part => typeof part === 'string');
		return areNumbers && areTexts ? line : undefined;
	} catch {
		return undefined;
	}
}

const longestOf = (logs: readonly ReplicaLog[]): ReplicaLog | undefined =>
	logs.reduce<ReplicaLog | undefined>(
		(longest, log) => (longest === undefined || log.bytes.length > longest.bytes.length ? log : longest),
		undefined,
	);

function firstDifferentLine(a: Buffer, b: Buffer): number {
	let line = 1;
	for (let index = 0; a[index] === b[index]; index++) if (a[index] === 0x0a) line++;
	return line;
}

type Acknowledged = Operation & {readonly end: number; readonly position: number};
const isAcknowledged = (operation: Operation): operation is Acknowledged =>
	operation.status === 'ok' && operation.end !== null && operation.position !== null;
const endOf = (operation: Operation): number =>
	isAcknowledged(operation) ? operation.end : Number.POSITIVE_INFINITY;
const nameOf = ({client, sequence}: {client: string; sequence: number | null}): string =>
	`message ${sequence ?? 'without number'} of client ${client.slice(0, 8)}`;
