import type {FlagName, Flags} from './flags.ts';

export type Command = {
	/** One line, lower case, without a full stop. */
	readonly says: string;
	/** What stands behind its name: `ID`, `[SLOT]`, `[STORY…]`. Usage, checks and messages are made of it. */
	readonly arguments: string;
	/** Beside the common ones. */
	readonly flags: readonly FlagName[];
	/** Flags that mean nothing without another one. */
	readonly needs?: {readonly [Name in FlagName]?: FlagName};
	readonly examples: ReadonlyArray<readonly [line: string, says: string]>;
	/** More to know, shown below the flags. */
	readonly notes?: readonly string[];
	/** Resolves with the exit code. The code behind it is loaded when it is called, so that help stays fast. */
	run(words: readonly string[], flags: Flags): Promise<number>;
};

const needsFaults =
	'Needs DATA/secret, and replicas that run with --faults, as those started by the plain command and by `cluster` do.';

/** By hand, as help must not wait until all stories are loaded; a test compares. */
const storyNames = [
	'  normal, primary-dies, primary-dies-f-times, skip-slot, message-loss, kill-loop, failover, all-down-all-up,',
	'  paused-primary, isolated-rejoin, torn-tail, bit-flip, wiped-disk, begins-anew, cut-off-primary, one-way-primary,',
	'  cut-pair, chained, quorum-loss, constrained, slow-disk, full-disk, failed-sync, few-files, little-memory,',
	'  reconnect-storm, overload, clock-jumps, far-behind, slow-link, lagging-primary-after-compaction, killed-at-call',
];

