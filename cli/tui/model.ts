import type {MonitorSnapshot} from '../../source/client/monitor-store.ts';
import type {ReplicaId, Slot} from '../../source/consensus/types.ts';
import type {StampedNote} from '../../source/network/events.ts';
import type {SafeText} from '../../source/safe-text.ts';
import type {Fault} from './faults.ts';
import type {View} from './layout.ts';
import {emptyLine, type Line} from './line-editor.ts';
import type {Load} from './meter.ts';
import type {Sorting} from './panes/replicas.ts';
import type {Key} from './split-chunk.ts';
import type {ThemeName} from './theme.ts';
import type {ReplicaState} from './world.ts';

export type Pane = 'chat' | 'monitor' | 'log' | 'events' | 'batch';

/** A line of the screen's own among those of the chat: it stands below the message that was the last when it came. */
export type Notice = {
	readonly after: number;
	readonly at: number;
	readonly text: string;
	readonly isBad: boolean;
};
/** Among the events: what the operator did, or what this screen saw happen to a replica. */
export type OwnEvent = {
	readonly at: number;
	/** Null: the operator did it. */
	readonly replica: ReplicaId | null;
	readonly kind: 'order' | 'down' | 'silent' | 'unseen' | 'back';
	readonly text: string;
};

/** A place in the chat: the lowest row shown is the one above the last `cut` rows of the message at `position`. */
export type Anchor = {readonly position: number; readonly cut: number};

export type Overlay =
	/** `y` does it, everything else does not. */
	| {
			readonly type: 'dialog';
			readonly title: string;
			readonly lines: readonly string[];
			readonly yes: string;
			readonly leadsTo: Confirmed;
			/** What is asked about has a measure that can be changed here. */
			readonly isMeasured?: true;
	  }
	/** Only who types the name does it. */
	| {
			readonly type: 'typed';
			readonly title: string;
			readonly lines: readonly string[];
			readonly name: string;
			readonly typed: string;
			readonly leadsTo: Confirmed;
			readonly isMeasured?: true;
	  }
	| {
			readonly type: 'menu';
			readonly kind: 'help' | 'palette';
			readonly isWide: boolean;
			readonly filter: string;
			readonly at: number;
	  }
	| {
			readonly type: 'search';
			readonly in: 'history' | 'chat';
			readonly typed: string;
			readonly at: number;
			/** Where the reader was, to come back to. */
			readonly from: Anchor | null;
	  };

export type Batch = {
	readonly messages: number;
	readonly clients: number;
	/** In Unix milliseconds, as the events are. */
	readonly startedAt: number;
	readonly endedAt: number | null;
	readonly load: Load;
	/** Nothing new is said; what is under way comes to its end. */
	readonly isStopping: boolean;
	readonly summary: string | null;
};

export const timeFormats = ['auto', 'seconds', 'minutes'] as const;
export type TimeFormat = (typeof timeFormats)[number];

/** What the fingers did. What the cluster said lives in the two stores. */
export type Model = {
	readonly nick: string;
	readonly view: View;
	/** Where `e` came from. */
	readonly zoomedFrom: View | null;
	/** Where one was before one looked at the load. */
	readonly behind: View;
	readonly focus: 'line' | Pane;
	readonly line: Line;
	/** The first key of two that only together mean something. */
	readonly chord: string | null;
	/** Open while something is typed that can be completed. */
	readonly popup: {readonly at: number} | null;
	/** Earlier input, oldest first. */
	readonly history: readonly string[];
	readonly recall: {readonly at: number; readonly draft: Line} | null;
	readonly overlay: Overlay | null;
	readonly selected: ReplicaId;
	readonly sorting: Sorting;
	/** How often a second news are looked at, at most. */
	readonly hz: number;
	/** The wheel scrolls; the terminal selects no text then. */
	readonly hasMouse: boolean;
	readonly isMuted: boolean;
	readonly showsDetail: boolean;
	/** Null: the end is followed. */
	readonly anchor: Anchor | null;
	/** The first message that came while nobody looked. */
	readonly unread: number | null;
	/** The last message that was there when the store told of it. */
	readonly last: number;
	readonly notices: readonly Notice[];
	readonly ownEvents: readonly OwnEvent[];
	/** The last note that was turned into notices. */
	readonly noted: StampedNote | null;
	readonly find: string;
	/** The message that a search or a jump led to. */
	readonly found: number | null;
	readonly log: {
		readonly slot: Slot | null;
		/** Only slots that are holes or no-ops somewhere. */
		readonly isOddOnly: boolean;
	};
	readonly events: {readonly filter: string; readonly back: number};
	readonly paused: {readonly monitor: MonitorSnapshot; readonly at: number} | null;
	readonly batch: Batch | null;
	readonly theme: ThemeName;
	readonly time: TimeFormat;
	/** Null: as the terminal can. */
	readonly isAscii: boolean | null;
	/** What the chat has of the width of a split view, in percent. */
	readonly split: number;
	readonly isPlain: boolean;
	readonly toast: {readonly text: string; readonly isBad: boolean; readonly until: number} | null;
	/** Until then another Ctrl+C quits. */
	readonly armedUntil: number;
	readonly sawDivergence: boolean;
	/** The round trip as it is shown: it is never twice the same, and a screen that twitches is not calm. */
	/** How each replica was at the last look, once it was heard. */
	readonly states: ReadonlyArray<ReplicaState | null>;
	/** Whether somebody looks at this terminal; null: it never told. */
	readonly isLookedAt: boolean | null;
	readonly lag: {readonly ms: number; readonly at: number} | null;
	readonly connection: string;
};

