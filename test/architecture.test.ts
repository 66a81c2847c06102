import {describe, expect, test} from '@jest/globals';
import {codeOf, filesIn, importsOf, textOf} from './source-files.ts';

/**
 * Who may know whom, and who may do what, on the text of the sources. Where a
 * file needs more, its line here changes with it, and somebody has to say why.
 */
const sources = filesIn('source', 'cli', 'bench').filter(path => /\.tsx?$/.test(path));
const within = (...folders: readonly string[]) =>
	sources.filter(path => folders.some(folder => path === folder || path.startsWith(`${folder}/`)));

/** What a part may import from other parts of the program: files, or folders with all that is in them. */
const arrows: Readonly<Record<string, readonly string[]>> = {
	'source/consensus': [],
	'source/value-text.ts': ['source/consensus/types.ts'],
	'source/chat': [
		// Who was admitted is part of what the log says, and so of a checkpoint.
		'source/consensus/membership.ts',
		'source/consensus/types.ts',
		'source/value-text.ts',
		'source/failure.ts',
	],
	'source/network': [
		'source/consensus/types.ts',
		'source/chat/types.ts',
		'source/cluster.ts',
		'source/value-text.ts',
	],
	'source/storage': [
		'source/consensus/types.ts',
		'source/chat',
		'source/cluster.ts',
		'source/failure.ts',
		'source/value-text.ts',
	],
	// A host knows the interfaces of a disk and of a network, and none that is one.
	'source/host.ts': ['source/consensus', 'source/network/network.ts', 'source/storage/disk.ts'],
	'source/checkpoint-texts.ts': ['source/consensus/types.ts', 'source/chat'],
	'source/transfer.ts': ['source/consensus/types.ts', 'source/chat', 'source/checkpoint-texts.ts'],
	'source/pace.ts': [],
	'source/pages.ts': [
		'source/consensus/requests.ts',
		'source/consensus/types.ts',
		'source/network/network.ts',
		'source/pace.ts',
	],
	'source/cluster.ts': [
		'source/consensus/types.ts',
		'source/network/events.ts',
		'source/failure.ts',
		'source/nearest.ts',
	],
	// A client is not a replica: it knows the language of the wire, and nothing behind it.
	'source/client': [
		'source/consensus/types.ts',
		'source/chat/types.ts',
		'source/network/events.ts',
		'source/network/client-wire.ts',
		'source/network/frames.ts',
		'source/network/auth.ts',
		'source/cluster.ts',
		'source/safe-text.ts',
		'source/history.ts',
		'source/history-file.ts',
	],
	'source/simulator': [
		'source/consensus',
		'source/chat',
		'source/host.ts',
		'source/transfer.ts',
		'source/value-text.ts',
		'source/network/wire.ts',
		'source/network/network.ts',
		'source/network/faults.ts',
		'source/failure.ts',
		'source/storage/disk.ts',
		'source/storage/memory-disk.ts',
		'source/storage/memory-journal.ts',
		// What decides on the bytes of a disk, and on copies of it, is that of a real one.
		'source/storage/group.ts',
		'source/storage/recovery.ts',
		'source/storage/checkpoint.ts',
		'source/storage/acquaintances.ts',
	],
	// A story plays on processes, from outside: it sees what a client, a monitor and an administrator see.
	'source/stories': [
		'source/consensus/types.ts',
		'source/client',
		'source/network/events.ts',
		'source/cluster.ts',
		'source/failure.ts',
		'source/history.ts',
		'source/history-file.ts',
		'source/supervisor.ts',
		'source/storage/secret.ts',
		'source/storage/private-files.ts',
	],
	// It starts replicas as processes, and never loads what they are made of.
	'source/supervisor.ts': [
		'source/consensus/types.ts',
		'source/cluster.ts',
		'source/failure.ts',
		'source/replica-process.ts',
		'source/restart-door.ts',
	],
	'source/history.ts': ['source/consensus/types.ts', 'source/chat/types.ts'],
	source: ['source'],
	cli: ['source'],
	bench: ['source'],
};

