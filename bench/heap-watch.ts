import {appendFileSync} from 'node:fs';
import {setFlagsFromString} from 'node:v8';
import {runInNewContext} from 'node:vm';

/**
 * Loaded before the program whose heap is to be known: a line with what is in
 * use, in MB, every five seconds, into the file of HEAP_FILE. What is garbage
 * is collected first, or it would be counted by chance.
 */
const path = process.env.HEAP_FILE;
if (path !== undefined) {
	setFlagsFromString('--expose-gc');
	const collect = runInNewContext('gc') as () => void;
	setInterval(() => {
		collect();
		appendFileSync(path, `${process.memoryUsage().heapUsed / 1_000_000}\n`);
	}, 5000).unref();
}