/** All that can happen to the screen. */
export type Event =
	| {readonly type: 'key'; readonly key: Key}
	| {readonly type: 'paste'; readonly text: string}
	/** The stores have news, or time went by. */
	| {readonly type: 'news'}
	| Confirmed
	| {readonly type: 'outcome'; readonly isOk: boolean; readonly text: SafeText}
	/** To be read among the messages. */
	| {readonly type: 'told'; readonly text: SafeText}
	| {readonly type: 'batch'; readonly batch: Partial<Batch>}
	/** The terminal was turned to, or away from. */
	| {readonly type: 'look'; readonly isHere: boolean}
	/** The draft, as it came back from the editor. */
	| {readonly type: 'edited'; readonly text: string};

/** What a question leads to, if the answer is yes. */
export type Confirmed =
	| {readonly type: 'fault'; readonly fault: Fault}
	| {readonly type: 'insert'; readonly text: string}
	| {readonly type: 'quit'};

/** What the world outside is asked to do. */
export type Effect =
	| {readonly type: 'say'; readonly text: string; readonly nick: string}
	| {readonly type: 'fault'; readonly fault: Fault}
	| {readonly type: 'loadBefore'; readonly position: number}
	| {readonly type: 'atEnd'}
	| {readonly type: 'forget'; readonly key: number}
	/** Take a message back that was not sent yet. */
	| {readonly type: 'unsay'; readonly key: number}
	| {readonly type: 'remember'; readonly text: string}
	| {readonly type: 'batch'; readonly messages: number; readonly clients: number; readonly nick: string}
	| {readonly type: 'stopBatch'}
	| {readonly type: 'copy'; readonly text: string}
	/** In the editor of the user; what comes of it is an `edited` event. */
	| {readonly type: 'edit'; readonly text: string}
	/** Into a file that is not there yet; what comes of it is an `outcome`. */
	| {readonly type: 'save'; readonly path: string; readonly text: string}
	| {readonly type: 'connect'; readonly id: ReplicaId}
	| {readonly type: 'mouse'; readonly isOn: boolean}
	| {readonly type: 'bell'}
	| {readonly type: 'redraw'}
	| {readonly type: 'suspend'}
	| {readonly type: 'quit'};

export type Step = {readonly model: Model; readonly effects: readonly Effect[]};

export const initialModel = (
	given: Pick<Model, 'nick' | 'view' | 'theme'> & {readonly history: readonly string[]},
): Model => ({
	...given,
	zoomedFrom: null,
	behind: 'split',
	focus: given.view === 'monitor' || given.view === 'batch' ? given.view : 'line',
	chord: null,
	line: emptyLine,
	popup: null,
	recall: null,
	overlay: null,
	selected: 0,
	sorting: 'ID',
	hz: 5,
	hasMouse: false,
	isMuted: false,
	showsDetail: false,
	anchor: null,
	unread: null,
	last: 0,
	notices: [],
	ownEvents: [],
	noted: null,
	find: '',
	found: null,
	log: {slot: null, isOddOnly: false},
	events: {filter: '', back: 0},
	paused: null,
	batch: null,
	time: 'auto',
	isAscii: null,
	split: 55,
	isPlain: false,
	toast: null,
	armedUntil: 0,
	sawDivergence: false,
	states: [],
	isLookedAt: null,
	lag: null,
	connection: '',
});
