import {dirname} from 'node:path';
import type {Entry, Slot} from '../consensus/types.ts';
import {Failure, lostMemory} from '../failure.ts';
import type {Disk} from './disk.ts';
import {encodeEntry} from './entry-text.ts';
import {type Files, failureOf, isMissing, type Reader, realFiles, realReader} from './files.ts';
import {headerBytes, seal} from './group.ts';
import {GroupBuffer} from './group-buffer.ts';
import {encodeRotation, encodeTrim, type Recovered, type Rotation, recover} from './recovery.ts';
import {createSegment, listSegments, removeSegments, removeUnfinished, type Segment} from './segment.ts';
import {type Mark, Watermark, watermarkOf} from './watermark.ts';

export type JournalOptions = {
	/** Made if it does not exist. One that exists but holds nothing is refused: something took its content away. */
	readonly directory: string;
	/** When a segment is this long the next one is begun. */
	readonly segmentBytes: number;
	/**
	 * Called once, with the first error of the disk, and no `done` is called
	 * after it. What a failed sync left behind is unknown, and asking again may
	 * get a yes for data that is gone: the replica has to stop.
	 */
	readonly onError: (failure: Failure) => void;
	/** After so long without a write the last group is closed. In milliseconds. */
	readonly idleMs?: number;
	/** Under load the watermark follows no more often than this. In milliseconds. */
	readonly markMs?: number;
	/** What it writes to and reads from; the real disk, if absent. */
	readonly files?: Files;
	readonly reader?: Reader;
};

export type OpenJournal = {
	readonly journal: Journal;
	readonly entries: readonly Entry[];
	/** A checkpoint of this slot, or of a later one, must be there: entries before it may be gone. */
	readonly since: Slot;
	/** Where an unfinished write was cut off, after a crash. */
	readonly tornAt: Recovered['tornAt'];
	/** Removes what is older than the last rotation, in an earlier life; see `rotate`. */
	readonly removeOlder: () => Promise<void>;
	/** The slot that was given to that rotation; 0 if there is none. */
	readonly rotatedSince: Slot;
};

/** What goes to disk with one write and one sync. */
type Batch = {
	readonly content: GroupBuffer;
	readonly callbacks: (() => void)[];
	/** Whether anybody relies on it once it is durable; deferred entries may be lost. */
	isAwaited: boolean;
	/** Whether it begins the segment that makes all older ones superfluous. */
	readonly isRotation: boolean;
	/** Its number, known when it is written. */
	number: number;
	segment: number;
};

/**
 * The memory of a replica: an append-only file in segments, one checksum per
 * group, groups chained. While one group is written and synced, what is
 * appended gathers for the next.
 *
 * Only the last group of a crash can be unfinished, and then it is cut. To tell
 * that from damage, a group that somebody relies on is soon followed by
 * another: after some idleness, and on a clean close, by an empty one. A
 * watermark beside the journal tells, a little late, up to where it was durable.
 */
export class Journal implements Disk {
	readonly #options: JournalOptions;
	readonly #files: Files;
	#segment: Segment;
	/** The next segment, made ahead so that no append waits for it. */
	#prepared: Segment | undefined;
	#preparing: Promise<void> | undefined;
	readonly #watermark: Watermark;
	#markedAt = Number.NEGATIVE_INFINITY;
	/** The last group that was written, and the one before it. */
	#last: Mark;
	#beforeLast: Mark;
	#durable: number;
	/** Whether the last group may be lost without anybody missing it. */
	#isClosed: boolean;
	#bytesSinceRotation: number;

	/** In order; the last one still gathers. */
	#queue: Batch[] = [];
	#underWay: Batch | undefined;
	/** Of the last group, for one that begins. */
	#spare: GroupBuffer | undefined;
	readonly #idle: NodeJS.Timeout;
	#isClosing = false;
	#failure: Failure | undefined;
	readonly #onFailure = new Set<(failure: Failure) => void>();

	private constructor(options: JournalOptions, segment: Segment, recovered: Recovered, watermark: Watermark) {
		this.#options = options;
		this.#files = options.files ?? realFiles;
		this.#segment = segment;
		this.#watermark = watermark;
		const {number, checksum} = recovered.last ?? recovered.mark;
		this.#last = {number, checksum};
		this.#beforeLast = recovered.mark;
		this.#durable = number;
		this.#isClosed = recovered.last?.bytes.length === headerBytes;
		this.#bytesSinceRotation = recovered.bytes;
		this.#idle = setTimeout(() => this.#onIdle(), options.idleMs ?? 100).unref();
		this.#prepare();
	}

