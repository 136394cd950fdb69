import { describe, expect, jest, test } from '@jest/globals';
import { pino } from 'pino';
import { seconds } from '../../../src/lib/units.ts';
import type { Controller, EventNote, ReconcileResult } from '../../../src/runtime/controller.ts';
import { runPass } from '../../../src/runtime/engine.ts';
import { coalescing } from '../../../src/runtime/coalescing.ts';
import {
  progressed,
  released,
  retry,
  settled,
  stalled,
  unchanged,
  waiting,
  type Outcome,
} from '../../../src/runtime/outcome.ts';
import { fakeClock } from './fake-clock.ts';
import { aThing, inMemoryStore, KEY, type InMemoryStore, type Thing } from './in-memory-store.ts';

interface Made {
  readonly made?: number;
}
type Reconcile = Controller<Thing, Made>['reconcile'];

class Foreseen extends Error {}

function anEngine(
  store: InMemoryStore,
  reconcile: Reconcile,
  withFinalizer: 'finalizer' | 'none' = 'finalizer',
  needsFinalizer?: () => boolean,
  afterError?: Controller<Thing, Made>['afterError'],
) {
  const published: EventNote[] = [];
  const aborting = new AbortController();
  const logged: string[] = [];
  const log = pino({ level: 'debug' }, { write: (line: string) => logged.push(line) });
  const clock = fakeClock();
  const patient = coalescing(store, clock);
  const spy = jest.fn(reconcile);
  const controller: Controller<Thing, Made> = {
    name: 'thing',
    ...(withFinalizer === 'finalizer' && { finalizer: 'thing/finalizer' }),
    ...(needsFinalizer && { needsFinalizer }),
    ...(afterError && { afterError }),
    reconcile: spy,
  };
  const pass = () =>
    runPass({ key: KEY, reasons: new Set(['edit', 'timer'] as const) }, controller, {
      kind: 'Thing',
      store: patient,
      events: { publish: (_about, note) => published.push(note) },
      log,
      clock,
      signal: aborting.signal,
      outcomeOf: (error) => (error instanceof Foreseen ? retry('PveUnavailable', error.message) : undefined),
      passId: () => 'p1',
    });
  return { pass, published, aborting, logged, clock, patient, reconcile: spy };
}

const gives =
  (outcome: Outcome, rest: Partial<ReconcileResult<Made>> = {}): Reconcile =>
  () =>
    Promise.resolve({ outcome, status: {}, ...rest });

const DELETED = { deletionTimestamp: '2026-03-01T11:00:00Z' };
const conditions = (store: InMemoryStore) =>
  store.live()?.conditions.map(({ type, status, reason }) => `${type}=${status}/${reason}`);

