/** What disks do to files while nobody writes them; told by what it did, and where. */
import {randomBytes, randomInt} from 'node:crypto';
import {open, readdir, readFile, truncate} from 'node:fs/promises';
import {join} from 'node:path';

export type Spot = {readonly path: string; readonly offset: number};

/** Fewer bytes than the smallest group has: only the last one is torn. */
const mostTorn = 20;

/** Cuts the last bytes off what was written last into a journal. */
export async function tearOff(journal: string): Promise<Spot> {
	const {path, end} = await newest(journal);
	const offset = end - randomInt(1, mostTorn + 1);
	await truncate(path, offset);
	return {path, offset};
}

/** Writes bytes of chance behind what was written last, as of a write that never came to its end. */
export async function litter(journal: string): Promise<Spot> {
	const {path, end} = await newest(journal);
	await overwrite(path, end, randomBytes(randomInt(1, 4097)));
	return {path, offset: end};
}

/** Flips one bit in the older half of the longest segment of a journal. The same again undoes it. */
export async function flipOld(journal: string): Promise<Spot & {readonly bit: number}> {
	const segments = await written(journal);
	const {path, end} = segments.reduce((one, other) => (other.end > one.end ? other : one));
	const place = {path, offset: randomInt(0, end >> 1), bit: randomInt(0, 8)};
	await flip(place);
	return place;
}

export async function flip({path, offset, bit}: Spot & {readonly bit: number}): Promise<void> {
	const byte = (await readFile(path))[offset]!;
	await overwrite(path, offset, Buffer.of(byte ^ (1 << bit)));
}

type Written = {readonly path: string; readonly end: number};

/** The segment that was written last; one that lies ready behind it holds nothing yet. */
async function newest(journal: string): Promise<Written> {
	return (await written(journal)).at(-1)!;
}

/** All segments with something in them, and where their bytes end: the rest is zeros. */
async function written(journal: string): Promise<readonly Written[]> {
	const names = (await readdir(journal)).filter(name => name.endsWith('.segment')).sort();
	const segments = names.map(async name => {
		const path = join(journal, name);
		return {path, end: (await readFile(path)).findLastIndex(byte => byte !== 0) + 1};
	});
	return (await Promise.all(segments)).filter(({end}) => end > 0);
}

async function overwrite(path: string, offset: number, bytes: Buffer): Promise<void> {
	const file = await open(path, 'r+');
	await file.write(bytes, 0, bytes.length, offset);
	await file.close();
}
