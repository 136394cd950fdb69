import { expect, test } from '@jest/globals';
import { SNAPSHOT_FINALIZER } from '../../../../controllers/shared/objects/released.ts';
import { snapshotOf } from '../../../../controllers/vmsnapshotschedule/snapshots.ts';
import { aSnapshot } from '../../../builders/objects.ts';

const AT = '2026-03-01T12:00:00Z';
const task = { upid: 'UPID:x' as never, type: 'Create', startedAt: AT } as const;
const deleted = (finalizers: readonly string[]) =>
  snapshotOf(
    aSnapshot({ metadata: { deletionTimestamp: AT, finalizers }, status: { task } }),
    Date.parse(AT) + 60 * 60_000,
  );

test('a VMSnapshot with a task holds others up, but not once only a finalizer of others keeps it', () => {
  expect(deleted([SNAPSHOT_FINALIZER, 'example.com/backup']).holds).toBe(true);
  expect(deleted(['example.com/backup']).holds).toBe(false);
});

test('one that waits for linked clones holds nothing up', () => {
  const waits = {
    type: 'Reconciling',
    status: 'True',
    reason: 'InUse',
    message: 'VM 201',
    lastTransitionTime: AT,
  };
  const at = (conditions: readonly (typeof waits)[]) =>
    snapshotOf(
      aSnapshot({
        metadata: { deletionTimestamp: AT, finalizers: [SNAPSHOT_FINALIZER] },
        status: { conditions: [...conditions] as never },
      }),
      Date.parse(AT) + 60_000,
    );
  expect(at([])).toMatchObject({ holds: true, neededByClones: false });
  expect(at([waits])).toMatchObject({ holds: false, neededByClones: true });
});
