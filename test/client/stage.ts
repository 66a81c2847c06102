import {afterEach} from '@jest/globals';
import {Client, type ClientOptions} from '../../source/client/client.ts';
import {fakeCluster, type Script} from './fake-replica.ts';

/** What to undo after each test, last first. */
const undo: Array<() => unknown> = [];
afterEach(async () => {
	for (const each of undo.splice(0).reverse()) await each();
});

/** To be done after the test, whatever comes of it. */
export function afterwards(act: () => unknown): void {
	undo.push(act);
}

/** A cluster of fake replicas for one test. */
export async function stage(count: number, scripts: readonly Script[] = [], identity = 'fake') {
	const staged = await fakeCluster(count, scripts, identity);
	undo.push(staged.stop);
	return staged;
}

/** A client for one test, with little patience. */
export function join(options: ClientOptions): Client {
	const client = new Client({patienceMs: 300, ...options});
	undo.push(() => client.close());
	return client;
}
