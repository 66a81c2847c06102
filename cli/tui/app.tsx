import {Failure} from '../../source/failure.ts';
import type {ScreenOptions} from '../screen.ts';

/** Opens the full screen. Resolves with the exit code when the user has left it. */
export async function runScreen(_options: ScreenOptions): Promise<number> {
	throw new Failure('the full screen is not built yet: add --plain');
}
