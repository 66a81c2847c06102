import type {Direction, Evidence, Ordeal} from '../../source/stories/evidence.ts';
import {type Forgery, kill, stage, withHistories, withLines, withStatus} from './forged.ts';

/** Plays of the stories that break something, told as if they had been played, and how each could lie. */
export const faultPlays: Record<string, {rounds: number; acts: Evidence[]}> = {
	'paused-primary': {
		rounds: 1,
		acts: [
			stage({
				title: 'n = 3',
				replicas: 3,
				clients: 4,
				messages: 220,
				leaders: [
					{at: 1700, replica: 1},
					{at: 3700, replica: 2},
					{at: 6700, replica: 0},
				],
				rest: {
					ordeals: [
						{kind: 'pause', replica: 0, at: 1005, until: 2005, view: 0, leader: 0},
						{kind: 'pause', replica: 1, at: 3005, until: 5005, view: 1, leader: 1},
						{kind: 'pause', replica: 2, at: 6005, until: 8005, view: 2, leader: 2},
					],
				},
			}),
		],
	},
	'isolated-rejoin': {
		rounds: 1,
		acts: [
			stage({
				title: 'n = 3',
				replicas: 3,
				clients: 4,
				messages: 100,
				away: [{replica: 1, from: 1000, to: 2000}],
				rest: {ordeals: [{kind: 'isolation', replica: 1, at: 1000, until: 2001, view: 0, leader: 0}]},
			}),
		],
	},
	'torn-tail': {
		rounds: 1,
		acts: [
			stage({
				title: 'n = 3',
				replicas: 3,
				clients: 4,
				messages: 100,
				kills: [kill(1005, 1, 0, 2, false)],
				backMs: 300,
				rest: {
					ordeals: [{kind: 'tear', replica: 1, path: 'a/1.segment', offset: 99, ...once(1010)}],
					words: [{at: 1200, replica: 1, line: 'the last write was unfinished: it is cut off, a/1.segment'}],
				},
			}),
		],
	},
	'bit-flip': {
		rounds: 1,
		acts: [
			stage({
				title: 'n = 3',
				replicas: 3,
				clients: 4,
				messages: 100,
				kills: [kill(1005, 1, 0, 2, false)],
				backMs: 1500,
				rest: {
					ordeals: [
						{
							kind: 'flip',
							replica: 1,
							path: 'a/1.segment',
							offset: 99,
							at: 1010,
							until: 2400,
							view: 0,
							leader: 0,
						},
					],
					ends: [{at: 1100, until: 1300, replica: 1, how: 'exit code 1'}],
					words: [
						{at: 1200, replica: 1, line: 'a/1.segment: damaged at byte 90, group 5 after it is intact'},
					],
					verdicts: [{at: 1400, code: 1, problems: ['a/1.segment: damaged at byte 90, and so on']}],
				},
			}),
		],
	},
	'wiped-disk': {
		rounds: 1,
		acts: [
			stage({
				title: 'the directory of a replica',
				replicas: 3,
				clients: 4,
				messages: 100,
				kills: [kill(1005, 1, 0, 2, false)],
				dead: [1],
				rest: {
					ordeals: [{kind: 'wipe', replica: 1, ...once(1010)}],
					ends: [{at: 1100, until: 1300, replica: 1, how: 'exit code 1'}],
					words: [
						{at: 1200, replica: 1, line: 'data/replica-1 is gone, and with it what replica 1 promised: …'},
					],
				},
			}),
			stage({
				title: 'all that a machine knew',
				replicas: 3,
				clients: 4,
				messages: 100,
				kills: [kill(505, 2, 0, 2, false), kill(1005, 0, 0, 1), kill(1006, 1, 0, 0, false)],
				backMs: 1000,
				dead: [1],
				silence: {from: 990, to: 2100},
				rest: {
					ordeals: [{kind: 'wipe', replica: 1, ...once(1010)}],
					starts: [0, 0, 0, 1020, 1020, 2005].map((at, index) => ({at, replica: [0, 1, 2, 1, 2, 0][index]!})),
					ends: [{at: 1020, until: 1300, replica: 1, how: 'exit code 1'}],
					words: [
						{at: 1100, replica: 1, line: 'listens on 127.0.0.1'},
						{at: 1200, replica: 1, line: 'replica 1 has lost its memory: replica 2 has met it'},
					],
				},
			}),
		],
	},
	'begins-anew': {
		rounds: 1,
		acts: [
			stage({
				title: 'n = 3',
				replicas: 3,
				clients: 4,
				messages: 100,
				kills: [kill(605, 2, 0, 0, false), kill(905, 2, 0, 0, false), kill(1505, 0, 0, 1)],
				backMs: 200,
				rest: {
					ordeals: [
						{kind: 'readmit', replica: 2, ...once(700)},
						{kind: 'exchange', replica: 2, ...once(910)},
						{kind: 'exchange', replica: 2, ...once(1040)},
					],
					starts: [0, 0, 0, 805, 1050, 1705].map((at, index) => ({at, replica: [0, 1, 2, 2, 2, 0][index]!})),
					notes: [
						{kind: 'admission', replica: 0, peer: 2, view: 0, slot: 60, at: 850, text: 'r2 takes part again'},
						{kind: 'admission', replica: 1, peer: 2, view: 0, slot: 60, at: 851, text: 'r2 takes part again'},
					],
					ends: [{at: 920, until: 1030, replica: 2, how: 'exit code 1'}],
					words: [
						{
							at: 1020,
							replica: 2,
							line: 'replica 2 has lost its memory: replica 0 has met it with another one than data/replica-2: …',
						},
					],
				},
			}),
		],
	},
	'cut-off-primary': {rounds: 1, acts: [parted(3, 1, (one, other) => one === 0 || other === 0)]},
	'one-way-primary': {rounds: 1, acts: [parted(3, 1, (_, hearer) => hearer === 0)]},
	'cut-pair': {rounds: 1, acts: [parted(3, 0, (one, other) => one + other === 1)]},
	constrained: {rounds: 1, acts: [constricted()]},
	chained: {rounds: 1, acts: [parted(5, 1, (one, other) => Math.abs(one - other) !== 1)]},
	'quorum-loss': {rounds: 1, acts: [parted(5, 2, (one, other) => one !== 2 && other !== 2)]},
	'slow-disk': {
		rounds: 1,
		acts: [
			stage({
				title: 'n = 3',
				replicas: 3,
				clients: 4,
				messages: 100,
				leaders: [{at: 3000, replica: 1}],
				rest: {
					ordeals: [
						{kind: 'slow', replica: 1, at: 505, until: 1005, view: 0, leader: 0},
						{kind: 'slow', replica: 0, at: 1105, until: 2005, view: 0, leader: 0},
						{kind: 'slow', replica: 0, at: 2105, until: 3605, view: 0, leader: 0},
					],
				},
			}),
		],
	},
	'full-disk': {rounds: 1, acts: [refused('full', 'chat.log: EFBIG: file too large, write')]},
	'failed-sync': {rounds: 1, acts: [refused('failed sync', 'journal: EIO: i/o error, fdatasync')]},
	failover: {
		rounds: 3,
		acts: [
			stage({
				title: 'n = 3',
				replicas: 3,
				clients: 4,
				messages: 100,
				kills: [kill(505, 0, 0, 2), kill(1505, 1, 1, 2), kill(2505, 2, 2, 2)],
				backMs: 300,
				leaders: [
					{at: 700, replica: 1},
					{at: 1700, replica: 2},
					{at: 2700, replica: 0},
				],
			}),
		],
	},
	'few-files': {
		rounds: 1,
		acts: [
			stage({
				title: 'n = 3',
				replicas: 3,
				clients: 4,
				messages: 100,
				rest: {
					ordeals: [
						{
							kind: 'files',
							replica: 0,
							most: 64,
							files: 64,
							sentAway: 40,
							at: 1005,
							until: 2005,
							view: 0,
							leader: 0,
						},
					],
				},
			}),
		],
	},
	'little-memory': {
		rounds: 1,
		acts: [
			stage({
				title: 'n = 3',
				replicas: 3,
				clients: 4,
				messages: 250,
				rest: {
					heapMegabytes: 0.05,
					ordeals: [{kind: 'slow', replica: 1, at: 505, until: 1005, view: 0, leader: 0}],
				},
			}),
		],
	},
	'reconnect-storm': {
		rounds: 4,
		acts: [
			joined(
				stage({
					title: 'n = 3',
					replicas: 3,
					clients: 4,
					messages: 100,
					kills: [kill(1005, 0, 0, 2)],
					backMs: 1000,
					leaders: [{at: 1300, replica: 1}],
					rest: {starts: [0, 0, 0, 2005].map((at, index) => ({at, replica: index % 3}))},
				}),
				2100,
			),
		],
	},
	overload: {
		rounds: 1,
		acts: [
			stage({
				title: 'n = 3',
				replicas: 3,
				clients: 4,
				messages: 400,
				rest: {
					heapMegabytes: 0.1,
					ordeals: [{kind: 'overload', clients: 300, at: 1005, until: 11_505, view: 0, leader: 0}],
					words: [0, 1, 2].map(replica => ({
						at: 1500,
						replica,
						line: 'view 0 holds 16 requests, no room for more (and 7 more of this kind before)',
					})),
				},
			}),
		],
	},
	'clock-jumps': {rounds: 2, acts: [jumped()]},
	'far-behind': {rounds: 1, acts: [faraway()]},
	'slow-link': {rounds: 1, acts: [narrow()]},
	'lagging-primary-after-compaction': {rounds: 1, acts: [lagged()]},
	'killed-at-call': {
		rounds: 1,
		acts: [
			stage({
				title: 'n = 3',
				replicas: 3,
				clients: 4,
				messages: 100,
				rest: {
					starts: [{at: 1300, replica: 1}],
					ends: [{at: 1005, until: 1200, replica: 1, how: 'SIGKILL'}],
				},
			}),
		],
	},
};

