import {once} from 'node:events';
import {type AddressInfo, connect, createServer} from 'node:net';
import {afterEach, expect, test} from '@jest/globals';
import {Links} from '../../source/stories/links.ts';

const close: Array<() => void> = [];

afterEach(() => {
	for (const end of close.splice(0)) end();
});

/** Replica 0 says this much to replica 1 as soon as it is dialed; what replica 1 has heard, and when it had all. */
async function told(said: Buffer, meddle: (links: Links) => void) {
	const speaker = createServer(socket => socket.on('error', () => {}).end(said));
	speaker.listen(0, '127.0.0.1');
	await once(speaker, 'listening');
	const {port} = speaker.address() as AddressInfo;
	const addresses = [0, 1].map(id => ({id, host: '127.0.0.1', port, bind: '127.0.0.1'}));
	const links = await Links.open(addresses);
	close.push(
		() => links.close(),
		() => speaker.close(),
	);
	meddle(links);
	const began = performance.now();
	const pieces: Buffer[] = [];
	const hearer = connect(links.port(0, 1), '127.0.0.1').on('data', piece => void pieces.push(piece));
	await once(hearer, 'close');
	return {heard: Buffer.concat(pieces), tookMs: performance.now() - began};
}

const said = Buffer.from(Array.from({length: 100_000}, (_, index) => index % 251));

test('a slow link carries so much in a second, all of it, in order', async () => {
	const {heard, tookMs} = await told(said, links => links.slow([[0, 1]], 125_000));
	expect(heard.equals(said)).toBe(true);
	expect(tookMs).toBeGreaterThan(700);
});

test('a link of others is not slow, and one that is whole again is as fast as it was', async () => {
	const other = await told(said, links => links.slow([[1, 0]], 1));
	const whole = await told(said, links => {
		links.slow([[0, 1]], 1);
		setTimeout(() => links.slow([], 1), 100);
	});
	expect([other.heard.equals(said), whole.heard.equals(said)]).toEqual([true, true]);
});

test('a slow link that is cut carries nothing until it is healed', async () => {
	let healedAt = Number.POSITIVE_INFINITY;
	const {heard} = await told(said, links => {
		links.slow([[0, 1]], 1_000_000);
		links.cut([[0, 1]]);
		setTimeout(() => {
			healedAt = performance.now();
			links.cut([]);
		}, 200);
	});
	expect(heard.equals(said)).toBe(true);
	expect(performance.now() - healedAt).toBeGreaterThan(50);
});
