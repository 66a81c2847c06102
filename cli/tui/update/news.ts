import {geometry} from '../draw.ts';
import type {Effect, Model, Step} from '../model.ts';
import {mentions} from '../panes/messages.ts';
import {isForAll, type World} from '../world.ts';
import {noticed} from './steps.ts';

/** The round trip that is shown is renewed this often. */
const lagMs = 5000;
/** Unless it differs by less than this, or than a half. */
const alikeMs = 3;

/** What came since the last look: unread and mentions, the cluster's own story, divergence, trouble. */
export function onNews(model: Model, world: World): Step {
	const effects: Effect[] = [];
	let next = model;
	const last = world.client.lines.at(-1)?.position ?? 0;
	if (last > model.last) {
		const isSeen = model.anchor === null && geometry(model, world).chat !== null;
		const fresh = world.client.lines.slice(-(last - model.last));
		const first = fresh.find(line => line.client !== world.about.client);
		// The first lines of all are history, and no news.
		const unread =
			isSeen || model.last === 0 || model.unread !== null ? model.unread : (first?.position ?? null);
		if (
			model.last > 0 &&
			!model.isMuted &&
			fresh.some(line => line.client !== world.about.client && mentions(line.text, model.nick))
		)
			effects.push({type: 'bell'});
		// What was told before the history came stands where its time is.
		const placed =
			model.last > 0
				? next.notices
				: next.notices.map(notice => ({
						...notice,
						after: world.client.lines.findLast(({at}) => at <= notice.at)?.position ?? 0,
					}));
		next = {...next, last, unread, notices: placed};
	}

	next = withNotes(next, world);
	if (world.monitor.agreement.state === 'diverged' && !model.sawDivergence) {
		next = noticed(
			{...next, sawDivergence: true},
			{at: world.now, text: world.monitor.agreement.sentence, isBad: true},
		);
		effects.push({type: 'bell'});
	}

	return {model: withLag(withConnection(next, world), world), effects};
}

/** What all should know of the cluster's own story stands among the messages. */
function withNotes(model: Model, {monitor, now}: World): Model {
	const {notes} = monitor;
	const newest = notes.at(-1);
	if (newest === undefined || newest === model.noted) return model;
	const from = model.noted === null ? 0 : notes.lastIndexOf(model.noted) + 1;
	let next: Model = {...model, noted: newest};
	for (const note of notes.slice(from)) {
		if (!isForAll(note)) continue;
		const slot = note.slot === undefined ? '' : `slot ${note.slot}: `;
		next = noticed(next, {
			at: Math.min(note.at, now),
			text: `r${note.replica}, view ${note.view}: ${slot}${note.text}`,
			isBad: false,
		});
	}

	return next;
}

function withLag(model: Model, {client, now}: World): Model {
	const {roundTripMs} = client.connection;
	if (roundTripMs === null) return model.lag === null ? model : {...model, lag: null};
	if (model.lag !== null && now - model.lag.at < lagMs) return model;
	const ms = Math.max(1, Math.round(roundTripMs));
	const isAlike = model.lag !== null && Math.abs(ms - model.lag.ms) <= Math.max(alikeMs, model.lag.ms / 2);
	return isAlike ? model : {...model, lag: {ms, at: now}};
}

/** Trouble that was told, and its end, remain readable in the chat. */
function withConnection(model: Model, {client, now}: World): Model {
	const {state, sentence} = client.connection;
	const told = state === 'connecting' ? model.connection : sentence;
	if (told === model.connection) return model;
	// Until it is online for the first time, the status line tells what it is waiting for.
	if (model.connection === '' && state !== 'online') return model;
	const next = {...model, connection: told};
	if (model.connection === '') return next;
	return noticed(next, {at: now, text: sentence, isBad: state === 'no quorum' || state === 'offline'});
}
