/** What the stories of broken links have in common: some pairs hear each other no more, and some replica still reaches a majority. */
import type {ReplicaId, View} from '../consensus/types.ts';
import {monotonicMs} from '../history-file.ts';
import {acknowledgedBetween, type Direction, type Evidence, safety, viewsBetween} from './evidence.ts';
import {type Finding, fact, failure, missing} from './finding.ts';
import {allThere} from './one-act.ts';
import type {Stage} from './stage.ts';
import {ofAct, type Story} from './story.ts';

/** How long nobody may change the view before the links heal. */
const quietMs = 3000;
/** How many views may be entered until one has found a primary that can lead. */
const mostViews = (replicas: number): number => 2 * replicas;

/** A story of links that break, on clusters of 2f + 1, each with its own. */
export const brokenLinks = ({
	f,
	links,
	...story
}: Pick<Story, 'name' | 'tells'> & {readonly f: number; readonly links: readonly Direction[]}): Story => ({
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
				await partition(stage, links);
			});
			acts.push(act);
		}

		return acts;
	},

	*judge(acts, rounds) {
		if (acts.length < rounds) yield failure(`${acts.length} acts were played, not ${rounds}`);
		for (const act of acts) yield* ofAct(act, judgePartition(act, links));
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
async function partition(stage: Stage, links: readonly Direction[]): Promise<void> {
	const able = ableIn(stage.replicas, links);
	await stage.growth(100, 15);
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

function* judgePartition(act: Evidence, expected: readonly Direction[]): Generator<Finding> {
	yield* safety(act);
	const cut = act.ordeals.find(({kind}) => kind === 'cut');
	if (cut?.kind !== 'cut') {
		yield missing('no link was cut');
		return;
	}

	const {at, leader, links} = cut;
	const names = (all: readonly Direction[]) =>
		all
			.map(pair => pair.join('>'))
			.sort()
			.join(' ');
	if (names(links) !== names(expected)) yield missing(`other links were cut: ${names(links)}`);
	const able = ableIn(act.replicas, links);
	if (leader === null || able.includes(leader)) yield missing('the primary could still reach a majority');
	const until = cut.until ?? at;
	const last = leaderAt(act, until);
	if (last === undefined || !able.includes(last.id))
		yield failure(
			`at the end of it led ${last === undefined ? 'nobody' : `replica ${last.id}, which reaches no majority`}`,
		);
	const views = viewsBetween(act, at, until);
	if (views > mostViews(act.replicas)) yield failure(`${views} views were entered until one was quiet`);
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
