/** What a VM sees of its VMSnapshots. */
import { describe, expect, test } from '@jest/globals';
import { SNAPSHOT_FINALIZER } from '../../../../../controllers/shared/objects/released.ts';
import { snapshotFacts } from '../../../../../controllers/virtualmachine/revert/facts.ts';
import { judgeRevert } from '../../../../../controllers/virtualmachine/revert/judge.ts';
import { activityOf } from '../../../../../controllers/vmsnapshot/observe/activity.ts';
import type { VMSnapshotStatus } from '../../../../../src/api/index.ts';
import { vmid } from '../../../../../src/lib/units.ts';
import { UPID } from '../../../../builders/guests.ts';
import { aSnapshot, aVirtualMachine, UID } from '../../../../builders/objects.ts';

const AT = '2026-03-01T12:00:00Z';
const THEIRS = 'example.com/backup';
const revert = { requestedAt: AT, state: 'Sent', at: AT } as const;
const working: VMSnapshotStatus = {
  snapshotName: 'before-upgrade',
  task: { upid: UPID, type: 'Revert', startedAt: AT },
  internal: { vmUID: UID, vmid: vmid(101), revert },
};

const snapshotWith = (finalizers: readonly string[], deletionTimestamp?: string, status = working) =>
  aSnapshot({ metadata: { finalizers, ...(deletionTimestamp && { deletionTimestamp }) }, status });
const factsOf = (...args: Parameters<typeof snapshotWith>) =>
  snapshotFacts(aVirtualMachine(), [snapshotWith(...args)]);

describe.each([
  ['is there', snapshotWith([SNAPSHOT_FINALIZER])],
  ['is being deleted', snapshotWith([SNAPSHOT_FINALIZER, THEIRS], AT)],
  ['has no finalizer yet', snapshotWith([])],
])('a VMSnapshot that %s', (_what, snapshot) => {
  test('holds its VM and the other snapshots of it as long as it has a task or a revert', () => {
    expect(snapshotFacts(aVirtualMachine(), [snapshot])).toMatchObject([
      { task: 'Revert', revert: { requestedAt: AT, state: 'Sent' } },
    ]);
    expect(
      activityOf(aVirtualMachine(), aSnapshot({ metadata: { uid: 'another' } }), {
        siblings: [snapshot],
        now: 0,
      }),
    ).toMatch(/before-upgrade/);
  });
});

describe('a VMSnapshot that only the finalizer of somebody else keeps', () => {
  test('has nothing more to do with its VM', () => {
    expect(factsOf([THEIRS], AT)).toEqual([]);
  });

  test('leaves a revert of the VM unknown', () => {
    const recorded = {
      snapshot: 'before-upgrade',
      uid: snapshotWith([]).metadata.uid,
      requestedAt: AT,
      generation: 1,
      state: 'Announced' as const,
    };
    const about = { recorded, vmid: vmid(101), generation: 1, applyAt: undefined };
    expect(judgeRevert({ ...about, snapshots: factsOf([SNAPSHOT_FINALIZER], AT) }).next?.kind).toBe(
      'running',
    );
    expect(judgeRevert({ ...about, snapshots: factsOf([THEIRS], AT) }).next).toMatchObject({
      kind: 'record',
      revert: { state: 'Restored', uncertain: true },
    });
  });

  test('still says how the last revert ended', () => {
    const lastRevert = { requestedAt: AT, result: 'Reverted', at: AT } as const;
    expect(factsOf([THEIRS], AT, { ...working, lastRevert })).toEqual([
      expect.objectContaining({ last: lastRevert }),
    ]);
  });

  test('is waited for by no other snapshot', () => {
    const other = aSnapshot({ metadata: { uid: 'another' } });
    expect(
      activityOf(aVirtualMachine(), other, { siblings: [snapshotWith([THEIRS], AT)], now: 0 }),
    ).toBeUndefined();
  });
});
