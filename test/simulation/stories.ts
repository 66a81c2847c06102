import type {ReplicaId} from '../../source/consensus/types.ts';
import {Client} from '../../source/simulator/client.ts';
import {calm, type Faults} from '../../source/simulator/faults.ts';
import {tick} from '../../source/simulator/machine.ts';
import {type Settings, World} from '../../source/simulator/world.ts';

/**
 * Short stories, each run from several seeds. A story sets the stage and says
 * what must not happen: somebody waits for an answer too long (in ticks), or
 * the view changes more often than it has to.
 */
export type Story = {
	readonly name: string;
	readonly n: number;
	/** At whom a client sits from the start. */
	readonly at?: readonly ReplicaId[];
	readonly options?: Partial<Settings>;
	readonly faults?: Partial<Faults>;
	/** Slots that replica 0 leaves out. */
	readonly skip?: readonly number[];
	/** Bounds: of every client's longest wait, and of the view in the end. */
	readonly wait?: number;
	readonly views?: number;
	/** Returns why it failed. */
	readonly play: (stage: Stage) => string | undefined;
};
type Stage = {readonly world: World; readonly clients: readonly Client[]};
type Bounds = Omit<Story, 'name' | 'n' | 'play'>;
type Play = (stage: Stage) => string | undefined;

/** 100 ticks, where a beat takes 3, patience 12, a stagger 8. */
const seconds = 1000;

const chat = ({world, clients}: Stage, time: number, pause = 300) => {
	for (const client of clients) client.chat(Number.POSITIVE_INFINITY, pause);
	world.run(time);
};
const settle = ({world, clients}: Stage) => {
	for (const client of clients) client.hush();
	world.run(2 * seconds);
};
const isSame = ({world}: Stage, ids: readonly ReplicaId[]) =>
	new Set(ids.map(id => world.machines[id]!.life?.log)).size === 1;
const lines = ({world}: Stage, id: ReplicaId) => world.machines[id]!.life!.chat.position;
const hangUp = ({world}: Stage, id: ReplicaId, peer: ReplicaId) =>
	world.machines[id]!.life!.host.disconnected(peer);
const all = (n: number) => Array.from({length: n}, (_, id) => id);

export const stories: readonly Story[] = [
	...[3, 5].flatMap(n => [
		...succession(n),
		...[0, 1, n - 1].flatMap(at => primaryThatDoesNotWork(n, at)),
		...[1, n - 1].flatMap(id => weakBackup(n, id)),
		...doubts(n),
		...returns(n),
		...debts(n),
		...brokenLinks(n),
	]),
	...partlyConnected(),
];

function tell(name: string, n: number, bounds: Bounds, play: Play): Story {
	return {name, n, play, ...bounds};
}

function succession(n: number): Story[] {
	const f = (n - 1) / 2;
	return [
		tell('kill the primary', n, {at: [n - 1], wait: 13, views: 1}, stage => {
			stage.world.crash(0);
			chat(stage, 2 * seconds);
			return stage.world.view === 1 ? undefined : `view ${stage.world.view}`;
		}),
		tell('kill it, unnoticed', n, {at: [n - 1], wait: 30, views: 1}, stage => {
			stage.world.crash(0, false);
			chat(stage, 2 * seconds);
			return undefined;
		}),
		tell('kill f in line at once', n, {at: [n - 1], wait: 13 + 8 * f, views: f}, stage => {
			for (let id = 0; id < f; id++) stage.world.crash(id);
			chat(stage, 2 * seconds);
			return undefined;
		}),
		tell('kill f, one after the other', n, {at: [n - 1], wait: 13, views: f}, stage => {
			for (let id = 0; id < f; id++) {
				stage.world.crash(id);
				chat(stage, 2 * seconds);
			}

			return undefined;
		}),
		tell('restart everything, often', n, {at: [1], views: 5}, stage => {
			const {world} = stage;
			for (let round = 1; round <= 5; round++) {
				chat(stage, seconds);
				for (const id of world.ids) world.crash(id, false);
				for (const machine of world.machines) machine.start();
				world.run(seconds);
				if (world.view !== round) return `view ${world.view} after ${round} restarts`;
			}

			return undefined;
		}),
	];
}

