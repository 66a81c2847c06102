import {basename, join} from 'node:path';
import type {LogFile, LogFiles} from '../../source/chat/log-file.ts';
import type {Random} from '../../source/simulator/random.ts';
import {type Files, isMissing, type Reader} from '../../source/storage/files.ts';
import type {Ground} from '../../source/storage/ground.ts';

const sectorBytes = 512;

/** What the disk has of a file, and what the system has of it. */
type File = {
	disk: Buffer;
	cache: Buffer;
	/** Sectors that the system has not brought to the disk; and from which of their bytes on they differ. */
	readonly dirty: Map<number, number>;
	/** The system has cut it here, and the disk may not have. */
	cut: number;
};

/** The names in it, as the system sees them and as the disk has them; between the two are changes, which the disk makes in their order. */
type Directory = {
	readonly names: Map<string, Node>;
	durable: Map<string, Node>;
	changes: Change[];
};
type Node = File | Directory;
type Change = ReadonlyMap<string, Node | undefined>;

const isDirectory = (node: Node): node is Directory => 'names' in node;
const newDirectory = (): Directory => ({names: new Map(), durable: new Map(), changes: []});
const newFile = (content: Buffer): File => ({
	disk: Buffer.from(content),
	cache: Buffer.from(content),
	dirty: new Map(),
	cut: Number.POSITIVE_INFINITY,
});

function apply(names: Map<string, Node>, change: Change): void {
	for (const [name, node] of change) {
		if (node) names.set(name, node);
		else names.delete(name);
	}
}

/** What is wrong with the disk. Bytes and syncs are counted from the moment at which it is said. */
export type Weakness = {
	/** The disk takes so many bytes more, and then a part of a write, and then nothing. */
	readonly roomBytes?: number;
	/** So many syncs more succeed. The next one fails, and what it should have brought to the disk never gets there. */
	readonly syncs?: number;
	/** The same, counting those of a chat log only. */
	readonly logSyncs?: number;
	/** A write takes at most so many bytes at once. */
	readonly pieceBytes?: number;
};

const coded = (code: string, what: string) => Object.assign(new Error(`${code}: ${what}`), {code});

/**
 * Files in memory that behave as badly as a disk may: what was not synced is
 * there or not, sector by sector and in any order, and a sector that was just
 * being written holds garbage where it was to change. Bytes of a sector that
 * do not change stay as they are (as SQLite assumes: powersafe overwrite). A
 * name is there or not until its directory was synced.
 */
export class SimulatedFiles implements Files, Reader, LogFiles {
	weakness: Weakness = {};
	/** How often the disk did something: between two of these it can die. */
	steps = 0;
	onStep: () => void = () => {};
	/** When the disk does what it was asked to. */
	schedule: (run: () => void) => void = queueMicrotask;
	#isDead = false;
	readonly #random: Random;
	#root = newDirectory();
	readonly #handles = new Map<number, File>();
	#written = 0;
	#syncs = 0;
	#logSyncs = 0;
	#nextHandle = 3;

	/** A path that ends with a slash is a directory without anything in it. */
	constructor(random: Random, contents: ReadonlyMap<string, Buffer>) {
		this.#random = random;
		for (const [path, content] of contents) {
			const directory = this.#parent(path);
			if (path.endsWith('/')) continue;
			const file = newFile(content);
			directory.names.set(basename(path), file);
			directory.durable.set(basename(path), file);
		}
	}

	/** For all that a replica keeps. */
	get ground(): Ground {
		return {
			files: this,
			reader: this,
			logs: this,
			readPrivate: async path => {
				const content = await this.read(path).catch((error: unknown) => {
					if (isMissing(error)) return undefined;
					throw error;
				});
				return content && {text: content.toString(), isPrivate: true};
			},
			readPastCache: this.read,
			room: async () => Number.POSITIVE_INFINITY,
		};
	}

	weaken(weakness: Weakness): void {
		this.weakness = weakness;
		this.#written = 0;
		this.#syncs = 0;
		this.#logSyncs = 0;
	}

	/** The process dies: nothing comes back to it. Returns what the next one finds on the same machine, synced or not. */
	die(): SimulatedFiles {
		this.#isDead = true;
		const next = new SimulatedFiles(this.#random, new Map());
		next.#root = this.#root;
		return next;
	}

	/** What a loss of power might leave now. */
	image(): Map<string, Buffer> {
		const image = new Map<string, Buffer>();
		this.#picture(this.#root, '/', image);
		return image;
	}

	#picture({durable, changes}: Directory, path: string, image: Map<string, Buffer>): void {
		const names = new Map(durable);
		for (const change of changes.slice(0, this.#random.between(0, changes.length))) apply(names, change);
		if (names.size === 0) image.set(join(path, '/'), Buffer.alloc(0));
		for (const [name, node] of names) {
			if (isDirectory(node)) this.#picture(node, join(path, name), image);
			else image.set(join(path, name), this.#contentOf(node));
		}
	}

	/** Sector by sector: all of the unsynced ones, none, or any. The last of them may be garbled. */
	#contentOf(file: File): Buffer {
		const {cache, dirty} = file;
		const disk = this.#random.chance(0.5) ? file.disk.subarray(0, file.cut) : file.disk;
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

	list: Reader['list'] = async directory => {
		const node = this.#find(directory);
		if (!node || !isDirectory(node)) throw coded('ENOENT', `no such directory, ${directory}`);
		return [...node.names.keys()];
	};

	read: Reader['read'] = async path => {
		const file = this.#find(path);
		if (!file || isDirectory(file)) throw coded('ENOENT', `no such file, ${path}`);
		return Buffer.from(file.cache);
	};

	write: Files['write'] = (fd, buffer, offset, length, position, done) => {
		this.#step(() => {
			const taken = this.#take(length);
			if (taken === 0) return done(coded('ENOSPC', 'no space left on device, write'), 0);
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
			if (this.#syncs++ >= syncs) this.#failSync(file);
			bringToDisk(file);
		});

	#failSync(file: File): never {
		this.weakness = {};
		// The system believes that it tried; it never does so again, and shows what is not on the disk.
		file.dirty.clear();
		throw coded('EIO', 'i/o error, fsync');
	}

	create: Files['create'] = path =>
		this.#promise(() => {
			const file = newFile(Buffer.alloc(0));
			this.#change(path, file);
			return this.#open(file);
		});

