import type {Line} from '../chat/types.ts';
import type {Cluster} from '../cluster.ts';
import type {ReplicaId} from '../consensus/types.ts';
import {sayRow} from '../network/client-wire.ts';
import type {Said, SayRow, Weather, Welcome} from '../network/events.ts';
import {ClientStore, type Connection} from './client-store.ts';
import {describe} from './connection.ts';
import {Feed, type FollowFrom} from './feed.ts';
import type {Heard, Link} from './link.ts';
import {calmRoundTrip} from './round-trip.ts';
import {Route} from './route.ts';
import {Session, type Speaker} from './session.ts';

export type ClientOptions = {
	readonly cluster: Cluster;
	/** Whom to talk to first; without it, replica 0: the first in the line of succession. */
	readonly via?: ReplicaId;
	/** Where to begin to follow the chat; null or nothing: not at all. */
	readonly follow?: FollowFrom | null;
	/** New lines, each once, in order. The store has them too, but only the last ones, and a moment later. */
	readonly onLines?: (lines: readonly Line[]) => void;
	/** The connection's state or its reason changed. */
	readonly onConnection?: (connection: Connection) => void;
	/** How long something may stay unanswered before it is said at another replica. Default 1,500. */
	readonly patienceMs?: number;
	/** How long nothing may be acknowledged while something waits; without it, for ever. */
	readonly timeoutMs?: number;
	/** That was too long. Said once; the client goes on until it is closed. */
	readonly onGiveUp?: (reason: 'unreachable' | 'no quorum') => void;
};

/** One timer looks after everything, this often; less often while nothing is under way. */
const scanMs = 50;
const idleScanMs = 250;
/** Of the clock of a client, in one scan: a process that was stopped has not waited. */
const longestScanMs = 500;
const probeMs = 1000;
/** Weather that does not last this long is not worth a word. */
const momentMs = 300;
/** Each time that nothing is acknowledged for a patience, the patience doubles, up to so many times. */
const mostPatience = 4;
/** A `busy` request is tried again after up to this long, doubling to the longest. */
const busyMs = 50;
const longestBusyMs = 2000;
/** About what goes out in one `say`. A request is counted with what the JSON around its words may take. */
const sayBytes = 262_144;
const requestBytes = 160;

/**
 * A client of the cluster: sessions that say, and a feed that listens, over
 * one connection that moves between replicas. What is not acknowledged is said
 * again, under the same number, to the next replica, for ever: who does not
 * want to wait so long closes the client.
 */
export class Client implements Speaker {
	readonly store = new ClientStore(
		before => this.#route.link !== null && this.#feed?.fetchBefore(before) === true,
	);
	/** Requests that were sent again, openings included. */
	retries = 0;

	readonly #options: ClientOptions;
	readonly #patienceMs: number;
	readonly #route: Route;
	readonly #feed: Feed | null;
	readonly #sessions = new Map<string, Session>();
	/** What is to be said at the end of this turn. */
	#outbox = new Set<Session>();
	#isGathering = false;
	/** Whose secrets the present replica knows: by number. */
	#entered: Array<Session | null> = [];

	#timer: NodeJS.Timeout;
	#isIdle = false;
	/** Why it was closed. */
	#closed: string | null = null;
	/** Milliseconds that this client was awake: time in which the process was stopped is nobody's fault. */
	#now = 0;
	#scannedAt = performance.now();
	#heard = 0;
	#heardAt = 0;
	#weather: Weather | null = null;
	#hole: {readonly slot: number | null; readonly since: number} = {slot: null, since: 0};
	#leaderlessSince: number | null = null;
	/** A question whose answer tells that the replica is alive, and how far away. */
	#probe: {readonly slot: number; readonly at: number} | null = null;
	#probedAt = Number.NEGATIVE_INFINITY;
	#roundTripMs: number | null = null;
	#isSilent = false;
	#patience = 1;
	#acknowledgedAt: number | null = null;
	#followedAt = 0;
	#wasReached = false;
	#hasGivenUp = false;
	#connection: Connection | null = null;
	/** When the next round begins, on this client's clock and in Unix milliseconds. */
	#nextRoundAt: number | null = null;
	#retryAt: number | null = null;

