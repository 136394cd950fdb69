import { describe, expect, test } from '@jest/globals';
import fc from '../../../builders/fast-check.ts';
import { prunable as prunableInSlices } from '../../../../controllers/vmsnapshotschedule/retention.ts';
import type { Snapshot } from '../../../../controllers/vmsnapshotschedule/model.ts';
import { minutes } from '../../../../src/lib/units.ts';

const NOW = Date.parse('2026-03-01T12:00:00Z');
const HOUR = minutes(60);

const taken = (name: string, hoursAgo: number, change: Partial<Snapshot> = {}): Snapshot => ({
  namespace: 'default',
  name,
  uid: `uid-of-${name}`,
  resourceVersion: '1',
  vm: 'web',
  state: 'ready',
  holds: false,
  takenAt: NOW - hoursAgo * HOUR,
  neededByClones: false,
  kept: false,
  claimed: true,
  ...change,
});
const prunable = (...inputs: Parameters<typeof prunableInSlices>): readonly Snapshot[] => {
  const work = prunableInSlices(...inputs);
  for (;;) {
    const step = work.next();
    if (step.done === true) return step.value;
  }
};
const names = (snapshots: readonly Snapshot[]) => snapshots.map(({ name }) => name).toSorted();
const three = [taken('old', 50), taken('middle', 30), taken('new', 10)];

describe('retention', () => {
  test.each([
    ['keepLast keeps the newest ones', { keepLast: 2 }, ['old']],
    ['keepFor keeps the young ones', { keepFor: minutes(40 * 60) }, ['old']],
    ['keepFor never deletes the newest', { keepFor: minutes(60) }, ['middle', 'old']],
    ['what either field keeps stays', { keepLast: 1, keepFor: minutes(40 * 60) }, ['old']],
    ['what either field keeps stays, the other way round', { keepLast: 3, keepFor: minutes(60) }, []],
    ['without a field nothing is deleted', {}, []],
  ])('%s', (_what, retention, deleted) => {
    expect(names(prunable(three, retention, NOW))).toEqual(deleted);
  });

  test('counts by VM', () => {
    const other = three.map((each) => ({ ...each, name: `db-${each.name}`, vm: 'db' }));
    expect(names(prunable([...three, ...other], { keepLast: 2 }, NOW))).toEqual(['db-old', 'old']);
  });

  test('does not count what failed, waits or is being deleted as one of the last', () => {
    const others = (['failed', 'unfinished', 'deleting'] as const).map((state, i) =>
      taken(state, i, { state }),
    );
    expect(prunable([...three, ...others], { keepLast: 3 }, NOW)).toEqual([]);
  });

  test('leaves three failures of each VM, and all that may have left something in Proxmox VE', () => {
    const failed = [1, 2, 3, 4, 5].map((hours) =>
      taken(`failed-${hours}`, hours, { state: 'failed', claimed: hours === 5 }),
    );
    expect(names(prunable(failed, { keepLast: 1 }, NOW))).toEqual(['failed-4']);
  });

  const snapshots = fc.array(
    fc
      .record({
        vm: fc.constantFrom('a', 'b'),
        hours: fc.integer({ min: -5, max: 100 }),
        state: fc.constantFrom('ready', 'ready', 'ready', 'failed', 'unfinished', 'deleting'),
        kept: fc.constantFrom(false, false, false, true),
      })
      .map(({ vm, hours, state, kept }) => ({ vm, hours, state, kept }) as const),
    { minLength: 6, maxLength: 20, size: 'max' },
  );
  const retentions = fc.record(
    { keepLast: fc.integer({ min: 1, max: 5 }), keepFor: fc.integer({ min: 1, max: 90 }) },
    { requiredKeys: [] },
  );

  test('never deletes the newest that is ready, one that is kept, or one that either field keeps', () => {
    let deleted = 0;
    fc.assert(
      fc.property(snapshots, retentions, (drawn, { keepLast, keepFor }) => {
        const all = drawn.map(({ hours, ...rest }, i) => taken(`s${i}`, hours, rest));
        const retention = {
          ...(keepLast !== undefined && { keepLast }),
          ...(keepFor !== undefined && { keepFor: minutes(keepFor * 60) }),
        };
        const gone = prunable(all, retention, NOW);
        deleted += gone.length;
        for (const { kept, state, vm, takenAt } of gone) {
          expect(kept).toBe(false);
          expect(['ready', 'failed']).toContain(state);
          if (state === 'failed') continue;
          const newer = all.filter(
            (each) => each.vm === vm && each.state === 'ready' && each.takenAt >= takenAt,
          );
          // Itself, and a newer one that stays.
          expect(newer.length).toBeGreaterThan(Math.max(1, keepLast ?? 0));
          expect(newer.some((each) => !gone.includes(each))).toBe(true);
          if (keepFor !== undefined) expect(NOW - takenAt).toBeGreaterThan(keepFor * HOUR);
        }
      }),
      { numRuns: 300 },
    );
    expect(deleted).toBeGreaterThan(100);
  });
});
