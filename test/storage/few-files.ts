import {closeSync, openSync} from 'node:fs';
import {writeAtomically} from '../../source/storage/files.ts';

/** A process that may hold few files open, and holds them: writes one all the same, when one of them goes. */
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
// What was loaded lazily is loaded by the first one.
await writeAtomically(path, 'before');
while (!isFull());
let isOver = false;
const written = writeAtomically(path, 'after').then(() => {
	isOver = true;
});
await new Promise(resolve => setTimeout(resolve, 300));
process.stdout.write(isOver ? 'it did not wait' : 'it waits');
for (const fd of held) closeSync(fd);
await written;
process.stdout.write(', and is written');
