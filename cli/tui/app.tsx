import {once} from 'node:events';
import {type Instance, render, type SuspendTerminal} from 'ink';
import {runBatch} from '../../source/client/batch.ts';
import {Client} from '../../source/client/client.ts';
import {Monitor} from '../../source/client/monitor.ts';
import {safeLine} from '../../source/safe-text.ts';
import type {ScreenOptions} from '../screen.ts';
import {type Effect, initialModel} from './model.ts';
import {FaultConsole, HistoryFile} from './ports.ts';
import {Screen} from './screen.ts';
import {Terminal} from './terminal.tsx';

/** Lines of history that are there from the start; more come when the reader scrolls back. */
const firstLines = 500;
/** Whoever is mentioned often is not rung for each time. */
const bellMs = 2000;
/** Terminals turn the wheel into arrow keys, which would walk through the history of the input. */
const wheel = {take: '\u001b[?1007s\u001b[?1007l', give: '\u001b[?1007r'} as const;

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
	#instance: Instance | null = null;
	#batch: AbortController | null = null;
	#suspend: SuspendTerminal | null = null;
	#rangAt = Number.NEGATIVE_INFINITY;

	constructor(options: ScreenOptions) {
		const {cluster, via, nick, dataDirectory, supervisor} = options;
		this.#options = options;
		this.#client = new Client({cluster, ...(via === null ? {} : {via}), follow: {last: firstLines}});
		this.#session = this.#client.session(nick);
		this.#monitor = new Monitor({cluster});
		this.#console = new FaultConsole(cluster, dataDirectory, this.#monitor.store, supervisor);
	}

	async run(): Promise<number> {
		const {cluster, nick, isReadOnly, isAscii, colour, supervisor, startIn, leaving} = this.#options;
		const screen = new Screen({
			client: this.#client.store,
			monitor: this.#monitor.store,
			about: {
				replicas: cluster.replicas.length,
				f: cluster.f,
				client: this.#session.client,
				isReadOnly,
				isAscii,
				ownsReplicas: supervisor !== null,
				noFaults: 'not ready yet: a moment',
			},
			model: initialModel({
				nick,
				view: startIn === 'chat' ? 'split' : startIn,
				theme: colour ? 'dark' : 'mono',
				history: await this.#history.read(),
			}),
			size: sizeOf,
			perform: effect => this.#perform(effect),
		});
		this.#screen = screen;
		const leave = () => this.#left.resolve();
		leaving.addEventListener('abort', leave, {once: true});
		if (leaving.aborted) leave();
		// Before Ink hears of it, so that it never lays out a picture of the old size.
		const resize = () => screen.refresh();
		process.stdout.on('resize', resize);
		try {
			this.#instance = this.#render(screen);
			const crashed = this.#instance.waitUntilExit().then(() => {});
			const started = this.#start(screen);
			await Promise.race([this.#left.promise, crashed, started.then(() => this.#left.promise)]);
		} finally {
			process.stdout.off('resize', resize);
			leaving.removeEventListener('abort', leave);
			await this.#close(screen);
		}

		return screen.model.sawDivergence ? 5 : 0;
	}

	/** Replicas of our own, if none answers. That they cannot be started ends the screen, with the reason. */
	async #start(screen: Screen): Promise<void> {
		const {starting} = this.#options;
		if (starting !== undefined) {
			await this.#instance?.waitUntilRenderFlush();
			const supervisor = await starting(line =>
				screen.dispatch({type: 'outcome', isOk: true, text: safeLine(line)}),
			);
			this.#console.supervise(supervisor);
			screen.learn({ownsReplicas: supervisor !== null});
		}

		screen.learn({noFaults: await this.#console.open()});
	}

	#render(screen: Screen): Instance {
		process.stdout.write(wheel.take);
		const onMount = (lend: SuspendTerminal) => {
			this.#suspend = lend;
		};
		return render(<Terminal screen={screen} onMount={onMount} />, {
			alternateScreen: true,
			incrementalRendering: true,
			maxFps: 30,
			interactive: true,
			patchConsole: false,
			exitOnCtrlC: false,
			kittyKeyboard: {mode: 'auto'},
		});
	}

	async #close(screen: Screen): Promise<void> {
		this.#batch?.abort();
		screen.close();
		this.#instance?.unmount();
		await this.#instance?.waitUntilExit().catch(() => {});
		process.stdout.write(wheel.give);
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
			case 'batch':
				void this.#runBatch(effect);
				return;
			case 'stopBatch':
				this.#batch?.abort();
				return;
			case 'copy':
				process.stdout.write(`\u001b]52;c;${Buffer.from(effect.text).toString('base64')}\u0007`);
				return;
			case 'bell':
				this.#ring();
				return;
			case 'redraw':
				// Taking the terminal back is drawing everything.
				void this.#lend(async () => {});
				return;
			case 'suspend':
				void this.#lend(stopped);
				return;
			case 'quit':
				this.#left.resolve();
				return;
		}
	}

	#ring(): void {
		if (performance.now() - this.#rangAt < bellMs) return;
		this.#rangAt = performance.now();
		process.stdout.write('\u0007');
	}

	/** Gives the terminal away as it was found, and draws everything when it is back. */
	async #lend(use: () => Promise<void>): Promise<void> {
		await this.#suspend?.(async () => {
			process.stdout.write(wheel.give);
			await use();
			process.stdout.write(wheel.take);
		});
	}

	async #runBatch({messages, clients, nick}: Effect & {type: 'batch'}): Promise<void> {
		this.#batch?.abort();
		const batch = new AbortController();
		this.#batch = batch;
		const rates: number[] = [];
		const end = await runBatch({
			cluster: this.#options.cluster,
			messages,
			clients,
			size: 100,
			nick,
			timeoutMs: 120_000,
			signal: batch.signal,
			onProgress: progress => {
				rates.push(progress.perSecond);
				this.#screen?.dispatch({type: 'batch', batch: {progress, rates: rates.slice(-60)}});
			},
		});
		const {report} = end;
		const ms = (value: number | null) => (value === null ? '-' : `${value.toFixed(1)} ms`);
		const {p50, p95, p99, max} = report.latencyMs;
		const summary = [
			`${report.acknowledged} of ${report.requested} acknowledged in ${report.seconds.toFixed(1)} s: ${Math.round(report.throughput)}/s`,
			`latency p50 ${ms(p50)}  p95 ${ms(p95)}  p99 ${ms(p99)}  max ${ms(max)}`,
			`${report.retried} retried, ${report.unknown} unknown, ${report.failed} failed, ${report.viewChanges} view changes`,
		].join('\n');
		this.#screen?.dispatch({type: 'batch', batch: {summary}});
	}
}

/** Stops this process as Ctrl+Z does; resolves when it goes on. */
async function stopped(): Promise<void> {
	const resumed = once(process, 'SIGCONT');
	process.kill(process.pid, 'SIGTSTP');
	await resumed;
}

function sizeOf(): {readonly columns: number; readonly rows: number} {
	const {columns = 80, rows = 24} = process.stdout;
	return {columns, rows};
}
