import {glyphsOf} from '../glyphs.ts';

/** One bar for each value, the highest as high as it gets. */
export function sparkline(values: readonly number[], width: number, isAscii: boolean): string {
	const bars = Array.from(glyphsOf(isAscii).bars);
	const shown = values.slice(-width);
	const most = Math.max(1, ...shown);
	return shown
		.map(value => bars[Math.min(bars.length - 1, Math.ceil((value / most) * (bars.length - 1)))])
		.join('');
}

/** Bars of several rows, from the top downwards, each `wide` columns; what is not nothing is seen. */
export function barChart(
	values: readonly number[],
	height: number,
	isAscii: boolean,
	wide = 1,
	gap = 0,
): readonly string[] {
	const bars = Array.from(glyphsOf(isAscii).bars);
	const most = Math.max(1, ...values);
	const levels = height * bars.length;
	return Array.from({length: height}, (_, index) => {
		const below = (height - 1 - index) * bars.length;
		return values
			.map(value => {
				const level = value <= 0 ? 0 : Math.max(1, Math.round((value / most) * levels));
				const bar = level <= below ? ' ' : bars[Math.min(bars.length, level - below) - 1]!;
				return bar.repeat(wide) + ' '.repeat(gap);
			})
			.join('');
	});
}

/** As many values as there is room for: neighbours are one, by their mean. */
export function condensed(
	values: readonly number[],
	width: number,
): {values: readonly number[]; each: number} {
	const each = Math.max(1, Math.ceil(values.length / Math.max(1, width)));
	const few = Array.from({length: Math.ceil(values.length / each)}, (_, index) => {
		const part = values.slice(index * each, (index + 1) * each);
		return part.reduce((sum, value) => sum + value, 0) / part.length;
	});
	return {values: few, each};
}