/** A primary that is there and does not do its work, with all clients at one replica. */
function primaryThatDoesNotWork(n: number, at: ReplicaId): Story[] {
	const f = (n - 1) / 2;
	const bounds = {at: [at], ...(at === 0 ? {} : {wait: 50, views: 1})};
	const after = (stage: Stage) => {
		chat(stage, 5 * seconds);
		const {answered} = stage.clients[0]!;
		return at !== 0 && answered < 10 ? `${answered} answers` : undefined;
	};
	const story = (name: string, break_: (world: World) => void) =>
		tell(`${name}, clients at ${at}`, n, bounds, stage => {
			break_(stage.world);
			return after(stage);
		});
	return [
		story('deaf primary', ({links, ids}) => links.sever(ids, [0])),
		story('mute primary', ({links, ids}) => links.sever([0], ids)),
		story('only heartbeats', ({links}) => links.grey.add(0)),
		story('stalled disk', ({machines}) => machines[0]!.stall()),
		story('hears f-1 only', ({links, ids}) => links.sever(ids.slice(f), [0])),
	];
}

/** A primary that works, and somebody whose return or weakness must not disturb it. */
function weakBackup(n: number, id: ReplicaId): Story[] {
	const elsewhere: [string, ReplicaId[]] = ['clients elsewhere', [0, n === 3 ? 3 - id : 2]];
	const places: [string, ReplicaId[]][] = [['nobody', []], ['clients at it', [id]], elsewhere];
	const settled = (stage: Stage) => {
		settle(stage);
		return isSame(stage, all(n)) ? undefined : 'logs differ';
	};
	return places.flatMap(([name, at]) => {
		const quiet = {at, views: 0};
		const unharmed = {...quiet, ...(at.includes(id) ? {} : {wait: 13})};
		return [
			tell(`${id} is cut off and returns, ${name}`, n, quiet, stage => {
				stage.world.links.isolate(id);
				chat(stage, 15 * seconds);
				stage.world.links.cut.clear();
				return settled(stage);
			}),
			tell(`${id} is deaf for ever, ${name}`, n, unharmed, stage => {
				stage.world.links.sever(stage.world.ids, [id]);
				chat(stage, 15 * seconds);
				const said = stage.clients.reduce((sum, client) => sum + client.said, 0);
				const slots = stage.world.checker.decided.size;
				return slots > said + 5 ? `${slots} slots for ${said} messages` : undefined;
			}),
			tell(`${id} is mute for ever, ${name}`, n, unharmed, stage => {
				stage.world.links.sever([id], stage.world.ids);
				chat(stage, 15 * seconds);
				return undefined;
			}),
			tell(`${id} restarts ten times, ${name}`, n, quiet, stage => {
				const {world} = stage;
				for (let round = 0; round < 10; round++) {
					world.crash(id);
					chat(stage, world.random.below(2 * seconds));
					world.machines[id]!.start();
					chat(stage, world.random.below(2 * seconds));
				}

				return settled(stage);
			}),
			tell(`the disk of ${id} stands still for 10 s, ${name}`, n, quiet, stage => {
				stage.world.machines[id]!.stall();
				chat(stage, 10 * seconds);
				stage.world.machines[id]!.resume();
				return settled(stage);
			}),
			tell(`${id} loses its connections, ${name}`, n, {at, views: 0, wait: 13}, stage => {
				for (let round = 0; round < 10; round++) {
					for (const peer of stage.world.ids) if (peer !== id) hangUp(stage, id, peer);
					chat(stage, seconds);
				}

				return settled(stage);
			}),
		];
	});
}

function doubts(n: number): Story[] {
	const f = (n - 1) / 2;
	return [
		tell('doubts of the dead do not count', n, {at: [0], views: 0, wait: 13}, stage => {
			for (const id of all(n).slice(n - f)) {
				hangUp(stage, id, 0);
				stage.world.run(8);
				stage.world.crash(id, false);
			}

			chat(stage, 5 * seconds);
			hangUp(stage, 1, 0);
			chat(stage, 5 * seconds);
			return undefined;
		}),
		tell('doubts that were taken back do not count', n, {at: [0], views: 0, wait: 13}, stage => {
			// Two beats after a doubt everybody has heard that it is gone; one tick later it would have faded anyway.
			for (let round = 0; round < 10; round++) {
				for (const id of all(n).slice(1)) {
					hangUp(stage, id, 0);
					stage.world.run(7 * tick);
				}
			}

			return undefined;
		}),
		tell(
			'disks that are slower than patience',
			n,
			{at: all(n), faults: {write: [250, 251]}, wait: 600},
			stage => {
				chat(stage, 60 * seconds);
				const answered = stage.clients.reduce((sum, client) => sum + client.answered, 0);
				return answered < 100 ? `${answered} answers` : undefined;
			},
		),
	];
}

