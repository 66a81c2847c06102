import {mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync} from 'node:fs';
import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, expect, test} from '@jest/globals';
import {Failure} from '../../source/failure.ts';
import {Acquaintances} from '../../source/storage/acquaintances.ts';
import {sealJson} from '../../source/storage/sealed-json.ts';

const one = '1'.repeat(32);
const other = '2'.repeat(32);
const memory = (incarnation: string, isNewcomer = false) => ({incarnation, isNewcomer, groups: 0});
let directory: string;
let path: string;

beforeEach(async () => {
	directory = await mkdtemp(join(tmpdir(), 'paxos-chat-'));
	path = join(directory, 'peers');
	await Acquaintances.create(path);
});

afterEach(() => rm(directory, {recursive: true, force: true}));

test('who was met once is known from then on, in later lives too', async () => {
	const met = await Acquaintances.open(path);
	expect(met.remembered(1)?.incarnation).toBeUndefined();
	expect(await met.meet(1, memory(one))).toBe(true);
	expect(await met.meet(2, memory(other))).toBe(true);
	expect([met.remembered(1)?.incarnation, met.remembered(2)?.incarnation]).toEqual([one, other]);
	expect(statSync(path).mode & 0o777).toBe(0o600);

	const later = await Acquaintances.open(path);
	expect([
		later.remembered(1)?.incarnation,
		later.remembered(2)?.incarnation,
		later.remembered(0)?.incarnation,
	]).toEqual([one, other, undefined]);
	expect([
		await later.meet(1, memory(one)),
		await later.meet(1, memory(other)),
		await later.meet(2, memory(one)),
	]).toEqual([true, false, false]);
	expect(later.remembered(1)?.incarnation).toBe(one);
});

test('it is on disk before anybody is told', async () => {
	const met = await Acquaintances.open(path);
	const meeting = met.meet(1, memory(one));
	expect(met.remembered(1)?.incarnation).toBeUndefined();
	expect(await meeting).toBe(true);
	expect(JSON.parse(readFileSync(path, 'utf8'))).toMatchObject({
		format: 3,
		peers: {1: {incarnation: one, groups: 0, replaced: []}},
	});
});

test('of two that come at once under one id, one is known', async () => {
	const met = await Acquaintances.open(path);
	expect(
		await Promise.all([
			met.meet(1, memory(one)),
			met.meet(1, memory(other)),
			met.meet(2, memory(other)),
			met.meet(1, memory(one)),
		]),
	).toEqual([true, false, true, true]);
	const later = await Acquaintances.open(path);
	expect([later.remembered(1)?.incarnation, later.remembered(2)?.incarnation]).toEqual([one, other]);
});

test('a newcomer is let in and not remembered, before the log admits it; then the memory before it is turned away', async () => {
	const met = await Acquaintances.open(path);
	await met.meet(1, memory(one));
	expect(await met.meet(1, memory(other, true))).toBe(true);
	expect(met.remembered(1)?.incarnation).toBe(one);
	expect(await met.meet(1, memory(one))).toBe(true);

	await met.admit(1, other);
	const later = await Acquaintances.open(path);
	expect(later.remembered(1)?.incarnation).toBe(other);
	expect([await later.meet(1, memory(one)), await later.meet(1, memory(other, true))]).toEqual([false, true]);
	expect(await met.meet(1, memory(one))).toBe(false);
});

test('a memory that comes while another one is being admitted, and was never met, does not take its place', async () => {
	const met = await Acquaintances.open(path);
	const admission = met.admit(1, other);
	expect(await met.meet(1, memory(one))).toBe(false);
	await admission;
	for (const peers of [met, await Acquaintances.open(path)]) {
		expect(peers.remembered(1)?.incarnation).toBe(other);
		expect(peers.objection(1, memory(one))).toBe('another');
	}
});

