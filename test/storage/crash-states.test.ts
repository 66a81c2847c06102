import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {setImmediate as turn} from 'node:timers/promises';
import {afterAll, expect, test} from '@jest/globals';
import type {Entry} from '../../source/consensus/types.ts';
import {Failure} from '../../source/failure.ts';
import {Random} from '../../source/simulator/random.ts';
import {groupAt, headerBytes, payloadOf, seal} from '../../source/storage/group.ts';
import {Journal} from '../../source/storage/journal.ts';
import {type Recovered, recover} from '../../source/storage/recovery.ts';
import {readWatermark, Watermark, watermarkOf} from '../../source/storage/watermark.ts';
import {accepted} from './disk.contract.ts';
import {SimulatedFiles} from './simulated-files.ts';

/** More of them with CRASH_STATES=1000000. */
const wanted = Number(process.env.CRASH_STATES ?? 10_000);
const patienceMs = 60_000 + wanted * 10;

/** It has to be there; nothing is read or written in it. */
const directory = tmpdir();
const segmentBytes = 1536;

/** As a journal begins with it. */
const newWatermark = await (async () => {
	const files = new SimulatedFiles(new Random(1), new Map());
	await Watermark.create(files, watermarkOf(directory), {number: 0, checksum: 0});
	return files.read(watermarkOf(directory));
})();

type Image = ReadonlyMap<string, Buffer>;
type Rotation = {readonly from: number; isRemoving: boolean};
/** What must be in a journal that was left just then. Entries are numbered from 0 on. */
type Claim = {
	/** All entries before this one were acknowledged, or were there at the last start. */
	readonly acknowledged: number;
	readonly written: number;
	/** Where it may begin: nothing before is needed any more. */
	readonly beginnings: readonly number[];
};

const counts = {
	states: 0,
	torn: 0,
	lives: 0,
	failures: 0,
	damaged: 0,
	refused: 0,
	late: 0,
	cut: 0,
	cutRefused: 0,
};

test(
	`${wanted} states that a crash may leave: what was acknowledged is there, and nothing is called damaged`,
	async () => {
		for (let seed = 1; counts.states < wanted; seed++) {
			const past = new Past(seed);
			try {
				await past.live();
			} catch (error) {
				throw new Error(`seed ${seed}: ${(error as Error).message}`, {cause: error});
			}

			// Timers of journals that are no more.
			await turn();
		}

		expect(counts.torn).toBeGreaterThan(wanted / 20);
		expect(counts.failures).toBeGreaterThan(wanted / 200);
		expect(counts.refused).toBeGreaterThan(wanted / 50);
		expect(counts.cut).toBeGreaterThan(wanted / 20);
		expect(counts.cutRefused).toBeGreaterThan(wanted / 50);
		expect(counts.late).toBeGreaterThan(wanted / 500);
	},
	patienceMs,
);

/** The lives of one journal on one disk, and all that it was ever given. */
class Past {
	readonly #random: Random;
	#files: SimulatedFiles;
	#written = 0;
	#acknowledged = 0;
	#from = 0;
	#rotations: Rotation[] = [];
	/** Pictures of what a loss of power would leave, not looked at yet. */
	#images: {readonly image: Image; readonly claim: Claim}[] = [];