	/**
	 * Reads what is there, cuts an unfinished end, and refuses damage with a
	 * Failure. The last group is written again at the head of a new segment: a
	 * group that can be read after a failed sync need not be on disk.
	 */
	static async open(options: JournalOptions): Promise<OpenJournal> {
		const {directory, segmentBytes, files = realFiles, reader = realReader} = options;
		try {
			if (!(await isThere(directory, reader))) await createJournal(directory, files);
			await removeUnfinished(files, reader, directory);
			const recovered = await recover(directory, reader);
			const {entries, since, tornAt, last, highestSegment, superfluous} = recovered;
			if (last === undefined) throw lostMemory(`${directory}: the journal is empty`);
			const segment = await createSegment(files, directory, highestSegment + 1, segmentBytes, last.bytes);
			const watermark = await Watermark.create(files, watermarkOf(directory), recovered.mark);
			await removeSegments(files, directory, superfluous);
			const journal = new Journal(options, segment, recovered, watermark);
			const removeOlder = () => journal.#removeBefore(recovered.rotation);
			const rotatedSince = recovered.rotation?.since ?? 0;
			return {journal, entries, since, tornAt, removeOlder, rotatedSince};
		} catch (error) {
			throw failureOf(directory, error);
		}
	}

	/** The number of the last group that is durable. */
	get durable(): number {
		return this.#durable;
	}

	/** When this is much, it is time for a checkpoint. */
	get bytesSinceRotation(): number {
		return this.#bytesSinceRotation;
	}

	/** The number of the segment that is being written. */
	get segment(): number {
		return this.#segment.number;
	}

