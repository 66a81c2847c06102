import type {StampedNote} from '../../../source/network/events.ts';
import {safeLine} from '../../../source/safe-text.ts';
import {glyphsOf} from '../glyphs.ts';
import {steps} from '../latencies.ts';
import type {Batch} from '../model.ts';
import {framed, justify, type Row, span} from '../rows.ts';
import {clock, isForAll, lasting, type World} from '../world.ts';
import {sparkline} from './replicas.ts';

/** Load from this very screen: how far, how fast. */
export function batchRows(batch: Batch, {about, monitor, columns, now}: World): readonly Row[] {
	const width = Math.min(columns, 78);
	const inner = width - 4;
	const glyphs = glyphsOf(about.isAscii);
	const {messages, clients, progress, rates, startedAt, summary} = batch;
	const done = progress?.acknowledged ?? 0;
	const room = Math.max(4, inner - 34);
	const full = Math.floor((done / messages) * room);
	const rate = rates.at(-1) ?? 0;
	const mean = rates.length === 0 ? 0 : rates.reduce((sum, each) => sum + each, 0) / rates.length;
	const eta = mean > 0 ? `eta ${lasting(((messages - done) / mean) * 1000)}` : '';
	const rows: readonly Row[] = [
		justify(
			[span(` ${glyphs.full.repeat(full)}`, 'accent'), span(glyphs.empty.repeat(room - full), 'dim')],
			[
				span(`${done} / ${messages}  ${Math.floor((done / messages) * 100)}%`, 'bold'),
				span(`  ${eta}`, 'dim'),
			],
			inner,
		),
		[],
		[
			span(' throughput  ', 'dim'),
			span(sparkline(rates, 24, about.isAscii), 'accent'),
			span(`  now ${rate}/s  mean ${Math.round(mean)}/s`),
		],
		[span(' view        ', 'dim'), span(`${progress?.view ?? '-'}   ${progress?.sentence ?? 'connecting'}`)],
		[span(' since       ', 'dim'), span(lasting(now - startedAt))],
		...latencyRows(batch, about.isAscii),
		...meanwhile(batch, monitor.notes),
		...(summary === null ? [] : [[], ...summary.split('\n').map((line): Row => [span(` ${line}`, 'bold')])]),
	];
	return framed(
		{
			title: [span('batch  closed loop', 'bold')],
			right: [span(`${messages} messages  ${clients} clients`, 'dim')],
			foot: [span(summary === null ? 'Esc stops it' : 'Esc closes', 'dim')],
			isFocused: true,
			isAscii: about.isAscii,
		},
		rows,
		width,
		rows.length + 2,
	);
}

function latencyRows({latency}: Batch, isAscii: boolean): readonly Row[] {
	if (latency === null || latency.max === 0) return [];
	const {p50, p95, p99, max, counts} = latency;
	const bars = Array.from(sparkline(counts, counts.length, isAscii));
	const names = [...steps.map(most => (most < 1000 ? `${most}` : `${most / 1000}s`)), 'more'];
	const histogram = names
		.map((name, index) => `${name} ${counts[index] === 0 ? ' ' : bars[index]}`)
		.join(' ');
	return [
		[span(' latency     ', 'dim'), span(`p50 ${ms(p50)}  p95 ${ms(p95)}  p99 ${ms(p99)}  max ${ms(max)}`)],
		[span(' up to ms    ', 'dim'), span(histogram, 'accent')],
	];
}

/** What befell the cluster while the load ran. */
function meanwhile({startedAt}: Batch, notes: readonly StampedNote[]): readonly Row[] {
	const told = notes.filter(note => note.at >= startedAt && isForAll(note)).slice(-3);
	return told.map(
		({at, replica, view, text}, index): Row => [
			span(index === 0 ? ' meanwhile   ' : '             ', 'dim'),
			span(`${clock(at)} r${replica} view ${view}: ${safeLine(text)}`, 'warn'),
		],
	);
}

const ms = (value: number): string => (value < 10 ? `${value.toFixed(1)}ms` : lasting(value));
