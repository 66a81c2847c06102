import type {MemoryClaim, ReplicaId} from '../consensus/types.ts';
import {lostMemory} from '../failure.ts';
import {isCount, isIncarnation} from '../value-text.ts';
import {type Files, failureOf, realFiles, writeAtomically} from './files.ts';
import {readPrivate} from './private-files.ts';
import {sealJson, unsealJson} from './sealed-json.ts';

const format = 3;
/** What is heard of the growth of a journal is on disk so late at most, in milliseconds: often enough for a backup of yesterday. */
const noteMs = 5000;

/**
 * What a peer was the last time: its memory, and how many groups of its journal
 * it had said to be durable; and the memories that the log has replaced since.
 */
type Known = {readonly incarnation: string; readonly groups: number; readonly replaced: readonly string[]};

/**
 * Which memory each peer had when this replica first met it, and how far its
 * journal was (rule R12). A peer that comes back with another memory, or with
 * less of it, has lost what it promised, and may say the opposite now. The file
 * lies beside this replica's own memory and goes with it.
 */
export class Acquaintances {
	readonly #path: string;
	readonly #files: Files;
	/** Durable, but for the latest growth of journals. */
	readonly #known: Map<ReplicaId, Known>;
	/** Being written. */
	readonly #pending = new Map<ReplicaId, Promise<void>>();
	/** The last write; they come one after the other. */
	#written: Promise<void> = Promise.resolve();
	#notedAt = Number.NEGATIVE_INFINITY;
	#isNews = false;

	private constructor(path: string, known: Map<ReplicaId, Known>, files: Files) {
		this.#path = path;
		this.#files = files;
		this.#known = known;
	}

	/** Of a replica that has met nobody yet. */
	static async create(path: string, files = realFiles): Promise<void> {
		await new Acquaintances(path, new Map(), files).#save(new Map());
	}

	/** Throws a Failure if the file is gone, or cannot be understood. */
	static async open(path: string, files = realFiles, read = readPrivate): Promise<Acquaintances> {
		const file = await read(path);
		if (!file) throw lostMemory(`${path} is gone: it said which memories the other replicas had`);
		const known = decode(file.text);
		if (!known) throw lostMemory(`${path} is damaged: it does not say which memories the other replicas had`);
		return new Acquaintances(path, known, files);
	}

	/** Undefined if this peer was never met, or that is not on disk yet. */
	remembered(peer: ReplicaId): MemoryClaim | undefined {
		const known = this.#known.get(peer);
		return known && {incarnation: known.incarnation, groups: known.groups, isNewcomer: false};
	}

	/** It is the memory that the peer had, and no older copy of it. */
	knows(peer: ReplicaId, {incarnation, groups}: MemoryClaim): boolean {
		const known = this.#known.get(peer);
		return known?.incarnation === incarnation && isNoOlderCopy(groups, known.groups);
	}

	/** How this differs from what the peer had, if its vote must not count. A newcomer may not have come here yet. */
	objection(peer: ReplicaId, memory: MemoryClaim): 'older' | 'another' | undefined {
		const known = this.#known.get(peer);
		if (!known || this.knows(peer, memory)) return undefined;
		if (known.incarnation === memory.incarnation) return 'older';
		return memory.isNewcomer && !known.replaced.includes(memory.incarnation) ? undefined : 'another';
	}

	/**
	 * Resolves with whether this is the peer that we know. If we did not know any,
	 * it is from now on, and that is durable. A newcomer is welcome, and remembered
	 * when the log has admitted it; but not one that the log has replaced. Rejects with a Failure of the disk.
	 */
	async meet(peer: ReplicaId, memory: MemoryClaim): Promise<boolean> {
		const {incarnation, isNewcomer, groups} = memory;
		const known = this.#known.get(peer);
		if (isNewcomer && known?.incarnation !== incarnation) return !known?.replaced.includes(incarnation);
		if (!known) {
			// Whoever else comes while the first meeting is being written waits for it, too.
			if (!this.#pending.has(peer)) {
				this.#written = this.#written.then(() => this.#introduce(peer, {incarnation, groups, replaced: []}));
				this.#pending.set(peer, this.#written);
			}

			await this.#pending.get(peer);
		}

		return this.knows(peer, memory);
	}

