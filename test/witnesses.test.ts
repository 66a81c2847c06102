import {expect, test} from '@jest/globals';
import type {ReplicaId, Slot} from '../source/consensus/types.ts';
import {Witnesses} from '../source/witnesses.ts';

const digest = (letter: string) => letter.repeat(64);

function witnessesOf(replicas: number) {
	const wrong: Array<readonly [slot: Slot, against: readonly ReplicaId[]]> = [];
	const told: string[] = [];
	const witnesses = new Witnesses({
		id: 0,
		replicas,
		onWrong: (slot, against) => wrong.push([slot, against]),
		tell: text => told.push(text),
	});
	return {witnesses, wrong, told};
}

test('who agrees about a slot, and who does not', () => {
	const {witnesses} = witnessesOf(5);
	witnesses.say(1, 10, digest('a'));
	witnesses.say(2, 10, digest('a'));
	witnesses.say(3, 10, digest('b'));
	witnesses.say(4, 20, digest('a'));
	expect(witnesses.about(10, digest('a'))).toEqual({same: [1, 2], other: [3]});
	expect(witnesses.about(10, digest('c'))).toEqual({same: [], other: [1, 2, 3]});
	expect(witnesses.about(30, digest('a'))).toEqual({same: [], other: []});
});

test('one that differs is told once; a majority against us is the end, whoever spoke first', () => {
	for (const isOwnFirst of [true, false]) {
		const {witnesses, wrong, told} = witnessesOf(3);
		const say = () => witnesses.say(0, 10, digest('a'));
		if (isOwnFirst) say();
		witnesses.say(1, 10, digest('b'));
		if (!isOwnFirst) say();
		witnesses.say(1, 10, digest('b'));
		expect(told).toEqual(['after slot 10 the state of r1 is not the one here: one of them is damaged']);
		expect(wrong).toEqual([]);
		witnesses.say(2, 10, digest('b'));
		expect(wrong).toEqual([[10, [1, 2]]]);
	}
});

test('others who do not agree among themselves, or spoke of other slots, are no majority', () => {
	const {witnesses, wrong} = witnessesOf(3);
	witnesses.say(0, 10, digest('a'));
	witnesses.say(0, 20, digest('a'));
	witnesses.say(1, 10, digest('b'));
	witnesses.say(2, 10, digest('c'));
	witnesses.say(2, 20, digest('b'));
	witnesses.say(1, 30, digest('b'));
	expect(wrong).toEqual([]);
});

test('remembers little, whatever it hears, and repeats its own last words', () => {
	const {witnesses} = witnessesOf(3);
	for (let slot = 1; slot <= 1000; slot++) for (const id of [0, 1]) witnesses.say(id, slot, digest('a'));
	expect(witnesses.about(968, digest('a')).same).toEqual([]);
	expect(witnesses.about(969, digest('a')).same).toEqual([0, 1]);
	expect(witnesses.own.map(({slot}) => slot)).toEqual([997, 998, 999, 1000]);
	expect(witnesses.own[0]).toEqual({type: 'witness', slot: 997, digest: digest('a')});
});
