import type {Admitted, ReplicaId, Slot, View} from '../consensus/types.ts';
import type {Local} from './explore-space.ts';

/** The theorems about all machines, on what each of them ever did; undefined if they hold. */
export function judge(locals: readonly Pick<Local, 'deeds' | 'owner'>[]): string | undefined {
	const chosen = chosenBy(locals);
	for (const {replica, slot} of admittedBy(locals)) {
		const isByOthers = chosen.some(
			each => each.slot === slot && 2 * each.voters.filter(voter => voter !== replica).length > locals.length,
		);
		if (!isByOthers) return `admitted by others: r${replica} was admitted in slot ${slot} by its own vote`;
	}

	for (const {owner, deeds} of locals) {
		for (const [key, text] of deeds.proposed) {
			const [view, slot] = key.split(' ').map(Number) as [View, Slot];
			const other = chosen.find(each => each.slot === slot && each.view < view && each.text !== text);
			if (other)
				return `what may be decided stays: r${owner} proposes ${text} for slot ${slot} in view ${view}, a majority voted for ${other.text} in view ${other.view}`;
		}

		for (const [slot, {value, after}] of deeds.executed) {
			if (!chosen.some(each => each.slot === slot && each.text === value))
				return `decided by a majority: r${owner} executed slot ${slot} without one, ${value}`;
			for (const peer of locals) {
				const theirs = peer.deeds.executed.get(slot);
				if (theirs && theirs.value !== value)
					return `agreement: slot ${slot} holds ${value} at r${owner} and ${theirs.value} at r${peer.owner}`;
				if (theirs && theirs.after !== after)
					return `one log everywhere: r${owner} and r${peer.owner} differ after slot ${slot}`;
			}
		}
	}

	const twice = chosen.find(one => chosen.some(other => other.slot === one.slot && other.text !== one.text));
	return twice && `agreement: two values were decided for slot ${twice.slot}`;
}

type Chosen = {
	readonly view: View;
	readonly slot: Slot;
	readonly text: string;
	readonly voters: readonly ReplicaId[];
};

function chosenBy(locals: readonly Pick<Local, 'deeds' | 'owner'>[]): Chosen[] {
	const votes = new Map<string, ReplicaId[]>();
	for (const {owner, deeds} of locals) {
		for (const [key, text] of deeds.voted) {
			const vote = `${key} ${text}`;
			votes.set(vote, [...(votes.get(vote) ?? []), owner]);
		}
	}

	const chosen: Chosen[] = [];
	for (const [vote, voters] of votes) {
		// Counted here, so that a wrong idea of a majority is not shared.
		if (2 * voters.length <= locals.length) continue;
		const [view, slot, ...text] = vote.split(' ');
		chosen.push({view: Number(view), slot: Number(slot), text: text.join(' '), voters});
	}

	return chosen;
}

/** The admissions that had an effect, as far as anybody has executed: those of a new memory that name the one before it. */
export function admittedBy(locals: readonly Pick<Local, 'deeds'>[]): Admitted[] {
	const values = new Map<Slot, string>();
	for (const {deeds} of locals)
		for (const [slot, {value}] of deeds.executed) if (value.includes('"admission"')) values.set(slot, value);
	const admitted: Admitted[] = [];
	for (const [slot, text] of [...values].sort(([one], [other]) => one - other)) {
		const {admission} = JSON.parse(text) as {admission: readonly [ReplicaId, string, Slot]};
		const [replica, incarnation, after] = admission;
		const latest = admitted.findLast(each => each.replica === replica)?.slot ?? 0;
		const isNew = !admitted.some(each => each.replica === replica && each.incarnation === incarnation);
		if (isNew && after === latest) admitted.push({replica, incarnation, slot});
	}

	return admitted;
}
