import type {ReplicaId, Slot} from '../../source/consensus/types.ts';
import {
	hearersOf,
	isLearning,
	isUp,
	leaderOf,
	majority,
	namesOf,
	stateOf,
	upOf,
	type World,
} from './world.ts';

/** What the operator can break, and mend. */
export type Fault =
	| {readonly kind: 'kill' | 'restart' | 'isolate'; readonly id: ReplicaId}
	/** Null: the leader's next free slot. */
	| {readonly kind: 'skip'; readonly slot: Slot | null}
	/** Null: all replicas. */
	| {readonly kind: 'loss'; readonly share: number; readonly id: ReplicaId | null}
	| {readonly kind: 'heal'; readonly id: ReplicaId | null};

/** What a loss can be set to with two keys. */
export const shares = [0, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 0.9, 1] as const;
export const firstShare = 0.2;

/** What would come of it, in numbers, before it is done. */
export type Consequence = {
	readonly title: string;
	readonly lines: readonly string[];
	/** What `y` does. */
	readonly yes: string;
	/** The service would stop: the name is typed. Null: it would not. */
	readonly name: string | null;
};

/** Why it cannot be done; or what would come of it. */
export function consequenceOf(fault: Fault, world: World): Consequence | {readonly refusal: string} {
	const refusal = refusalOf(fault, world);
	if (refusal !== null) return {refusal};
	const pending = world.client.pending.filter(({settledAt}) => settledAt === undefined).length;
	const retried =
		pending === 0
			? []
			: [`${pending} of your messages ${pending === 1 ? 'is' : 'are'} not decided yet and will be retried.`];
	switch (fault.kind) {
		case 'kill':
			return withoutOne(
				fault.id,
				world,
				`Kill replica r${fault.id}?`,
				`kill r${fault.id}`,
				'It stops at once.',
				retried,
			);
		case 'isolate':
			return withoutOne(
				fault.id,
				world,
				`Isolate replica r${fault.id}?`,
				`isolate r${fault.id}`,
				'It hears no other replica any more; its clients stay.',
				retried,
			);
		case 'restart': {
			const state = stateOf(world.monitor.replicas[fault.id]!, world.monitor);
			if (state !== 'down' && state !== 'silent')
				return withoutOne(
					fault.id,
					world,
					`Restart replica r${fault.id}?`,
					`restart r${fault.id}`,
					'It is killed, and comes back with what its disk remembers.',
					retried,
				);
			return {
				title: `Restart replica r${fault.id}?`,
				lines: [
					state === 'down'
						? 'It is down, and comes back with what its disk remembers.'
						: 'It is silent. It is killed, and comes back with what its disk remembers.',
					counts(world, upOf(world.monitor), [...upOf(world.monitor), fault.id]),
				],
				yes: `restart r${fault.id}`,
				name: null,
			};
		}
		case 'skip': {
			const {id, view} = leaderOf(world.monitor);
			const slot = fault.slot === null ? 'its next free slot' : `slot ${fault.slot}`;
			return {
				title: `Skip ${fault.slot === null ? 'a slot' : `slot ${fault.slot}`}?`,
				lines: [
					`r${id}, the leader of view ${view}, leaves ${slot} out.`,
					`What is said after it is decided, but nothing past the hole is executed until r${id} is killed or doubted: then the next view fills the hole with a no-op.`,
					...retried,
				],
				yes: 'skip it',
				name: null,
			};
		}
		case 'loss':
			return ofLoss(fault, world, retried);
		case 'heal':
			return {title: 'Heal?', lines: ['No isolation, no loss, no skips any more.'], yes: 'heal', name: null};
	}
}

/** Why an action is not to be had; null if it is. */
export function refusalOf(fault: Fault, {about, monitor}: World): string | null {
	if (about.isReadOnly) return 'read-only: leave --read-only out to break something';
	if (fault.kind === 'restart') return null;
	if (about.noFaults !== null) return about.noFaults;
	if (fault.kind === 'skip') {
		const {id, view} = leaderOf(monitor);
		if (id === null)
			return view === null ? 'no replica is up' : `view ${view} has no leader yet: wait a moment`;
		return deafness(id, monitor.replicas[id]);
	}

	if (fault.kind === 'heal' || fault.kind === 'loss') {
		if (fault.id === null) return upOf(monitor).length === 0 ? 'no replica is up' : null;
		return reachable(fault.id, monitor);
	}

	return reachable(fault.id, monitor);
}

