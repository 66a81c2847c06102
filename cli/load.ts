import {type BatchEnd, type BatchOptions, runBatch} from '../source/client/batch.ts';
import {monotonicMs} from '../source/history-file.ts';
import {type Load, Meter} from './tui/meter.ts';

/** A load that runs, and how it goes. */
export type RunningLoad = {
	readonly messages: number;
	readonly clients: number;
	/** In Unix milliseconds. */
	readonly startedAt: number;
	/** How it goes now. */
	readonly look: () => Load;
	readonly ended: Promise<BatchEnd>;
	/** Nothing new is said; what is under way comes to its end. */
	readonly stop: () => void;
};

/** Begins a load, and watches it. */
export function startLoad(options: Omit<BatchOptions, 'signal'>): RunningLoad {
	const startedAt = Date.now();
	const meter = new Meter(monotonicMs());
	const stopping = new AbortController();
	const ended = runBatch({
		...options,
		signal: stopping.signal,
		onOperation: operation => {
			meter.add(operation);
			options.onOperation?.(operation);
		},
		onProgress: progress => {
			meter.heard(progress);
			options.onProgress?.(progress);
		},
	});
	const {messages, clients} = options;
	return {
		messages,
		clients,
		startedAt,
		look: () => meter.at(monotonicMs()),
		ended,
		stop: () => stopping.abort(),
	};
}
