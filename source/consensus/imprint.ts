/** The entries of a map whose order means nothing, in the order of their keys: equal maps, equal lists. */
export const sorted = <Value>(map: ReadonlyMap<number, Value>): readonly (readonly [number, Value])[] =>
	[...map].sort(([one], [other]) => one - other);