	constructor(options: ClientOptions) {
		this.#options = options;
		this.#patienceMs = options.patienceMs ?? 1500;
		this.#feed = options.follow ? this.#makeFeed(options.follow) : null;
		this.#route = new Route({
			cluster: options.cluster,
			via: options.via ?? 0,
			onLink: (link, welcome) => this.#onLink(link, welcome),
			onLost: () => this.#onLost(),
			onHeard: heard => this.#onHeard(heard),
			onChange: () => this.#tell(),
			onStay: () => this.#onStay(),
		});
		this.#timer = setTimeout(() => this.#scan(), scanMs);
		this.#route.start();
	}

	/**
	 * A speaker, of whom a client takes up to 4,096. The secret, 16 to 128 characters that
	 * nobody can guess, is made up if none is given.
	 */
	session(nick: string, secret?: string): Session {
		const session = new Session(this, nick, secret);
		const known = this.#sessions.get(session.client);
		if (known !== undefined) return known;
		if (this.#closed !== null) session.end(this.#closed);
		this.#sessions.set(session.client, session);
		return session;
	}

	/** Some replica of the cluster has answered at least once. */
	get wasReached(): boolean {
		return this.#wasReached;
	}

	/** Settles what waits as failed or unknown, and hangs up. */
	close(why = 'the client was closed'): void {
		this.#closed = why;
		clearTimeout(this.#timer);
		this.#route.close();
		for (const session of this.#sessions.values()) session.end(why);
	}

	/** Goes on at this replica, if it takes us in. */
	moveTo(id: ReplicaId): void {
		this.#route.go(id);
		if (this.#isIdle) this.#wake();
	}

	/** For sessions: this one has a new secret, which the replica has to be told. */
	renamed(session: Session, before: string): void {
		this.#sessions.delete(before);
		this.#sessions.set(session.client, session);
		if (session.number !== null) this.#entered[session.number] = null;
		session.number = null;
	}

	/** For sessions: a request of theirs is new. */
	speak(session: Session): void {
		session.busyUntil = null;
		session.saidAt = null;
		this.#gather(session);
	}

	#onLink(link: Link, {weather, hasFaults}: Welcome): void {
		this.#wasReached = true;
		this.#heard = 0;
		this.#heardAt = this.#now;
		this.#probe = null;
		this.#probedAt = Number.NEGATIVE_INFINITY;
		this.#roundTripMs = null;
		for (const session of this.#entered) if (session !== null) session.number = null;
		this.#entered = [];
		this.#onWeather(weather, hasFaults);
		this.#followedAt = this.#now;
		this.#feed?.onLink(weather.position);
		this.#sayAgain();
		this.#probeNow(link);
		this.#tell();
	}

	#onLost(): void {
		if (this.#isIdle) this.#wake();
		for (const session of this.#sessions.values()) session.saidAt = null;
		this.#probe = null;
		this.#isSilent = false;
	}

	/** What was said here is not answered, and nobody else is to be had. */
	#onStay(): void {
		if (this.#isOverdue()) this.#sayAgain();
		this.#tell();
	}

	#onHeard(heard: Heard): void {
		switch (heard.name) {
			case 'said':
				this.#onSaid(heard.said);
				break;
			case 'lines':
				this.#followedAt = this.#now;
				this.#feed?.onLines(heard.lines);
				break;
			case 'weather':
				this.#onWeather(heard.weather);
				break;
			case 'hash':
				if (this.#probe?.slot !== heard.hash.slot) return;
				this.#roundTripMs = calmRoundTrip(this.#roundTripMs, performance.now() - this.#probe.at);
				this.#probe = null;
				break;
			case 'status':
			case 'notes':
			case 'done':
				break;
		}
	}

	#onSaid(said: Said): void {
		for (const reply of said) {
			const session = this.#entered[reply.speaker];
			if (!session) continue;
			const before = session.request;
			session.onAnswer(reply);
			if (reply.status === 'busy' && before !== null) this.#onBusy(session);
			if (session.request === before) continue;
			// Whatever was answered, the cluster works.
			this.#acknowledgedAt = this.#now;
			this.#patience = 1;
			if (session.request === null) session.saidAt = null;
		}
	}

	#onBusy(session: Session): void {
		const pause = Math.min(longestBusyMs, busyMs * 2 ** session.busy);
		session.busyUntil = this.#now + Math.random() * pause;
	}

	#onWeather(weather: Weather, hasFaults?: boolean): void {
		this.#weather = weather;
		if (weather.hole !== this.#hole.slot) this.#hole = {slot: weather.hole, since: this.#now};
		if (weather.leader !== null) this.#leaderlessSince = null;
		else this.#leaderlessSince ??= this.#now;
		if (this.#isIdle && (weather.leader === null || weather.hole !== null)) this.#wake();
		this.store.setWeather(weather, hasFaults);
	}

	#gather(session: Session): void {
		this.#outbox.add(session);
		if (this.#isIdle) this.#wake();
		if (this.#isGathering) return;
		this.#isGathering = true;
		// After all packets of this turn were read: what their answers set off goes out together.
		setImmediate(() => this.#flush());
	}

	/** Everything that is not answered, to the present replica. */
	#sayAgain(): void {
		if (this.#isOverdue()) this.#patience = Math.min(mostPatience, this.#patience * 2);
		this.#outbox.clear();
		for (const session of this.#sessions.values()) {
			session.saidAt = null;
			session.busyUntil = null;
			if (session.isWaiting) this.#outbox.add(session);
		}

		this.#flush();
	}

	#flush(): void {
		this.#isGathering = false;
		const {link} = this.#route;
		const sessions = this.#outbox;
		this.#outbox = new Set();
		// Whoever takes us in next is told everything anyway.
		if (link === null || sessions.size === 0) return;
		this.#enter(link, sessions);
		let say: SayRow[] = [];
		let bytes = 0;
		for (const session of sessions) {
			const {request} = session;
			// It was answered in the meantime.
			if (request === null || session.number === null) continue;
			const size = requestBytes + 3 * request.text.length;
			if (bytes + size > sayBytes && say.length > 0) {
				link.emit('say', say);
				say = [];
				bytes = 0;
			}

			say.push(sayRow(session.number, request));
			bytes += size;
			session.saidAt ??= this.#now;
			if (session.onSent(link.id)) this.retries++;
		}

		if (say.length > 0) link.emit('say', say);
	}

	#enter(link: Link, sessions: Iterable<Session>): void {
		const secrets: string[] = [];
		for (const session of sessions) {
			if (session.number !== null) continue;
			session.number = this.#entered.push(session) - 1;
			secrets.push(session.secret);
		}

		if (secrets.length > 0) link.emit('enter', {secrets});
	}

	#scan(): void {
		this.#passTime();
		this.#route.tick(this.#now);
		const {link} = this.#route;
		if (link !== null) this.#attend(link);
		this.#considerGivingUp();
		this.#tell();
		if (this.#closed !== null) return;
		this.#isIdle = link !== null && this.#connection?.state === 'online' && !this.#isWaiting();
		this.#timer = setTimeout(() => this.#scan(), this.#isIdle ? idleScanMs : scanMs);
	}

	#passTime(): void {
		const now = performance.now();
		this.#now += Math.min(longestScanMs, now - this.#scannedAt);
		this.#scannedAt = now;
	}

	/** Something is under way: time is looked at closely again, and has not stood still until now. */
	#wake(): void {
		this.#isIdle = false;
		this.#passTime();
		clearTimeout(this.#timer);
		this.#timer = setTimeout(() => this.#scan(), scanMs);
	}

	/** Is the replica that we have the right one still? */
	#attend(link: Link): void {
		if (link.heard !== this.#heard) {
			this.#heard = link.heard;
			this.#heardAt = this.#now;
		}

		if (this.#probe === null && this.#now - this.#probedAt >= probeMs) this.#probeNow(link);
		this.#isSilent = this.#probe !== null && this.#now - this.#heardAt > this.#patienceMs;
		if (this.#isSilent) this.#route.seek(true);
		else if (this.#weather?.hasQuorum === false || this.#isOverdue()) this.#route.seek(false);
		else this.#route.stay();
		this.#speakBusy();
		this.#followUp();
	}

	/** Something was said here a patience ago and is not answered. Who is told to be patient is. */
	#isOverdue(): boolean {
		const patience = this.#patienceMs * this.#patience;
		for (const {saidAt, busy} of this.#sessions.values()) {
			if (saidAt === null) continue;
			if (this.#now - saidAt > (busy > 0 ? this.#patienceMs * mostPatience : patience)) return true;
		}

		return false;
	}

	#speakBusy(): void {
		for (const session of this.#sessions.values()) {
			if (session.busyUntil === null || this.#now < session.busyUntil) continue;
			session.busyUntil = null;
			this.#gather(session);
		}
	}

	/** Lines that are late, or that were lost on the way, are asked for again. */
	#followUp(): void {
		const feed = this.#feed;
		if (feed === null || this.#now - this.#followedAt <= this.#patienceMs) return;
		if (feed.isAsking || feed.position < this.store.position) feed.again();
	}

	#probeNow(link: Link): void {
		this.#probe = {slot: this.#weather?.executed ?? 0, at: performance.now()};
		this.#probedAt = this.#now;
		link.emit('hash', {slot: this.#probe.slot});
	}

	#considerGivingUp(): void {
		const {timeoutMs, onGiveUp} = this.#options;
		if (timeoutMs === undefined || this.#hasGivenUp) return;
		if (!this.#isWaiting()) {
			this.#acknowledgedAt = null;
			return;
		}

		this.#acknowledgedAt ??= this.#now;
		if (this.#now - this.#acknowledgedAt < timeoutMs) return;
		this.#hasGivenUp = true;
		onGiveUp?.(this.#wasReached ? 'no quorum' : 'unreachable');
	}

	#isWaiting(): boolean {
		for (const session of this.#sessions.values()) if (session.isWaiting) return true;
		return false;
	}

	#makeFeed(from: FollowFrom): Feed {
		return new Feed({
			from,
			follow: after => {
				this.#followedAt = this.#now;
				this.#route.link?.emit('follow', {after});
			},
			onLines: lines => {
				this.store.append(lines);
				this.#options.onLines?.(lines);
			},
			onHistory: lines => this.store.prepend(lines),
		});
	}

	#tell(): void {
		const route = this.#route;
		const last = this.#connection;
		const {nextRoundAt} = route;
		if (nextRoundAt !== this.#nextRoundAt) {
			this.#nextRoundAt = nextRoundAt;
			this.#retryAt = nextRoundAt === null ? null : Math.round(Date.now() + nextRoundAt - this.#now);
		}

		const isOld = (since: number | null) => since !== null && this.#now - since >= momentMs;
		const connection = describe(
			{
				cluster: this.#options.cluster,
				link: route.link?.id ?? null,
				isSilent: this.#isSilent,
				roundTripMs: this.#roundTripMs,
				weather: this.#weather,
				isHoleOld: this.#hole.slot !== null && isOld(this.#hole.since),
				isLeaderless: isOld(this.#leaderlessSince),
				trying: route.trying?.id ?? null,
				tried: route.tried,
				hasTriedAll: route.hasTriedAll,
				retryAt: this.#retryAt,
			},
			Date.now(),
		);
		const isSame = connection.state === last?.state && connection.sentence === last.sentence;
		if (isSame && connection.roundTripMs === last.roundTripMs && connection.retryAt === last.retryAt) return;
		this.#connection = connection;
		this.store.setConnection(connection);
		if (!isSame) this.#options.onConnection?.(connection);
	}
}
