import { describe, expect, test } from '@jest/globals';
import type {
  RecordedRevert,
  SnapshotFacts,
} from '../../../../../controllers/virtualmachine/model/revert.ts';
import { judgeRevert, type RevertInputs } from '../../../../../controllers/virtualmachine/revert/judge.ts';
import { vmid } from '../../../../../src/lib/units.ts';

const T1 = '2026-03-01T12:00:00Z';
const T2 = '2026-03-01T13:00:00Z';
const snapshot = (change: Partial<SnapshotFacts> = {}): SnapshotFacts => ({
  name: 'before',
  uid: 'uid-1',
  vmid: vmid(101),
  ...change,
});
const other = (change: Partial<SnapshotFacts> = {}): SnapshotFacts =>
  snapshot({ name: 'other', uid: 'uid-2', ...change });
const recorded = (change: Partial<RecordedRevert> = {}): RecordedRevert => ({
  snapshot: 'before',
  uid: 'uid-1',
  requestedAt: T1,
  generation: 3,
  state: 'Announced',
  ...change,
});
const judge = (change: Partial<RevertInputs> = {}) =>
  judgeRevert({
    recorded: undefined,
    snapshots: [],
    vmid: vmid(101),
    generation: 3,
    applyAt: undefined,
    ...change,
  });
const announced = { requestedAt: T1, state: 'Announced' } as const;
const ended = (result: NonNullable<SnapshotFacts['last']>['result'], requestedAt = T1) => ({
  requestedAt,
  result,
  at: T2,
});

test('a revert is asked for, and running until the VMSnapshot says how it ended', () => {
  expect(judge({ snapshots: [snapshot({ revert: announced })] }).next).toEqual({
    kind: 'asked',
    revert: recorded(),
  });
  expect(judge({ recorded: recorded(), snapshots: [snapshot({ revert: announced })] }).next?.kind).toBe(
    'running',
  );
});

test('one that was sent although status does not know it is recorded at once', () => {
  const sent = snapshot({ revert: { ...announced, state: 'Sent' } });
  expect(judge({ snapshots: [other({ revert: announced }), sent] }).next).toEqual({
    kind: 'record',
    revert: recorded(),
  });
});

test('another one waits for the first', () => {
  const snapshots = [snapshot({ revert: announced }), other({ revert: { ...announced, requestedAt: T2 } })];
  expect(judge({ recorded: recorded(), snapshots }).next?.kind).toBe('running');
});

describe('the end', () => {
  test.each([
    ['Reverted', { state: 'Restored' }],
    ['Unknown', { state: 'Restored', uncertain: true }],
    ['Failed', { state: 'Applied' }],
    ['NotRun', { state: 'Applied' }],
  ] as const)('%s is recorded', (result, end) => {
    const { next } = judge({ recorded: recorded(), snapshots: [snapshot({ last: ended(result) })] });
    expect(next).toMatchObject({ kind: 'record', revert: { ...recorded(), ...end } });
  });

  test.each([
    ['its VMSnapshot is gone', []],
    ['its VMSnapshot speaks of another one', [snapshot({ last: ended('NotRun', T2) })]],
  ])('is unknown where %s', (_what, snapshots) => {
    expect(judge({ recorded: recorded(), snapshots }).next).toMatchObject({
      revert: { state: 'Restored', uncertain: true },
    });
  });

  test('of one that did not happen brings back that the VM keeps the state of the one before', () => {
    const { state: _state, ...previous } = recorded({ requestedAt: T1 });
    const second = recorded({ uid: 'uid-2', snapshot: 'other', requestedAt: T2 });
    const asked = judge({
      recorded: recorded({ state: 'Restored' }),
      snapshots: [other({ revert: { requestedAt: T2, state: 'Announced' } })],
    });
    expect(asked.next).toMatchObject({ revert: { ...second, previous } });
    const snapshots = [other({ last: ended('NotRun', T2) })];
    expect(judge({ recorded: { ...second, previous }, snapshots }).next).toEqual({
      kind: 'record',
      revert: recorded({ state: 'Restored' }),
    });
  });
});

describe('the restored state', () => {
  const restored = recorded({ state: 'Restored' });

  test('is kept', () => {
    expect(judge({ recorded: restored })).toEqual({ holds: restored });
  });

  test.each([
    ['the spec is edited', { generation: 4 }],
    ['the annotation has its time, however it is written', { applyAt: '2026-03-01T13:00:00+01:00' }],
  ])('is left once %s', (_what, change) => {
    expect(judge({ recorded: restored, ...change }).next).toMatchObject({
      revert: { state: 'Applied' },
      leaves: true,
    });
  });

  test('is known from the VMSnapshot where status was lost, but not for another VM of the VMID', () => {
    const snapshots = [snapshot({ last: ended('Reverted') })];
    expect(judge({ snapshots }).next).toMatchObject({ revert: { state: 'Restored', generation: 3 } });
    expect(judge({ snapshots, vmid: vmid(102) })).toEqual({});
    expect(judge({ snapshots, recorded: recorded({ state: 'Applied' }) })).toEqual({});
  });
});
