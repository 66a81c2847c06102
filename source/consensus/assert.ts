/** A broken assertion is a bug in this program: stop rather than go on wrongly. Names the theorem it protects. */
export default function assert(condition: boolean, theorem: string): asserts condition {
	if (!condition) throw new Error(`invariant broken: ${theorem}`);
}
