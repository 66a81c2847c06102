import {createHash} from 'node:crypto';
import {existsSync} from 'node:fs';
import {type FileHandle, open, readdir} from 'node:fs/promises';
import {join} from 'node:path';
import {digestOf} from '../chat/chat-state.ts';
import {chain, chainStart} from '../chat/hash-chain.ts';
import {linesOf, readAt} from '../chat/log-lines.ts';
import {defaults} from '../cluster.ts';
import type {MemoryClaim, ReplicaId, Slot} from '../consensus/types.ts';
import {Failure} from '../failure.ts';
import {Acquaintances, memoryLost} from './acquaintances.ts';
import {type Checkpoint, previousOf, readCheckpoint} from './checkpoint.ts';
import {claim} from './claim.ts';
import {replicaPath} from './directory.ts';
import {failureOf, isMissing} from './files.ts';
import {membersPath, readMembers} from './members.ts';
import {checkMeta, readMeta} from './meta.ts';
import {firstForeignByte} from './rebuilt-lines.ts';
import {type Recovered, recover} from './recovery.ts';
import {clusterOf, readSecret, secretPath} from './secret.ts';

export type Verification = {
	/** Nothing is damaged or missing, and the logs agree. */
	readonly ok: boolean;
	/** Two logs hold different lines at one position. */
	readonly diverged: boolean;
	readonly divergence: Divergence | null;
	/** What is wrong with DATA itself. */
	readonly problems: readonly string[];
	readonly replicas: readonly ReplicaVerification[];
};

/** The first position at which the logs of two replicas differ. */
export type Divergence = {readonly position: number; readonly replicas: readonly [ReplicaId, ReplicaId]};

export type ReplicaVerification = {
	readonly id: ReplicaId;
	readonly ok: boolean;
	/** One line each: file, place and what is wrong. */
	readonly problems: readonly string[];
	/** A process owns the directory now: what it is just writing looks unfinished. */
	readonly isRunning: boolean;
	readonly journal: {
		readonly entries: number;
		readonly groups: number;
		readonly bytes: number;
		/** Where a crash left an unfinished write. It is cut at the next start, and no loss. */
		readonly tornAt: {readonly path: string; readonly offset: number} | null;
	} | null;
	readonly checkpoint: {
		readonly slot: Slot;
		readonly position: number;
		readonly hash: string;
		readonly sessions: number;
		/** Of the whole state: equal after equal slots on all replicas. */
		readonly digest: string;
	} | null;
	readonly log: {
		readonly messages: number;
		/** Of whole lines; what follows is unfinished. */
		readonly bytes: number;
		readonly sha256: string;
		/** The slot of the last line, and the hash chain after it, computed from the lines. */
		readonly hashSlot: Slot;
		readonly hash: string;
	} | null;
};

/**
 * Reads everything in DATA, changes nothing, and says what is wrong. Throws a
 * Failure if no replica has ever lived there. `sessions`: how many the chat
 * remembers, as the file of the cluster says it.
 */
export async function verify(data: string, sessions: number = defaults.sessions): Promise<Verification> {
	const found = await replicasIn(data);
	const {members, cluster, problems} = await readCluster(data, found.length > 0);
	for (const id of members.filter(id => !found.includes(id)))
		problems.push(`${replicaPath(data, id)} is gone, and with it the memory of replica ${id}`);
	if (found.length === 0 && problems.length === 0)
		throw new Failure(`${data}: no replica has lived here; name the directory with --data`, 2);

	const looks: Look[] = [];
	for (const id of found) looks.push(await lookAt(data, id, cluster, sessions));
	const replicas = looks.map(({replica}) => replica);
	problems.push(...differentStates(replicas), ...otherMemories(data, looks));
	const divergence = await findDivergence(data, replicas);
	const ok = problems.length === 0 && divergence === null && replicas.every(replica => replica.ok);
	return {ok, diverged: divergence !== null, divergence, problems, replicas};
}