describe('a pass over an object', () => {
  test('that is not there does nothing', async () => {
    const { pass, reconcile } = anEngine(inMemoryStore(undefined), gives(settled()));
    expect(await pass()).toMatchObject({ outcome: 'skipped', next: { when: 'change' } });
    expect(reconcile).not.toHaveBeenCalled();
  });

  test('that has nothing new to say writes nothing, not even the generation, and comes again', async () => {
    const store = inMemoryStore(aThing());
    const { pass } = anEngine(store, gives(unchanged(seconds(5))), 'none');
    const before = store.live();
    expect(await pass()).toMatchObject({ outcome: 'unchanged', next: { when: 'after', delay: 5_000 } });
    expect(store.live()).toEqual(before);
  });

  test('that has nothing new to say writes what an earlier one reported, and comes no sooner for it', async () => {
    const store = inMemoryStore(aThing());
    const { pass, clock, patient } = anEngine(store, gives(unchanged(seconds(5))), 'none');
    patient.postpone(patient.cached(KEY)!, { made: 1, conditions: [] });
    expect(await pass()).toMatchObject({ next: { when: 'after', delay: 1_000 } });
    expect(store.statusWrites).toEqual([]);
    await clock.advance(seconds(1));
    // A pass that came again at once, and again, would occupy the event loop for ever.
    expect(await pass()).toMatchObject({ outcome: 'unchanged', next: { when: 'after', delay: 5_000 } });
    expect(store.statusWrites).toEqual([{ made: 1, conditions: [] }]);
  });

  test('knows why it runs, and says so in its log', async () => {
    const store = inMemoryStore(aThing({ finalizers: ['thing/finalizer'] }));
    const { pass, reconcile, logged } = anEngine(store, gives(settled()));
    await pass();
    await pass();
    expect([...reconcile.mock.lastCall![1].reasons]).toEqual(['edit', 'timer']);
    const last: unknown = JSON.parse(logged.at(-1)!);
    expect(last).toMatchObject({ msg: 'pass', passId: 'p1', why: ['edit', 'timer'] });
  });

  test('adds the finalizer before the controller may do anything, next to those of others', async () => {
    const store = inMemoryStore(aThing({ finalizers: ['other'] }));
    const { pass, reconcile } = anEngine(store, gives(settled()));
    expect(await pass()).toMatchObject({ outcome: 'finalizerAdded', next: { when: 'after', delay: 0 } });
    expect(reconcile).not.toHaveBeenCalled();
    expect(store.live()!.metadata.finalizers).toEqual(['other', 'thing/finalizer']);
    expect(await pass()).toMatchObject({ outcome: 'settled' });
  });

  test('adds and removes a finalizer that is not always needed, and works without it', async () => {
    const store = inMemoryStore(aThing({ finalizers: ['other'] }));
    let needed = false;
    const { pass } = anEngine(store, gives(settled()), 'finalizer', () => needed);
    expect(await pass()).toMatchObject({ outcome: 'settled' });
    expect(store.live()!.metadata.finalizers).toEqual(['other']);
    needed = true;
    expect(await pass()).toMatchObject({ outcome: 'finalizerAdded', next: { when: 'after', delay: 0 } });
    expect(store.live()!.metadata.finalizers).toEqual(['other', 'thing/finalizer']);
    expect(await pass()).toMatchObject({ outcome: 'settled' });
    needed = false;
    expect(await pass()).toMatchObject({ outcome: 'finalizerRemoved', next: { when: 'after', delay: 0 } });
    expect(store.live()!.metadata.finalizers).toEqual(['other']);
  });

  test('writes what the controller reports, its conditions and the generation in one patch', async () => {
    const store = inMemoryStore(aThing({ generation: 3 }));
    const domain = [{ type: 'Placed', status: 'True', reason: 'Placed', message: 'On pve1.' }] as const;
    await anEngine(store, gives(settled(), { status: { made: 1 }, conditions: domain })).pass();
    expect(store.statusWrites).toHaveLength(1);
    expect(store.statusWrites[0]).toMatchObject({ made: 1, observedGeneration: 3 });
    expect(conditions(store)).toEqual(['Ready=True/Reconciled', 'Placed=True/Placed']);
  });

  test('replaces the status: a field that is no longer reported is gone', async () => {
    const store = inMemoryStore({ ...aThing(), rawStatus: { made: 1, ancient: true } });
    await anEngine(store, gives(settled())).pass();
    expect(Object.keys(store.live()!.rawStatus!)).toEqual(['observedGeneration', 'conditions']);
  });

  test('writes nothing when nothing has changed, however late it is', async () => {
    const store = inMemoryStore(aThing());
    const { pass, clock } = anEngine(store, gives(settled(), { status: { made: 1 } }));
    await pass();
    await clock.advance(seconds(3600));
    await pass();
    expect(store.statusWrites).toHaveLength(1);
  });

  test.each([
    [settled(), { when: 'change' }],
    [settled(seconds(300)), { when: 'after', delay: 300_000 }],
    [progressed('Cloning', 'm'), { when: 'after', delay: 0 }],
    [waiting('Busy', 'm', seconds(7)), { when: 'after', delay: 7000 }],
    [retry('PveUnavailable', 'm'), { when: 'backoff' }],
    [stalled('DiskShrink', 'm'), { when: 'change' }],
    [stalled('Forbidden', 'm', seconds(1800)), { when: 'after', delay: 1_800_000 }],
  ])('ends as its outcome says: %j', async (outcome, next) => {
    const result = await anEngine(inMemoryStore(aThing()), gives(outcome)).pass();
    expect(result).toMatchObject({ outcome: outcome.kind, next });
  });
});

