import type {Line} from '../chat/types.ts';
import type {Entry, Message, Note, Value} from '../consensus/types.ts';

/** A few words for each thing that happens in a world, for people who read its trace. */
export function describeMessage(message: Message): string {
	switch (message.type) {
		case 'heartbeat': {
			const {view, delivered, isLeading, isDoubting} = message;
			const words = [isLeading ? ', leads' : '', isDoubting ? ', doubts' : ''].join('');
			return `heartbeat view ${view}, delivered ${delivered}${words}`;
		}
		case 'prepare':
			return `prepare view ${message.view} from slot ${message.from}`;
		case 'promise': {
			const {view, from, until, accepted, since} = message;
			const held =
				accepted.map(proposal => `slot ${proposal.slot} of view ${proposal.view}`).join(', ') || 'nothing';
			const end = until === null ? '' : ` to before slot ${until}`;
			const memory = since === 0 ? '' : `, since ${since}`;
			return `promise view ${view} from slot ${from}${end}: accepted ${held}${memory}`;
		}
		case 'accept':
			return `accept view ${message.view} slot ${message.slot}: ${describeValue(message.value)}`;
		case 'accepted':
			return `accepted view ${message.view} slot ${message.slot}`;
		case 'request':
			return `request ${describeValue({at: 0, requests: message.requests})}`;
		case 'ask':
			return `ask from slot ${message.from}`;
		case 'decided':
			return `decided from slot ${message.from}: ${message.values.map(describeValue).join('; ')}`;
		case 'forgotten':
			return `forgotten, since slot ${message.since}`;
		case 'admit':
			return `admit me with the memory ${message.incarnation}, after slot ${message.after}`;
		case 'fetch': {
			const rest =
				message.offset > 0 ? `, and the checkpoint of slot ${message.slot} from ${message.offset} on` : '';
			return `fetch the chat after position ${message.after}${rest}`;
		}
		case 'witness':
			return `witness of slot ${message.slot}: ${message.digest.slice(0, 8)}`;
		case 'chunk': {
			const {after, lines, checkpoint} = message;
			if (!checkpoint) return `chunk of ${lines.split('\n').length - 1} lines after ${after}`;
			const {slot, offset, text, isLast} = checkpoint;
			const what = `the checkpoint of slot ${slot} from ${offset} to ${offset + text.length}`;
			return `chunk after ${after}: ${what}${isLast ? ', which is the end' : ''}`;
		}
	}
}

export function describeValue({requests, admission}: Value): string {
	if (admission) return `r${admission.replica} takes part with the memory ${admission.incarnation}`;
	const words = requests.map(({nick, session, text}) =>
		session === 0 ? `${nick} opens a session` : `${nick}: ${text}`,
	);
	return words.join(', ') || 'no-op';
}

export function describeEntry(entry: Entry): string {
	switch (entry.type) {
		case 'view':
			return `view ${entry.view}`;
		case 'accepted':
			return `vote for slot ${entry.slot} in view ${entry.view}`;
		case 'decided':
			return `slot ${entry.slot} decided`;
	}
}

export const describeLines = (lines: readonly Line[]): string =>
	lines.map(({position, nick, text}) => `#${position} ${nick}: ${text}`).join(', ') || 'no line';

export function describeNote({view, slot, text}: Note): string {
	return `view ${view}${slot === undefined ? '' : `, slot ${slot}`}: ${text}`;
}