async function replicasIn(data: string): Promise<ReplicaId[]> {
	try {
		const names = await readdir(data);
		const ids = names.map(name => /^replica-(\d+)$/.exec(name)?.[1]).filter(id => id !== undefined);
		return ids.map(Number).sort((a, b) => a - b);
	} catch (error) {
		if (isMissing(error)) return [];
		throw failureOf(data, error);
	}
}

async function readCluster(data: string, isInhabited: boolean) {
	const problems: string[] = [];
	let members: readonly ReplicaId[] = [];
	let cluster: string | undefined;
	await note(problems, data, async () => {
		const secret = await readSecret(data);
		if (!secret) {
			if (isInhabited || existsSync(membersPath(data)))
				problems.push(
					`${secretPath(data)} is missing, and no replica starts without it: copy it again from another machine of the cluster`,
				);
			return;
		}

		cluster = clusterOf(secret);
		members = await readMembers(data, cluster);
	});
	return {members, cluster, problems};
}

type Look = {
	readonly replica: ReplicaVerification;
	/** What the others have to say about; undefined while it grows, or if it cannot be read. */
	readonly memory: MemoryClaim | undefined;
	readonly acquaintances: Acquaintances | undefined;
};

async function lookAt(
	data: string,
	id: ReplicaId,
	cluster: string | undefined,
	sessions: number,
): Promise<Look> {
	const path = replicaPath(data, id);
	const problems: string[] = [];
	const release = await claim(path);
	const isRunning = release === undefined;
	try {
		const meta = await note(problems, path, async () => {
			const meta = await readMeta(path);
			checkMeta(path, meta, {id, cluster: cluster ?? meta.cluster, replicas: meta.replicas});
			return meta;
		});
		const journal = await note(problems, path, () => readJournal(join(path, 'journal'), isRunning));
		// It writes them while it is read.
		if (journal?.blemish && !isRunning) problems.push(journal.blemish);
		const acquaintances = await note(problems, path, () => Acquaintances.open(join(path, 'peers')));
		const newest = join(path, 'checkpoint');
		const found = await note(problems, path, () => readCheckpoint(newest));
		const previous = await note(problems, path, () => readCheckpoint(previousOf(newest)));
		const checkpoint = found ?? previous;
		if (journal && (checkpoint?.slot ?? 0) < journal.since)
			problems.push(`${newest}: it is missing or too old, the journal begins after slot ${journal.since}`);
		const chatLog = join(path, 'chat.log');
		const log = await note(problems, path, () => readLog(chatLog, checkpoint, problems));
		if (journal && log?.isLegible) {
			const at = await note(problems, path, () =>
				firstForeignByte(chatLog, checkpoint, journal.entries, sessions),
			);
			if (at !== undefined) problems.push(damage(chatLog, at, foreign(checkpoint), checkpoint));
		}

		const replica = {
			id,
			ok: problems.length === 0,
			problems,
			isRunning,
			journal: journal ? summaryOf(journal) : null,
			checkpoint: checkpoint
				? {
						slot: checkpoint.slot,
						position: checkpoint.position,
						hash: checkpoint.hash,
						sessions: checkpoint.sessions.length,
						digest: digestOf(checkpoint),
					}
				: null,
			log: log?.summary ?? null,
		};
		const groups = journal?.last?.number;
		const memory = meta && groups !== undefined && !isRunning ? {...meta, groups} : undefined;
		return {replica, memory, acquaintances};
	} finally {
		await release?.();
	}
}

/** The chat logs may agree while the sessions do not: each replica is compared with the first one that stopped at its slot. */
function differentStates(replicas: readonly ReplicaVerification[]): string[] {
	return replicas.flatMap(({id, checkpoint}) => {
		const first = replicas.find(other => other.checkpoint?.slot === checkpoint?.slot);
		return !checkpoint || first?.checkpoint?.digest === checkpoint.digest
			? []
			: `the checkpoints of r${first?.id} and r${id} after slot ${checkpoint.slot} differ: the sessions of one are damaged`;
	});
}

