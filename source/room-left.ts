import type {Cluster} from './cluster.ts';
import type {ReplicaId} from './consensus/types.ts';
import {noRoom} from './network/client-wire.ts';

export type RoomLeftOptions = {
	readonly id: ReplicaId;
	readonly cluster: Pick<Cluster, 'f' | 'reserveBytes'>;
	/** Bytes that can still be written to our disk. */
	measure(): Promise<number>;
	/** `hasRoom` is another: the others should know. */
	onChange(): void;
	/** A sentence for the operator, once for each change. */
	tell(text: string): void;
};

/**
 * What replicas know of the room on each other's disks. A replica whose disk
 * is really full ends. So that they do not all end at once, new messages are
 * refused before that: what is left then is enough for views, checkpoints and
 * the messages that are under way, and whoever reads is served.
 */
export class RoomLeft {
	/** The disks for which new messages are refused; none: they are taken. */
	full: readonly ReplicaId[] = [];
	readonly #options: RoomLeftOptions;
	/** Whether each replica has more than its reserve, as it said last; our own among them. */
	readonly #told = new Map<ReplicaId, boolean>();
	#isLooking = false;

	constructor(options: RoomLeftOptions) {
		this.#options = options;
		this.#told.set(options.id, true);
	}

	/** Our own disk has more than the reserve. */
	get hasRoom(): boolean {
		return this.#told.get(this.#options.id) === true;
	}

	/** Why new messages are refused, for people; undefined if they are taken. */
	get why(): string | undefined {
		return this.full.length === 0 ? undefined : noRoom(this.full, this.#options.cluster.f);
	}

	/** A disk that stands still is asked once, not once for each time that we look. Rejects with the error of the disk. */
	async look(): Promise<void> {
		const {id, cluster, measure, onChange, tell} = this.#options;
		const {reserveBytes} = cluster;
		if (reserveBytes === 0 || this.#isLooking) return;
		this.#isLooking = true;
		try {
			const left = await measure();
			const hasRoom = left >= reserveBytes;
			if (hasRoom === this.hasRoom) return;
			this.#told.set(id, hasRoom);
			onChange();
			tell(
				hasRoom
					? `its disk has room again: ${left} bytes`
					: `its disk has ${left} bytes left, less than reserveBytes (${reserveBytes}): make room there`,
			);
		} finally {
			this.#isLooking = false;
		}
	}

	hear(peer: ReplicaId, hasRoom: boolean) {
		this.#told.set(peer, hasRoom);
	}

	/**
	 * New messages are refused while somebody who takes part has said that his disk is nearly full, and fewer
	 * than f + 1 of those who take part have said that theirs is not. `voters`: who takes part, we among them.
	 */
	judge(voters: readonly ReplicaId[]) {
		const before = this.why;
		const full = voters.filter(id => this.#told.get(id) === false);
		const withRoom = voters.filter(id => this.#told.get(id) === true);
		this.full = withRoom.length > this.#options.cluster.f ? [] : full.toSorted((one, other) => one - other);
		const {why} = this;
		if (why !== before)
			this.#options.tell(why === undefined ? 'takes new messages again' : `takes no new messages: ${why}`);
	}
}
