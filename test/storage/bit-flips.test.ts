import {cpSync, existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync} from 'node:fs';
import {rm} from 'node:fs/promises';
import {join} from 'node:path';
import {isDeepStrictEqual} from 'node:util';
import {expect, jest, test} from '@jest/globals';
import {Chat} from '../../source/chat/chat.ts';
import {Replica} from '../../source/consensus/replica.ts';
import {Failure} from '../../source/failure.ts';
import {Random} from '../../source/simulator/random.ts';
import {settings} from '../../source/simulator/world.ts';
import {Acquaintances} from '../../source/storage/acquaintances.ts';
import {openReplicaDirectory} from '../../source/storage/directory.ts';
import {lookThrough} from '../../source/storage/log-check.ts';
import {recall} from '../../source/storage/recall.ts';
import {verify} from '../../source/storage/verify.ts';
import {temporaryDirectory} from './journal-rig.ts';
import {live, replicas} from './lived.ts';

/** More of them with BIT_FLIPS=2000. */
const wanted = Number(process.env.BIT_FLIPS ?? 200);
jest.setTimeout(60_000 + wanted * 100);

/** All that a replica knows after a start, as text; whether its journal had an unfinished end; and what the start said. */
type Memory = {
	readonly knows: string;
	readonly votes: readonly string[];
	readonly entries: readonly string[];
	readonly isTorn: boolean;
	readonly told: readonly string[];
};

/** Does what a start does before anybody is given a line. Throws a Failure if it must not start. */
async function start(data: string): Promise<Memory> {
	let isTorn = false;
	const told: string[] = [];
	const tell = (line: string) => {
		if (line.startsWith('the last write before this start was unfinished')) isTorn = true;
		else told.push(line);
	};
	const directory = await openReplicaDirectory({data, id: 0, cluster: {replicas}, tell});
	const opened = [directory.release];
	try {
		const onError = (error: Error) => {
			throw error;
		};
		const recalled = await recall({directory, segmentBytes: 4096, onError, tell});
		const {acquaintances, journal, entries, checkpoint, log} = recalled;
		opened.push(
			() => journal.close(),
			() => log.close(),
		);
		await lookThrough(directory.chatLog, checkpoint).whole;
		const slot = checkpoint?.slot ?? 0;
		const chat = new Chat({sessions: 100}, checkpoint);
		const replica = new Replica(
			{...settings, id: 0, replicas: 3, incarnation: '0'.repeat(32), isNewcomer: false, skip: []},
			entries,
			slot,
		);
		for (const decision of replica.step({type: 'tick', now: 0}).decisions) {
			const {text} = chat.execute(decision.slot, decision.value);
			await new Promise<void>(resolve => log.append(text, resolve));
		}

		const whole = readFileSync(directory.chatLog, 'utf8');
		const met = [1, 2].map(peer => acquaintances.remembered(peer));
		const {identity, memory} = directory;
		return {
			knows: JSON.stringify([identity, memory, met, replica.view, chat.state(), whole]),
			votes: [...replica.acceptor.accepted.values()].map(vote => JSON.stringify(vote)),
			entries: entries.map(entry => JSON.stringify(entry)),
			isTorn,
			told,
		};
	} finally {
		for (const close of opened.reverse()) await close();
	}
}

/** All files below a directory that hold anything. */
function filesOf(directory: string): string[] {
	return readdirSync(directory, {recursive: true, encoding: 'utf8'})
		.map(name => join(directory, name))
		.filter(path => statSync(path).isFile() && readFileSync(path).some(byte => byte !== 0));
}

/**
 * What came of a bit that was turned. Nobody may go on with less, or with
 * something else, without a word: that verify would have named it is no excuse.
 * 'written again': what the bit was turned in, a start cuts off and has from
 * elsewhere. 'told': the start said what is damaged, and knows all the same.
 */
type Outcome = 'refused' | 'told' | 'harmless' | 'written again' | 'cut as a torn end' | 'silent';

/** `name`: the file that was damaged. */
async function judge(data: string, name: string, healthy: Memory): Promise<Outcome> {
	const path = join(data, name);
	const before = existsSync(path) ? readFileSync(path) : undefined;
	// Before the start, which cuts what is torn and writes again what can be written again.
	const {ok} = await verify(data).catch(error => {
		if (!(error instanceof Failure)) throw error;
		return {ok: false};
	});
	try {
		const {knows, votes, entries, isTorn, told} = await start(data);
		const knowsAll = knows === healthy.knows;
		if (knowsAll && isDeepStrictEqual(votes, healthy.votes)) {
			const isAsBefore = before !== undefined && readFileSync(path).equals(before);
			return name.endsWith('chat.log') && !isAsBefore ? 'written again' : 'harmless';
		}

		if (told.length > 0) return knowsAll ? 'told' : 'silent';
		// Only what the very last group held may be missing: no more than one write.
		const isShorter = entries.every((entry, index) => entry === healthy.entries[index]);
		const isLast = isShorter && healthy.entries.length - entries.length <= 2;
		return isTorn && isLast && ok ? 'cut as a torn end' : 'silent';
	} catch (error) {
		if (!(error instanceof Failure)) throw error;
		return 'refused';
	}
}

