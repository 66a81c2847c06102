import {createHash} from 'node:crypto';
import {closeSync, openSync, readSync} from 'node:fs';
import {isIP} from 'node:net';
import * as v from 'valibot';
import type {ReplicaId} from './consensus/types.ts';
import {Failure} from './failure.ts';
import {suggestion} from './nearest.ts';
import {clientPattern, nickPattern, textBytes} from './network/events.ts';

/** Where a replica is found: `host` is what the others dial, `bind` where it listens. */
export type Address = {
	readonly id: ReplicaId;
	readonly host: string;
	readonly port: number;
	readonly bind: string;
};

/** All of cluster.json, with defaults filled in. The keys stand flat at the top level of the file. */
export type Cluster = {
	/** How many replicas may be down. */
	readonly f: number;
	/** 2f + 1 of them, in order of id. */
	readonly replicas: readonly Address[];

	/** Length of a tick of the consensus core. */
	readonly tickMs: number;
	/** The beat at which every replica speaks up. */
	readonly heartbeatMs: number;
	/** How long a primary may be silent, or owe something, before it is doubted. */
	readonly patienceMs: number;
	/** How long the others leave view 0 to replica 0 at the very first start. */
	readonly startPatienceMs: number;
	/** How much longer each further replica in line waits before it campaigns. At least two beats and two ticks. */
	readonly staggerMs: number;
	/** How long a hole may stay before the primary is doubted for it; 0: for ever. */
	readonly holePatienceMs: number;

	/** Slots that may be proposed beyond the executed mark. */
	readonly windowSlots: number;
	/** Most requests in a slot. */
	readonly batchRequests: number;
	/** A slot with this many bytes takes no more. */
	readonly batchBytes: number;
	/** How much of what a checkpoint covers is kept in memory for replicas that are behind. */
	readonly retainBytes: number;
	/** Requests that a replica holds before it answers "busy". */
	readonly queueRequests: number;

	/** Size of a journal segment. */
	readonly segmentBytes: number;
	/** A checkpoint is made when the journal has grown by this much. */
	readonly checkpointBytes: number;
	/** How often a piece of what lies on the disk is read again; 0: never. */
	readonly scrubMs: number;
	/** A disk with less room than this is nearly full; 0: it never is. If too few others have room, no new message is taken. */
	readonly reserveBytes: number;

	/** Sessions that are remembered. The same on every replica, as it changes the replicated state. */
	readonly sessions: number;
	/** Connections of clients, monitors and administrators that a replica takes. */
	readonly connections: number;
};

/** What stands for a tunable that the file does not name. */
export const defaults = {
	tickMs: 10,
	heartbeatMs: 100,
	patienceMs: 1000,
	startPatienceMs: 3000,
	staggerMs: 250,
	holePatienceMs: 3000,
	windowSlots: 64,
	batchRequests: 1000,
	batchBytes: 131_072,
	retainBytes: 33_554_432,
	queueRequests: 20_000,
	segmentBytes: 8_388_608,
	checkpointBytes: 33_554_432,
	scrubMs: 1000,
	reserveBytes: 67_108_864,
	sessions: 10_000,
	connections: 4000,
} as const;

type Tunable = keyof typeof defaults;

/** From and to what a tunable makes sense, both included. */
export const ranges: Readonly<Record<Tunable, readonly [least: number, most: number]>> = {
	tickMs: [1, 1000],
	heartbeatMs: [1, 60_000],
	patienceMs: [3, 600_000],
	startPatienceMs: [3, 600_000],
	staggerMs: [3, 600_000],
	holePatienceMs: [0, 86_400_000],
	windowSlots: [1, 10_000],
	batchRequests: [1, 100_000],
	batchBytes: [1, 1_048_576],
	retainBytes: [0, 4_294_967_296],
	queueRequests: [1, 1_000_000],
	segmentBytes: [4096, 1_073_741_824],
	checkpointBytes: [4096, 1_099_511_627_776],
	scrubMs: [0, 86_400_000],
	reserveBytes: [0, 1_099_511_627_776],
	// All of them stand in one text when a replica is given a checkpoint, and are looked through at once.
	sessions: [1, 50_000],
	connections: [1, 100_000],
};
const mostDown = 50;

/** Reads and checks a whole file. Every refusal is a Failure of one line that names the value, with exit code 2. */
export function readCluster(path: string): Cluster {
	try {
		return parseCluster(readText(path), path);
	} catch (error) {
		if (error instanceof Failure) throw error;
		throw new Failure(`${path}: ${whyUnreadable(error)}; name the file with --config FILE`, 2);
	}
}