test('a newcomer that was admitted and replaced is no newcomer any more', async () => {
	const third = '3'.repeat(32);
	const met = await Acquaintances.open(path);
	await met.meet(1, memory(one));
	// As at every start: the log tells of all that were ever admitted.
	for (let start = 0; start < 2; start++) for (const admitted of [other, third]) await met.admit(1, admitted);
	const later = await Acquaintances.open(path);
	expect(later.remembered(1)?.incarnation).toBe(third);
	for (const peers of [met, later])
		expect([
			await peers.meet(1, memory(other, true)),
			await peers.meet(1, memory(third, true)),
			await peers.meet(1, memory('4'.repeat(32), true)),
		]).toEqual([false, true, true]);
});

test('an older copy of a memory is turned away, but for the last group, which a crash may have torn', async () => {
	const met = await Acquaintances.open(path);
	const at = (groups: number, incarnation = one) => ({incarnation, isNewcomer: false, groups});
	await met.meet(1, at(7));
	await met.hear(1, at(20));
	await met.hear(1, at(12));
	await met.hear(1, at(99, other));
	expect([await met.meet(1, at(18)), await met.meet(1, at(19)), await met.meet(1, at(21))]).toEqual([
		false,
		true,
		true,
	]);
	await met.close();
	const later = await Acquaintances.open(path);
	expect(later.remembered(1)).toEqual(at(20));
	expect([later.knows(1, at(18)), later.knows(1, at(19)), later.knows(1, at(19, other))]).toEqual([
		false,
		true,
		false,
	]);
	// A new memory counts from its beginning.
	await later.admit(1, other);
	expect(later.knows(1, at(0, other))).toBe(true);
});

test('a disk that does not take it: nobody is welcomed', async () => {
	const met = await Acquaintances.open(path);
	mkdirSync(`${path}.new`);
	await expect(met.meet(1, memory(one))).rejects.toThrow(/peers: EISDIR.*, then start again/);
	await expect(met.meet(1, memory(one))).rejects.toBeInstanceOf(Failure);
	await expect(met.meet(2, memory(one))).rejects.toBeInstanceOf(Failure);
	expect(met.remembered(1)?.incarnation).toBeUndefined();
});

test.each([
	'',
	'{',
	'null',
	`{"format":3,"peers":{"1":{"incarnation":"${one}","groups":0,"replaced":[]}}}`,
	sealJson({format: 1, peers: {}}),
	sealJson({format: 3}),
	sealJson({format: 3, peers: []}),
	sealJson({format: 3, peers: {one: {incarnation: one, groups: 0, replaced: []}}}),
	sealJson({format: 3, peers: {'-1': {incarnation: one, groups: 0, replaced: []}}}),
	sealJson({format: 3, peers: {1: {incarnation: 'short', groups: 0, replaced: []}}}),
	sealJson({format: 3, peers: {1: {incarnation: one, groups: -1, replaced: []}}}),
	sealJson({format: 3, peers: {1: {incarnation: one, replaced: []}}}),
	sealJson({format: 3, peers: {1: {incarnation: one, groups: 0}}}),
	sealJson({format: 3, peers: {1: {incarnation: one, groups: 0, replaced: [one, 7]}}}),
	sealJson({format: 3, peers: {1: one}}),
	sealJson({format: 3, peers: {1: {incarnation: one, groups: 0, replaced: []}}}).replace(one, other),
])('a file that cannot be understood is refused: %s', async text => {
	writeFileSync(path, text);
	await expect(Acquaintances.open(path)).rejects.toThrow(
		/^\S+peers is damaged: .* and the others go on without it; .* readmit$/,
	);
});

test('a file that is gone is refused: it is there from the beginning', async () => {
	await rm(path);
	await expect(Acquaintances.open(path)).rejects.toThrow(/^\S+peers is gone: .* readmit$/);
});

test('a link in its place is refused', async () => {
	await rm(path);
	symlinkSync('/etc/passwd', path);
	await expect(Acquaintances.open(path)).rejects.toThrow(/is a symbolic link/);
});