function returns(n: number): Story[] {
	return [
		tell('the primary is cut off and returns', n, {at: [0, 1], views: 1}, stage => {
			stage.world.links.isolate(0);
			chat(stage, 15 * seconds);
			stage.world.links.cut.clear();
			settle(stage);
			return isSame(stage, all(n)) ? undefined : 'logs differ';
		}),
		tell('a candidate nobody heard returns', n, {at: [0], views: 1, wait: 20}, stage => {
			// Just then everybody doubts, and 1 takes view 1 to disk; but nobody hears of it.
			const {links, ids, machines} = stage.world;
			links.sever([1], ids);
			for (const id of ids) if (id > 0) hangUp(stage, id, 0);
			stage.world.run(30);
			links.isolate(1);
			if (machines[1]!.replica?.view !== 1) return 'no campaign';
			chat(stage, 15 * seconds);
			if (machines[0]!.replica?.view !== 0) return 'view 0 was left for nobody';
			links.cut.clear();
			chat(stage, 2 * seconds);
			settle(stage);
			if (stage.world.view !== 1) return `view ${stage.world.view}`;
			return isSame(stage, all(n)) ? undefined : 'logs differ';
		}),
	];
}

function debts(n: number): Story[] {
	const f = (n - 1) / 2;
	const crowd = all(f).flatMap(id => Array.from({length: 20}, () => id));
	return [
		tell('a hole, nobody waits elsewhere', n, {skip: [3], at: [0], views: 1, wait: 60}, stage => {
			stage.clients[0]!.chat(5, 300);
			stage.world.run(10 * seconds);
			return stage.clients[0]!.answered === 5 ? undefined : 'not closed';
		}),
		tell(
			'a hole that is shown by hand',
			n,
			{skip: [4], options: {holePatienceTicks: Number.POSITIVE_INFINITY}, at: [0, 1]},
			stage => {
				chat(stage, 20 * seconds);
				if (stage.world.view !== 0) return 'closed too early';
				stage.world.crash(0);
				stage.world.run(2 * seconds);
				const isClosed = isSame(stage, all(n).slice(1)) && stage.clients[1]!.answered >= 3;
				return isClosed ? undefined : 'not closed';
			},
		),
		tell('one is behind, the primary deaf', n, {at: [0], views: 0}, stage => {
			const {links, ids} = stage.world;
			links.sever(ids, [n - 1]);
			chat(stage, 5 * seconds);
			settle(stage);
			links.cut.clear();
			links.sever(ids, [0]);
			stage.world.run(10 * seconds);
			return isSame(stage, ids) ? undefined : 'still behind';
		}),
		tell('one is behind, only a deaf primary knows', n, {at: [0], views: 1}, stage => {
			// The votes of the others do not reach each other: they know what they voted for, not that it is decided.
			const {links, ids, world} = {
				...stage.world,
				links: stage.world.links,
				ids: stage.world.ids,
				world: stage.world,
			};
			const others = ids.slice(1);
			for (const id of others) links.sever([id], others);
			links.sever([0], [n - 1]);
			stage.clients[0]!.say();
			world.run(25);
			links.cut.clear();
			links.sever(ids, [0]);
			const length = lines(stage, 0);
			world.run(10 * seconds);
			if (length !== 1 || lines(stage, 1) !== 1) return `lengths ${length} and ${lines(stage, 1)}`;
			return isSame(stage, others) ? undefined : 'logs differ';
		}),
		tell('no majority, many clients', n, {at: crowd, options: {queueRequests: 8}, views: 1}, stage => {
			const {links, ids} = stage.world;
			for (const id of ids.slice(f)) if (id > 0) links.isolate(id);
			chat(stage, 20 * seconds);
			if (stage.world.busy === 0) return 'nobody is told to wait';
			links.cut.clear();
			stage.world.run(10 * seconds);
			return stage.clients.some(client => client.answered < 5) ? 'no way back' : undefined;
		}),
	];
}

