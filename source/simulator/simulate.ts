import type {ReplicaId} from '../consensus/types.ts';
import {majorityOf} from '../consensus/views.ts';
import {Broken} from './checker.ts';
import {Client} from './client.ts';
import {calm, type Faults} from './faults.ts';
import {tick} from './machine.ts';
import {Random} from './random.ts';
import type {Trace} from './trace.ts';
import {heal, Meddler} from './trouble.ts';
import {type Settings, type Witness, World} from './world.ts';

/** What goes wrong while a run lasts. Then a majority is healed, and the others have something for ever. */
const mixes = {
	calm: {...calm, strikes: {skip: 0.0005}},
	lossy: {...calm, loss: 0.2, repeat: 0.1, late: 0.05, strikes: {amnesia: 0.002}},
	crashes: {
		...calm,
		loss: 0.05,
		repeat: 0.05,
		late: 0.05,
		strikes: {
			crash: 0.003,
			'crash in a write': 0.001,
			'crash in a checkpoint': 0.004,
			blackout: 0.0003,
			'sync error': 0.0005,
			'full disk': 0.0002,
			'lost directory': 0.0004,
			'old directory': 0.0003,
			'lost sectors': 0.0003,
			'garbled sector': 0.0003,
			'short write': 0.0003,
			'failed sync reads well': 0.0003,
			'flipped bit': 0.0003,
			'misdirected write': 0.0003,
			'damaged checkpoint': 0.0003,
			'old copy': 0.001,
			'hasty checkpoint': 0.005,
			'interrupted transfer': 0.002,
		},
	},
	cuts: {
		...calm,
		loss: 0.05,
		repeat: 0.05,
		late: 0.05,
		strikes: {
			mend: 0.0016,
			cut: 0.001,
			'one-way cut': 0.001,
			flap: 0.0005,
			'slow link': 0.0005,
			deafness: 0.0003,
			muteness: 0.0003,
			'quorum loss': 0.0003,
			constrained: 0.0003,
			chained: 0.0003,
			'interrupted transfer': 0.005,
			'hasty checkpoint': 0.005,
		},
	},
	stalls: {
		...calm,
		write: [0, 40],
		drift: 0.3,
		strikes: {'stalled disk': 0.003, 'slow disk': 0.001, pause: 0.002, glitch: 0.002, jump: 0.001},
	},
	memories: {
		...calm,
		loss: 0.05,
		repeat: 0.05,
		late: 0.05,
		strikes: {
			crash: 0.002,
			'crash in a write': 0.0005,
			'lost directory': 0.003,
			'flipped bit': 0.0005,
			'old copy': 0.001,
			'old directory': 0.002,
			'lost promise': 0.01,
			'early return': 0.03,
			'missed admission': 0.1,
			cut: 0.0005,
			'one-way cut': 0.0005,
			mend: 0.002,
			'quorum loss': 0.0005,
			'hasty checkpoint': 0.002,
			skip: 0.0003,
		},
	},
	all: {
		...calm,
		loss: 0.1,
		repeat: 0.05,
		late: 0.05,
		write: [0, 10],
		drift: 0.1,
		strikes: {
			crash: 0.002,
			'crash in a write': 0.0005,
			'crash in a checkpoint': 0.002,
			blackout: 0.0002,
			'sync error': 0.0002,
			'full disk': 0.0001,
			'stalled disk': 0.001,
			'slow disk': 0.0003,
			'lost directory': 0.0004,
			'old directory': 0.0003,
			'lost sectors': 0.0002,
			'garbled sector': 0.0002,
			'short write': 0.0002,
			'failed sync reads well': 0.0002,
			'flipped bit': 0.0002,
			'misdirected write': 0.0002,
			'damaged checkpoint': 0.0002,
			'old copy': 0.0005,
			pause: 0.0005,
			jump: 0.001,
			glitch: 0.001,
			mend: 0.0012,
			cut: 0.0005,
			'one-way cut': 0.001,
			flap: 0.0002,
			'slow link': 0.0002,
			deafness: 0.0002,
			muteness: 0.0002,
			'quorum loss': 0.0001,
			constrained: 0.0001,
			chained: 0.0001,
			'interrupted transfer': 0.002,
			'hasty checkpoint': 0.002,
			skip: 0.0005,
			amnesia: 0.001,
		},
	},
} as const satisfies Record<string, Faults>;
export type Mix = keyof typeof mixes;
export const mixNames = Object.keys(mixes) as Mix[];

/** Settings other than the usual ones. */
const variants = {
	usual: {},
	tight: {queueRequests: 2, batchRequests: 2, windowSlots: 1, retainBytes: 300, backlogBytes: 600},
	narrow: {windowSlots: 2, batchRequests: 1},
	quick: {heartbeatTicks: 1, patienceTicks: 4, staggerTicks: 4, startPatienceTicks: 4},
	patient: {heartbeatTicks: 2, patienceTicks: 30, staggerTicks: 6, holePatienceTicks: 2},
	pages: {batchBytes: 200, windowSlots: 64, backlogBytes: 2000},
	crowded: {sessions: 2},
} as const satisfies Record<string, Partial<Settings & {sessions: number}>>;
export type Variant = keyof typeof variants;

