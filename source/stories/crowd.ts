import {type ChildProcess, spawn} from 'node:child_process';
import {once} from 'node:events';
import {createInterface} from 'node:readline';
import {fileURLToPath} from 'node:url';
import type {ReplicaId} from '../consensus/types.ts';
import type {Operation} from '../history.ts';
import {followHistory, monotonicMs, readHistory} from '../history-file.ts';

export type CrowdOptions = {
	/** Client processes. */
	readonly processes: number;
	/** Sessions in each; 1, if absent. */
	readonly clients?: number;
	/** The replica that all talk to first; they are spread over all, if absent. */
	readonly via?: ReplicaId;
	/** Bytes of each message; 100, if absent. */
	readonly size?: number;
};
/** Where they are. */
type Place = {
	readonly config: string;
	readonly data: string;
	readonly replicas: number;
	historyOf(index: number): string;
};

/** More than anybody can say: they talk until they are told to stop. */
const messages = 1_000_000_000;

/** Client processes: `paxos-chat --batch … --history FILE`, each in a process of its own. */
export class Crowd {
	readonly #members: ReadonlyArray<{
		process: ChildProcess;
		gone: Promise<string>;
		history: string;
		heard: boolean;
		lastLine: string;
	}>;

	constructor({processes, clients = 1, via, size = 100}: CrowdOptions, place: Place) {
		this.#members = Array.from({length: processes}, (_, index) => {
			const history = place.historyOf(index);
			const first = via ?? index % place.replicas;
			const flags = {
				batch: messages,
				clients,
				size,
				via: first,
				config: place.config,
				data: place.data,
				nick: `client-${index}`,
				history,
			};
			const words = Object.entries(flags).flatMap(([name, value]) => [`--${name}`, String(value)]);
			return this.#start(words, history);
		});
	}

	/** How many processes have been answered at least once. */
	get heard(): number {
		return this.#members.filter(({heard}) => heard).length;
	}

	/** Counts, whenever it is asked, what was said after now and has been acknowledged by then. */
	counter(): () => number {
		const since = monotonicMs();
		const readers = this.#members.map(({history}) => followHistory(history));
		let count = 0;
		return () => {
			const isMeant = ({start, status}: Operation) => start > since && status === 'ok';
			for (const read of readers) count += read().filter(isMeant).length;
			return count;
		};
	}

	/** Counts, whenever it is asked, the sessions that have been answered since now. */
	speakers(): () => number {
		const since = monotonicMs();
		const readers = this.#members.map(({history}) => followHistory(history));
		const answered = new Set<string>();
		return () => {
			for (const read of readers)
				for (const {client, end} of read()) if (end !== null && end > since) answered.add(client);
			return answered.size;
		};
	}

	/** As Ctrl+C does: no more is said, what is under way comes to its end. */
	async stop(): Promise<void> {
		for (const {process} of this.#members) process.kill('SIGINT');
		for (const {gone, lastLine} of this.#members) {
			const how = await gone;
			if (how !== 'exit code 130') throw new Error(`a client did not end as it should: ${how}: ${lastLine}`);
		}
	}

	/** At once; nothing if they are gone. */
	kill(): void {
		for (const {process} of this.#members) process.kill('SIGKILL');
	}

	/** What each process saw. */
	histories(): Promise<Operation[][]> {
		return Promise.all(
			this.#members.map(async ({history}) => {
				const operations: Operation[] = [];
				for await (const operation of readHistory(history)) operations.push(operation);
				return operations;
			}),
		);
	}

	#start(words: readonly string[], history: string) {
		const child = spawn(process.execPath, [script, ...words], {stdio: ['ignore', 'ignore', 'pipe']});
		const gone = once(child, 'close').then(([code, signal]) => String(signal ?? `exit code ${code}`));
		const member = {process: child, gone, history, heard: false, lastLine: ''};
		createInterface(child.stderr).on('line', line => {
			member.lastLine = line;
			if (/^[1-9]\d* of /.test(line)) member.heard = true;
		});
		return member;
	}
}

/** The command line, beside which these files lie, in the sources as in dist. */
export const script = fileURLToPath(
	new URL(`../../cli/main${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url),
);
