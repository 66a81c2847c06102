import {readCluster} from '../../source/cluster.ts';
import {Server} from '../../source/server.ts';

/**
 * Starts replica 0 and says what that took, as JSON: milliseconds, and bytes
 * that are still in use afterwards. Arguments: cluster.json, and its DATA.
 */
const [config, data] = process.argv.slice(2) as [string, string];
const began = performance.now();
const server = await Server.start({
	cluster: readCluster(config),
	id: 0,
	data,
	skip: [],
	loss: 0,
	hasFaults: false,
	log: () => {},
	onFatal: error => {
		throw error;
	},
});
const ms = performance.now() - began;
globalThis.gc!();
const {heapUsed, external, arrayBuffers} = process.memoryUsage();
process.stdout.write(
	JSON.stringify({ms, bytes: heapUsed + external + arrayBuffers, executed: server.executed}),
);
await server.stop();
