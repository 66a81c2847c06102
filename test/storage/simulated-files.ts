import {basename, dirname} from 'node:path';
import type {Random} from '../../source/simulator/random.ts';
import type {Files, Reader} from '../../source/storage/files.ts';

const sectorBytes = 512;

/** What the disk has of a file, and what the system has of it. */
type File = {
	disk: Buffer;
	cache: Buffer;
	/** Sectors that the system has not brought to the disk; and from which of their bytes on they differ. */
	readonly dirty: Map<number, number>;
};

/** A change of the names, which the disk makes in their order. */
type Change = {readonly path: string; readonly file: File | undefined};

/** What is wrong with the disk. Bytes and syncs are counted from the moment at which it is said. */
export type Weakness = {
	/** The disk takes so many bytes more, and then a part of a write, and then nothing. */
	readonly roomBytes?: number;
	/** So many syncs more succeed. The next one fails, and what it should have brought to the disk never gets there. */
	readonly syncs?: number;
	/** A write takes at most so many bytes at once. */
	readonly pieceBytes?: number;
};

const coded = (code: string, what: string) => Object.assign(new Error(`${code}: ${what}`), {code});

/**
 * Files in memory that behave as badly as a disk may: what was not synced is
 * there or not, sector by sector and in any order, and a sector that was just
 * being written holds garbage where it was to change. Bytes of a sector that
 * do not change stay as they are (as SQLite assumes: powersafe overwrite).
 */
export class SimulatedFiles implements Files, Reader {
	weakness: Weakness = {};
	/** How often the disk did something: between two of these it can die. */
	steps = 0;
	onStep: () => void = () => {};
	#isDead = false;
	readonly #random: Random;
	/** As the system sees them; and as the disk has them. */
	#names: Map<string, File>;
	#durableNames: Map<string, File>;
	#changes: Change[] = [];
	readonly #handles = new Map<number, File>();
	#written = 0;
	#syncs = 0;
	#nextHandle = 3;

