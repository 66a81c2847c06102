import {safeLine, safeNick} from '../../../source/safe-text.ts';
import {clock, dayOf, isUp, type World} from '../world.ts';

/** Of those who spoke, so many are named. */
const mostNamed = 12;

/** Who is connected where, as the replicas count, and who spoke last, as the loaded messages tell. */
export function presence({client, monitor}: World): string {
	const counts = monitor.replicas.filter(isUp).map(({id, status}) => `r${id}: ${status!.clients}`);
	const spoke = new Map<string, number>();
	for (const {nick, at} of client.lines.toReversed()) if (!spoke.has(nick)) spoke.set(nick, at);
	const names = [...spoke].slice(0, mostNamed).map(([nick, at]) => `${safeNick(nick)} ${clock(at, false)}`);
	const rest = spoke.size > mostNamed ? ` and ${spoke.size - mostNamed} more` : '';
	const connected =
		counts.length === 0 ? 'no replica tells who is connected' : `clients at ${counts.join(', ')}`;
	return `${connected}; ${names.length === 0 ? 'nobody spoke yet' : `spoke last: ${names.join(', ')}${rest}`}`;
}

/** The loaded messages as text, harmless wherever it is printed. */
export function transcript({client}: World): string {
	return client.lines
		.map(({position, slot, nick, text, at}) => {
			const words = text
				.split('\n')
				.map(row => safeLine(row))
				.join('\n\t');
			return `#${position} slot ${slot} ${dayOf(at)} ${clock(at)} ${safeNick(nick)}: ${words}\n`;
		})
		.join('');
}