describe('when another client writes the object during a pass', () => {
  test('a changed label does not make us forget what we started', async () => {
    const store = inMemoryStore(aThing());
    const { pass, published } = anEngine(store, () => {
      store.edit(({ metadata }) => ({ metadata: { ...metadata, labels: { a: 'b' } } }));
      const events = [{ type: 'Normal', reason: 'Cloning', message: 'm' }] as const;
      return Promise.resolve({ outcome: progressed('Cloning', 'm'), status: { made: 9 }, events });
    });
    expect(await pass()).toMatchObject({ outcome: 'progressed' });
    expect(store.live()!.rawStatus).toMatchObject({ made: 9 });
    expect(store.live()!.metadata.labels).toEqual({ a: 'b' });
    expect(published.map(({ reason }) => reason)).toEqual(['Cloning']);
  });

  test('a changed status wins: nothing is written or announced, and the next pass sees it at once', async () => {
    const store = inMemoryStore(aThing());
    const { pass, published } = anEngine(store, () => {
      store.edit({ rawStatus: { made: 5 } });
      const events = [{ type: 'Normal', reason: 'Reserved', message: 'm' }] as const;
      return Promise.resolve({ outcome: progressed('Reserved', 'm'), status: { made: 9 }, events });
    });
    expect(await pass()).toMatchObject({ outcome: 'conflict', next: { when: 'after', delay: 0 } });
    expect(store.live()!.rawStatus).toEqual({ made: 5 });
    expect(store.cached(KEY)!.rawStatus).toEqual({ made: 5 });
    expect(published).toEqual([]);
  });

  test('a decision about a spec that was edited meanwhile is discarded, and made again', async () => {
    const store = inMemoryStore(aThing());
    const { pass } = anEngine(store, ({ metadata: { generation } }) => {
      if (generation === 1) store.edit(({ metadata }) => ({ metadata: { ...metadata, generation: 2 } }));
      return Promise.resolve({
        outcome: settled(),
        status: { made: generation },
        bindsGeneration: true,
      });
    });
    expect(await pass()).toMatchObject({ outcome: 'conflict', next: { when: 'after', delay: 0 } });
    expect(store.statusWrites).toEqual([]);
    await pass();
    expect(store.live()!.rawStatus).toMatchObject({ made: 2, observedGeneration: 2 });
  });

  test('an object that took the name of ours gets nothing of its status', async () => {
    const store = inMemoryStore(aThing());
    const { pass } = anEngine(store, () => {
      store.edit(({ metadata }) => ({ metadata: { ...metadata, uid: 'uid-2' } }));
      return Promise.resolve({ outcome: settled(), status: { made: 9 } });
    });
    expect(await pass()).toMatchObject({ outcome: 'skipped' });
    expect(store.statusWrites).toEqual([]);
  });

  test('a finalizer is not added on an outdated copy, and the next pass has the new one', async () => {
    const store = inMemoryStore(aThing({ finalizers: [] }));
    store.edit(({ metadata }) => ({ metadata: { ...metadata, finalizers: ['other'] } }));
    const { pass } = anEngine(store, gives(settled()));
    expect(await pass()).toMatchObject({ outcome: 'conflict' });
    expect(await pass()).toMatchObject({ outcome: 'finalizerAdded' });
    expect(store.live()!.metadata.finalizers).toEqual(['other', 'thing/finalizer']);
  });

  test('a write that fails fails the pass', async () => {
    const store = inMemoryStore(aThing());
    const { pass, published } = anEngine(store, gives(stalled('DiskShrink', 'm')));
    store.failNext(new Error('etcd is full'));
    await expect(pass()).rejects.toThrow('etcd is full');
    expect(published).toEqual([]);
  });
});

