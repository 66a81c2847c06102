import type {BatchReport} from '../source/client/batch.ts';

/** What a load came to, for people, in three lines. */
export function summaryOf(report: BatchReport): readonly string[] {
	const {acknowledged, requested, unknown, failed, clients, retried, seconds, throughput, viewChanges} =
		report;
	const {p50, p95, p99, max} = report.latencyMs;
	const ms = (value: number | null) => (value === null ? '-' : `${value.toFixed(1)} ms`);
	const unsaid = requested - acknowledged - unknown - failed;
	return [
		`${acknowledged} of ${requested} messages acknowledged by ${clients} ${clients === 1 ? 'client' : 'clients'} in ${seconds.toFixed(2)} s: ${Math.round(throughput)} a second`,
		`latency: p50 ${ms(p50)}, p95 ${ms(p95)}, p99 ${ms(p99)}, longest ${ms(max)}`,
		`${retried} retried, ${unknown} of unknown fate, ${failed} failed, ${unsaid === 0 ? '' : `${unsaid} never said, `}${viewChanges} view changes`,
	];
}
