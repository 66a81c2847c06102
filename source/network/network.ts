import type {Message, ReplicaId} from '../consensus/types.ts';

/** The way to the other replicas. It may lose, delay, repeat and reorder; it never sends to this replica itself. */
export type Network = {
	/** To every other replica. */
	broadcast(messages: readonly Message[]): void;
	send(to: ReplicaId, messages: readonly Message[]): void;
};
