/** What the stories of broken links have in common: some pairs hear each other no more, and some replica still reaches a majority. */
import type {ReplicaId, View} from '../consensus/types.ts';
import {monotonicMs} from '../history-file.ts';
import {
	acknowledgedBetween,
	type Direction,
	type Evidence,
	type Ordeal,
	safety,
	viewsBetween,
} from './evidence.ts';
import {type Finding, fact, failure, missing} from './finding.ts';
import {allThere} from './one-act.ts';
import type {Stage} from './stage.ts';
import {ofAct, type Story} from './story.ts';

type Cut = Extract<Ordeal, {kind: 'cut'}>;

/** How long nobody may change the view before the links heal. */
const quietMs = 3000;
/** How many views may be entered until one has found a primary that can lead. */
const mostViews = (replicas: number): number => 2 * replicas;

type Plot = Pick<Story, 'name' | 'tells'> & {
	/** There are 2f + 1 replicas. */
	readonly f: number;
	readonly links: readonly Direction[];
	/** What is broken for a while before: somebody shall have missed something when it comes to the point. */
	readonly before?: readonly Direction[] | undefined;
	/** The primary still reaches a majority, and has to stay. */
	readonly isHarmless?: boolean;
};

/** A story of links that break, each time on a cluster of its own. */
export const brokenLinks = ({f, links, before, isHarmless = false, ...story}: Plot): Story => ({
	...story,
	rounds: {of: 'times that the links break', usual: 1},

	async play(theatre, rounds) {
		const acts: Evidence[] = [];
		while (acts.length < rounds) {
			const number = rounds === 1 ? '' : `, ${acts.length + 1}`;
			const title = `n = ${2 * f + 1}${number}`;
			const act = await theatre.perform({title, f, hasLinks: true}, async stage => {
				await stage.start();
				stage.crowd({processes: 2, clients: 4});
				await stage.growth(100, 15);
				const rejoin = before && stage.cut(before);
				if (rejoin) await stage.growth(100, 15);
				await partition(stage, links, rejoin);
			});
			acts.push(act);
		}

		return acts;
	},

	*judge(acts, rounds) {
		if (acts.length < rounds) yield failure(`${acts.length} acts were played, not ${rounds}`);
		for (const act of acts) yield* ofAct(act, judgePartition(act, {links, before, isHarmless}));
	},
});

/** All directions between replicas that are not neighbours. */
export const allBut = (
	replicas: number,
	areNeighbours: (one: ReplicaId, other: ReplicaId) => boolean,
): readonly Direction[] => {
	const ids = Array.from({length: replicas}, (_, id) => id);
	return ids.flatMap(one =>
		ids.filter(other => other !== one && !areNeighbours(one, other)).map((other): Direction => [one, other]),
	);
};

/** Cuts links, waits until somebody who can lead does and leads in peace, and heals them. */
async function partition(stage: Stage, links: readonly Direction[], rejoin?: () => void): Promise<void> {
	const able = ableIn(stage.replicas, links);
	rejoin?.();
	const heal = stage.cut(links);
	await stage.until('somebody leads who reaches a majority', 20, () => {
		const view = stage.highestView;
		return able.some(id => stage.status(id)?.role === 'primary' && stage.status(id)?.view === view);
	});
	await stage.growth(100, 15);
	let view = -1;
	let since = 0;
	await stage.until(`nobody changes the view for ${quietMs} ms`, 20, () => {
		if (stage.highestView !== view) since = monotonicMs();
		view = stage.highestView;
		return monotonicMs() - since > quietMs;
	});
	heal();
	await stage.leader();
	await stage.growth(100, 15);
}

/** Those that hear a majority, themselves included, and are heard by it. */
function ableIn(replicas: number, links: readonly Direction[]): readonly ReplicaId[] {
	const cut = new Set(links.map(pair => pair.join(' ')));
	const ids = Array.from({length: replicas}, (_, id) => id);
	const reaches = (one: ReplicaId, other: ReplicaId) =>
		!cut.has(`${one} ${other}`) && !cut.has(`${other} ${one}`);
	return ids.filter(one => 2 * ids.filter(other => reaches(one, other)).length > replicas);
}

function* judgePartition(
	act: Evidence,
	plot: Pick<Plot, 'links' | 'before' | 'isHarmless'>,
): Generator<Finding> {
	yield* safety(act);
	const cuts = act.ordeals.filter((each): each is Cut => each.kind === 'cut');
	const cut = cuts.at(-1);
	if (cut === undefined) {
		yield missing('no link was cut');
		return;
	}

	const {at, leader, links} = cut;
	const names = (all: readonly Direction[]) =>
		all
			.map(pair => pair.join('>'))
			.sort()
			.join(' ');
	const expected = plot.before === undefined ? [plot.links] : [plot.before, plot.links];
	if (cuts.map(each => names(each.links)).join(', ') !== expected.map(names).join(', '))
		yield missing(`other links were cut: ${cuts.map(each => names(each.links)).join(', ')}`);
	const able = ableIn(act.replicas, links);
	if (leader === null || able.includes(leader) !== plot.isHarmless)
		yield missing(`the primary could ${plot.isHarmless ? 'not' : 'still'} reach a majority`);
	const [first] = cuts;
	if (first !== undefined && first !== cut && acknowledgedBetween(act, first.at, at) === 0)
		yield missing('nothing was missed before');
	const until = cut.until ?? at;
	const last = leaderAt(act, until);
	if (last === undefined || !able.includes(last.id))
		yield failure(
			`at the end of it led ${last === undefined ? 'nobody' : `replica ${last.id}, which reaches no majority`}`,
		);
	const views = viewsBetween(act, at, until);
	if (views > (plot.isHarmless ? 0 : mostViews(act.replicas)))
		yield failure(`${views} views were entered until one was quiet`);
	if (viewsBetween(act, until - quietMs, until) > 0)
		yield failure('the view was not quiet before the links healed');
	if (acknowledgedBetween(act, until - quietMs, until) === 0)
		yield failure('nothing was acknowledged in the quiet view');
	if (acknowledgedBetween(act, until, Number.POSITIVE_INFINITY) === 0)
		yield failure('nothing was acknowledged after the links healed');
	yield* allThere(act);
	yield fact('cutLinks', links.length);
	yield fact('viewsEntered', views);
	yield fact('leaderMeanwhile', last?.id ?? null);
	yield fact('acknowledgedMeanwhile', acknowledgedBetween(act, at, until));
	yield fact('viewsEnteredAfterHealing', viewsBetween(act, until, Number.POSITIVE_INFINITY));
}

/** Who said last, before a moment, that it leads in the highest view that anybody had told of. */
function leaderAt({samples}: Evidence, moment: number): {readonly id: ReplicaId} | undefined {
	let view: View = 0;
	for (const {at, status} of samples) if (at <= moment) view = Math.max(view, status.view);
	return samples.findLast(({at, status}) => at <= moment && status.role === 'primary' && status.view === view)
		?.status;
}
