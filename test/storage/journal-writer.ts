/** A process for a test to kill: appends one slot after the other, and prints each that is acknowledged. */
import {writeSync} from 'node:fs';
import {Journal} from '../../source/storage/journal.ts';

const {journal, entries} = await Journal.open({
	directory: process.argv[2] ?? '',
	segmentBytes: 65_536,
	onError: error => {
		throw error;
	},
});

let slot = entries.length;
const append = () => {
	slot++;
	const mine = slot;
	const request = {client: 'c', session: 1, sequence: mine, nick: 'n', text: 'x'.repeat(mine % 700)};
	const entry = {
		type: 'accepted',
		view: 1,
		slot: mine,
		epoch: 0,
		value: {at: mine, requests: [request]},
	} as const;
	journal.append([entry], () => {
		writeSync(1, `${mine}\n`);
		append();
	});
};
for (let writers = 0; writers < 4; writers++) append();
setInterval(() => {}, 1000);
