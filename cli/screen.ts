import type {Cluster} from '../source/cluster.ts';
import type {ReplicaId} from '../source/consensus/types.ts';
import type {Supervisor} from '../source/supervisor.ts';
import type {Flags} from './flags.ts';
import {withLeanInk} from './lean-ink.ts';
import {leaving} from './leaving.ts';
import type {RunningLoad} from './load.ts';
import {nickOf} from './target.ts';

/** What the full screen is opened with; it resolves with the exit code. */
export type ScreenOptions = {
	readonly cluster: Cluster;
	readonly nick: string;
	/** The replica to talk to first. */
	readonly via: ReplicaId | null;
	readonly dataDirectory: string;
	/** Send nothing, break nothing. */
	readonly isReadOnly: boolean;
	readonly isAscii: boolean;
	/** False: weight and words only. */
	readonly colour: boolean;
	/** Of replicas that were started for this screen, and end with it. */
	readonly supervisor: Supervisor | null;
	/** Looks whether replicas are to be started, and starts them. It is called when the first picture stands, and says what it does. */
	readonly starting?: (say: (line: string) => void) => Promise<Supervisor | null>;
	readonly startIn: 'chat' | 'monitor' | 'batch';
	/** The screen is there to show it, and closes when it ends; it follows no chat. */
	readonly load?: RunningLoad;
	/** Aborted when it has to leave: it puts the terminal right and resolves. */
	readonly leaving: AbortSignal;
};

/** Ink takes long to load: nothing else waits for it. */
export async function openScreen(
	cluster: Cluster,
	flags: Flags,
	what: Pick<ScreenOptions, 'supervisor' | 'startIn'> & Partial<ScreenOptions>,
): Promise<number> {
	const {runScreen} = await withLeanInk(() => import('./tui/app.tsx'));
	return runScreen({
		cluster,
		nick: nickOf(flags),
		via: flags.via ?? null,
		dataDirectory: flags.data,
		isReadOnly: flags.readOnly,
		isAscii: flags.ascii || !canDraw(process.env),
		colour: hasColour(flags, process.env, process.stdout.isTTY === true),
		leaving,
		...what,
	});
}

/** A command's own flags win, then FORCE_COLOR, NO_COLOR and the kind of terminal, in this order. */
export function hasColour(
	flags: Pick<Flags, 'color' | 'noColor'>,
	environment: Readonly<NodeJS.ProcessEnv>,
	isTerminal: boolean,
): boolean {
	if (flags.noColor || flags.color === 'never') return false;
	if (flags.color === 'always') return true;
	const {FORCE_COLOR, NO_COLOR, TERM} = environment;
	if (FORCE_COLOR !== undefined) return FORCE_COLOR !== '0' && FORCE_COLOR !== 'false';
	if (NO_COLOR !== undefined && NO_COLOR !== '') return false;
	return isTerminal && TERM !== 'dumb';
}

/** Whether frames and dots come out right: the console of Linux has no glyphs for them, other encodings no characters. */
function canDraw({TERM, LC_ALL, LC_CTYPE, LANG}: Readonly<NodeJS.ProcessEnv>): boolean {
	const locale = LC_ALL || LC_CTYPE || LANG;
	return TERM !== 'linux' && (locale === undefined || locale === '' || /utf-?8/i.test(locale));
}
