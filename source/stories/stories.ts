import {allDownAllUp} from './all-down-all-up.ts';
import {beginsAnew} from './begins-anew.ts';
import {bitFlip} from './bit-flip.ts';
import {chained} from './chained.ts';
import {clockJumps} from './clock-jumps.ts';
import {constrained} from './constrained.ts';
import {cutOffPrimary} from './cut-off-primary.ts';
import {cutPair} from './cut-pair.ts';
import {failedSync} from './failed-sync.ts';
import {failover} from './failover.ts';
import {farBehind} from './far-behind.ts';
import {fewFiles} from './few-files.ts';
import {fullDisk} from './full-disk.ts';
import {isolatedRejoin} from './isolated-rejoin.ts';
import {killLoop} from './kill-loop.ts';
import {killedAtCall} from './killed-at-call.ts';
import {laggingPrimaryAfterCompaction} from './lagging-primary-after-compaction.ts';
import {littleMemory} from './little-memory.ts';
import {messageLoss} from './message-loss.ts';
import {normal} from './normal.ts';
import {oneWayPrimary} from './one-way-primary.ts';
import {overload} from './overload.ts';
import {pausedPrimary} from './paused-primary.ts';
import {primaryDies} from './primary-dies.ts';
import {primaryDiesFTimes} from './primary-dies-f-times.ts';
import {quorumLoss} from './quorum-loss.ts';
import {reconnectStorm} from './reconnect-storm.ts';
import {skipSlot} from './skip-slot.ts';
import {slowDisk} from './slow-disk.ts';
import {slowLink} from './slow-link.ts';
import type {Story} from './story.ts';
import {tornTail} from './torn-tail.ts';
import {wipedDisk} from './wiped-disk.ts';

/** All of them, in the order in which they are told. */
export const stories: readonly Story[] = [
	normal,
	primaryDies,
	primaryDiesFTimes,
	skipSlot,
	messageLoss,
	killLoop,
	failover,
	allDownAllUp,
	pausedPrimary,
	isolatedRejoin,
	tornTail,
	bitFlip,
	wipedDisk,
	beginsAnew,
	cutOffPrimary,
	oneWayPrimary,
	cutPair,
	chained,
	quorumLoss,
	constrained,
	slowDisk,
	fullDisk,
	failedSync,
	fewFiles,
	littleMemory,
	reconnectStorm,
	overload,
	clockJumps,
	farBehind,
	slowLink,
	laggingPrimaryAfterCompaction,
	killedAtCall,
];
