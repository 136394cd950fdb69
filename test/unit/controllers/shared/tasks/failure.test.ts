import { describe, expect, test } from '@jest/globals';
import { backoff } from '../../../../../controllers/shared/tasks/backoff.ts';
import { failureAfter } from '../../../../../controllers/shared/tasks/failure.ts';
import { failureMessage } from '../../../../../controllers/shared/tasks/labels.ts';
import type { Failure, Task, TaskTable } from '../../../../../controllers/shared/tasks/model.ts';
import { NOW, UPID } from '../../../../builders/guests.ts';

/** Of a kind that has nothing to do with virtual machines. */
type Label = 'Bake' | 'Ship' | 'Advertise';
const table: TaskTable<Label> = new Map([
  ['Bake', { doing: 'baking the bread' }],
  ['Ship', { doing: 'shipping the bread' }],
  ['Advertise', { doing: 'advertising the bread', blocksOnlyItself: true }],
]);

const failed = (type: Task<Label>['type'] = 'Bake'): Task<Label> => ({
  upid: UPID,
  type,
  state: 'failed',
  exit: 'no flour',
});
const ended = (state: 'ok' | 'lost', type: Label = 'Bake'): Task<Label> => ({ upid: UPID, type, state });
const BEFORE = {
  step: 'Bake',
  message: 'no flour',
  attempts: 2,
  at: '2026-03-01T11:00:00Z',
  generation: 4,
};
const after = (
  task: Task<Label> | undefined,
  before: Parameters<typeof failureAfter>[0] = BEFORE,
  generation = 4,
) => failureAfter(before, task, { table, generation, now: NOW });

describe('a failing step', () => {
  test('is counted from one', () => {
    expect(failureAfter(undefined, failed(), { table, generation: 4, now: NOW })).toEqual({
      step: 'Bake',
      message: 'no flour',
      attempts: 1,
      at: NOW,
    });
  });

  test('says what it was done to, in status and afterwards', () => {
    const target = 'the rye';
    const task: Task<Label> = { upid: UPID, type: 'Bake', state: 'failed', exit: 'no flour', target };
    const first = failureAfter(undefined, task, { table, generation: 4, now: NOW });
    expect(first).toMatchObject({ target });
    expect(after(undefined, { ...BEFORE, target })).toMatchObject({ target });
    expect(failureMessage(table, { step: 'Bake', target, message: 'no flour' })).toBe(
      'Baking the bread (the rye) failed in Proxmox VE: no flour.',
    );
  });

  test('is counted on while the same step fails', () => {
    expect(after(failed())).toMatchObject({ attempts: 3, at: NOW });
  });

  test('is counted from one again when another step fails', () => {
    expect(after(failed('Ship'))).toMatchObject({ step: 'Ship', attempts: 1 });
  });

  test('is forgiven by an edit of the spec', () => {
    expect(after(undefined, BEFORE, 5)).toBeUndefined();
    expect(after(failed(), BEFORE, 5)).toMatchObject({ attempts: 1 });
  });

  test('is over when the same step succeeds, not another', () => {
    expect(after(ended('ok'))).toBeUndefined();
    expect(after(ended('ok', 'Ship'))).toMatchObject({ attempts: 2 });
  });

  describe('that met a lock or a cluster without quorum', () => {
    const TRANSIENT = [
      "can't lock file '/var/lock/qemu-server/lock-101.conf' - got timeout",
      'VM is locked (backup)',
      'cluster not ready - no quorum?',
      "unable to open file '/etc/pve/nodes/pve1/qemu-server/101.conf.tmp.4711' - Permission denied",
      "storage migration failed: cfs-lock 'storage-ceph' error: no quorum!",
    ];
    const met = (exit: string): Task<Label> => ({ upid: UPID, type: 'Bake', state: 'failed', exit });

    test.each(TRANSIENT)('is not counted: %s', (exit) => {
      expect(after(met(exit))).toMatchObject({ attempts: 2, at: NOW });
      expect(failureAfter(undefined, met(exit), { table, generation: 4, now: NOW })).toMatchObject({
        attempts: 0,
      });
    });

    test.each(TRANSIENT)('never needs a person: %s', (message) => {
      const failure = { step: 'Bake', message, attempts: 9, at: NOW } as const;
      const next = backoff(table)(undefined, { failure, now: NOW });
      expect(next).toMatchObject({ kind: 'wait', reason: expect.stringMatching(/^(Locked|NoQuorum)$/) });
    });
  });

  test('is remembered while nothing is known', () => {
    const standing = { step: 'Bake', message: 'no flour', attempts: 2, at: Date.parse(BEFORE.at) };
    expect(after(undefined)).toEqual(standing);
    expect(after(ended('lost'))).toEqual(standing);
  });
});

describe('a step of another version of the operator', () => {
  const recent = { ...BEFORE, step: 'Knead', at: new Date(NOW - 1_000).toISOString() };

  test('that failed holds back as any other, and is forgotten when the wait is over', () => {
    const failure = after(undefined, recent);
    expect(failure).toMatchObject({ step: 'Unknown', message: 'no flour', attempts: 2 });
    expect(backoff(table)(undefined, { failure, now: NOW })).toMatchObject({ kind: 'wait', againMs: 9_000 });
    expect(after(undefined, { ...recent, at: new Date(NOW - 10_000).toISOString() })).toBeUndefined();
  });

  test('whose task fails is counted', () => {
    expect(after(failed('Unknown'), recent)).toMatchObject({ step: 'Unknown', attempts: 3 });
  });
});

describe('what a failure says', () => {
  const waits = (failure: Failure<Label>) => backoff(table)(undefined, { failure, now: NOW });

  test('is what was being done, and what Proxmox VE answered', () => {
    expect(waits({ step: 'Bake', message: 'no flour', attempts: 1, at: NOW })).toMatchObject({
      message: 'Baking the bread failed in Proxmox VE: no flour. It is retried shortly.',
    });
    expect(waits({ step: 'Unknown', message: 'no flour.', attempts: 9, at: NOW })).toMatchObject({
      kind: 'refuse',
      message: expect.stringMatching(
        /^A task that another version of the operator started failed in Proxmox VE: no flour\. It failed 5/,
      ),
    });
  });

  test('blocks nothing where only the step itself waits', () => {
    expect(waits({ step: 'Advertise', message: 'no paper', attempts: 1, at: NOW })).toBeUndefined();
  });
});
