import {groupAt, headerBytes} from '../storage/group.ts';
import type {Image, Picture} from '../storage/memory-journal.ts';
import type {Random} from './random.ts';

const sectorBytes = 512;

/** Does something to the bytes of a journal, in their place, of which only the given die knows. */
export type Harm = (picture: Picture, random: Random) => void;

/** Any of the sectors of the write that was under way are there, whatever their order. */
export const lostSectors: Harm = (picture, random) => {
	const {content, from, to} = writeIn(picture);
	for (const [start, end] of sectors(from, to)) if (random.chance(0.5)) content.fill(0, start, end);
};

/** The first of them are there, and of the last one that is the disk garbled what was to change. */
export const garbledSector: Harm = (picture, random) => {
	const {content, from, to} = writeIn(picture);
	const all = sectors(from, to);
	const [start, end] = random.pick(all);
	const rest = Math.ceil(end / sectorBytes) * sectorBytes;
	content.fill(0, start);
	for (let at = start; at < Math.min(rest, content.length); at++) content[at] = random.below(256);
};

/** The disk took a part of it. */
export const shortWrite: Harm = (picture, random) => {
	const {content, from, to} = writeIn(picture);
	content.fill(0, random.between(from, to));
};

/**
 * A bit turns, in a segment or in the watermark. Not in the last group, if it
 * says anything: that one cannot be told from a write that never came to its end.
 */
export const flippedBit: Harm = ({image}, random) => {
	const files = filesOf(image);
	const {content, end} = random.pick(files);
	content[random.below(end)]! ^= 1 << random.below(8);
};

/** A sector that was synced holds what belongs elsewhere, or was never brought to its place. The last group is spared as above. */
export const misdirectedWrite: Harm = ({image}, random) => {
	const files = filesOf(image);
	const {content, end} = random.pick(files);
	const whole = Math.floor(end / sectorBytes);
	const at = random.below(Math.max(1, whole)) * sectorBytes;
	// Of what is shorter a piece, as of a smaller sector.
	const to = Math.min(at + sectorBytes, end);
	const other = random.pick(files);
	const from = random.below(Math.ceil(other.end / sectorBytes)) * sectorBytes;
	const strange = Buffer.from(other.content.subarray(from, from + sectorBytes));
	content.fill(0, at, to);
	if (random.chance(0.5)) strange.copy(content, at, 0, to - at);
};

/** Each file, and where in it ends what may be harmed. */
function filesOf({segments, watermark}: Image): {readonly content: Buffer; readonly end: number}[] {
	const files = segments.map(({content}) => {
		let [last, end] = [0, 0];
		for (let group = groupAt(content, 0); group; group = groupAt(content, end))
			[last, end] = [end, end + group.bytes.length];
		return {content, last, end};
	});
	const newest = files.findLast(({end}) => end > 0);
	if (newest && newest.end > newest.last + headerBytes) newest.end = newest.last;
	return [...files, {content: watermark, end: watermark.length}].filter(({end}) => end > 0);
}

function writeIn({image, place}: Picture) {
	const {segment, from, to} = place!;
	return {content: image.segments.find(({number}) => number === segment)!.content, from, to};
}

/** The parts of a write that lie in one sector each. */
function sectors(from: number, to: number): (readonly [start: number, end: number])[] {
	const parts: (readonly [number, number])[] = [];
	for (let start = from; start < to; ) {
		const end = Math.min(to, (Math.floor(start / sectorBytes) + 1) * sectorBytes);
		parts.push([start, end]);
		start = end;
	}

	return parts;
}