describe('a controller that asks for the live object', () => {
  test('gets it, and its report is laid on that', async () => {
    const store = inMemoryStore(aThing());
    const { pass } = anEngine(store, async (_thing, running) => {
      store.edit(({ metadata, object }) => ({
        metadata: { ...metadata, generation: 2 },
        object: { ...object!, spec: { size: 2 } },
      }));
      const live = await running.reread();
      return { outcome: settled(), status: { made: live!.spec.size } };
    });
    expect(await pass()).toMatchObject({ outcome: 'settled' });
    expect(store.live()!.rawStatus).toMatchObject({ made: 2, observedGeneration: 2 });
  });

  test('learns that it is gone when another has its name', async () => {
    const store = inMemoryStore(aThing());
    const seen: unknown[] = [];
    const { pass } = anEngine(store, async (_thing, running) => {
      store.edit(({ metadata }) => ({ metadata: { ...metadata, uid: 'uid-2' } }));
      seen.push(await running.reread());
      return { outcome: settled(), status: {} };
    });
    await pass();
    expect(seen).toEqual([undefined]);
  });

  test('ends there when the object has become unreadable', async () => {
    const store = inMemoryStore(aThing());
    const { pass } = anEngine(store, async (_thing, running) => {
      store.edit({ object: undefined, problem: 'spec.size: too big.' });
      await running.reread();
      throw new Error('not reached');
    });
    expect(await pass()).toMatchObject({ outcome: 'stalled', reason: 'InvalidSpec' });
  });
});

describe('an object that cannot be read', () => {
  const unreadable = { ...aThing(), object: undefined, problem: 'spec.size: expected a number.' };

  test('and one whose pass an error ended, have what the controller says of it next to what they had', async () => {
    const rawStatus = { made: 1, ofANewerVersion: 'x' };
    const after = (store: InMemoryStore, reconcile: Reconcile) =>
      anEngine(store, reconcile, 'finalizer', undefined, () => ({ made: 7 })).pass();
    const store = inMemoryStore({ ...unreadable, rawStatus });
    await after(store, gives(settled()));
    expect(store.live()!.rawStatus).toMatchObject({ made: 7, ofANewerVersion: 'x' });
    const failing = inMemoryStore({ ...aThing(), rawStatus });
    await after(failing, () => Promise.reject(new Foreseen('PVE is down')));
    expect(failing.live()!.rawStatus).toMatchObject({ made: 7, ofANewerVersion: 'x' });
    const odd = inMemoryStore({ ...unreadable, rawStatus, isStatusUnreadable: true });
    await after(odd, gives(settled()));
    expect(odd.live()!.rawStatus).toMatchObject(rawStatus);
  });

  test('is Stalled with the fault in its message, its fields stay, and the controller is not asked', async () => {
    const store = inMemoryStore({ ...unreadable, rawStatus: { made: 1 } });
    const { pass, reconcile, published } = anEngine(store, gives(settled()));
    expect(await pass()).toMatchObject({ outcome: 'stalled', next: { when: 'change' } });
    expect(conditions(store)).toEqual(['Ready=False/InvalidSpec', 'Stalled=True/InvalidSpec']);
    expect(store.live()!.conditions[0]!.message).toContain('spec.size: expected a number.');
    expect(store.live()!.rawStatus).toMatchObject({ made: 1 });
    expect(reconcile).not.toHaveBeenCalled();
    expect(published.map(({ type, reason }) => [type, reason])).toEqual([['Warning', 'InvalidSpec']]);
  });

  test('says that its status is what cannot be read, which its author cannot correct in the manifest', async () => {
    const problem = 'status.made: expected a number.';
    const store = inMemoryStore({
      ...unreadable,
      problem,
      isStatusUnreadable: true,
      rawStatus: { made: 'x' },
    });
    const { pass, reconcile } = anEngine(store, gives(settled()));
    expect(await pass()).toMatchObject({ outcome: 'stalled', reason: 'UnreadableStatus' });
    expect(store.live()!.conditions[0]!.message).toMatch(/^status\.made: .*--subresource=status/);
    expect(store.live()!.rawStatus).toMatchObject({ made: 'x' });
    expect(reconcile).not.toHaveBeenCalled();
  });

  test('gets no finalizer', async () => {
    const metadata = { ...unreadable.metadata, finalizers: [] };
    const store = inMemoryStore({ ...unreadable, metadata });
    await anEngine(store, gives(settled())).pass();
    expect(store.live()!.metadata.finalizers).toEqual([]);
  });

  test('still reaches its controller when it is deleted, with what is left of it', async () => {
    const deleted = aThing(DELETED);
    const store = inMemoryStore({ ...deleted, object: undefined, salvaged: deleted.object, problem: 'p' });
    expect(await anEngine(store, gives(released)).pass()).toMatchObject({ outcome: 'released' });
    expect(store.live()).toBeUndefined();
  });

  test('is not deleted while its status cannot be read: that may name what was made', async () => {
    const deleted = { ...aThing(DELETED), object: undefined, problem: 'p', isStatusUnreadable: true };
    const store = inMemoryStore(deleted);
    expect(await anEngine(store, gives(released)).pass()).toMatchObject({ reason: 'UnreadableStatus' });
    expect(store.live()!.metadata.finalizers).toContain('thing/finalizer');
  });

  test('says how to get rid of it when nothing is left of it', async () => {
    const store = inMemoryStore({ ...aThing(DELETED), object: undefined, problem: 'spec: missing.' });
    await anEngine(store, gives(released)).pass();
    expect(conditions(store)).toEqual(['Ready=False/Deleting', 'Stalled=True/InvalidSpec']);
    expect(store.live()!.conditions[1]!.message).toContain('finalizer');
  });
});