/** Each says which memories it has met, and how much was in them (rule R12): an older copy is sound in itself. */
function otherMemories(data: string, looks: readonly Look[]): string[] {
	return looks.flatMap(({replica: {id}, memory}) => {
		if (!memory) return [];
		const path = replicaPath(data, id);
		return looks.flatMap(({replica: {id: peer}, acquaintances}) => {
			const objection = peer === id ? undefined : acquaintances?.objection(id, memory);
			return objection ? memoryLost(path, id, peer, objection).message : [];
		});
	});
}

const summaryOf = ({entries, groups, bytes, tornAt}: Recovered) => ({
	entries: entries.length,
	groups,
	bytes,
	tornAt: tornAt ?? null,
});

/** Reading beside a writer can catch it between two steps: then it is read again. */
async function readJournal(directory: string, isRunning: boolean): Promise<Recovered> {
	for (let tries = isRunning ? 5 : 1; ; tries--) {
		try {
			const recovered = await recover(directory);
			if (!recovered.last) throw new Failure(`${directory}: the journal is empty, the memory is gone`);
			return recovered;
		} catch (error) {
			if (tries === 1) throw error;
		}
	}
}

/** Walks all lines: positions without gaps, slots and times in order, the hash of the checkpoint at its slot. */
async function readLog(path: string, checkpoint: Checkpoint | undefined, problems: string[]) {
	const walk = new LogWalk(checkpoint);
	let isBroken = false;
	let isThere = true;
	try {
		for await (const {start, text, line} of linesOf(path)) {
			if (!text.endsWith('\n')) break;
			const problem = line
				? walk.take(text, line.position, line.slot, line.at)
				: 'there is no line as it should be';
			if (problem) {
				problems.push(damage(path, start, problem, checkpoint));
				isBroken = true;
				break;
			}
		}
	} catch (error) {
		if (!isMissing(error)) throw error;
		if (!checkpoint) return undefined;
		isThere = false;
	}

	const problem = walk.finish();
	// Of what comes after the damage nothing is known.
	if (problem && !isBroken) problems.push(`${path}: ${problem}`);
	return {summary: walk.result(), isLegible: isThere && !isBroken};
}

/** Lines that follow from a state that is not the one they were said in are others, too. */
const foreign = (checkpoint: Checkpoint | undefined) =>
	checkpoint
		? 'or else the sessions of the checkpoint are: with them the journal leads to other bytes'
		: 'the journal leads to other bytes';

function damage(path: string, start: number, problem: string, checkpoint: Checkpoint | undefined): string {
	const isRepaired = start >= (checkpoint?.bytes ?? 0);
	const next = isRepaired ? '; behind the checkpoint: the next start writes it again from the journal' : '';
	return `${path}: damaged at byte ${start}, ${problem}${next}`;
}

/** Far more slots without a line than any cluster leaves: a slot beyond is damage, and not worth the hashing. */
const widestGap = 1_000_000;

class LogWalk {
	readonly #checkpoint: Checkpoint | undefined;
	readonly #sha256 = createHash('sha256');
	#position = 0;
	#bytes = 0;
	#at = 0;
	/** The hash chain after all slots before this one, whose lines so far are `text`. */
	#slot: Slot = 0;
	#text = '';
	#hash: Buffer = chainStart;
	#isCompared = false;
	#mismatch = '';

	constructor(checkpoint: Checkpoint | undefined) {
		this.#checkpoint = checkpoint;
	}

