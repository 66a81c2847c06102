import type {Note} from './consensus/types.ts';

/** As many notes of a kind are told in a second; what is more is counted. */
const mostPerSecond = 50;
/** So many slots in a row of which the same is to be said are told of in one note. */
const shortestRun = 4;

type Window = {readonly begunAt: number; told: number; untold: number};

/**
 * Keeps notes few enough to be read, and to be sent: a new primary can have
 * something to say of thousands of slots, and one that has no room of
 * thousands of requests.
 */
export class NoteBook {
	readonly #now: () => number;
	readonly #windows = new Map<Note['kind'], Window>();

	/** `now`: milliseconds of a clock that does not jump. */
	constructor(now: () => number) {
		this.#now = now;
	}

	/** Of these notes, those that are to be told. */
	sift(notes: readonly Note[]): Note[] {
		return runsOf(notes).flatMap(run => {
			const told = run.length < shortestRun ? run : [summaryOf(run)];
			return told.flatMap(note => this.#count(note));
		});
	}

	#count(note: Note): Note[] {
		const now = this.#now();
		const last = this.#windows.get(note.kind);
		if (last && now - last.begunAt < 1000) {
			if (last.told >= mostPerSecond) {
				last.untold++;
				return [];
			}

			last.told++;
			return [note];
		}

		this.#windows.set(note.kind, {begunAt: now, told: 1, untold: 0});
		const untold = last?.untold ?? 0;
		return [untold === 0 ? note : {...note, text: `${note.text} (and ${untold} more of this kind before)`}];
	}
}

/** Notes that say the same of slots in a row, together. */
function runsOf(notes: readonly Note[]): Note[][] {
	const runs: Note[][] = [];
	for (const note of notes) {
		const run = runs.at(-1);
		const last = run?.at(-1);
		if (run && last && isNext(last, note)) run.push(note);
		else runs.push([note]);
	}

	return runs;
}

const isNext = (last: Note, note: Note): boolean =>
	last.slot !== undefined &&
	note.slot === last.slot + 1 &&
	note.kind === last.kind &&
	note.view === last.view &&
	note.text === last.text;

const summaryOf = (run: readonly Note[]): Note => {
	const first = run[0]!;
	return {...first, text: `${first.text}, and so for each up to slot ${run.at(-1)!.slot}`};
};
