import type {Entry, Slot} from '../consensus/types.ts';
import {lostMemory} from '../failure.ts';
import {encodeEntry} from './entry-text.ts';
import {groupAt, headerBytes, seal} from './group.ts';
import {encodeRotation, encodeTrim, type Recovered, recoverFrom, type SegmentContent} from './recovery.ts';
import {contentOf, type Mark, markIn} from './watermark.ts';

/** All files of a journal. */
export type Image = {readonly segments: readonly SegmentContent[]; readonly watermark: Buffer};

/** Where a write went, or would have gone. */
export type Place = {readonly segment: number; readonly from: number; readonly to: number};

/** All files, and the place of what need not be in them. */
export type Picture = {readonly image: Image; readonly place: Place | undefined};

export type Group = {
	readonly type: 'group';
	readonly number: number;
	readonly entries: readonly Entry[];
	/** It restates all that must not be forgotten; see Journal.rotate. */
	readonly since?: Slot;
	/** Its sync failed: it can be read, and need not be on disk. */
	readonly isInCache?: boolean;
};

/** What was done to a journal. */
export type Step =
	/** A life began. */
	| {readonly type: 'start'}
	| Group
	/** All before the group that restates may go, when the note about it is there. */
	| {readonly type: 'trim'; readonly number: number; readonly rotation: number; readonly since: Slot};

type Segment = {
	readonly number: number;
	/** The group that it begins with. */
	readonly first: number;
	readonly content: Buffer;
	position: number;
};

/** Short, so that a journal has many of them. */
const segmentBytes = 2048;
const pathOf = (segment: number) => `segment ${segment}`;
const watermarkPath = 'watermark';

/**
 * The bytes that a journal would have left on a disk, in the same groups,
 * segments and order, made without a disk: what a crash or damage does to them
 * is judged by the recovery of the real one.
 */
export class MemoryJournal {
	#segments: Segment[] = [];
	#highestSegment = 0;
	#last: Mark = {number: 0, checksum: 0};
	#beforeLast: Mark = {number: 0, checksum: 0};
	/** Of the last group. */
	#bytes: Buffer = Buffer.alloc(0);
	/** Where a group was written whose sync failed. */
	#inCache: Place | undefined;

	take(step: Step): void {
		if (step.type === 'start') this.#start();
		else if (step.type === 'trim') {
			this.#write(step.number, encodeTrim({number: step.rotation, since: step.since}), false);
			this.#segments = this.#segments.filter(({first}) => first >= step.rotation);
		} else {
			const {number, entries, since} = step;
			const head = since === undefined ? '' : encodeRotation(since);
			const place = this.#write(number, head + entries.map(encodeEntry).join(''), since !== undefined);
			if (step.isInCache) this.#inCache = place;
		}
	}

	/** Its files as they are, and where the last group stands in them if it is only in the cache. */
	get picture(): Picture {
		const segments = this.#segments.map(({number, content}) => ({
			number,
			path: pathOf(number),
			content: Buffer.from(content),
		}));
		const place = segments.some(({number}) => number === this.#inCache?.segment) ? this.#inCache : undefined;
		return {image: {segments, watermark: contentOf(this.#beforeLast)}, place};
	}

	/** The same with one more group, and where that stands. */
	pictureWith(group: Group): Picture {
		const other = new MemoryJournal();
		other.#segments = this.#segments.map(segment => ({...segment, content: Buffer.from(segment.content)}));
		other.#highestSegment = this.#highestSegment;
		other.#last = this.#last;
		other.take({...group, isInCache: true});
		const {image, place} = other.picture;
		// No mark is made before that.
		return {image: {...image, watermark: contentOf(this.#beforeLast)}, place};
	}

	/** As the journal opens what it finds. Throws the Failure with which it refuses it. */
	static open({segments, watermark}: Image): {
		readonly journal: MemoryJournal;
		readonly recovered: Recovered;
	} {
		const recovered = recoverFrom(segments, markIn(watermarkPath, watermark));
		const {last, mark, superfluous, highestSegment} = recovered;
		if (!last) throw lostMemory('the journal is empty');
		const journal = new MemoryJournal();
		journal.#segments = segments
			.filter(({path}) => !superfluous.includes(path))
			.map(({number, content}) => {
				const first = groupAt(content, 0)?.number ?? 0;
				return {number, first, content: Buffer.from(content), position: content.length};
			});
		journal.#highestSegment = highestSegment;
		journal.#last = {number: last.number, checksum: last.checksum};
		journal.#beforeLast = mark;
		journal.#bytes = Buffer.from(last.bytes);
		journal.#start();
		return {journal, recovered};
	}

	/** A group that can be read after a failed sync need not be on disk: it is written again. */
	#start(): void {
		const {number} = this.#last;
		this.#segments = this.#segments.filter(({first}) => first < number);
		this.#append(number, this.#bytes, true);
	}

	#write(number: number, text: string, isRotation: boolean): Place {
		const payloadBytes = Buffer.byteLength(text);
		const bytes = Buffer.alloc(headerBytes + payloadBytes);
		bytes.write(text, headerBytes);
		const checksum = seal(bytes, payloadBytes, number, this.#last.checksum);
		this.#beforeLast = this.#last;
		this.#last = {number, checksum};
		this.#bytes = bytes;
		return this.#append(number, bytes, isRotation);
	}

	#append(first: number, bytes: Buffer, isNew: boolean): Place {
		let segment = this.#segments.at(-1);
		if (!segment || isNew || segment.position + bytes.length > segmentBytes) {
			const content = Buffer.alloc(Math.max(segmentBytes, bytes.length));
			segment = {number: ++this.#highestSegment, first, content, position: 0};
			this.#segments.push(segment);
		}

		const from = segment.position;
		bytes.copy(segment.content, from);
		segment.position += bytes.length;
		return {segment: segment.number, from, to: segment.position};
	}
}
