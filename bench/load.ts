import {runBatch} from '../source/client/batch.ts';
import {readCluster} from '../source/cluster.ts';

/**
 * A client process: says what it is told to, and prints the report. With
 * `isTimed` also a line for each acknowledgement: when its message was said and
 * when it was acknowledged, in milliseconds of the clock of the machine.
 */
const {configPath, isTimed, ...options} = JSON.parse(process.argv[2]!);
const stop = new AbortController();
process.once('SIGTERM', () => stop.abort());
const {report} = await runBatch({
	cluster: readCluster(configPath),
	size: 100,
	nick: 'bench',
	timeoutMs: 30_000,
	signal: stop.signal,
	...options,
	...(isTimed && {
		onOperation: ({start, end}: {start: number; end: number | null}) => {
			if (end !== null) process.stdout.write(`${start} ${end}\n`);
		},
	}),
});
process.stdout.write(`${JSON.stringify(report)}\n`);
process.exit(0);
