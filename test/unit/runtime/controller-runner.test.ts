import { describe, expect, test } from '@jest/globals';
import { pino } from 'pino';
import { millis, minutes, seconds } from '../../../src/lib/units.ts';
import { controllerRunner, type PassRecord } from '../../../src/runtime/controller-runner.ts';
import type { Controller } from '../../../src/runtime/controller.ts';
import { progressed, retry, settled, waiting } from '../../../src/runtime/outcome.ts';
import { fakeClock, settle } from './fake-clock.ts';
import { aThing, inMemoryStore, KEY, type Thing } from './in-memory-store.ts';

type Reconcile = Controller<Thing, object>['reconcile'];

function aRunner(reconcile: Reconcile, workers = 4, store = inMemoryStore(aThing())) {
  const clock = fakeClock();
  const passes: PassRecord[] = [];
  const runner = controllerRunner<Thing, object>({
    kind: 'Thing',
    controller: { name: 'thing', finalizer: 'thing/finalizer', reconcile },
    store,
    events: { publish: () => undefined },
    log: pino({ enabled: false }),
    clock,
    random: () => 1,
    workers,
    groupsOf: (key) => [key.split('/')[0]!],
    outcomeOf: () => undefined,
    onPass: (record) => passes.push(record),
    passId: () => 'p',
  });
  return {
    runner,
    clock,
    store,
    outcomes: () => passes.map(({ outcome }) => outcome),
    why: () => passes.map(({ reasons }) => [...reasons].join('+')),
  };
}

const gives =
  (...outcomes: ReturnType<typeof waiting>[]): Reconcile =>
  () =>
    Promise.resolve({ outcome: outcomes.shift() ?? settled(), status: {} });

describe('a running controller', () => {
  test('reconciles every object when it starts', async () => {
    const { runner, outcomes } = aRunner(gives());
    runner.start();
    await settle();
    expect(outcomes()).toEqual(['settled']);
  });

  test('reconciles again after the time of the outcome', async () => {
    const { runner, clock, outcomes } = aRunner(gives(waiting('Busy', 'm', seconds(15))));
    runner.start();
    await clock.advance(seconds(14));
    expect(outcomes()).toEqual(['waiting']);
    await clock.advance(seconds(1));
    expect(outcomes()).toEqual(['waiting', 'settled']);
  });

  test('tries again ever more seldom what fails, and forgets it with the first success', async () => {
    const bad = retry('Unavailable', 'm');
    const { runner, clock, outcomes } = aRunner(gives(bad, bad, bad));
    runner.start();
    await clock.advance(seconds(1 + 2 + 4));
    expect(outcomes()).toEqual(['retry', 'retry', 'retry', 'settled']);
    expect(runner.queue.failures(KEY)).toBe(0);
  });

  test('says of each pass why it ran', async () => {
    const { runner, clock, why } = aRunner(
      gives(progressed('Made', 'm'), waiting('Busy', 'm', seconds(15)), settled(), retry('Unavailable', 'm')),
    );
    runner.start();
    await settle();
    runner.queue.add(KEY, 'edit');
    runner.queue.add(KEY, 'guestChanged'); // while the worker has it
    runner.queue.add(KEY, 'taskEnded');
    await clock.advance(seconds(2));
    expect(why()).toEqual(['startup', 'nextStep', 'edit', 'guestChanged+taskEnded', 'retry']);
  });

  test('backs off when a write fails, and counts it as an error', async () => {
    const { runner, clock, store, outcomes } = aRunner(gives());
    store.failNext(new Error('etcd is full'));
    runner.start();
    await clock.advance(seconds(1));
    expect(outcomes()).toEqual(['error', 'settled']);
  });

  test('never reconciles one object twice at the same time, with any number of workers', async () => {
    let running = 0;
    let most = 0;
    const { runner, clock, outcomes } = aRunner(async () => {
      most = Math.max(most, (running += 1));
      await settle();
      running -= 1;
      return { outcome: settled(millis(1)), status: {} };
    });
    runner.start();
    for (let round = 0; round < 50; round += 1) {
      runner.queue.add(KEY, 'edit');
      await clock.advance(millis(1));
    }
    expect(outcomes().length).toBeGreaterThan(10);
    expect(most).toBe(1);
  });
});

