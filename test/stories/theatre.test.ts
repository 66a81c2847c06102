import {existsSync} from 'node:fs';
import {rm} from 'node:fs/promises';
import {expect, test} from '@jest/globals';
import type {Evidence} from '../../source/stories/evidence.ts';
import {failure, missing, outcomeOf, skipped} from '../../source/stories/finding.ts';
import {normal} from '../../source/stories/normal.ts';
import type {Story} from '../../source/stories/story.ts';
import {perform} from '../../source/stories/theatre.ts';

const story = (play: Story['play'], judge: Story['judge'] = () => []): Story => ({
	name: 'test-story',
	tells: 'a test',
	rounds: {of: 'nothing', usual: 1},
	play,
	judge,
});
const audience = {tell: () => {}};

test('a play that goes wrong is a failure, in words, and what it left is kept', async () => {
	const played = await perform(
		story(() => Promise.reject(new Error('waited 5 s in vain: somebody leads'))),
		1,
		audience,
	);
	expect(played).toMatchObject({
		outcome: 'FAIL',
		findings: [{type: 'failure', text: 'waited 5 s in vain: somebody leads'}],
	});
	expect(existsSync(played.directory!)).toBe(true);
	await rm(played.directory!, {recursive: true});
});

test('what a judge misses is not a pass; what it condemns is a failure, whatever else it misses', async () => {
	const notShown = await perform(
		story(
			async () => [],
			() => [missing('the point')],
		),
		1,
		audience,
	);
	expect(notShown.outcome).toBe('NOT SHOWN');
	await rm(notShown.directory!, {recursive: true});
	expect(outcomeOf([missing('the point'), failure('a lost message')])).toBe('FAIL');
	// Without the tools for a part of it the rest still counts.
	expect(outcomeOf([skipped('no strace')])).toBe('SKIPPED');
	expect(outcomeOf([skipped('no strace'), missing('the point')])).toBe('NOT SHOWN');
	expect(outcomeOf([])).toBe('PASS');
});

test('an act that never comes to its point is cleared away', async () => {
	const played = await perform(
		story(async theatre => [
			await theatre.perform({title: 'one', f: 0}, async stage => {
				await stage.start();
				await stage.until('the impossible', 0.1, () => false);
			}),
		]),
		1,
		audience,
	);
	expect(played.findings).toEqual([
		{type: 'failure', text: 'waited 0.1 s in vain: the impossible', act: 'one'},
	]);
	await rm(played.directory!, {recursive: true});
}, 30_000);

test('a replica that goes down by itself fails the story at once', async () => {
	const played = await perform(
		story(async theatre => [
			await theatre.perform({title: 'one', f: 0}, async stage => {
				await stage.start();
				process.kill(stage.pid(0)!, 'SIGTERM');
				await stage.until('the impossible', 20, () => false);
			}),
		]),
		1,
		audience,
	);
	expect(played.findings).toEqual([
		{type: 'failure', text: expect.stringMatching(/^replica 0 went down by itself/), act: 'one'},
	]);
	await rm(played.directory!, {recursive: true});
}, 30_000);

test('evidence of a real play passes, and does not when one byte of it is forged', async () => {
	let evidence: readonly Evidence[] = [];
	const played = await perform(
		{
			...normal,
			judge(acts, rounds) {
				evidence = acts;
				return normal.judge(acts, rounds);
			},
		},
		5,
		audience,
	);
	expect(played).toMatchObject({outcome: 'PASS', directory: null});
	const [act] = evidence;
	const forge = (change: Partial<Evidence>) => outcomeOf([...normal.judge([{...act!, ...change}], 5)]);
	expect(forge({})).toBe('PASS');
	const {logs, histories} = act!;
	const [log] = logs;
	const flipped = Buffer.from(log!.bytes);
	const at = flipped.indexOf('"text":"') + 9;
	flipped[at] = flipped[at]! ^ 1;
	expect(forge({logs: [{...log!, bytes: flipped}, ...logs.slice(1)]})).toBe('FAIL');
	expect(forge({logs: logs.map(each => ({...each, bytes: flipped}))})).toBe('FAIL');
	const cut = log!.bytes.subarray(log!.bytes.indexOf('\n') + 1);
	expect(forge({logs: logs.map(each => ({...each, bytes: cut}))})).toBe('FAIL');
	expect(forge({histories: [histories[0]!.slice(1), ...histories.slice(1)]})).toBe('FAIL');
}, 60_000);
