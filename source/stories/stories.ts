import {allDownAllUp} from './all-down-all-up.ts';
import {killLoop} from './kill-loop.ts';
import {messageLoss} from './message-loss.ts';
import {normal} from './normal.ts';
import {primaryDies} from './primary-dies.ts';
import {primaryDiesFTimes} from './primary-dies-f-times.ts';
import {skipSlot} from './skip-slot.ts';
import type {Story} from './story.ts';

/** All of them, in the order in which they are told. */
export const stories: readonly Story[] = [
	normal,
	primaryDies,
	primaryDiesFTimes,
	skipSlot,
	messageLoss,
	killLoop,
	allDownAllUp,
];
