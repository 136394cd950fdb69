import { describe, expect, test } from '@jest/globals';
import { activityOf } from '../../../../controllers/vmsnapshot/observe/activity.ts';
import type { VirtualMachine, VMSnapshot } from '../../../../src/api/index.ts';
import { minutes, seconds } from '../../../../src/lib/units.ts';
import { NOW } from '../../../builders/guests.ts';
import { aSnapshot, aVirtualMachine } from '../../../builders/objects.ts';

const REQUESTED_AT = '2026-03-01T11:00:00Z';
const mine = aSnapshot();
const other = (status?: VMSnapshot['status']) =>
  aSnapshot({ metadata: { name: 'other', uid: 'uid-of-other' }, ...(status && { status }) });

const activity = (
  status: VirtualMachine['status'],
  siblings: readonly VMSnapshot[] = [],
  spec: Partial<VirtualMachine['spec']> = {},
) => activityOf(aVirtualMachine({ spec, ...(status && { status }) }), mine, { siblings, now: NOW });

describe('a revert to another snapshot', () => {
  const status: VirtualMachine['status'] = {
    internal: {
      revert: {
        snapshot: 'other',
        uid: 'uid-of-other',
        requestedAt: REQUESTED_AT,
        generation: 1,
        state: 'Announced',
      },
    },
  };
  const openSince = (requestedAt: string) =>
    other({ internal: { revert: { requestedAt, state: 'Sent', at: REQUESTED_AT } } });

  test('is waited for as long as that snapshot has it open', () => {
    expect(activity(status, [mine, openSince(REQUESTED_AT)])).toContain(
      'is being reverted to VMSnapshot other',
    );
  });

  test.each([
    ['it has ended', [mine, other()]],
    ['another one is open', [mine, openSince('2026-03-01T11:30:00Z')]],
    ['that snapshot is gone', [mine]],
  ])('is not waited for once %s, whatever the VM has recorded', (_what, siblings) => {
    expect(activity(status, siblings)).toBeUndefined();
  });
});

describe('a hook', () => {
  const hookSince = (
    name: 'postStart' | 'preStop',
    state: 'Due' | 'Running',
    ageMs: number,
    powerState: 'On' | 'Off' = 'On',
  ): VirtualMachine['status'] => ({
    powerState,
    hook: { name, state, since: new Date(NOW - ageMs).toISOString(), generation: 1 },
  });

  test('is waited for within its time limit', () => {
    for (const state of ['Due', 'Running'] as const) {
      expect(activity(hookSince('postStart', state, minutes(10) - 1))).toContain('runs its hook postStart');
      expect(activity(hookSince('postStart', state, minutes(10)))).toBeUndefined();
    }
    expect(activity(hookSince('preStop', 'Running', seconds(60) - 1))).toContain('runs its hook preStop');
    expect(activity(hookSince('preStop', 'Running', seconds(60)))).toBeUndefined();
    const lifecycle = { gracefulShutdownTimeout: minutes(5) };
    expect(activity(hookSince('preStop', 'Running', minutes(4)), [], { lifecycle })).toContain('preStop');
  });

  test('that is due is not waited for while the VM is off', () => {
    expect(activity(hookSince('postStart', 'Due', 0, 'Off'))).toBeUndefined();
  });
});
