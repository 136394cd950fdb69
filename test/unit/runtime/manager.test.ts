import { describe, expect, test } from '@jest/globals';
import { pino } from 'pino';
import { minutes, seconds } from '../../../src/lib/units.ts';
import type { Runner } from '../../../src/runtime/controller-runner.ts';
import { Manager, type ManagerOptions } from '../../../src/runtime/manager.ts';
import { WorkQueue } from '../../../src/runtime/queue.ts';
import { fakeClock, settle } from './fake-clock.ts';

/** Parts that write down in which order they are used. */
function aManager(elect: 'elects' | 'alone' = 'elects') {
  const clock = fakeClock();
  const story: string[] = [];
  const sync = Promise.withResolvers<undefined>();
  const election = Promise.withResolvers<boolean>();
  const loss = Promise.withResolvers<'lost'>();
  const passes = Promise.withResolvers<undefined>();
  let isSynced = false;
  let isFailing = false;
  const queue = new WorkQueue({ clock, random: () => 0 });
  const runner: Runner = {
    kind: 'Thing',
    queue,
    start: () => void story.push('runner starts'),
    stop: async (grace) => {
      story.push(`runner stops within ${grace}`);
      await passes.promise;
      story.push('passes are over');
    },
  };
  const aborted = (signal: AbortSignal) =>
    new Promise<'stopped'>((resolve) => {
      if (signal.aborted) resolve('stopped');
      signal.addEventListener('abort', () => resolve('stopped'));
    });
  const elector: NonNullable<ManagerOptions['elector']> = {
    acquire: (signal) => Promise.race([election.promise, aborted(signal).then(() => false)]),
    hold: (signal) => Promise.race([loss.promise, aborted(signal)]),
    release: () => Promise.resolve(void story.push('lease released')),
  };
  const manager = new Manager({
    watchers: [
      {
        kind: 'Thing',
        get synced() {
          return isSynced;
        },
        get failing() {
          return isFailing;
        },
        whenSynced: () => sync.promise,
        run: async (signal) => {
          story.push('watch starts');
          await aborted(signal);
          story.push('watch ends');
        },
      },
    ],
    runners: [runner],
    elector: elect === 'elects' ? elector : undefined,
    clock,
    log: pino({ enabled: false }),
    onLeading: (leads) => story.push(leads ? 'leads' : 'leads not'),
  });
  return {
    manager,
    clock,
    story,
    queue,
    synced: () => {
      isSynced = true;
      sync.resolve(undefined);
      return settle();
    },
    fails: (failing: boolean) => void (isFailing = failing),
    elected: () => (election.resolve(true), settle()),
    lost: () => loss.resolve('lost'),
    passesEnd: () => passes.resolve(undefined),
  };
}

test('is ready only while every watch works', async () => {
  const { manager, synced, fails, passesEnd } = aManager('alone');
  const running = manager.run();
  expect(manager.ready).toBe(false);
  await synced();
  expect(manager.ready).toBe(true);
  fails(true);
  expect(manager.ready).toBe(false);
  fails(false);
  expect(manager.ready).toBe(true);
  passesEnd();
  await manager.stop();
  await running;
});

describe('the manager', () => {
  test('starts watches, then leads, then starts controllers', async () => {
    const { manager, story, synced, elected, passesEnd } = aManager();
    void manager.run();
    await settle();
    expect([manager.ready, manager.leading]).toEqual([false, false]);
    await synced();
    expect(manager.ready).toBe(true); // a standby is ready too
    expect(story).toEqual(['watch starts']);
    await elected();
    expect(story).toEqual(['watch starts', 'leads', 'runner starts']);
    expect(manager.leading).toBe(true);
    passesEnd();
    await manager.stop();
  });

  test('stops controllers, then gives the lease back, then ends watches', async () => {
    const { manager, story, synced, elected, passesEnd } = aManager();
    const ended = manager.run();
    await synced();
    await elected();
    const stopping = manager.stop();
    await settle();
    expect(manager.ready).toBe(false);
    expect(story.slice(3)).toEqual(['runner stops within 20000']);
    passesEnd();
    await stopping;
    expect(await ended).toBe('stopped');
    expect(story.slice(4)).toEqual(['passes are over', 'lease released', 'leads not', 'watch ends']);
  });

  test('ends at once when leadership is lost, without touching the lease', async () => {
    const { manager, story, synced, elected, lost, passesEnd } = aManager();
    const ended = manager.run();
    await synced();
    await elected();
    passesEnd();
    lost();
    expect(await ended).toBe('lost');
    expect(story).toContain('runner stops within 0');
    expect(story).not.toContain('lease released');
  });

  test('can be stopped before it ever led', async () => {
    for (const reached of ['nothing', 'sync'] as const) {
      const { manager, story, synced, passesEnd } = aManager();
      passesEnd();
      const ended = manager.run();
      if (reached === 'sync') await synced();
      await manager.stop();
      expect(await ended).toBe('stopped');
      expect(story).not.toContain('runner starts');
    }
  });

  test('leads at once when it is alone', async () => {
    const { manager, story, synced, passesEnd } = aManager('alone');
    void manager.run();
    await synced();
    expect(story).toEqual(['watch starts', 'leads', 'runner starts']);
    passesEnd();
    await manager.stop();
  });

  test('is alive while no pass hangs', async () => {
    const { manager, clock, queue, synced, passesEnd } = aManager('alone');
    void manager.run();
    await synced();
    queue.add('a', 'edit');
    await queue.take();
    await clock.advance(minutes(29));
    expect(manager.alive).toBe(true);
    await clock.advance(minutes(2));
    expect(manager.alive).toBe(false);
    queue.done('a');
    expect(manager.alive).toBe(true);
    passesEnd();
    await manager.stop();
  });

  test('is not alive when the event loop is blocked', async () => {
    const frozen = fakeClock();
    let lag = 0;
    const manager = new Manager({
      watchers: [],
      runners: [],
      clock: { ...frozen, monotonic: () => seconds(lag) },
      log: pino({ enabled: false }),
      onLeading: () => undefined,
    });
    void manager.run();
    await settle();
    lag = 19;
    expect(manager.alive).toBe(true);
    lag = 21;
    expect(manager.alive).toBe(false);
    await manager.stop();
  });
});
