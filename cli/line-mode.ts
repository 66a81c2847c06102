import type {Line} from '../source/chat/types.ts';
import {Client} from '../source/client/client.ts';
import type {Connection} from '../source/client/client-store.ts';
import type {Result} from '../source/client/session.ts';
import type {Cluster} from '../source/cluster.ts';
import type {ReplicaId} from '../source/consensus/types.ts';
import {Failure} from '../source/failure.ts';
import {textBytes} from '../source/network/events.ts';
import {safeLine, safeNick} from '../source/safe-text.ts';
import {linesOf} from './lines.ts';
import {print, tell} from './output.ts';

export type LineModeOptions = {
	readonly cluster: Cluster;
	readonly nick: string;
	readonly via?: ReplicaId | undefined;
	/** How long nothing may be acknowledged, or no replica be reached. */
	readonly timeoutMs: number;
	/** Only listens, until it has to leave. */
	readonly isReadOnly: boolean;
	readonly input: AsyncIterable<string | Uint8Array>;
	/** A person types: words with a slash are commands. */
	readonly isInteractive: boolean;
	/** Aborted when it has to leave. */
	readonly leaving: AbortSignal;
};

/**
 * The chat for pipes, scripts and screen readers: a message a line in, a line
 * of the chat a line out, trouble as sentences on standard error, and no
 * control character anywhere. Resolves with whether all that was to be said
 * stands in the chat; a Failure if nobody was there to hear it.
 */
export async function lineMode(options: LineModeOptions): Promise<boolean> {
	const mode = new LineMode(options);
	try {
		return await Promise.race([mode.run(), mode.end.promise]);
	} finally {
		mode.close();
	}
}

class LineMode {
	/** Comes before its time: to leave, or because it is no use to go on. */
	readonly end = Promise.withResolvers<boolean>();
	readonly #options: LineModeOptions;
	readonly #client: Client;
	readonly #reached = Promise.withResolvers<void>();
	/** The last position that was printed; the promise is renewed with every line. */
	#printed = 0;
	#print = Promise.withResolvers<void>();
	#sentence = '';
	#isTroubled = false;

	constructor(options: LineModeOptions) {
		const {cluster, via, timeoutMs, leaving} = options;
		this.#options = options;
		if (leaving.aborted) this.end.resolve(false);
		leaving.addEventListener('abort', () => this.end.resolve(false), {once: true});
		this.#client = new Client({
			cluster,
			...(via === undefined ? {} : {via}),
			follow: 'now',
			timeoutMs,
			onLines: lines => this.#onLines(lines),
			onConnection: connection => this.#onConnection(connection),
			onGiveUp: reason => this.#giveUp(reason === 'unreachable' ? 3 : 4),
		});
	}

	/** Reads to the end of the input, and sees its own words appear in the chat. */
	async run(): Promise<boolean> {
		// With nobody to talk to nothing is acknowledged, and with nothing to say nothing waits for it.
		await this.#within(this.#reached.promise, 3);
		if (this.#options.isReadOnly) return this.#listen();
		const session = this.#client.session(this.#options.nick);
		let isAllSaid = true;
		let last = 0;
		for await (const line of linesOf(this.#options.input, textBytes)) {
			if ('problem' in line) {
				isAllSaid = false;
				tell(`line ${line.number}: ${line.problem}; it was not sent`);
				continue;
			}

			const text = this.#wordsOf(line.text);
			if (text === null) break;
			if (text === '') continue;
			const result = await new Promise<Result>(resolve => session.send(text, resolve));
			if (result.status === 'ok') {
				last = result.position;
			} else {
				isAllSaid = false;
				tell(`line ${line.number}: ${result.why}`);
			}
		}

		await this.#within(this.#hasPrinted(last), 4);
		return isAllSaid;
	}

	/** Until it has to leave. What comes in is not said, and that is told. */
	async #listen(): Promise<boolean> {
		for await (const {number} of linesOf(this.#options.input, textBytes))
			if (number === 1) tell('what comes in is not sent: --read-only sends nothing');

		return this.end.promise;
	}

	close(): void {
		this.#client.close('left before it was acknowledged: it may or may not stand in the chat');
	}

	/** What is to be said: '' is nothing, null is goodbye. Only a person has commands: a pipe says what it says. */
	#wordsOf(text: string): string | null {
		if (!this.#options.isInteractive || !text.startsWith('/')) return text;
		if (text.startsWith('//')) return text.slice(1);
		const command = text.trim();
		if (command === '/quit') return null;
		if (command === '/status') tell(this.#sentence);
		else tell(`${command}: unknown; /status, /quit, and // for a message that begins with a slash`);
		return '';
	}

	#onLines(lines: readonly Line[]): void {
		print(
			lines.map(({position, nick, text}) => `#${position} ${safeNick(nick)}: ${safeLine(text)}\n`).join(''),
		);
		this.#printed = lines.at(-1)?.position ?? this.#printed;
		this.#print.resolve();
		this.#print = Promise.withResolvers();
	}

	async #hasPrinted(position: number): Promise<void> {
		while (this.#printed < position) await this.#print.promise;
	}

	/** Looking for a replica is no trouble until all were tried. */
	#onConnection({state, sentence}: Connection): void {
		this.#sentence = sentence;
		if (state !== 'connecting' && state !== 'offline') this.#reached.resolve();
		if (state === 'connecting' || (state === 'online' && !this.#isTroubled)) return;
		this.#isTroubled = state !== 'online';
		tell(sentence);
	}

	async #within(promise: Promise<void>, exitCode: 3 | 4): Promise<void> {
		const timer = setTimeout(() => this.#giveUp(exitCode), this.#options.timeoutMs);
		await promise;
		clearTimeout(timer);
	}

	#giveUp(exitCode: 3 | 4): void {
		const seconds = `${this.#options.timeoutMs / 1000} s`;
		const what =
			exitCode === 3 ? `no replica was reached within ${seconds}` : `nothing was acknowledged for ${seconds}`;
		const next = exitCode === 3 ? 'start one: paxos-chat cluster' : 'see paxos-chat monitor --once';
		this.end.reject(new Failure(`${what} (${this.#sentence}); ${next}`, exitCode));
	}
}