/** The same for text at hand; `name` stands before every refusal. */
export function parseCluster(text: string, name: string): Cluster {
	const refuse = (where: string, why: string): never => {
		throw new Failure(`${name}: ${where === '' ? '' : `${where}: `}${why}`, 2);
	};

	const result = v.safeParse(fileSchema, parseJson(text.replace(/^\uFEFF/, ''), name), {abortEarly: true});
	if (!result.success) {
		const [issue] = result.issues;
		return refuse(pathOf(issue), issue.message);
	}

	const {replicas, ...rest} = result.output;
	const problem = problemOf(rest, replicas);
	if (problem !== undefined) return refuse(...problem);
	const addresses = replicas.map(({id, host, port, bind}) => ({id, host, port, bind: bind ?? host}));
	return {...rest, replicas: addresses.toSorted((one, other) => one.id - other.id)};
}

/** A digest of what changes the replicated state: replicas that differ in it must not work together. */
export function rulesOf(cluster: Cluster): string {
	const rules = {
		sessions: cluster.sessions,
		textBytes,
		nick: nickPattern.source,
		client: clientPattern.source,
	};
	return createHash('sha256').update(JSON.stringify(rules)).digest('hex').slice(0, 32);
}

const shown = (value: unknown): string => {
	if (value === undefined) return 'is missing';
	const text = JSON.stringify(value);
	return `is ${text.length > 60 ? `${text.slice(0, 60)}…` : text}`;
};

const whole = (least: number, most: number) =>
	v.custom<number>(
		value => Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most,
		({input}) => `must be a whole number from ${least} to ${most}, ${shown(input)}`,
	);

/** A name or an address; where a replica is dialed, "every interface" is no place. */
const host = (isDialed: boolean) =>
	v.pipe(
		v.custom<string>(
			value => typeof value === 'string' && (isIP(value) !== 0 || hostPattern.test(value)),
			({input}) => `must be a host name or an IP address, ${shown(input)}`,
		),
		v.check(
			value => !(isDialed && everywhere.has(value)),
			({input}) => `must be what the other replicas dial, ${shown(input)}; put where to listen into "bind"`,
		),
	);
