import type {Line} from './line-editor.ts';
import {withText} from './line-editor.ts';
import {isSetting, rates, settingNames, settingOf} from './settings.ts';
import {commandOf, slashNames, usageOf} from './slash.ts';
import {themeNames} from './theme.ts';

export type Completion = {
	/** What is put in its place. */
	readonly text: string;
	readonly label: string;
	readonly says: string;
};
export type Completions = {
	readonly title: string;
	/** What is replaced: from here to the cursor. */
	readonly from: number;
	readonly choices: readonly Completion[];
};

/** What is there to choose from. */
export type Known = {
	readonly replicas: number;
	readonly nicks: readonly string[];
	/** Own messages that failed or wait, by their ids. */
	readonly messages: ReadonlyArray<{readonly id: number; readonly says: string; readonly isFailed: boolean}>;
	readonly isReadOnly: boolean;
};

/** What could stand where the cursor is; null if nothing is to be completed there. */
export function completionsOf({text, cursor}: Line, known: Known): Completions | null {
	const before = text.slice(0, cursor);
	const from = before.search(/\S*$/);
	const word = before.slice(from);
	const found = (choices: readonly Completion[], start = from): Completions | null =>
		choices.length === 0 ? null : {title: word, from: start, choices};
	if (/^\/[a-z]*$/i.test(before)) {
		const names = slashNames.filter(name => name.startsWith(word.slice(1).toLowerCase()));
		return found(
			names
				.filter(name => !(known.isReadOnly && commandOf(name).isWrite))
				.map(name => ({
					text: `/${name}${commandOf(name).arguments.length > 0 ? ' ' : ''}`,
					label: usageOf(name),
					says: commandOf(name).says + (commandOf(name).danger === 'asks' ? ' (asks first)' : ''),
				})),
		);
	}

	const head = /^\/([a-z]+)\s/.exec(before)?.[1];
	if (head !== undefined && !before.startsWith('//')) {
		const name = slashNames.find(each => each === head);
		if (name === undefined) return null;
		const given = before.slice(head.length + 2).split(/\s+/);
		const kind = commandOf(name).arguments[given.length - 1]?.kind;
		const values =
			kind === 'message'
				? messagesOf(known, name === 'resend')
				: kind === 'value'
					? settingValues(given[0] ?? '')
					: valuesOf(kind, known);
		return found(values.filter(({text}) => text.startsWith(word) && text !== word));
	}

	if (!/^@[\p{L}\p{N}_-]*$/u.test(word)) return null;
	const begun = word.slice(1).toLowerCase();
	return found(
		known.nicks
			.filter(nick => nick.toLowerCase().startsWith(begun))
			.slice(0, 8)
			.map(nick => ({text: `@${nick} `, label: `@${nick}`, says: ''})),
	);
}

const plain = (text: string, says = ''): Completion => ({text, label: text, says});

const messagesOf = ({messages}: Known, onlyFailed: boolean): readonly Completion[] =>
	messages.filter(({isFailed}) => isFailed || !onlyFailed).map(({id, says}) => plain(String(id), says));

const settingValues = (name: string): readonly Completion[] =>
	isSetting(name) ? settingOf(name).values.map(value => plain(value)) : [];

function valuesOf(kind: string | undefined, {replicas, nicks}: Known): readonly Completion[] {
	if (kind === 'replica') return Array.from({length: replicas}, (_, id) => plain(`r${id}`, `replica ${id}`));
	if (kind === 'command') return slashNames.map(name => plain(name, commandOf(name).says));
	if (kind === 'switch') return [plain('on'), plain('off')];
	if (kind === 'rate') return rates.map(rate => plain(String(rate)));
	if (kind === 'setting')
		return settingNames.map(name => ({text: `${name} `, label: name, says: settingOf(name).says}));
	if (kind === 'theme') return themeNames.map(name => plain(name));
	if (kind === 'nick') return nicks.map(nick => plain(nick));
	if (kind === 'share') return [plain('10%'), plain('20%'), plain('50%'), plain('0%', 'none')];
	return [];
}

export const accept = (line: Line, from: number, {text}: Completion): Line =>
	withText(line, line.text.slice(0, from) + text + line.text.slice(line.cursor), from + text.length);
