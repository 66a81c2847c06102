import {readFile} from 'node:fs/promises';
import {Failure} from '../../source/failure.ts';
import {PlayError, perform as performScript} from '../../source/simulator/play.ts';
import {print} from '../output.ts';

/** `paxos-chat perform FILE`: a play, and what happens in it; 1 if it is not what was expected, or a theorem breaks. */
export async function perform([path = '']: readonly string[]): Promise<number> {
	const play = await readFile(path, 'utf8').catch((error: Error) => {
		throw new Failure(`cannot read ${path}: ${error.message}; name a file with a play`);
	});
	// Behind this line stands what happened when it was performed before.
	const [script = ''] = play.split('\n---\n');
	try {
		print(performScript(script));
		return 0;
	} catch (error) {
		if (!(error instanceof PlayError)) throw error;
		const [why, ...told] = error.message.split('\n');
		print(`${[...told, '', `FAIL ${why}`].join('\n')}\n`);
		return 1;
	}
}
