import type {Key} from './split-chunk.ts';

/** As terminals tell of the mouse in the SGR encoding. */
const mouseReport = /\u001b\[<(\d{1,3});\d{1,5};\d{1,5}[Mm]/g;

/** The notches of the wheel in what a terminal sent; other keys and buttons are not looked at. */
export const wheelIn = (chunk: string): readonly Key[] =>
	[...chunk.matchAll(mouseReport)].flatMap(([, button]) => {
		if (button === '64') return [{name: 'wheelup'}];
		return button === '65' ? [{name: 'wheeldown'}] : [];
	});

/** Ink knows no wheel, and drops what a terminal tells of it: here it is heard on the way to Ink. */
export function hearingWheel(stdin: NodeJS.ReadStream, onWheel: (key: Key) => void): NodeJS.ReadStream {
	const read = (): unknown => {
		const chunk: unknown = stdin.read();
		if (chunk !== null) wheelIn(String(chunk)).forEach(onWheel);
		return chunk;
	};
	return new Proxy(stdin, {
		get(target, name) {
			if (name === 'read') return read;
			const value: unknown = Reflect.get(target, name);
			return typeof value === 'function' ? value.bind(target) : value;
		},
	});
}
