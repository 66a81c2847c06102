import {EventEmitter, once} from 'node:events';
import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, expect, test} from '@jest/globals';
import {Chat} from '../../source/chat/chat.ts';
import {ChatLog} from '../../source/chat/chat-log.ts';
import type {Entry} from '../../source/consensus/types.ts';
import {realFiles} from '../../source/storage/files.ts';
import {Journal} from '../../source/storage/journal.ts';
import {Keeper} from '../../source/storage/keeper.ts';

let directory: string;
beforeEach(async () => {
	directory = await mkdtemp(join(tmpdir(), 'paxos-chat-keeper-'));
});
afterEach(() => rm(directory, {recursive: true, force: true}));

test('what the core must not forget is asked for when the journal can rotate, and not before', async () => {
	const fail = (error: Error) => {
		throw error;
	};
	const path = join(directory, 'journal');
	/** No segment after the first three is made before this is called. */
	const {promise: isAllowed, resolve: allow} = Promise.withResolvers<void>();
	let created = 0;
	const {journal} = await Journal.open({
		directory: path,
		segmentBytes: 4096,
		onError: fail,
		files: {
			...realFiles,
			create: async name => {
				if (name.includes('segment') && ++created > 3) await isAllowed;
				return realFiles.create(name);
			},
		},
	});
	const log = await ChatLog.open(join(directory, 'chat.log'), 0, fail);
	let entries: Entry[] = [{type: 'view', view: 1}];
	const asked: string[] = [];
	const named = new EventEmitter();
	const keeper = new Keeper({
		checkpoint: undefined,
		older: {since: 0, remove: () => Promise.resolve()},
		log,
		journal,
		path: join(directory, 'checkpoint'),
		restate: () => {
			asked.push(JSON.stringify(entries));
			return {since: 0, entries};
		},
		forget: () => named.emit('checkpoint'),
		isStopped: () => false,
		failed: new Promise(() => {}),
		onError: error => fail(error as Error),
	});
	const checkpoint = {...new Chat({sessions: 10}).state(), bytes: 0};

	keeper.keep(checkpoint);
	await keeper.close();
	expect(asked).toEqual(['[{"type":"view","view":1}]']);

	// The second rotation has no segment yet. Meanwhile the core votes, which is written behind the first one.
	keeper.keep(checkpoint);
	await once(named, 'checkpoint');
	await new Promise<void>(written => {
		entries = [{type: 'view', view: 2}];
		journal.append(entries, written);
	});
	expect(asked).toHaveLength(1);
	allow();
	await keeper.close();
	expect(asked.at(-1)).toBe('[{"type":"view","view":2}]');
	await journal.close();
	await log.close();
});