	/** What is wrong with the next line. */
	take(text: string, position: number, slot: Slot, at: number): string | undefined {
		if (position !== this.#position + 1) return `position ${position} follows position ${this.#position}`;
		if (slot < this.#slot || slot === 0 || slot > this.#slot + widestGap)
			return `slot ${slot} follows slot ${this.#slot}`;
		if (at < this.#at) return `position ${position} is older than the one before it`;
		if (slot > this.#slot) this.#advance(slot);
		this.#text += text;
		this.#position = position;
		this.#at = at;
		this.#bytes += Buffer.byteLength(text);
		this.#sha256.update(text);
		return undefined;
	}

	/** What is wrong with the whole. */
	finish(): string | undefined {
		const {slot = 0, bytes = 0, position = 0} = this.#checkpoint ?? {};
		if (this.#bytes < bytes)
			return `it ends at byte ${this.#bytes}, and the checkpoint names ${bytes} bytes and ${position} lines`;
		this.#close();
		if (!this.#isCompared && this.#checkpoint) {
			const {hash} = this;
			for (let next = this.#slot + 1; next <= slot; next++) this.#hash = chain(this.#hash, next, '');
			this.#compare(this.#hash);
			this.#hash = Buffer.from(hash, 'hex');
		}
		return this.#mismatch || undefined;
	}

	get hash(): string {
		return this.#hash.toString('hex');
	}

	result() {
		return {
			messages: this.#position,
			bytes: this.#bytes,
			sha256: this.#sha256.digest('hex'),
			hashSlot: this.#slot,
			hash: this.hash,
		};
	}

	/** Takes the slot of the lines so far into the hash chain, and all empty ones up to before this one. */
	#advance(slot: Slot): void {
		this.#close();
		for (let next = this.#slot + 1; next < slot; next++) {
			this.#hash = chain(this.#hash, next, '');
			if (next === this.#checkpoint?.slot) this.#compare(this.#hash);
		}
		this.#slot = slot;
	}

	#close(): void {
		if (this.#slot === 0) return;
		this.#hash = chain(this.#hash, this.#slot, this.#text);
		this.#text = '';
		if (this.#slot === this.#checkpoint?.slot) this.#compare(this.#hash);
	}

	#compare(hash: Buffer): void {
		const {slot, hash: expected, bytes, position} = this.#checkpoint!;
		this.#isCompared = true;
		if (this.#bytes !== bytes || this.#position !== position)
			this.#mismatch = `${this.#position} lines and ${this.#bytes} bytes up to slot ${slot}, and the checkpoint names ${position} and ${bytes}`;
		else if (hash.toString('hex') !== expected)
			this.#mismatch = `its lines up to slot ${slot} do not have the hash that the checkpoint names`;
	}
}

/** Of two logs one must be the beginning of the other: each is compared with the longest. */
async function findDivergence(
	data: string,
	replicas: readonly ReplicaVerification[],
): Promise<Divergence | null> {
	const logs = replicas.flatMap(({id, log}) => (log && log.bytes > 0 ? [{id, bytes: log.bytes}] : []));
	const longest = logs.reduce((a, b) => (b.bytes > a.bytes ? b : a), logs[0] ?? {id: 0, bytes: 0});
	let first: Divergence | null = null;
	for (const {id, bytes} of logs) {
		if (id === longest.id) continue;
		const position = await firstDifference(logPath(data, longest.id), logPath(data, id), bytes);
		if (position !== undefined && (first === null || position < first.position))
			first = {position, replicas: [longest.id, id]};
	}
	return first;
}

const logPath = (data: string, id: ReplicaId) => join(replicaPath(data, id), 'chat.log');
const chunkBytes = 1_048_576;

/** The position of the line in which two files differ within their first `bytes` bytes. */
async function firstDifference(one: string, other: string, bytes: number): Promise<number | undefined> {
	const files: FileHandle[] = [];
	try {
		const a = await open(one, 'r');
		files.push(a);
		const b = await open(other, 'r');
		files.push(b);
		let lines = 0;
		for (let offset = 0; offset < bytes; offset += chunkBytes) {
			const length = Math.min(chunkBytes, bytes - offset);
			const left = await readAt(a, offset, length);
			const right = await readAt(b, offset, length);
			const isEqual = left.equals(right);
			for (let at = 0; at < left.length; at++) {
				if (!isEqual && left[at] !== right[at]) return lines + 1;
				if (left[at] === 10) lines++;
			}
		}
		return undefined;
	} finally {
		for (const file of files) await file.close();
	}
}

/** What goes wrong in a step becomes a line of the report; the others go on. */
async function note<Result>(
	problems: string[],
	path: string,
	step: () => Promise<Result>,
): Promise<Result | undefined> {
	try {
		return await step();
	} catch (error) {
		problems.push(failureOf(path, error).message);
		return undefined;
	}
}
