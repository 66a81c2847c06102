import {expect, test} from '@jest/globals';
import {Random} from '../../source/simulator/random.ts';
import {readWatermark, Watermark} from '../../source/storage/watermark.ts';
import {SimulatedFiles} from './simulated-files.ts';

const path = '/replica/journal.watermark';
const markOf = (number: number) => ({number, checksum: number * 7});
const readIn = (image: ReadonlyMap<string, Buffer>) =>
	readWatermark(new SimulatedFiles(new Random(1), image), path);

test('whatever a crash does to a mark that is being written, the one before it can be read', async () => {
	const random = new Random(1);
	let files = new SimulatedFiles(random, new Map());
	let written = 0;
	let torn = 0;
	for (let life = 0; life < 20; life++) {
		const images: {image: Map<string, Buffer>; durable: number}[] = [];
		let durable = written;
		const first = await Watermark.create(files, path, markOf(durable));
		files.onStep = () => {
			for (let count = 0; count < 5; count++) images.push({image: files.image(), durable});
		};
		for (let count = random.between(1, 10); count > 0; count--) {
			first.mark(markOf(++written), error => expect(error).toBeUndefined());
			const isWritten = random.chance(0.8);
			for (let turn = isWritten ? 50 : 1; turn > 0; turn--) await Promise.resolve();
			if (!isWritten) break;
			durable = written;
		}

		await first.close(markOf(++written));
		durable = written;
		images.push({image: files.image(), durable});
		for (const {image, durable} of images) {
			const {mark, blemish} = await readIn(image);
			expect(mark).toEqual(markOf(mark.number));
			expect(mark.number).toBeGreaterThanOrEqual(durable);
			expect(mark.number).toBeLessThanOrEqual(written);
			if (blemish) torn++;
		}

		files = new SimulatedFiles(random, images.at(-1)!.image);
	}

	expect(torn).toBeGreaterThan(20);
});

test('a mark never falls, and one is written at a time', async () => {
	const files = new SimulatedFiles(new Random(2), new Map());
	const watermark = await Watermark.create(files, path, markOf(10));
	const fail = (error: unknown) => expect(error).toBeUndefined();
	const before = files.steps;
	watermark.mark(markOf(9), fail);
	watermark.mark(markOf(10), fail);
	expect((await readIn(files.image())).mark.number).toBe(10);
	expect(files.steps).toBe(before);
	for (const number of [11, 12, 13]) watermark.mark(markOf(number), fail);
	for (let turn = 0; turn < 50; turn++) await Promise.resolve();
	expect((await readIn(files.image())).mark.number).toBe(11);
	await watermark.close(markOf(12));
	expect((await readIn(files.image())).mark.number).toBe(12);
});
