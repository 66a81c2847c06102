import {type Model, type TimeFormat, timeFormats} from './model.ts';
import {type ThemeName, themeNames} from './theme.ts';
import type {About} from './world.ts';

/** How often a second the screen may look at news. */
export const rates = [1, 2, 5, 10] as const;

/** Something about this screen that can be changed while it is open; it lasts until one leaves. */
export type Setting = {
	readonly says: string;
	/** Those that are offered; others are refused, unless there is a range. */
	readonly values: readonly string[];
	/** Whole numbers that are allowed. */
	readonly range?: readonly [least: number, most: number];
	readonly read: (model: Model, about: About) => string;
	/** The value is one of `values`, or in the range. */
	readonly write: (model: Model, value: string) => Partial<Model>;
};

const onOff = ['on', 'off'] as const;
const word = (isOn: boolean) => (isOn ? 'on' : 'off');

/** Every setting: `/set`, its completion and its documentation are made of it. */
export const settings = {
	theme: {
		says: 'colours',
		values: themeNames,
		read: ({theme}) => theme,
		write: (_, value) => ({theme: value as ThemeName}),
	},
	time: {
		says: 'how times are told in the chat; auto: with seconds where there is room',
		values: timeFormats,
		read: ({time}) => time,
		write: (_, value) => ({time: value as TimeFormat}),
	},
	ascii: {
		says: 'frames and signs of ASCII only',
		values: onOff,
		read: ({isAscii}, about) => word(isAscii ?? about.isAscii),
		write: (_, value) => ({isAscii: value === 'on'}),
	},
	split: {
		says: 'what the chat has of the width of the split view, in percent',
		values: ['40', '55', '70'],
		range: [35, 75],
		read: ({split}) => String(split),
		write: (_, value) => ({split: Number(value)}),
	},
	rate: {
		says: 'how often a second the screen looks at news',
		values: rates.map(String),
		range: [1, 10],
		read: ({hz}) => String(hz),
		write: (_, value) => ({hz: Number(value)}),
	},
	bell: {
		says: 'ring when somebody speaks to you and you look elsewhere',
		values: onOff,
		read: ({isMuted}) => word(!isMuted),
		write: (_, value) => ({isMuted: value === 'off'}),
	},
	mouse: {
		says: 'the wheel scrolls, and text is selected with Shift',
		values: onOff,
		read: ({hasMouse}) => word(hasMouse),
		write: (_, value) => ({hasMouse: value === 'on'}),
	},
} as const satisfies Readonly<Record<string, Setting>>;

export type SettingName = keyof typeof settings;
export const settingNames = Object.keys(settings) as readonly SettingName[];
export const settingOf = (name: SettingName): Setting => settings[name];
export const isSetting = (name: string): name is SettingName => Object.hasOwn(settings, name);

/** Why a setting cannot have this value; null if it can. */
export function refusalOfValue(name: SettingName, value: string): string | null {
	const {values, range} = settingOf(name);
	if (values.includes(value)) return null;
	if (range === undefined) return `${name} is ${values.slice(0, -1).join(', ')} or ${values.at(-1)}`;
	const [least, most] = range;
	const number = /^\d{1,4}$/.test(value) ? Number(value) : Number.NaN;
	return number >= least && number <= most ? null : `${name} is a whole number from ${least} to ${most}`;
}
