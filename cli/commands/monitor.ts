import {setTimeout as sleep} from 'node:timers/promises';
import {Monitor, type MonitorReport} from '../../source/client/monitor.ts';
import type {Cluster} from '../../source/cluster.ts';
import {majorityOf} from '../../source/consensus/views.ts';
import {Failure} from '../../source/failure.ts';
import type {Flags} from '../flags.ts';
import {leaving, untilLeaving} from '../leaving.ts';
import {isTerminal, print} from '../output.ts';
import {openScreen} from '../screen.ts';
import {table} from '../table.ts';
import {clusterOf} from '../target.ts';

/** `paxos-chat monitor`: on the screen, as a table, or as JSON; once, or again and again. */
export async function monitor(flags: Flags): Promise<number> {
	const cluster = clusterOf(flags);
	if (flags.once) return lookOnce(cluster, flags);
	if (flags.json || flags.plain || !isTerminal()) return lookAgain(cluster, flags);
	return openScreen(cluster, flags, {supervisor: null, startIn: 'monitor'});
}

async function lookOnce(cluster: Cluster, flags: Flags): Promise<number> {
	const watch = new Monitor({cluster});
	const report = await watch.once();
	watch.close();
	print(flags.json ? `${JSON.stringify(report)}\n` : tableOf(report));
	if (report.agreement === 'diverged') return 5;
	if (report.replicas.every(({state}) => state === 'down'))
		throw new Failure('no replica can be reached; start one: paxos-chat cluster', 3);
	return 0;
}

const pauseMs = 1000;

/** A look a second; as a table only where something changed. Ends with a signal. */
async function lookAgain(cluster: Cluster, flags: Flags): Promise<number> {
	const left = untilLeaving();
	const watch = new Monitor({cluster});
	let last = '';
	while (!leaving.aborted) {
		const report = await watch.once();
		const text = flags.json ? `${JSON.stringify(report)}\n` : `${tableOf(report)}\n`;
		if (flags.json || text !== last) print(text);
		last = text;
		await sleep(pauseMs, undefined, {signal: leaving}).catch(() => {});
	}

	watch.close();
	return left;
}

const head = [
	'replica',
	'address',
	'state',
	'view',
	'leader',
	'role',
	'decided',
	'executed',
	'messages',
	'hash',
];

function tableOf({replicas, agreement, comparedAt, leftOut}: MonitorReport): string {
	const text = (value: unknown) => (value === null ? '-' : String(value));
	const rows = replicas.map(replica => [
		`r${replica.id}`,
		replica.address,
		replica.state,
		text(replica.view),
		replica.leader === null ? '-' : `r${replica.leader}`,
		text(replica.role),
		text(replica.decided),
		text(replica.executed),
		text(replica.messages),
		replica.hash === null ? '-' : `${replica.hash.slice(0, 12)} at ${replica.hashSlot}`,
	]);
	const reasons = replicas.flatMap(({id, why}) => (why === null ? [] : [`r${id}: ${why}\n`]));
	const where = comparedAt === null ? '' : ` at slot ${comparedAt}`;
	const rest = leftOut.length === 0 ? '' : `, without ${leftOut.map(id => `r${id}`).join(' ')}`;
	const heard = replicas.filter(({state}) => state !== 'down').length;
	const needed = majorityOf(replicas.length);
	const quorum =
		heard < needed
			? `no quorum: ${heard} of ${replicas.length} replicas answer, and ${needed} are needed to decide\n`
			: '';
	return `${table([head, ...rows])}${reasons.join('')}agreement ${agreement}${where}${rest}\n${quorum}`;
}
