import type {ReplicaId, Slot} from '../consensus/types.ts';
import type {Hash} from '../network/events.ts';
import type {Agreement} from './monitor-store.ts';

/** A live replica, and how far it has executed. */
export type Comparable = {readonly id: ReplicaId; readonly executed: Slot};
/** Asks a replica for its hash after a slot; null if it did not answer in time. */
export type AskHash = (id: ReplicaId, slot: Slot) => Promise<Hash | null>;

/** The chat before the first slot is the same everywhere. */
const startHash = '0'.repeat(64);
/** Each round leaves somebody out, or begins lower; a replica that tells tales shall not keep us at it. */
const mostRounds = 20;

/**
 * Compares what live replicas hold at the highest slot that all of them can
 * answer for. They go on executing while they are asked, so they are asked for
 * one slot that all have executed, not for where they are. Hashes are not kept
 * for ever: where the one that is furthest behind is further behind than the
 * others remember, it is left out.
 */
export async function compare(replicas: readonly Comparable[], ask: AskHash): Promise<Agreement> {
	let included = replicas;
	const leftOut: ReplicaId[] = [];
	for (let round = 0; round < mostRounds; round++) {
		const last = included.toSorted((a, b) => a.executed - b.executed || a.id - b.id)[0];
		if (last === undefined || included.length < 2)
			return unknown(leftOut, leftOut.length > 0 ? 'too far apart' : 'fewer than two live replicas');
		const slot = last.executed;
		if (slot === 0)
			return judge(
				slot,
				included.map(({id}) => ({id, hash: startHash})),
				leftOut,
			);
		const answers = await Promise.all(included.map(async ({id}) => ({id, answer: await ask(id, slot)})));
		const hashes = answers.flatMap(({id, answer}) => (answer?.hash ? [{id, hash: answer.hash}] : []));
		if (hashes.length === included.length) return judge(slot, hashes, leftOut);
		// Who does not answer is down by now. Who has not come to the slot has been restarted, and tells where it is.
		const stillUp = answers.flatMap(({id, answer}) => {
			if (answer === null) return [];
			return [{id, executed: answer.hash === null && answer.executed < slot ? answer.executed : slot}];
		});
		const isForgotten = answers.every(
			({answer}) => answer !== null && (answer.hash || answer.executed >= slot),
		);
		if (isForgotten) {
			leftOut.push(last.id);
			included = included.filter(({id}) => id !== last.id);
		} else included = stillUp;
	}

	return unknown(leftOut, 'the replicas come and go');
}

function judge(slot: Slot, hashes: Agreement['hashes'], leftOut: readonly ReplicaId[]): Agreement {
	const names = (ids: readonly ReplicaId[]) => ids.map(id => `r${id}`).join(' ');
	const [first] = hashes;
	const other = hashes.find(({hash}) => hash !== first?.hash);
	const rest = leftOut.length === 0 ? '' : `; left out, too far behind: ${names(leftOut)}`;
	const facts = {comparedAt: slot, hashes, leftOut};
	if (other !== undefined)
		return {
			...facts,
			state: 'diverged',
			sentence: `DIVERGENCE r${first!.id} != r${other.id} at slot <= ${slot}${rest}`,
		};
	return {
		...facts,
		state: 'identical',
		sentence: `identical up to slot ${slot} on ${names(hashes.map(({id}) => id).toSorted((a, b) => a - b))}${rest}`,
	};
}

const unknown = (leftOut: readonly ReplicaId[], why: string): Agreement => ({
	state: 'unknown',
	comparedAt: null,
	hashes: [],
	leftOut,
	sentence: `not compared: ${why}`,
});
