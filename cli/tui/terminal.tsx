import {Box, type SuspendTerminal, Text, useApp, useCursor, useInput, usePaste} from 'ink';
import {memo, useEffect, useSyncExternalStore} from 'react';
import type {Row, Span} from './rows.ts';
import type {Screen} from './screen.ts';
import {splitChunk} from './split-chunk.ts';
import {type Theme, themes} from './theme.ts';

/** Puts the picture of a screen on the terminal, and the keys of the terminal into the screen. */
export function Terminal({
	screen,
	onMount,
}: {
	readonly screen: Screen;
	/** Hands out how the terminal is lent to somebody else. */
	readonly onMount?: (lend: SuspendTerminal) => void;
}) {
	const frame = useSyncExternalStore(screen.subscribe, screen.getFrame);
	const {setCursorPosition} = useCursor();
	setCursorPosition(frame.cursor ?? undefined);
	useInput((input, key) => {
		for (const each of splitChunk(input, key)) screen.dispatch({type: 'key', key: each});
	});
	const {suspendTerminal} = useApp();
	useEffect(() => onMount?.(suspendTerminal), [onMount, suspendTerminal]);
	usePaste(text => screen.dispatch({type: 'paste', text}));
	const theme = themes[frame.theme];
	// A picture is exactly as large as it says. That Ink looks for what hangs over, and cuts it off, would take
	// a third of the time of a frame.
	return (
		<Box flexDirection="column" width={frame.columns} height={frame.rows.length}>
			{frame.rows.map((row, index) => (
				// biome-ignore lint/suspicious/noArrayIndexKey: a row is its place
				<Line key={index} row={row} theme={theme} />
			))}
		</Box>
	);
}

const Line = memo(({row, theme}: {readonly row: Row; readonly theme: Theme}) => (
	<Text wrap="truncate-end">
		{joined(row).map(({text, tone}, index) => (
			// biome-ignore lint/suspicious/noArrayIndexKey: a span is its place
			<Text key={index} {...theme[tone]}>
				{text}
			</Text>
		))}
	</Text>
));

/** Neighbours of one style are one piece: each piece costs. */
function joined(row: Row): readonly Span[] {
	const spans: Span[] = [];
	for (const {text, tone} of row) {
		const last = spans.at(-1);
		if (last?.tone === tone) spans[spans.length - 1] = {text: last.text + text, tone};
		else if (text !== '') spans.push({text, tone});
	}

	return spans;
}
