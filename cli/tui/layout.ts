export type View = 'chat' | 'monitor' | 'split' | 'log' | 'events' | 'batch';
export type Layout = {
	readonly columns: number;
	readonly rows: number;
	/** `tiny`: nothing fits but a sentence. */
	readonly size: 'tiny' | 'small' | 'narrow' | 'medium' | 'large';
	/** What is really shown: a split view needs room. */
	readonly view: View;
};

/** What fits where. Below 40x10 nothing does, and nothing is lost. */
export function layout(columns: number, rows: number, view: View): Layout {
	const size = sizeOf(columns, rows);
	return {columns, rows, size, view: view === 'split' && size !== 'large' ? 'chat' : view};
}

function sizeOf(columns: number, rows: number): Layout['size'] {
	if (columns < 40 || rows < 10) return 'tiny';
	if (columns < 60) return 'small';
	if (columns < 80 || rows < 24) return 'narrow';
	return columns >= 110 && rows >= 28 ? 'large' : 'medium';
}