/** The disk of replica 1 refuses at 1,005 ms, and it goes down by that. */
function refused(kind: 'full' | 'failed sync', line: string): Evidence {
	return stage({
		title: 'n = 3',
		replicas: 3,
		clients: 4,
		messages: 100,
		rest: {
			starts: [{at: 2000, replica: 1}],
			ordeals: [{kind, replica: 1, at: 1005, until: 1200, view: 0, leader: 0}],
			ends: [{at: 1000, until: 1200, replica: 1, how: 'exit code 1'}],
			words: [{at: 1190, replica: 1, line}],
		},
	});
}

/** Replica 1 is away from 505 ms on; then replica 0 dies, and replica 1 comes back and leads. */
function lagged(): Evidence {
	const act = stage({
		title: 'n = 3',
		replicas: 3,
		clients: 4,
		messages: 150,
		kills: [kill(505, 1, 0, 2, false), kill(2505, 0, 0, 1)],
		backMs: 2200,
		leaders: [{at: 3000, replica: 1}],
		rest: {
			starts: [
				{at: 2600, replica: 1},
				{at: 4600, replica: 0},
			],
		},
	});
	return withStatus(act, ({id, executed}, {at}) =>
		id === 1 ? {} : {since: at < 1000 ? 0 : Math.floor(Math.min(executed, 330) / 50) * 50},
	);
}

