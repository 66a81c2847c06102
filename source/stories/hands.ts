import {stat} from 'node:fs/promises';
import {connect} from 'node:net';
import {join} from 'node:path';
import type {Cluster} from '../cluster.ts';
import type {ReplicaId} from '../consensus/types.ts';
import {monotonicMs} from '../history-file.ts';
import type {Book} from './book.ts';
import {jumpSignal} from './clock.ts';
import {type DiskCall, holdDisk, type Order} from './disk-orders.ts';
import type {What} from './evidence.ts';
import type {Lookout} from './lookout.ts';
import {failSync, type Hold, killAtCall, limitFiles, limitOpenFiles, openFiles, slowDown} from './tools.ts';

/** What the hands have to know of the stage. */
type Reach = {
	readonly cluster: Cluster;
	readonly lookout: Lookout;
	readonly book: Book;
	tell(line: string): void;
	/** Of a replica that runs. */
	pidOf(id: ReplicaId): number;
	/** The directory that is its memory. */
	homeOf(id: ReplicaId): string;
	/** Where the module around its disk looks for orders. */
	ordersOf(id: ReplicaId): string;
	/** Disks are held by the system, where it can. */
	readonly prefersSystem: boolean;
	until(what: string, seconds: number, condition: () => unknown): Promise<unknown>;
	/** A replica is to go down by itself from now on. Gives what waits for it. */
	expectEnd(id: ReplicaId): {wait(): Promise<unknown>};
};

/** A disk that is nearly full has room for this. */
const fillBytes = 2048;

/** What the system does to a process that runs: it takes hold of it from outside, as the program has no switch for its tests. */
export class Hands {
	readonly #reach: Reach;
	readonly #holds = new Set<Hold>();

	constructor(reach: Reach) {
		this.#reach = reach;
	}

	/** SIGSTOP, and SIGCONT after so many milliseconds. The process is there, its connections too, and it says nothing. */
	async pause(id: ReplicaId, milliseconds: number): Promise<void> {
		const {tell, book, until, pidOf} = this.#reach;
		const pid = pidOf(id);
		tell(`replica ${id} is stopped for ${milliseconds} ms`);
		const end = book.begin({kind: 'pause', replica: id});
		process.kill(pid, 'SIGSTOP');
		const over = monotonicMs() + milliseconds;
		try {
			await until('the pause is over', milliseconds / 1000 + 1, () => monotonicMs() >= over);
		} finally {
			wake(pid);
		}

		end();
	}

	/** The next jump of the clock of a replica that was started with `jumpingClock`. */
	async jump(id: ReplicaId): Promise<void> {
		const {tell, book, lookout, until, pidOf} = this.#reach;
		const byMs = lookout.nextJumpMs(id);
		tell(`the clock of replica ${id} jumps by ${byMs} ms`);
		const end = book.begin({kind: 'jump', replica: id, byMs});
		process.kill(pidOf(id), jumpSignal);
		// A word that was under way when it jumped tells the time of before.
		await until('it tells the time that its clock should show', 5, () => {
			const status = lookout.status(id);
			return status !== undefined && Math.abs(lookout.madeAt(status) - Date.now()) < Math.abs(byMs) / 2;
		});
		end();
	}

	/** Every sync of its disk takes so much longer; what it gives ends that. */
	async slow(id: ReplicaId, delayMs: number): Promise<() => Promise<void>> {
		const letGo = await this.#takeDisk(id, {kind: 'slow', delayMs}, pid => slowDown(pid, delayMs));
		this.#reach.tell(`every sync of replica ${id} takes ${delayMs} ms longer`);
		const end = this.#reach.book.begin({kind: 'slow', replica: id});
		return async () => {
			await letGo();
			end();
		};
	}

