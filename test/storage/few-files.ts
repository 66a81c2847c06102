import {closeSync, openSync} from 'node:fs';
import {dirname} from 'node:path';
import {realReader, writeAtomically} from '../../source/storage/files.ts';
import {KeptLines} from '../../source/storage/kept-lines.ts';
import {readPastCache} from '../../source/storage/past-cache.ts';

/** A process that may hold few files open, and holds them: writes and reads all the same, when some of them go. */
const [path = ''] = process.argv.slice(2);
const held: number[] = [];
const isFull = (): boolean => {
	try {
		held.push(openSync('/dev/null', 'r'));
		return false;
	} catch {
		return true;
	}
};
const kept = new KeptLines(`${path}.kept`, error => {
	throw error;
});
// Each twice: what was loaded lazily is loaded by the first one.
const works: ReadonlyArray<() => Promise<unknown>> = [
	() => writeAtomically(path, 'written'),
	() => realReader.list(dirname(path)),
	() => realReader.read(path),
	() => readPastCache(path),
	async () => {
		kept.keep('a line\n');
		for await (const _ of kept.pieces());
	},
];
for (const work of works) await work();
kept.forget();
for await (const _ of kept.pieces());
while (!isFull());
let over = 0;
const ends = works.map(async work => {
	await work();
	over++;
});
await new Promise(resolve => setTimeout(resolve, 300));
process.stdout.write(over === 0 ? 'all wait' : `${over} did not wait`);
for (const fd of held) closeSync(fd);
await Promise.all(ends);
process.stdout.write(', and all are done');
