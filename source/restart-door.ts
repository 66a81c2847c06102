import {chmodSync, lstatSync, mkdtempSync, realpathSync, rmSync, symlinkSync} from 'node:fs';
import {createConnection, createServer, type Server, type Socket} from 'node:net';
import {tmpdir} from 'node:os';
import {basename, dirname, join} from 'node:path';
import type {ReplicaId} from './consensus/types.ts';
import {Failure} from './failure.ts';
import {codeOf, failureOf} from './storage/files.ts';
import {ensureData} from './storage/private-files.ts';
import {isCount} from './value-text.ts';

/** A request and an answer are each one line of JSON: `{"restart":1}`, then `{"pid":123}` or `{"why":"…"}`. */
const longestLine = 4096;
/** The address of a unix socket holds about a hundred bytes; a longer path would be cut without a word. */
const longestPath = 100;

/** Somebody else runs the replicas of this directory, perhaps since a moment ago. */
export class SupervisorRuns extends Failure {
	constructor(path: string) {
		super(`${path}: another supervisor runs the replicas of this directory; stop it first`);
	}
}

/**
 * Where `paxos-chat restart` finds the supervisor: DATA/supervisor.sock, mode
 * 0600 in a directory of mode 0700, so whoever may knock is the owner of the
 * replicas. Where that path is too long it is a symbolic link to a socket
 * with a short one.
 */
export class RestartDoor {
	readonly #server: Server;
	readonly #paths: readonly string[];

	/** Resolves when it listens. SupervisorRuns if another one listens there. */
	static async open(
		dataDirectory: string,
		restart: (id: ReplicaId) => Promise<number>,
	): Promise<RestartDoor> {
		await ensureData(dataDirectory);
		const path = nameIn(dataDirectory);
		const isShort = Buffer.byteLength(path) <= longestPath;
		const place = isShort ? path : join(mkdtempSync(join(shortDirectory(), 'paxos-chat-')), basename(path));
		const paths = isShort ? [path] : [path, dirname(place)];
		let server: Server | undefined;
		try {
			await clear(path);
			// Of several that start together one gets the name, and the others find it taken.
			server = await listen(place, restart);
			if (!isShort) symlinkSync(place, path);
			return new RestartDoor(server, paths);
		} catch (error) {
			server?.close();
			if (!isShort) rmSync(dirname(place), {recursive: true, force: true});
			const isTaken = ['EADDRINUSE', 'EEXIST'].includes(codeOf(error) ?? '');
			throw isTaken ? new SupervisorRuns(path) : failureOf(place, error);
		}
	}

	private constructor(server: Server, paths: readonly string[]) {
		this.#server = server;
		this.#paths = paths;
	}

	/** Nobody can knock any more; who is being served still is. */
	close(): void {
		this.#server.close();
		for (const path of this.#paths) rmSync(path, {recursive: true, force: true});
	}
}

/** What a supervisor that was killed has left there is taken away. */
async function clear(path: string): Promise<void> {
	const left = statOf(path);
	const other = await knock(path);
	other?.destroy();
	if (other) throw new SupervisorRuns(path);
	// Not what somebody else has put there meanwhile.
	if (left !== undefined && statOf(path)?.ino === left.ino) rmSync(path, {force: true});
}

const statOf = (path: string) => lstatSync(path, {throwIfNoEntry: false});

function listen(place: string, restart: (id: ReplicaId) => Promise<number>): Promise<Server> {
	// Who has said all and only listens is answered as well.
	const server = createServer({allowHalfOpen: true}, socket => attend(socket, restart));
	return new Promise((resolve, reject) => {
		server.once('error', reject);
		server.listen(place, () => {
			chmodSync(place, 0o600);
			resolve(server);
		});
	});
}

/**
 * Asks the supervisor of a data directory to restart a replica. Resolves with the new process id, or null if no
 * supervisor runs there; a Failure with the reason if it could not.
 */
export async function askForRestart(
	dataDirectory: string,
	id: ReplicaId,
	timeoutMs: number,
): Promise<number | null> {
	const socket = await knock(nameIn(dataDirectory));
	if (!socket) return null;
	const silence = AbortSignal.timeout(timeoutMs);
	socket.write(`${JSON.stringify({restart: id})}\n`);
	const answer = parseLine(await Promise.race([lineFrom(socket), aborted(silence)]));
	socket.destroy();
	if (isCount(answer?.pid)) return answer.pid;
	const silent = `r${id}: the supervisor gave no answer; see what it writes`;
	throw new Failure(typeof answer?.why === 'string' ? answer.why : silent);
}

/** Whether somebody runs the replicas of a data directory. */
export async function hasSupervisor(dataDirectory: string): Promise<boolean> {
	const socket = await knock(nameIn(dataDirectory));
	socket?.destroy();
	return socket !== undefined;
}

function nameIn(dataDirectory: string): string {
	try {
		return join(realpathSync(dataDirectory), 'supervisor.sock');
	} catch {
		return join(dataDirectory, 'supervisor.sock');
	}
}

/** $TMPDIR may be long as well. */
const shortDirectory = (): string => (Buffer.byteLength(tmpdir()) <= 60 ? tmpdir() : '/tmp');

/** An open connection; undefined if nobody listens. */
function knock(path: string): Promise<Socket | undefined> {
	return new Promise((resolve, reject) => {
		let place: string;
		try {
			place = realpathSync(path);
		} catch {
			resolve(undefined);
			return;
		}

		const socket = createConnection(place);
		socket.once('connect', () => resolve(socket));
		socket.once('error', error => {
			const isAbsent = ['ECONNREFUSED', 'ENOENT', 'ENOTSOCK'].includes(codeOf(error) ?? '');
			if (isAbsent) resolve(undefined);
			else reject(failureOf(path, error));
		});
	});
}

async function attend(socket: Socket, restart: (id: ReplicaId) => Promise<number>): Promise<void> {
	const answer = (said: object) => socket.end(`${JSON.stringify(said)}\n`);
	const asked = parseLine(await lineFrom(socket));
	if (!isCount(asked?.restart)) {
		answer({why: 'ask {"restart":ID}'});
		return;
	}

	try {
		answer({pid: await restart(asked.restart)});
	} catch (error) {
		answer({why: error instanceof Error ? error.message : String(error)});
	}
}

/** The first line, or what there is of it when the other side ends, breaks or talks too much. */
function lineFrom(socket: Socket): Promise<string> {
	return new Promise(resolve => {
		let text = '';
		const finish = () => resolve(text.split('\n', 1)[0] ?? '');
		socket.setEncoding('utf8');
		socket.on('data', (chunk: string) => {
			text += chunk;
			if (text.length > longestLine) socket.destroy();
			if (text.includes('\n')) finish();
		});
		socket.on('error', finish);
		socket.on('close', finish);
		socket.on('end', finish);
	});
}

const aborted = (signal: AbortSignal): Promise<string> =>
	new Promise(resolve => signal.addEventListener('abort', () => resolve(''), {once: true}));

function parseLine(line: string): {readonly [key: string]: unknown} | undefined {
	try {
		const parsed: unknown = JSON.parse(line);
		return typeof parsed === 'object' && parsed !== null ? {...parsed} : undefined;
	} catch {
		return undefined;
	}
}
