import {spawn} from 'node:child_process';
import {cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';

/** A deliberate bug: pieces of text, each of which stands in its file exactly once, and what they become. */
export type Mutant = {
	readonly name: string;
	/** What catches it: `play NAME`, `story NAME` or `seed S`. */
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
	core('promises do not say since', 'seed 2', 'acceptor', '\t\t\tsince: this.since,\n', '\t\t\tsince: 0,\n'),
	core(
		'a vote is forgotten above the checkpoint',
		'seed 14',
		'acceptor',
		'slot <= through; slot++) this.accepted',
		'slot <= through + 1; slot++) this.accepted',
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
		'!best || proposal.view > best.view',
		'!best',
	),
	core(
		'leads with one promise less',
		'play highest-view-wins',
		'proposer',
		'if (complete.length < majorityOf(this.#options.replicas)) return;',
		'if (complete.length < majorityOf(this.#options.replicas) - 1) return;',
	),
	core(
		'no-ops over what was reported',
		'play value-left-open',
		'proposer',
		'} else if (proposal) {',
		'} else if (proposal && reports.length < 3) {',
	),
	core(
		'new requests before the old slots',
		'play highest-view-wins',
		'proposer',
		'last = Math.max(last, proposal.slot);',
		'',
	),
	core(
		'fills what others have forgotten',
		'seed 2',
		'proposer',
		'if (this.#learner.through < Math.max(...complete.map(({since}) => since))) return;',
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
			'if (message.view < this.view) return;',
			"if (message.view < this.view && message.type !== 'accept') return;",
		],
		[
			'consensus/replica.ts',
			'const isPrimary = from === this.primary;',
			"const isPrimary = from === this.primary || message.type === 'accept';",
		],
	),
	core(
		'a fresh journal does not restate the view',
		'seed 2',
		'replica',
		"if (this.view !== noView) entries.push({type: 'view', view: this.view});",
		'',
	),
	core(
		'a fresh journal does not restate votes',
		'seed 8',
		'replica',
		"for (const proposal of acceptor.accepted.values()) entries.push({type: 'accepted', ...proposal});",
		'',
	),
	mutant(
		'a restarted primary goes on',
		'seed 2',
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
	mutant('sessions are not in the checkpoint', 'seed 2', [
		'chat/chat.ts',
		'const sessions = Array.from(this.#sessions, ([client, session]) => ({client, ...session}));',
		'const sessions: SessionState[] = [];',
	]),
	mutant('the hash leaves no-ops out', 'seed 2', [
		'chat/chat.ts',
		'this.#hash = chain(this.#hash, slot, text);',
		"if (text !== '') this.#hash = chain(this.#hash, slot, text);",
	]),
	mutant('time goes back in the log', 'seed 5', [
		'chat/chat.ts',
		'this.#at = Math.max(this.#at, stamp);',
		'this.#at = stamp;',
	]),
	mutant('a fetched checkpoint is installed without its lines', 'seed 2', [
		'transfer.ts',
		"if (lines !== '') this.#ports.keep(lines);",
		'',
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
		'play highest-view-wins',
		'suspicion',
		'if (debt !== undefined && !this.#isPaid) {',
		'if (debt !== undefined) {',
	),
	core(
		'trusted at start',
		'play highest-view-wins',
		'suspicion',
		'this.#silence = this.#patience;\n',
		'this.#silence = 0;\n',
	),
	core(
		'hanging up is nothing',
		'play vote-without-value',
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
		'if (mark > this.learner.through) this.#effects.send(',
		'if (isLeading && mark > this.learner.through) this.#effects.send(',
	),
	core(
		'a lag is no debt',
		'story one is behind, only a deaf primary knows, n=5',
		'replica',
		'this.suspicion.onSignOfLife(this.#debt ?? (isBehind ? lag : undefined));',
		'this.suspicion.onSignOfLife(isBehind && lag === "" ? lag : this.#debt);',
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
		'if (slot >= this.#late || size >= this.#options.batchBytes) break;',
		'break;',
	),
	core(
		'no bound on what is held',
		'seed 1',
		'replica',
		'if (this.waiting.size >= this.options.queueRequests) return false;',
		'',
	),
	core(
		'above a hole every repetition takes a slot',
		'play slot-skipped-nobody-kills',
		'proposer',
		'\t\tthis.open.delete(slot);\n',
		'\t\tfor (const request of this.open.get(slot)?.requests ?? []) this.#inHand.delete(keyOf(request));\n\t\tthis.open.delete(slot);\n',
	),
	mutant('what is settled is held for ever', 'seed 1', [
		'host.ts',
		"\t\tthis.#step({type: 'settled', requests: settled});\n",
		'',
	]),
	mutant('an opening is never known again', 'seed 1', [
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

export const mutants: readonly Mutant[] = [...unsafe, ...stuck];

const root = join(import.meta.dirname, '..', '..');

/**
 * What catches it, in a line; undefined if nothing does. `trial`: what to try;
 * all there is, if none is given. A trial that does not end is a catch as well.
 */
export async function hunt({name, edits}: Mutant, trial?: string): Promise<string | undefined> {
	const folder = mkdtempSync(join(tmpdir(), 'mutant-'));
	try {
		cpSync(join(root, 'source'), join(folder, 'source'), {recursive: true});
		for (const file of ['simulation/catch.ts', 'simulation/stories.ts', 'consensus/plays']) {
			cpSync(join(root, 'test', file), join(folder, 'test', file), {recursive: true});
		}

		writeFileSync(join(folder, 'package.json'), '{"type": "module"}');
		for (const [file, from, to] of edits) {
			const path = join(folder, 'source', file);
			const pieces = readFileSync(path, 'utf8').split(from);
			if (pieces.length !== 2) throw new Error(`"${name}": ${file} holds ${pieces.length - 1} times ${from}`);
			writeFileSync(path, pieces.join(to));
		}

		const script = join(folder, 'test', 'simulation', 'catch.ts');
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
			env: {...process.env, NODE_OPTIONS: ''},
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
