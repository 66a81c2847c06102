import {commands} from './commands.ts';
import {helpOf, mainHelp} from './help.ts';
import {leaving, listenForSignals} from './leaving.ts';
import {complain, leaveWhenNobodyReads, print} from './output.ts';
import {parse} from './parse.ts';

/** Runs one command line; resolves with the exit code. */
async function run(argv: readonly string[]): Promise<number> {
	const wish = parse(argv);
	// meow names the process after the package: `ps` shall tell one replica from another.
	process.title = ['paxos-chat', ...argv].join(' ');
	switch (wish.type) {
		case 'help':
			print(wish.of === null ? mainHelp() : helpOf(wish.of));
			return 0;
		case 'version':
			print(`${wish.version}\n`);
			return 0;
		case 'run':
			return commands[wish.name].run(wish.words, wish.flags);
	}
}

/** The only way out of the process. Once a signal came, the exit code is the signal's. */
function leave(code: number): void {
	process.exit(leaving.aborted ? (leaving.reason as number) : code);
}

const fail = (error: unknown) => leave(complain(error));
process.on('uncaughtException', fail);
process.on('unhandledRejection', fail);
leaveWhenNobodyReads(leave);
listenForSignals(leave);
// What was printed has to arrive first, or the error of a full disk would be lost with it.
run(process.argv.slice(2)).then(code => process.stdout.write('', () => setImmediate(leave, code)), fail);
