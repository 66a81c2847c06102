import {type Event, initialModel, type Model, type Step} from '../../cli/tui/model.ts';
import type {Key} from '../../cli/tui/split-chunk.ts';
import {update} from '../../cli/tui/update/update.ts';
import type {World} from '../../cli/tui/world.ts';
import type {Line} from '../../source/chat/types.ts';
import type {ClientSnapshot, Pending} from '../../source/client/client-store.ts';
import type {MonitorSnapshot, Watched} from '../../source/client/monitor-store.ts';
import type {ReplicaId} from '../../source/consensus/types.ts';
import type {Status} from '../../source/network/events.ts';

export const noon = new Date(2026, 10, 23, 12, 0, 0).getTime();
export const ownClient = 'a'.repeat(32);
export const otherClient = 'b'.repeat(32);

export const lineOf = (position: number, change: Partial<Line> = {}): Line => ({
	position,
	slot: position + 1,
	client: otherClient,
	sequence: position,
	nick: 'bob',
	text: `message ${position}`,
	at: noon - 100_000 + position * 1000,
	...change,
});

export const pendingOf = (change: Partial<Pending> = {}): Pending => ({
	key: 1,
	client: ownClient,
	sequence: null,
	nick: 'alice',
	text: 'on its way',
	state: 'queued',
	replicas: [],
	retries: 0,
	since: noon,
	...change,
});

export function statusOf(id: ReplicaId, change: Partial<Status> = {}): Status {
	return {
		id,
		view: 6,
		leader: 1,
		role: id === 1 ? 'primary' : 'backup',
		isDoubting: false,
		accepted: 20,
		decided: 20,
		delivered: 20,
		holes: [],
		waiting: 0,
		skips: [],
		now: noon,
		executed: 20,
		messages: 19,
		hash: '7'.repeat(64),
		hashSlot: 20,
		since: 0,
		clients: 1,
		hears: [],
		faults: {loss: 0, isIsolated: false, dropped: 0},
		counts: {retriesAnswered: 0, viewsEntered: 1, noOps: 0},
		slots: {from: 1, states: 'E'.repeat(20), views: Array.from({length: 20}, () => 6)},
		...change,
	};
}

export const watchedOf = (id: ReplicaId, change: Partial<Watched> = {}): Watched => ({
	id,
	address: `127.0.0.1:${7100 + id}`,
	state: 'up',
	since: noon - 60_000,
	status: statusOf(id),
	heardAt: noon,
	roundTripMs: 3,
	isConnected: true,
	sentence: '',
	...change,
});

export const down = (id: ReplicaId): Watched =>
	watchedOf(id, {
		state: 'down',
		isConnected: false,
		roundTripMs: null,
		sentence: 'refused',
		since: noon - 120_000,
	});

export function worldOf(
	change: {
		readonly client?: Partial<ClientSnapshot>;
		readonly monitor?: Partial<MonitorSnapshot>;
		readonly about?: Partial<World['about']>;
		readonly columns?: number;
		readonly rows?: number;
		readonly now?: number;
	} = {},
): World {
	const replicas = change.monitor?.replicas ?? [0, 1, 2, 3, 4].map(id => watchedOf(id));
	return {
		client: {
			connection: {
				state: 'online',
				since: noon - 10_000,
				replica: 1,
				address: '127.0.0.1:7101',
				roundTripMs: 4,
				retryAt: null,
				sentence: 'online via r1',
			},
			weather: null,
			hasFaults: true,
			lines: [],
			position: 0,
			isLoading: false,
			pending: [],
			...change.client,
		},
		monitor: {
			agreement: {
				state: 'identical',
				comparedAt: 20,
				hashes: replicas.map(({id}) => ({id, hash: '7'.repeat(64)})),
				leftOut: [],
				sentence: 'identical up to slot 20 on r0 r1 r2 r3 r4',
			},
			throughput: {perSecond: 418, history: [1, 5, 9, 418]},
			notes: [],
			...change.monitor,
			replicas,
		},
		about: {
			replicas: replicas.length,
			f: (replicas.length - 1) / 2,
			client: ownClient,
			hasChat: true,
			isReadOnly: false,
			isAscii: false,
			ownsReplicas: false,
			noFaults: null,
			starting: null,
			...change.about,
		},
		columns: change.columns ?? 120,
		rows: change.rows ?? 36,
		now: change.now ?? noon,
	};
}

export const modelOf = (change: Partial<Model> = {}): Model => ({
	...initialModel({nick: 'alice', view: 'split', theme: 'dark', history: []}),
	...change,
});

/** Each word is a key by its name; words in quotes are typed. */
export function keysOf(script: string): readonly Key[] {
	return (script.match(/'[^']*'|\S+/g) ?? []).map(word =>
		word.startsWith("'") ? {text: word.slice(1, -1)} : /^[!-~]$/.test(word) ? {text: word} : {name: word},
	);
}

/** What comes of keys, one after the other. */
export function press(model: Model, script: string, world: World): Step {
	return follow(
		model,
		keysOf(script).map(key => ({type: 'key', key})),
		world,
	);
}

export function follow(model: Model, events: readonly Event[], world: World): Step {
	return events.reduce<Step>(
		(before, event) => {
			const {model: after, effects} = update(before.model, event, world);
			return {model: after, effects: [...before.effects, ...effects]};
		},
		{model, effects: []},
	);
}
