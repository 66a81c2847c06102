import type {ReplicaId, Slot} from '../../source/consensus/types.ts';
import type {StampedNote} from '../../source/network/events.ts';
import {type SafeText, safeLine} from '../../source/safe-text.ts';
import type {Model, OwnEvent} from './model.ts';
import {isForAll, namesOf, type World} from './world.ts';

/** Something that happened, once, however many replicas told of it. */
export type Told = {
	/** When the first of them told of it, in Unix milliseconds. */
	readonly at: number;
	/** Who told of it, or what it happened to; nobody: the operator did it. */
	readonly who: readonly ReplicaId[];
	readonly kind: string;
	/** `hole 5`, `view 1`: what it is about, in as few letters as possible. */
	readonly about: string;
	readonly text: string;
	/** Null: it is about none. */
	readonly slot: Slot | null;
	/** Those who look at the load, and not at the protocol, should know. */
	readonly matters: boolean;
};

/** What several replicas tell within so long is one event. */
const togetherMs = 2000;
/** And if so few other things happened in between. */
const togetherEntries = 30;

/** What happened, oldest first: the notes of all replicas, what became of them, and what the operator did. */
export function toldOf({ownEvents, events}: Model, {monitor, about}: World): readonly Told[] {
	const all = joined(monitor.notes, ownEvents);
	const filter = events.filter.toLowerCase();
	if (filter === '') return all;
	const textOf = ({who, kind, about: topic, text}: Told) =>
		`${whoOf(who, about.replicas)} ${namesOf(who)} ${kind} ${topic} ${text}`.toLowerCase();
	return all.filter(told => textOf(told).includes(filter));
}

/** What the replicas told, unfiltered. */
export const everythingTold = ({monitor}: World): readonly Told[] => joined(monitor.notes, []);

/** `r0 r2`, `r0 +3`, `all`, `you`; so many are named. */
export function whoOf(who: readonly ReplicaId[], replicas: number, most = 2): string {
	if (who.length === 0) return 'you';
	if (who.length === replicas && replicas > 1) return 'all';
	return who.length <= most ? namesOf(who) : `r${who[0]} +${who.length - 1}`;
}

/** The same lists lead to the same events: a picture is made often, and something happens seldom. */
const togetherOf = new WeakMap<readonly StampedNote[], readonly Told[]>();
const joinedOf = new WeakMap<readonly Told[], {own: readonly OwnEvent[]; all: readonly Told[]}>();

function joined(notes: readonly StampedNote[], own: readonly OwnEvent[]): readonly Told[] {
	const told = togetherOf.get(notes) ?? together(notes);
	togetherOf.set(notes, told);
	if (own.length === 0) return told;
	const kept = joinedOf.get(told);
	if (kept?.own === own) return kept.all;
	const all = inOrder([...told, ...own.map(fromOwn)]);
	joinedOf.set(told, {own, all});
	return all;
}

/** What the replicas told arrives in bundles of each. */
const inOrder = (told: readonly Told[]): readonly Told[] => told.toSorted((one, other) => one.at - other.at);

const fromOwn = ({at, replica, kind, text}: OwnEvent): Told => ({
	at,
	who: replica === null ? [] : [replica],
	kind,
	about: kind,
	text,
	slot: null,
	matters: true,
});

/** Five replicas that enter a view, or wait for the same hole, are one thing that happened. */
function together(notes: readonly StampedNote[]): readonly Told[] {
	const all: Array<Told & {who: ReplicaId[]}> = [];
	const places = new Map<string, number>();
	for (const note of notes) {
		const {at, replica, kind, view, slot} = note;
		const text = safeOf(note);
		// Of a campaign that gains promises the last count is enough.
		const isCount = kind === 'campaign' && /^has \d+ of/.test(text);
		const key = isCount ? `count ${view} ${replica}` : `${kind} ${view} ${slot} ${text}`;
		const place = places.get(key) ?? -1;
		const same = all[place];
		if (
			same !== undefined &&
			place >= all.length - togetherEntries &&
			Math.abs(at - same.at) <= togetherMs &&
			(isCount || !same.who.includes(replica))
		) {
			if (isCount) Object.assign(same, {at, text});
			else same.who.push(replica);
			continue;
		}

		places.set(key, all.length);
		const about =
			slot !== undefined ? `${kind} ${slot}` : kind === 'view' ? `view ${view}` : `${kind} v${view}`;
		const matters = isForAll(note) || ['hole', 'doubt', 'admission'].includes(kind);
		all.push({at, who: [replica], kind, about, text, slot: slot ?? null, matters});
	}

	for (const {who} of all) who.sort((one, other) => one - other);
	return inOrder(all);
}

const safe = new WeakMap<StampedNote, SafeText>();

function safeOf(note: StampedNote): SafeText {
	const kept = safe.get(note);
	if (kept !== undefined) return kept;
	const text = safeLine(note.text);
	safe.set(note, text);
	return text;
}
