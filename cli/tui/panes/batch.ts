import {glyphsOf} from '../glyphs.ts';
import {type Load, steps} from '../meter.ts';
import type {Batch, Model} from '../model.ts';
import {fill, justify, type Row, rowWidth, span, widthOf} from '../rows.ts';
import {type Told, toldOf} from '../told.ts';
import {clock, lasting, type World} from '../world.ts';
import {barChart, condensed} from './charts.ts';
import {lastRows} from './events.ts';
import {rule} from './status.ts';

const mostChart = 6;
const mostBars = 4;
/** Rows that every picture of a load has: how far, the counts, how fast, how long. */
const fixedRows = 4;
const leastEvents = 3;
/** Columns of one bar of the histogram, and between two. */
const barWide = 4;
const barGap = 2;

/** A load: how far it is, how fast, how long answers take, and what befell the cluster meanwhile. */
export function batchRows(
	model: Model,
	batch: Batch,
	world: World,
	width: number,
	height: number,
): readonly Row[] {
	const {isAscii} = world.about;
	const told = meanwhileOf(model, batch, world);
	const summary = batch.summary === null ? [] : batch.summary.split('\n');
	const endRows = summary.length === 0 ? 0 : summary.length + 1;
	// What is left after words and a few events is for the two charts, to the last row.
	const spare = height - fixedRows - endRows - 1 - leastEvents;
	const hasBars = spare >= 4 && width >= steps.length * (barWide + barGap) + barWide + 2;
	const chart = Math.max(0, Math.min(mostChart, hasBars ? Math.floor((spare - 3) / 2) : spare - 1));
	const bars = hasBars ? Math.max(1, Math.min(mostBars, spare - chart - 3)) : 0;
	const rows: Row[] = [
		progressRow(batch, width, isAscii),
		countsRow(batch),
		throughputRow(batch),
		...(chart === 0 ? [] : throughputChart(batch, told, width, chart, isAscii)),
		latencyRow(batch.load),
		...(hasBars ? histogram(batch.load, bars, isAscii) : []),
		...(endRows === 0 ? [] : [[], ...summary.map((line): Row => [span(` ${line}`, 'bold')])]),
		rule(width, isAscii, [span('meanwhile')], [span(`${told.length}`, 'dim')]),
	];
	const room = Math.max(0, height - rows.length);
	const events =
		told.length === 0
			? [[span('  nothing happened to the replicas', 'dim')]]
			: lastRows(told, told.length, world, width, room);
	return [...rows, ...events].slice(0, height);
}

/** What befell the cluster while the load ran, and what the operator did to it. */
function meanwhileOf(model: Model, {startedAt, endedAt}: Batch, world: World): readonly Told[] {
	const everything = toldOf({...model, events: {filter: '', back: 0}}, world);
	return everything.filter(
		({at, matters}) => matters && at >= startedAt && at <= (endedAt ?? Number.POSITIVE_INFINITY),
	);
}

function progressRow({messages, load, isStopping, endedAt}: Batch, width: number, isAscii: boolean): Row {
	const glyphs = glyphsOf(isAscii);
	const done = load.acknowledged;
	const mean = (done * 1000) / Math.max(1, load.elapsed);
	const left = done > 0 ? lasting(((messages - done) * 1000) / mean) : '?';
	const state = endedAt !== null ? 'ended' : isStopping ? 'stopping' : `eta ${left}`;
	const words: Row = [
		span(`  ${done} / ${messages}  ${Math.floor((done / messages) * 100)}%`, 'bold'),
		span(`  ${state} `, 'dim'),
	];
	const room = Math.max(4, width - rowWidth(words) - 2);
	const full = Math.floor((done / messages) * room);
	return justify(
		[span(` ${glyphs.full.repeat(full)}`, 'accent'), span(glyphs.empty.repeat(room - full), 'dim')],
		words,
		width,
	);
}

function countsRow({load}: Batch): Row {
	const {progress, unknown, failed} = load;
	const count = (name: string, value: number | string, isBad = false): Row => [
		span(` ${name} `, 'dim'),
		span(`${value} `, isBad ? 'bad' : 'plain'),
	];
	return [
		...count('under way', progress?.underWay ?? '-'),
		...count('retried', progress?.retried ?? '-'),
		...count('unknown', unknown, unknown > 0),
		...count('failed', failed, failed > 0),
	];
}

function throughputRow({load, startedAt, endedAt}: Batch): Row {
	const {now, acknowledged, elapsed, pause, silent, progress} = load;
	const mean = Math.round((acknowledged * 1000) / Math.max(1, elapsed));
	const isOver = endedAt !== null;
	const isStill = silent >= 1000 && !isOver;
	return [
		span(' throughput ', 'dim'),
		span(isOver ? `mean ${mean}/s` : `now ${now}/s  mean ${mean}/s`),
		...(pause !== null && pause.ms >= 100
			? [span(`  longest pause ${ms(pause.ms)} at ${clock(startedAt + pause.after)}`, 'warn')]
			: []),
		...(isStill
			? [span(`  nothing for ${lasting(silent)}: ${progress?.sentence ?? 'connecting'}`, 'bad')]
			: []),
	];
}

/** The whole load from left to right, and below it a mark where something happened. */
function throughputChart(
	{load, startedAt}: Batch,
	told: readonly Told[],
	width: number,
	height: number,
	isAscii: boolean,
): readonly Row[] {
	const {values, each} = condensed(load.rates, width - 10);
	const most = String(Math.round(Math.max(0, ...values)));
	const label = Math.max(6, most.length + 1);
	const rows = barChart(values, height, isAscii).map(
		(bars, index): Row => [
			span(`${(index === 0 ? most : index === height - 1 ? '0' : '').padStart(label)} `, 'dim'),
			span(bars, 'accent'),
		],
	);
	const marks = Array.from({length: values.length}, () => ' ');
	for (const {at} of told) {
		const column = Math.floor((at - startedAt) / (load.stretchMs * each));
		if (column >= 0 && column < marks.length) marks[column] = glyphsOf(isAscii).mark;
	}

	return [...rows, [fill(label + 1), span(marks.join(''), 'warn')]];
}

function latencyRow({latency}: Load): Row {
	const {p50, p95, p99, max} = latency;
	return max === 0
		? [span(' latency    ', 'dim'), span('nothing is answered yet', 'dim')]
		: [span(' latency    ', 'dim'), span(`p50 ${ms(p50)}  p95 ${ms(p95)}  p99 ${ms(p99)}  max ${ms(max)}`)];
}

/** How many answers took how long; each bar has its upper end below it. */
function histogram({latency}: Load, height: number, isAscii: boolean): readonly Row[] {
	const names = [...steps.map(most => (most < 1000 ? `${most}ms` : `${most / 1000}s`)), 'more'];
	const labels = names.map(name => centred(name, barWide + barGap)).join('');
	return [
		...barChart(latency.counts, height, isAscii, barWide, barGap).map(
			(bars): Row => [fill(2), span(bars, 'accent')],
		),
		[fill(1), span(labels, 'dim')],
	];
}

function centred(text: string, width: number): string {
	const before = Math.max(0, Math.floor((width - widthOf(text)) / 2));
	return (' '.repeat(before) + text).padEnd(width);
}

const ms = (value: number): string =>
	value < 10
		? `${value.toFixed(1)}ms`
		: value < 1000
			? `${Math.round(value)}ms`
			: `${(value / 1000).toFixed(2)}s`;
