import {Monitor} from '../client/monitor.ts';
import type {Cluster} from '../cluster.ts';
import type {ReplicaId, View} from '../consensus/types.ts';
import {monotonicMs} from '../history-file.ts';
import type {StampedNote, Status} from '../network/events.ts';
import {jumpsMs} from './clock.ts';
import type {Sample} from './evidence.ts';

/** What the replicas of a stage tell of themselves, each word with the life in which it was said. */
export class Lookout {
	/** In order of time. */
	readonly samples: Sample[] = [];
	/** The most lines that any replica told of. */
	highest = 0;
	/** The highest view that anybody has told of. */
	highestView: View = 0;
	readonly #monitor: Monitor;
	readonly #heardAt = new Map<ReplicaId, number>();
	/** When each life of each replica began, in Unix milliseconds: a status tells its own time, and so its life. */
	readonly #lives: number[][];
	/** How often the clock of each replica has jumped in its life. */
	readonly #jumps: number[];
	#unsubscribe: () => void = () => {};

	constructor(cluster: Cluster) {
		this.#monitor = new Monitor({cluster});
		this.#lives = cluster.replicas.map(() => []);
		this.#jumps = cluster.replicas.map(() => 0);
	}

	open(): void {
		this.#unsubscribe = this.#monitor.store.subscribe(() => this.#sample());
	}

	close(): void {
		this.#unsubscribe();
		this.#monitor.close();
	}

	get notes(): readonly StampedNote[] {
		return this.#monitor.store.getSnapshot().notes;
	}

	/** The last word of a replica in its present life. */
	status(id: ReplicaId): Status | undefined {
		const sample = this.samples.findLast(({status}) => status.id === id);
		return sample?.life === this.#lives[id]!.length ? sample.status : undefined;
	}

	/** A replica is being started. */
	beginLife(id: ReplicaId): void {
		this.#jumps[id] = 0;
		this.#lives[id]!.push(Date.now());
	}

	/** It listens. */
	dial(id: ReplicaId): void {
		this.#monitor.dial(id);
	}

	/** Its clock is about to jump; by how much. */
	nextJumpMs(id: ReplicaId): number {
		return jumpsMs[this.#jumps[id]!++ % jumpsMs.length]!;
	}

	/** When a status was made, by our own time of day: the clock of its replica may have jumped. */
	madeAt({id, now}: Status): number {
		const jumps = Array.from({length: this.#jumps[id]!}, (_, index) => jumpsMs[index % jumpsMs.length]!);
		return jumps.reduce((time, byMs) => time - byMs, now);
	}

	/** Writes down each new status. */
	#sample(): void {
		const at = monotonicMs();
		for (const {id, status, heardAt} of this.#monitor.store.getSnapshot().replicas) {
			if (status === null || heardAt === null || heardAt === this.#heardAt.get(id)) continue;
			this.#heardAt.set(id, heardAt);
			this.highest = Math.max(this.highest, status.messages);
			this.highestView = Math.max(this.highestView, status.view);
			const life = this.#lives[id]!.filter(began => began <= this.madeAt(status)).length;
			this.samples.push({at, life, status});
		}
	}
}