describe('deletion', () => {
  test('is passed to the controller, and only our finalizer is removed when it releases the object', async () => {
    const store = inMemoryStore(aThing({ ...DELETED, finalizers: ['a', 'thing/finalizer', 'b'] }));
    const { pass, reconcile } = anEngine(store, gives(released));
    expect(await pass()).toMatchObject({ outcome: 'released', next: { when: 'change' } });
    expect(reconcile.mock.calls[0]![1].deleting).toBe(true);
    expect(store.live()!.metadata.finalizers).toEqual(['a', 'b']);
    expect(await pass()).toMatchObject({ outcome: 'skipped' });
    expect(reconcile).toHaveBeenCalledTimes(1);
  });

  test('continues if the finalizer is no longer needed', async () => {
    const store = inMemoryStore(aThing({ ...DELETED, finalizers: ['thing/finalizer'] }));
    const { pass, reconcile } = anEngine(store, gives(released), 'finalizer', () => false);
    expect(await pass()).toMatchObject({ outcome: 'released' });
    expect(reconcile).toHaveBeenCalledTimes(1);
    expect(store.live()).toBeUndefined();
  });

  test('is not held up by a controller without a finalizer', async () => {
    const store = inMemoryStore(aThing({ ...DELETED, finalizers: ['other'] }));
    const { pass, reconcile } = anEngine(store, gives(settled()), 'none');
    expect(await pass()).toMatchObject({ outcome: 'skipped' });
    expect(reconcile).not.toHaveBeenCalled();
  });

  test('on an outdated copy is reconciled again', async () => {
    const store = inMemoryStore(aThing(DELETED));
    store.edit(({ metadata }) => ({ metadata: { ...metadata, labels: { a: 'b' } } }));
    const { pass } = anEngine(store, gives(released));
    expect(await pass()).toMatchObject({ outcome: 'conflict', next: { when: 'after', delay: 0 } });
    expect(await pass()).toMatchObject({ outcome: 'released' });
    expect(store.live()).toBeUndefined();
  });
});

describe('what a controller throws', () => {
  const REPORTED = { made: 1 };

  test('has the meaning it is given, and leaves the reported fields alone', async () => {
    const store = inMemoryStore({ ...aThing(), rawStatus: REPORTED });
    const { pass } = anEngine(store, () => Promise.reject(new Foreseen('connection refused')));
    expect(await pass()).toMatchObject({
      outcome: 'retry',
      reason: 'PveUnavailable',
      next: { when: 'backoff' },
    });
    expect(store.live()!.rawStatus).toMatchObject(REPORTED);
    expect(conditions(store)).toEqual(['Ready=False/PveUnavailable', 'Reconciling=True/PveUnavailable']);
  });

  test.each([
    ['an unexpected error', () => Promise.reject(new TypeError('x is not a function'))],
    ['releasing an object that is not being deleted', gives(released)],
  ])('%s is a bug: logged with its stack, reported without it, tried again', async (_name, reconcile) => {
    const store = inMemoryStore(aThing());
    const { pass, logged } = anEngine(store, reconcile);
    expect(await pass()).toMatchObject({ outcome: 'bug', next: { when: 'backoff' } });
    expect(conditions(store)).toEqual(['Ready=False/InternalError', 'Reconciling=True/InternalError']);
    expect(store.live()!.conditions[0]!.message).not.toContain('function');
    const bug = logged.find((line) => line.includes('"level":50'));
    expect(bug).toContain('engine.test.ts');
    expect(store.live()!.metadata.finalizers).toEqual(['thing/finalizer']);
  });

  test('after the pass was aborted means nothing: no status is written', async () => {
    const store = inMemoryStore(aThing());
    const { pass, aborting } = anEngine(store, () => {
      aborting.abort();
      return Promise.reject(new Foreseen('aborted'));
    });
    await expect(pass()).rejects.toThrow('aborted');
    expect(store.statusWrites).toEqual([]);
  });
});