	constructor(random: Random, contents: ReadonlyMap<string, Buffer>) {
		this.#random = random;
		this.#names = new Map(
			Array.from(contents, ([path, content]) => [
				path,
				{disk: Buffer.from(content), cache: Buffer.from(content), dirty: new Map()},
			]),
		);
		this.#durableNames = new Map(this.#names);
	}

	weaken(weakness: Weakness): void {
		this.weakness = weakness;
		this.#written = 0;
		this.#syncs = 0;
	}

	/** The process dies: nothing comes back to it. Returns what the next one finds on the same machine, synced or not. */
	die(): SimulatedFiles {
		this.#isDead = true;
		const next = new SimulatedFiles(this.#random, new Map());
		next.#names = this.#names;
		next.#durableNames = this.#durableNames;
		next.#changes = this.#changes;
		return next;
	}

	/** What a loss of power might leave now. */
	image(): Map<string, Buffer> {
		const names = new Map(this.#durableNames);
		for (const {path, file} of this.#changes.slice(0, this.#random.between(0, this.#changes.length))) {
			if (file) names.set(path, file);
			else names.delete(path);
		}

		return new Map(Array.from(names, ([path, file]) => [path, this.#contentOf(file)]));
	}

	/** Sector by sector: all of the unsynced ones, none, or any. The last of them may be garbled. */
	#contentOf({disk, cache, dirty}: File): Buffer {
		const chance = this.#random.pick([0, 0.2, 0.5, 0.9, 1]);
		const kept = [...dirty].filter(() => this.#random.chance(chance));
		const end = Math.max(
			disk.length,
			...kept.map(([sector]) => Math.min((sector + 1) * sectorBytes, cache.length)),
		);
		const content = Buffer.alloc(end);
		disk.copy(content);
		for (const [sector] of kept) {
			const from = sector * sectorBytes;
			cache.copy(content, from, from, from + sectorBytes);
		}

		const garbled = this.#random.chance(0.3) ? kept.at(-1) : undefined;
		if (garbled) {
			const [sector, from] = garbled;
			const to = Math.min((sector + 1) * sectorBytes, end);
			for (let at = sector * sectorBytes + from; at < to; at++) content[at] = this.#random.below(256);
		}

		return content;
	}

	list: Reader['list'] = async directory =>
		[...this.#names.keys()].filter(path => dirname(path) === directory).map(path => basename(path));

	read: Reader['read'] = async path => {
		const file = this.#names.get(path);
		if (!file) throw coded('ENOENT', `no such file, ${path}`);
		return Buffer.from(file.cache);
	};

	write: Files['write'] = (fd, buffer, offset, length, position, done) => {
		const {roomBytes = Number.POSITIVE_INFINITY, pieceBytes = Number.POSITIVE_INFINITY} = this.weakness;
		const taken = Math.min(length, pieceBytes, Math.max(0, roomBytes - this.#written));
		this.#step(() => {
			if (taken === 0) return done(coded('ENOSPC', 'no space left on device, write'), 0);
			this.#written += taken;
			put(this.#handle(fd), buffer.subarray(offset, offset + taken), position);
			this.#step(() => done(null, taken));
		});
	};

	fdatasync: Files['fdatasync'] = (fd, done) => {
		this.fsync(fd).then(
			() => done(null),
			(error: Error) => done(error),
		);
	};

	fsync: Files['fsync'] = fd =>
		this.#promise(() => {
			const file = this.#handle(fd);
			const {syncs = Number.POSITIVE_INFINITY} = this.weakness;
			if (this.#syncs++ >= syncs) {
				this.weakness = {};
				// The system believes that it tried; it never does so again, and shows what is not on the disk.
				file.dirty.clear();
				throw coded('EIO', 'i/o error, fsync');
			}

			bringToDisk(file);
		});

	create: Files['create'] = path =>
		this.#promise(() => {
			const file: File = {disk: Buffer.alloc(0), cache: Buffer.alloc(0), dirty: new Map()};
			this.#change(path, file);
			const fd = this.#nextHandle++;
			this.#handles.set(fd, file);
			return fd;
		});

	close: Files['close'] = fd => this.#promise(() => void this.#handles.delete(fd));

	rename: Files['rename'] = (from, to) =>
		this.#promise(() => {
			const file = this.#names.get(from)!;
			this.#change(to, file);
			this.#change(from, undefined);
		});

	unlink: Files['unlink'] = path => this.#promise(() => this.#change(path, undefined));

	syncDirectory: Files['syncDirectory'] = () =>
		this.#promise(() => {
			this.#durableNames = new Map(this.#names);
			this.#changes = [];
		});

	#change(path: string, file: File | undefined): void {
		this.#changes.push({path, file});
		if (file) this.#names.set(path, file);
		else this.#names.delete(path);
	}

	#handle(fd: number): File {
		const file = this.#handles.get(fd);
		if (!file) throw new Error(`there is no open file ${fd}`);
		return file;
	}

	#promise<Result>(run: () => Result): Promise<Result> {
		return new Promise((resolve, reject) => {
			this.#step(() => {
				try {
					const result = run();
					this.#step(() => resolve(result));
				} catch (error) {
					reject(error);
				}
			});
		});
	}

	#step(run: () => void): void {
		queueMicrotask(() => {
			if (this.#isDead) return;
			this.steps++;
			this.onStep();
			if (!this.#isDead) run();
		});
	}
}

function put(file: File, bytes: Buffer, position: number): void {
	const end = position + bytes.length;
	if (end > file.cache.length)
		file.cache = Buffer.concat([file.cache, Buffer.alloc(end - file.cache.length)]);
	bytes.copy(file.cache, position);
	for (let sector = Math.floor(position / sectorBytes); sector * sectorBytes < end; sector++) {
		const from = Math.max(0, position - sector * sectorBytes);
		file.dirty.set(sector, Math.min(from, file.dirty.get(sector) ?? from));
	}
}

function bringToDisk(file: File): void {
	if (file.disk.length < file.cache.length)
		file.disk = Buffer.concat([file.disk, Buffer.alloc(file.cache.length - file.disk.length)]);
	for (const sector of file.dirty.keys()) {
		const from = sector * sectorBytes;
		file.cache.copy(file.disk, from, from, from + sectorBytes);
	}

	file.dirty.clear();
}