/** What a run is made of. The seed chooses whatever is not given. */
export type Choice = {
	readonly seed: number;
	readonly mix?: Mix;
	readonly variant?: Variant;
	/** 1, 3, 5 or 7. */
	readonly replicas?: number;
	/** Reads along. */
	readonly reader?: Trace['reader'];
	/** The report has a hash of all that happened. */
	readonly isHashed?: boolean;
	/** Watches the core of every replica. */
	readonly witness?: Witness;
};

export type Report = {
	readonly seed: number;
	readonly mix: Mix;
	readonly variant: Variant;
	readonly replicas: number;
	readonly ok: boolean;
	/** The theorem that broke, and how; null if none did. */
	readonly failure: string | null;
	/** What had to serve, and what was wrong with the others. */
	readonly core: readonly ReplicaId[];
	readonly wrong: readonly string[];
	/** Packets and requests that reached a replica, and faults that struck. Ticks do not count. */
	readonly events: number;
	readonly messages: number;
	readonly slots: number;
	readonly lines: number;
	/** Views entered in all, after the healing, and after the first answers since. */
	readonly views: {readonly all: number; readonly healing: number; readonly later: number};
	/** The longest wait for an answer after the healing, in ticks. */
	readonly slowest: number;
	readonly busy: number;
	/** Over all that was sent, written and executed; null unless it was asked for. */
	readonly hash: string | null;
	/** Situations that came up, and how often. */
	readonly sights: Readonly<Record<string, number>>;
};

/**
 * How much happens in the time of trouble of a run: enough for troubles to meet,
 * and no more, as many short runs see more than a few long ones. Of many
 * replicas much is heard in a short time, so that they need more of it.
 */
const leastEvents = 1000;
const mostEvents = (replicas: number) => 500 * (replicas + 1);
/** Times at which a client says something after the healing. */
const rounds = 3;

/** One run: trouble for a while, then a healed majority that must serve, while the others stay broken for ever. */
export function simulate(choice: Choice): Report {
	const {seed} = choice;
	// The mix goes by turns, so that a range of seeds holds as many runs of each.
	const mix = choice.mix ?? mixNames[seed % mixNames.length]!;
	const die = new Random(seed * 7919 + 1);
	const variant = die.pick(Object.keys(variants) as Variant[]);
	const replicas = die.pick([1, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 5, 5, 5, 5, 7, 7]);
	const checkpointSlots = die.pick([0, 3, 10, 25]);
	const run = new Run(
		{...choice, mix, variant: choice.variant ?? variant, replicas: choice.replicas ?? replicas},
		checkpointSlots,
	);
	return run.report();
}

type Looking = 'reader' | 'isHashed' | 'witness';
type Chosen = Required<Omit<Choice, Looking>> & Pick<Choice, Looking>;

class Run {
	readonly #choice: Chosen;
	readonly #world: World;
	readonly #clients: readonly Client[];
	#core: readonly ReplicaId[] = [];
	#wrong: readonly string[] = [];
	#healedIn = -1;
	#settledIn = -1;

	constructor(choice: Chosen, checkpointSlots: number) {
		this.#choice = choice;
		const faults = {...mixes[choice.mix], checkpointSlots};
		this.#world = new World(choice.seed, choice.replicas, faults, variants[choice.variant]);
		const {random, ids} = this.#world;
		const one = random.pick(ids);
		// Either everybody roams, or everybody talks to one replica.
		const where = random.chance(0.5) ? () => one : () => random.pick(ids);
		this.#clients = ['ada', 'bob', 'cyd'].map(name => new Client(this.#world, name, where));
	}