describe('an event', () => {
  test('of the controller is reported after the status is stored', async () => {
    const note = { type: 'Normal', reason: 'Cloned', message: 'm' } as const;
    const { pass, published } = anEngine(inMemoryStore(aThing()), gives(settled(), { events: [note] }));
    await pass();
    expect(published).toEqual([note]);
  });

  test('of stalling is a Warning once, and the controller’s own event is not repeated', async () => {
    const quiet = anEngine(inMemoryStore(aThing()), gives(stalled('DiskShrink', 'm')));
    await quiet.pass();
    await quiet.pass();
    expect(quiet.published).toEqual([
      { type: 'Warning', reason: 'DiskShrink', message: 'm', ofCondition: true },
    ]);
    const note = { type: 'Warning', reason: 'DiskShrink', message: 'in its own words' } as const;
    const talking = anEngine(inMemoryStore(aThing()), gives(stalled('DiskShrink', 'm'), { events: [note] }));
    await talking.pass();
    expect(talking.published).toEqual([note]);
  });

  test('a transition is logged at info, a pass without one only at debug', async () => {
    const { pass, logged } = anEngine(inMemoryStore(aThing()), gives(settled()));
    await pass();
    await pass();
    const lines = logged.map((line) => JSON.parse(line) as { level: number; msg: string });
    expect(lines.map(({ level, msg }) => [level, msg])).toEqual([
      [30, 'The spec is fulfilled.'],
      [20, 'pass'],
    ]);
  });

  test.each([
    ['what only a person can fix', gives(stalled('DiskShrink', 'Write 20Gi or more.')), 40],
    [
      'what a person has to do',
      gives(waiting('ClassNotFound', 'Write 20Gi or more.'), {
        events: [{ type: 'Warning', reason: 'ClassNotFound', message: 'm', ofCondition: true }],
      }),
      40,
    ],
    ['what is only waited for', gives(waiting('TaskRunning', 'Write 20Gi or more.')), 30],
  ])('%s is logged with the sentence that the status has, once', async (_what, gives, level) => {
    const { pass, logged } = anEngine(inMemoryStore(aThing()), gives);
    await pass();
    await pass();
    const lines = logged.map((line) => JSON.parse(line) as { level: number; msg: string });
    expect(lines.filter((line) => line.level > 20)).toMatchObject([{ level, msg: 'Write 20Gi or more.' }]);
  });
});

describe('a report that may wait', () => {
  test('is left out where the next pass has more to say', async () => {
    const store = inMemoryStore(aThing());
    const verdicts = [
      { outcome: waiting('TaskRunning', 'It is cloned.', seconds(2)), deferrable: true },
      { outcome: settled() },
    ];
    const { pass } = anEngine(store, () => Promise.resolve({ status: {}, ...verdicts.shift()! }));
    expect(await pass()).toMatchObject({ outcome: 'waiting', next: { when: 'after', delay: seconds(1) } });
    expect(store.statusWrites).toEqual([]);
    await pass();
    expect(store.statusWrites).toHaveLength(1);
    expect(conditions(store)).toContain('Ready=True/Reconciled');
  });

  test('is written after a second, though nothing is new', async () => {
    const store = inMemoryStore(aThing());
    const outcome = waiting('TaskRunning', 'It is cloned.', seconds(2));
    const { pass, clock } = anEngine(store, gives(outcome, { deferrable: true }));
    await pass();
    await clock.advance(seconds(0.5));
    await pass();
    expect(store.statusWrites).toEqual([]);
    await clock.advance(seconds(0.5));
    await pass();
    expect(store.statusWrites).toHaveLength(1);
    await pass();
    expect(store.statusWrites).toHaveLength(1);
  });
});
