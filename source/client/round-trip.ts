/** Round trips that differ by no more, or by no more than a half, are alike. */
const alikeMs = 3;

/**
 * How far away a replica is, in milliseconds, as long as nothing much changes:
 * it is never measured twice the same, and every change would be a new picture.
 */
export function calmRoundTrip(last: number | null, ms: number): number {
	return last !== null && Math.abs(ms - last) <= Math.max(alikeMs, last / 2) ? last : ms;
}
