import {suggestion} from '../../../source/nearest.ts';
import {emptyLine} from '../line-editor.ts';
import {noLoad} from '../meter.ts';
import type {Effect, Model, Step} from '../model.ts';
import {presence, transcript} from '../panes/people.ts';
import {isSetting, refusalOfValue, settingNames, settingOf} from '../settings.ts';
import {commandOf, parseSlash, type SlashName, slashNames, usageOf, type Values} from '../slash.ts';
import {isUp, type World} from '../world.ts';
import {ask, askToQuit, isRunning} from './asking.ts';
import {found, jumped, toEnd} from './reading.ts';
import {noticed, refused, step, toasted} from './steps.ts';
import {copied, held, menu, moused, showing} from './views.ts';
import {completed, remembered} from './writing.ts';

/** Enter runs what stands there, if that is a whole command; else it completes it. */
export function popupEntered(model: Model, world: World): Step {
	const parsed = parseSlash(model.line.text, world.about.replicas);
	const isMoved = (model.popup?.at ?? 0) > 0;
	if (parsed.type === 'command' && !isMoved) return sent({...model, popup: null}, world);
	if (parsed.type === 'text') return sent({...model, popup: null}, world);
	const done = completed(model, world);
	const again = parseSlash(done.model.line.text, world.about.replicas);
	const [first] = again.type === 'command' ? commandOf(again.name).arguments : [];
	return again.type === 'command' && first === undefined ? sent({...done.model, popup: null}, world) : done;
}

/** Enter: a message is said, a command is run; what is refused stays in the line. */
export function sent(model: Model, world: World): Step {
	const {text} = model.line;
	if (text.trim() === '') return model.anchor === null ? step({...model, unread: null}) : toEnd(model);
	const parsed = parseSlash(text, world.about.replicas);
	if (parsed.type === 'wrong') return refused(model, parsed.why, world);
	if (parsed.type === 'text' && !world.about.hasChat)
		return refused(model, '--batch follows no chat: only commands are run here', world);
	if (parsed.type === 'text' && world.about.isReadOnly)
		return refused(model, 'read-only: leave --read-only out to say something', world);
	const cleared = remembered(
		{
			...model,
			line: {...emptyLine, killed: model.line.killed},
			popup: null,
			anchor: null,
			unread: null,
			found: null,
		},
		text,
	);
	const kept: Effect = {type: 'remember', text};
	if (parsed.type === 'text')
		return step(cleared, {type: 'say', text: parsed.text, nick: model.nick}, kept, {type: 'atEnd'});
	const result = run(cleared, parsed.name, parsed.values, world);
	const isRefused = result.model.toast !== cleared.toast && result.model.toast?.isBad === true;
	if (isRefused) return {model: {...result.model, line: model.line}, effects: []};
	return {model: result.model, effects: [kept, ...result.effects]};
}

/** One entry for each slash command. */
export function run(model: Model, name: SlashName, {numbers, words, isBold}: Values, world: World): Step {
	if (commandOf(name).isWrite && world.about.isReadOnly) return refused(model, `/${name}: read-only`, world);
	const id = numbers.replica ?? null;
	const slot = numbers.slot ?? null;
	const at = world.now;
	const say = (text: string) => step(noticed(model, {at, text, isBad: false}));
	switch (name) {
		case 'help': {
			const asked = slashNames.find(each => each === words.command?.replace('/', ''));
			if (asked === undefined) return step({...model, overlay: menu('help')});
			const {says, example} = commandOf(asked);
			return say(`${usageOf(asked)}: ${says}, as in ${example}`);
		}
		case 'keys':
			return step({...model, overlay: {type: 'menu', kind: 'help', isWide: true, filter: '', at: 0}});
		case 'nick': {
			const nick = words.name ?? '';
			if (!/^[\p{L}\p{N}_-]{1,16}$/u.test(nick) || nick === '--')
				return refused(model, 'a nick is 1 to 16 letters, digits, _ or -', world);
			return step(toasted({...model, nick}, `you are ${nick} now`, world));
		}
		case 'me':
			return step(model, {type: 'say', text: `* ${model.nick} ${words.text ?? ''}`, nick: model.nick});
		case 'who':
			return say(presence(world));
		case 'edit':
			return step(model, {type: 'edit', text: words.text ?? ''});
		case 'save':
			return step(model, {type: 'save', path: words.file ?? '', text: transcript(world)});
		case 'copy':
			return copied({...model, focus: 'chat'}, world, model.focus);
		case 'connect':
			if (!isUp(world.monitor.replicas[id!]!)) return refused(model, `r${id} does not answer`, world);
			return step(toasted(model, `asking r${id} to take us in`, world), {type: 'connect', id: id!});
		case 'rate':
			return set(model, 'rate', String(numbers.hz), world);
		case 'mouse':
		case 'bell':
			return set(model, name, numbers['on|off'] === 1 ? 'on' : 'off', world);
		case 'status':
			return say(`${world.client.connection.sentence}; ${world.monitor.agreement.sentence}`);
		case 'chat':
		case 'split':
			return world.about.hasChat
				? step(showing(model, name))
				: refused(model, '--batch follows no chat', world);
		case 'load':
			return model.batch === null
				? refused(model, 'no load runs: /batch 5000 begins one', world)
				: step(showing(model, 'batch'));
		case 'mon':
			return step(showing(model, 'monitor'));
		case 'log':
			return step({...showing(model, 'log'), log: {slot, isOddOnly: false}});
		case 'events':
			return step({...showing(model, 'events'), events: {filter: words.filter ?? '', back: 0}});
		case 'search':
			return found({...model, find: (words.text ?? '').toLowerCase(), found: null}, world, -1, null);
		case 'goto': {
			const line = world.client.lines.find(each => each.slot === slot);
			return line === undefined
				? refused(model, `no message that is loaded stands in slot ${slot}`, world)
				: jumped(model, line.position, world);
		}
		case 'kill':
		case 'restart':
		case 'isolate':
			return ask({...model, selected: id!}, {kind: name, id: id!}, world, isBold);
		case 'skip':
			return ask(model, {kind: 'skip', slot}, world, isBold);
		case 'loss':
			return ask(model, {kind: 'loss', share: numbers.share!, id}, world, isBold);
		case 'heal':
			return ask(model, {kind: 'heal', id}, world, true);
		case 'resend':
			return resent(model, numbers.id, world);
		case 'cancel':
			return cancelled(model, numbers.id, world);
		case 'batch':
			return loaded(model, numbers.messages!, numbers.clients ?? 8, world);
		case 'set':
			return set(model, words.setting, words.value, world);
		case 'pause':
			return step(held(model, world));
		case 'theme':
			return set(model, 'theme', words.theme, world);
		case 'clear':
			return step({...model, unread: null, anchor: null, notices: []});
		case 'quit':
			return askToQuit(model, world);
	}
}

