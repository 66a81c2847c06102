import {createHash} from 'node:crypto';
import {closeSync, createReadStream, fstatSync, openSync, readSync, writeSync} from 'node:fs';
import {createInterface} from 'node:readline';
import {Replica} from './consensus/replica.ts';
import type {Admitted, Entry, Input, Options, Output, ReplicaStatus, Slot} from './consensus/types.ts';
import {Failure} from './failure.ts';
import type {Watch} from './host.ts';

/**
 * A trace is a file of JSON objects, a line each: how a life of a replica
 * began, and then every input at the door of its core, each with a digest of
 * what came out of it and of all that came before. The core knows nothing but
 * its inputs, so whoever gives them again gets the same outputs.
 *
 *   {"trace":1,"options":…,"since":…,"admitted":[…],"entries":[…]}   a life begins
 *   {"input":…,"digest":"16 hex digits"}
 *   {"input":…,"broken":"…"}                          an invariant broke: the end of this life
 */
type Beginning = {
	readonly trace: 1;
	readonly options: Options;
	readonly since: Slot;
	readonly admitted: readonly Admitted[];
	readonly entries: readonly Entry[];
};
type Step = {readonly input: Input; readonly digest?: string; readonly broken?: string};

/** JSON has no infinity: a hole that is waited for as long as it takes. */
const never = 'never';
const encode = (line: Beginning | Step): string =>
	`${JSON.stringify(line, (_key, value: unknown) => (value === Number.POSITIVE_INFINITY ? never : value))}\n`;
const decodeOptions = (options: Options): Options => ({
	...options,
	holePatienceTicks:
		(options.holePatienceTicks as unknown) === never ? Number.POSITIVE_INFINITY : options.holePatienceTicks,
});

const firstDigest = '';
/** Of an output and of all before it. */
const digestOf = (before: string, output: Output): string =>
	createHash('sha256').update(before).update(JSON.stringify(output)).digest('hex').slice(0, 16);

/**
 * Writes a trace, each line before anything else happens, so that kill -9
 * loses none. A file that exists gets another life at its end.
 */
export class Recorder {
	readonly #path: string;
	readonly #onTrouble: (text: string) => void;
	/** Undefined once it has been closed, or could not be written to. */
	#file: number | undefined;
	#digest = firstDigest;

	/** Throws a Failure if the file cannot be opened. What happens to it later is told once, and ends the trace. */
	constructor(path: string, onTrouble: (text: string) => void) {
		this.#path = path;
		this.#onTrouble = onTrouble;
		try {
			this.#file = openSync(path, 'a+', 0o600);
			this.#mendEnd(this.#file);
		} catch (error) {
			throw new Failure(`cannot write a trace to ${path}: ${(error as Error).message}; name another file`);
		}
	}

	/** A replica is made of these; what watches it from its first step on. */
	begin(options: Options, entries: readonly Entry[], since: Slot, admitted: readonly Admitted[]): Watch {
		this.#digest = firstDigest;
		this.#write({trace: 1, options, since, admitted, entries});
		return (input, step) => this.#record(input, step);
	}

	close() {
		if (this.#file !== undefined) closeSync(this.#file);
		this.#file = undefined;
	}

	#record(input: Input, step: () => Output): Output {
		try {
			const output = step();
			this.#digest = digestOf(this.#digest, output);
			this.#write({input, digest: this.#digest});
			return output;
		} catch (error) {
			this.#write({input, broken: (error as Error).message});
			throw error;
		}
	}

	#write(line: Beginning | Step) {
		if (this.#file === undefined) return;
		try {
			const bytes = Buffer.from(encode(line));
			for (let at = 0; at < bytes.length; ) at += writeSync(this.#file, bytes, at);
		} catch (error) {
			this.#onTrouble(`stops its trace, ${this.#path}: ${(error as Error).message}`);
			this.close();
		}
	}

	/** A process was killed in the middle of a line: that one stays alone. */
	#mendEnd(file: number) {
		const {size} = fstatSync(file);
		const last = Buffer.alloc(1);
		if (size > 0 && readSync(file, last, 0, 1, size - 1) === 1 && last[0] !== 0x0a) writeSync(file, '\n');
	}
}