	constructor(seed: number) {
		this.#random = new Random(seed);
		const head = Buffer.alloc(headerBytes);
		seal(head, 0, 1, 0);
		this.#files = new SimulatedFiles(
			this.#random,
			new Map([
				[join(directory, '00000001.segment'), head],
				[watermarkOf(directory), newWatermark],
			]),
		);
	}

	async live(): Promise<void> {
		for (let life = this.#random.between(2, 5); life > 0; life--) {
			counts.lives++;
			await this.#liveOnce();
			for (const {image, claim} of this.#images) await this.#check(image, claim);
			this.#images = [];
		}
	}

	async #liveOnce(): Promise<void> {
		const random = this.#random;
		const files = this.#files;
		files.onStep = () => {
			if (random.chance(0.15)) this.#images.push({image: files.image(), claim: this.#claim});
		};
		if (random.chance(0.3)) files.weaken(this.#weakness());
		try {
			await this.#work(files);
		} catch (error) {
			// A disk that is full, or fails, is no reason to speak of damage.
			if (!/ENOSPC|EIO/.test((error as Error).message)) throw error;
			counts.failures++;
		}

		await this.#end();
	}

	#weakness() {
		const random = this.#random;
		return random.pick([
			{roomBytes: random.below(10_000)},
			{syncs: random.below(10)},
			{pieceBytes: random.between(1, 300)},
		]);
	}

	async #work(files: SimulatedFiles): Promise<void> {
		const random = this.#random;
		const failures: Error[] = [];
		const {journal, entries, since, removeOlder} = await Journal.open({
			directory,
			segmentBytes,
			idleMs: 1000,
			markMs: random.pick([0, 1000]),
			onError: error => failures.push(error),
			files,
			reader: files,
		});
		this.#accept(entries, since, this.#claim);
		if (random.chance(0.3)) await this.#removeOlder(removeOlder);
		for (let step = random.between(3, 25); step > 0 && failures.length === 0; step--) {
			await this.#act(journal);
			// Some of it gathers while a write is under way.
			for (let wait = random.pick([0, 0, 1, 5, 30]); wait > 0; wait--) await Promise.resolve();
		}

		if (random.chance(0.2)) await this.#closed(journal, failures);
		if (failures.length > 0) throw failures[0];
	}

	async #closed(journal: Journal, failures: readonly Error[]): Promise<void> {
		let isClosed = false;
		journal.close().then(
			() => {
				isClosed = true;
			},
			() => {},
		);
		for (let wait = 0; !isClosed && failures.length === 0; wait++) {
			if (wait > 10_000) throw new Error('a close does not end');
			await Promise.resolve();
		}
	}

	async #act(journal: Journal): Promise<void> {
		const random = this.#random;
		const choice = random.next();
		if (choice < 0.5) {
			const batch = this.#make(random.between(1, 3));
			const through = this.#written;
			journal.append(batch, () => {
				this.#acknowledged = Math.max(this.#acknowledged, through);
			});
		} else if (choice < 0.7) journal.defer(this.#make(random.between(1, 2)));
		else if (choice < 0.8) this.#rotate(journal);
		else {
			let isDone = false;
			const through = this.#written;
			journal.append([], () => {
				isDone = true;
				this.#acknowledged = Math.max(this.#acknowledged, through);
			});
			for (let wait = 0; !isDone && wait < 200; wait++) await Promise.resolve();
		}
	}

	/** Begins anew, and removes what was before as soon as that is durable. */
	#rotate(journal: Journal): void {
		const rotation: Rotation = {from: this.#written, isRemoving: false};
		this.#rotations.push(rotation);
		const restated = this.#make(this.#random.between(1, 3));
		journal
			.rotate(restated, rotation.from)
			.then(removeOlder => {
				this.#acknowledged = Math.max(this.#acknowledged, rotation.from + restated.length);
				if (this.#random.chance(0.2)) return;
				rotation.isRemoving = true;
				return removeOlder();
			})
			.catch(() => {
				// Of a journal that has failed, as its owner hears from elsewhere.
			});
	}

	/** What an earlier life has left to do after its last rotation. */
	async #removeOlder(removeOlder: () => Promise<void>): Promise<void> {
		const {rotation} = await recover(directory, this.#files);
		if (!rotation) return;
		counts.late++;
		this.#rotations.push({from: rotation.since, isRemoving: true});
		removeOlder().catch(() => {
			// Of a journal that has failed, as its owner hears from elsewhere.
		});
	}

	/** Each entry has its number as its slot. */
	#make(count: number): Entry[] {
		return Array.from({length: count}, () => accepted(++this.#written, '.'.repeat(this.#random.below(400))));
	}

	/** The process dies, or the machine loses its power. */
	async #end(): Promise<void> {
		const next = this.#files.die();
		next.weaken({});
		this.#files = next;
		if (this.#random.chance(0.6)) {
			const image = next.image();
			await this.#check(image, this.#claim);
			this.#files = new SimulatedFiles(this.#random, image);
		}

		// What the next life will find. Before it has begun, a loss of power may still take away what is in the cache only.
		const {entries, since} = await recover(directory, this.#files);
		const claim = this.#claim;
		expectAll(entries, since, claim);
		this.#written = first(entries, claim) + entries.length;
	}

	/** This is what there is from now on. */
	#accept(entries: readonly Entry[], since: number, claim: Claim): void {
		this.#from = first(entries, claim);
		expectAll(entries, since, claim);
		this.#written = Math.max(this.#written, this.#from + entries.length);
		this.#rotations = [];
	}

	get #claim(): Claim {
		const removing = this.#rotations.filter(({isRemoving}) => isRemoving).map(({from}) => from);
		return {
			acknowledged: this.#acknowledged,
			written: this.#written,
			beginnings: [this.#from, ...removing],
		};
	}

	async #check(image: Image, claim: Claim): Promise<void> {
		counts.states++;
		const recovered = await recover(directory, readerOf(image));
		expectAll(recovered.entries, recovered.since, claim);
		if (recovered.tornAt) counts.torn++;
		if (this.#random.chance(0.2)) await this.#damage(image, recovered, claim);
		if (this.#random.chance(0.2)) await this.#cut(image, recovered);
	}

	/**
	 * All from the beginning of a group on is gone, as if nobody had ever written
	 * it: that is said if the watermark knows better, and only then.
	 */
	async #cut(image: Image, {last, groups}: Recovered): Promise<void> {
		const {mark} = await readWatermark(readerOf(image), watermarkOf(directory));
		const paths = [...image.keys()].filter(path => path.endsWith('.segment')).sort();
		const found = paths.flatMap(path => groupsIn(image.get(path)!).map(group => ({...group, path})));
		// A restart writes the last group again: only without both of them it is gone.
		const once = found.filter(({number}, index) => found.findIndex(one => one.number === number) === index);
		const from = this.#random.pick(once.slice(-8));
		if (!last || !from || from.number <= last.number - groups + 1) return;
		const content = Buffer.from(image.get(from.path)!);
		content.fill(0, from.start);
		const kept = [...image].filter(([path]) => !path.endsWith('.segment') || path < from.path);
		const isMissed = from.number <= mark.number;
		counts.cut++;
		if (isMissed) counts.cutRefused++;
		const cut = recover(directory, readerOf(new Map([...kept, [from.path, content]])));
		const outcome = await cut.then(
			recovered => `it ends with group ${recovered.last?.number}`,
			(error: Error) => error.message,
		);
		// With the note that older segments are superfluous these are missed, whatever the watermark says.
		const hasNote = found.some(({number, text}) => number >= from.number && /^t /m.test(text));
		const expected = isMissed ? 'does not vote' : 'it ends with group';
		if (!outcome.includes(expected) && !hasNote)
			throw new Error(`cut before group ${from.number}, with a mark at ${mark.number}: ${outcome}`);
	}

	/** A bit turns, or a sector that nobody was writing is lost or in the wrong place: that is said, unless nothing is missing. */
	async #damage(image: Image, {last, entries: all}: Recovered, claim: Claim): Promise<void> {
		const random = this.#random;
		const damaged = new Map(Array.from(image, ([path, content]) => [path, Buffer.from(content)]));
		const content = random.pick([...damaged.values()].filter(({length}) => length > 0));
		const end = content.findLastIndex(byte => byte !== 0) + 1;
		const lastStart = last ? content.lastIndexOf(last.bytes) : -1;
		const sectors = Math.floor((lastStart < 0 ? end : lastStart) / 512);
		if (sectors > 0 && random.chance(0.3)) {
			const at = random.below(sectors) * 512;
			if (random.chance(0.5)) content.fill(0, at, at + 512);
			else content.copy(content, at, random.below(sectors) * 512, 512);
		} else content[random.below(Math.max(1, end))]! ^= 1 << random.below(8);

		counts.damaged++;
		// The last group of a crash cannot be told from one that was never finished.
		const lost = last
			? payloadOf(last)
					.split('\n')
					.filter(line => line.startsWith('a ')).length
			: 0;
		const known = first(all, claim) + all.length - lost;
		try {
			const {entries, since} = await recover(directory, readerOf(damaged));
			expectAll(entries, since, {...claim, acknowledged: Math.min(claim.acknowledged, known)});
		} catch (error) {
			if (!(error instanceof Failure)) throw error;
			counts.refused++;
		}
	}
}