/** From a moment on other sessions talk: as many new ones, and none of those of before. */
function joined(act: Evidence, at: number): Evidence {
	const starts = act.histories.map(history => history.filter(({start}) => start < at).length);
	const nameOf = (client: string, sequence: number): [client: string, sequence: number] => {
		const before = starts[Number(client.replace('client', ''))]!;
		return sequence > before ? [`new-${client}`, sequence - before] : [client, sequence];
	};
	const renamed = <Named extends {readonly client: string; readonly sequence: number | null}>(
		each: Named,
	) => {
		const [client, sequence] = nameOf(each.client, each.sequence!);
		return {...each, client, sequence};
	};
	return withHistories(
		withLines(act, lines => lines.map(renamed)),
		history => history.map(renamed),
	);
}

/** The clock of replica 0, which leads, goes an hour forth at 1,005 ms and back at 2,005 ms. */
function jumped(): Evidence {
	const hourMs = 3_600_000;
	const act = stage({
		title: 'n = 3',
		replicas: 3,
		clients: 4,
		messages: 100,
		rest: {
			ordeals: [
				{kind: 'jump', replica: 0, byMs: hourMs, at: 1005, until: 1200, view: 0, leader: 0},
				{kind: 'jump', replica: 0, byMs: -hourMs, at: 2005, until: 2200, view: 0, leader: 0},
			],
		},
	});
	const told = withStatus(act, ({id, now}, {at}) =>
		id === 0 && at > 1005 && at < 2005 ? {now: now + hourMs} : {},
	);
	return withLines(told, lines =>
		lines.map(line => ({...line, at: line.position > 101 ? line.at + hourMs : line.at})),
	);
}

/** Replica 2 is away from 5,005 to 16,005 ms. */
function faraway(): Evidence {
	const act = stage({
		title: 'n = 3',
		replicas: 3,
		clients: 4,
		messages: 450,
		kills: [kill(5005, 2, 0, 2, false)],
		backMs: 11_000,
		rest: {starts: [{at: 16_005, replica: 2}]},
	});
	return withStatus(act, ({id, executed}) => (id === 2 ? {} : {since: Math.floor(executed / 200) * 200}));
}

/**
 * Replica 2 is away from 5,005 to 8,005 ms, while long messages are said; it has caught up at 10,505 ms behind slow
 * links, and replica 1 is away from 8,505 to 11,505 ms.
 */
