/** What holds for every plan, whatever was observed. */
import { describe, expect, test } from '@jest/globals';
import fc from '../../../builders/fast-check.ts';
import type { Desired } from '../../../../controllers/vmsnapshot/model/desired.ts';
import type { Observed } from '../../../../controllers/vmsnapshot/model/observed.ts';
import type { Plan } from '../../../../controllers/vmsnapshot/model/plan.ts';
import { plan } from '../../../../controllers/vmsnapshot/plan/plan.ts';
import { nodeName, upid, vmid } from '../../../../src/lib/units.ts';
import { aGuest, aMark, NOW, UPID } from '../../../builders/guests.ts';

/** VIRTRIGAUD_WORLDS=10000 for a long run. */
const WORLDS = Number(process.env['VIRTRIGAUD_WORLDS'] ?? 3000);

const LINE = 'virtrigaud-snapshot: c/default/before/uid-1';
const NAMES = ['before', 'before-0badcafe'];

/** Otherwise nothing would ever be done. */
const maybe = <T>(arbitrary: fc.Arbitrary<T>, weight = 1): fc.Arbitrary<T | undefined> =>
  fc.oneof({ weight: 9, arbitrary: fc.constant(undefined) }, { weight, arbitrary });
const rarely = <T>(value: T): fc.Arbitrary<T | undefined> => maybe(fc.constant(value));

const row = fc.record({
  name: fc.constantFrom(...NAMES, 'other', 'BEFORE'),
  description: fc.constant(''),
  parent: fc.constantFrom(undefined, 'other'),
  takenAt: fc.constant(NOW),
  memory: fc.boolean(),
  state: maybe(fc.constantFrom('prepare', 'delete'), 2),
});

const NO_REVERT: Observed['revert'] = {
  requestedAt: undefined,
  last: undefined,
  ignored: [],
  takenAt: undefined,
  knownSince: undefined,
  open: undefined,
  request: undefined,
  acknowledged: false,
  found: undefined,
  obstacle: undefined,
};

const want: fc.Arbitrary<Desired> = fc.record({
  exists: fc.boolean(),
  owner: fc.constant(aMark()),
  uuid: fc.constant(undefined),
  vmid: fc.constant(vmid(101)),
  line: fc.constant(LINE),
  uid: fc.constant('uid-1'),
  names: fc.constant(NAMES),
  description: fc.constant(LINE),
  memory: fc.boolean(),
  deadline: maybe(fc.constantFrom(NOW - 1000, NOW + 1000), 3),
  restraint: rarely({ reason: 'DryRun' as const, message: 'It is a dry run.' }),
});

const task: fc.Arbitrary<Observed['task']> = maybe(
  fc.oneof(
    fc
      .constantFrom('ok' as const, 'lost' as const)
      .map((state) => ({ upid: UPID, type: 'Create' as const, state })),
    fc.constant({ upid: UPID, type: 'Create' as const, state: 'running' as const, ageMs: 100 }),
    fc.constant({ upid: UPID, type: 'Delete' as const, state: 'failed' as const, exit: 'no space' }),
    fc.constant({
      upid: UPID,
      type: 'Delete' as const,
      state: 'unreachable' as const,
      node: nodeName('pve-1'),
    }),
  ),
  3,
);

const presence: fc.Arbitrary<Observed['presence']> = fc.oneof(
  {
    weight: 6,
    arbitrary: rarely('snapshot').map((lock) => ({ kind: 'seen' as const, guest: aGuest({ lock }) })),
  },
  { weight: 1, arbitrary: fc.constant({ kind: 'absent' as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'unknown' as const, message: 'It cannot be read.' }) },
);

const have: fc.Arbitrary<Observed> = fc
  .record({
    now: fc.constant(NOW),
    revert: fc.constant(NO_REVERT),
    name: fc.constantFrom(undefined, ...NAMES),
    made: fc.constantFrom(false, false, true),
    request: maybe(
      fc.record({
        at: fc.constantFrom(NOW - 120_000, NOW - 60_000, NOW - 11_000, NOW - 5_000, NOW),
        state: fc.constantFrom('unsent', 'refused', 'unknown'),
      }),
      20,
    ),
    task,
    failure: maybe(
      fc.record({
        step: fc.constantFrom('Create', 'Delete'),
        message: fc.constantFrom('no space', 'VM is locked (backup)'),
        attempts: fc.integer({ min: 1, max: 6 }),
        at: fc.integer({ min: NOW - 600_000, max: NOW }),
      }),
      2,
    ),
    presence,
    proven: fc.constantFrom(true, true, true, false),
    foreign: fc.uniqueArray(row, { maxLength: 3, selector: ({ name }) => name }),
    ours: fc.uniqueArray(row, { maxLength: 2, selector: ({ name }) => name }),
    activeTasks: fc.constantFrom(
      [],
      [],
      [],
      [],
      [],
      [],
      [anActiveTask('qmsnapshot')],
      [anActiveTask('vzdump')],
    ),
    lockedMs: fc.constantFrom(0, 60_000, 3_600_000),
    busy: rarely('The VM is busy.'),
    incomplete: rarely('The VM is not complete.'),
    obstacle: rarely({ reason: 'SnapshotNotPossible' as const, message: 'It cannot.' }),
    linkedClones: maybe(
      fc.constant([{ volume: 'ceph:vm-201-disk-0', vmid: vmid(201), listed: true }]),
      2,
    ).map((clones) => clones ?? []),
    cloned: rarely(true).map((cloned) => cloned ?? false),
    running: fc.boolean(),
    takenAs: fc.constant(undefined),
  })
  .map(({ foreign, ours, ...rest }) => {
    const seen = rest.presence.kind === 'seen';
    const own = seen && rest.proven ? ours : [];
    const others = foreign.filter(({ name }) => own.every((each) => each.name !== name));
    return { ...rest, proven: seen && rest.proven, own, snapshots: [...own, ...others] };
  });

