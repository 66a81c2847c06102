import {describe, expect, test} from '@jest/globals';
import type {Evidence, Kill, Skip} from '../../source/stories/evidence.ts';
import {outcomeOf} from '../../source/stories/finding.ts';
import {stories} from '../../source/stories/stories.ts';
import {amnesia, faultPlays, ownForgeries} from './fault-plays.ts';
import {type Forgery, firstSlot, kill, stage, withHistories, withLines, withStatus} from './forged.ts';

const skip = (view = 0): Skip => ({at: 1005, replica: 0, slot: firstSlot + 100, view});
const holed = (title: string, kills: Kill[], dead: number[]): Evidence =>
	stage({
		title,
		replicas: 3,
		clients: 4,
		messages: 100,
		kills,
		dead,
		leaders: [{at: 2150, replica: 1}],
		hole: {skip: skip(), until: 2190, filler: 1, view: 1},
	});

const fTimes = (f: number): Evidence => {
	const kills = Array.from({length: f}, (_, index) => kill(505 + index * 1000, index, index, 2 * f - index));
	return stage({
		title: `f = ${f}`,
		replicas: 2 * f + 1,
		clients: 4,
		messages: 120,
		kills,
		dead: kills.map(({replica}) => replica),
		leaders: kills.map(({at, replica}) => ({at: at + 300, replica: replica + 1})),
	});
};

/** A true play of each story, and how many rounds it had. */
const plays: Record<string, {rounds: number; acts: Evidence[]}> = {
	normal: {rounds: 10, acts: [stage({title: 'n = 3', replicas: 3, clients: 16, messages: 20})]},
	'primary-dies': {
		rounds: 4,
		acts: [
			stage({
				title: 'n = 3',
				replicas: 3,
				clients: 4,
				messages: 50,
				kills: [kill(505, 0, 0, 2)],
				dead: [0],
				leaders: [{at: 700, replica: 1}],
			}),
		],
	},
	'primary-dies-f-times': {rounds: 3, acts: [fTimes(1), fTimes(2), fTimes(3)]},
	'skip-slot': {
		rounds: 1,
		acts: [
			holed('the primary is killed', [kill(2005, 0, 0, 2)], [0]),
			holed('nobody is killed', [], []),
			holed('one replica is dead already', [kill(505, 2, 0, 2, false)], [2]),
		],
	},
	'message-loss': {
		rounds: 100,
		acts: [0.01, 0.05, 0.2].map(loss =>
			stage({title: `${loss * 100} %`, replicas: 3, clients: 4, messages: 50, loss}),
		),
	},
	'kill-loop': {
		rounds: 3,
		acts: [
			stage({
				title: 'n = 3',
				replicas: 3,
				clients: 4,
				messages: 100,
				kills: [kill(505, 1, 0, 2, false), kill(1505, 0, 0, 2), kill(2505, 2, 1, 2, false)],
				backMs: 300,
				leaders: [{at: 1700, replica: 1}],
			}),
		],
	},
	'all-down-all-up': {
		rounds: 2,
		acts: [
			stage({
				title: 'n = 3',
				replicas: 3,
				clients: 4,
				messages: 100,
				kills: [505, 1505].flatMap((at, round) =>
					[0, 1, 2].map(id => kill(at + id, id, round, 2 - id, id === round)),
				),
				backMs: 200,
				leaders: [
					{at: 800, replica: 1},
					{at: 1800, replica: 2},
				],
			}),
		],
	},
	...faultPlays,
};

const judge = (name: string, acts: readonly Evidence[]) => {
	const findings = [...stories.find(story => story.name === name)!.judge(acts, plays[name]!.rounds)];
	const reasons = findings.flatMap(finding => (finding.type === 'fact' ? [] : [finding.text]));
	return {outcome: outcomeOf(findings), reasons};
};

