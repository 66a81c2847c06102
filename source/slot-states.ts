import type {Replica} from './consensus/replica.ts';
import type {Slot} from './consensus/types.ts';
import type {SlotStates} from './network/events.ts';

/** As many slots are told of. */
const toldSlots = 128;

/**
 * What a replica holds in its last slots, a letter for each: `E` executed, `N` executed no-op, `D` decided and
 * waiting for an earlier one, `A` accepted, `-` nothing, `^` behind its checkpoint. It is told five times a
 * second, so it is short.
 */
export function slotStatesOf({acceptor, learner}: Pick<Replica, 'acceptor' | 'learner'>): SlotStates {
	const last = Math.max(acceptor.highest, learner.highest);
	const from = Math.max(1, last - toldSlots + 1);
	let states = '';
	const views: number[] = [];
	for (let slot: Slot = from; slot <= last; slot++) {
		const accepted = acceptor.accepted.get(slot);
		const decided = learner.decided.get(slot);
		const isDelivered = slot <= learner.through;
		views.push(accepted?.view ?? -1);
		if (isDelivered && decided === undefined && accepted === undefined) states += '^';
		else if (isDelivered) states += decided?.requests.length === 0 && !decided.admission ? 'N' : 'E';
		else if (decided !== undefined) states += 'D';
		else states += accepted === undefined ? '-' : 'A';
	}

	return {from, states, views};
}
