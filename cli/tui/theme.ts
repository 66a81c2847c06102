/** What a piece of text is, not how it looks: themes decide that, and a colour never says it alone. */
export type Tone =
	| 'plain'
	| 'bold'
	| 'dim'
	| 'accent'
	| 'good'
	| 'warn'
	| 'bad'
	| 'alarm'
	| 'inverse'
	| 'mention'
	| `nick${0 | 1 | 2 | 3 | 4 | 5}`
	| `view${0 | 1 | 2 | 3 | 4 | 5}`;

/** How Ink's Text is told to draw it. */
export type Look = {
	readonly color?: string;
	readonly bold?: boolean;
	readonly dimColor?: boolean;
	readonly inverse?: boolean;
	readonly underline?: boolean;
};
export type Theme = Readonly<Record<Tone, Look>>;
export const themeNames = ['dark', 'light', 'contrast', 'mono'] as const;
export type ThemeName = (typeof themeNames)[number];

/** Only names of the terminal's own sixteen colours: its user chose what is readable. */
const dark: Theme = {
	plain: {},
	bold: {bold: true},
	dim: {dimColor: true},
	accent: {color: 'cyan', bold: true},
	good: {color: 'green'},
	warn: {color: 'yellow', bold: true},
	bad: {color: 'red', bold: true},
	alarm: {color: 'red', bold: true, inverse: true},
	inverse: {inverse: true},
	mention: {bold: true, underline: true},
	nick0: {color: 'cyan'},
	nick1: {color: 'yellow'},
	nick2: {color: 'magenta'},
	nick3: {color: 'blueBright'},
	nick4: {color: 'green'},
	nick5: {color: 'redBright'},
	view0: {color: 'cyan'},
	view1: {color: 'yellow'},
	view2: {color: 'magenta'},
	view3: {color: 'green'},
	view4: {color: 'blueBright'},
	view5: {color: 'redBright'},
};

/** On white, yellow and the bright ones vanish. */
const light: Theme = {
	...dark,
	accent: {color: 'blue', bold: true},
	warn: {color: 'magenta', bold: true},
	nick0: {color: 'blue'},
	nick1: {color: 'red'},
	nick3: {color: 'cyan'},
	nick5: {color: 'red', bold: true},
	view0: {color: 'blue'},
	view1: {color: 'red'},
	view4: {color: 'cyan'},
	view5: {color: 'magenta', bold: true},
};

/** Nothing is dim, and what has a colour is bright and bold. */
const contrast: Theme = {
	...dark,
	dim: {},
	accent: {color: 'cyanBright', bold: true},
	good: {color: 'greenBright', bold: true},
	warn: {color: 'yellowBright', bold: true},
	bad: {color: 'redBright', bold: true, underline: true},
	alarm: {color: 'redBright', bold: true, inverse: true},
};

const mono = Object.fromEntries(
	Object.entries(dark).map(([tone, {color, ...look}]) => [
		tone,
		tone === 'alarm' ? {inverse: true, bold: true} : look,
	]),
) as Theme;

export const themes: Readonly<Record<ThemeName, Theme>> = {dark, light, contrast, mono};

/** The same nick has the same colour on every screen. */
export function nickTone(nick: string): Tone {
	let hash = 0;
	for (const character of nick) hash = (hash * 31 + character.codePointAt(0)!) >>> 0;
	return `nick${(hash % 6) as 0}`;
}

/** Views that follow each other differ. */
export const viewTone = (view: number): Tone => `view${(Math.max(0, view) % 6) as 0}`;
