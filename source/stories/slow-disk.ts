import {acknowledgedBetween, type Evidence, outageMs, viewsBetween} from './evidence.ts';
import {type Finding, fact, failure, missing} from './finding.ts';
import {oneAct} from './one-act.ts';
import type {Stage} from './stage.ts';

/** Longer than any patience: for the cluster the disk stands still. */
const stallMs = 30_000;
/** A disk so slow is no reason to leave a primary. */
const slowMs = 100;
/** A stalled primary must be replaced within this, although its process lives and speaks. */
const longestOutageMs = 5000;

/** A disk that takes its time: of a backup, which nobody waits for; of the primary; and one that stands still. */
export const slowDisk = oneAct({
	name: 'slow-disk',
	tells:
		'every sync takes 100 ms longer, of a backup and then of the primary, which stays; then 30 s, and another one leads',
	rounds: {of: 'messages under each disk', usual: 100},
	options: {wrapsDisks: true},

	async play(stage, rounds) {
		await stage.growth(100, 15);
		const primary = await stage.leader();
		await slowly(stage, (primary + 1) % stage.replicas, slowMs, rounds);
		await slowly(stage, primary, slowMs, rounds);
		await slowly(stage, await stage.leader(), stallMs, rounds);
		await stage.growth(100, 15);
	},

	judge,
});

async function slowly(stage: Stage, id: number, delayMs: number, messages: number): Promise<void> {
	const heal = await stage.hands.slow(id, delayMs);
	await stage.growth(messages, 25);
	await heal();
}

function* judge(act: Evidence): Generator<Finding> {
	const disks = act.ordeals.filter(({kind}) => kind === 'slow');
	const [backup, primary, stalled] = disks;
	if (disks.length < 3) yield missing(`${disks.length} disks were slow, not 3`);
	const views: number[] = [];
	const outages: number[] = [];
	for (const [index, disk] of disks.entries()) {
		const until = disk.until ?? disk.at;
		const next = disks[index + 1]?.at ?? Number.POSITIVE_INFINITY;
		views.push(viewsBetween(act, disk.at, next));
		const outage = outageMs(act, disk.at);
		if (outage !== undefined) outages.push(outage);
		if (acknowledgedBetween(act, disk.at, until) === 0)
			yield failure(`slow disk ${index + 1}: nothing was acknowledged meanwhile`);
	}

	if (backup?.kind === 'slow' && backup.replica === backup.leader)
		yield missing('the first slow disk was that of the primary');
	for (const disk of [primary, stalled])
		if (disk?.kind === 'slow' && disk.replica !== disk.leader)
			yield missing(`the disk of replica ${disk.replica} was slow, which did not lead`);
	if ((views[0] ?? 0) > 0) yield failure('the view changed for the slow disk of a backup');
	if ((views[1] ?? 0) > 1) yield failure(`${views[1]} views were entered for a primary with a slow disk`);
	if (stalled !== undefined) {
		if (views[2] === 0) yield failure('nobody took over from a primary whose disk stood still');
		if ((outages[2] ?? 0) > longestOutageMs)
			yield failure(`nothing was acknowledged for ${outages[2]} ms behind a disk that stood still`);
	}

	yield fact('viewsEntered', views);
	yield fact('outageMs', outages);
}
