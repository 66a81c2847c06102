import {Chat} from '../../source/chat/chat.ts';
import {ChatLog} from '../../source/chat/chat-log.ts';
import type {Entry, Value} from '../../source/consensus/types.ts';
import {writeCheckpoint} from '../../source/storage/checkpoint.ts';
import {openReplicaDirectory} from '../../source/storage/directory.ts';
import {Journal} from '../../source/storage/journal.ts';
import {MortalFiles} from './journal-rig.ts';

export const replicas = [0, 1, 2].map(id => ({id, host: '127.0.0.1', port: 7100 + id, bind: '127.0.0.1'}));

/** A session is opened in slot 1; every fourth slot is a no-op, the others hold two messages. */
function batchOf(slot: number): Value {
	if (slot === 1) {
		const opening = {client: 'ada', session: 0, sequence: 0, nick: 'ada', text: ''};
		return {at: 1000, requests: [opening]};
	}
	if (slot % 4 === 0) return {at: 0, requests: []};
	const before = Array.from({length: slot - 2}, (_, index) => index + 2).filter(
		other => other % 4 !== 0,
	).length;
	const requests = [1, 2].map(number => {
		const sequence = before * 2 + number;
		return {client: 'ada', session: 1, sequence, nick: 'ada', text: `message ${sequence} “ä”\u200b`};
	});
	return {at: 1000 + slot, requests};
}

/** What a replica leaves on its disk that executed so many slots, with checkpoints of some of them. */
export async function live(
	data: string,
	id: number,
	slots: number,
	checkpointSlots: readonly number[] = [],
	isKilled = false,
	{sessions = 100, decide = batchOf} = {},
) {
	const directory = await openReplicaDirectory({data, id, cluster: {replicas}});
	const onError = (error: Error) => {
		throw error;
	};
	const files = new MortalFiles();
	const {journal} = await Journal.open({
		directory: directory.journal,
		segmentBytes: 4096,
		onError,
		files,
		...(isKilled && {idleMs: 1_000_000}),
	});
	const log = await ChatLog.open(directory.chatLog, 0, onError);
	const chat = new Chat({sessions});
	let removeOlder = async () => {};
	for (let slot = 1; slot <= slots; slot++) {
		const entries: Entry[] = [
			{type: 'accepted', view: 0, slot, epoch: 0, value: decide(slot)},
			{type: 'decided', slot},
		];
		await new Promise<void>(done => journal.append(entries, done));
		log.append(chat.execute(slot, decide(slot)).text, () => {});
		if (checkpointSlots.includes(slot)) {
			await log.sync();
			await writeCheckpoint(directory.checkpoint, {...chat.state(), bytes: log.bytes});
			const removeBefore = removeOlder;
			removeOlder = await journal.rotate([{type: 'view', view: 0}], slot);
			await removeBefore();
		}
	}
	await log.close();
	if (isKilled) await files.die();
	else await journal.close();
	await directory.release();
	return {chat, ...directory};
}
