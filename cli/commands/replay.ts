import {type Replay, replay as replayFile} from '../../source/trace.ts';
import type {Flags} from '../flags.ts';
import {print} from '../output.ts';

/** `paxos-chat replay FILE`: the core again, with the inputs of a trace; 1 if it does anything else. */
export async function replay([path = '']: readonly string[], flags: Flags): Promise<number> {
	const result = await replayFile(path);
	print(flags.json ? `${JSON.stringify(result)}\n` : report(result));
	return result.ok ? 0 : 1;
}

function report({lives, steps, torn, replica, broken, difference}: Replay): string {
	const lines = torn.map(line => `line ${line} is unfinished, its process was killed: it is left out`);
	if (broken) lines.push(`line ${broken.line}: ${broken.text}, as recorded`);
	if (replica) {
		const {id, role, view, delivered} = replica;
		lines.push(`r${id}: ${role} in view ${view}, delivered up to slot ${delivered}`);
	}

	const what = `${steps} inputs in ${lives === 1 ? 'one life' : `${lives} lives`}`;
	lines.push(
		difference
			? `NOT the same: line ${difference.line}, ${difference.text}`
			: `ok: ${what}, and every output as recorded`,
	);
	return `${lines.join('\n')}\n`;
}
