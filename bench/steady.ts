import {Client} from '../source/client/client.ts';
import {readCluster} from '../source/cluster.ts';

/**
 * A process of many sessions that say so many messages a second, whatever
 * comes of them, until it is told to stop: then it prints how many a second
 * were acknowledged.
 */
const [, , configPath, rate] = process.argv;
const sessions = 200;
const turnMs = 20;
const client = new Client({cluster: readCluster(configPath!)});
const speakers = Array.from({length: sessions}, () => client.session('load'));
const perTurn = (Number(rate) * turnMs) / 1000;
const start = performance.now();
let acknowledged = 0;
let said = 0;
setInterval(() => {
	for (let count = 0; count < perTurn; count++, said++)
		speakers[said % sessions]!.send(`message ${said} of the load, with some words in it`, ({status}) => {
			if (status === 'ok') acknowledged++;
		});
}, turnMs);
process.once('SIGTERM', () => {
	const seconds = (performance.now() - start) / 1000;
	process.stdout.write(`${acknowledged / seconds}\n`, () => process.exit(0));
});
