/** 1: it failed. 2: wrong use, or something the user has to set right first. The others stand in the README. */
export type ExitCode = 1 | 2 | 3 | 4 | 5;

/** A replica cannot vote with the memory that it finds (rule R12). `what`: the file, and what is wrong with it. */
export const lostMemory = (what: string): Failure =>
	new Failure(
		`${what}: this replica does not vote, and the others go on without it; put back what was there, or let it begin anew with paxos-chat readmit`,
	);

/**
 * Something outside this program is not as it must be. The message is one line
 * for the user: what, why, what next. The command line prints it without a
 * stack trace and exits with the code.
 */
export class Failure extends Error {
	override readonly name = 'Failure';
	readonly exitCode: ExitCode;

	constructor(message: string, exitCode: ExitCode = 1, options?: ErrorOptions) {
		super(message, options);
		this.exitCode = exitCode;
	}
}
