import {EventEmitter} from 'node:events';
import {PassThrough} from 'node:stream';
import {setTimeout as sleep} from 'node:timers/promises';
import xterm from '@xterm/headless';

/** A terminal inside this process, for Ink to draw on: what it shows is what a real one would show. */
export class FakeTerminal extends EventEmitter {
	readonly isTTY = true;
	readonly writable = true;
	readonly keys = Object.assign(new PassThrough(), {
		isTTY: true,
		setRawMode: () => this.keys,
		ref: () => this.keys,
		unref: () => this.keys,
	});
	/** Commands that only a stranger's text could have brought. */
	readonly driven: string[] = [];
	raw = '';
	readonly #terminal: InstanceType<typeof xterm.Terminal>;
	#queue: Promise<void> = Promise.resolve();

	constructor(columns: number, rows: number) {
		super();
		// There is no tty between: a line feed has to go to the first column by itself.
		this.#terminal = new xterm.Terminal({cols: columns, rows, allowProposedApi: true, convertEol: true});
		for (const code of [0, 1, 2, 8, 9, 52, 1337])
			this.#terminal.parser.registerOscHandler(code, data => this.driven.push(`OSC ${code} ${data}`) > 0);
		this.#terminal.parser.registerDcsHandler({final: 'q'}, data => this.driven.push(`DCS ${data}`) > 0);
	}

	get columns(): number {
		return this.#terminal.cols;
	}

	get rows(): number {
		return this.#terminal.rows;
	}

	get lines(): readonly string[] {
		const {active} = this.#terminal.buffer;
		return Array.from(
			{length: this.rows},
			(_, index) => active.getLine(active.baseY + index)?.translateToString(true) ?? '',
		);
	}

	/** What stands in a cell; nothing right of a wide character. */
	cell(x: number, y: number): string {
		const {active} = this.#terminal.buffer;
		return (
			active
				.getLine(active.baseY + y)
				?.getCell(x)
				?.getChars() ?? ''
		);
	}

	get scrollback(): number {
		return this.#terminal.buffer.active.baseY;
	}

	get cursor(): {readonly x: number; readonly y: number} {
		const {cursorX, cursorY} = this.#terminal.buffer.active;
		return {x: cursorX, y: cursorY};
	}

	write(data: string, encoding?: unknown, done?: () => void): boolean {
		this.raw += data;
		this.#queue = this.#queue.then(() => new Promise(written => this.#terminal.write(data, written)));
		(typeof encoding === 'function' ? (encoding as () => void) : done)?.();
		return true;
	}

	resize(columns: number, rows: number): void {
		this.#terminal.resize(columns, rows);
		this.emit('resize');
	}

	/** Waits until the picture is like this; fails with the picture if it does not become so. */
	async until(isTrue: (text: string) => boolean, withinMs = 4000): Promise<string> {
		const end = performance.now() + withinMs;
		for (;;) {
			await this.#queue;
			const text = this.lines.join('\n');
			if (isTrue(text)) return text;
			if (performance.now() > end) throw new Error(`waited in vain for ${isTrue} on:\n${text}`);
			await sleep(5);
		}
	}
}