	/**
	 * Strangers come to a replica until it may open no more files, and stay; what it gives sends them away and ends
	 * that. Undefined, if it cannot be done here.
	 */
	async crowdOut(id: ReplicaId, most: number, strangers: number): Promise<(() => Promise<void>) | undefined> {
		const {tell, book, cluster, until, pidOf} = this.#reach;
		const hold = await limitOpenFiles(pidOf(id), most);
		if (typeof hold === 'string') {
			book.skipped = hold;
			return undefined;
		}

		const letGo = this.#keep(hold);
		tell(`${strangers} strangers come to replica ${id}, which may hold ${most} files open`);
		const {host, port} = cluster.replicas[id]!;
		let sentAway = 0;
		const sockets = Array.from({length: strangers}, () =>
			connect({host, port})
				.on('error', () => {})
				.on('close', () => sentAway++),
		);
		const end = book.begin({kind: 'files', replica: id, most, files: 0, sentAway: 0});
		let files = 0;
		await until(`replica ${id} has run out of files`, 10, () => {
			files = Math.max(files, openFiles(pidOf(id)));
			return files >= most - 1 && sentAway > 0;
		});
		return async () => {
			end({files, sentAway});
			for (const socket of sockets) socket.destroy();
			await letGo();
		};
	}

	/** SIGKILL at a replica's so-manieth call of this kind from now on. Resolves when it is down. */
	killAtCall(id: ReplicaId, call: DiskCall, count: number): Promise<void> {
		this.#reach.tell(`kill -9 of replica ${id} at ${call} ${count}`);
		return this.#end(id, {kind: 'kill', call, count}, pid => killAtCall(pid, call, count));
	}

	/** The next sync of a replica fails, once. Resolves when it is down. */
	failSync(id: ReplicaId): Promise<void> {
		this.#reach.tell(`the next sync of replica ${id} fails`);
		return this.#end(id, {kind: 'fail'}, failSync, {kind: 'failed sync', replica: id});
	}

	/** Files of a replica may not grow any more. Resolves when it is down. */
	async fill(id: ReplicaId): Promise<void> {
		const {size} = await stat(join(this.#reach.homeOf(id), 'chat.log'));
		this.#reach.tell(`the files of replica ${id} cannot grow any more`);
		const limit = (pid: number) => limitFiles(pid, size + fillBytes);
		await this.#end(id, {kind: 'full', bytes: fillBytes}, limit, {kind: 'full', replica: id});
	}

	/** Lets go of all processes. */
	async release(): Promise<void> {
		const holds = [...this.#holds];
		this.#holds.clear();
		await Promise.all(holds.map(hold => hold.release()));
	}

	/** Takes hold of a disk, by which its process goes down. */
	async #end(id: ReplicaId, order: Order, bySystem: BySystem, what?: What): Promise<void> {
		const expected = this.#reach.expectEnd(id);
		const end = what && this.#reach.book.begin(what);
		const letGo = await this.#takeDisk(id, order, bySystem);
		await expected.wait();
		await letGo();
		end?.();
	}

	/** Takes hold of a disk; what it gives lets go. */
	async #takeDisk(id: ReplicaId, order: Order, bySystem: BySystem): Promise<() => Promise<void>> {
		const {prefersSystem, pidOf, ordersOf} = this.#reach;
		const pid = pidOf(id);
		const hold = prefersSystem ? await bySystem(pid) : undefined;
		return this.#keep(typeof hold === 'object' ? hold : await holdDisk(pid, ordersOf(id), order));
	}

	#keep(hold: Hold): () => Promise<void> {
		this.#holds.add(hold);
		this.#reach.book.heldBy.add(hold.by);
		return async () => {
			this.#holds.delete(hold);
			await hold.release();
		};
	}
}

/** The same as an order, by a program of the system. Gives the reason in words, if this machine does not let us. */
type BySystem = (pid: number) => Promise<Hold | string>;

function wake(pid: number): void {
	try {
		process.kill(pid, 'SIGCONT');
	} catch {
		// It was killed in its sleep.
	}
}