/** Objects of several connections, one namespace for each. */
function thingsOf(counts: Readonly<Record<string, number>>): ReturnType<typeof inMemoryStore> {
  const keys = Object.entries(counts).flatMap(([site, count]) =>
    Array.from({ length: count }, (_, n) => `${site}/vm-${n}`),
  );
  const entry = (key: string) => {
    const [namespace = '', name = ''] = key.split('/');
    return { ...aThing({ namespace, name }), key };
  };
  return {
    ...inMemoryStore(undefined),
    keys: () => keys,
    cached: (key) => (keys.includes(key) ? entry(key) : undefined),
    writeStatus: (written) => Promise.resolve(written),
  };
}

describe('next to a connection whose passes never end', () => {
  const hangsAt =
    (sites: readonly string[], done: Set<string>): Reconcile =>
    ({ metadata: { namespace, name } }) => {
      if (sites.includes(namespace)) return new Promise(() => undefined);
      done.add(`${namespace}/${name}`);
      return Promise.resolve({ outcome: settled(), status: {} });
    };

  test('the objects of another have their passes', async () => {
    const done = new Set<string>();
    const { runner } = aRunner(hangsAt(['dead'], done), 64, thingsOf({ dead: 300, healthy: 20 }));
    runner.start();
    await settle();
    expect(done.size).toBe(20);
  });

  test('so have those next to several', async () => {
    const done = new Set<string>();
    const dead = ['dead-1', 'dead-2', 'dead-3', 'dead-4'];
    const counts = Object.fromEntries([...dead, 'healthy'].map((site) => [site, 300]));
    const { runner } = aRunner(hangsAt(dead, done), 64, thingsOf(counts));
    runner.start();
    await settle();
    expect(done.size).toBe(300);
    done.clear();
    runner.queue.add('healthy/vm-7', 'edit');
    await settle();
    expect([...done]).toEqual(['healthy/vm-7']);
  });
});

test('a pass that waits for a slow server ends in time to be no hung one, and is begun again', async () => {
  const signals: AbortSignal[] = [];
  const { runner, clock, outcomes } = aRunner((_thing, { signal }) => {
    signals.push(signal);
    return new Promise((_resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason as Error));
    });
  });
  runner.start();
  let longest = 0;
  for (let minute = 0; minute < 45; minute += 1) {
    await clock.advance(minutes(1));
    longest = Math.max(longest, runner.queue.longestRunning);
  }
  expect(longest).toBeLessThan(minutes(15));
  expect(outcomes().length).toBeGreaterThan(2);
  expect(new Set(outcomes())).toEqual(new Set(['error']));
});

describe('stopping', () => {
  const slow =
    (signals: AbortSignal[], finish: Promise<unknown>): Reconcile =>
    async (_thing, { signal }) => {
      signals.push(signal);
      const aborted = new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(new Error('aborted')));
      });
      await Promise.race([finish, aborted]);
      return { outcome: waiting('Started', 'm'), status: { task: 1 } };
    };

  test('lets a running pass finish and write down what it began', async () => {
    const signals: AbortSignal[] = [];
    const { promise, resolve } = Promise.withResolvers<undefined>();
    const { runner, clock, store } = aRunner(slow(signals, promise));
    runner.start();
    await settle();
    const stopped = runner.stop(seconds(20));
    await clock.advance(seconds(19));
    expect(signals[0]!.aborted).toBe(false);
    resolve(undefined);
    await stopped;
    expect(store.live()!.rawStatus).toMatchObject({ task: 1 });
    await clock.advance(minutes(1));
    expect(signals).toHaveLength(1);
  });

  test('aborts what is still running after the grace, and writes nothing for it', async () => {
    const signals: AbortSignal[] = [];
    const { runner, clock, store, outcomes } = aRunner(slow(signals, new Promise(() => undefined)));
    runner.start();
    await settle();
    const stopped = runner.stop(seconds(20));
    await clock.advance(seconds(20));
    await stopped;
    expect(signals[0]!.aborted).toBe(true);
    expect(store.statusWrites).toEqual([]);
    expect(outcomes()).toEqual([]);
  });

  test('does not wait forever for a pass that ignores it', async () => {
    const { runner, clock } = aRunner(() => new Promise(() => undefined));
    runner.start();
    await settle();
    const stopped = runner.stop(millis(0));
    await clock.advance(seconds(3));
    await expect(stopped).resolves.toBeUndefined();
  });
});
