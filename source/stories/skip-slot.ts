import type {ReplicaId, Slot} from '../consensus/types.ts';
import {type Evidence, type Sample, type Skip, safety} from './evidence.ts';
import {type Finding, fact, failure, missing} from './finding.ts';
import type {Stage} from './stage.ts';
import {ofAct, type Story} from './story.ts';

/** How often every replica must have been seen to stand before the hole. */
const leastSights = 3;
/** Titles of the acts; the judge wants to see each. */
const killed = 'the primary is killed';
const alone = 'nobody is killed';
const oneDead = 'one replica is dead already';

/** Nobody but the no-op may end the hole: the primary left it out, and never voted there. */
export const skipSlot: Story = {
	name: 'skip-slot',
	tells:
		'the primary leaves a slot out; nothing is executed past the hole until a new primary fills it with a no-op',
	rounds: {of: 'slots left out in each act', usual: 1},

	async play(theatre, rounds) {
		const acts: Evidence[] = [];
		// For ever: so it is the kill that ends the hole, and not the hole's own clock.
		const patient = {holePatienceMs: 0};
		acts.push(
			await theatre.perform({title: killed, f: 1, tunables: patient}, async stage => {
				await begin(stage);
				for (let round = 1; round <= rounds; round++) {
					await stage.restartAll();
					// Who has just come back would not hear of slots behind the hole, as nobody says them again.
					await stage.growth(50, 15);
					for (const id of stage.alive) await stage.caughtUp(id);
					const skip = await leaveOut(stage);
					await stage.kill(skip.primary);
					await end(stage, skip.slot);
				}
			}),
		);
		acts.push(
			await theatre.perform({title: alone, f: 1}, async stage => {
				await begin(stage);
				for (let round = 1; round <= rounds; round++) await end(stage, (await leaveOut(stage)).slot);
			}),
		);
		acts.push(
			await theatre.perform({title: oneDead, f: 1}, async stage => {
				await begin(stage);
				await stage.kill(2);
				for (let round = 1; round <= rounds; round++) await end(stage, (await leaveOut(stage)).slot);
			}),
		);
		return acts;
	},

	*judge(acts, rounds) {
		for (const title of [killed, alone, oneDead]) {
			const act = acts.find(act => act.title === title);
			if (act === undefined) yield missing(`not played: ${title}`);
			else yield* ofAct(act, judge(act, rounds));
		}
	},
};

async function begin(stage: Stage): Promise<void> {
	await stage.start();
	stage.crowd({processes: 2, clients: 4});
	await stage.growth(200, 15);
}

/** Orders a slot to be left out, and waits until every replica has stood before the hole for a while. */
async function leaveOut(stage: Stage): Promise<{primary: ReplicaId; slot: Slot}> {
	const primary = await stage.leader();
	const slot = await stage.skip(primary);
	await stage.until(`every replica shows the hole ${slot}`, 10, () =>
		stage.alive.every(id => sightsOf(stage.samples, id, slot).length >= leastSights),
	);
	return {primary, slot};
}

/** Looks at a replica that has decided slots past this one, and executed none of them. */
const sightsOf = (samples: readonly Sample[], id: ReplicaId, slot: Slot): readonly Sample[] =>
	samples.filter(
		({status}) =>
			status.id === id && status.holes[0] === slot && status.decided > slot && status.executed === slot - 1,
	);

async function end(stage: Stage, slot: Slot): Promise<void> {
	await stage.until('every replica has executed the no-op', 15, () =>
		stage.alive.every(id => {
			const status = stage.status(id);
			return status !== undefined && status.executed >= slot && status.counts.noOps > 0;
		}),
	);
	await stage.growth(200, 15);
}

