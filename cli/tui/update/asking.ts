import {consequenceOf, type Fault, shares, tell} from '../faults.ts';
import {emptyLine, insert} from '../line-editor.ts';
import type {Batch, Confirmed, Model, Step} from '../model.ts';
import {othersOf, type World} from '../world.ts';
import {mostNotices, noticed, refused, step, toasted} from './steps.ts';
import {remembered} from './writing.ts';

const armedMs = 2000;

/** Nothing is broken without a question that tells what would come of it; what is grave wants a name typed. */
export function ask(model: Model, fault: Fault, world: World, isBold = false): Step {
	const consequence = consequenceOf(fault, world);
	if ('refusal' in consequence) return refused(model, consequence.refusal, world);
	const {title, lines, yes, name} = consequence;
	const leadsTo: Confirmed = {type: 'fault', fault};
	const measured = fault.kind === 'loss' ? ({isMeasured: true} as const) : {};
	if (name !== null)
		return step({...model, overlay: {type: 'typed', title, lines, name, typed: '', leadsTo, ...measured}});
	if (isBold) return onFault(model, fault, world);
	return step({...model, overlay: {type: 'dialog', title, lines, yes, leadsTo, ...measured}});
}

/** The question with the next larger, or smaller, measure. */
export function measured(model: Model, by: 1 | -1, world: World): Step {
	const {overlay} = model;
	if (overlay?.type !== 'dialog' && overlay?.type !== 'typed') return step(model);
	const {leadsTo} = overlay;
	if (leadsTo.type !== 'fault' || leadsTo.fault.kind !== 'loss') return step(model);
	const {share} = leadsTo.fault;
	const next = by > 0 ? shares.find(each => each > share) : shares.findLast(each => each < share);
	return next === undefined ? step(model) : ask(model, {...leadsTo.fault, share: next}, world);
}

function onFault(model: Model, fault: Fault, world: World): Step {
	const text = `${model.nick}: ${tell(fault)}`;
	const told = noticed(model, {at: world.now, text, isBad: false});
	const order = {at: world.now, replica: null, kind: 'order', text: tell(fault)} as const;
	const ownEvents = [...told.ownEvents, order].slice(-mostNotices);
	return step(toasted({...told, ownEvents}, `${tell(fault)} …`, world), {type: 'fault', fault});
}

/** Ctrl+C: ends the load, or clears the line into the history, or arms, or quits. */
export function interrupted(model: Model, world: World): Step {
	if (model.view === 'batch' && model.line.text === '') return batchStopped(model, world);
	if (model.line.text !== '') {
		const {text} = model.line;
		const cleared = remembered(
			{...model, line: {...emptyLine, killed: model.line.killed}, popup: null},
			text,
		);
		return step(toasted(cleared, 'cleared; ↑ brings it back', world), {type: 'remember', text});
	}

	if (model.armedUntil > world.now)
		return orphans(world) === 0 ? step(model, {type: 'quit'}) : askToQuit(model, world);
	const open = openCount(world);
	const waiting = open === 0 ? '' : ` (${open} of your messages not decided yet)`;
	return step({
		...toasted(model, `Ctrl+C again quits${waiting}`, world),
		focus: 'line',
		armedUntil: world.now + armedMs,
	});
}

export const isRunning = (batch: Batch | null): boolean => batch !== null && batch.endedAt === null;

/** What is under way comes to its end first; who cannot wait leaves. */
export function batchStopped(model: Model, world: World): Step {
	if (!isRunning(model.batch))
		return world.about.hasChat ? step(batchLeft(model)) : step(model, {type: 'quit'});
	if (!model.batch!.isStopping) {
		const batch: Batch = {...model.batch!, isStopping: true};
		return step(toasted({...model, batch}, 'nothing new is said; what is under way ends', world), {
			type: 'stopBatch',
		});
	}

	return world.about.hasChat ? step(batchLeft(model)) : step(model, {type: 'quit'});
}

/** To what was there before; a load that runs goes on. */
export const batchLeft = (model: Model): Model => {
	const isTalk = model.behind === 'chat' || model.behind === 'split';
	return {
		...model,
		view: model.behind,
		focus: isTalk ? 'line' : model.behind,
		batch: isRunning(model.batch) ? model.batch : null,
	};
};

const openCount = ({client}: World): number =>
	client.pending.filter(({settledAt}) => settledAt === undefined).length;

/** Clients that would lose their replicas. */
const orphans = (world: World): number => (world.about.ownsReplicas ? othersOf(world) : 0);

/** Asks, if anybody would lose anything. */
export function askToQuit(model: Model, world: World): Step {
	const open = openCount(world);
	const others = orphans(world);
	if (open === 0 && others === 0) return step(model, {type: 'quit'});
	return step({
		...model,
		overlay: {
			type: 'dialog',
			title: 'Quit?',
			lines: [
				...(others === 0
					? []
					: [
							`${others} other ${others === 1 ? 'client is' : 'clients are'} connected: the replicas were started here, and end with this screen.`,
						]),
				...(open === 0 ? [] : [`${open} of your messages ${open === 1 ? 'is' : 'are'} not decided yet.`]),
			],
			yes: 'quit',
			leadsTo: {type: 'quit'},
		},
	});
}

/** The answer was yes. */
export function confirm(model: Model, confirmed: Confirmed, world: World): Step {
	switch (confirmed.type) {
		case 'fault':
			return onFault(model, confirmed.fault, world);
		case 'insert': {
			const line = insert({...model.line, last: 'other'}, confirmed.text);
			return step({...model, focus: 'line', line, recall: null});
		}
		case 'quit':
			return step(model, {type: 'quit'});
	}
}
