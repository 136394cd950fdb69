import { describe, expect, test } from '@jest/globals';
import { pino } from 'pino';
import { millis, minutes, seconds } from '../../../src/lib/units.ts';
import { controllerRunner, type PassRecord } from '../../../src/runtime/controller-runner.ts';
import type { Controller } from '../../../src/runtime/controller.ts';
import { progressed, retry, settled, waiting } from '../../../src/runtime/outcome.ts';
import { fakeClock, settle } from './fake-clock.ts';
import { aThing, inMemoryStore, KEY, type Thing } from './in-memory-store.ts';

type Reconcile = Controller<Thing, object>['reconcile'];

function aRunner(reconcile: Reconcile, workers = 4) {
  const clock = fakeClock();
  const store = inMemoryStore(aThing());
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