function anActiveTask(type: string): Observed['activeTasks'][number] {
  return {
    upid: upid(`UPID:pve-1:0:0:0:${type}:101:a@pam:`),
    node: nodeName('pve-1'),
    type,
    id: '101',
    user: 'a@pam',
    startedAt: NOW,
  };
}

const holds = (claim: (next: Plan, want: Desired, have: Observed) => void): void =>
  fc.assert(
    fc.property(want, have, (wanted, observed) => claim(plan(wanted, observed), wanted, observed)),
    { numRuns: WORLDS },
  );

/** Nothing else is done with the guest. */
function expectFree(
  { presence: seen, proven, busy, activeTasks, request }: Observed,
  { restraint }: Desired,
): void {
  expect(proven).toBe(true);
  expect(seen).toMatchObject({ kind: 'seen', guest: { lock: undefined } });
  expect({ busy, activeTasks, restraint }).toEqual({
    busy: undefined,
    activeTasks: [],
    restraint: undefined,
  });
  const recent = request !== undefined && NOW - request.at <= 10_000;
  expect(recent && request.state !== 'unknown').toBe(true);
}

describe('whatever was observed', () => {
  test('a snapshot is deleted only with its object, if it is its own, on a guest that nothing else is done with', () => {
    let times = 0;
    holds((next, wanted, observed) => {
      if (next.kind !== 'act' || next.step.do !== 'delete') return;
      times += 1;
      const { name } = next.step;
      expect(wanted.exists).toBe(false);
      expect(observed.linkedClones).toEqual([]);
      expect(observed.cloned && observed.running).toBe(false);
      expect(observed.own.map((each) => each.name)).toContain(name);
      expectFree(observed, wanted);
    });
    expect(times).toBeGreaterThan(0);
  });

  test('a snapshot is taken only once, under a name that nobody has, where it is possible, and in time', () => {
    let times = 0;
    holds((next, wanted, observed) => {
      if (next.kind !== 'act' || next.step.do !== 'create') return;
      times += 1;
      const { name } = next.step;
      expect(wanted.exists).toBe(true);
      expect(name).toBe(observed.name);
      expect(observed).toMatchObject({ own: [], made: false });
      expect(observed.obstacle).toBeUndefined();
      expect(observed.incomplete).toBeUndefined();
      expect(observed.snapshots.map((each) => each.name.toLowerCase())).not.toContain(name);
      expect(wanted.deadline ?? NOW).toBeGreaterThanOrEqual(NOW);
      expectFree(observed, wanted);
    });
    expect(times).toBeGreaterThan(0);
  });

  test('the object is released only once no snapshot of its own is there, and none can come', () => {
    holds((next, wanted, observed) => {
      if (next.kind !== 'gone') return;
      expect(wanted.exists).toBe(false);
      expect(observed.own).toEqual([]);
      if (observed.presence.kind === 'absent') return;
      // Of a VM that was never complete no snapshot was taken.
      if (observed.incomplete !== undefined && observed.name === undefined) return;
      expect(observed.proven).toBe(true);
      expect(observed.task?.state).not.toBe('running');
      expect(observed.activeTasks.map(({ type }) => type)).not.toContain('qmsnapshot');
      const { request } = observed;
      expect(request?.state === 'unknown' && NOW - request.at < 75_000).toBe(false);
    });
  });

  test('it is ready only with a snapshot of its own that is complete', () => {
    holds((next, wanted, observed) => {
      if (next.kind !== 'settled') return;
      expect(wanted.exists).toBe(true);
      expect(observed.own.some(({ state }) => state === undefined)).toBe(true);
    });
  });

  test('a wait ends, and says what for in sentences', () => {
    holds((next) => {
      if (next.kind !== 'wait' && next.kind !== 'refuse') return;
      expect(next.message).toMatch(/^[A-Z].*([.?]|--force|before-upgrade|uid-1)$/s);
      if (next.kind === 'wait') expect(next.againMs).toBeGreaterThan(0);
    });
  });
});