	append(entries: readonly Entry[], done: () => void): void {
		if (this.#isDead) return;
		if (entries.length > 0 || this.#queue.length > 0) {
			const batch = this.#gather(entries);
			batch.isAwaited = true;
			batch.callbacks.push(done);
			this.#pump();
		} else if (this.#underWay) this.#underWay.callbacks.push(done);
		else queueMicrotask(done);
	}

	defer(entries: readonly Entry[]): void {
		if (this.#isDead || entries.length === 0) return;
		this.#gather(entries);
		this.#idle.refresh();
	}

	/** Resolves when the next rotation has its segment: until then all that is appended behind it waits with it. */
	async readyToRotate(): Promise<void> {
		while (!this.#prepared && !this.#isDead) await this.#preparing;
	}

	/**
	 * Begins a new segment with these entries, behind all that was appended or
	 * deferred so far. Once they are durable the promise gives a function that
	 * removes all older segments: call it when whatever was not restated stands
	 * in a durable checkpoint, of slot `since`. Until then a restart reads the old
	 * and the new. Both reject with the Failure of the disk, or when the journal is closed.
	 */
	async rotate(restated: readonly Entry[], since: Slot = 0): Promise<() => Promise<void>> {
		this.#assertAlive();
		const batch = this.#begin(true);
		batch.content.put(encodeRotation(since));
		for (const entry of restated) batch.content.put(encodeEntry(entry));
		await this.#written(batch);
		return () => this.#removeBefore({...batch, since});
	}

	/** Writes what is waiting and closes the last group. What is appended later is ignored. */
	async close(): Promise<void> {
		if (this.#isDead) return;
		this.#isClosing = true;
		clearTimeout(this.#idle);
		await this.#written(this.#gather([]));
		if (!this.#isClosed) await this.#written(this.#gather([]));
		await this.#preparing;
		await this.#watermark.close(this.#beforeLast);
		await this.#files.close(this.#segment.fd);
		if (this.#prepared) await this.#files.close(this.#prepared.fd);
	}

	async #removeBefore(rotation: Omit<Rotation, 'at'> | undefined): Promise<void> {
		this.#assertAlive();
		if (!rotation) return;
		// The note is durable before the first file goes. It also closes the group that the journal now begins with.
		const note = this.#gather([]);
		note.content.put(encodeTrim(rotation));
		note.isAwaited = true;
		await this.#written(note);
		const {directory, reader = realReader} = this.#options;
		const segments = await listSegments(reader, directory);
		const older = segments.filter(({number}) => number < rotation.segment).map(({path}) => path);
		await removeSegments(this.#files, directory, older);
	}

	get #isDead(): boolean {
		return this.#isClosing || this.#failure !== undefined;
	}

	#assertAlive(): void {
		if (this.#isDead) throw this.#failure ?? new Failure(`${this.#options.directory}: the journal is closed`);
	}

	#gather(entries: readonly Entry[]): Batch {
		const batch = this.#queue.at(-1) ?? this.#begin(false);
		for (const entry of entries) batch.content.put(encodeEntry(entry));
		return batch;
	}

	#begin(isRotation: boolean): Batch {
		const content = this.#spare ?? new GroupBuffer();
		this.#spare = undefined;
		const batch = {content, callbacks: [], isAwaited: isRotation, isRotation, number: 0, segment: 0};
		this.#queue.push(batch);
		return batch;
	}

	#written(batch: Batch): Promise<void> {
		return new Promise((resolve, reject) => {
			this.#onFailure.add(reject);
			batch.callbacks.push(() => {
				this.#onFailure.delete(reject);
				resolve();
			});
			this.#pump();
		});
	}

	/** Starts the next write if somebody waits for it; what was only deferred goes when the disk has been idle. */
	#pump(): void {
		const isWaitedFor = this.#queue.length > 1 || this.#queue[0]?.callbacks.length;
		if (isWaitedFor) this.#write();
		else if (!this.#isDead) this.#idle.refresh();
	}

	#onIdle(): void {
		if (this.#underWay || this.#isDead || (this.#queue.length === 0 && this.#isClosed)) return;
		this.#gather([]);
		this.#write();
	}

	#write(): void {
		const batch = this.#queue[0];
		if (batch === undefined || this.#underWay || this.#failure) return;
		const {bytes, length} = batch.content;
		const isFull = this.#segment.position + length > this.#options.segmentBytes;
		if (batch.isRotation || isFull) {
			if (this.#prepared) this.#switchTo(this.#prepared);
			// An append never waits for the next segment: the full one grows until it is there.
			else if (batch.isRotation) return;
		}

		this.#queue.shift();
		this.#underWay = batch;
		const number = this.#last.number + 1;
		const checksum = seal(bytes, length - headerBytes, number, this.#last.checksum);
		this.#beforeLast = this.#last;
		this.#last = {number, checksum};
		batch.number = number;
		batch.segment = this.#segment.number;
		this.#writeRest(batch, 0, length);
	}

	#writeRest(batch: Batch, from: number, length: number): void {
		const {fd, position} = this.#segment;
		this.#files.write(fd, batch.content.bytes, from, length - from, position + from, (error, written) => {
			if (error) this.#fail(error);
			// A disk that is full takes a part and reports success.
			else if (written === 0) this.#fail(new Error('the disk takes no more'));
			else if (from + written < length) this.#writeRest(batch, from + written, length);
			else this.#files.fdatasync(fd, failed => (failed ? this.#fail(failed) : this.#onSynced(batch, length)));
		});
	}

	#onSynced(batch: Batch, length: number): void {
		if (this.#failure) return;
		this.#underWay = undefined;
		this.#segment.position += length;
		this.#durable = batch.number;
		this.#bytesSinceRotation = batch.isRotation ? 0 : this.#bytesSinceRotation + length;
		this.#isClosed = !batch.isAwaited;
		this.#spare = batch.content.emptied();
		const isLate = performance.now() - this.#markedAt >= (this.#options.markMs ?? 1000);
		if (this.#isClosed || isLate) this.#mark();
		// The next group has waited for the whole of this one: it leaves first.
		this.#pump();
		for (const done of batch.callbacks) done();
	}

	/** Of the last group a torn write may still be believed, so the mark names the one before it. */
	#mark(): void {
		this.#markedAt = performance.now();
		this.#watermark.mark(this.#beforeLast, error => this.#fail(error));
	}

	#switchTo(segment: Segment): void {
		// All of it is synced: an error of close changes nothing.
		this.#files.close(this.#segment.fd).catch(() => {});
		this.#segment = segment;
		this.#prepared = undefined;
		this.#prepare();
	}

	#prepare(): void {
		const {directory, segmentBytes} = this.#options;
		const number = this.#segment.number + 1;
		this.#preparing = createSegment(this.#files, directory, number, segmentBytes, Buffer.alloc(0)).then(
			segment => {
				this.#prepared = segment;
				if (this.#queue[0]?.isRotation) this.#write();
			},
			error => this.#fail(error),
		);
	}

	#fail(error: unknown): void {
		if (this.#failure) return;
		this.#failure = failureOf(this.#segment.path, error);
		clearTimeout(this.#idle);
		this.#queue = [];
		for (const reject of this.#onFailure) reject(this.#failure);
		this.#options.onError(this.#failure);
	}
}

/** A journal with one empty group, so that one without any group is known to have lost them. */
export async function createJournal(directory: string, files = realFiles): Promise<void> {
	const unfinished = `${directory}.new`;
	await files.removeAll(unfinished);
	await files.makeDirectory(unfinished);
	const head = Buffer.alloc(headerBytes);
	seal(head, 0, 1, 0);
	const {fd} = await createSegment(files, unfinished, 1, 0, head);
	await files.close(fd);
	const mark = {number: 0, checksum: 0};
	const watermark = await Watermark.create(files, watermarkOf(directory), mark);
	await watermark.close(mark);
	await files.rename(unfinished, directory);
	await files.syncDirectory(dirname(directory));
}

async function isThere(directory: string, reader: Reader): Promise<boolean> {
	try {
		await reader.list(directory);
		return true;
	} catch (error) {
		if (isMissing(error)) return false;
		throw error;
	}
}
