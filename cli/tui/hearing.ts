/** What a terminal tells apart from keys: the wheel, in the SGR encoding of the mouse, and whether it is looked at. */
const report = /\u001b\[(?:<(\d{1,3});\d{1,5};\d{1,5}[Mm]|([IO]))/g;

export type Heard = {readonly name: 'wheelup' | 'wheeldown' | 'looked' | 'unlooked'};

/** Notches of the wheel and looks in what a terminal sent; other keys and buttons are not looked at. */
export const reportsIn = (chunk: string): readonly Heard[] =>
	[...chunk.matchAll(report)].flatMap(([, button, look]): readonly Heard[] => {
		if (look !== undefined) return [{name: look === 'I' ? 'looked' : 'unlooked'}];
		if (button === '64') return [{name: 'wheelup'}];
		return button === '65' ? [{name: 'wheeldown'}] : [];
	});

/** Ink knows no wheel and no looks, and drops what a terminal tells of them: here they are heard on the way to Ink. */
export function hearing(stdin: NodeJS.ReadStream, onHeard: (heard: Heard) => void): NodeJS.ReadStream {
	const read = (): unknown => {
		const chunk: unknown = stdin.read();
		if (chunk !== null) reportsIn(String(chunk)).forEach(onHeard);
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
