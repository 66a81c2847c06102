import type {Admitted, Entry, Options, ReplicaId, Request, Slot, View} from '../consensus/types.ts';
import {noView} from '../consensus/views.ts';
import type {Watch} from '../host.ts';
import {Checker} from './checker.ts';
import type {Client} from './client.ts';
import {Events} from './events.ts';
import {calm, type Faults} from './faults.ts';
import {Links} from './links.ts';
import {type Leaving, Machine, tick} from './machine.ts';
import {Random} from './random.ts';
import {type Situation, Situations} from './situations.ts';
import {Trace} from './trace.ts';
import type {Meddler} from './trouble.ts';

export type Witness = (
	options: Options,
	entries: readonly Entry[],
	since: Slot,
	admitted: readonly Admitted[],
) => Watch;

/** Options of all replicas of a world. */
export type Settings = Omit<Options, 'id' | 'replicas' | 'incarnation' | 'isNewcomer' | 'skip'>;

export const settings: Settings = {
	heartbeatTicks: 3,
	patienceTicks: 12,
	startPatienceTicks: 36,
	staggerTicks: 8,
	holePatienceTicks: 12,
	windowSlots: 8,
	batchRequests: 8,
	batchBytes: 2000,
	queueRequests: 64,
	retainBytes: 0,
	backlogBytes: 1_000_000,
};

/** Unix milliseconds at the beginning of every world. */
const beginning = 1_790_000_000_000;

/** A whole cluster, its clients, its network, its disks and its clock, in one thread and from one seed. */
export class World {
	readonly random: Random;
	readonly events = new Events();
	readonly trace = new Trace(() => this.clock);
	/** Told how each life begins, it may watch every step of it. */
	witness: Witness | undefined;
	readonly checker: Checker;
	readonly replicas: number;
	readonly ids: readonly ReplicaId[];
	readonly machines: readonly Machine[];
	readonly links: Links;
	readonly clients = new Map<string, Client>();
	readonly options: Settings;
	/** How many sessions the chats remember. */
	readonly sessions: number;
	faults: Faults;
	/** How many requests found no room. */
	busy = 0;
	/** Packets and requests that reached a replica, and faults that struck. */
	happenings = 0;
	/** Situations that came up and faults that struck, and how often. */
	readonly sights = new Map<string, number>();
	readonly situations = new Situations(this);
	/** Lives that began with an older copy of their memory. */
	readonly olderCopies = new Set<number>();
	#lives = 0;

	constructor(
		seed: number,
		replicas: number,
		faults: Faults = calm,
		options: Partial<Settings & {sessions: number}> = {},
	) {
		this.random = new Random(seed);
		this.replicas = replicas;
		this.ids = Array.from({length: replicas}, (_, id) => id);
		this.faults = faults;
		const {sessions = 100, ...others} = options;
		this.sessions = sessions;
		this.options = {...settings, ...others};
		this.checker = new Checker(replicas);
		this.links = new Links(this);
		this.machines = this.ids.map(id => new Machine(this, id));
	}

	/** Starts all replicas; `skip` is what replica 0 is told to leave out. */
	begin(skip: readonly number[] = []): this {
		this.machines[0]!.skip = skip;
		for (const machine of this.machines) machine.start();
		return this;
	}

	nextLife(): number {
		return ++this.#lives;
	}

	/** The moment, in ticks, for people. */
	get clock(): string {
		return (this.events.now / tick).toFixed(1).padStart(7);
	}

	timeOfDay(id: ReplicaId): number {
		return beginning + this.events.now + this.machines[id]!.skew;
	}

	/** The highest view that anyone is in. */
	get view(): View {
		return Math.max(...this.machines.map(({replica}) => replica?.view ?? noView));
	}

	/** The replica that leads the highest view, if one does. */
	get leader(): ReplicaId | undefined {
		const {view} = this;
		return this.ids.find(id => {
			const {replica} = this.machines[id]!;
			return replica?.view === view && replica.proposer.phase === 'leading';
		});
	}

	see(situation: Situation | `fault: ${string}` | `a client was told ${string}` | `a crash ${string}`): void {
		this.sights.set(situation, (this.sights.get(situation) ?? 0) + 1);
	}

	/** A client asks a replica, if it is there. */
	submit(id: ReplicaId, request: Request): void {
		this.events.later(this.random.between(1, 3), () => this.machines[id]!.ask(request));
	}

	/** The others notice a closed connection after its last words, if those can reach them at all. */
	crash(id: ReplicaId, isNoticed = true, leaving?: Leaving): void {
		if (!this.machines[id]!.life) return;
		this.machines[id]!.crash(leaving);
		if (!isNoticed) return;
		for (const peer of this.ids) {
			if (peer === id || this.links.cut.has(`${id}>${peer}`)) continue;
			this.events.later(this.random.between(8, 15), () => this.machines[peer]!.disconnected(id));
		}
	}

	/** Lets `duration` units pass. With a `meddler`, the faults of this world strike now and then. */
	run(duration: number, meddler?: Meddler): void {
		const end = this.events.now + duration;
		while (this.events.step(end)) meddler?.onEvent();
		this.events.now = end;
	}
}
