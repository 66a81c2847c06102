import {crc32} from 'node:zlib';
import {Failure} from '../failure.ts';

/**
 * A group is what one write and one sync put into the journal:
 *
 *   0  magic       ff 70 78 67: no UTF-8 text holds the byte ff, so no chat line can pose as a group
 *   4  checksum    CRC-32 of all that follows
 *   8  length      of the payload, in bytes
 *  12  previous    checksum of the group before: groups are chained, also across segments
 *  16  number      48 bits; grows by one from group to group, also across restarts
 *  22  format      2
 *  24  payload     entries as text, one a line
 */
export type Group = {
	readonly number: number;
	readonly checksum: number;
	readonly previous: number;
	/** Header and payload as they stand in the file. */
	readonly bytes: Buffer;
};

export const magic = Buffer.from([0xff, 0x70, 0x78, 0x67]);
export const headerBytes = 24;
const format = 2;

/** Puts the header before a payload that stands at `headerBytes` already, and returns the checksum. */
export function seal(buffer: Buffer, payloadBytes: number, number: number, previous: number): number {
	magic.copy(buffer);
	buffer.writeUInt32LE(payloadBytes, 8);
	buffer.writeUInt32LE(previous, 12);
	buffer.writeUIntLE(number, 16, 6);
	buffer.writeUInt16LE(format, 22);
	const checksum = crc32(buffer.subarray(8, headerBytes + payloadBytes));
	buffer.writeUInt32LE(checksum, 4);
	return checksum;
}

/** The group that begins at this offset, if all of it is there and intact. Throws a Failure if another version wrote it. */
export function groupAt(buffer: Buffer, offset: number): Group | undefined {
	if (offset + headerBytes > buffer.length) return undefined;
	if (magic.compare(buffer, offset, offset + magic.length) !== 0) return undefined;
	const end = offset + headerBytes + buffer.readUInt32LE(offset + 8);
	if (end > buffer.length) return undefined;
	const checksum = buffer.readUInt32LE(offset + 4);
	if (crc32(buffer.subarray(offset + 8, end)) !== checksum) return undefined;
	const written = buffer.readUInt16LE(offset + 22);
	if (written !== format)
		throw new Failure(
			`a journal of format ${written}, and this version of paxos-chat knows format ${format} only: start it with the version that wrote it`,
		);
	return {
		number: buffer.readUIntLE(offset + 16, 6),
		checksum,
		previous: buffer.readUInt32LE(offset + 12),
		bytes: buffer.subarray(offset, end),
	};
}

export const payloadOf = (group: Group): string => group.bytes.toString('utf8', headerBytes);