function narrow(): Evidence {
	const pairs: Direction[] = [
		[0, 2],
		[2, 0],
		[1, 2],
		[2, 1],
	];
	const act = stage({
		title: 'n = 3',
		replicas: 3,
		clients: 4,
		messages: 350,
		kills: [kill(5005, 2, 0, 2, false), kill(8505, 1, 0, 2, false)],
		backMs: 3000,
		away: [{replica: 2, from: 5005, to: 10_505}],
		rest: {
			starts: [
				{at: 8005, replica: 2},
				{at: 11_505, replica: 1},
			],
			ordeals: [
				{
					kind: 'slow links',
					links: pairs,
					bytesPerSecond: 125_000,
					at: 8000,
					until: 11_000,
					view: 0,
					leader: 0,
				},
			],
		},
	});
	const told = withStatus(act, ({id, executed}) =>
		id === 2 ? {} : {since: Math.floor(executed / 200) * 200},
	);
	return withTexts(told, text => {
		const index = Number(text.split(' ')[1]);
		return index > 520 && index < 630 ? text.padEnd(3000, '.') : text;
	});
}

/** Links are cut from 1,005 to 5,205 ms; a replica that still reaches a majority leads from 1,700 ms on. */
function parted(
	replicas: number,
	leader: number,
	isCut: (speaker: number, hearer: number) => boolean,
): Evidence {
	const ids = Array.from({length: replicas}, (_, id) => id);
	const links = ids.flatMap(speaker =>
		ids
			.filter(hearer => hearer !== speaker && isCut(speaker, hearer))
			.map((hearer): Direction => [speaker, hearer]),
	);
	return stage({
		title: `n = ${replicas}`,
		replicas,
		clients: 4,
		messages: 150,
		leaders: leader === 0 ? [] : [{at: 1700, replica: leader}],
		rest: {ordeals: [{kind: 'cut', links, at: 1005, until: 5205, view: 0, leader: 0}]},
	});
}

/** Before the links are cut that matter, replica 2 is alone for half a second. */
function constricted(): Evidence {
	const act = parted(5, 2, (one, other) => (one !== 2 && other !== 2) || one === 0 || other === 0);
	const links = [0, 1, 3, 4].flatMap((other): Direction[] => [
		[other, 2],
		[2, other],
	]);
	const before: Ordeal = {kind: 'cut', links, at: 505, until: 1000, view: 0, leader: 0};
	return {...act, ordeals: [before, ...act.ordeals]};
}

function once(at: number) {
	return {at, until: at, view: 0, leader: 0};
}

const withOrdeals = (act: Evidence, change: (ordeal: Ordeal) => object): Evidence => ({
	...act,
	ordeals: act.ordeals.map(ordeal => ({...ordeal, ...change(ordeal)}) as Ordeal),
});
/** The same in the histories and in the logs. */
function withTexts(act: Evidence, change: (text: string) => string): Evidence {
	const told = withLines(act, lines => lines.map(line => ({...line, text: change(line.text)})));
	return withHistories(told, history => history.map(each => ({...each, text: change(each.text)})));
}

const withoutWords: Forgery = act => ({...act, words: []});
/** What was said within a span was never answered. */
const deafBetween =
	(from: number, to: number): Forgery =>
	act =>
		withHistories(act, history =>
			history.map(each =>
				each.start > from && each.start < to
					? {...each, end: null, position: null, slot: null, status: 'unknown'}
					: each,
			),
		);
const deafAfter = (at: number): Forgery => deafBetween(at, Number.POSITIVE_INFINITY);
const twoAlive: Forgery = act => ({...act, alive: act.alive.slice(0, -1)});

const partings: Record<string, Forgery> = {
	'no link was cut': act => ({...act, ordeals: []}),
	'other links were cut': act =>
		withOrdeals(act, ordeal => (ordeal.kind === 'cut' ? {links: ordeal.links.slice(1)} : {})),
	'the primary could still reach a majority': act => withOrdeals(act, () => ({leader: 2})),
	'at the end of it led nobody': act => withStatus(act, () => ({role: 'backup'})),
	'at the end of it led replica 0, which reaches no majority': act =>
		withStatus(act, ({id}) => ({role: id === 0 ? 'primary' : 'backup'})),
	'views were entered until one was quiet': act =>
		withStatus(act, ({view}, {at}) => (at > 1700 ? {view: view + 10} : {})),
	'the view was not quiet before the links healed': act =>
		withStatus(act, ({view}, {at}) => (at > 4000 ? {view: view + 1} : {})),
	'nothing was acknowledged in the quiet view': deafBetween(2200, 5205),
	'nothing was acknowledged after the links healed': deafAfter(5200),
	'replicas are there at the end': twoAlive,
};

