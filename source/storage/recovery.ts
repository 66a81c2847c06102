import type {Entry, Slot} from '../consensus/types.ts';
import {Failure, lostMemory} from '../failure.ts';
import {decodeEntry} from './entry-text.ts';
import {type Reader, realReader} from './files.ts';
import {type Group, groupAt, magic, payloadOf} from './group.ts';
import {listSegments} from './segment.ts';
import {type FoundMark, type Mark, readWatermark, watermarkOf} from './watermark.ts';

/** What a journal holds, read without changing anything. */
export type Recovered = {
	readonly entries: readonly Entry[];
	/** What was decided up to this slot may be missing here: a checkpoint must have it. */
	readonly since: Slot;
	readonly groups: number;
	/** The last intact group. It alone may never have reached the disk, even if it can be read. */
	readonly last: Group | undefined;
	/** The highest group that is known to have been followed by another durable one. */
	readonly mark: Mark;
	/** What is damaged and does no harm, as a line; undefined if nothing is. */
	readonly blemish: string | undefined;
	/** Where an unfinished write was found at the very end. */
	readonly tornAt: {readonly path: string; readonly offset: number} | undefined;
	/** Where the journal last began anew: a checkpoint may have taken the place of all before it. */
	readonly rotation: Rotation | undefined;
	/** Size of all groups behind that. */
	readonly bytes: number;
	readonly highestSegment: number;
	/** Segments that hold nothing anyone needs, once the last group stands in a new one. */
	readonly superfluous: readonly string[];
};

/** A group that restates all that must not be forgotten. */
export type Rotation = {
	readonly number: number;
	/** The segment that begins with it. */
	readonly segment: number;
	/** A checkpoint of this slot or a later one stands for what is not restated. */
	readonly since: Slot;
	/** How many entries stand before it. */
	readonly at: number;
};

/** A file of the journal, as it was read. */
export type SegmentContent = {readonly number: number; readonly path: string; readonly content: Buffer};

type SegmentScan = {
	readonly number: number;
	readonly path: string;
	readonly groups: readonly Group[];
	/** Where the intact groups end, and whether anything but zeros follows. */
	readonly end: number;
	readonly isTorn: boolean;
	/** The number of an intact group that follows after something that is none. */
	readonly beyond: number | undefined;
};

/**
 * A line `t NUMBER SLOT` says: the journal began anew with that group, all
 * before it may be gone, as a checkpoint of that slot or a later one is durable.
 */
const trimLine = /^t (\d+) (\d+)$/;
export const encodeTrim = ({number, since}: Pick<Rotation, 'number' | 'since'>): string =>
	`t ${number} ${since}\n`;

/** With a line `r SLOT` a group begins that restates everything; all before it is still there until a trim says otherwise. */
const rotationLine = /^r (\d+)$/;
export const encodeRotation = (since: Slot): string => `r ${since}\n`;

/** Reads a journal, and all that there is to know of it. Rejects with a Failure if it is refused. */
export async function recover(directory: string, reader: Reader = realReader): Promise<Recovered> {
	// Before the segments: should somebody be writing, they hold more than it says.
	const watermark = await readWatermark(reader, watermarkOf(directory));
	const files = await listSegments(reader, directory);
	const segments: SegmentContent[] = [];
	// The newest first: should somebody be writing, all that comes before it is complete.
	for (const file of files.toReversed()) segments.unshift({...file, content: await reader.read(file.path)});
	return recoverFrom(segments, watermark);
}

/**
 * Group g + 1 is written only after group g is on disk. So only the very last
 * group can be unfinished: it is cut. If anything intact comes after something
 * that is not, or the watermark is higher than what is there, an acknowledged
 * group is damaged or gone, and the journal is refused with a Failure that names
 * the place.
 */
export function recoverFrom(segments: readonly SegmentContent[], {mark, blemish}: FoundMark): Recovered {
	const scans = segments.map(scanSegment);
	const linesOf = new Map<Group, readonly string[]>();
	let beginning = 1;
	let since = 0;
	for (const {groups} of scans) {
		for (const group of groups) {
			const lines = payloadOf(group).split('\n').slice(0, -1);
			linesOf.set(group, lines);
			for (const line of lines) {
				const [, trimmed, slot] = trimLine.exec(line) ?? [];
				beginning = Math.max(beginning, Number(trimmed ?? 1));
				since = Math.max(since, Number(slot ?? 0));
			}
		}
	}

	const {chain, kept} = chainOf(scans, beginning);
	checkMark(mark, chain, scans);
	const entries: Entry[] = [];
	let bytes = 0;
	let rotation: Rotation | undefined;
	for (const {group, path, segment} of chain) {
		bytes += group.bytes.length;
		for (const line of linesOf.get(group) ?? []) {
			if (trimLine.test(line)) continue;
			const [, restated] = rotationLine.exec(line) ?? [];
			if (restated !== undefined) {
				rotation = {number: group.number, segment, since: Number(restated), at: entries.length};
				bytes = 0;
				continue;
			}

			const entry = decodeEntry(line);
			if (entry === undefined)
				throw new Failure(
					`${path}: group ${group.number} holds something that this version does not know; was it written by another release of paxos-chat?`,
				);
			entries.push(entry);
		}
	}

	const last = chain.at(-1)?.group;
	const {number, checksum} = chain.at(-2)?.group ?? mark;
	const torn = scans.slice(scans.findLastIndex(scan => kept.has(scan))).find(({isTorn}) => isTorn);
	const isSuperfluous = (scan: SegmentScan) =>
		!kept.has(scan) || scan.groups.every(({number}) => number === last?.number);
	return {
		entries,
		since,
		groups: chain.length,
		last,
		mark: number > mark.number ? {number, checksum} : mark,
		blemish,
		tornAt: torn && {path: torn.path, offset: torn.end},
		rotation,
		bytes,
		highestSegment: segments.at(-1)?.number ?? 0,
		superfluous: scans.filter(isSuperfluous).map(({path}) => path),
	};
}

