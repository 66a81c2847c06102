import type {Cluster} from '../../source/cluster.ts';
import type {ReplicaId} from '../../source/consensus/types.ts';
import type {FromReplica, ToReplica} from '../../source/replica-process.ts';
import {Server} from '../../source/server.ts';
import {Recorder} from '../../source/trace.ts';
import type {Flags} from '../flags.ts';
import {untilLeaving} from '../leaving.ts';
import {tell} from '../output.ts';
import {clusterOf, replicaOf} from '../target.ts';

/** `paxos-chat replica ID`: one replica, in this process. */
export async function replica([word = '']: readonly string[], flags: Flags): Promise<number> {
	const cluster = clusterOf(flags);
	const id: ReplicaId = replicaOf(cluster, flags, 'ID', word);
	const recorder = flags.trace === undefined ? undefined : new Recorder(flags.trace, tell);
	try {
		return await serve(cluster, id, flags, recorder);
	} finally {
		recorder?.close();
	}
}

async function serve(
	cluster: Cluster,
	id: ReplicaId,
	flags: Flags,
	recorder: Recorder | undefined,
): Promise<number> {
	const broken = Promise.withResolvers<never>();
	const server = await Server.start({
		cluster,
		id,
		data: flags.data,
		skip: flags.skip,
		loss: flags.loss ?? 0,
		hasFaults: flags.faults,
		log: tell,
		onFatal: broken.reject,
		recorder,
	});
	const {bind, port} = cluster.replicas[id]!;
	tell(`listens on ${bind}:${port}${flags.faults ? ', takes fault commands' : ''}`);
	const code = await Promise.race([untilLeaving(), untilAlone(server), broken.promise]);
	await server.stop();
	return code;
}

/** Answers the supervisor, if there is one; resolves when it is gone, however it went. */
function untilAlone(server: Server): Promise<number> {
	return new Promise(resolve => {
		if (process.send === undefined) return;
		const say = (message: FromReplica) => process.send?.(message, undefined, undefined, () => {});
		process.on('message', (message: ToReplica) => {
			if (message.type === 'quiesce') server.quiesce();
			say({type: 'executed', slot: server.executed, clients: server.clients});
		});
		process.once('disconnect', () => resolve(0));
		if (!process.connected) resolve(0);
		else say({type: 'ready'});
	});
}
