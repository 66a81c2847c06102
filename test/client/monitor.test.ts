import {describe, expect, jest, test} from '@jest/globals';
import {Monitor, type MonitorOptions} from '../../source/client/monitor.ts';
import {MonitorStore} from '../../source/client/monitor-store.ts';
import {type FakeReplica, statusOf, until} from './fake-replica.ts';
import {afterwards, stage} from './stage.ts';

function watch(options: MonitorOptions): Monitor {
	const monitor = new Monitor(options);
	afterwards(() => monitor.close());
	return monitor;
}

const progress = (executed: number) => ({
	accepted: executed,
	decided: executed,
	delivered: executed,
	executed,
	hashSlot: executed,
});

describe('once', () => {
	test('all up: the state of each, compared at an equal slot', async () => {
		const {cluster, replicas} = await stage(3);
		for (const replica of replicas) replica.setStatus({...progress(40), messages: 30});
		const report = await watch({cluster}).once();
		expect(report).toMatchObject({agreement: 'identical', comparedAt: 40, leftOut: []});
		expect(report.replicas[1]).toEqual({
			id: 1,
			address: `127.0.0.1:${replicas[1]!.port}`,
			state: 'up',
			why: null,
			view: 0,
			leader: 0,
			role: 'backup',
			accepted: 40,
			decided: 40,
			executed: 40,
			messages: 30,
			hash: 'a'.repeat(64),
			hashSlot: 40,
			holes: [],
			waiting: 0,
			skips: [],
			clients: 0,
			hears: [],
			faults: null,
			counts: {retriesAnswered: 0, viewsEntered: 0, noOps: 0},
		});
	}, 10_000);

	test('under load: compared at one slot, while all of them go on', async () => {
		const {cluster, replicas} = await stage(3);
		let executed = 100;
		const goOn = () => {
			executed += 50;
			for (const [id, replica] of replicas.entries()) replica.setStatus(progress(executed - 3 * id));
		};
		goOn();
		const timer = setInterval(goOn, 10);
		afterwards(() => clearInterval(timer));
		for (const replica of replicas)
			replica.script.hash = slot =>
				slot <= replica.status.executed ? slot.toString(16).padStart(64, '0') : null;
		const report = await watch({cluster}).once();
		expect(report.agreement).toBe('identical');
		expect(report.replicas.map(({state, hashSlot}) => [state, hashSlot])).toEqual(
			replicas.map(() => ['up', report.comparedAt]),
		);
		expect(report.comparedAt).toBeGreaterThan(100);
	});

	test('down: refused at once, silent within a second; what is not known is null', async () => {
		const {cluster, replicas} = await stage(5, [{}, {}, {}, {isAnswering: false}]);
		await replicas[2]!.stop();
		for (const replica of replicas) replica.setStatus(progress(7));
		const start = performance.now();
		const report = await watch({cluster}).once();
		expect(performance.now() - start).toBeLessThan(2500);
		expect(report.replicas.map(({state}) => state)).toEqual(['up', 'up', 'down', 'down', 'up']);
		expect(report.replicas[2]).toMatchObject({
			why: 'refused',
			view: null,
			role: null,
			executed: null,
			hash: null,
			faults: null,
		});
		expect(report).toMatchObject({agreement: 'identical', comparedAt: 7});
	}, 10_000);

	test('nobody there: all down, unknown', async () => {
		const {cluster, replicas} = await stage(3);
		await Promise.all(replicas.map(replica => replica.stop()));
		const report = await watch({cluster}).once();
		expect(report).toMatchObject({agreement: 'unknown', comparedAt: null});
		expect(report.replicas.map(({state}) => state)).toEqual(['down', 'down', 'down']);
	});

	test('behind by many slots, behind for two seconds, and electing', async () => {
		const {cluster, replicas} = await stage(5);
		const [r0, r1, r2, r3, r4] = replicas as [
			FakeReplica,
			FakeReplica,
			FakeReplica,
			FakeReplica,
			FakeReplica,
		];
		r0.setStatus(progress(5000));
		r1.setStatus(progress(3999));
		r2.setStatus(progress(4990));
		r3.setStatus({...progress(5000), leader: null, view: 3, role: 'candidate'});
		r4.setStatus(progress(4900));
		const once = watch({cluster}).once();
		// r4 lags a little, and gets there while it is watched; r2 does not.
		await until('r4 is watched', () => r4.hellos.length > 0);
		r4.setStatus(progress(5000));
		const report = await once;
		expect(report.replicas.map(({state}) => state)).toEqual(['up', 'behind', 'behind', 'electing', 'up']);
		expect(report.replicas.map(({why}) => why)).toEqual([
			null,
			'1001 slots behind',
			'10 slots, and more than 2 s, behind',
			'knows no leader in view 3',
			null,
		]);
		expect(report).toMatchObject({agreement: 'identical', comparedAt: 3999});
	}, 10_000);

	test('one that is too far behind is left out of the comparison, and that is said', async () => {
		const {cluster, replicas} = await stage(3);
		for (const replica of replicas) {
			replica.setStatus(progress(replica.id === 2 ? 10 : 30_000));
			replica.script.hash = slot => (replica.id !== 2 && slot < 20_000 ? null : 'b'.repeat(64));
		}

		const report = await watch({cluster}).once();
		expect(report).toMatchObject({agreement: 'identical', comparedAt: 30_000, leftOut: [2]});
		expect(report.replicas[2]).toMatchObject({
			state: 'behind',
			why: '29990 slots behind; too far behind to be compared',
			hash: '0'.repeat(64),
			hashSlot: 10,
		});
	}, 10_000);

	test('diverged: and it stays so, as long as the monitor runs', async () => {
		const {cluster, replicas} = await stage(3);
		for (const replica of replicas) {
			replica.setStatus(progress(9));
			replica.script.hash = () => (replica.id === 1 ? 'b' : 'a').repeat(64);
		}

		const monitor = watch({cluster, compareEveryMs: 50});
		const report = await monitor.once();
		expect(report).toMatchObject({agreement: 'diverged', comparedAt: 9});
		expect(report.replicas.map(({hash}) => hash?.[0])).toEqual(['a', 'b', 'a']);
		for (const replica of replicas) replica.script.hash = () => 'c'.repeat(64);
		expect((await monitor.once()).agreement).toBe('diverged');
	});
});

