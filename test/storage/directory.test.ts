import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {
	chmodSync,
	existsSync,
	mkdirSync,
	readdirSync,
	readFileSync,
	renameSync,
	rmSync,
	statSync,
	symlinkSync,
	unlinkSync,
	writeFileSync,
} from 'node:fs';
import {rm} from 'node:fs/promises';
import {networkInterfaces} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {afterEach, beforeEach, describe, expect, test} from '@jest/globals';
import type {Address} from '../../source/cluster.ts';
import {Failure} from '../../source/failure.ts';
import {beginAnew, openReplicaDirectory, type ReplicaDirectory} from '../../source/storage/directory.ts';
import {Journal} from '../../source/storage/journal.ts';
import {isLocal} from '../../source/storage/local.ts';
import {sealJson} from '../../source/storage/sealed-json.ts';
import {clusterOf, ensureSecret, makeSecret, readSecret} from '../../source/storage/secret.ts';
import {temporaryDirectory} from './journal-rig.ts';

let home: string;
let data: string;
const opened: ReplicaDirectory[] = [];

beforeEach(async () => {
	home = await temporaryDirectory();
	data = join(home, 'data');
});

afterEach(async () => {
	for (const directory of opened.splice(0)) await directory.release();
	await rm(home, {recursive: true});
});

const clusterOn = (replicas: number, host = '127.0.0.1') => ({
	replicas: Array.from({length: replicas}, (_, id): Address => ({id, host, port: 7100 + id, bind: host})),
});

const open = async (id = 0, replicas = 3) => {
	const directory = await openReplicaDirectory({data, id, cluster: clusterOn(replicas)});
	opened.push(directory);
	return directory;
};

/** Opens and lets go. */
const visit = async (id = 0, replicas = 3) => {
	const directory = await open(id, replicas);
	await directory.release();
	return directory;
};

const refusal = async (run: () => Promise<unknown>, exitCode: number): Promise<string> => {
	const error = await run().then(
		() => undefined,
		error => error,
	);
	expect(error).toBeInstanceOf(Failure);
	expect(error.exitCode).toBe(exitCode);
	expect(error.message).not.toContain('\n');
	return error.message;
};

const modeOf = (path: string) => statSync(path).mode & 0o777;

