import {
	acknowledgedBetween,
	answersBetween,
	type Evidence,
	lastWord,
	type Ordeal,
	viewsBetween,
} from './evidence.ts';
import {type Finding, fact, failure, missing} from './finding.ts';
import {oneAct} from './one-act.ts';

type Shortage = Extract<Ordeal, {kind: 'files'}>;

/** Open files of a replica, and strangers who come and stay. */
const most = 64;
const strangers = 100;

/** A replica that may open no more files lets nobody in; those who are in do not notice. */
export const fewFiles = oneAct({
	name: 'few-files',
	tells:
		'a replica may hold 64 files open and 100 strangers come: it serves whom it knows, and newcomers when they are gone',
	rounds: {of: 'shortages: of the primary, then of a backup, and so on', usual: 2},

	async play(stage, rounds) {
		for (let round = 1; round <= rounds; round++) {
			await stage.growth(100, 15);
			const primary = await stage.leader();
			const victim = round % 2 === 1 ? primary : (primary + 1) % stage.replicas;
			const end = await stage.hands.crowdOut(victim, most, strangers);
			if (end === undefined) break;
			const before = stage.status(victim)?.executed ?? 0;
			await stage.growth(300, 15);
			// The others can say 300 messages between two statuses of the victim.
			await stage.until('the victim tells of more', 15, () => (stage.status(victim)?.executed ?? 0) > before);
			await end();
			const newcomers = stage.crowd({processes: 1, via: victim});
			await stage.until('a newcomer is answered', 15, () => newcomers.heard === 1);
		}
	},

	judge,
});

function* judge(act: Evidence, rounds: number): Generator<Finding> {
	const shortages = act.ordeals.filter((each): each is Shortage => each.kind === 'files');
	if (act.skipped === null && shortages.length < rounds)
		yield missing(`${shortages.length} shortages, not ${rounds}`);
	for (const [index, {at, until, replica, files, most}] of shortages.entries()) {
		const name = `shortage ${index + 1}`;
		const end = until ?? at;
		const next = shortages[index + 1]?.at ?? Number.POSITIVE_INFINITY;
		// One is kept for telling strangers that there is no room.
		if (files < most - 1)
			yield missing(`${name}: replica ${replica} held ${files} files open, and might ${most}`);
		if (acknowledgedBetween(act, at, end) === 0) yield failure(`${name}: nothing was acknowledged meanwhile`);
		const executed = lastWord(act, replica, end)?.executed ?? 0;
		if (executed <= (lastWord(act, replica, at)?.executed ?? 0))
			yield failure(`${name}: replica ${replica} executed nothing meanwhile`);
		if (answersBetween(act, end, next) === 0) yield failure(`${name}: nothing was acknowledged after it`);
		if (viewsBetween(act, at, next) > 0) yield failure(`${name}: the view changed for it`);
	}

	yield fact('shortages', shortages.length);
	yield fact(
		'openFiles',
		shortages.map(({files}) => files),
	);
	yield fact(
		'strangersSentAway',
		shortages.map(({sentAway}) => sentAway),
	);
}
