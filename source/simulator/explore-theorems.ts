import type {Slot, View} from '../consensus/types.ts';
import type {Local} from './explore-space.ts';

/** The theorems about all machines, on what each of them ever did; undefined if they hold. */
export function judge(locals: readonly Pick<Local, 'deeds' | 'owner'>[]): string | undefined {
	const chosen = chosenBy(locals);
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

type Chosen = {readonly view: View; readonly slot: Slot; readonly text: string};

function chosenBy(locals: readonly Pick<Local, 'deeds'>[]): Chosen[] {
	const votes = new Map<string, number>();
	for (const {deeds} of locals) {
		for (const [key, text] of deeds.voted) {
			const vote = `${key} ${text}`;
			votes.set(vote, (votes.get(vote) ?? 0) + 1);
		}
	}

	const chosen: Chosen[] = [];
	for (const [vote, count] of votes) {
		// Counted here, so that a wrong idea of a majority is not shared.
		if (2 * count <= locals.length) continue;
		const [view, slot, ...text] = vote.split(' ');
		chosen.push({view: Number(view), slot: Number(slot), text: text.join(' ')});
	}

	return chosen;
}
