/**
 * The module around a disk. It is loaded into a process before its program
 * (`node --import`), and puts itself in front of those functions of node:fs by
 * which the program writes, syncs and renames. Without an order it hands every
 * call on as it came: the program knows nothing of it, and has no switch for it.
 */
import fs from 'node:fs';
import type {FileHandle} from 'node:fs/promises';
import {syncBuiltinESMExports} from 'node:module';
import {constants} from 'node:os';
import {getSystemErrorMap} from 'node:util';
import {type DiskCall, type Order, orderSignal} from './disk-orders.ts';

const path = new URL(import.meta.url).searchParams.get('orders')!;
const {readFileSync, unlinkSync, writeSync, fdatasync, fsync} = fs;
const {rename} = fs.promises;
// Nothing else leads to the methods of open files.
const self = await fs.promises.open(new URL(import.meta.url));
const handles = Object.getPrototypeOf(self) as FileHandle;
await self.close();
const {writeFile, appendFile, sync, datasync} = handles;
const write: (
	this: FileHandle,
	bytes: Buffer,
	from: number,
	length: number,
) => Promise<{bytesWritten: number}> = handles.write;

let order: Order = {kind: 'nothing'};
/** Bytes for which there is room, or calls up to the last one. */
let left = 0;
/** Ends the waits of those who sync. */
const waits = new Set<() => void>();

process.on(orderSignal, () => {
	order = JSON.parse(readFileSync(path, 'utf8')) as Order;
	left = order.kind === 'full' ? order.bytes : order.kind === 'kill' ? order.count : 0;
	for (const end of waits) end();
	// Whoever gave it sees by this that it is in force.
	unlinkSync(path);
});

/** Counts a call of this kind: whether it is the one to die in. */
const isLast = (call: DiskCall): boolean => order.kind === 'kill' && order.call === call && --left === 0;
/** Does not return. */
const die = () => process.kill(process.pid, 'SIGKILL');

/** What comes before a sync; undefined, if it may begin at once. */
function beforeSync(call: 'fsync' | 'fdatasync'): Promise<void> | undefined {
	if (isLast('sync')) die();
	if (order.kind === 'slow') return longer(order.delayMs);
	if (order.kind !== 'fail') return undefined;
	order = {kind: 'nothing'};
	return Promise.reject(refusal('EIO', call));
}

const longer = (milliseconds: number): Promise<void> =>
	new Promise(resolve => {
		const end = () => {
			clearTimeout(timer);
			waits.delete(end);
			resolve();
		};
		const timer = setTimeout(end, milliseconds);
		waits.add(end);
	});

/** How much of a write the disk takes: what there is room for, and nothing but an error when there is none. */
function taken(length: number): number {
	if (order.kind !== 'full' || length === 0) return length;
	if (left === 0) throw refusal('ENOSPC', 'write');
	const bytes = Math.min(left, length);
	left -= bytes;
	return bytes;
}

/** As Node makes it of what the system says. */
function refusal(code: 'EIO' | 'ENOSPC', syscall: string): Error {
	const errno = -constants.errno[code];
	const [, text] = getSystemErrorMap().get(errno)!;
	return Object.assign(new Error(`${code}: ${text}, ${syscall}`), {errno, code, syscall});
}

type Done = (error: Error | null) => void;

const withCallback = (call: 'fsync' | 'fdatasync', original: typeof fsync) => (fd: number, done: Done) => {
	const before = beforeSync(call);
	if (before === undefined) original(fd, done);
	else before.then(() => original(fd, done), done);
};

/** Whoever dies in a write has done the first half of it, and nothing of a sync or a rename. */
Object.assign(fs, {
	writeSync(fd: number, data: string | Uint8Array, offset = 0, length?: number, position?: number): number {
		// The position of a text stands where others have their offset.
		if (typeof data === 'string') return fs.writeSync(fd, Buffer.from(data), 0, undefined, offset || null);
		const wanted = length ?? data.byteLength - offset;
		if (!isLast('write')) return writeSync(fd, data, offset, taken(wanted), position);
		writeSync(fd, data, offset, Math.floor(wanted / 2), position);
		return Number(die());
	},
	fdatasync: withCallback('fdatasync', fdatasync),
	fsync: withCallback('fsync', fsync),
});

Object.assign(fs.promises, {
	async rename(...names: Parameters<typeof rename>): Promise<void> {
		if (isLast('rename')) die();
		await rename(...names);
	},
});

Object.assign(handles, {
	async sync(this: FileHandle): Promise<void> {
		await beforeSync('fsync');
		await sync.call(this);
	},
	async datasync(this: FileHandle): Promise<void> {
		await beforeSync('fdatasync');
		await datasync.call(this);
	},
	writeFile: inWrites(writeFile),
	appendFile: inWrites(appendFile),
});

// Who imports a function by its name gets the new one from here on.
syncBuiltinESMExports();

function inWrites(original: typeof writeFile) {
	return async function (this: FileHandle, ...words: Parameters<typeof writeFile>): Promise<void> {
		if (order.kind === 'nothing') return original.apply(this, words);
		const bytes = Buffer.from(words[0] as string | Uint8Array);
		for (let done = 0; done < bytes.length; ) {
			const wanted = bytes.length - done;
			const dies = isLast('write');
			const {bytesWritten} = await write.call(this, bytes, done, dies ? wanted >> 1 : taken(wanted));
			if (dies) die();
			done += bytesWritten;
		}
	};
}
