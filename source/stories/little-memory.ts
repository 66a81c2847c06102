import type {Evidence} from './evidence.ts';
import {type Finding, fact, missing} from './finding.ts';
import {oneAct} from './one-act.ts';

/** Of each replica, in megabytes: the heap of JavaScript, without buffers. */
const heapMegabytes = 64;
/** Of each message. */
const size = 4000;

/** Replicas with less memory than what is said: nothing may be kept but what is needed. */
export const littleMemory = oneAct({
	name: 'little-memory',
	tells: `replicas with ${heapMegabytes} MB for their heap execute more than that, and live`,
	rounds: {of: `thousands of messages of ${size} bytes`, usual: 18},
	clients: 32,
	size,
	// Half of what is usual: with the usual, 128 MB are enough.
	options: {heapMegabytes, tunables: {checkpointBytes: 16_777_216, retainBytes: 16_777_216}},

	async play(stage, rounds) {
		await stage.growth(rounds * 1000, 20);
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
	yield fact('heapMegabytes', heapMegabytes);
	yield fact('logMegabytes', Math.round(megabytes));
}
