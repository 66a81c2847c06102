import type {ReplicaId} from './consensus/types.ts';

/** Where a replica is found: `host` is what the others dial, `bind` where it listens. */
export type Address = {
	readonly id: ReplicaId;
	readonly host: string;
	readonly port: number;
	readonly bind: string;
};

/** All of cluster.json, with defaults filled in. The keys stand flat at the top level of the file. */
export type Cluster = {
	/** How many replicas may be down. */
	readonly f: number;
	/** 2f + 1 of them, in order of id. */
	readonly replicas: readonly Address[];

	/** Length of a tick of the consensus core. */
	readonly tickMs: number;
	/** The beat at which every replica speaks up. */
	readonly heartbeatMs: number;
	/** How long a primary may be silent, or owe something, before it is doubted. */
	readonly patienceMs: number;
	/** How long the others leave view 0 to replica 0 at the very first start. */
	readonly startPatienceMs: number;
	/** How much longer each further replica in line waits before it campaigns. More than two beats. */
	readonly staggerMs: number;
	/** How long a hole may stay before the primary is doubted for it; 0: for ever. */
	readonly holePatienceMs: number;

	/** Slots that may be proposed beyond the executed mark. */
	readonly windowSlots: number;
	/** Most requests in a slot. */
	readonly batchRequests: number;
	/** A slot with this many bytes takes no more. */
	readonly batchBytes: number;
	/** Requests that a replica holds before it answers "busy". */
	readonly queueRequests: number;

	/** Size of a journal segment. */
	readonly segmentBytes: number;
	/** A checkpoint is made when the journal has grown by this much. */
	readonly checkpointBytes: number;

	/** Sessions that are remembered. The same on every replica, as it changes the replicated state. */
	readonly sessions: number;
	/** Connections of clients, monitors and administrators that a replica takes. */
	readonly connections: number;
};

export const defaults = {
	tickMs: 10,
	heartbeatMs: 100,
	patienceMs: 1000,
	startPatienceMs: 3000,
	staggerMs: 250,
	holePatienceMs: 3000,
	windowSlots: 64,
	batchRequests: 1000,
	batchBytes: 131_072,
	queueRequests: 20_000,
	segmentBytes: 8_388_608,
	checkpointBytes: 33_554_432,
	sessions: 10_000,
	connections: 4000,
} as const;
