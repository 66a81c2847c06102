import {Failure} from './failure.ts';

/** For the journal, the chat log, what is read of them, the connections to the peers, and the runtime itself: some forty in a cluster of seven, and as many again. */
const ownFiles = 96;
/** With fewer connections a replica is of no use. */
const leastConnections = 32;

/** How many files this process may have open; Infinity if the system does not say. Takes some milliseconds. */
export function mostOpenFiles(): number {
	// What it would say of our connections takes a question to a name server for each.
	Object.assign(process.report, {excludeNetwork: true});
	const {userLimits} = process.report.getReport() as {userLimits?: {open_files?: {soft?: unknown}}};
	const most = userLimits?.open_files?.soft;
	return typeof most === 'number' ? most : Number.POSITIVE_INFINITY;
}

/** Connections of clients and monitors, and all that a replica takes, with those of its peers and of whoever has not said yet what he wants. */
export type Places = {readonly guests: number; readonly all: number};

/**
 * As many as are wanted, or in the same proportion as many as the process may have beside its own files:
 * strangers who come and come back must not take the one in which the disk writes. Throws a Failure if that is too few.
 */
export function placesIn(wanted: Places, files: number): Places {
	const all = Math.min(wanted.all, files - ownFiles);
	if (all < Math.min(wanted.all, leastConnections))
		throw new Failure(
			`a replica needs ${ownFiles + leastConnections} open files, and this process may have ${files}: raise the limit (ulimit -n), then start again`,
			2,
		);
	return {guests: Math.max(1, Math.floor((wanted.guests * all) / wanted.all)), all};
}
