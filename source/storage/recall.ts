import {ChatLog} from '../chat/chat-log.ts';
import type {Entry} from '../consensus/types.ts';
import {Acquaintances} from './acquaintances.ts';
import {type Checkpoint, recoverCheckpoint} from './checkpoint.ts';
import type {ReplicaPaths} from './directory.ts';
import {type Ground, realGround} from './ground.ts';
import {Journal, type JournalOptions} from './journal.ts';
import type {Older} from './keeper.ts';

export type RecallOptions = {
	readonly directory: ReplicaPaths;
	readonly segmentBytes: number;
	/** Hears once of the first error of journal and chat log, and that is their end. */
	readonly onError: (error: Error) => void;
	/** One line for the operator. */
	readonly tell: (line: string) => void;
	readonly ground?: Ground;
	/** How fast the journal closes its groups and marks them, if not as usual. */
	readonly pace?: Pick<JournalOptions, 'idleMs' | 'markMs'>;
};

/** All that a replica knows when it starts. What is decided after the checkpoint stands in the entries. */
export type Recalled = {
	readonly acquaintances: Acquaintances;
	readonly journal: Journal;
	readonly entries: readonly Entry[];
	readonly checkpoint: Checkpoint | undefined;
	readonly older: Older;
	/** Ends with the checkpoint. */
	readonly log: ChatLog;
};

/** Reads what the disk remembers, in the only order in which that is safe. Throws a Failure if the replica must not start. */
export async function recall(options: RecallOptions): Promise<Recalled> {
	const {directory, segmentBytes, onError, tell, ground = realGround, pace} = options;
	const {files, reader} = ground;
	const acquaintances = await Acquaintances.open(directory.acquaintances, files, ground.readPrivate);
	const opened = await Journal.open({
		directory: directory.journal,
		segmentBytes,
		onError,
		files,
		reader,
		...pace,
	});
	const {journal, entries, since, tornAt, removeOlder, rotatedSince} = opened;
	try {
		const checkpoint = await recoverCheckpoint(directory.checkpoint, since, tell, {
			files,
			read: reader.read,
		});
		if (tornAt) tell(`the last write before this start was unfinished: it is cut off, ${tornAt.path}`);
		// It is cut to the checkpoint only now, when the journal is known to hold the rest.
		const log = await ChatLog.open(directory.chatLog, checkpoint?.bytes ?? 0, onError, ground.logs);
		const older = {since: rotatedSince, remove: removeOlder};
		return {acquaintances, journal, entries, checkpoint, older, log};
	} catch (error) {
		await journal.close();
		throw error;
	}
}
