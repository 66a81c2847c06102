import {setTimeout as sleep} from 'node:timers/promises';
import {type Instance, render, type SuspendTerminal} from 'ink';
import {type Progress, runBatch} from '../../source/client/batch.ts';
import {Client} from '../../source/client/client.ts';
import {Monitor} from '../../source/client/monitor.ts';
import {safeLine} from '../../source/safe-text.ts';
import {tell} from '../output.ts';
import type {ScreenOptions} from '../screen.ts';
import {Latencies} from './latencies.ts';
import {type Effect, type Event, initialModel} from './model.ts';
import {editText, FaultConsole, HistoryFile, saveText} from './ports.ts';
import {Screen} from './screen.ts';
import {Terminal} from './terminal.tsx';
import {hearingWheel} from './wheel.ts';

/** Lines of history that are there from the start; more come when the reader scrolls back. */
const firstLines = 500;
/** Whoever is mentioned often is not rung for each time. */
const bellMs = 2000;
/** Terminals turn the wheel into arrow keys, which would walk through the history of the input. */
const wheel = {take: '\u001b[?1007s\u001b[?1007l', give: '\u001b[?1007r'} as const;

/** Presses and the wheel, told in the form that has no limit of columns. */
const mouse = {on: '\u001b[?1000h\u001b[?1006h', off: '\u001b[?1006l\u001b[?1000l'} as const;

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
		const {cluster, nick, isReadOnly, isAscii, colour, supervisor, startIn, leaving, starting} =
			this.#options;
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
				starting: starting === undefined ? null : 'looking for replicas',
			},
			model: initialModel({
				nick,
				view: startIn === 'chat' ? 'split' : startIn,
				theme: colour ? 'dark' : 'mono',
				history: await this.#history.read(),
			}),
			size: sizeOf,
			perform: effect => this.#perform(effect),
			fail: error => this.#left.reject(error),
		});
		this.#screen = screen;
		const leave = () => this.#left.resolve();
		leaving.addEventListener('abort', leave, {once: true});
		if (leaving.aborted) leave();
		// Before Ink hears of it, so that it never lays out a picture of the old size.
		const resize = () => screen.refresh();
		process.stdout.on('resize', resize);
		// Whatever ends the process tells why on the screen that remains.
		const crash = () => this.#instance?.unmount();
		// Ink gives back what Ink took; the mouse is ours.
		const giveBack = () => process.stdout.write(mouse.off + wheel.give);
		process.once('exit', giveBack);
		process.prependListener('uncaughtException', crash);
		process.prependListener('unhandledRejection', crash);
		try {
			this.#instance = this.#render(screen);
			const crashed = this.#instance.waitUntilExit().then(() => {});
			const started = this.#start(screen);
			await Promise.race([this.#left.promise, crashed, started.then(() => this.#left.promise)]);
		} finally {
			process.stdout.off('resize', resize);
			process.off('exit', giveBack);
			process.off('uncaughtException', crash);
			process.off('unhandledRejection', crash);
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
			const supervisor = await starting(line => {
				screen.learn({starting: safeLine(line)});
				screen.dispatch({type: 'told', text: safeLine(line)});
			});
			this.#console.supervise(supervisor);
			screen.learn({ownsReplicas: supervisor !== null, starting: null});
		}

		screen.learn({noFaults: await this.#console.open()});
	}

	#render(screen: Screen): Instance {
		process.stdout.write(wheel.take);
		const onMount = (lend: SuspendTerminal) => {
			this.#suspend = lend;
		};
		return render(<Terminal screen={screen} onMount={onMount} />, {
			stdin: hearingWheel(process.stdin, key => {
				// What is still on its way when it was turned off.
				if (screen.model.hasMouse) screen.dispatch({type: 'key', key});
			}),
			alternateScreen: true,
			incrementalRendering: true,
			// A key is seen within a sixtieth of a second; news come five times a second anyway.
			maxFps: 60,
			interactive: true,
			patchConsole: false,
			exitOnCtrlC: false,
			kittyKeyboard: {mode: 'auto'},
		});
	}

	async #close(screen: Screen): Promise<void> {
		this.#batch?.abort();
		screen.close();
		const {line, sawDivergence} = screen.model;
		// What was typed is never lost.
		if (line.text !== '') this.#history.add(line.text);
		this.#instance?.unmount();
		await this.#instance?.waitUntilExit().catch(() => {});
		process.stdout.write(mouse.off + wheel.give);
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
			case 'batch':
				void this.#runBatch(effect);
				return;
			case 'stopBatch':
				this.#batch?.abort();
				return;
			case 'copy':
				process.stdout.write(`\u001b]52;c;${Buffer.from(effect.text).toString('base64')}\u0007`);
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
			case 'mouse':
				process.stdout.write(effect.isOn ? mouse.on : mouse.off);
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

	async #edit(text: string): Promise<void> {
		let event: Event | null = null;
		await this.#lend(async () => {
			event = await editText(text);
		});
		if (event !== null) this.#screen?.dispatch(event);
	}

	/** Gives the terminal away as it was found, and draws everything when it is back. */
	async #lend(use: () => Promise<void>): Promise<void> {
		await this.#suspend?.(async () => {
			process.stdout.write(mouse.off + wheel.give);
			await use();
			process.stdout.write(wheel.take + (this.#screen?.model.hasMouse === true ? mouse.on : ''));
		});
	}

	async #runBatch({messages, clients, nick}: Effect & {type: 'batch'}): Promise<void> {
		this.#batch?.abort();
		const batch = new AbortController();
		this.#batch = batch;
		const rates: number[] = [];
		const latencies = new Latencies();
		let last: Progress | undefined;
		const end = await runBatch({
			cluster: this.#options.cluster,
			messages,
			clients,
			size: 100,
			nick,
			timeoutMs: 120_000,
			signal: batch.signal,
			onOperation: ({start, end: answered}) => {
				if (answered !== null) latencies.add(answered - start);
			},
			onProgress: progress => {
				last = progress;
				rates.push(progress.perSecond);
				this.#screen?.dispatch({
					type: 'batch',
					batch: {progress, rates: rates.slice(-60), latency: latencies.now()},
				});
			},
		});
		if (this.#batch !== batch) return;
		const {report} = end;
		const summary = [
			`${report.acknowledged} of ${report.requested} acknowledged in ${report.seconds.toFixed(1)} s: ${Math.round(report.throughput)}/s`,
			`${report.retried} retried, ${report.unknown} unknown, ${report.failed} failed, ${report.viewChanges} view changes`,
		].join('\n');
		const {acknowledged} = report;
		const progress = {requested: messages, perSecond: 0, view: null, sentence: '', ...last, acknowledged};
		this.#screen?.dispatch({type: 'batch', batch: {summary, progress, latency: latencies.now()}});
	}
}

/** Stops this process as Ctrl+Z does, and goes on when somebody says so; at once, if no shell is there to say it. */
async function stopped(): Promise<void> {
	process.kill(process.pid, 'SIGTSTP');
	// No timer runs out while the process is stopped.
	await sleep(50);
}

function sizeOf(): {readonly columns: number; readonly rows: number} {
	const {columns = 80, rows = 24} = process.stdout;
	return {columns, rows};
}
