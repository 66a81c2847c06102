import {mkdtemp, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {freePorts} from './cluster.ts';
import {ScreenUnderTest} from './terminal.ts';

/**
 * Plays a short scene on the real program, five replicas and two people, and
 * prints what stands on their terminals as a page of documentation.
 */
const escapeByte = '\u001b';
const home = await mkdtemp(join(tmpdir(), 'paxos-chat-screens-'));
const ports = await freePorts(5);
const replicas = ports.map((port, id) => ({id, host: '127.0.0.1', port}));
// Holes stay until the leader is killed.
await writeFile(join(home, 'cluster.json'), JSON.stringify({f: 2, replicas, holePatienceMs: 0}));
const shots: string[] = [];
const alice = new ScreenUnderTest(['--nick', 'alice'], {cwd: home});
await alice.until(/up 5\/5/);
const bob = new ScreenUnderTest(['--nick', 'bob'], {cwd: home, columns: 80, rows: 24});
await bob.until(/● r\d/);

try {
	await say(bob, 'hey, is everybody here?');
	await say(alice, 'yes, five of us. let us skip a slot');
	await command('/skip', /its next free slot/);
	await alice.until(/leaves slot \d+ out/);
	await say(bob, 'and now?', false);
	await say(alice, 'everything waits for the hole', false);
	await alice.until(text => /waiting: slot \d+ is a hole/.test(text) && text.includes('○▓'));
	await shoot(
		'Chat, monitor, log and events in one window: a slot was skipped, and everything after it waits',
		alice,
	);
	await shoot('The same chat in 80x24', bob);
	await alice.type('/kill r0\r');
	await alice.until(/After: 4 of 5/);
	await shoot('Killing the leader, with the consequence in numbers', alice);
	await alice.type('y');
	await alice.until(/everything waits for the hole +(decided )?#\d+/);
	await say(bob, '@alice the next leader filled it with a no-op');
	bob.write(`${escapeByte}2`);
	await bob.until(/down \ds/);
	await shoot('The monitor in 80x24, after the leader was killed', bob);
	alice.write(`${escapeByte}4`);
	await alice.until(/no-ops/);
	await alice.type('X');
	await alice.until(/the no-op: nothing/);
	await shoot('The log: the slot that was left out holds a no-op', alice);
	alice.write(`${escapeByte}5`);
	await alice.until(/paxos-chat {2}events[\s\S]*the hole is closed/);
	await shoot('Events: what happened, and why', alice);
	await alice.type('?');
	await alice.until(/filter:/);
	await shoot('The keys of a place; Enter runs the line', alice);
	alice.write(escapeByte);
	await alice.until(text => !text.includes('filter:'));
	alice.write(`${escapeByte}1`);
	await alice.until(/alice>/);
	await alice.type('/batch 6000 32\r');
	await alice.until(/ [23]\d%/, 120_000);
	await alice.type('1K');
	await alice.until(/Kill replica r1\?/);
	await alice.type('y');
	await alice.until(/messages acknowledged by/, 120_000);
	await shoot('Load, and what befell the cluster meanwhile: the leader was killed', alice);
} finally {
	await bob.clear();
	alice.kill('SIGTERM');
	await alice.ended;
	await rm(home, {recursive: true, force: true});
}

process.stdout.write(
	`# Screens\n\nMade by \`npm run screenshots\` from the real program.\n${shots.join('')}`,
);
process.exit(0);

async function say(screen: ScreenUnderTest, text: string, isDecided = true): Promise<void> {
	await screen.type(`${text}\r`);
	const shown = text.replace(/[.*+?]/g, '\\$&');
	await screen.until(new RegExp(isDecided ? `✓ ${shown} +(decided )?#\\d+` : shown));
}

async function command(text: string, question: RegExp): Promise<void> {
	await alice.type(`${text}\r`);
	await alice.until(question);
	await alice.type('y');
}

async function shoot(title: string, screen: ScreenUnderTest): Promise<void> {
	const text = screen.rows.map(row => row.trimEnd()).join('\n');
	shots.push(`\n## ${title}\n\n\`\`\`text\n${text}\n\`\`\`\n`);
}
