import {appendFileSync} from 'node:fs';

/** Loaded before the program whose heap is to be known: a line with its size in MB, twice a second, into the file of HEAP_FILE. */
const path = process.env.HEAP_FILE;
if (path !== undefined)
	setInterval(() => appendFileSync(path, `${process.memoryUsage().heapUsed / 1_000_000}\n`), 500).unref();