/** One link is dead, or deaf on one side: everybody is served all the same, and the view stays put. */
function brokenLinks(n: number): Story[] {
	const pairs: [ReplicaId, ReplicaId][] = [
		[0, 1],
		[1, 2],
		[0, 2],
	];
	const served = {at: all(n), views: 1, wait: 60};
	return pairs.flatMap(([a, b]) => [
		tell(`no link ${a}-${b}`, n, served, stage => {
			stage.world.links.sever([a], [b]);
			stage.world.links.sever([b], [a]);
			chat(stage, 20 * seconds);
			return undefined;
		}),
		tell(`no link ${a}>${b}`, n, served, stage => {
			stage.world.links.sever([a], [b]);
			chat(stage, 20 * seconds);
			return undefined;
		}),
		tell(`no link ${b}>${a}`, n, served, stage => {
			stage.world.links.sever([b], [a]);
			chat(stage, 20 * seconds);
			return undefined;
		}),
		tell(`no link ${a}-${b}, one client at ${b}`, n, {...served, at: [b]}, stage => {
			stage.world.links.sever([a], [b]);
			stage.world.links.sever([b], [a]);
			stage.world.run(20 * seconds);
			chat(stage, 10 * seconds, 3 * seconds);
			return undefined;
		}),
		tell(`link ${a}-${b} flaps`, n, {at: all(n), views: 8, wait: 60}, stage => {
			const {links} = stage.world;
			for (let round = 0; round < 15; round++) {
				links.sever([a], [b]);
				links.sever([b], [a]);
				chat(stage, 0.3 * seconds);
				links.cut.clear();
				chat(stage, 0.7 * seconds);
			}

			return undefined;
		}),
	]);
}

/** Networks that are connected in part only (Ng and others, Omni-Paxos, section 2 and figure 1). */
function partlyConnected(): Story[] {
	const five = all(5);
	const linked = (name: string, n: number, bounds: Bounds, ...links: [ReplicaId, ReplicaId][]) =>
		tell(name, n, bounds, stage => {
			stage.world.links.connectOnly(...links);
			chat(stage, 40 * seconds);
			return undefined;
		});
	const star = (hub: ReplicaId, ids: readonly ReplicaId[]) =>
		ids.filter(id => id !== hub).map(id => [hub, id] as [ReplicaId, ReplicaId]);
	const chain = (ids: readonly ReplicaId[]) =>
		ids.slice(1).map((id, index) => [ids[index]!, id] as [ReplicaId, ReplicaId]);
	const chains = [
		[0, 1, 2, 3, 4],
		[2, 1, 0, 3, 4],
		[4, 3, 2, 1, 0],
		[1, 2, 0, 4, 3],
		[3, 0, 4, 1, 2],
	];
	const shortChains = [
		[0, 1, 2],
		[1, 0, 2],
		[0, 2, 1],
	];
	return [
		...[0, 1, 2, 4].map(hub =>
			linked(`quorum loss: all see ${hub} only`, 5, {at: five, views: 4, wait: 120}, ...star(hub, five)),
		),
		...[1, 2, 4].map(hub => {
			const at = five.filter(id => id !== hub && id > 0);
			return tell(
				`constrained: 0 is gone, all see ${hub}, which is behind`,
				5,
				{at, views: 4, wait: 120},
				stage => {
					stage.world.links.isolate(hub);
					chat(stage, 5 * seconds);
					stage.world.links.connectOnly(...star(hub, [hub, ...at]));
					chat(stage, 40 * seconds);
					return undefined;
				},
			);
		}),
		...chains.map(ids =>
			linked(`chained: ${ids.join('-')}`, 5, {at: ids, views: 3, wait: 150}, ...chain(ids)),
		),
		...shortChains.map(ids =>
			linked(`chained: ${ids.join('-')}`, 3, {at: ids, views: 1, wait: 60}, ...chain(ids)),
		),
		linked('ring', 5, {at: five, views: 3, wait: 150}, ...chain([0, 1, 2, 3, 4, 0])),
		tell('one-way ring, and a hub', 5, {at: five, views: 3, wait: 150}, stage => {
			stage.world.links.connectOnly(...star(2, five));
			for (const link of ['0>1', '1>3', '3>4', '4>0']) stage.world.links.cut.delete(link);
			chat(stage, 40 * seconds);
			return undefined;
		}),
	];
}

/** Undefined if all went well; otherwise why not. */
export function perform(
	{n, at = [], options = {}, faults = {}, skip = [], wait, views, play}: Story,
	seed: number,
) {
	const world = new World(seed, n, {...calm, ...faults}, options).begin(skip);
	const clients = at.map((id, index) => new Client(world, `client${index}`, () => id));
	try {
		world.run(100);
		if (!faults.write && (world.view !== 0 || world.leader !== 0)) return `starts with view ${world.view}`;
		for (const client of clients) client.open();
		world.run(500);
		const why = play({world, clients});
		if (why !== undefined) return why;
	} catch (error) {
		return (error as Error).message;
	}

	const slowest = Math.max(0, ...clients.map(client => client.patience)) / tick;
	if (wait !== undefined && slowest > wait) return `somebody waits ${slowest} ticks`;
	if (views !== undefined && world.view > views) return `view ${world.view}`;
	return undefined;
}
