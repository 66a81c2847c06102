import {getEventListeners} from 'node:events';
import {constants} from 'node:os';

const controller = new AbortController();

/**
 * Aborted when the user, the terminal or the system wants this process to
 * leave; `reason` is the exit code. Whoever holds something then (a screen,
 * replicas, a half-written file) listens to it, lets go and returns. This is
 * the only place that listens to signals.
 */
export const leaving: AbortSignal = controller.signal;

/**
 * All that a process may be told to end with and can still act on. Ink would
 * put the terminal right by itself, but only what Ink took, and only as long
 * as nobody else listens to the signal.
 */
export const endings = [
	'SIGINT',
	'SIGTERM',
	'SIGHUP',
	'SIGQUIT',
	'SIGABRT',
	'SIGALRM',
	'SIGVTALRM',
	'SIGUSR2',
	'SIGXCPU',
	'SIGXFSZ',
	'SIGTRAP',
	'SIGSYS',
	'SIGIO',
	'SIGPWR',
	'SIGSTKFLT',
] as const satisfies readonly NodeJS.Signals[];

/** From the signal to the end, whatever is still being done: the contract says two seconds, less a little for the end itself. */
const withinMs = 1900;
/** How long replicas that are stopped by a signal may take until their logs are equal: the rest is for stopping them. */
export const quietMs = 1300;

/**
 * The first signal asks to leave; a second one, or the time limit, ends the
 * process by `exit`. So does the first if nobody holds anything.
 */
export function listenForSignals(exit: (code: number) => void): void {
	for (const signal of endings) {
		// Not every system knows all of them.
		if (constants.signals[signal] === undefined) continue;
		process.on(signal, () => {
			const code = 128 + constants.signals[signal];
			const isHeld = getEventListeners(leaving, 'abort').length > 0;
			if (leaving.aborted || !isHeld) {
				exit(code);
				return;
			}

			setTimeout(exit, withinMs, code);
			controller.abort(code);
		});
	}
}

/** Resolves with the exit code when it is time to leave. Whoever has called this holds something. */
export const untilLeaving = (): Promise<number> =>
	new Promise(resolve => {
		const leave = () => resolve(leaving.reason as number);
		if (leaving.aborted) leave();
		else leaving.addEventListener('abort', leave, {once: true});
	});