/** What no story may let pass. */
const everywhere: Record<string, Forgery> = {
	'a line is cut': act => withLines(act, lines => lines.toSpliced(7, 1)),
	'a line is doubled': act => withLines(act, lines => lines.toSpliced(7, 0, lines[7]!)),
	'two lines are swapped': act => withLines(act, lines => lines.with(7, lines[8]!).with(8, lines[7]!)),
	'the last line is cut from one log': act => ({
		...act,
		logs: act.logs.map(log =>
			log.replica === act.alive[0]
				? {...log, bytes: log.bytes.subarray(0, log.bytes.lastIndexOf('\n', -2) + 1)}
				: log,
		),
	}),
	'one log has another text': act => ({
		...act,
		logs: act.logs.map(log =>
			log.replica === 2
				? {...log, bytes: Buffer.from(log.bytes.toString().replace('text 9"', 'text 8"'))}
				: log,
		),
	}),
	'an acknowledgement is invented': act =>
		withHistories(act, (history, index) => {
			const last = history.at(-1)!;
			const invented = {...last, sequence: last.sequence! + 1, text: 'invented', position: 999_999};
			return index === 0 ? [...history, invented] : history;
		}),
	'an acknowledgement was moved': act =>
		withHistories(act, history =>
			history.map(operation => ({...operation, position: operation.position! + 1})),
		),
	'an answer came before the word': act =>
		withHistories(act, (history, index) =>
			index === 0 ? history.map(each => ({...each, start: each.start + 1e6, end: each.end! + 1e6})) : history,
		),
	'two replicas have different hashes after one slot': act =>
		withStatus(act, ({id, hash}) => (id === 2 ? {} : {hash: `${hash}, or so`})),
	'a replica goes back to an older view': act => ({
		...act,
		samples: [
			...act.samples.map(sample => ({...sample, status: {...sample.status, view: sample.status.view + 7}})),
			...act.samples.slice(-1),
		],
	}),
	'nobody said anything': act => ({...withLines(act, () => []), histories: [], samples: []}),
};

/** What would make a story say something that it has not shown, by the reason that the judge has to give. */
const own: Record<string, Record<string, Forgery>> = {
	normal: {
		'15 client processes were answered': act => ({
			...withLines(act, lines => lines.filter(({client}) => client !== 'client3')),
			histories: act.histories.toSpliced(3, 1),
		}),
		'clients talked at the same time': act =>
			withHistories(act, (history, index) =>
				history.map(each => ({...each, start: each.start + index * 1e4, end: each.end! + index * 1e4})),
			),
		'1 messages were not acknowledged': act =>
			withHistories(act, (history, index) =>
				index === 5
					? history.map((each, at) =>
							at === 19 ? {...each, end: null, position: null, slot: null, status: 'unknown'} : each,
						)
					: history,
			),
	},
	'primary-dies': {
		'nobody was killed': act => ({...act, kills: []}),
		'replica 2 was killed, not the primary of view 0': act => ({
			...act,
			kills: act.kills.map(each => ({...each, replica: 2, wasPrimary: false})),
		}),
		'no request was under way': act =>
			withHistories(act, history =>
				history.map(each => ({...each, end: each.start < 505 && each.end! > 505 ? 504 : each.end})),
			),
		'replica 2 took over, not replica 1': act =>
			withStatus(act, (status, {at}) =>
				at > 600 ? {role: status.id === 2 ? 'primary' : 'backup', view: at > 700 ? 2 : 0} : {},
			),
		'nobody led after the kill': act => withStatus(act, () => ({role: 'backup'})),
		'no retry was answered from a session table': act =>
			withStatus(act, ({counts}) => ({counts: {...counts, retriesAnswered: 0}})),
		'nothing that was said after the kill was acknowledged': act => ({
			...withLines(act, lines => lines.filter(({at}) => at < 5500)),
			histories: withHistories(act, history => history.filter(({start}) => start < 500)).histories,
		}),
	},
	'primary-dies-f-times': {
		'were killed, not': act => ({...act, kills: act.kills.slice(1)}),
		'one replica was killed twice': act => ({...act, kills: [...act.kills, act.kills[0]!]}),
		'did not hit the primary': act => ({
			...act,
			kills: act.kills.map(each => ({...each, wasPrimary: false})),
		}),
		'replicas were left at the end': act => ({...act, alive: act.logs.map(({replica}) => replica)}),
		'nobody led after it': act => withStatus(act, () => ({role: 'backup'})),
	},
	'skip-slot': {
		'0 slots were left out, not 1': act => ({...act, skips: []}),
		'was to be left out, and holds messages': act => ({
			...act,
			skips: act.skips.map(each => ({...each, slot: each.slot - 1})),
		}),
		'nobody proposed a no-op for slot 201': act => ({...act, notes: []}),
		'nobody proposed a no-op for slot 201 ': act => ({
			...act,
			notes: act.notes.map(note => ({...note, slot: note.slot! + 1})),
		}),
		'was filled in view 0, which had left it out': act => ({
			...act,
			notes: act.notes.map(note => ({...note, view: 0})),
		}),
		'replica 1 executed no no-op': act =>
			withStatus(act, ({id, counts}) => (id === 1 ? {counts: {...counts, noOps: 0}} : {})),
		'replica 1 never showed the hole 201': act => withStatus(act, ({id}) => (id === 1 ? {holes: []} : {})),
		'hardly stood before the hole 201 with later slots decided': act =>
			withStatus(act, status => (status.holes.length > 0 ? {decided: status.holes[0]! - 1} : {})),
		'replica 1 executed past slot 201 while it was a hole': act =>
			withStatus(act, ({id, holes}, {at}) =>
				id === 1 && holes.length > 0 && at > 1500 ? {executed: holes[0]! + 1} : {},
			),
		'body was killed': act => ({
			...act,
			kills: act.kills.length === 0 ? [kill(2005, 0, 0, 2)] : [],
		}),
		'body was killed ': act => ({
			...act,
			kills:
				act.kills.length === 0
					? [kill(2005, 0, 0, 2)]
					: act.kills.map(each => ({...each, at: 3000 - each.at})),
		}),
	},
	'message-loss': {
		'replica 1 lost nothing': act =>
			withStatus(act, ({id, faults}) => (id === 1 ? {faults: {...faults!, dropped: 0}} : {})),
		'50 % was to be lost': act => ({...act, loss: 0.5}),
		'never ran with this loss': act => withStatus(act, ({faults}) => ({faults: {...faults!, loss: 0}})),
		'messages were executed under loss, not 100': act =>
			withStatus(act, ({faults}, {at}) => (at > 400 ? {faults: {...faults!, loss: 0}} : {})),
	},
	'kill-loop': {
		'2 kills, not 3': act => ({...act, kills: act.kills.slice(1)}),
		'no majority was left': act => ({...act, kills: act.kills.map(each => ({...each, left: 1}))}),
		'no primary was killed': act => ({
			...act,
			kills: act.kills.map(each => ({...each, wasPrimary: false})),
		}),
		'3 kills found no request under way': act => ({
			...act,
			kills: act.kills.map(each => ({...each, at: each.at - 1e6})),
		}),
		'only 2 of 3 replicas are there at the end': act => ({...act, alive: [0, 1]}),
		'nothing was acknowledged any more': act => ({
			...act,
			kills: act.kills.map(each => (each.replica === 2 ? {...each, at: 1e6} : each)),
		}),
	},
	'all-down-all-up': {
		'3 kills, not 6': act => ({...act, kills: act.kills.slice(3)}),
		'did not hit every replica': act => ({
			...act,
			kills: act.kills.map(each => ({...each, replica: each.replica % 2})),
		}),
		'did not hit every replica ': act => ({...act, kills: act.kills.map(each => ({...each, left: 1}))}),
		'blow 1 took': act => ({
			...act,
			kills: act.kills.map((each, index) => ({...each, at: each.at + index * 300})),
		}),
		'no request was under way': act => ({
			...act,
			kills: act.kills.map(each => ({...each, at: each.at - 1e6})),
		}),
		'only 2 of 3 replicas are there at the end': act => ({...act, alive: [0, 1]}),
	},
	...ownForgeries,
};

