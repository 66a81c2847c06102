import {refusingDisk} from './refusing-disk.ts';

/** A sync that fails once and then succeeds has lost what was written before: it is never tried again. */
export const failedSync = refusingDisk({
	name: 'failed-sync',
	tells:
		'a sync of a replica fails once: it stops with one line, the others go on; started again it catches up',
	kind: 'failed sync',
	says: /EIO/,
	refuse: (stage, id) => stage.hands.failSync(id),
});
