import {existsSync, readFileSync} from 'node:fs';
import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {setImmediate as turn, setTimeout as wait} from 'node:timers/promises';
import type {Entry} from '../../source/consensus/types.ts';
import {type Files, realFiles} from '../../source/storage/files.ts';
import {Journal, type JournalOptions} from '../../source/storage/journal.ts';
import {watermarkOf} from '../../source/storage/watermark.ts';
import type {Rig} from './disk.contract.ts';

export const temporaryDirectory = () => mkdtemp(join(tmpdir(), 'paxos-chat-'));

/** Waits, turn by turn of the event loop, and complains after ten seconds. */
export async function until(condition: () => boolean) {
	const end = performance.now() + 10_000;
	while (!condition()) {
		if (performance.now() > end) throw new Error('the condition did not come true in ten seconds');
		await turn();
	}
}

/**
 * Files of a process that can die: from then on nothing reaches the disk, and
 * nothing comes back. With `dieAt` it dies by itself in the place of that step.
 */
export class MortalFiles implements Files {
	isDead = false;
	steps = 0;
	syncs = 0;
	dieAt = Number.POSITIVE_INFINITY;
	#pending = 0;
	readonly #open = new Set<number>();

	write: Files['write'] = (fd, buffer, offset, length, position, done) => {
		this.#step(back =>
			realFiles.write(fd, buffer, offset, length, position, (...result) => back(() => done(...result))),
		);
	};

	fdatasync: Files['fdatasync'] = (fd, done) => {
		this.syncs++;
		this.#step(back => realFiles.fdatasync(fd, error => back(() => done(error))));
	};

	create: Files['create'] = async path => {
		const fd = await this.#promise(() => realFiles.create(path));
		this.#open.add(fd);
		return fd;
	};

	close: Files['close'] = async fd => {
		this.#open.delete(fd);
		await this.#promise(() => realFiles.close(fd));
	};

	fsync: Files['fsync'] = fd => this.#promise(() => realFiles.fsync(fd));
	rename: Files['rename'] = (from, to) => this.#promise(() => realFiles.rename(from, to));
	unlink: Files['unlink'] = path => this.#promise(() => realFiles.unlink(path));
	makeDirectory: Files['makeDirectory'] = path => this.#promise(() => realFiles.makeDirectory(path));
	removeAll: Files['removeAll'] = path => this.#promise(() => realFiles.removeAll(path));
	syncDirectory: Files['syncDirectory'] = path => this.#promise(() => realFiles.syncDirectory(path));

	/** What is under way still reaches the disk. */
	async die() {
		this.isDead = true;
		await until(() => this.#pending === 0);
		for (const fd of this.#open) await realFiles.close(fd);
		this.#open.clear();
	}

	#promise<Result>(run: () => Promise<Result>): Promise<Result> {
		return new Promise((resolve, reject) => {
			this.#step(back => {
				run().then(
					result => back(() => resolve(result)),
					error => back(() => reject(error)),
				);
			});
		});
	}

	#step(run: (back: (then: () => void) => void) => void) {
		if (this.isDead) return;
		this.steps++;
		this.isDead = this.steps === this.dieAt;
		if (this.isDead) return;
		this.#pending++;
		run(then => {
			this.#pending--;
			if (!this.isDead) then();
		});
	}
}

/** A real journal in a directory of its own, through many lives. */
export class JournalRig implements Rig {
	readonly directory: string;
	readonly options: Partial<JournalOptions>;
	files = new MortalFiles();
	failures: Error[] = [];
	/** For the next life: at which step it dies. */
	dieAt = Number.POSITIVE_INFINITY;
	#journal: Journal | undefined;

	constructor(directory: string, options: Partial<JournalOptions> = {}) {
		this.directory = directory;
		this.options = options;
	}

	static async make(options: Partial<JournalOptions> = {}) {
		return new JournalRig(join(await temporaryDirectory(), 'journal'), options);
	}

	get journal(): Journal {
		if (!this.#journal) throw new Error('the rig has not started');
		return this.#journal;
	}

	async start() {
		this.files = new MortalFiles();
		this.files.dieAt = this.dieAt;
		const opened = await Journal.open({
			directory: this.directory,
			segmentBytes: 2048,
			idleMs: 20,
			onError: error => this.failures.push(error),
			files: this.files,
			...this.options,
		});
		this.#journal = opened.journal;
		return {...opened, disk: opened.journal};
	}

	/** Appends and waits; for ever, if the life ends before. */
	async write(...entries: Entry[]) {
		const {files} = this;
		let isDone = false;
		this.journal.append(entries, () => {
			isDone = true;
		});
		await until(() => isDone || files.isDead);
		if (!isDone) await new Promise(() => {});
	}

	/** The number of the group that the watermark names. */
	get mark(): number {
		const copies = readFileSync(watermarkOf(this.directory), 'utf8').matchAll(/"group":\[(\d+),/g);
		return Math.max(...Array.from(copies, ([, number]) => Number(number)));
	}

	rotate(restated: readonly Entry[]) {
		const rotation = {isDone: false, removeOlder: async () => {}};
		this.journal.rotate(restated).then(
			removeOlder => {
				rotation.isDone = true;
				rotation.removeOlder = removeOlder;
			},
			() => {},
		);
		return rotation;
	}

	crash() {
		return this.files.die();
	}

	until(condition: () => boolean) {
		return until(condition);
	}

	async idle() {
		await wait(60);
	}

	async dispose() {
		await this.files.die();
		const parent = join(this.directory, '..');
		if (existsSync(parent)) await rm(parent, {recursive: true});
	}
}