/** What came of a trace that was played again. */
export type Replay = {
	/** All outputs were as recorded. */
	readonly ok: boolean;
	readonly lives: number;
	readonly steps: number;
	/** Lines that a killed process left unfinished. */
	readonly torn: readonly number[];
	/** Of the last life, in the end, or where the first difference is. */
	readonly replica: (ReplicaStatus & {readonly id: number}) | null;
	/** An invariant broke, as recorded. */
	readonly broken: {readonly line: number; readonly text: string} | null;
	readonly difference: {readonly line: number; readonly text: string} | null;
};

/** Gives the core every input of a trace again, up to the first output that is not as recorded. Throws a Failure if this is no trace. */
export async function replay(path: string): Promise<Replay> {
	const player = new Player(path);
	let number = 0;
	try {
		for await (const line of createInterface({input: createReadStream(path), crlfDelay: 0})) {
			player.take(++number, line);
			if (player.isOver) break;
		}
	} catch (error) {
		if (error instanceof Failure) throw error;
		throw new Failure(`cannot read ${path}: ${(error as Error).message}; name a file of replica --trace`);
	}

	return player.end();
}

class Player {
	readonly #path: string;
	#replica: Replica | undefined;
	#digest = firstDigest;
	#lives = 0;
	#steps = 0;
	#unfinished: number | undefined;
	readonly #torn: number[] = [];
	#broken: Replay['broken'] = null;
	#difference: Replay['difference'] = null;

	constructor(path: string) {
		this.#path = path;
	}

	get isOver(): boolean {
		return this.#difference !== null;
	}

	take(number: number, text: string) {
		const line = parse(text);
		if (this.#unfinished !== undefined && !isBeginning(line)) throw this.#damage(this.#unfinished);
		if (number === 1 && !isBeginning(line)) throw this.#noTrace();
		if (this.#unfinished !== undefined) this.#torn.push(this.#unfinished);
		this.#unfinished = undefined;
		if (isBeginning(line)) this.#begin(number, line);
		else if (!isStep(line)) this.#unfinished = number;
		else this.#step(number, line, this.#replica!);
	}

	end(): Replay {
		if (this.#lives === 0) throw this.#noTrace();
		if (this.#unfinished !== undefined) this.#torn.push(this.#unfinished);
		const replica = this.#replica && {id: this.#replica.options.id, ...this.#replica.status()};
		return {
			ok: this.#difference === null,
			lives: this.#lives,
			steps: this.#steps,
			torn: this.#torn,
			replica: replica ?? null,
			broken: this.#broken,
			difference: this.#difference,
		};
	}

	#begin(number: number, {options, entries, since, admitted}: Beginning) {
		this.#lives++;
		this.#digest = firstDigest;
		try {
			this.#replica = new Replica(decodeOptions(options), entries, since, admitted);
		} catch (error) {
			throw new Failure(
				`${this.#path}: line ${number}: no replica begins like this: ${(error as Error).message}`,
			);
		}
	}

	#step(number: number, {input, digest, broken}: Step, replica: Replica) {
		this.#steps++;
		let found: string;
		try {
			this.#digest = digestOf(this.#digest, replica.step(input));
			found = this.#digest;
		} catch (error) {
			found = (error as Error).message;
		}

		if (found === (broken ?? digest)) {
			if (broken !== undefined) this.#broken = {line: number, text: broken};
			return;
		}

		const recorded = broken === undefined ? `the output ${digest}` : `"${broken}"`;
		const text = `${input.type}: ${recorded} was recorded, now it is ${found}`;
		this.#difference = {line: number, text};
	}

	#noTrace() {
		return new Failure(
			`${this.#path} is no trace: no replica begins in its first line; record one with replica --trace`,
		);
	}

	#damage(line: number) {
		return new Failure(
			`${this.#path}: line ${line} is damaged, and no later one can be trusted; record again`,
		);
	}
}

function parse(text: string): unknown {
	try {
		return JSON.parse(text);
	} catch {
		return undefined;
	}
}

const isObject = (value: unknown): value is Record<string, unknown> =>
	typeof value === 'object' && value !== null && !Array.isArray(value);
const isBeginning = (line: unknown): line is Beginning =>
	isObject(line) &&
	line.trace === 1 &&
	isObject(line.options) &&
	Array.isArray(line.entries) &&
	Array.isArray(line.admitted);
const isStep = (line: unknown): line is Step =>
	isObject(line) &&
	isObject(line.input) &&
	typeof line.input.type === 'string' &&
	(typeof line.digest === 'string' || typeof line.broken === 'string');
