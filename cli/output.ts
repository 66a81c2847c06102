import {Failure} from '../source/failure.ts';
import {isOfSystem, nextStepOf} from '../source/storage/files.ts';

/** Data, to standard output. */
export function print(text: string): void {
	process.stdout.write(text);
}

/** Progress and trouble, a line to standard error. */
export function tell(line: string): void {
	process.stderr.write(`${oneLine(line)}\n`);
}

/** Says in one line what went wrong, and gives the exit code for it. The stack is for PAXOS_CHAT_DEBUG=1. */
export function complain(error: unknown): number {
	const message = error instanceof Error ? error.message : String(error);
	const isOurs = error instanceof Failure;
	// A file that is not to be read, for instance, is no bug of ours, wherever that was noticed.
	if (!isOurs && isOfSystem(error)) tell(`paxos-chat: ${message}; ${nextStepOf(error)}, then try again`);
	else tell(`paxos-chat: ${isOurs ? '' : 'internal error: '}${message || 'no reason given'}`);
	if (process.env.PAXOS_CHAT_DEBUG === '1' && error instanceof Error)
		process.stderr.write(`${error.stack}\n`);
	return isOurs ? error.exitCode : 1;
}

/** Paths, arguments and system messages may hold anything: what could forge or hide a line is shown as an escape. */
const oneLine = (text: string): string =>
	text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu, character =>
		character === '\n' || character === '\t'
			? ' '
			: `\\u${character.codePointAt(0)!.toString(16).padStart(4, '0')}`,
	);

/** The reader of a pipe may leave early (`| head`): nobody is left to tell, which is no failure. */
export function leaveWhenNobodyReads(exit: (code: number) => void): void {
	process.stdout.on('error', (error: NodeJS.ErrnoException) => {
		if (error.code === 'EPIPE') exit(0);
		else exit(complain(new Failure(`standard output: ${error.message}`)));
	});
	process.stderr.on('error', () => {});
}

/** Somebody sits there, at a terminal that can be drawn on. */
export const isTerminal = (): boolean =>
	process.stdin.isTTY === true && process.stdout.isTTY === true && process.env.TERM !== 'dumb';
