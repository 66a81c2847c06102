import {readFileSync} from 'node:fs';
import {resolve} from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import {spawn} from '@lydell/node-pty';
import graphemes from '@xterm/addon-unicode-graphemes';
import xterm from '@xterm/headless';

/** The program on a terminal of its own, seen as its user sees it. */
export class ScreenUnderTest {
	readonly #terminal: InstanceType<typeof xterm.Terminal>;
	readonly #pty: ReturnType<typeof spawn>;
	readonly ended: Promise<number>;
	/** All bytes that it wrote. */
	raw = '';
	/** Commands beyond its own picture, as a stranger's text might bring them: titles, links, the clipboard, device strings. */
	readonly driven: string[] = [];
	/** How often a row went over the edge of the screen: a picture that is no taller than the terminal pushes out none. */
	overflows = 0;
	#queue: Promise<void> = Promise.resolve();
	/** Resolves with the next bytes. */
	#shown = Promise.withResolvers<void>();
	#isOver = false;

	constructor(
		words: readonly string[],
		{
			cwd,
			columns = 120,
			rows = 36,
			environment = {},
			program = [process.execPath, resolve('cli/bin.js')],
		}: {
			cwd: string;
			columns?: number;
			rows?: number;
			environment?: Record<string, string>;
			/** What the words are given to, if not the program itself: a shell with pipes, say. */
			program?: readonly [path: string, ...words: string[]];
		},
	) {
		this.#terminal = new xterm.Terminal({cols: columns, rows, allowProposedApi: true});
		// As wide as terminals of today draw what consists of several code points.
		this.#terminal.loadAddon(new graphemes.UnicodeGraphemesAddon());
		this.#terminal.onScroll(() => {
			if (this.isAlternate) this.overflows++;
		});
		// Going there counts as scrolling.
		this.#terminal.buffer.onBufferChange(() => {
			this.overflows = 0;
		});
		const {parser} = this.#terminal;
		for (const code of [0, 1, 2, 4, 7, 8, 9, 10, 11, 12, 52, 104, 133, 777, 1337])
			parser.registerOscHandler(code, data => this.driven.push(`OSC ${code} ${data}`) > 0);
		for (const final of ['q', 'p', '|', 'r'])
			parser.registerDcsHandler({final}, data => this.driven.push(`DCS ${data}`) > 0);
		const {PATH = '', HOME = ''} = process.env;
		const [path, ...before] = program;
		this.#pty = spawn(path, [...before, ...words], {
			cols: columns,
			rows,
			cwd,
			name: environment.TERM ?? 'xterm-256color',
			// Built up, not inherited: what the tester has in his environment is not what is tested.
			env: {
				PATH,
				HOME,
				TERM: 'xterm-256color',
				LANG: 'C.UTF-8',
				TZ: 'UTC',
				XDG_STATE_HOME: cwd,
				...environment,
			},
		});
		this.#pty.onData(data => {
			this.raw += data;
			this.#queue = this.#queue.then(async () => {
				await new Promise<void>(done => this.#terminal.write(data, done));
				this.#shown.resolve();
				this.#shown = Promise.withResolvers();
			});
		});
		this.#terminal.onData(data => {
			if (!this.#isOver) this.#pty.write(data);
		});
		this.ended = new Promise(end => {
			this.#pty.onExit(({exitCode, signal}) => {
				this.#isOver = true;
				end(signal ? 128 + signal : exitCode);
			});
		});
	}

	get pid(): number {
		return this.#pty.pid;
	}

	/** Processor time that it has used so far, with all its threads, as Linux counts it. */
	get cpuMs(): number {
		const stat = readFileSync(`/proc/${this.pid}/stat`, 'utf8');
		// The name stands in parentheses and may hold anything.
		const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
		return (Number(fields[11]) + Number(fields[12])) * tickMs;
	}

	get rows(): readonly string[] {
		const {active} = this.#terminal.buffer;
		return Array.from(
			{length: this.#terminal.rows},
			(_, index) => active.getLine(active.baseY + index)?.translateToString(true) ?? '',
		);
	}

	/** What stands in a cell; nothing right of a wide character. */
	cell(x: number, y: number): string {
		const {active} = this.#terminal.buffer;
		const line = active.getLine(active.baseY + y);
		return line?.getCell(x)?.getChars() ?? '';
	}

	get text(): string {
		return this.rows.join('\n');
	}

	get isAlternate(): boolean {
		return this.#terminal.buffer.active.type === 'alternate';
	}

	get cursor(): {readonly x: number; readonly y: number} {
		const {cursorX, cursorY} = this.#terminal.buffer.active;
		return {x: cursorX, y: cursorY};
	}

	/** Modes that a program must take back. */
	get isMouseTracked(): boolean {
		return this.#terminal.modes.mouseTrackingMode !== 'none';
	}

	get isBracketed(): boolean {
		return this.#terminal.modes.bracketedPasteMode;
	}

	/** All that a program can change of a terminal and has to take back, the picture apart. */
	get modes(): object {
		const {modes, buffer} = this.#terminal;
		return {...modes, buffer: buffer.active.type, isCursorShown: this.isCursorShown};
	}

	/** Lines that were pushed out of sight: a screen that is drawn in place has none. */
	get scrollback(): number {
		return this.#terminal.buffer.active.baseY;
	}

	/** Whether the cursor was shown last, as far as its bytes tell. */
	get isCursorShown(): boolean {
		return this.raw.lastIndexOf('\u001b[?25h') >= this.raw.lastIndexOf('\u001b[?25l');
	}

	/** One read of the program, as fast typing, a slow line or a script makes it. */
	write(text: string): void {
		this.#pty.write(text);
	}

	/** A key for each read. */
	async type(text: string): Promise<void> {
		for (const character of text) {
			this.#pty.write(character);
			await sleep(4);
		}
	}

	resize(columns: number, rows: number): void {
		this.#terminal.resize(columns, rows);
		this.#pty.resize(columns, rows);
	}

	/** The terminal itself goes away, as when its window is closed. */
	hangUp(): void {
		(this.#pty as unknown as {destroy: () => void}).destroy();
	}

	kill(signal: NodeJS.Signals): void {
		this.#pty.kill(signal);
	}

	/** Waits until the picture is like this; fails with the picture if it does not become so. */
	async until(what: RegExp | ((text: string) => boolean), withinMs = 15_000): Promise<string> {
		const end = performance.now() + withinMs;
		for (;;) {
			await this.#queue;
			const {promise} = this.#shown;
			const {text} = this;
			// A picture that is only half drawn is none.
			const isWhole = !this.#terminal.modes.synchronizedOutputMode;
			if (isWhole && (typeof what === 'function' ? what(text) : what.test(text))) return text;
			if (performance.now() > end)
				throw new Error(`waited in vain for ${what} on${isWhole ? '' : ' half a picture'}:\n${text}`);
			// Some conditions are about more than the picture.
			await Promise.race([promise, sleep(lookMs)]);
		}
	}

	/** Resolves with the exit code, after all was written. */
	async end(): Promise<number> {
		const code = await this.ended;
		await this.#queue;
		return code;
	}

	async clear(): Promise<void> {
		if (!this.#isOver) this.#pty.kill('SIGKILL');
		await this.ended;
		this.#terminal.dispose();
	}
}

const lookMs = 50;
/** On all Linux systems of today. */
const tickMs = 10;
