import {setTimeout as sleep} from 'node:timers/promises';
import {type Instance, render, type SuspendTerminal} from 'ink';
import {hearing} from './hearing.ts';
import type {Effect} from './model.ts';
import type {Screen} from './screen.ts';
import {Terminal} from './terminal.tsx';

/** Whoever is mentioned often is not rung for each time. */
const bellMs = 2000;
/** Terminals turn the wheel into arrow keys, which would walk through the history of the input; and they tell whether somebody looks at them. */
const ours = {take: '\u001b[?1007s\u001b[?1007l\u001b[?1004h', give: '\u001b[?1004l\u001b[?1007r'} as const;
/** Presses and the wheel, told in the form that has no limit of columns. */
const mouse = {on: '\u001b[?1000h\u001b[?1006h', off: '\u001b[?1006l\u001b[?1000l'} as const;

/** What the terminal itself is asked to do. */
export type StageEffect = Extract<Effect, {type: 'copy' | 'mouse' | 'bell' | 'redraw' | 'suspend'}>;

/** The terminal while a screen has it: taken, lent to others, and given back as it was found, whatever ends the process. */
export class Stage {
	readonly #screen: Screen;
	readonly #ended = Promise.withResolvers<void>();
	#instance: Instance | null = null;
	#suspend: SuspendTerminal | null = null;
	#isLent = false;
	#rangAt = Number.NEGATIVE_INFINITY;

	constructor(screen: Screen) {
		this.#screen = screen;
	}

	/** Resolves when the picture is gone; rejects with the bug of ours that ended it. */
	get ended(): Promise<void> {
		return this.#ended.promise;
	}

	/** Takes the terminal; resolves when the first picture stands. */
	async open(): Promise<void> {
		// Before Ink hears of it, so that it never lays out a picture of the old size.
		process.stdout.on('resize', this.#onResize);
		process.once('exit', this.#giveBack);
		// Whatever ends the process tells why on the screen that remains.
		process.prependListener('uncaughtException', this.#onCrash);
		process.prependListener('unhandledRejection', this.#onCrash);
		process.on('SIGTSTP', this.#onStop);
		process.on('SIGCONT', this.#onContinue);
		process.stdout.write(ours.take);
		const onMount = (lend: SuspendTerminal) => {
			this.#suspend = lend;
		};
		this.#instance = render(<Terminal screen={this.#screen} onMount={onMount} />, {
			stdin: hearing(process.stdin, ({name}) => {
				if (name === 'looked' || name === 'unlooked')
					this.#screen.dispatch({type: 'look', isHere: name === 'looked'});
				// What is still on its way when the mouse was turned off is not heard.
				else if (this.#screen.model.hasMouse) this.#screen.dispatch({type: 'key', key: {name}});
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
		this.#instance.waitUntilExit().then(() => this.#ended.resolve(), this.#ended.reject);
		await this.#instance.waitUntilRenderFlush();
	}

	/** Gives the terminal back. */
	async close(): Promise<void> {
		process.stdout.off('resize', this.#onResize);
		process.off('exit', this.#giveBack);
		process.off('uncaughtException', this.#onCrash);
		process.off('unhandledRejection', this.#onCrash);
		process.off('SIGTSTP', this.#onStop);
		process.off('SIGCONT', this.#onContinue);
		this.#instance?.unmount();
		await this.#instance?.waitUntilExit().catch(() => {});
		this.#giveBack();
	}

	perform(effect: StageEffect): void {
		switch (effect.type) {
			case 'copy':
				process.stdout.write(`\u001b]52;c;${Buffer.from(effect.text).toString('base64')}\u0007`);
				return;
			case 'mouse':
				process.stdout.write(effect.isOn ? mouse.on : mouse.off);
				return;
			case 'bell':
				this.#ring();
				return;
			case 'redraw':
				// Taking the terminal back is drawing everything.
				void this.lend(async () => {});
				return;
			case 'suspend':
				this.#onStop();
				return;
		}
	}

	/** Gives the terminal away as it was found, and draws everything when it is back. */
	async lend(use: () => Promise<void>): Promise<void> {
		if (this.#isLent) return;
		this.#isLent = true;
		try {
			await this.#suspend?.(async () => {
				this.#giveBack();
				await use();
				process.stdout.write(ours.take + (this.#screen.model.hasMouse ? mouse.on : ''));
			});
		} finally {
			this.#isLent = false;
		}
	}

	#ring(): void {
		if (performance.now() - this.#rangAt < bellMs) return;
		this.#rangAt = performance.now();
		process.stdout.write('\u0007');
	}

	readonly #onResize = (): void => this.#screen.refresh();
	readonly #onCrash = (): void => this.#instance?.unmount();
	/** Ink gives back what Ink took; the rest is ours. */
	readonly #giveBack = (): void => {
		process.stdout.write(mouse.off + ours.give);
	};

	readonly #onStop = (): void => {
		void this.lend(async () => {
			// Without a listener the signal does what it always does.
			process.off('SIGTSTP', this.#onStop);
			await stopped();
			process.on('SIGTSTP', this.#onStop);
		});
	};

	/** Whoever was stopped without being asked finds a shell's output on the screen. */
	readonly #onContinue = (): void => this.perform({type: 'redraw'});
}

/** Stops this process as Ctrl+Z does, and goes on when somebody says so; at once, if no shell is there to say it. */
async function stopped(): Promise<void> {
	process.kill(process.pid, 'SIGTSTP');
	// No timer runs out while the process is stopped.
	await sleep(50);
}