test.each(Object.entries(arrows))('%s imports only what lies below it', (part, allowed) => {
	const files = within(part);
	expect(files).not.toEqual([]);
	const others = files.flatMap(path =>
		importsOf(path)
			.filter(name => /^(?:source|cli|bench|test)\//.test(name))
			.filter(name => ![part, ...allowed].some(place => name === place || name.startsWith(`${place}/`)))
			.map(name => `${path} -> ${name}`),
	);
	expect(others).toEqual([]);
});

test('packages are known where they are needed, and nowhere else', () => {
	const users = (name: RegExp) => sources.filter(path => importsOf(path).some(each => name.test(each)));
	const places = (name: RegExp) => [
		...new Set(users(name).map(path => path.split('/').slice(0, 2).join('/'))),
	];
	expect(places(/^socket\.io$/)).toEqual(['source/network']);
	expect(places(/^socket\.io-client$/)).toEqual(['source/client', 'source/network']);
	expect(places(/^(?:ink|react)(?:\/|$)/)).toEqual(['cli/tui']);
	expect(users(/^meow$/)).toEqual(['cli/parse.ts']);
	expect(users(/^valibot$/)).toEqual([
		'source/cluster.ts',
		'source/history-file.ts',
		'source/network/client-wire.ts',
	]);
});

test('the core imports no package and no part of Node', () => {
	const files = within('source/consensus');
	expect(files.length).toBeGreaterThanOrEqual(8);
	expect(files.flatMap(importsOf).filter(name => !name.startsWith('source/consensus/'))).toEqual([]);
	// Of the replicated state machine the part that executes needs a hash, and nothing else.
	const chat = ['source/chat/chat.ts', 'source/chat/hash-chain.ts', 'source/chat/line-text.ts'];
	expect([...new Set(chat.flatMap(importsOf).filter(name => !name.startsWith('source/')))]).toEqual([
		'node:crypto',
	]);
});

/** What would make the same inputs give other outputs, or leave a step before its end. */
const worldly =
	/\b(?:Date|Math\.random|performance|setTimeout|setInterval|setImmediate|queueMicrotask|process|console|globalThis|Intl|localeCompare|async|await|Promise)\b/g;

test('core, chat, host and transfer know no clock, die, timer or process, and wait for nothing', () => {
	const pure = [
		...within('source/consensus'),
		'source/chat/chat.ts',
		'source/chat/hash-chain.ts',
		'source/chat/line-text.ts',
		'source/chat/catch-up.ts',
		'source/host.ts',
		'source/transfer.ts',
		'source/pace.ts',
		'source/pages.ts',
		'source/value-text.ts',
	];
	const found = pure.flatMap(path => (codeOf(path).match(worldly) ?? []).map(name => `${path}: ${name}`));
	expect(found).toEqual([]);
	// The pattern finds what it looks for.
	expect('new Date(); await x; Math.random()'.match(worldly)).toHaveLength(3);
});

test('the only die of the simulator is random.ts, and its only clock is virtual', () => {
	const real = /\b(?:Math\.random|Date|setTimeout|setInterval|setImmediate|performance)\b/;
	const users = within('source/simulator').filter(path => real.test(codeOf(path)));
	// It says how many seconds a campaign has taken.
	expect(users).toEqual(['source/simulator/campaign.ts']);
});

test('only server, simulator and replay construct a replica; the first two give it a host', () => {
	const makers = (pattern: RegExp) => sources.filter(path => pattern.test(codeOf(path)));
	expect(makers(/\bnew Replica\(/)).toEqual([
		'source/server.ts',
		'source/simulator/machine.ts',
		'source/simulator/puppet.ts',
		'source/trace.ts',
	]);
	expect(makers(/\bnew Host\(/)).toEqual([
		'source/server.ts',
		'source/simulator/machine.ts',
		'source/simulator/puppet.ts',
	]);
	expect(makers(/\.step\(\s*\{|\breplica\.step\(/)).toEqual(['source/host.ts', 'source/trace.ts']);
});

describe('leaving', () => {
	const users = (pattern: RegExp, ...folders: readonly string[]) =>
		within(...folders).filter(path => pattern.test(codeOf(path)));

	test('a process ends in one place: cli/main.ts', () => {
		expect(users(/\bprocess\.(?:exit|abort|reallyExit)\b|\bprocess\.exitCode\s*=/, 'source', 'cli')).toEqual([
			'cli/main.ts',
		]);
	});

	test('signals are sent by few: a replica to itself by order, stories to their replicas, the screen to suspend itself', () => {
		expect(users(/(?<![#\w.])process\.kill\((?!'')/, 'source', 'cli')).toEqual([
			'source/server.ts',
			'source/stories/disk-orders.ts',
			'source/stories/hands.ts',
			'source/stories/stage.ts',
			'source/stories/wrapped-disk.ts',
			'cli/tui/stage.tsx',
		]);
	});

	test('signals are listened to in one place, and by what stories put around a disk', () => {
		const listeners = within('source', 'cli').filter(path =>
			/process\.on\(\s*(?:\w*[sS]ignal|'SIG)/.test(textOf(path)),
		);
		expect(listeners.filter(path => !path.startsWith('cli/tui/'))).toEqual([
			'source/stories/wrapped-disk.ts',
			'cli/leaving.ts',
		]);
	});

	test('only the command line prints', () => {
		expect(users(/\bconsole\.\w+\(|\bprocess\.std(?:out|err)\b/, 'source')).toEqual([]);
	});
});

describe('the screen', () => {
	/** Where the outside comes in: files, supervisor, clients, the terminal. */
	const doors = ['cli/tui/app.tsx', 'cli/tui/ports.ts', 'cli/tui/stage.tsx', 'cli/tui/terminal.tsx'];
	const inner = within('cli/tui').filter(path => !doors.includes(path));
	/** Types of what is shown, and text that is safe to show. */
	const shown = [
		'source/chat/types.ts',
		'source/consensus/types.ts',
		'source/network/events.ts',
		'source/client/batch.ts',
		'source/client/client-store.ts',
		'source/client/monitor-store.ts',
		'source/safe-text.ts',
		'source/nearest.ts',
	];

	test('panes and reducer know neither sockets, nor Node, nor what runs behind the stores', () => {
		expect(inner.length).toBeGreaterThan(10);
		const found = inner.flatMap(path =>
			importsOf(path)
				.filter(
					name =>
						/^(?:node:|socket\.io|react)/.test(name) || (name.startsWith('source/') && !shown.includes(name)),
				)
				.map(name => `${path} -> ${name}`),
		);
		expect(found).toEqual([]);
	});

	test('panes neither wait nor look at a clock', () => {
		const found = within('cli/tui/panes').flatMap(path =>
			(
				codeOf(path).match(/\b(?:Date\.now|Math\.random|setTimeout|setInterval|async|await|process)\b/g) ?? []
			).map(name => `${path}: ${name}`),
		);
		expect(found).toEqual([]);
	});
});

test('every source says in a sentence what it is for', () => {
	const silent = sources.filter(path => !/\/\*\*\s+(?:\*\s+)?\S[^*]{19,}/.test(textOf(path)));
	expect(silent).toEqual([]);
});
