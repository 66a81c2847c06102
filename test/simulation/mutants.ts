import {spawn} from 'node:child_process';
import {cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';

/** A deliberate bug: pieces of text, each of which stands in its file exactly once, and what they become. */
export type Mutant = {
	readonly name: string;
	/** What catches it: `play NAME`, `story NAME`, `seed S`, or `test FILE [PART OF ITS NAME]`. */
	readonly caught: string;
	readonly edits: readonly (readonly [file: string, from: string, to: string])[];
};

const mutant = (name: string, caught: string, ...edits: Mutant['edits']): Mutant => ({name, caught, edits});
const core = (name: string, caught: string, file: string, from: string, to: string): Mutant =>
	mutant(name, caught, [`consensus/${file}.ts`, from, to]);

/** Against the theorems. */
const unsafe: readonly Mutant[] = [
	core(
		'a majority of one less',
		'play highest-view-wins',
		'views',
		'Math.floor(replicas / 2) + 1;',
		'Math.max(1, Math.floor(replicas / 2));',
	),
	core(
		'two replicas share a view',
		'play primary-and-next-die',
		'views',
		'view + 1 + rankOf(id, view, replicas);',
		'view + 1;',
	),
	core(
		'the view is not written',
		'play accept-lost',
		'acceptor',
		"this.#effects.write({type: 'view', view});",
		'',
	),
	core(
		'votes are not written',
		'play accept-lost',
		'acceptor',
		"this.#effects.write({type: 'accepted', ...proposal});",
		'',
	),
	core(
		'promises report only what is new',
		'play highest-view-wins',
		'acceptor',
		'Math.max(from, this.since + 1)',
		'Math.max(from + 1, this.since + 1)',
	),
	core(
		'promises do not say since',
		'seed 2',
		'acceptor',
		'since: Math.max(this.since, admitted),',
		'since: admitted,',
	),
	core(
		'who was admitted does not say what it forgot',
		'play wiped-and-admitted',
		'acceptor',
		'since: Math.max(this.since, admitted),',
		'since: this.since,',
	),
	core(
		'a replica without its memory takes part at once',
		'play wiped-and-admitted',
		'membership',
		'(!own && !isNewcomer)',
		'!own',
	),
	core(
		'a replica votes for its own end',
		'play own-end',
		'acceptor',
		"standing !== 'member' || this.#membership.isOwnEnd(value)",
		"standing !== 'member'",
	),
	core(
		'a vote before it is known who was admitted',
		'play replaced-comes-back',
		'replica',
		'if (message.epoch > this.learner.through) return;',
		'',
	),
	core(
		'a new memory votes where its older one had promised not to',
		'play promise-of-an-older-memory',
		'replica',
		'if (message.epoch < this.membership.admittedAt(this.options.id)) return;',
		'',
	),
	mutant(
		'promises of those who do not know the last admission count',
		'test consensus/membership a promise of somebody',
		[
			'consensus/proposer.ts',
			"if (this.phase !== 'preparing' || delivered < this.#membership.latest) return;",
			"if (this.phase !== 'preparing') return;",
		],
		['consensus/proposer.ts', 'if (delivered < this.#membership.latest) this.#reports.delete(id);', '{}'],
	),
	core(
		'promises from before the last admission was known count',
		'test consensus/membership nor does one',
		'proposer',
		'if (delivered < this.#membership.latest) this.#reports.delete(id);',
		'{}',
	),
	core(
		'an admission that was overtaken is proposed again',
		'play overtaken-admission',
		'proposer',
		'else if (value.admission && isOvertaken(slot, view, reports)) open.delete(slot);',
		'',
	),
	core(
		'what a later view put behind an admission always overtook it',
		'test consensus/membership an admission gives way',
		'proposer',
		' && later.epoch < admission',
		'',
	),
	core(
		'promises of replaced memories count',
		'play replaced-promise',
		'proposer',
		'admitted >= admittedAt(id)',
		'admitted >= 0',
	),
	core(
		'only a delivered admission ends a promise',
		'play replaced-promise',
		'proposer',
		'this.#membership.foresee(open);',
		'(id: ReplicaId) => this.#membership.admittedAt(id);',
	),
	core(
		'an old admission undoes a later one',
		'test consensus/membership',
		'membership',
		'if (after !== (latestOf(before, replica)?.slot ?? 0)) return before;',
		'',
	),
	core(
		'a memory is admitted again after it was replaced',
		'test consensus/membership no memory is admitted twice',
		'membership',
		'if (wasAdmitted(before, replica, incarnation)) return before;',
		'',
	),
	core(
		'a memory that was replaced asks to be admitted',
		'test consensus/membership it goes on from a checkpoint',
		'membership',
		'isNewcomer && !wasAdmitted(this.#admitted, id, incarnation)',
		'isNewcomer',
	),
	core(
		'a checkpoint does not end the lead of who was replaced',
		'test consensus/membership a checkpoint that says',
		'replica',
		'\t\tthis.#onMembership(admitted);\n',
		'',
	),
	core(
		'a late checkpoint does not stop a vote',
		'test consensus/backlog',
		'replica',
		'if (!this.learner.hasRoomFor(message.slot)) return;',
		'',
	),
	core(
		'votes are gathered for what is not taken',
		'test consensus/backlog',
		'learner',
		'if (!this.#acceptor.accepted.has(slot) && !this.hasRoomFor(slot)) return;',
		'',
	),
	core(
		'a late checkpoint does not stop a lesson',
		'test consensus/backlog',
		'replica',
		'\t#onDecided(from: ReplicaId, {from: first, values, delivered}: Decided) {\n\t\tif (this.learner.isFull) return;\n',
		'\t#onDecided(from: ReplicaId, {from: first, values, delivered}: Decided) {\n',
	),
	core(
		'what was delivered is counted for ever',
		'seed 1',
		'learner',
		'\t\tthis.#backlog = 0;\n\t\tfor (let kept',
		'\t\tfor (let kept',
	),
	core(
		'a new memory may forget in a crash that it was admitted',
		'test consensus/membership on disk before anybody hears',
		'replica',
		'if (replica === id && !isReplaced && this.view !== noView) this.acceptor.restateView();',
		'',
	),
	mutant('a checkpoint forgets who was admitted', 'test chat/chat outlives a checkpoint', [
		'chat/chat.ts',
		'this.#admitted = from.admitted;',
		'',
	]),
	core(
		'a vote is forgotten above the checkpoint',
		'seed 67',
		'acceptor',
		'slot <= through; slot++) this.#drop(slot)',
		'slot <= through + 1; slot++) this.#drop(slot)',
	),
	core(
		'only the first page of a promise counts',
		'story a candidate nobody heard returns, n=3',
		'acceptor',
		'const until = slot <= this.highest ? slot : null;',
		'const until = null;',
	),
	core(
		'older proposals replace newer ones after a restart',
		'seed 2',
		'acceptor',
		"if (entry.type === 'accepted' && entry.slot > this.since) this.#remember(entry);",
		"if (entry.type === 'accepted' && entry.slot > this.since && !this.accepted.has(entry.slot)) this.#remember(entry);",
	),
	core(
		'any reported proposal, not that of the highest view',
		'play highest-view-wins',
		'proposer',
		'(!best || view > best.view)',
		'!best',
	),
	core(
		'leads with one promise less',
		'play highest-view-wins',
		'proposer',
		'const majority = majorityOf(this.#options.replicas);',
		'const majority = majorityOf(this.#options.replicas) - 1;',
	),
	core(
		'no-ops over what was reported',
		'play highest-view-wins',
		'proposer',
		'decided ?? proposal?.value ?? noOp',
		'decided ?? noOp',
	),
	core(
		'new requests before the old slots',
		'play highest-view-wins',
		'proposer',
		'Math.max(this.#learner.through, ...open.keys());',
		'this.#learner.through;',
	),
	core(
		'fills what others have forgotten',
		'seed 2',
		'proposer',
		'since <= this.#learner.through',
		'since >= 0',
	),
	core(
		'a learner votes',
		'play overtaken-admission',
		'acceptor',
		"if (standing !== 'member' || this.#membership.isOwnEnd(value)) return;",
		'if (this.#membership.isOwnEnd(value)) return;',
	),
	core(
		'a learner promises',
		'seed 12',
		'acceptor',
		"\t\tif (this.#membership.standing !== 'member') return;\n",
		'',
	),
	core(
		'votes of older views count',
		'play mute-primary',
		'learner',
		'\tenter() {\n\t\tthis.#votes.clear();',
		'\tenter() {',
	),
	core(
		'a vote is taken for any proposal',
		'play vote-without-value',
		'learner',
		'if (proposal?.view !== this.#acceptor.view) return;',
		'if (!proposal) return;',
	),
	core(
		'holes are jumped',
		'play primary-isolated',
		'learner',
		'if (!value) return delivered;',
		'if (!value && this.highest <= this.through + 1) return delivered;\n\t\t\tif (!value) {\n\t\t\t\tthis.through++;\n\t\t\t\tcontinue;\n\t\t\t}',
	),
	core(
		'decided marks never hold their value',
		'play vote-without-value',
		'learner',
		"isOwn ? {type: 'decided', slot} : {type: 'decided', slot, value}",
		"isOwn || this.#acceptor.accepted.has(slot) ? {type: 'decided', slot} : {type: 'decided', slot, value}",
	),
	mutant(
		'older views pass the gate',
		'play vote-without-value',
		[
			'consensus/replica.ts',
			'if (message.view < this.view) {',
			"if (message.view < this.view && message.type !== 'accept') {",
		],
		[
			'consensus/replica.ts',
			'const isPrimary = from === this.primary;',
			"const isPrimary = from === this.primary || message.type === 'accept';",
		],
	),
	core(
		'a fresh journal does not restate the view',
		'test consensus/acceptor a fresh journal',
		'replica',
		"if (this.view !== noView) entries.push({type: 'view', view: this.view});",
		'',
	),
	core(
		'a fresh journal does not restate votes',
		'seed 6',
		'replica',
		"for (const proposal of acceptor.accepted.values()) entries.push({type: 'accepted', ...proposal});",
		'',
	),
	mutant(
		'a restarted primary goes on',
		'seed 5',
		[
			'consensus/replica.ts',
			'\t\t// A restarted primary may have proposed',
			'\t\tif (this.view !== noView && this.primary === options.id) this.proposer.resume(this.view, this.acceptor.highest + 1);\n\t\t// A restarted primary may have proposed',
		],
		[
			'consensus/proposer.ts',
			'\t/** Phase 1a.',
			"\tresume(view: View, next: Slot) {\n\t\tthis.phase = 'leading';\n\t\tthis.#view = view;\n\t\tthis.#next = next;\n\t}\n\n\t/** Phase 1a.",
		],
	),
	mutant('messages do not wait for the disk', 'play accept-lost', [
		'host.ts',
		'this.#disk.append(entries, () => {\n\t\t\t\t\tthis.#isWriting = false;\n\t\t\t\t\tthis.#release(outputs);',
		'this.#release(outputs);\n\t\t\t\tthis.#disk.append(entries, () => {\n\t\t\t\t\tthis.#isWriting = false;',
	]),
	mutant('a vote may wait for the next write', 'play accept-lost', [
		'host.ts',
		"if (entries.some(entry => entry.type !== 'decided')) {",
		"if (entries.some(entry => entry.type === 'view')) {",
	]),
	mutant('a request is executed as often as it is decided', 'play chained', [
		'chat/chat.ts',
		"if (sequence === known.sequence && known.position > 0) return 'again';",
		"if (sequence === known.sequence && known.position > 0) return 'next';",
	]),
	mutant('sessions are not in the checkpoint', 'seed 5', [
		'chat/chat.ts',
		'const sessions = Array.from(this.#sessions, ([client, session]) => ({client, ...session}));',
		'const sessions: SessionState[] = [];',
	]),
	mutant('the hash leaves no-ops out', 'seed 8', [
		'chat/chat.ts',
		'this.#hash = chain(this.#hash, slot, text);',
		"if (text !== '') this.#hash = chain(this.#hash, slot, text);",
	]),
	mutant('time goes back in the log', 'seed 4', [
		'chat/chat.ts',
		'this.#at = Math.max(this.#at, stamp);',
		'this.#at = stamp;',
	]),
	mutant('a fetched checkpoint is installed without its lines', 'seed 2', [
		'transfer.ts',
		'this.#ports.keep(lines);',
		'',
	]),
];

/** More of them against the theorems, out of papers and out of the histories of other implementations. */
const unsafeElsewhere: readonly Mutant[] = [
	core(
		'one vote decides',
		'play highest-view-wins',
		'learner',
		'if (votes.size < majorityOf(this.#options.replicas)) return;',
		'',
	),
	core(
		'votes are counted without their sender',
		'seed 1',
		'learner',
		'this.#votes.set(slot, votes.add(from));',
		'this.#votes.set(slot, votes.add(from + 100 * votes.size));',
	),
	core(
		'the longest promise is taken as a whole',
		'play highest-view-wins',
		'proposer',
		'of reports.flatMap(',
		'of [...reports].sort((a, b) => b.accepted.length - a.accepted.length).slice(0, 1).flatMap(',
	),
	core(
		'nothing below the highest decision is proposed again',
		'play skip-with-one-dead',
		'proposer',
		'for (this.#next = this.#learner.through + 1; this.#next <= last; ) {',
		'for (this.#next = this.#learner.highest + 1; this.#next <= last; ) {',
	),
	core(
		'a no-op needs no votes',
		'play slot-skipped-primary-killed',
		'proposer',
		"proposes a no-op', slot);\n\t\t\t\tthis.#propose(value);",
		"proposes a no-op', slot);\n\t\t\t\tthis.#learner.decide(this.#next++, value);",
	),
	core(
		'votes are forgotten when the view changes',
		'play highest-view-wins',
		'acceptor',
		'\t\tthis.view = view;\n\t\tthis.#effects',
		'\t\tthis.view = view;\n\t\tthis.accepted.clear();\n\t\tthis.#effects',
	),
	core(
		'only the first vote of a slot is kept',
		'seed 2',
		'acceptor',
		'} else if (slot > this.since) {',
		'} else if (slot > this.since && !previous) {',
	),
	// A checkpoint takes its time here, so that the core goes on meanwhile.
	mutant(
		'what was executed goes back to a checkpoint',
		'seed 41',
		['consensus/replica.ts', '\tif (slot <= this.learner.through) return this.#onCheckpoint(slot);\n', ''],
		[
			'simulator/machine.ts',
			'this.#machine.later(random.between(...faults.write), () => {',
			'this.#machine.later(100 + random.between(...faults.write), () => {',
		],
	),
	mutant('the journal is shortened before the checkpoint is durable', 'seed 9', [
		'simulator/machine.ts',
		"\t\tthis.#moment = 'while a checkpoint was written';\n",
		"\t\tthis.#moment = 'while a checkpoint was written';\n\t\tthis.host.checkpoint(this.chat.slot);\n\t\tthis.#machine.disk.rotate(this.host.replica.restate(), this.chat.slot, removeOlder => removeOlder());\n",
	]),
	// A checkpoint takes its time here, so that somebody dies meanwhile.
	mutant(
		'the journal is shortened before what was fetched is durable',
		'seed 23',
		[
			'simulator/machine.ts',
			'\t\tconst log = this.log + this.#kept;\n',
			'\t\tconst log = this.log + this.#kept;\n\t\tthis.host.install(state.slot, state.admitted);\n\t\tthis.#machine.disk.rotate(this.host.replica.restate(), state.slot, removeOlder => removeOlder());\n',
		],
		[
			'simulator/machine.ts',
			'this.#machine.later(random.between(...faults.write), () => {',
			'this.#machine.later(100 + random.between(...faults.write), () => {',
		],
	),
	mutant('lines of a peer are believed without the hash', 'test transfer', [
		'transfer.ts',
		"if (!isRight) return this.#refuse(from, 'a checkpoint that does not fit its lines');",
		'',
	]),
	mutant('a piece of a checkpoint is taken twice', 'test transfer', [
		'transfer.ts',
		'begun?.slot === slot && begun.text.length === offset;',
		'begun?.slot === slot;',
	]),
	mutant('whoever sends no more pieces of a checkpoint is asked for them for ever', 'test transfer', [
		'transfer.ts',
		'this.#isStuck || this.#begun.size === 0 ? this.#isTurnOf(from)',
		'this.#begun.size === 0 ? this.#isTurnOf(from)',
	]),
	mutant('lines that lead beyond the only checkpoint there is are never given up', 'test transfer', [
		'transfer.ts',
		'if (!this.#isStuck) return;',
		'return;',
	]),
	mutant('whoever speaks up first is asked, whoever was asked last', 'test transfer', [
		'transfer.ts',
		'every(other => turns.indexOf(other) >= turns.indexOf(peer));',
		'every(() => true);',
	]),
	mutant(
		'pieces of two checkpoints are mixed',
		'test transfer',
		['transfer.ts', 'slot === fetch.slot ? fetch.offset : 0;', 'fetch.offset;'],
		[
			'transfer.ts',
			'begun?.slot === slot && begun.text.length === offset;',
			'begun?.text.length === offset;',
		],
	),
	mutant('a newer checkpoint takes the place of one that is being fetched', 'test transfer', [
		'checkpoint-texts.ts',
		'checkpoint?.slot === slot ? this.#hold(peer, checkpoint) : undefined;',
		'undefined;',
	]),
	mutant('sessions of a peer are believed, whatever others had', 'test transfer', [
		'transfer.ts',
		'(other.length > 0 && other.length >= supporters)',
		'false',
	]),
	mutant('sessions of a peer are believed before anybody could object', 'test transfer', [
		'transfer.ts',
		'if (!isVouchedFor && now() - since < vouchMs) return later(progress);',
		'',
	]),
	mutant('a fetched checkpoint is taken for ours although we went on', 'test transfer', [
		'transfer.ts',
		'if (catchUp.start !== chat().slot) return this.#end();',
		'',
	]),
];

/** Against a memory that cannot lie. */
const forgetful: readonly Mutant[] = [
	mutant('a part of a write is taken for the whole', 'test storage/crash-states', [
		'storage/journal.ts',
		'else if (from + written < length) this.#writeRest(batch, from + written, length);',
		'',
	]),
	mutant('a failed sync is nothing', 'test storage/crash-states', [
		'storage/journal.ts',
		'(failed ? this.#fail(failed) : this.#onSynced(batch, length))',
		'(failed ? this.#onSynced(batch, length) : this.#onSynced(batch, length))',
	]),
	mutant('a failed sync is tried again', 'test storage/crash-states', [
		'storage/journal.ts',
		'(failed ? this.#fail(failed) : this.#onSynced(batch, length))',
		'(failed ? this.#files.fdatasync(fd, () => this.#onSynced(batch, length)) : this.#onSynced(batch, length))',
	]),
	mutant('a full disk is nothing', 'test storage/crash-states', [
		'storage/journal.ts',
		'if (error) this.#fail(error);',
		'if (error) this.#onSynced(batch, length);',
	]),
	mutant('an append is acknowledged when it is written, not when it is synced', 'test storage/crash-states', [
		'storage/journal.ts',
		'else this.#files.fdatasync(fd, failed => (failed ? this.#fail(failed) : this.#onSynced(batch, length)));',
		'else this.#onSynced(batch, length);',
	]),
	mutant('the last group is not written again at a start', 'test storage/crash-states', [
		'storage/journal.ts',
		'highestSegment + 1, segmentBytes, last.bytes)',
		'highestSegment + 1, segmentBytes, Buffer.alloc(0))',
	]),
	mutant('the old journal goes before the note about it is durable', 'test storage/crash-states', [
		'storage/journal.ts',
		'\t\tawait this.#written(note);\n',
		'',
	]),
	mutant('the note does not say which checkpoint is needed', 'test storage/crash-states', [
		'storage/recovery.ts',
		'since = Math.max(since, Number(slot ?? 0));',
		'',
	]),
	mutant('a segment gets its name before it is on disk', 'test storage/crash-states', [
		'storage/segment.ts',
		'\t\tawait files.fsync(fd);\n',
		'',
	]),
	mutant('the name of a segment is not on disk', 'test storage/crash-states', [
		'storage/segment.ts',
		'\t\tawait files.rename(path + unfinished, path);\n\t\tawait files.syncDirectory(directory);\n',
		'\t\tawait files.rename(path + unfinished, path);\n',
	]),
	mutant('an end that is gone without a trace is not missed', 'test storage/crash-states', [
		'storage/recovery.ts',
		'if (last.group.number < mark.number)',
		'if (last.group.number < 0)',
	]),
	mutant('the watermark names a group that is not on disk yet', 'test storage/crash-states', [
		'storage/journal.ts',
		'\t\tbatch.number = number;\n',
		'\t\tbatch.number = number;\n\t\tthis.#watermark.mark(this.#last, error => this.#fail(error));\n',
	]),
	mutant('the watermark has one copy', 'test storage/watermark whatever a crash', [
		'storage/watermark.ts',
		'(generation % copies) * copyBytes',
		'0',
	]),
	mutant('damage in the middle is cut like a torn end', 'test storage/crash-states', [
		'storage/recovery.ts',
		'\t\tif (beyond !== undefined) throw',
		'\t\tif (beyond === -1) throw',
	]),
	mutant('a torn end is called damage', 'test storage/crash-states', [
		'storage/recovery.ts',
		'\t\tif (beyond !== undefined) throw damageBefore(beyond, path, end);',
		'\t\tif (beyond !== undefined || scan.isTorn) throw damageBefore(0, path, end);',
	]),
	mutant('the checksum of a group is not compared', 'test storage/crash-states', [
		'storage/group.ts',
		'if (crc32(buffer.subarray(offset + 8, end)) !== checksum) return undefined;',
		'',
	]),
	mutant('groups are not chained', 'test storage/journal out of another life', [
		'storage/recovery.ts',
		'first.number === last.number + 1 && first.previous === last.checksum;',
		'first.number === last.number + 1;',
	]),
	mutant('the checksum of a checkpoint is not compared', 'test storage/bit-flips', [
		'storage/checkpoint.ts',
		'const isIntact = text !== undefined && sha256(text) === hash;',
		'const isIntact = text !== undefined && hash !== undefined;',
	]),
	mutant('a checkpoint is not read again from the disk', 'test storage/checkpoint what comes back', [
		'storage/checkpoint.ts',
		'if (!content.equals(await readBack(unnamed)))',
		'if (!content.equals(content))',
	]),
	mutant(
		'a checkpoint leaves none before it',
		'test storage/checkpoint takes the place of one that is damaged',
		['storage/checkpoint.ts', '\tawait files.rename(path, previousOf(path)).catch(unlessMissing);\n', ''],
	),
	mutant('a checkpoint names lines that are not on disk', 'test storage/power-cuts', [
		'storage/keeper.ts',
		'\t\t\tawait log.sync();\n\t\t\tawait this.#name(checkpoint);',
		'\t\t\tawait this.#name(checkpoint);',
	]),
	mutant('a fetched checkpoint names lines that are not on disk', 'test storage/power-cuts', [
		'storage/keeper.ts',
		'\t\t\tawait log.sync();\n\t\t\tawait this.#name({...state, bytes});',
		'\t\t\tawait this.#name({...state, bytes});',
	]),
	mutant('a failed sync of the chat log is nothing', 'test storage/power-cuts', [
		'chat/chat-log.ts',
		"this.#file.datasync().then(resolve, failure => reject(this.#fail('sync', failure)));",
		'this.#file.datasync().then(resolve, () => resolve());',
	]),
	mutant('a checkpoint gets its name before it is on disk', 'test storage/power-cuts', [
		'storage/checkpoint.ts',
		'await writeDurably(unnamed, content, files);',
		'await writeDurably(unnamed, content, {...files, fsync: async () => {}});',
	]),
	mutant('the name of a checkpoint is not on disk', 'test storage/power-cuts', [
		'storage/checkpoint.ts',
		'\tawait files.rename(unnamed, path);\n\tawait files.syncDirectory(dirname(path));\n',
		'\tawait files.rename(unnamed, path);\n',
	]),
	mutant('the journal loses what no checkpoint names yet', 'test storage/power-cuts', [
		'storage/keeper.ts',
		'\t\t\tawait this.#name(checkpoint);\n\t\t\tif (isStopped()) return;\n\t\t\tforget(checkpoint.slot);\n\t\t\tawait this.#shortenJournal();\n',
		'\t\t\tforget(checkpoint.slot);\n\t\t\tawait this.#shortenJournal();\n\t\t\tawait this.#name(checkpoint);\n',
	]),
	mutant('the journal loses what the checkpoint before the newest needs', 'test storage/power-cuts', [
		'storage/keeper.ts',
		'if (older.since <= this.#previousSlot) await older.remove();',
		'await this.#older.remove();',
	]),
	mutant('a part of a write to the chat log is taken for the whole', 'test storage/power-cuts', [
		'chat/chat-log.ts',
		'from += count;',
		'from = bytes.length;',
	]),
	mutant('a meta gets its name before it is on disk', 'test storage/power-cuts', [
		'storage/meta.ts',
		'sealJson({format, ...meta, incarnation}), files);',
		'sealJson({format, ...meta, incarnation}), {...files, fsync: async () => {}});',
	]),
	mutant('a fetched state is ours before its checkpoint is named', 'test storage/power-cuts', [
		'storage/keeper.ts',
		'\t\t\tawait this.#name({...state, bytes});\n\t\t\tif (isStopped()) return;\n\t\t\ttakeOver(last);\n',
		'\t\t\ttakeOver(last);\n\t\t\tawait this.#name({...state, bytes});\n',
	]),
	mutant('what is known of the peers is not on disk', 'test storage/power-cuts', [
		'storage/acquaintances.ts',
		'await writeAtomically(this.#path, text, this.#files);',
		'await writeAtomically(this.#path, text, {...this.#files, fsync: async () => {}});',
	]),
	mutant('the name of a small file is not on disk', 'test storage/power-cuts', [
		'storage/files.ts',
		'\tawait files.rename(temporary, path);\n\tawait files.syncDirectory(dirname(path));\n',
		'\tawait files.rename(temporary, path);\n',
	]),
	mutant('the name of a new memory is not on disk', 'test storage/power-cuts', [
		'storage/directory.ts',
		'\tawait files.rename(unfinished, path);\n\tawait files.syncDirectory(data);\n',
		'\tawait files.rename(unfinished, path);\n',
	]),
	mutant('the name of a new journal is not on disk', 'test storage/power-cuts', [
		'storage/journal.ts',
		'\tawait files.rename(unfinished, directory);\n\tawait files.syncDirectory(dirname(directory));\n',
		'\tawait files.rename(unfinished, directory);\n',
	]),
	mutant('whoever reads the log again does not follow its hash', 'test storage/scrub names any bit', [
		'storage/log-check.ts',
		"if (hash.toString('hex') !== expected)",
		"if (hash.toString('hex') === '')",
	]),
	mutant('a line is given away before the log is looked through', 'test server/server and is long', [
		'server.ts',
		'\t\tawait this.#firstLook.whole;\n',
		'',
	]),
	mutant(
		'lines behind the checkpoint are not compared with the journal',
		'test storage/verify even if it is a line all the same',
		['storage/verify.ts', 'if (at !== undefined) problems.push', 'if (at === -1) problems.push'],
	),
	mutant('the checksum of a small file is not compared', 'test storage/bit-flips', [
		'storage/sealed-json.ts',
		'return sealJson(data) === text ? data : undefined;',
		'return data;',
	]),
	mutant('a memory that is gone begins anew', 'test storage/directory that is gone is not begun anew', [
		'storage/directory.ts',
		'if (members.includes(id)) throw memoryGone(path, id);',
		'',
	]),
	mutant(
		'with a damaged list it is forgotten who has lived here',
		'test storage/directory the list of members',
		[
			'storage/members.ts',
			'await writeMembers(data, cluster, everybody);',
			'await writeMembers(data, cluster, []);',
		],
	),
	mutant('the memory of another replica will do', 'test storage/directory of another replica', [
		'storage/meta.ts',
		'if (found.id !== id) throw',
		'if (found.id < 0) throw',
	]),
	mutant('a peer that has lost its memory is welcome', 'test storage/acquaintances who was met once', [
		'storage/acquaintances.ts',
		'return this.knows(peer, memory);',
		'return memory !== undefined;',
	]),
];

/** The same, found in worlds: with the protocol on top, and a checker that knows what must not be forgotten. */
const forgetfulInWorlds: readonly Mutant[] = [
	mutant('a flipped bit in a group is believed', 'seed 37', [
		'storage/group.ts',
		'if (crc32(buffer.subarray(offset + 8, end)) !== checksum) return undefined;',
		'',
	]),
	mutant('a replica starts with what stands before a damaged group', 'seed 2', [
		'storage/recovery.ts',
		'\t\tif (beyond !== undefined) throw',
		'\t\tif (beyond === -1) throw',
	]),
	mutant('a replica with a torn write does not start', 'seed 20', [
		'storage/recovery.ts',
		'\t\tif (beyond !== undefined) throw damageBefore(beyond, path, end);',
		'\t\tif (beyond !== undefined || scan.isTorn) throw damageBefore(0, path, end);',
	]),
	mutant('nobody misses the groups between two segments', 'seed 170', [
		'storage/recovery.ts',
		'else if (last ? !isNext(first, last) : first.number !== beginning)',
		'else if (last && first.number < last.number)',
	]),
	mutant('an older copy of a memory is taken for it', 'seed 55', [
		'storage/acquaintances.ts',
		'groups + 1 >= heard;',
		'groups + heard >= 0;',
	]),
	mutant('a flipped bit in a checkpoint is believed', 'seed 2', [
		'storage/checkpoint.ts',
		'const isIntact = text !== undefined && sha256(text) === hash;',
		'const isIntact = text !== undefined && hash !== undefined;',
	]),
	mutant('the checkpoint before the newest has lost its journal', 'seed 6', [
		'simulator/machine.ts',
		'if (older.since <= this.#previousSlot) older.remove();',
		'this.#older.remove();',
	]),
];

/** Against liveness and quiet. */
const stuck: readonly Mutant[] = [
	core(
		'one doubt is enough',
		'play highest-view-wins',
		'suspicion',
		'return this.#doubters.size >= majorityOf(this.#options.replicas);',
		'return this.isDoubting;',
	),
	core(
		'doubts do not fade',
		'story doubts of the dead do not count, n=3',
		'suspicion',
		'\t\t\telse this.#doubters.delete(id);',
		'',
	),
	core(
		'doubts are not taken back',
		'story doubts that were taken back do not count, n=3',
		'suspicion',
		'\t\telse this.#doubters.delete(from);',
		'',
	),
	core('doubts outlive the view', 'play accept-lost', 'suspicion', 'this.#doubters.clear();', ''),
	core('no line of succession', 'play deaf-primary', 'suspicion', 'rank * this.#options.staggerTicks', '0'),
	core(
		'patience does not grow',
		'story disks that are slower than patience, n=3',
		'suspicion',
		'Math.min(2 * this.#patience, patienceGrowth * this.#options.patienceTicks)',
		'this.#patience',
	),
	core(
		'heartbeats are always enough',
		'play deaf-primary',
		'suspicion',
		'if (debt !== undefined && !this.#isPaid) {',
		'if (debt !== undefined && debt === "") {',
	),
	core(
		'heartbeats are never enough',
		'play deaf-primary',
		'suspicion',
		'if (debt !== undefined && !this.#isPaid) {',
		'if (!this.#isPaid) {',
	),
	core(
		'nothing pays a debt',
		'story 2 restarts ten times, clients elsewhere, n=3',
		'suspicion',
		'if (debt !== undefined && !this.#isPaid) {',
		'if (debt !== undefined) {',
	),
	core(
		'trusted at start',
		'play normal-operation',
		'suspicion',
		'this.#silence = this.#patience;\n',
		'this.#silence = 0;\n',
	),
	core(
		'hanging up is nothing',
		'play primary-dies',
		'suspicion',
		'this.#silence = Math.max(this.#silence, this.#patience);',
		'',
	),
	core(
		'late requests are not told to everybody',
		'play chained',
		'replica',
		"if (late.length > 0) this.#effects.broadcast({type: 'request', requests: late.slice(0, 1)});\n\t\tthis.#pass(late.slice(1));",
		'this.#pass(late);',
	),
	core('requests are not repeated', 'play requests-lost', 'replica', 'this.#pass(late.slice(1));', ''),
	core(
		'a new primary is not told what waits',
		'play request-to-a-dead-primary',
		'replica',
		'this.#pass([...this.waiting.values()].map(({request}) => request));',
		'',
	),
	core(
		'only the primary is asked for what is missing',
		'play chained',
		'replica',
		'if (mark > this.learner.through && !this.learner.isFull)',
		'if (from === this.primary && mark > this.learner.through)',
	),
	core(
		'a lag is no debt',
		'story one is behind, only a deaf primary knows, n=5',
		'replica',
		'(this.#debt ?? (isBehind ? lag : undefined));',
		'(isBehind && lag === "" ? lag : this.#debt);',
	),
	core(
		'a hole is no debt',
		'play skip-with-one-dead',
		'replica',
		'if (this.#holeTicks < this.options.holePatienceTicks) return undefined;',
		'if (this.#holeTicks >= 0) return undefined;',
	),
	core(
		'a hole is a debt at once',
		'play slot-skipped-primary-killed',
		'replica',
		'if (this.#holeTicks < this.options.holePatienceTicks) return undefined;',
		'',
	),
	core(
		'prepare is said once',
		'story a candidate nobody heard returns, n=3',
		'proposer',
		"this.#effects.broadcast({type: 'prepare', view: this.#view, from: this.#first});\n\t\t}",
		'}',
	),
	core(
		'accept is said once',
		'play accept-lost',
		'proposer',
		'if (accept.slot >= this.#late || size >= this.#options.batchBytes) break;',
		'break;',
	),
	core(
		'no bound on what is held',
		'seed 1',
		'replica',
		'if (this.waiting.size >= this.options.queueRequests) return undefined;',
		'',
	),
	core(
		'above a hole every repetition takes a slot',
		'play slot-skipped-nobody-kills',
		'proposer',
		'\t\tthis.open.delete(slot);\n',
		'\t\tfor (const request of this.open.get(slot)?.value.requests ?? []) this.#inHand.delete(keyOf(request));\n\t\tthis.open.delete(slot);\n',
	),
	core(
		'nobody is asked for what is missing',
		'play chained',
		'replica',
		'if (mark > this.learner.through && !this.learner.isFull)',
		'if (mark < 0)',
	),
	core(
		'holes are left open',
		'play skip-with-one-dead',
		'proposer',
		"proposes a no-op', slot);\n\t\t\t\tthis.#propose(value);",
		"proposes a no-op', slot);\n\t\t\t\tthis.#next++;",
	),
	mutant('what is settled is held for ever', 'seed 8', [
		'host.ts',
		"\t\tthis.#step({type: 'settled', requests: settled});\n",
		'',
	]),
	mutant('an opening is never known again', 'play quorum-loss', [
		'chat/chat.ts',
		"return known?.nonce === text ? 'opened' : 'open';",
		"return 'open';",
	]),
	mutant('another opening leaves the session as it is', 'seed 1', [
		'chat/chat.ts',
		"return known?.nonce === text ? 'opened' : 'open';",
		"return known ? 'opened' : 'open';",
	]),
];

export const mutants: readonly Mutant[] = [
	...unsafe,
	...unsafeElsewhere,
	...forgetful,
	...forgetfulInWorlds,
	...stuck,
];

const root = join(import.meta.dirname, '..', '..');

/**
 * What catches it, in a line; undefined if nothing does. `trial`: what to try;
 * all there is, if none is given. A trial that does not end is a catch as well.
 */
export async function hunt({name, edits}: Mutant, trial?: string): Promise<string | undefined> {
	const folder = mkdtempSync(join(tmpdir(), 'mutant-'));
	try {
		cpSync(join(root, 'source'), join(folder, 'source'), {recursive: true});
		const tests = ['simulation/catch.ts', 'simulation/stories.ts', 'consensus/plays'];
		const testsByName = [
			'simulation/catch-by-test.ts',
			'simulation/bare-jest.ts',
			'consensus',
			'chat',
			'server',
			'storage',
			'transfer.test.ts',
		];
		const isTest = trial?.startsWith('test ') ?? false;
		for (const file of isTest ? testsByName : tests) {
			cpSync(join(root, 'test', file), join(folder, 'test', file), {recursive: true});
		}

		if (isTest) symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));

		writeFileSync(join(folder, 'package.json'), '{"type": "module"}');
		for (const [file, from, to] of edits) {
			const path = join(folder, 'source', file);
			const pieces = readFileSync(path, 'utf8').split(from);
			if (pieces.length !== 2) throw new Error(`"${name}": ${file} holds ${pieces.length - 1} times ${from}`);
			writeFileSync(path, pieces.join(to));
		}

		const script = join(folder, 'test', 'simulation', isTest ? 'catch-by-test.ts' : 'catch.ts');
		if (isTest) return await run([script, ...trial!.split(' ').slice(1)], 30_000, 'it does not end');
		return trial === undefined
			? await run([script], 120_000)
			: await run([script, trial], 30_000, 'it does not end');
	} finally {
		rmSync(folder, {recursive: true});
	}
}

function run(words: readonly string[], patienceMs: number, atLast?: string): Promise<string | undefined> {
	return new Promise((resolve, reject) => {
		const child = spawn(process.execPath, words, {
			env: {...process.env, NODE_OPTIONS: '', CRASH_STATES: '2000', BIT_FLIPS: '60'},
			stdio: ['ignore', 'pipe', 'pipe'],
			timeout: patienceMs,
			killSignal: 'SIGKILL',
		});
		let told = '';
		let trouble = '';
		child.stdout.on('data', (data: Buffer) => {
			told += data.toString();
		});
		child.stderr.on('data', (data: Buffer) => {
			trouble += data.toString();
		});
		child.on('error', reject);
		child.on('close', code => {
			if (code === 0) resolve(undefined);
			else if (code === 1 && told !== '') resolve(told.trim());
			else if (code === null) resolve(atLast);
			else reject(new Error(trouble));
		});
	});
}