describe('live', () => {
	test('a replica that dies and comes back, and what all of them tell', async () => {
		const {cluster, replicas} = await stage(3);
		const [r0] = replicas as [FakeReplica];
		for (const replica of replicas) replica.setStatus(progress(3));
		const {store} = watch({cluster, compareEveryMs: 100});
		const states = () => store.getSnapshot().replicas.map(({state}) => state);
		await until('all are up', () => states().every(state => state === 'up'));
		await until('they are compared', () => store.getSnapshot().agreement.comparedAt === 3);
		await until('it is known how far away they are', () =>
			store.getSnapshot().replicas.every(({roundTripMs}) => roundTripMs !== null),
		);
		await r0.stop();
		await until('it is down', () => states()[0] === 'down');
		// What it said last is still there to be looked at.
		expect(store.getSnapshot().replicas[0]!.status?.executed).toBe(3);
		await r0.start();
		await until('it is up', () => states()[0] === 'up');
		for (const socket of r0.sockets)
			socket.emit('notes', [
				{kind: 'view', view: 1, text: 'enters view 1', replica: 0, at: 1},
				{kind: 'view', view: 1, text: 'speaks for another', replica: 2, at: 1},
			]);
		await until('the note is here', () => store.getSnapshot().notes.length > 0);
		expect(store.getSnapshot().notes).toMatchObject([{text: 'enters view 1', replica: 0}]);
	}, 10_000);

	test('one that is known to have come back is dialed at once, and once', async () => {
		const {cluster, replicas} = await stage(3);
		const [r0] = replicas as [FakeReplica];
		// This monitor never looks after its connections by itself.
		const clock = jest.spyOn(globalThis, 'setInterval').mockReturnValueOnce(setTimeout(() => {}, 0));
		const monitor = watch({cluster});
		clock.mockRestore();
		const is = (state: string) => until(`it is ${state}`, () => monitor.store.watched(0)!.state === state);
		await is('up');
		await r0.stop();
		await is('down');
		await r0.start();
		monitor.dial(0);
		monitor.dial(0);
		await is('up');
		expect(r0.hellos).toHaveLength(2);
		await r0.stop();
		await is('down');
		await r0.start();
		monitor.close();
		monitor.dial(0);
		expect(r0.hellos).toHaveLength(2);
	}, 10_000);

	test('garbage is dropped', async () => {
		const {cluster, replicas} = await stage(1);
		const [r0] = replicas as [FakeReplica];
		const {store} = watch({cluster});
		await until('it is up', () => store.getSnapshot().replicas[0]!.state === 'up');
		for (const socket of r0.sockets)
			for (const event of ['status', 'notes', 'hash'])
				for (const value of [null, {}, [{}], {...statusOf(0), executed: -1}, {...statusOf(5), executed: 99}])
					(socket as {emit: (event: string, value: unknown) => void}).emit(event, value);
		r0.setStatus({executed: 4});
		await until('good statuses go on', () => store.getSnapshot().replicas[0]!.status?.executed === 4);
		expect(store.executed).toBe(4);
		expect(store.getSnapshot().notes).toEqual([]);
	});
});

