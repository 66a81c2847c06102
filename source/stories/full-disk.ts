import {refusingDisk} from './refusing-disk.ts';

/** No room: what was not written was not promised. */
export const fullDisk = refusingDisk({
	name: 'full-disk',
	tells:
		'the files of a replica cannot grow any more: it stops with one line, the others go on; with room again it catches up',
	kind: 'full',
	says: /EFBIG|ENOSPC/,
	refuse: (stage, id) => stage.hands.fill(id),
});
