import type {Entry} from '../consensus/types.ts';

/** The memory of one replica: durable, append-only, in order. */
export type Disk = {
	/** `done` is called once these entries, and all appended or deferred before them, would survive a crash. */
	append(entries: readonly Entry[], done: () => void): void;
	/** Kept in order, but written with the next append or when the disk has been idle: a crash may lose them. */
	defer(entries: readonly Entry[]): void;
};