describe('the store, on a clock of its own', () => {
	const start = 1_790_000_000_000;

	test('a second of silence is down, and says since when', () => {
		const store = new MonitorStore(['a:1', 'b:2'], start);
		expect(store.getSnapshot().replicas[0]).toMatchObject({
			state: 'down',
			sentence: 'not heard yet',
			since: start,
		});
		store.heard(statusOf(0), start + 100);
		store.review(start + 1100);
		expect(store.watched(0)).toMatchObject({state: 'up', since: start + 100, address: 'a:1'});
		store.review(start + 1101);
		expect(store.watched(0)).toMatchObject({state: 'down', since: start + 1101, heardAt: start + 100});
	});

	test('behind: more than 1,000 slots, or for more than two seconds', () => {
		const store = new MonitorStore(['a:1', 'b:2'], start);
		const both = (ms: number, first: number, second: number) => {
			store.heard(statusOf(0, {executed: first}), start + ms);
			store.heard(statusOf(1, {executed: second}), start + ms);
			return store.watched(1)!.state;
		};
		expect(both(0, 1000, 0)).toBe('up');
		expect(both(200, 1001, 0)).toBe('behind');
		expect(both(400, 1001, 900)).toBe('up');
		// Slot 1001 was executed at 200: who has not done so at 2200 is two seconds behind.
		expect(both(2100, 1500, 1000)).toBe('up');
		expect(both(2200, 1500, 1000)).toBe('behind');
		expect(both(2300, 1500, 1001)).toBe('up');
		expect(both(4100, 1500, 1499)).toBe('behind');
	});

	test('counts messages per second, and keeps a minute of it', () => {
		const store = new MonitorStore(['a:1'], start);
		for (let second = 0; second <= 90; second++)
			store.heard(statusOf(0, {messages: 500 + second * 10}), start + second * 1000);
		expect(store.getSnapshot().throughput.perSecond).toBe(10);
		expect(store.getSnapshot().throughput.history).toEqual(Array.from({length: 60}, () => 10));
	});

	test('what a replica tells again when it is dialed again is told once', () => {
		const store = new MonitorStore(['a:1', 'b:2'], start);
		const note = (replica: number, at: number) =>
			({kind: 'view', view: 1, text: 'enters view 1', replica, at}) as const;
		store.noted([note(0, 1), note(0, 2)]);
		const before = store.getSnapshot();
		store.noted([note(0, 1), note(0, 2)]);
		expect(store.getSnapshot().notes).toBe(before.notes);
		store.noted([note(0, 2), note(0, 3), note(1, 1)]);
		expect(store.getSnapshot().notes.map(({replica, at}) => [replica, at])).toEqual([
			[0, 1],
			[0, 2],
			[0, 3],
			[1, 1],
		]);
	});

	test('keeps 2,000 notes', () => {
		const store = new MonitorStore(['a:1'], start);
		for (let page = 0; page < 30; page++)
			store.noted(
				Array.from({length: 100}, (_, index) => ({
					kind: 'lag' as const,
					view: 0,
					text: `${page * 100 + index}`,
					replica: 0,
					at: start,
				})),
			);
		const {notes} = store.getSnapshot();
		expect(notes).toHaveLength(2000);
		expect(notes.at(-1)!.text).toBe('2999');
	});
});
