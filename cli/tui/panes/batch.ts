import {glyphsOf} from '../glyphs.ts';
import type {Batch} from '../model.ts';
import {framed, justify, type Row, span} from '../rows.ts';
import {lasting, type World} from '../world.ts';
import {sparkline} from './replicas.ts';

/** Load from this very screen: how far, how fast. */
export function batchRows(batch: Batch, {about, columns, now}: World): readonly Row[] {
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