describe('the memory of a replica', () => {
	test('is made once, for its owner only, and is the same ever after', async () => {
		const first = await visit();
		expect(first.path).toBe(join(data, 'replica-0'));
		for (const path of [data, first.path, first.journal]) expect(modeOf(path)).toBe(0o700);
		for (const name of ['secret', 'members.json', 'replica-0/meta'])
			expect(modeOf(join(data, name))).toBe(0o600);
		const again = await visit();
		expect(again).toEqual({...first, release: again.release});
		expect(again.identity).toBe(clusterOf(again.secret));
		expect(again.identity).toMatch(/^[0-9a-f]{32}$/);
		expect(again.secret.toString('hex')).not.toContain(again.identity);
	});

	test('several replicas that start together share a secret and are all listed', async () => {
		const directories = await Promise.all([0, 1, 2, 3, 4].map(id => open(id, 5)));
		expect(new Set(directories.map(({identity}) => identity)).size).toBe(1);
		expect(new Set(directories.map(({memory}) => memory.incarnation)).size).toBe(5);
		const members = JSON.parse(readFileSync(join(data, 'members.json'), 'utf8'));
		expect(members).toMatchObject({cluster: directories[0]?.identity, replicas: [0, 1, 2, 3, 4]});
		expect(readdirSync(data).filter(name => name.endsWith('.new'))).toEqual([]);
	});

	test('has one owner at a time', async () => {
		const directory = await open();
		expect(await refusal(() => open(), 1)).toContain('in use by another process');
		await directory.release();
		await open();
	});

	test('of another process is refused, until that is killed', async () => {
		await visit();
		const owner = fileURLToPath(new URL('directory-owner.ts', import.meta.url));
		const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', owner, data], {
			stdio: ['ignore', 'pipe', 'inherit'],
			env: {...process.env, NODE_OPTIONS: ''},
		});
		await once(child.stdout, 'data');
		expect(await refusal(() => open(), 1)).toContain('in use by another process');
		// Under another path it is the same directory.
		renameSync(data, join(home, 'moved'));
		data = join(home, 'moved');
		expect(await refusal(() => open(), 1)).toContain('in use by another process');
		const exit = once(child, 'exit');
		child.kill('SIGKILL');
		await exit;
		await open();
	});

	test('that is gone is not begun anew', async () => {
		const {path} = await visit(1);
		await visit(0);
		rmSync(path, {recursive: true});
		expect(await refusal(() => open(1), 1)).toContain('what replica 1 promised: this replica does not vote');
		expect(existsSync(path)).toBe(false);
		await open(0);
		await open(2);
	});

	test('that has lost its journal, or the content of its journal, is not begun anew', async () => {
		const {path, journal} = await visit();
		renameSync(journal, `${path}/elsewhere`);
		expect(await refusal(() => open(), 1)).toContain('this replica does not vote');
		mkdirSync(journal);
		const {release} = await open();
		const options = {directory: journal, segmentBytes: 4096, onError: () => {}};
		expect(await refusal(() => Journal.open(options), 1)).toContain('this replica does not vote');
		await release();
	});

	test('that was being made when the power failed is made again', async () => {
		mkdirSync(join(data, 'replica-0.new', 'journal'), {recursive: true, mode: 0o700});
		chmodSync(data, 0o700);
		const {journal} = await open();
		expect(readdirSync(journal)).toHaveLength(1);
	});

	test('of another replica, of another number of replicas, or of another cluster is refused', async () => {
		await visit(0);
		await visit(1);
		renameSync(join(data, 'replica-0'), join(home, 'zero'));
		renameSync(join(data, 'replica-1'), join(data, 'replica-0'));
		expect(await refusal(() => open(0), 2)).toContain('is the memory of replica 1, not of replica 0');
		expect(await refusal(() => open(1), 1)).toContain('is gone');
		renameSync(join(data, 'replica-0'), join(data, 'replica-1'));
		expect(await refusal(() => open(1, 5), 2)).toContain('a cluster of 3 replicas, and cluster.json names 5');

		unlinkSync(join(data, 'secret'));
		// Nobody makes another one in its place: the replicas would refuse it.
		expect(await refusal(() => open(1), 2)).toContain('secret is gone, and replicas have lived here with it');
		await expect(makeSecret(data)).rejects.toThrow('put it back');
		const {path} = await makeSecret(join(home, 'elsewhere'));
		renameSync(path, join(data, 'secret'));
		expect(await refusal(() => open(1), 2)).toContain('members.json belongs to another cluster');
		unlinkSync(join(data, 'members.json'));
		expect(await refusal(() => open(1), 2)).toContain('replica-1 belongs to another cluster');
	});

	test('whose meta is damaged or missing is refused', async () => {
		const {path} = await visit();
		const meta = readFileSync(join(path, 'meta'), 'utf8');
		for (const text of ['', '{', 'null', '[]', sealJson({format: 2}), meta.replace('"id":0', '"id":"0"')]) {
			writeFileSync(join(path, 'meta'), text);
			expect(await refusal(() => open(), 1)).toContain('meta is damaged');
		}
		unlinkSync(join(path, 'meta'));
		expect(await refusal(() => open(), 1)).toContain('meta is missing');
	});

	test('starts although the list of members is damaged; whoever has no directory then does not', async () => {
		const {memory} = await visit(0);
		await visit(1);
		const wrong = [{cluster: 1, replicas: []}, {cluster: 'x', replicas: ['0']}, {cluster: 'x'}];
		for (const text of ['', 'null', '{"cluster":"x","replicas":[0]}', ...wrong.map(sealJson)]) {
			writeFileSync(join(data, 'members.json'), text);
			const told: string[] = [];
			const again = await openReplicaDirectory({
				data,
				id: 0,
				cluster: clusterOn(3),
				tell: line => told.push(line),
			});
			expect(again.memory).toEqual(memory);
			await again.release();
			expect(told).toEqual([expect.stringMatching(/members\.json was damaged, and is made again: /)]);
			const {replicas} = JSON.parse(readFileSync(join(data, 'members.json'), 'utf8'));
			expect(replicas).toEqual([0, 1, 2]);
		}

		// Who was listed, and is gone, is not forgotten with the list; nor is one that may have been.
		rmSync(join(data, 'replica-1'), {recursive: true});
		writeFileSync(join(data, 'members.json'), '{');
		expect(await refusal(() => open(1), 1)).toContain('what replica 1 promised: this replica does not vote');
		expect(await refusal(() => open(2), 1)).toMatch(/paxos-chat readmit$/);
		await beginAnew({data, id: 1, cluster: clusterOn(3)});
		expect((await open(1)).memory.isNewcomer).toBe(true);
	});

	test('that begins anew is listed before its old one is put aside', async () => {
		await open(0);
		unlinkSync(join(data, 'members.json'));
		const run = () => beginAnew({data, id: 0, cluster: clusterOn(3)});
		expect(await refusal(run, 1)).toContain('in use: replica 0 runs');
		expect(JSON.parse(readFileSync(join(data, 'members.json'), 'utf8')).replicas).toEqual([0]);
	});

	test('does not begin anew where no cluster is', async () => {
		const run = () => beginAnew({data, id: 0, cluster: clusterOn(3)});
		expect(await refusal(run, 2)).toContain(`there is no ${join(data, 'secret')}: name the directory`);
		expect(existsSync(data)).toBe(false);
	});
});

