import {emptyLine} from '../line-editor.ts';
import type {Effect, Model, Step} from '../model.ts';
import {presence, transcript} from '../panes/people.ts';
import {commandOf, parseSlash, type SlashName, slashNames, usageOf, type Values} from '../slash.ts';
import {type ThemeName, themeNames} from '../theme.ts';
import {isUp, type World} from '../world.ts';
import {ask, askToQuit} from './asking.ts';
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
			return step(
				toasted({...model, hz: numbers.hz!}, `news are looked at ${numbers.hz} times a second`, world),
			);
		case 'mouse':
			return moused(model, numbers['on|off'] === 1, world);
		case 'bell': {
			const isMuted = numbers['on|off'] === 0;
			return step(
				toasted({...model, isMuted}, isMuted ? 'no bell' : 'a bell rings when somebody speaks to you', world),
			);
		}
		case 'status':
			return say(`${world.client.connection.sentence}; ${world.monitor.agreement.sentence}`);
		case 'chat':
		case 'split':
			return step(showing(model, name));
		case 'mon':
			return step(showing(model, 'monitor'));
		case 'log':
			return step({...showing(model, 'log'), log: {slot}});
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
		case 'resend': {
			const failed = world.client.pending.filter(({state}) => state === 'failed');
			if (failed.length === 0) return refused(model, 'no message failed', world);
			return step(
				model,
				...failed.flatMap(({key, text, nick}): Effect[] => [
					{type: 'forget', key},
					{type: 'say', text, nick},
				]),
			);
		}
		case 'cancel': {
			const failed = world.client.pending.filter(({state}) => state === 'failed');
			if (failed.length === 0)
				return refused(model, 'no message failed; what is under way cannot be taken back', world);
			return step(model, ...failed.map(({key}): Effect => ({type: 'forget', key})));
		}
		case 'batch': {
			const messages = Math.min(1_000_000, numbers.messages!);
			const clients = Math.min(1000, numbers.clients ?? 8);
			const batch = {
				messages,
				clients,
				startedAt: world.now,
				progress: null,
				rates: [],
				latency: null,
				summary: null,
			};
			return step({...model, batch}, {type: 'batch', messages, clients, nick: model.nick});
		}
		case 'pause':
			return step(held(model, world));
		case 'theme': {
			const theme = themeNames.find(each => each === words.theme);
			return theme === undefined
				? refused(model, `themes are ${themeNames.join(', ')}`, world)
				: step({...model, theme: theme satisfies ThemeName});
		}
		case 'clear':
			return step({...model, unread: null, anchor: null, notices: []});
		case 'quit':
			return askToQuit(model, world);
	}
}