const hostPattern =
	/^(?=.{1,253}$)(?!\d+(?:\.\d+)*$)[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?(?:\.[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?)*$/;
const everywhere = new Set(['0.0.0.0', '::', '0:0:0:0:0:0:0:0']);

/** An object with these keys and no others. */
const exactly = <Entries extends v.ObjectEntries>(entries: Entries) =>
	v.pipe(
		v.custom<Record<string, unknown>>(
			value => typeof value === 'object' && value !== null && !Array.isArray(value),
			({input}) => `must be an object, ${shown(input)}`,
		),
		v.strictObject(entries, issue => {
			if (issue.expected !== 'never') return 'is missing';
			const key = String(issue.path?.at(-1)?.key);
			return `unknown key${suggestion(key, Object.keys(entries))}`;
		}),
	);

const addressSchema = exactly({
	id: whole(0, 2 * mostDown),
	host: host(true),
	port: whole(1, 65_535),
	bind: v.optional(host(false)),
});

const tunable = (name: Tunable) => v.optional(whole(...ranges[name]), defaults[name]);
const fileSchema = exactly({
	f: whole(0, mostDown),
	replicas: v.array(addressSchema, ({input}) => `must be a list of replicas, ${shown(input)}`),
	tickMs: tunable('tickMs'),
	heartbeatMs: tunable('heartbeatMs'),
	patienceMs: tunable('patienceMs'),
	startPatienceMs: tunable('startPatienceMs'),
	staggerMs: tunable('staggerMs'),
	holePatienceMs: tunable('holePatienceMs'),
	windowSlots: tunable('windowSlots'),
	batchRequests: tunable('batchRequests'),
	batchBytes: tunable('batchBytes'),
	retainBytes: tunable('retainBytes'),
	queueRequests: tunable('queueRequests'),
	segmentBytes: tunable('segmentBytes'),
	checkpointBytes: tunable('checkpointBytes'),
	scrubMs: tunable('scrubMs'),
	reserveBytes: tunable('reserveBytes'),
	sessions: tunable('sessions'),
	connections: tunable('connections'),
});

/** What no single value shows: [where, why] of the first contradiction. */
function problemOf(
	file: Omit<Cluster, 'replicas'>,
	replicas: ReadonlyArray<Pick<Address, 'id' | 'host' | 'port'>>,
): readonly [where: string, why: string] | undefined {
	const {f, tickMs, heartbeatMs, staggerMs, patienceMs} = file;
	const count = 2 * f + 1;
	if (replicas.length !== count)
		return ['replicas', `must be ${count} (2f + 1) with "f": ${f}, are ${replicas.length}`];
	const places = new Map<string, number>();
	const ids = new Map<ReplicaId, number>();
	for (const [index, {id, host, port}] of replicas.entries()) {
		if (id >= count) return [`replicas[${index}].id`, `must be from 0 to ${count - 1}, is ${id}`];
		if (ids.has(id)) return [`replicas[${index}].id`, `${id} is the id of replicas[${ids.get(id)}] too`];
		const place = `${host.toLowerCase()}:${port}`;
		if (places.has(place))
			return [`replicas[${index}]`, `${place} is the address of replicas[${places.get(place)}] too`];
		ids.set(id, index);
		places.set(place, index);
	}

	const beats = `heartbeatMs (${heartbeatMs})`;
	if (heartbeatMs < tickMs) return ['heartbeatMs', `must be at least tickMs (${tickMs}), is ${heartbeatMs}`];
	// Compared as the core will count them.
	const ticks = (milliseconds: number) => Math.round(milliseconds / tickMs);
	// With one tick less, doubts that are all needed can take turns for ever (seed 890 of the crashes, n = 7).
	if (ticks(staggerMs) < 2 * ticks(heartbeatMs) + 2)
		return ['staggerMs', `must be at least two ticks more than twice ${beats}, is ${staggerMs}`];
	if (ticks(patienceMs) <= 2 * ticks(heartbeatMs))
		return ['patienceMs', `must be more than twice ${beats}, is ${patienceMs}`];
	return undefined;
}

/** `replicas[1].port` */
function pathOf(issue: v.BaseIssue<unknown>): string {
	const keys = (issue.path ?? []).map(({key}) => key);
	return keys
		.map((key, index) => {
			if (typeof key === 'number') return `[${key}]`;
			const name = /^\w+$/.test(String(key)) ? String(key) : JSON.stringify(key);
			return index === 0 ? name : `.${name}`;
		})
		.join('');
}

function parseJson(text: string, name: string): unknown {
	try {
		return JSON.parse(text);
	} catch (error) {
		const {message} = error as SyntaxError;
		const before = text.slice(0, indexOfError(text, message));
		const line = before.split('\n').length;
		const column = before.length - before.lastIndexOf('\n');
		const why = /^Unexpected token/.test(message)
			? 'unexpected character'
			: message.replace(/ of JSON input$| in JSON.*$/s, '');
		const lowered = why.charAt(0).toLowerCase() + why.slice(1);
		throw new Failure(`${name}: line ${line}, column ${column}: is not JSON: ${lowered}`, 2);
	}
}

/** Node does not say where an unexpected token stands. It is where the text first does more than end too early. */
function indexOfError(text: string, message: string): number {
	const known = /at position (\d+)/.exec(message);
	if (known) return Number(known[1]);
	if (!/^Unexpected token/.test(message)) return text.length;
	let good = 0;
	let bad = text.length;
	while (bad - good > 1) {
		const middle = (good + bad) >> 1;
		if (hasUnexpectedToken(text.slice(0, middle))) bad = middle;
		else good = middle;
	}

	return bad - 1;
}

function hasUnexpectedToken(text: string): boolean {
	try {
		JSON.parse(text);
		return false;
	} catch (error) {
		return (error as SyntaxError).message.startsWith('Unexpected token');
	}
}

/** A hundred replicas need a hundredth of it; a device or another file that was named by mistake may have no end. */
const mostBytes = 1_048_576;

function readText(path: string): string {
	const buffer = Buffer.alloc(mostBytes + 1);
	const file = openSync(path, 'r');
	let length = 0;
	try {
		for (let read = -1; read !== 0; length += read)
			read = readSync(file, buffer, length, buffer.length - length, null);
	} finally {
		closeSync(file);
	}

	if (length > mostBytes) throw new Error(`is longer than ${mostBytes} bytes`);
	return buffer.toString('utf8', 0, length);
}

function whyUnreadable(error: unknown): string {
	const {code, message} = error as NodeJS.ErrnoException;
	if (code === 'ENOENT') return 'no such file';
	if (code === 'EISDIR') return 'is a directory';
	if (code === 'EACCES') return 'may not be read by this user';
	return message;
}