function reachable(id: ReplicaId, monitor: World['monitor']): string | null {
	const watched = monitor.replicas[id];
	if (watched === undefined) return `there is no r${id}`;
	const why = watched.sentence === '' ? '' : ` (${watched.sentence})`;
	const state = stateOf(watched, monitor);
	if (state === 'unseen')
		return `r${id} does not answer us${why}, though ${namesOf(hearersOf(watched, monitor))} hear it`;
	if (!isUp(watched)) return `r${id} is ${state}${why}`;
	return deafness(id, watched);
}

const deafness = (id: ReplicaId, watched: World['monitor']['replicas'][number] | undefined): string | null =>
	watched?.status?.faults === null ? `r${id} takes no fault orders: start it with --faults` : null;

/** Whoever hears nothing counts for nothing; whoever hears less is only slower. */
function ofLoss({share, id}: Fault & {kind: 'loss'}, world: World, more: readonly string[]): Consequence {
	const percent = percentOf(share);
	const title = id === null ? `Lose ${percent} everywhere?` : `Lose ${percent} at replica r${id}?`;
	const yes = share === 0 ? 'lose nothing' : `lose ${percent}${id === null ? '' : ` at r${id}`}`;
	const before = upOf(world.monitor);
	const {id: leader, view} = leaderOf(world.monitor);
	const who =
		id === null
			? `Each of the ${world.about.replicas} replicas`
			: `r${id}${id === leader ? `, the LEADER of view ${view},` : ''}`;
	if (share === 0)
		return {
			title,
			yes,
			name: null,
			lines: [
				`${who} hears again all that its peers say.`,
				counts(world, before, [...new Set([...before, ...(id === null ? [] : [id])])]),
			],
		};
	if (share < 1)
		return {
			title,
			yes,
			name: null,
			lines: [
				`${who} loses ${percent} of what its peers say: ${oneIn(share)} messages does not arrive.`,
				counts(world, before, before),
				'What is lost is said again: it is only slower, and the more is lost the longer it takes.',
				...more,
			],
		};
	if (id !== null) {
		const what = 'It hears no other replica any more; its clients stay.';
		return withoutOne(id, world, title, yes, what, more);
	}

	return {
		title: `${title}  THIS STOPS THE SERVICE`,
		yes,
		name: 'lose all',
		lines: [
			'Nobody hears anybody.',
			counts(world, before, []),
			'Nothing can be decided until you heal.',
			...more,
		],
	};
}

const percentOf = (share: number): string => `${Math.round(share * 1000) / 10}%`;
/** `1 in 5`, `9 in 10` */
function oneIn(share: number): string {
	const of =
		[2, 3, 4, 5, 10, 20].find(each => Math.abs(share * each - Math.round(share * each)) < 0.001) ?? 100;
	return `${Math.round(share * of)} in ${of}`;
}

function withoutOne(
	id: ReplicaId,
	world: World,
	title: string,
	yes: string,
	what: string,
	more: readonly string[],
): Consequence {
	const {monitor, about} = world;
	const {id: leader, view} = leaderOf(monitor);
	const before = upOf(monitor);
	const after = before.filter(up => up !== id);
	const hadQuorum = before.length >= majority(about.replicas);
	const hasQuorum = after.length >= majority(about.replicas);
	const watched = monitor.replicas[id];
	const isLearner = watched !== undefined && isLearning(watched);
	const role =
		id === leader ? `the LEADER of view ${view}` : isLearner ? 'a learner, without a vote' : 'a backup';
	const who = `r${id} is ${role}. ${what}`;
	const isGrave = hadQuorum && !hasQuorum;
	return {
		title: isGrave ? `${title}  THIS STOPS THE SERVICE` : title,
		lines: [
			who,
			counts(world, before, after),
			...(isGrave ? ['Nothing can be decided until a replica is back.'] : []),
			...more,
		],
		yes,
		name: isGrave ? `r${id}` : null,
	};
}

function counts({about}: World, before: readonly ReplicaId[], after: readonly ReplicaId[]): string {
	const all = about.replicas;
	const quorum = after.length >= majority(all) ? 'quorum OK' : 'NO QUORUM';
	return `Up now ${before.length} of ${all} (${namesOf(before)}). After: ${after.length} of ${all}, ${quorum}.`;
}

/** As it is told in the chat and among the events. */
export function tell(fault: Fault): string {
	switch (fault.kind) {
		case 'kill':
		case 'restart':
		case 'isolate':
			return `${fault.kind} r${fault.id}`;
		case 'skip':
			return fault.slot === null ? 'skip the next slot' : `skip slot ${fault.slot}`;
		case 'loss':
			return `lose ${percentOf(fault.share)} at ${fault.id === null ? 'all replicas' : `r${fault.id}`}`;
		case 'heal':
			return `heal ${fault.id === null ? 'all replicas' : `r${fault.id}`}`;
	}
}