function* judge(act: Evidence, rounds: number): Generator<Finding> {
	yield* safety(act);
	if (act.skips.length < rounds) yield missing(`${act.skips.length} slots were left out, not ${rounds}`);
	const slots = new Set(slotsOf(act));
	for (const skip of act.skips) {
		yield* judgeSlot(act, skip, slots);
		yield* judgeHole(act, skip);
	}

	yield* judgeKills(act);
	yield fact(
		'skipped',
		act.skips.map(({slot}) => slot),
	);
	yield fact(
		'killed',
		act.kills.map(({replica}) => replica),
	);
}

/** Slots that hold lines, in the longest log. */
function slotsOf({logs}: Evidence): number[] {
	const longest = logs
		.map(({bytes}) => bytes)
		.reduce((a, b) => (b.length > a.length ? b : a), Buffer.alloc(0));
	return [...longest.toString('latin1').matchAll(/^\{"position":\d+,"slot":(\d+),/gm)].map(([, slot]) =>
		Number(slot),
	);
}

/** The no-op stands at this slot, proposed by a later view than the one that left it out. */
function* judgeSlot(act: Evidence, {slot, view}: Skip, slots: ReadonlySet<number>): Generator<Finding> {
	if (slots.has(slot)) yield missing(`slot ${slot} was to be left out, and holds messages`);
	if (!slots.has(slot + 1) && Math.max(...slots) <= slot)
		yield missing(`nothing was executed past slot ${slot}`);
	const fill = act.notes.find(note => note.kind === 'no-op' && note.slot === slot);
	if (fill === undefined) yield missing(`nobody proposed a no-op for slot ${slot}`);
	else if (fill.view <= view)
		yield failure(`slot ${slot} was filled in view ${fill.view}, which had left it out`);
	for (const id of act.alive) {
		const last = act.samples.findLast(({status}) => status.id === id)?.status;
		if (last === undefined || last.executed < slot)
			yield failure(`replica ${id} never executed slot ${slot}`);
		else if (last.counts.noOps === 0) yield missing(`replica ${id} executed no no-op`);
	}

	if (fill !== undefined)
		yield fact(`slot ${slot} filled by`, [`replica ${fill.replica}`, `view ${fill.view}`]);
}

/** Everybody saw the hole, decided past it, and executed nothing past it. */
function* judgeHole(act: Evidence, {slot, at}: Skip): Generator<Finding> {
	let sights = 0;
	for (let id = 0; id < act.replicas; id++) {
		if (isDead(act, id, at)) continue;
		const seen = act.samples.filter(({status}) => status.id === id && status.holes.includes(slot));
		if (seen.length === 0) yield missing(`replica ${id} never showed the hole ${slot}`);
		else if (sightsOf(act.samples, id, slot).length < leastSights)
			yield missing(`replica ${id} hardly stood before the hole ${slot} with later slots decided`);
		if (seen.some(({status}) => status.executed >= slot))
			yield failure(`replica ${id} executed past slot ${slot} while it was a hole`);
		sights += seen.length;
	}

	yield fact(`slot ${slot} seen as a hole`, sights);
}

function isDead({kills, starts}: Evidence, id: ReplicaId, moment: number): boolean {
	const last = (events: ReadonlyArray<{readonly at: number; readonly replica: ReplicaId}>) =>
		events.findLast(({at, replica}) => replica === id && at < moment)?.at ?? -1;
	return last(kills) > last(starts);
}

function* judgeKills({title, kills, skips}: Evidence): Generator<Finding> {
	if (title === alone && kills.length > 0) yield missing('somebody was killed');
	if (title === killed)
		for (const [index, {replica, at, slot}] of skips.entries()) {
			const next = skips[index + 1]?.at ?? Number.POSITIVE_INFINITY;
			const kill = kills.find(kill => kill.at > at && kill.at < next);
			if (kill === undefined) yield missing(`nobody was killed after slot ${slot} had been left out`);
			else if (kill.replica !== replica)
				yield missing(`it was not the primary that was killed, after it had left slot ${slot} out`);
		}

	const [first] = skips;
	if (title === oneDead && first !== undefined && !kills.some(({at}) => at < first.at))
		yield missing(`nobody was killed before slot ${first.slot} was left out`);
}