describe('DATA', () => {
	test('behind a symbolic link is refused, as is anything in it', async () => {
		await visit();
		const real = join(home, 'real');
		renameSync(data, real);
		symlinkSync(real, data);
		expect(await refusal(() => open(), 2)).toContain('is a symbolic link');
		unlinkSync(data);
		renameSync(real, data);
		for (const name of ['secret', 'members.json', 'replica-0', 'replica-0/meta']) {
			const path = join(data, name);
			renameSync(path, join(home, 'elsewhere'));
			symlinkSync(join(home, 'elsewhere'), path);
			expect(await refusal(() => open(), 2)).toContain(`${path} is a symbolic link`);
			unlinkSync(path);
			renameSync(join(home, 'elsewhere'), path);
		}
		await open();
	});

	test('that is open to others is closed if it is ours, and refused if it is not', async () => {
		mkdirSync(data, {mode: 0o755});
		await visit();
		expect(modeOf(data)).toBe(0o700);
		chmodSync(data, 0o755);
		await visit();
		expect(modeOf(data)).toBe(0o700);

		data = join(home, 'pictures');
		mkdirSync(data, {mode: 0o755});
		writeFileSync(join(data, 'cat.png'), '');
		expect(await refusal(() => open(), 2)).toContain('is open to other users');
		expect(modeOf(data)).toBe(0o755);
	});

	test('that is a file is refused', async () => {
		writeFileSync(data, '');
		expect(await refusal(() => open(), 2)).toContain('is not a directory');
	});
});

describe('the secret', () => {
	test('is made once, and never replaced', async () => {
		expect(await readSecret(home)).toBeUndefined();
		const made = await Promise.all(Array.from({length: 8}, () => makeSecret(data)));
		expect(made.filter(({isNew}) => isNew)).toHaveLength(1);
		expect(await readSecret(data)).toHaveLength(32);
		expect(readdirSync(data)).toEqual(['secret']);
		expect(modeOf(join(data, 'secret'))).toBe(0o600);
	});

	test('that others can read is refused', async () => {
		await makeSecret(data);
		for (const mode of [0o640, 0o604, 0o660]) {
			chmodSync(join(data, 'secret'), mode);
			expect(await refusal(() => open(), 2)).toContain('chmod 600');
		}
	});

	test('that is none is refused', async () => {
		mkdirSync(data, {mode: 0o700});
		for (const text of ['', 'abc\n', `${'g'.repeat(64)}\n`, `${'a'.repeat(65)}\n`]) {
			writeFileSync(join(data, 'secret'), text, {mode: 0o600});
			const message = await refusal(() => open(), 2);
			expect(message).toContain('holds no secret');
			if (text.length > 1) expect(message).not.toContain(text.trim());
		}
	});

	test('is not made for a cluster with addresses elsewhere', async () => {
		const elsewhere = {
			replicas: [...clusterOn(2).replicas, {id: 2, host: '192.0.2.7', port: 7100, bind: '192.0.2.7'}],
		};
		const run = () => openReplicaDirectory({data, id: 0, cluster: elsewhere});
		expect(await refusal(run, 2)).toMatch(
			/^no secret: run `paxos-chat secret` on one machine and copy .*\/secret to the others$/,
		);
		await makeSecret(data);
		const secret = await ensureSecret(data, elsewhere);
		expect(secret).toEqual(await readSecret(data));
		opened.push(await run());
	});
});

test('knows which hosts are this machine', async () => {
	const own = Object.values(networkInterfaces()).flatMap(
		addresses => addresses?.map(({address}) => address) ?? [],
	);
	for (const host of ['127.0.0.1', '127.9.9.9', '::1', 'localhost', '::ffff:127.0.0.1', ...own])
		expect([host, await isLocal(host)]).toEqual([host, true]);
	for (const host of ['192.0.2.1', '2001:db8::1', '128.0.0.1', 'no-such-host.invalid'])
		expect([host, await isLocal(host)]).toEqual([host, false]);
});