	/** How far the journal of a peer is by now. Rejects with a Failure of the disk. */
	async hear(peer: ReplicaId, {incarnation, groups}: MemoryClaim): Promise<void> {
		const known = this.#known.get(peer);
		if (known?.incarnation === incarnation && groups > known.groups) {
			this.#known.set(peer, {...known, groups});
			this.#isNews = true;
		}

		if (!this.#isNews || performance.now() - this.#notedAt < noteMs) return;
		this.#notedAt = performance.now();
		await this.#note();
	}

	/** The log says that the peer goes on with this memory, and with none before. Resolves when that is durable. */
	admit(peer: ReplicaId, incarnation: string): Promise<void> {
		this.#written = this.#written.then(async () => {
			const known = this.#known.get(peer);
			// Told again, as at every start.
			if (known?.incarnation === incarnation || known?.replaced.includes(incarnation)) return;
			const replaced = known ? [...known.replaced, known.incarnation] : [];
			await this.#write(peer, {incarnation, groups: 0, replaced});
		});
		return this.#written;
	}

	/** Waits for what is under way, and writes what is new. */
	async close(): Promise<void> {
		await this.#note();
	}

	#note(): Promise<void> {
		this.#written = this.#written.then(async () => {
			if (this.#isNews) await this.#save(this.#known);
		});
		return this.#written;
	}

	/** What the log has said meanwhile stands: this one may be the memory that was replaced. */
	async #introduce(peer: ReplicaId, known: Known): Promise<void> {
		if (this.#known.has(peer)) this.#pending.delete(peer);
		else await this.#write(peer, known);
	}

	async #write(peer: ReplicaId, known: Known): Promise<void> {
		await this.#save(new Map([...this.#known, [peer, known]]));
		this.#known.set(peer, known);
		this.#pending.delete(peer);
	}

	async #save(known: ReadonlyMap<ReplicaId, Known>): Promise<void> {
		this.#isNews = false;
		try {
			const text = sealJson({format, peers: Object.fromEntries(known)});
			await writeAtomically(this.#path, text, this.#files);
		} catch (error) {
			throw failureOf(this.#path, error);
		}
	}
}

/** What stands in `path` is not what a peer has met. */
export const memoryLost = (path: string, id: ReplicaId, peer: ReplicaId, objection: 'older' | 'another') =>
	lostMemory(
		`replica ${id} has lost its memory: replica ${peer} has met it with ${objection === 'older' ? 'more than is in' : 'another one than'} ${path}`,
	);

/** It has all groups that it was heard to have. The last group of a crash may be torn, and is not missed. */
export const isNoOlderCopy = (groups: number, heard: number): boolean => groups + 1 >= heard;

function decode(text: string): Map<ReplicaId, Known> | undefined {
	const {format: written, peers} = unsealJson(text) ?? {};
	if (written !== format || typeof peers !== 'object' || peers === null || Array.isArray(peers))
		return undefined;
	const known = new Map<ReplicaId, Known>();
	for (const [id, peer] of Object.entries(peers)) {
		if (!/^\d+$/.test(id) || !isCount(Number(id)) || typeof peer !== 'object' || peer === null)
			return undefined;
		const {incarnation, groups, replaced} = peer as Record<string, unknown>;
		if (!isIncarnation(incarnation) || !isCount(groups)) return undefined;
		if (!Array.isArray(replaced) || !replaced.every(isIncarnation)) return undefined;
		known.set(Number(id), {incarnation, groups, replaced});
	}

	return known;
}
