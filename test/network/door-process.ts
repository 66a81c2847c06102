import {createServer} from 'node:http';
import type {AddressInfo} from 'node:net';
import type {Answer} from '../../source/chat/types.ts';
import {Door} from '../../source/network/door.ts';

import {statusOf} from '../client/fake-replica.ts';
import {calm, identity, SlowLog, secret} from './visitors.ts';

/**
 * A door in a process of its own, for tests that would end it if they could.
 * It answers at once what is said, tells its parent how it is when asked, and
 * writes and publishes lines when told to.
 */
export type Report = {
	readonly port: number;
	readonly clients: number;
	/** What was thrown and caught by nobody. */
	readonly uncaught: readonly string[];
	readonly memoryBytes: number;
	readonly connections: number;
};
export type Task = {readonly publish?: number; readonly text?: string; readonly collect?: boolean};

const uncaught: string[] = [];
for (const event of ['uncaughtException', 'unhandledRejection', 'warning'] as const)
	process.on(event, (error: unknown) => uncaught.push(`${event}: ${String(error)}`));

const httpServer = createServer();
const log = new SlowLog();
const door = new Door({
	id: 0,
	identity,
	secret,
	hasFaults: true,
	httpServer,
	connections: 1000,
	limits: {helloMs: 1000, stallMs: 1500, sweepMs: 100},
	handlers: {
		say(requests) {
			const answers: readonly Answer[] = requests.map(({client, session, sequence}) => ({
				status: 'ok',
				client,
				session,
				sequence,
				position: 1,
				slot: 1,
			}));
			setImmediate(() => door.answer(answers));
		},
		read: log.read,
		position: () => log.lines.length,
		hash: slot => ({slot, hash: null, executed: 0}),
		order: () => Promise.resolve({ok: true}),
		status: () => statusOf(0),
		weather: () => calm,
		failed: error => uncaught.push(`failed: ${String(error)}`),
	},
});

process.on('message', ({publish = 0, text, collect}: Task) => {
	if (publish > 0) door.publish(log.write(publish, text));
	httpServer.getConnections((_error, connections) => {
		if (collect) gc?.();
		const {port} = httpServer.address() as AddressInfo;
		const {arrayBuffers, external, heapUsed} = process.memoryUsage();
		const memoryBytes = arrayBuffers + external + heapUsed;
		process.send!({port, clients: door.clients, uncaught, memoryBytes, connections} satisfies Report);
	});
});
process.on('disconnect', () => process.exit());
httpServer.listen(0, '127.0.0.1', () => process.emit('message', {}, undefined));
