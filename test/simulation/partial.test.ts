import {expect, test} from '@jest/globals';
import {Client} from '../../source/simulator/client.ts';
import {tick} from '../../source/simulator/machine.ts';
import {World} from '../../source/simulator/world.ts';

/**
 * Networks of which only one thing is sure: some hub can talk to f others, both
 * ways. All other links, each direction by itself, exist by chance. Whoever is
 * in the star must be served, and the view must come to rest.
 */
const seeds = Array.from({length: Number(process.env.PARTIAL_SEEDS ?? 3)}, (_, index) => index + 1);
/** In ticks, and per 800 ticks. */
const longestWait = 300;
const mostChanges = 6;

function serve(seed: number, n: number, density: number): string | undefined {
	const world = new World(seed, n).begin();
	const {random, links, ids} = world;
	const order = [...ids].map(id => ({id, at: random.next()})).sort((a, b) => a.at - b.at);
	const star = order.slice(0, Math.floor(n / 2) + 1).map(({id}) => id);
	const clients = star.map((id, index) => new Client(world, `client${index}`, () => id));
	world.run(600);
	for (const client of clients) client.chat(Number.POSITIVE_INFINITY, 100 + random.below(1500));
	world.run(1000);
	const hub = star[0]!;
	links.connectOnly(...star.slice(1).map(id => [hub, id] as const));
	for (const a of ids) for (const b of ids) if (random.chance(density)) links.mend([a], [b]);

	world.run(6000);
	for (const client of clients) client.worst = 0;
	let changes = 0;
	let {view} = world;
	for (let slice = 0; slice < 400; slice++) {
		world.run(20);
		if (world.view !== view) changes++;
		view = world.view;
	}

	const slowest = Math.max(...clients.map(({patience}) => patience)) / tick;
	const where = `seed ${seed}, hub ${hub}, star ${star}`;
	if (slowest > longestWait) return `${where}: somebody waits ${slowest} ticks`;
	return changes > mostChanges ? `${where}: the view changes ${changes} times` : undefined;
}

for (const n of [3, 5, 7]) {
	test.each([0, 0.2, 0.5, 0.8])(`n=${n}, a star, and other links with a chance of %d`, density => {
		expect(seeds.flatMap(seed => serve(seed, n, density) ?? [])).toEqual([]);
	});
}