const refusals: Record<string, Forgery> = {
	'0 disks refused, not 1': act => ({...act, ordeals: []}),
	'disk 1: replica 1 did not go down': act => ({...act, ends: []}),
	'disk 1: replica 1 ended by SIGKILL': act => ({
		...act,
		ends: act.ends.map(end => ({...end, how: 'SIGKILL'})),
	}),
	'disk 1: replica 1 did not say why: no word': withoutWords,
	'disk 1: replica 1 was not started again': act => ({...act, starts: []}),
	'disk 1: the others did not go on without replica 1': deafBetween(1190, 2000),
	'disk 1: replica 1 did not catch up': act => withStatus(act, ({id}) => (id === 1 ? {messages: 50} : {})),
	'only 2 of 3 replicas are there at the end': twoAlive,
};

export const ownForgeries: Record<string, Record<string, Forgery>> = {
	'paused-primary': {
		'2 pauses, not 3': act => ({...act, ordeals: act.ordeals.slice(1)}),
		'pause 1 did not hit the primary': act => withOrdeals(act, () => ({replica: 2})),
		'pause 2: 2 views were entered because of it': act =>
			withStatus(act, ({view}, {at}) => (at > 4500 ? {view: view + 1} : {})),
		'nobody took over during any pause': act => withStatus(act, () => ({view: 2})),
		'nothing that was said after it was acknowledged': deafAfter(4000),
		'no request was under way that was answered later': act =>
			withOrdeals(act, ({at}) => ({at: at + 1e6, until: at + 1e6})),
		'only 2 of 3 replicas are there at the end': twoAlive,
	},
	'isolated-rejoin': {
		'0 isolations, not 1': act => ({...act, ordeals: []}),
		'isolation 1 did not hit a backup': act => withOrdeals(act, () => ({leader: 1})),
		'never said that it is cut off': act =>
			withStatus(act, ({faults}) => ({faults: {...faults!, isIsolated: false}})),
		'nothing happened without replica 1': act =>
			withStatus(act, ({id}, {at}) => (id === 1 && at > 1000 && at <= 2001 ? {messages: 100_000} : {})),
		'1 views were entered for a replica': act =>
			withStatus(act, ({view}, {at}) => (at > 2000 ? {view: view + 1} : {})),
		'1 views were entered for a replica ': act =>
			withStatus(act, ({view, id}, {at}) => (at > 1500 && id === 1 ? {view: view + 1} : {})),
		'nothing was acknowledged after it': deafAfter(2001),
		'nothing was acknowledged meanwhile': deafAfter(1000),
		'only 2 of 3 replicas are there at the end': twoAlive,
	},
	'torn-tail': {
		'0 torn tails, not 1': act => ({...act, ordeals: []}),
		'replica 1 was not killed before': act => ({...act, kills: []}),
		'did not say that the end of a/1.segment is cut off': withoutWords,
		'replica 1 had executed nothing': act => withStatus(act, (_, {at}) => (at < 1010 ? {messages: 0} : {})),
		'replica 1 did not come back': act => ({
			...act,
			samples: act.samples.filter(({at, status}) => at < 1010 || status.id !== 1),
		}),
		'only 2 of 3 replicas are there at the end': twoAlive,
	},
	'bit-flip': {
		'0 flipped bits, not 1': act => ({...act, ordeals: []}),
		'nobody tried to start replica 1': act => ({...act, ends: []}),
		'did not refuse in one line: exit code 0': act => ({
			...act,
			ends: act.ends.map(end => ({...end, how: 'exit code 0'})),
		}),
		'did not refuse in one line: exit code 1, 2 lines': act => ({
			...act,
			words: [...act.words, {at: 1250, replica: 1, line: 'at Object.<anonymous>'}],
		}),
		'did not name the place: a/1.segment: damaged at byte 90': act => withOrdeals(act, () => ({offset: 80})),
		'did not name the place: no word': withoutWords,
		'verify was not asked': act => ({...act, verdicts: []}),
		'verify did not name the place': act => ({
			...act,
			verdicts: act.verdicts.map(verdict => ({...verdict, problems: ['a/2.segment: damaged at byte 90']})),
		}),
		'verify did not name the place ': act => ({
			...act,
			verdicts: act.verdicts.map(verdict => ({...verdict, code: 0})),
		}),
		'the others did not go on without replica 1': deafBetween(1300, 2400),
		'only 2 of 3 replicas are there at the end': twoAlive,
	},
	'wiped-disk': {
		'nothing was wiped': act => ({...act, ordeals: []}),
		'nobody tried to start without a memory': act => ({...act, ends: []}),
		'replica 1 did not refuse: SIGKILL': act => ({
			...act,
			ends: act.ends.map(end => ({...end, how: 'SIGKILL'})),
		}),
		'replica 1 did not say why: no word': withoutWords,
		'replica 1 ran in the end, without its memory': act => ({...act, alive: [0, 1, 2]}),
	},
	'begins-anew': {
		'0 new memories, not 1': act => ({...act, ordeals: []}),
		'0 of 1 new memories were told to be admitted': act => ({...act, notes: []}),
		'no old memory came back': act => ({...act, ends: []}),
		'the old memory was not refused: SIGKILL': act => ({
			...act,
			ends: act.ends.map(end => ({...end, how: 'SIGKILL'})),
		}),
		'the old memory was not told why it is refused: no word': withoutWords,
		'nobody else died after new memory 1': act => ({
			...act,
			kills: act.kills.filter(({replica}) => replica === 2),
		}),
		'nothing was decided with the votes of new memory 1': deafBetween(1505, 1705),
	},
	'cut-off-primary': partings,
	'one-way-primary': partings,
	'cut-pair': {
		'no link was cut': partings['no link was cut']!,
		'other links were cut': partings['other links were cut']!,
		'the primary could not reach a majority': act => withOrdeals(act, () => ({leader: null})),
		'1 views were entered until one was quiet': act =>
			withStatus(act, ({view}, {at}) => (at > 1700 ? {view: view + 1} : {})),
		'nothing was acknowledged in the quiet view': deafBetween(2200, 5205),
		'nothing was acknowledged after the links healed': deafAfter(5200),
	},
	constrained: {...partings, 'nothing was missed before': deafBetween(500, 1010)},
	chained: partings,
	'quorum-loss': partings,
	'slow-disk': {
		'2 disks were slow, not 3': act => ({...act, ordeals: act.ordeals.slice(0, 2)}),
		'the first slow disk was that of the primary': act => withOrdeals(act, () => ({leader: 1})),
		'the disk of replica 0 was slow, which did not lead': act => withOrdeals(act, () => ({leader: 2})),
		'the view changed for the slow disk of a backup': act =>
			withStatus(act, ({view}, {at}) => (at > 700 ? {view: view + 1} : {})),
		'2 views were entered for a primary with a slow disk': act =>
			withStatus(act, ({view}, {at}) => (at > 1300 ? {view: view + 2} : {})),
		'nobody took over from a primary whose disk stood still': act => withStatus(act, () => ({view: 0})),
		'slow disk 1: nothing was acknowledged meanwhile': deafBetween(500, 1010),
		'only 2 of 3 replicas are there at the end': twoAlive,
	},
	'full-disk': refusals,
	'failed-sync': refusals,
	failover: {
		'2 primaries were killed, not 3': act => ({...act, kills: act.kills.slice(1)}),
		'3 of those that were killed did not lead': act => ({
			...act,
			kills: act.kills.map(each => ({...each, wasPrimary: false})),
		}),
		'3 kills found no request under way': act => ({
			...act,
			kills: act.kills.map(each => ({...each, at: each.at - 1e6})),
		}),
		'after 1 kills nothing was acknowledged any more': deafAfter(2500),
		'after 1 of 100 kills nobody was answered for 12': deafBetween(1500, 2750),
	},
	'few-files': {
		'0 shortages, not 1': act => ({...act, ordeals: []}),
		'shortage 1: replica 0 held 50 files open, and might 64': act => withOrdeals(act, () => ({files: 50})),
		'shortage 1: nothing was acknowledged meanwhile': deafBetween(1000, 2010),
		'shortage 1: replica 0 executed nothing meanwhile': act =>
			withStatus(act, ({id, executed}) => (id === 0 ? {executed: Math.min(executed, 150)} : {})),
		'shortage 1: nothing was acknowledged after it': deafAfter(1985),
		'shortage 1: the view changed for it': act =>
			withStatus(act, ({view}, {at}) => (at > 1500 ? {view: view + 1} : {})),
		'only 2 of 3 replicas are there at the end': twoAlive,
	},
	'little-memory': {
		'400 messages were executed, not 1000': act =>
			withStatus(act, ({messages}) => ({messages: Math.min(messages, 400)})),
		'no disk was slow': act => ({...act, ordeals: []}),
		'their heaps were not limited': act => ({...act, heapMegabytes: null}),
		'0.1 MB were executed, which 1 MB could hold': act => ({...act, heapMegabytes: 1}),
		'only 2 of 3 replicas are there at the end': twoAlive,
	},
	'reconnect-storm': {
		'no primary was killed': act => ({...act, kills: act.kills.map(each => ({...each, wasPrimary: false}))}),
		'the primary had 0 clients, not 4': act => withStatus(act, (_, {at}) => (at < 1005 ? {clients: 0} : {})),
		'0 clients waited after the kill, not 4': act => ({
			...act,
			kills: act.kills.map(each => ({...each, at: 14})),
		}),
		'1 of 4 clients had no answer 10000 ms after the kill': act =>
			withHistories(act, (history, index) =>
				index === 1 ? history.filter(({end}) => end! < 1005) : history,
			),
		'1 of 4 clients had no answer 10000 ms after the kill ': act =>
			withHistories(act, (history, index) =>
				index === 1
					? history.flatMap(each =>
							each.start > 2100 || each.end! < 1005 ? each : {...each, end: each.end! + 10_100},
						)
					: history,
			),
		'replica 0 was not started again': act => ({...act, starts: act.starts.slice(0, 3)}),
		'3 views were entered for one death': act =>
			withStatus(act, ({view}, {at}) => (at > 1600 ? {view: view + 2} : {})),
		'replica 0 had 0 clients, not 4': act => withStatus(act, (_, {at}) => (at > 2005 ? {clients: 0} : {})),
		'3 clients waited after they came, not 4': act => ({
			...act,
			histories: act.histories.map((history, index) =>
				index === 1 ? history.filter(({start}) => start < 2100) : history,
			),
		}),
		'1 of 4 clients had no answer 10000 ms after they came': act =>
			withHistories(act, (history, index) =>
				history.map(each => (index === 1 && each.start > 2100 ? {...each, end: each.end! + 10_100} : each)),
			),
		'the view changed when replica 0 was back': act =>
			withStatus(act, ({view}, {at}) => (at > 3000 ? {view: view + 1} : {})),
		'only 2 of 3 replicas are there at the end': twoAlive,
	},
	overload: {
		'there was no overload': act => ({...act, ordeals: []}),
		'replica 2 always had room': act => ({...act, words: act.words.filter(({replica}) => replica !== 2)}),
		'replica 0 always had room': act => ({...act, words: act.words.map(word => ({...word, at: 15_000}))}),
		'0 messages were acknowledged meanwhile, not 1000': act =>
			withHistories(act, history => history.filter(({start, end}) => end! < 1005 || start > 11_505)),
		'their heaps were not limited': act => ({...act, heapMegabytes: null}),
		'MB came to them, which 64 MB could hold': act => ({...act, heapMegabytes: 64}),
		'1 views were entered for it': act =>
			withStatus(act, ({view}, {at}) => (at > 2000 ? {view: view + 1} : {})),
		'nobody had been answered before': act =>
			withHistories(act, history => history.filter(({start}) => start > 1005)),
		'1 clients of before had no answer 10000 ms after it': act =>
			withHistories(act, (history, index) =>
				index === 1 ? history.filter(({end}) => end! < 11_505) : history,
			),
		'nothing was acknowledged after it': deafAfter(11_490),
		'half of what was said after it took 1015 ms or more': act =>
			withHistories(act, history =>
				history.map(each => (each.start > 11_505 ? {...each, end: each.end! + 1000} : each)),
			),
		'only 2 of 3 replicas are there at the end': twoAlive,
	},
	'clock-jumps': {
		'1 jumps, not 2': act => ({...act, ordeals: act.ordeals.slice(1)}),
		'jump 1: the clock of replica 0 moved by 0 ms, not 3600000': act =>
			withStatus(act, (_, {at}) => ({now: at})),
		'jump 2: nothing was acknowledged after it': deafAfter(2005),
		'1 views were entered because of clocks': act =>
			withStatus(act, ({view}, {at}) => (at > 2500 ? {view: view + 1} : {})),
		'no time in the log was that of a clock that had jumped: 10 ms at most': act =>
			withLines(act, lines => lines.map(line => ({...line, at: 5000 + 10 * line.position}))),
		'only 2 of 3 replicas are there at the end': twoAlive,
	},
	'far-behind': {
		'no backup was killed': act => ({...act, kills: act.kills.map(each => ({...each, wasPrimary: true}))}),
		'replica 2 was not started again': act => ({...act, starts: []}),
		'messages, not 1000': act =>
			withStatus(act, ({id, messages}) => (id === 2 ? {} : {messages: Math.min(messages, 600)})),
		'the others made 1 and 1 checkpoints meanwhile': act =>
			withStatus(act, ({id, since}) => (id === 2 ? {} : {since: Math.min(since, 800)})),
		'replica 2 never caught up': act =>
			withStatus(act, ({id, executed}) => (id === 2 ? {executed: Math.min(executed, 600)} : {})),
		'it took 11095 ms to catch up': act => ({...act, starts: [{at: 5105, replica: 2}]}),
		'the view changed for it': act =>
			withStatus(act, ({view}, {at}) => (at > 16_500 ? {view: view + 1} : {})),
		'nothing was acknowledged while it caught up': deafBetween(15_900, 16_300),
	},
	'slow-link': {
		'not the two backups were killed': act => ({...act, kills: act.kills.toReversed()}),
		'replica 2 did not come back behind slow links': act => ({...act, ordeals: []}),
		'replica 2 did not come back behind slow links ': act => withOrdeals(act, () => ({bytesPerSecond: 1e9})),
		'it missed 0 long messages, not 100': act => withTexts(act, text => text.replace(/\.*$/, '')),
		'the others made no checkpoint meanwhile': act => withStatus(act, () => ({since: 0})),
		'replica 2 never caught up': act =>
			withStatus(act, ({id, executed}) => (id === 2 ? {executed: Math.min(executed, 400)} : {})),
		'it had caught up before its votes were needed': act =>
			withStatus(act, ({id, messages}, {at}) => (id === 2 && at > 8005 ? {messages: messages + 500} : {})),
		'its votes were not needed any more': act => ({
			...act,
			starts: act.starts.map(start => (start.replica === 1 ? {...start, at: 9000} : start)),
		}),
		'1 views were entered while it caught up': act =>
			withStatus(act, ({view}, {at}) => (at > 9000 ? {view: view + 1} : {})),
		'a heartbeat waited for too long: view 0 doubts view 0': act => ({
			...act,
			words: [{at: 9000, replica: 2, line: 'view 0 doubts view 0: the primary has fallen silent'}],
		}),
		'nobody was answered for 18': deafBetween(8600, 10_400),
		'only 2 of 3 replicas are there at the end': twoAlive,
	},
	'lagging-primary-after-compaction': {
		'replica 1 was not killed first': act => ({...act, kills: act.kills.slice(1)}),
		'replica 1 was not started again': act => ({...act, starts: act.starts.slice(1)}),
		'the others remembered from slot 0 on': act => withStatus(act, () => ({since: 0})),
		'the others made 1 and 1 checkpoints meanwhile': act =>
			withStatus(act, ({id, since}) => (id !== 1 && since > 0 ? {since: 300} : {})),
		'no primary died after it': act => ({...act, kills: act.kills.slice(0, 1)}),
		'replica 1 never led after it came back': act =>
			withStatus(act, ({id}) => (id === 1 ? {role: 'backup'} : {})),
		'before it had what the others forgot': act =>
			withStatus(act, ({id}, {at}) => (id === 1 && at > 2600 && at < 3500 ? {executed: 200} : {})),
		'replica 1 filled slot 250': act => ({
			...act,
			notes: [{kind: 'no-op', view: 1, slot: 250, text: 'fills it', replica: 1, at: 3000}],
		}),
		'nothing was acknowledged after replica 1 led': deafAfter(3000),
		'only 2 of 3 replicas are there at the end': twoAlive,
	},
	'killed-at-call': {
		'0 replicas were killed, not 1': act => ({...act, ends: []}),
		'kill 1: replica 1 ended by exit code 1': act => ({
			...act,
			ends: act.ends.map(end => ({...end, how: 'exit code 1'})),
		}),
		'kill 1: nothing had been acknowledged before': deafBetween(-1, 1006),
		'kill 1: replica 1 was not started again': act => ({...act, starts: []}),
		'kill 1: nothing was acknowledged after it': deafAfter(1200),
		'only 2 of 3 replicas are there at the end': twoAlive,
	},
};

/** The act in which two of three decide and one of them forgets it, and how it could lie. */
export const amnesia: Record<string, Forgery> = {
	'nothing was decided without replica 2': deafBetween(500, 1010),
	'the two that had decided did not both stop': act => ({...act, kills: act.kills.slice(0, 2)}),
	'replica 0 was not started again': act => ({...act, starts: act.starts.slice(0, -1)}),
	'replica 2 did not run while replica 0 was away': act => ({
		...act,
		samples: act.samples.filter(({at, status}) => at < 1010 || at > 2000 || status.id !== 2),
	}),
	'requests were acknowledged without replica 0 and its memory': act =>
		withHistories(act, history => {
			const index = history.findIndex(({start}) => start > 980);
			return index === -1 || history[index]!.sequence !== 26
				? history
				: history.with(index, {...history[index]!, start: 1500, end: 1600});
		}),
	'nothing was acknowledged after replica 0 was back': deafAfter(2000),
};