function groupsIn(content: Buffer): {number: number; start: number; text: string}[] {
	const found: {number: number; start: number; text: string}[] = [];
	for (let start = 0, group = groupAt(content, 0); group; group = groupAt(content, start)) {
		found.push({number: group.number, start, text: payloadOf(group)});
		start += group.bytes.length;
	}

	return found;
}

const readerOf = (image: Image) => new SimulatedFiles(new Random(1), image);

/** The number of the first entry, or of where it would be. */
function first(entries: readonly Entry[], {beginnings}: Claim): number {
	const [entry] = entries;
	return entry?.type === 'accepted' ? entry.slot - 1 : beginnings[0]!;
}

/** All that was acknowledged and is needed, in order, and nothing that was never written. */
function expectAll(entries: readonly Entry[], since: number, claim: Claim): void {
	const from = first(entries, claim);
	if (!claim.beginnings.includes(from))
		throw new Error(`it begins with entry ${from}, and could begin with ${claim.beginnings}`);
	// What is gone has to stand in a checkpoint: the journal says of which slot.
	if (since !== from) throw new Error(`it begins with entry ${from}, and says ${since}`);
	for (const [index, entry] of entries.entries())
		if (entry.type !== 'accepted' || entry.slot !== from + index + 1)
			throw new Error(`entry ${from + index} is another one`);
	const through = from + entries.length;
	if (through < claim.acknowledged)
		throw new Error(`it ends with entry ${through}, and ${claim.acknowledged} were acknowledged`);
	if (through > claim.written)
		throw new Error(`it has ${through} entries, and ${claim.written} were written`);
}

if (process.env.CRASH_COUNTS) afterAll(() => void process.stderr.write(`${JSON.stringify(counts)}\n`));
