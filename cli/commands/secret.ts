import {makeSecret} from '../../source/storage/secret.ts';
import type {Flags} from '../flags.ts';
import {print} from '../output.ts';

/** `paxos-chat secret`: makes DATA/secret, which is never shown. An existing one stays. */
export async function secret(flags: Flags): Promise<number> {
	const {path, isNew} = await makeSecret(flags.data);
	print(
		`${path}: ${isNew ? 'made; copy it to the other machines of the cluster' : 'is there already, and stays'}\n`,
	);
	return 0;
}
