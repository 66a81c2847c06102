import {spawn} from 'node:child_process';
import {existsSync, mkdtempSync, readFileSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, expect, test} from '@jest/globals';
import {nextSeed, type Part, pageOf, partOf, runsOf} from '../../bench/campaign-record.ts';
import {faultKinds} from '../../source/simulator/faults.ts';
import {simulate} from '../../source/simulator/simulate.ts';
import {situations} from '../../source/simulator/situations.ts';
import {Tally} from '../../source/simulator/tally.ts';

const directory = mkdtempSync(join(tmpdir(), 'campaign-'));
const record = join(directory, 'record.json');
afterAll(() => rmSync(directory, {recursive: true}));

const parts = (): Part[] => JSON.parse(readFileSync(record, 'utf8'));

function campaign(minutes: string) {
	const words = ['bench/campaign.ts', '--threads', '1', '--minutes', minutes, '--record', record];
	const child = spawn(process.execPath, words, {env: {...process.env, NODE_OPTIONS: ''}});
	let told = '';
	const ended = new Promise<number | null>(resolve => child.once('close', resolve));
	const saved = new Promise<void>((resolve, reject) => {
		child.stderr.on('data', (data: Buffer) => {
			told += data.toString();
			if (told.includes('in all')) resolve();
		});
		void ended.then(() => reject(new Error(told)));
	});
	return {child, ended, saved};
}

test('a part that is killed is recorded as far as it went, and the next one goes on behind it', async () => {
	const first = campaign('10');
	await first.saved;
	first.child.kill('SIGKILL');
	await first.ended;
	const [killed] = parts();
	expect(killed!.firstSeed).toBe(1);
	expect(runsOf(killed!)).toBeGreaterThanOrEqual(1);

	const second = campaign('0.02');
	await Promise.all([second.saved, second.ended]);
	const [same, next] = parts();
	expect(same).toEqual(killed);
	expect(next!.firstSeed).toBe(killed!.lastSeed + 1);
	expect(existsSync(join(directory, 'record.md'))).toBe(true);
}, 60_000);

const circumstances = {
	commit: 'a'.repeat(40),
	began: '2026-01-01 00:00',
	threads: 2,
	seconds: 90,
	cpuSeconds: 170,
};

test('a part adds up its runs, and the page adds up the parts', () => {
	const tally = new Tally();
	const reports = [7, 8, 9].map(seed => simulate({seed}));
	for (const report of reports) tally.add(report);
	const first = partOf({...circumstances, firstSeed: 7}, tally);
	const events = reports.reduce((sum, report) => sum + report.events, 0);
	expect(first).toMatchObject({firstSeed: 7, lastSeed: 9, events, violations: 0, failedSeed: null});
	expect(nextSeed([first])).toBe(10);

	const later = {commit: `${'b'.repeat(40)}+`, firstSeed: 10, lastSeed: 12, violations: 1, failedSeed: 12};
	const page = pageOf([first, {...first, ...later}], commit => commit.startsWith('a'));
	expect(page).toContain('| aaaaaaaaaa (older) | 2026-01-01 00:00 | 7 to 9 | 3 |');
	expect(page).toContain('| bbbbbbbbbb+ | 2026-01-01 00:00 | 10 to 12 | 3 |');
	expect(page).toContain(`| **all** |  |  | 6 | ${(2 * events).toLocaleString('en')} |`);
	expect(page).toContain(`| **this version** |  |  | 3 | ${events.toLocaleString('en')} |`);
	expect(page).toContain('- seed 12 of commit bbbbbbbbbb+');
	// Three runs have not seen everything, and the page does not hide it.
	for (const kind of Object.keys(faultKinds)) expect(page).toMatch(new RegExp(`^\\| ${kind} \\| `, 'm'));
	for (const name of situations) expect(page).toContain(`| ${name} | `);
	expect(page).toContain(' | 0 |');
});

test('the record of the project has no gap: the seeds of each part follow those of the one before', () => {
	const all: Part[] = JSON.parse(readFileSync('docs/campaign.json', 'utf8'));
	for (const [index, {firstSeed, leastEvents}] of all.entries()) {
		expect(firstSeed).toBe(nextSeed(all.slice(0, index)));
		expect(leastEvents).toBeGreaterThanOrEqual(1000);
	}
});
