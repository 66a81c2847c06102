import {createWriteStream, type WriteStream} from 'node:fs';
import {join} from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import type {Cluster} from '../../source/cluster.ts';
import {hasSupervisor, SupervisorRuns} from '../../source/restart-door.ts';
import {ensureData} from '../../source/storage/private-files.ts';
import {Supervisor} from '../../source/supervisor.ts';
import type {Flags} from '../flags.ts';
import {leaving, quietMs, untilLeaving} from '../leaving.ts';
import {isTerminal, tell} from '../output.ts';
import {isAnswering, localReplicas, startReplicas} from '../replicas.ts';
import {openScreen} from '../screen.ts';
import {clusterOf, nickOf, timeoutMsOf} from '../target.ts';

/** `paxos-chat`: the chat, with a cluster of its own if there is none. */
export async function chat(flags: Flags): Promise<number> {
	const cluster = clusterOf(flags);
	const own: {supervisor?: Supervisor | undefined} = {};
	const starting = (say: (line: string) => void) => ownReplicas(cluster, flags, say, own);
	const isScreen = isTerminal() && !flags.plain;
	try {
		// The screen is there at once, and tells what it is waiting for.
		if (isScreen) return await openScreen(cluster, flags, {supervisor: null, starting, startIn: 'chat'});
		await starting(tell);
		if (leaving.aborted) return leaving.reason as number;
		const {lineMode} = await import('../line-mode.ts');
		const isAllSaid = await lineMode({
			cluster,
			nick: nickOf(flags),
			via: flags.via,
			timeoutMs: timeoutMsOf(flags),
			isReadOnly: flags.readOnly,
			input: process.stdin,
			isInteractive: process.stdin.isTTY === true,
			leaving,
		});
		if (own.supervisor) await untilOthersLeft(own.supervisor);
		return isAllSaid ? 0 : 1;
	} finally {
		if (isScreen && own.supervisor) tell('stopping the replicas');
		await own.supervisor?.stop(leaving.aborted ? quietMs : undefined);
	}
}

/** If nobody answers, and all replicas belong to this machine, they are ours to start. Who only looks starts nothing. */
async function ownReplicas(
	cluster: Cluster,
	flags: Flags,
	say: (line: string) => void,
	own: {supervisor?: Supervisor | undefined},
): Promise<Supervisor | null> {
	if (flags.readOnly) return null;
	if ((await hasSupervisor(flags.data)) || (await isAnswering(cluster))) return null;
	const ids = await localReplicas(cluster);
	if (ids.length < cluster.replicas.length) return null;
	await ensureData(flags.data);
	const logPath = join(flags.data, 'replicas.log');
	// Made when it is needed: it may be that of somebody else, who was faster.
	let log: WriteStream | undefined;
	const note = (line: string) => {
		log ??= createWriteStream(logPath, {mode: 0o600});
		log.write(`${line}\n`);
	};
	const supervisor = new Supervisor({
		cluster,
		configPath: flags.config,
		dataDirectory: flags.data,
		extraArguments: () => ['--faults'],
		onLine: (id, line) => note(`r${id} ${line}`),
		onExit: (id, how) => note(`r${id} is gone (${how})`),
	});
	const names = ids.map(id => `r${id}`).join(' ');
	say(`no replica answers: starting ${names}; what they say goes to ${logPath}`);
	own.supervisor = supervisor;
	// From here on a signal has to wait for the replicas.
	try {
		await Promise.race([startReplicas(supervisor, cluster, say), untilLeaving()]);
		return supervisor;
	} catch (error) {
		if (!(error instanceof SupervisorRuns)) throw error;
		own.supervisor = undefined;
		say('somebody else has begun to start them: theirs are used');
		return null;
	}
}

const lookMs = 200;

/** Their chat would end with our replicas. */
async function untilOthersLeft(supervisor: Supervisor): Promise<void> {
	let told = 0;
	while (!leaving.aborted) {
		const reports = await supervisor.reports(lookMs);
		const others = reports.reduce((sum, {clients}) => sum + clients, 0);
		if (others === 0) return;
		if (others !== told)
			tell(
				`waiting for ${others} ${others === 1 ? 'other' : 'others'} to leave; Ctrl+C stops the replicas now`,
			);
		told = others;
		await sleep(lookMs, undefined, {signal: leaving}).catch(() => {});
	}
}