type Link = {readonly group: Group; readonly path: string; readonly segment: number};

/** A journal that ends before the mark, in however clean a way, has lost its end. */
function checkMark(mark: Mark, chain: readonly Link[], scans: readonly SegmentScan[]): void {
	const last = chain.at(-1);
	if (!last) return;
	const {path, end} = scans.find(scan => scan.path === last.path)!;
	if (last.group.number < mark.number)
		throw damage(`${path}: damaged at byte ${end}`, `group ${mark.number} was on disk once and is gone`);
	const marked = chain.find(({group}) => group.number === mark.number);
	if (marked && marked.group.checksum !== mark.checksum)
		throw damage(marked.path, `its group ${mark.number} is another one than was once on disk`);
}

/** The groups from the beginning to the end, each once, and the segments they stand in. */
function chainOf(scans: readonly SegmentScan[], beginning: number) {
	const chain: Link[] = [];
	const kept = new Set<SegmentScan>();
	for (const scan of scans) {
		const {groups, path, end, beyond} = scan;
		const first = groups[0];
		// What the journal needs begins at the beginning of a segment.
		const isOlder = (first?.number ?? beyond ?? beginning) < beginning;
		if (isOlder) continue;
		if (beyond !== undefined) throw damageBefore(beyond, path, end);
		if (first === undefined) continue;
		const last = chain.at(-1)?.group;
		if (last && isAgain(first, last)) chain.pop();
		else if (last ? !isNext(first, last) : first.number !== beginning)
			throw damageAfter(last?.number ?? beginning - 1, path, first);
		for (const group of groups) chain.push({group, path, segment: scan.number});
		kept.add(scan);
	}
	if (chain.length === 0 && beginning > 1)
		throw damage(scans[0]?.path ?? 'journal', `group ${beginning} is damaged or missing`);
	return {chain, kept};
}

/** Looks through a segment that is complete, and gives its last group; `last` is that of the one before. Throws a Failure. */
export function checkSegment(
	number: number,
	path: string,
	content: Buffer,
	last: Mark | undefined,
): Mark | undefined {
	const {groups, end, beyond} = scanSegment({number, path, content});
	const first = groups[0];
	if (beyond !== undefined) throw damageBefore(beyond, path, end);
	if (first === undefined) return last;
	if (last && !isAgain(first, last) && !isNext(first, last)) throw damageAfter(last.number, path, first);
	const {number: group, checksum} = groups.at(-1)!;
	return {number: group, checksum};
}

/** A restart writes the last group again, at the head of a new segment. */
const isAgain = (first: Group, last: Mark) =>
	first.number === last.number && first.checksum === last.checksum;
const isNext = (first: Group, last: Mark) =>
	first.number === last.number + 1 && first.previous === last.checksum;

const damageBefore = (beyond: number, path: string, end: number) =>
	damage(`${path}: damaged at byte ${end}`, `group ${beyond} after it is intact`);
const damageAfter = (last: number, path: string, first: Group) =>
	damage(path, `it begins with group ${first.number}, but group ${last + 1} is damaged or missing`);
const damage = (place: string, reason: string) => lostMemory(`${place}, ${reason}`);

function scanSegment({number, path, content: buffer}: SegmentContent): SegmentScan {
	const groups: Group[] = [];
	let end = 0;
	let beyond: number | undefined;
	for (;;) {
		const group = groupAt(buffer, end);
		const last = groups.at(-1);
		if (!group) break;
		if (last && (group.number !== last.number + 1 || group.previous !== last.checksum)) {
			beyond = group.number;
			break;
		}
		groups.push(group);
		end += group.bytes.length;
	}
	for (let at = end; beyond === undefined; at++) {
		at = buffer.indexOf(magic, at);
		if (at === -1) break;
		beyond = groupAt(buffer, at)?.number;
	}
	return {number, path, groups, end, isTorn: !isZero(buffer.subarray(end)), beyond};
}

const zeros = Buffer.alloc(1 << 16);

function isZero(buffer: Buffer): boolean {
	for (let at = 0; at < buffer.length; at += zeros.length) {
		const part = buffer.subarray(at, at + zeros.length);
		if (!part.equals(zeros.subarray(0, part.length))) return false;
	}
	return true;
}
