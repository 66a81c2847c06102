import type {StampedNote} from '../../../source/network/events.ts';
import {safeLine} from '../../../source/safe-text.ts';
import {geometry} from '../draw.ts';
import type {Effect, Model, Notice, OwnEvent, Step} from '../model.ts';
import {mentions} from '../panes/messages.ts';
import {isForAll, stateOf, type World} from '../world.ts';
import {mostNotices, noticed} from './steps.ts';

/** The round trip that is shown is renewed this often. */
const lagMs = 5000;
/** Unless it differs by less than this, or than a half. */
const alikeMs = 3;
/** An order and what comes of it are no further apart. */
const orderMs = 5000;

/** What came since the last look: unread and mentions, the cluster's own story, divergence, trouble. */
export function onNews(model: Model, world: World): Step {
	const effects: Effect[] = [];
	let next = model;
	const last = world.client.lines.at(-1)?.position ?? 0;
	if (last > model.last) {
		const isSeen =
			model.anchor === null && model.isLookedAt !== false && geometry(model, world).chat !== null;
		const fresh = world.client.lines.slice(-(last - model.last));
		const first = fresh.find(line => line.client !== world.about.client);
		// The first lines of all are history, and no news.
		const unread =
			isSeen || model.last === 0 || model.unread !== null ? model.unread : (first?.position ?? null);
		if (
			model.last > 0 &&
			!model.isMuted &&
			// Whoever looks at it needs no bell.
			!(model.isLookedAt === true && isSeen) &&
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

	next = withStates(withNotes(next, world), world);
	if (world.monitor.agreement.state === 'diverged' && !model.sawDivergence) {
		next = noticed(
			{...next, sawDivergence: true},
			{at: world.now, text: world.monitor.agreement.sentence, isBad: true},
		);
		effects.push({type: 'bell'});
	}

	return {model: withLag(withConnection(next, world), world), effects};
}

/** Turning away from the end of the chat is having read it: what comes from then on is unread. Turning back leaves the line where it is, until something is said. */
export function looked(model: Model, isHere: boolean, world: World): Model {
	const hasRead = !isHere && model.anchor === null && geometry(model, world).chat !== null;
	return {...model, isLookedAt: isHere, unread: hasRead ? null : model.unread};
}

/** That a replica went, and came back, nobody else tells: it is seen from here. */
function withStates(model: Model, {monitor, now}: World): Model {
	const states = monitor.replicas.map(each => (each.heardAt === null ? null : stateOf(each, monitor)));
	if (states.every((state, id) => state === model.states[id])) return model;
	const seen = monitor.replicas.flatMap(({id, sentence, since}, index): OwnEvent[] => {
		const [before, after] = [model.states[index] ?? null, states[index]!];
		if (before === null || after === null || before === after) return [];
		const at = Math.min(now, since);
		if (after === 'down' || after === 'silent' || after === 'unseen')
			return [{at, replica: id, kind: after, text: safeLine(sentence) || after}];
		const wasGone = before === 'down' || before === 'silent' || before === 'unseen';
		return wasGone ? [{at, replica: id, kind: 'back', text: `answers again, after being ${before}`}] : [];
	});
	return {...model, states, ownEvents: [...model.ownEvents, ...seen].slice(-mostNotices)};
}

/** What all should know of the cluster's own story stands among the messages, where its time is: some of it is told late. */
function withNotes(model: Model, {client, monitor, now}: World): Model {
	const {notes} = monitor;
	const newest = notes.at(-1);
	if (newest === undefined || newest === model.noted) return model;
	const from = model.noted === null ? 0 : notes.lastIndexOf(model.noted) + 1;
	const told = notes
		.slice(from)
		.filter(note => isForAll(note) && !(note.kind === 'skip' && isOwnSkip(model, note)))
		.map(({at, text, slot, view, replica}): Notice => {
			const before = client.lines.findLast(line => line.at <= at)?.position;
			const named = slot === undefined ? text : text.replace('this slot', `slot ${slot}`);
			return {
				after: before ?? 0,
				at: Math.min(at, now),
				text: `r${replica}, view ${view}: ${named}`,
				isBad: false,
			};
		});
	if (told.length === 0) return {...model, noted: newest};
	const notices = [...model.notices, ...told].sort((one, other) => one.at - other.at).slice(-mostNotices);
	return {...model, noted: newest, notices};
}

/** Who ordered it is told already which slot it is. */
const isOwnSkip = ({ownEvents}: Model, {at}: StampedNote): boolean =>
	ownEvents.some(
		({kind, text, at: ordered}) =>
			kind === 'order' && text.startsWith('skip') && Math.abs(at - ordered) < orderMs,
	);

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
