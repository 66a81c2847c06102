import type {Evidence} from './evidence.ts';
import {type Finding, fact, missing} from './finding.ts';
import {oneAct} from './one-act.ts';

/** Of each replica, in megabytes: the heap of JavaScript, without buffers. */
const heapMegabytes = 64;
/** Of each message. */
const size = 4000;
/** For as long every sync of a backup takes in the second half: the others go on, and it could keep all that they say. */
const stallMs = 10_000;

/** Replicas with less memory than what is said: nothing may be kept but what is needed. */
export const littleMemory = oneAct({
	name: 'little-memory',
	tells: `replicas with ${heapMegabytes} MB for their heap execute more than that, in the end one of them with a disk that hardly moves, and live`,
	rounds: {of: `thousands of messages of ${size} bytes`, usual: 24},
	clients: 32,
	size,
	options: {wrapsDisks: true, heapMegabytes, tunables: {checkpointBytes: 4_194_304, retainBytes: 8_388_608}},

	async play(stage, rounds) {
		await stage.growth(rounds * 500, 20);
		const backup = ((await stage.leader()) + 1) % stage.replicas;
		const heal = await stage.hands.slow(backup, stallMs);
		await stage.growth(rounds * 500, 20);
		await heal();
		// What was said meanwhile comes in one piece, at the end.
		await stage.caughtUp(backup, 300);
	},

	judge,
});

/** One that had died of it would have ended the act. */
function* judge(act: Evidence, rounds: number): Generator<Finding> {
	const lines = act.samples.reduce((most, {status}) => Math.max(most, status.messages), 0);
	if (lines < rounds * 1000) yield missing(`${lines} messages were executed, not ${rounds * 1000}`);
	const megabytes = (act.logs[0]?.bytes.length ?? 0) / 1_048_576;
	const {heapMegabytes} = act;
	if (heapMegabytes === null) yield missing('their heaps were not limited');
	else if (megabytes <= heapMegabytes)
		yield missing(`${megabytes.toFixed(1)} MB were executed, which ${heapMegabytes} MB could hold`);
	if (!act.ordeals.some(({kind}) => kind === 'slow')) yield missing('no disk was slow');
	yield fact('heapMegabytes', heapMegabytes);
	yield fact('logMegabytes', Math.round(megabytes));
}
