import type {MemoryName, ReplicaId} from '../consensus/types.ts';
import {lostMemory} from '../failure.ts';
import {isCount, isIncarnation} from '../value-text.ts';
import {failureOf, writeAtomically} from './files.ts';
import {readPrivate} from './private-files.ts';
import {sealJson, unsealJson} from './sealed-json.ts';

const format = 1;

/**
 * Which memory each peer had when this replica first met it (rule R12). A peer
 * that comes back with another one has lost what it promised, and may say the
 * opposite now. The file lies beside this replica's own memory and goes with it.
 */
export class Acquaintances {
	readonly #path: string;
	/** Durable. */
	readonly #incarnations: Map<ReplicaId, string>;
	/** Being written. */
	readonly #pending = new Map<ReplicaId, Promise<void>>();
	/** The last write; they come one after the other. */
	#written: Promise<void> = Promise.resolve();

	private constructor(path: string, incarnations: Map<ReplicaId, string>) {
		this.#path = path;
		this.#incarnations = incarnations;
	}

	/** Throws a Failure if the file is there and cannot be understood. */
	static async open(path: string): Promise<Acquaintances> {
		const file = await readPrivate(path);
		const incarnations = file ? decode(file.text) : new Map();
		if (!incarnations)
			throw lostMemory(`${path} is damaged: it does not say which memories the other replicas had`);
		return new Acquaintances(path, incarnations);
	}

	/** Undefined if this peer was never met, or that is not on disk yet. */
	incarnationOf(peer: ReplicaId): string | undefined {
		return this.#incarnations.get(peer);
	}

	/**
	 * Resolves with whether this is the peer that we know. If we did not know any,
	 * it is from now on, and that is durable. A newcomer is welcome, and remembered
	 * when the log has admitted it. Rejects with a Failure of the disk.
	 */
	async meet(peer: ReplicaId, {incarnation, isNewcomer}: MemoryName): Promise<boolean> {
		if (isNewcomer) return true;
		if (!this.#incarnations.has(peer)) {
			// Whoever else comes while the first meeting is being written waits for it, too.
			if (!this.#pending.has(peer)) {
				this.#written = this.#written.then(() => this.#write(peer, incarnation));
				this.#pending.set(peer, this.#written);
			}

			await this.#pending.get(peer);
		}

		return this.#incarnations.get(peer) === incarnation;
	}

	/** The log says that the peer goes on with this memory, and with none before. Resolves when that is durable. */
	admit(peer: ReplicaId, incarnation: string): Promise<void> {
		this.#written = this.#written.then(async () => {
			if (this.#incarnations.get(peer) !== incarnation) await this.#write(peer, incarnation);
		});
		return this.#written;
	}

	/** Waits for what is under way. */
	async close(): Promise<void> {
		await this.#written;
	}

	async #write(peer: ReplicaId, incarnation: string): Promise<void> {
		const peers = Object.fromEntries([...this.#incarnations, [peer, incarnation]]);
		try {
			await writeAtomically(this.#path, sealJson({format, peers}));
		} catch (error) {
			throw failureOf(this.#path, error);
		}

		this.#incarnations.set(peer, incarnation);
		this.#pending.delete(peer);
	}
}

function decode(text: string): Map<ReplicaId, string> | undefined {
	const {format: written, peers} = unsealJson(text) ?? {};
	if (written !== format || typeof peers !== 'object' || peers === null || Array.isArray(peers))
		return undefined;
	const incarnations = new Map<ReplicaId, string>();
	for (const [id, incarnation] of Object.entries(peers)) {
		if (!/^\d+$/.test(id) || !isCount(Number(id)) || !isIncarnation(incarnation)) return undefined;
		incarnations.set(Number(id), incarnation);
	}

	return incarnations;
}