	close: Files['close'] = fd => this.#promise(() => void this.#handles.delete(fd));

	rename: Files['rename'] = (from, to) =>
		this.#promise(() => {
			const node = this.#find(from);
			if (!node) throw coded('ENOENT', `no such file, ${from}`);
			const [old, name] = [basename(from), basename(to)];
			// A file may come to have both names. Not a directory: what is done under the one would be seen under the other.
			const moves: Change[] = isDirectory(node)
				? [
						new Map<string, Node | undefined>([
							[name, node],
							[old, undefined],
						]),
					]
				: [new Map([[name, node]]), new Map([[old, undefined]])];
			const directory = this.#parent(to);
			for (const move of moves) apply(directory.names, move);
			directory.changes.push(...moves);
		});

	unlink: Files['unlink'] = path => this.#promise(() => this.#change(path, undefined));

	makeDirectory: Files['makeDirectory'] = path => this.#promise(() => this.#change(path, newDirectory()));

	removeAll: Files['removeAll'] = path =>
		this.#promise(() => {
			if (this.#find(path)) this.#change(path, undefined);
		});

	syncDirectory: Files['syncDirectory'] = path =>
		this.#promise(() => {
			const directory = this.#find(path);
			if (!directory || !isDirectory(directory)) throw coded('ENOENT', `no such directory, ${path}`);
			directory.durable = new Map(directory.names);
			directory.changes = [];
		});

	openLog: LogFiles['openLog'] = async path => {
		const fd = await this.#promise(() => {
			const known = this.#find(path);
			if (known && !isDirectory(known)) return this.#open(known);
			const file = newFile(Buffer.alloc(0));
			this.#change(path, file);
			return this.#open(file);
		});
		return this.#logFile(fd);
	};

	#logFile(fd: number): LogFile {
		const file = this.#handle(fd);
		return {
			size: async () => file.cache.length,
			read: async (buffer, offset, length, position) => ({
				bytesRead: file.cache.copy(buffer, offset, position, Math.min(file.cache.length, position + length)),
			}),
			write: (bytes, from, length, position) => {
				if (this.#isDead) return length;
				const taken = this.#take(length);
				if (taken === 0) throw coded('ENOSPC', 'no space left on device, write');
				this.#count();
				put(file, bytes.subarray(from, from + taken), position);
				this.#count();
				return taken;
			},
			truncate: bytes =>
				this.#promise(() => {
					file.cache = Buffer.from(file.cache.subarray(0, bytes));
					file.cut = Math.min(file.cut, bytes);
					for (const sector of file.dirty.keys())
						if (sector * sectorBytes >= bytes) file.dirty.delete(sector);
				}),
			datasync: () =>
				this.#promise(() => {
					const {logSyncs = Number.POSITIVE_INFINITY} = this.weakness;
					if (this.#logSyncs++ >= logSyncs) this.#failSync(file);
				}).then(() => this.fsync(fd)),
			close: () => this.close(fd),
		};
	}

	/** Undefined if there is nothing. */
	#find(path: string): Node | undefined {
		let node: Node | undefined = this.#root;
		for (const name of path.split('/').filter(part => part !== ''))
			node = node && isDirectory(node) ? node.names.get(name) : undefined;
		return node;
	}

	/** The directory of a path; what is missing of the way to it has always been there. */
	#parent(path: string): Directory {
		const names = path
			.split('/')
			.slice(0, -1)
			.filter(part => part !== '');
		let directory = this.#root;
		for (const name of names) {
			let next = directory.names.get(name);
			if (!next || !isDirectory(next)) {
				next = newDirectory();
				directory.names.set(name, next);
				directory.durable.set(name, next);
			}

			directory = next;
		}

		return directory;
	}

	#change(path: string, node: Node | undefined): void {
		const directory = this.#parent(path);
		const change = new Map([[basename(path), node]]);
		apply(directory.names, change);
		directory.changes.push(change);
	}

	#open(file: File): number {
		const fd = this.#nextHandle++;
		this.#handles.set(fd, file);
		return fd;
	}

	/** Of so many bytes in one write, how many the disk takes. */
	#take(length: number): number {
		const {roomBytes = Number.POSITIVE_INFINITY, pieceBytes = Number.POSITIVE_INFINITY} = this.weakness;
		const taken = Math.min(length, pieceBytes, Math.max(0, roomBytes - this.#written));
		this.#written += taken;
		return taken;
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
		this.schedule(() => {
			if (this.#isDead) return;
			this.#count();
			if (!this.#isDead) run();
		});
	}

	#count(): void {
		this.steps++;
		this.onStep();
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
	file.disk = file.disk.subarray(0, file.cut);
	file.cut = Number.POSITIVE_INFINITY;
	if (file.disk.length < file.cache.length)
		file.disk = Buffer.concat([file.disk, Buffer.alloc(file.cache.length - file.disk.length)]);
	for (const sector of file.dirty.keys()) {
		const from = sector * sectorBytes;
		file.cache.copy(file.disk, from, from, from + sectorBytes);
	}

	file.dirty.clear();
}