	report(): Report {
		const world = this.#world;
		world.trace.reader = this.#choice.reader;
		world.trace.isHashed = this.#choice.isHashed ?? false;
		world.witness = this.#choice.witness;
		const {seed, mix, variant, replicas} = this.#choice;
		let failure: string | null = null;
		try {
			world.begin();
			this.#suffer();
			this.#heal();
			this.#serve();
			this.#waitForDisks();
			this.#compare();
		} catch (error) {
			const text = error instanceof Broken ? error.message : String((error as Error).stack);
			const where = `seed ${seed} (${mix}, ${variant}, n=${replicas}) at tick ${world.clock.trim()}`;
			failure = `${text}; ${where}; again: paxos-chat simulate --seed ${seed} --verbose`;
		}

		const {view} = world;
		return {
			seed,
			mix,
			variant,
			replicas,
			ok: failure === null,
			failure,
			core: this.#core,
			wrong: this.#wrong,
			events: world.happenings,
			messages: [...world.links.sent.values()].reduce((sum, count) => sum + count, 0),
			slots: world.checker.decided.size,
			lines: world.checker.story.length - 1,
			views: {all: view, healing: this.#settledIn - this.#healedIn, later: view - this.#settledIn},
			slowest: Math.max(...this.#clients.map(({worst}) => worst)) / tick,
			busy: world.busy,
			hash: world.trace.hash,
			sights: Object.fromEntries(world.sights),
		};
	}

	#suffer() {
		const world = this.#world;
		// One replica alone has little to do but to listen.
		const pause = world.replicas === 1 ? 60 : 600;
		for (const client of this.#clients) client.chat(Number.POSITIVE_INFINITY, pause);
		const events = world.random.between(leastEvents, mostEvents(world.replicas));
		const meddler = new Meddler(world);
		while (world.happenings < events) world.run(100, meddler);
	}

	/** Liveness is owed to a connected majority, whatever the others go on doing. */
	#heal() {
		const world = this.#world;
		const {random} = world;
		// Whoever has lost its memory cannot help, but a learner among them has to be admitted.
		const ids = world.ids.filter(id => !world.machines[id]!.isLost);
		const learners = world.ids.filter(id => world.machines[id]!.isLearner);
		const majority = majorityOf(world.replicas);
		const size = random.between(majority, ids.length);
		while (ids.length > size) ids.splice(random.below(ids.length), 1);

		for (const id of learners) if (random.chance(0.7)) ids.push(id);
		this.#core = ids;
		this.#wrong = heal(world, ids);
		world.trace.add(
			'replica',
			() => `healed: ${ids.map(id => `r${id}`).join(' ')}; for ever: ${this.#wrong.join(', ') || 'nothing'}`,
		);
		this.#healedIn = world.view;
		const first = random.pick(ids);
		const isSticky = random.chance(0.5);
		for (const client of this.#clients) {
			client.hush();
			client.choose = isSticky ? () => first : () => random.pick(ids);
		}

		this.#waitForAnswers('after the healing');
		this.#settledIn = world.view;
		for (const client of this.#clients) client.worst = 0;
	}

	/** Now and then somebody says something, to any member of the core. */
	#serve() {
		const world = this.#world;
		const {random} = world;
		const isSticky = random.chance(0.5);
		for (let round = 0; round < rounds; round++) {
			world.run(random.below(500));
			for (const client of this.#clients) if (random.chance(0.7)) client.say();
			world.run(random.below(100));
			const next = random.pick(this.#core);
			if (isSticky) for (const client of this.#clients) if (!client.isWaiting) client.choose = () => next;
		}

		this.#waitForAnswers('although a majority is well');
		// A primary of which half is lost may have its turn now and then.
		if (world.view - this.#settledIn > 2 * world.replicas) {
			throw new Broken(
				'quiet views',
				`${world.view - this.#settledIn} view changes although a majority is well`,
			);
		}
	}

	/** Everybody in the core is to be as far as the others, and then to have a quiet while. */
	#waitForAnswers(when: string) {
		const world = this.#world;
		// Patience has grown up to sixteenfold in the time of trouble, and two broken primaries may come in a row.
		const end = world.events.now + 40 * world.options.patienceTicks * tick + 4000;
		const isBehind = (id: ReplicaId) =>
			world.machines[id]!.life!.chat.position < world.checker.story.length - 1 ||
			world.machines[id]!.replica!.membership.standing !== 'member';
		const isWaiting = () => this.#clients.some(client => client.isWaiting) || this.#core.some(isBehind);
		while (isWaiting() && world.events.now < end) world.run(20);
		const late = this.#clients.find(client => client.isWaiting);
		if (late) throw new Broken('liveness', `${late.name} has no answer ${when}`);
		const behind = this.#core.find(isBehind);
		if (behind !== undefined) throw new Broken('liveness', `r${behind} does not catch up ${when}`);
		world.run(200);
	}

	/** A write that began on a slow disk is as slow to its end, whatever has been mended since; and words wait behind it. */
	#waitForDisks() {
		const world = this.#world;
		const end = world.events.now + 2000;
		const isWriting = () => this.#core.some(id => world.machines[id]!.disk.isWriting);
		if (!isWriting()) return;
		while (isWriting() && world.events.now < end) world.run(20);
		world.run(200);
	}

	#compare() {
		const {machines, checker} = this.#world;
		for (const {id, life} of machines) if (life) checker.logIsComplete(id, life.chat.slot, life.log);
		for (const id of this.#core) {
			const {chat, host} = machines[id]!.life!;
			if (chat.position !== checker.story.length - 1) {
				throw new Broken(
					'liveness',
					`r${id} has executed ${chat.position} of ${checker.story.length - 1} lines`,
				);
			}

			const {standing} = host.replica.membership;
			if (standing !== 'member') throw new Broken('liveness', `r${id} is still a ${standing}`);
			const held = [...host.replica.waiting.values()].find(({request}) => chat.hasSettled(request));
			if (held) throw new Broken('liveness', `r${id} still holds "${held.request.text}", which is executed`);
		}

		const answered = this.#clients.reduce((sum, client) => sum + client.answered, 0);
		const unknown = this.#clients.reduce((sum, client) => sum + client.unknown, 0);
		const lines = checker.story.length - 1;
		if (lines < answered || lines > answered + unknown) {
			throw new Broken('exactly once', `${lines} lines for ${answered} answers and ${unknown} unknown`);
		}
	}
}