/** Failed messages go out again as new ones; one that may stand in the chat already only by its id. */
function resent(model: Model, id: number | undefined, world: World): Step {
	const failed = world.client.pending.filter(
		({state, key, isUnknown}) => state === 'failed' && (id === undefined ? isUnknown !== true : key === id),
	);
	if (failed.length === 0)
		return refused(
			model,
			id === undefined ? 'no message failed' : `no failed message has the id ${id}`,
			world,
		);
	return step(
		model,
		...failed.flatMap(({key, text, nick}): Effect[] => [
			{type: 'forget', key},
			{type: 'say', text, nick},
		]),
	);
}

/** Off the screen with what failed; by its id also what nobody was told yet. */
function cancelled(model: Model, id: number | undefined, world: World): Step {
	const {pending} = world.client;
	if (id === undefined) {
		const failed = pending.filter(({state}) => state === 'failed');
		if (failed.length === 0)
			return refused(model, 'no message failed; /cancel with an id takes back one that is queued', world);
		return step(model, ...failed.map(({key}): Effect => ({type: 'forget', key})));
	}

	const one = pending.find(({key, state}) => key === id && state !== 'decided');
	if (one === undefined) return refused(model, `no message that waits or failed has the id ${id}`, world);
	if (one.state === 'failed') return step(model, {type: 'forget', key: id});
	if (one.state === 'queued') return step(toasted(model, 'taken back', world), {type: 'unsay', key: id});
	return refused(model, `${id} was sent to r${one.replicas.at(-1)}: it cannot be taken back`, world);
}

const mostLoad = 1_000_000;
const mostClients = 1000;

/** A load from this very screen, and the view that shows it. */
function loaded(model: Model, messages: number, clients: number, world: World): Step {
	if (isRunning(model.batch))
		return refused(model, 'a load runs already: /load shows it, q there stops it', world);
	const batch = {
		messages: Math.min(mostLoad, messages),
		clients: Math.min(mostClients, clients),
		startedAt: world.now,
		endedAt: null,
		load: noLoad,
		isStopping: false,
		summary: null,
	};
	return step(showing({...model, batch}, 'batch'), {
		type: 'batch',
		messages: batch.messages,
		clients: batch.clients,
		nick: model.nick,
	});
}

/** Without a name all settings are told, without a value one of them. */
function set(model: Model, name: string | undefined, value: string | undefined, world: World): Step {
	const told = (text: string) => step(noticed(model, {at: world.now, text, isBad: false}));
	const asOf = (each: (typeof settingNames)[number]) => `${each} ${settingOf(each).read(model, world.about)}`;
	if (name === undefined)
		return told(`${settingNames.map(asOf).join(', ')}; /set NAME VALUE changes one until you leave`);
	if (!isSetting(name))
		return refused(model, `${name} is no setting${suggestion(name, settingNames)}; /set lists them`, world);
	if (value === undefined)
		return told(`${asOf(name)} (${settingOf(name).values.join(', ')}): ${settingOf(name).says}`);
	const refusal = refusalOfValue(name, value);
	if (refusal !== null) return refused(model, refusal, world);
	if (name === 'mouse') return moused(model, value === 'on', world);
	return step(toasted({...model, ...settingOf(name).write(model, value)}, `${name}: ${value}`, world));
}
