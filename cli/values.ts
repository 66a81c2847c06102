import {Failure} from '../source/failure.ts';
import {nickPattern} from '../source/network/events.ts';

/** What a word of the command line must be, in words and as a function that gives undefined for everything else. */
export type Kind<Value> = {readonly must: string; read(text: string): Value | undefined};

/** The value of a word; a Failure that names it (`--batch`, `ID`) if it is not what it must be. */
export function readValue<Value>(name: string, kind: Kind<Value>, text: string): Value {
	const value = kind.read(text);
	if (value === undefined)
		throw new Failure(`${name}: must be ${kind.must}, is ${JSON.stringify(text.slice(0, 80))}`, 2);
	return value;
}

export const whole = (least: number, most: number): Kind<number> => ({
	must: `a whole number from ${least} to ${most}`,
	read(text) {
		const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
		return value >= least && value <= most ? value : undefined;
	},
});

const decimal = /^(?:\d{1,15}(?:\.\d{0,15})?|\.\d{1,15})$/;

export const seconds: Kind<number> = {
	must: 'a number of seconds above 0, at most 1000000',
	read(text) {
		const value = decimal.test(text) ? Number(text) : Number.NaN;
		return value > 0 && value <= 1_000_000 ? value : undefined;
	},
};

export const probability: Kind<number> = {
	must: 'from 0 to 1, or from 0% to 100%',
	read(text) {
		const number = text.replace(/%$/, '');
		if (!decimal.test(number)) return undefined;
		const value = Number(number) / (text.endsWith('%') ? 100 : 1);
		return value <= 1 ? value : undefined;
	},
};

export const nick: Kind<string> = {
	must: '1 to 16 letters, digits, _ or -',
	read: text => (nickPattern.test(text) ? text : undefined),
};

export const path: Kind<string> = {
	must: 'a path',
	read: text => (text === '' || text.includes('\0') ? undefined : text),
};

export const oneOf = <Word extends string>(...words: readonly Word[]): Kind<Word> => ({
	must: words.join(', ').replace(/, ([^,]*)$/, ' or $1'),
	read: text => words.find(word => word === text),
});