test('every story has a play to be forged', () => {
	expect(Object.keys(plays).sort()).toEqual(stories.map(({name}) => name).sort());
	expect(Object.keys(own).sort()).toEqual(stories.map(({name}) => name).sort());
});

describe.each(Object.entries(plays))('%s', (name, {acts}) => {
	test('passes when it is true', () => {
		expect(judge(name, acts)).toEqual({outcome: 'PASS', reasons: []});
	});

	test('is not shown when an act, or all, are missing', () => {
		expect(judge(name, acts.slice(1)).outcome).not.toBe('PASS');
		expect(judge(name, []).outcome).not.toBe('PASS');
	});

	test.each(Object.entries(own[name]!))('does not pass, as %s', (reason, forge) => {
		for (const [index, act] of acts.entries()) {
			const {outcome, reasons} = judge(name, acts.with(index, forge(act)));
			expect(outcome).not.toBe('PASS');
			expect(reasons.join('\n')).toContain(reason.trim());
		}
	});

	test.each(Object.entries(everywhere))('fails when %s', (_, forge) => {
		for (const [index, act] of acts.entries())
			expect(judge(name, acts.with(index, forge(act))).outcome).toBe('FAIL');
	});
});

test.each(Object.entries(amnesia))('wiped-disk does not pass, as %s', (reason, forge) => {
	const {acts} = plays['wiped-disk']!;
	const {outcome, reasons} = judge('wiped-disk', acts.with(1, forge(acts[1]!)));
	expect(outcome).not.toBe('PASS');
	expect(reasons.join('\n')).toContain(reason);
});