/** Every command. `chat` is the plain one: its name may be left out. */
export const commands = {
	chat: {
		says: 'chat and monitor; starts the cluster if none answers; line mode without a terminal',
		arguments: '',
		flags: ['batch', 'clients', 'size', 'history', 'json'],
		needs: {clients: 'batch', size: 'batch', history: 'batch', json: 'batch'},
		examples: [
			['paxos-chat --nick alice', 'chat; starts the replicas of cluster.json if none answers'],
			["printf 'one\\ntwo\\n' | paxos-chat", 'send a message a line, print what the chat says'],
			['paxos-chat --batch 10000 --clients 8 --json', 'send 10000 messages and report how fast'],
		],
		notes: [
			'Replicas that it started it stops when it leaves; it asks if others are connected, and waits for them without a terminal.',
			'In line mode standard input is a message a line, standard output is `#POSITION nick: text` for each line executed since it joined.',
		],
		async run(_words, flags) {
			if (flags.batch === undefined) {
				const {chat} = await import('./commands/chat.ts');
				return chat(flags);
			}

			const {batch} = await import('./commands/batch.ts');
			return batch(flags);
		},
	},
	monitor: {
		says: 'the cluster at a glance, live',
		arguments: '',
		flags: ['once', 'json'],
		examples: [
			['paxos-chat monitor', 'on the whole screen'],
			['paxos-chat monitor --once', 'one look, as a table'],
			[
				'paxos-chat monitor --once --json',
				'one look, for scripts: exit 5 if logs diverge, 3 if nobody answers',
			],
		],
		async run(_words, flags) {
			const {monitor} = await import('./commands/monitor.ts');
			return monitor(flags);
		},
	},
	cluster: {
		says: 'run all replicas of cluster.json that belong to this machine',
		arguments: '',
		flags: ['noFaults'],
		examples: [
			['paxos-chat cluster', 'until Ctrl+C'],
			['paxos-chat cluster --no-faults', 'the same, deaf to kill, skip, loss and isolate'],
		],
		async run(_words, flags) {
			const {cluster} = await import('./commands/cluster.ts');
			return cluster(flags);
		},
	},
	replica: {
		says: 'run one replica in the foreground',
		arguments: 'ID',
		flags: ['skip', 'loss', 'faults', 'trace'],
		examples: [
			['paxos-chat replica 0', 'replica 0 of cluster.json'],
			['paxos-chat replica 0 --skip 5 --faults', 'leaves slot 5 out in the first view that it leads'],
			['paxos-chat replica 0 --trace r0.trace', 'records every input of its core; see replay'],
		],
		notes: [
			'A trace holds what people said, in plain text, and grows by every input: some hundred bytes a message.',
		],
		async run(words, flags) {
			const {replica} = await import('./commands/replica.ts');
			return replica(words, flags);
		},
	},
	kill: {
		says: 'kill a replica (SIGKILL)',
		arguments: 'ID',
		flags: [],
		examples: [['paxos-chat kill 0', 'replica 0 is gone at once; nobody starts it again unasked']],
		notes: [needsFaults],
		async run(words, flags) {
			const {kill} = await import('./commands/kill.ts');
			return kill(words, flags);
		},
	},
	restart: {
		says: 'start a replica again; a live one is killed first',
		arguments: 'ID',
		flags: [],
		examples: [['paxos-chat restart 0', 'replica 0 comes back with what its disk remembers']],
		notes: [
			'Asks the supervisor (`paxos-chat cluster`, or the plain command) that runs the replicas of DATA.',
		],
		async run(words, flags) {
			const {restart} = await import('./commands/restart.ts');
			return restart(words, flags);
		},
	},
	readmit: {
		says: 'let a replica begin anew whose memory is lost or damaged',
		arguments: 'ID',
		flags: [],
		examples: [['paxos-chat readmit 2', 'puts aside what is left of replica 2 in DATA, and begins anew']],
		notes: [
			'Works on DATA, on the machine where the replica belongs, while it does not run. Then `paxos-chat restart ID`:',
			'it learns what was decided, and votes once f+1 others have admitted it.',
			'The old directory is kept beside the new one, and must never be started again.',
			'f+1 others that have their memory must admit it: no more than f may lose theirs at a time.',
		],
		async run(words, flags) {
			const {readmit} = await import('./commands/readmit.ts');
			return readmit(words, flags);
		},
	},
	skip: {
		says: 'make the primary leave a slot out',
		arguments: '[SLOT]',
		flags: [],
		examples: [
			['paxos-chat skip', 'its next free slot; prints which'],
			['paxos-chat skip 12', 'slot 12, if it is not proposed yet'],
		],
		notes: [needsFaults, 'The order dies with the view.'],
		async run(words, flags) {
			const {skip} = await import('./commands/skip.ts');
			return skip(words, flags);
		},
	},
	loss: {
		says: 'lose a share of the messages between replicas',
		arguments: 'P [ID]',
		flags: [],
		examples: [
			['paxos-chat loss 10%', 'every replica loses a tenth of what it hears'],
			['paxos-chat loss 0.5 2', 'replica 2 loses half'],
		],
		notes: [needsFaults],
		async run(words, flags) {
			const {loss} = await import('./commands/loss.ts');
			return loss(words, flags);
		},
	},
	isolate: {
		says: 'cut a replica off from its peers',
		arguments: 'ID',
		flags: [],
		examples: [['paxos-chat isolate 1', 'clients and administrators still reach it']],
		notes: [needsFaults],
		async run(words, flags) {
			const {isolate} = await import('./commands/isolate.ts');
			return isolate(words, flags);
		},
	},
	heal: {
		says: 'end isolation, loss and skips',
		arguments: '[ID]',
		flags: [],
		examples: [
			['paxos-chat heal', 'everywhere'],
			['paxos-chat heal 1', 'at replica 1'],
		],
		notes: [needsFaults],
		async run(words, flags) {
			const {heal} = await import('./commands/heal.ts');
			return heal(words, flags);
		},
	},
	demo: {
		says: 'run the stories on clusters of their own, PASS or FAIL with the evidence',
		arguments: '[STORY…]',
		flags: ['watch', 'json'],
		examples: [
			['paxos-chat demo', 'all of them'],
			['paxos-chat demo kill-loop:20 skip-slot', 'two of them, and of the first one 20 rounds'],
			['paxos-chat demo --watch', 'and see them on the monitor'],
		],
		notes: [
			'Stories, in the order in which they are told; behind a colon stands how many rounds:',
			...storyNames,
		],
		async run(words, flags) {
			const {demo} = await import('./commands/demo.ts');
			return demo(words, flags);
		},
	},
	verify: {
		says: 'check journals, checkpoints and logs in DATA, offline',
		arguments: '',
		flags: ['json'],
		examples: [['paxos-chat verify --data data', 'exit 1 if something is damaged, 5 if logs diverge']],
		async run(_words, flags) {
			const {verify} = await import('./commands/verify.ts');
			return verify(flags);
		},
	},
	simulate: {
		says: 'run seeded worlds in the deterministic simulator',
		arguments: '',
		flags: ['seed', 'runs', 'verbose', 'trace', 'json'],
		examples: [
			['paxos-chat simulate --runs 100', 'a hundred worlds'],
			[
				'paxos-chat simulate --seed 7 --verbose',
				'the world of seed 7, the same for ever, and all that happens in it',
			],
		],
		async run(_words, flags) {
			const {simulate} = await import('./commands/simulate.ts');
			const {seed, runs, json, verbose, trace} = flags;
			return simulate({
				json,
				verbose,
				trace,
				...(seed === undefined ? {} : {seed}),
				...(runs === undefined ? {} : {runs}),
			});
		},
	},
	explore: {
		says: 'try every order of events on the real core, within small bounds',
		arguments: '',
		flags: ['states', 'json'],
		examples: [
			['paxos-chat explore --states 10000', 'a look'],
			['paxos-chat explore', 'some minutes; prints the shortest way to a broken theorem, if there is one'],
		],
		async run(_words, {states, json}) {
			const {explore} = await import('./commands/explore.ts');
			return explore({states: states ?? 1_000_000, json});
		},
	},
	perform: {
		says: 'perform a play in the simulator, as the exploration prints one for a broken theorem',
		arguments: 'FILE',
		flags: [],
		examples: [
			[
				'paxos-chat perform play.txt',
				'what happens, direction by direction; exit 1 and why if it ends badly',
			],
		],
		async run(words) {
			const {perform} = await import('./commands/perform.ts');
			return perform(words);
		},
	},
	replay: {
		says: 'give the core the inputs of a trace again, and compare every output',
		arguments: 'FILE',
		flags: ['json'],
		examples: [
			['paxos-chat replay r0.trace', 'of `paxos-chat replica 0 --trace r0.trace`'],
			['paxos-chat replay r0.trace --json', 'exit 1 and the line of the first output that is another one'],
		],
		async run(words, flags) {
			const {replay} = await import('./commands/replay.ts');
			return replay(words, flags);
		},
	},
	secret: {
		says: 'make DATA/secret',
		arguments: '',
		flags: [],
		examples: [['paxos-chat secret', 'then copy DATA/secret to the other machines']],
		async run(_words, flags) {
			const {secret} = await import('./commands/secret.ts');
			return secret(flags);
		},
	},
} as const satisfies Record<string, Command>;

export type CommandName = keyof typeof commands;

export type Argument = {readonly name: string; readonly isOptional: boolean; readonly isRepeated: boolean};
export const argumentsOf = (command: Command): readonly Argument[] =>
	command.arguments
		.split(' ')
		.filter(word => word !== '')
		.map(word => ({
			name: word.replace(/[[\]…]/g, ''),
			isOptional: word.startsWith('['),
			isRepeated: word.includes('…'),
		}));
