import {Client} from '../../source/client/client.ts';
import {Monitor} from '../../source/client/monitor.ts';
import {safeLine} from '../../source/safe-text.ts';
import {type RunningLoad, startLoad} from '../load.ts';
import {tell} from '../output.ts';
import type {ScreenOptions} from '../screen.ts';
import {summaryOf} from '../summary.ts';
import {type Batch, type Effect, type Event, initialModel} from './model.ts';
import {editText, FaultConsole, HistoryFile, saveText} from './ports.ts';
import {Screen} from './screen.ts';
import {Stage} from './stage.tsx';

/** Lines of history that are there from the start; more come when the reader scrolls back. */
const firstLines = 500;
/** How often the picture of a load is renewed. */
const loadMs = 250;
/** A load from the chat gives up when nothing was acknowledged for so long. */
const loadTimeoutMs = 120_000;

/** Opens the full screen. Resolves with the exit code when the user has left it. */
export async function runScreen(options: ScreenOptions): Promise<number> {
	const app = new App(options);
	return app.run();
}

class App {
	readonly #options: ScreenOptions;
	readonly #client: Client;
	readonly #monitor: Monitor;
	readonly #console: FaultConsole;
	readonly #history = new HistoryFile();
	readonly #left = Promise.withResolvers<void>();
	#session: ReturnType<Client['session']>;
	#screen: Screen | null = null;
	#stage: Stage | null = null;
	#load: RunningLoad | null = null;

	constructor(options: ScreenOptions) {
		const {cluster, via, nick, dataDirectory, supervisor} = options;
		this.#options = options;
		this.#client = new Client({
			cluster,
			...(via === null ? {} : {via}),
			follow: options.startIn === 'batch' ? null : {last: firstLines},
		});
		this.#session = this.#client.session(nick);
		this.#monitor = new Monitor({cluster});
		this.#console = new FaultConsole(cluster, dataDirectory, this.#monitor.store, supervisor);
	}

	async run(): Promise<number> {
		const {cluster, nick, isReadOnly, isAscii, colour, supervisor, startIn, leaving, starting, load} =
			this.#options;
		const screen = new Screen({
			client: this.#client.store,
			monitor: this.#monitor.store,
			about: {
				replicas: cluster.replicas.length,
				f: cluster.f,
				client: this.#session.client,
				hasChat: startIn !== 'batch',
				isReadOnly,
				isAscii,
				ownsReplicas: supervisor !== null,
				noFaults: 'not ready yet: a moment',
				starting: starting === undefined ? null : 'looking for replicas',
			},
			model: {
				...initialModel({
					nick,
					view: startIn === 'chat' ? 'split' : startIn,
					theme: colour ? 'dark' : 'mono',
					history: await this.#history.read(),
				}),
				...(load === undefined ? {} : {batch: batchOf(load)}),
			},
			size: sizeOf,
			perform: effect => this.#perform(effect),
			fail: error => this.#left.reject(error),
		});
		this.#screen = screen;
		const leave = () => this.#left.resolve();
		leaving.addEventListener('abort', leave, {once: true});
		if (leaving.aborted) leave();
		const stage = new Stage(screen);
		this.#stage = stage;
		if (load !== undefined) void this.#watch(load, screen).then(leave, error => this.#left.reject(error));
		try {
			const shown = stage.open();
			const started = this.#start(screen, shown);
			await Promise.race([this.#left.promise, stage.ended, started.then(() => this.#left.promise)]);
		} finally {
			leaving.removeEventListener('abort', leave);
			await this.#close(screen);
		}

		return screen.model.sawDivergence ? 5 : 0;
	}

	/** Replicas of our own, if none answers. That they cannot be started ends the screen, with the reason. */
	async #start(screen: Screen, shown: Promise<void>): Promise<void> {
		const {starting} = this.#options;
		if (starting !== undefined) {
			await shown;
			const supervisor = await starting(line => {
				screen.learn({starting: safeLine(line)});
				screen.dispatch({type: 'told', text: safeLine(line)});
			});
			this.#console.supervise(supervisor);
			screen.learn({ownsReplicas: supervisor !== null, starting: null});
		}

		screen.learn({noFaults: await this.#console.open()});
	}

	async #close(screen: Screen): Promise<void> {
		this.#load?.stop();
		screen.close();
		const {line, sawDivergence} = screen.model;
		// What was typed is never lost.
		if (line.text !== '') this.#history.add(line.text);
		await this.#stage?.close();
		const open = this.#client.store.getSnapshot().pending.filter(({settledAt}) => settledAt === undefined);
		for (const {text} of open) tell(`not acknowledged when you left: ${safeLine(text)}`);
		if (sawDivergence) tell(this.#monitor.store.agreement.sentence);
		this.#client.close('left before it was acknowledged: it may or may not stand in the chat');
		this.#monitor.close();
		this.#console.close();
		await this.#history.close();
	}

	#perform(effect: Effect): void {
		const {store} = this.#client;
		switch (effect.type) {
			case 'say':
				void this.#session.say(effect.text, effect.nick);
				return;
			case 'fault':
				void this.#console.carryOut(effect.fault).then(event => this.#screen?.dispatch(event));
				return;
			case 'loadBefore':
				store.loadBefore(effect.position);
				return;
			case 'atEnd':
				store.atEnd();
				return;
			case 'forget':
				store.forget(effect.key);
				return;
			case 'remember':
				this.#history.add(effect.text);
				return;
			case 'unsay':
				if (this.#session.unsay(effect.key)) store.forget(effect.key);
				return;
			case 'batch':
				this.#begin(effect);
				return;
			case 'stopBatch':
				(this.#options.load ?? this.#load)?.stop();
				return;
			case 'edit':
				void this.#edit(effect.text);
				return;
			case 'save':
				void saveText(effect.path, effect.text).then(event => this.#screen?.dispatch(event));
				return;
			case 'connect':
				this.#client.moveTo(effect.id);
				return;
			case 'quit':
				this.#left.resolve();
				return;
			default:
				this.#stage?.perform(effect);
		}
	}

	async #edit(text: string): Promise<void> {
		let event: Event | null = null;
		await this.#stage?.lend(async () => {
			event = await editText(text);
		});
		if (event !== null) this.#screen?.dispatch(event);
	}

	#begin({messages, clients, nick}: Effect & {type: 'batch'}): void {
		const {cluster} = this.#options;
		this.#load = startLoad({cluster, messages, clients, size: 100, nick, timeoutMs: loadTimeoutMs});
		// The reducer is at work just now.
		const screen = this.#screen!;
		void this.#watch(this.#load, screen).catch(error => this.#left.reject(error));
	}

	/** Shows how a load goes, until it has ended. */
	async #watch({look, ended}: RunningLoad, screen: Screen): Promise<void> {
		const renew = setInterval(() => screen.dispatch({type: 'batch', batch: {load: look()}}), loadMs);
		const {report} = await ended.finally(() => clearInterval(renew));
		const summary = summaryOf(report).join('\n');
		const load = look();
		const {retried} = report;
		const progress = load.progress === null ? null : {...load.progress, retried, underWay: 0};
		screen.dispatch({type: 'batch', batch: {load: {...load, progress}, summary, endedAt: Date.now()}});
	}
}

const batchOf = ({messages, clients, startedAt, look}: RunningLoad): Batch => ({
	messages,
	clients,
	startedAt,
	endedAt: null,
	load: look(),
	isStopping: false,
	summary: null,
});

function sizeOf(): {readonly columns: number; readonly rows: number} {
	const {columns = 80, rows = 24} = process.stdout;
	return {columns, rows};
}