function copy(from: string, to: string): void {
	rmSync(to, {recursive: true, force: true});
	cpSync(from, to, {recursive: true});
}

test('a file that is gone is missed, unless another one says the same', async () => {
	const home = await temporaryDirectory();
	try {
		const healthyData = join(home, 'healthy');
		const {acquaintances} = await live(healthyData, 0, 40, [10, 20]);
		const met = await Acquaintances.open(acquaintances);
		await met.meet(1, {incarnation: '1'.repeat(32), isNewcomer: false, groups: 5});
		const names = filesOf(healthyData).map(file => file.slice(healthyData.length + 1));
		const data = join(home, 'data');
		const restore = () => copy(healthyData, data);
		restore();
		const healthy = await start(data);
		const outcomes: Record<string, Outcome> = {};
		for (const name of names) {
			restore();
			rmSync(join(data, name));
			outcomes[name] = await judge(data, name, healthy);
		}
		// What they say stands in the meta of the replica, or in its journal; a start without its checkpoint has to work more.
		const {'replica-0/checkpoint': withoutCheckpoint, ...others} = outcomes;
		const spare = ['members.json', 'replica-0/checkpoint.previous'];
		expect(Object.keys(others).filter(name => others[name] !== 'refused')).toEqual(spare);
		expect(spare.map(name => others[name])).toEqual(['harmless', 'harmless']);
		for (const name of ['meta', 'peers', 'journal.watermark', 'chat.log'])
			expect(others[`replica-0/${name}`]).toBe('refused');
		expect(withoutCheckpoint).toBe('told');
		restore();
		rmSync(join(data, 'replica-0/checkpoint'));
		// The one before it knows the same, and leaves more votes above it.
		const {knows, votes} = await start(data);
		expect(knows).toBe(healthy.knows);
		expect(votes).toEqual(expect.arrayContaining([...healthy.votes]));
	} finally {
		await rm(home, {recursive: true});
	}
});

test.each([
	{how: 'closed', isKilled: false},
	{how: 'killed', isKilled: true},
])(
	`${wanted / 2} bits, turned one at a time in all files of a replica that was $how: none is overlooked`,
	async ({isKilled}) => {
		const home = await temporaryDirectory();
		try {
			const healthyData = join(home, 'healthy');
			const {acquaintances, secret, path} = await live(healthyData, 0, 40, [10, 20], isKilled);
			const met = await Acquaintances.open(acquaintances);
			for (const peer of [1, 2])
				await met.meet(peer, {incarnation: String(peer).repeat(32), isNewcomer: false, groups: 5});
			expect(secret.length).toBe(32);
			const names = filesOf(healthyData).map(file => file.slice(healthyData.length + 1));
			for (const file of [
				'secret',
				'members.json',
				'meta',
				'peers',
				'journal.watermark',
				'checkpoint',
				'checkpoint.previous',
				'chat.log',
			])
				expect(names.some(name => name.endsWith(file))).toBe(true);
			expect(names.some(name => name.endsWith('.segment'))).toBe(true);
			expect(path.startsWith(healthyData)).toBe(true);

			const data = join(home, 'data');
			const restore = () => copy(healthyData, data);
			restore();
			const healthy = await start(data);
			const random = new Random(isKilled ? 1 : 2);
			const outcomes: Partial<Record<Outcome, number>> = {};
			const silent: string[] = [];
			for (let flip = 0; flip < wanted / 2; flip++) {
				restore();
				const name = names[flip % names.length]!;
				const content = readFileSync(join(data, name));
				const at = random.below(content.findLastIndex(byte => byte !== 0) + 1);
				const bit = random.below(8);
				content[at]! ^= 1 << bit;
				writeFileSync(join(data, name), content);
				const outcome = await judge(data, name, healthy);
				outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
				if (name.endsWith('chat.log')) expect(['refused', 'written again']).toContain(outcome);
				if (outcome === 'silent') silent.push(`${name}: bit ${bit} of byte ${at}`);
			}

			expect(silent).toEqual([]);
			expect(outcomes.refused).toBeGreaterThan(wanted / 8);
			if (process.env.BIT_FLIPS) process.stderr.write(`${JSON.stringify(outcomes)}\n`);
		} finally {
			await rm(home, {recursive: true});
		}
	},
);
