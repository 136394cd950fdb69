import { describe, expect, test } from '@jest/globals';
import { unresolved } from '../../../../../controllers/virtualmachine/report/unresolved.ts';
import { virtualMachineStatus } from '../../../../../src/api/virtualmachine-status.ts';
import { vmid } from '../../../../../src/lib/units.ts';
import { aVirtualMachine } from '../../../../builders/objects.ts';

const NOT_READY = { ok: false, reason: 'ProviderNotReady', message: 'Not yet.' } as const;

test.each([
  ['not Ready', { observedGeneration: 1 }, {}],
  ['being deleted', { observedGeneration: 1 }, { deletionTimestamp: '2026-03-01T12:00:00Z' }],
])(
  'a VM that is %s keeps its last report until its Provider has tried to connect',
  (_what, status, metadata) => {
    const vm = aVirtualMachine({ status, metadata });
    expect(unresolved(vm, { ...NOT_READY, early: true }).outcome.kind).toBe('unchanged');
    expect(unresolved(vm, NOT_READY).outcome).toMatchObject({ kind: 'waiting', reason: 'ProviderNotReady' });
  },
);

test('a VM that was never reported on is reported at once', () => {
  const vm = aVirtualMachine({ status: { observedGeneration: -1 } });
  expect(unresolved(vm, { ...NOT_READY, early: true }).outcome).toMatchObject({
    reason: 'ProviderNotReady',
    again: 5000,
  });
});

test('an edited spec that cannot be resolved is not reported as in sync', () => {
  const synced = {
    type: 'Synced',
    status: 'True',
    reason: 'InSync',
    message: 'Proxmox VE runs what the spec says.',
    lastTransitionTime: '2026-03-01T12:00:00Z',
    observedGeneration: 1,
  } as const;
  const placed = { ...synced, type: 'Placed', reason: 'Placed', message: 'On node pve-1.' } as const;
  const conditionsAt = (generation: number) =>
    unresolved(
      aVirtualMachine({ metadata: { generation }, status: { conditions: [synced, placed] } }),
      NOT_READY,
    ).conditions?.map(({ type }) => type);
  expect(conditionsAt(1)).toEqual(['Synced', 'Placed']);
  expect(conditionsAt(2)).toEqual(['Placed']);
});

const MISSING = { ok: false, reason: 'ClassNotFound', message: 'VMClass default/small not found.' } as const;
const ready = (reason: string) =>
  ({
    type: 'Ready',
    status: 'False',
    reason,
    message: 'm',
    lastTransitionTime: '2026-03-01T12:00:00Z',
    observedGeneration: 1,
  }) as const;

test('a reference whose target is missing is announced once, with a warning', () => {
  const eventsAfter = (reason: string, metadata = {}) =>
    unresolved(aVirtualMachine({ metadata, status: { conditions: [ready(reason)] } }), MISSING).events;
  expect(unresolved(aVirtualMachine(), MISSING).events).toEqual([
    {
      type: 'Warning',
      reason: 'ClassNotFound',
      message: 'VMClass default/small not found.',
      ofCondition: true,
    },
  ]);
  expect(eventsAfter('ImageNotFound')).toHaveLength(1);
  expect(eventsAfter('ClassNotFound')).toEqual([]);
});

test('a Provider that is not connected yet is announced by the Provider, not by each of its VMs', () => {
  expect(unresolved(aVirtualMachine(), NOT_READY).events).toEqual([]);
});

test('a VM that cannot be made after its node was chosen is no longer reported as placed there', () => {
  const condition = {
    type: 'Placed',
    status: 'True',
    lastTransitionTime: '2026-03-01T12:00:00Z',
    observedGeneration: 1,
  } as const;
  const after = (reason: string, message: string) =>
    unresolved(aVirtualMachine({ status: { conditions: [{ ...condition, reason, message }] } }), {
      ...NOT_READY,
      reason: 'NetworkUnknown',
    }).conditions;
  expect(after('NodeChosen', 'The VM is to be made on node pve-1.')).toEqual([]);
  expect(after('Placed', 'The VM is on node pve-1.')).toHaveLength(1);
});

test('a problem of any length is reported within the limit of the status, which is refused beyond it', () => {
  const message = `Provider "pve" is not ready: ${'🖥 '.repeat(600)}`;
  const { status } = unresolved(aVirtualMachine(), { ok: false, reason: 'ProviderNotReady', message });
  expect(Array.from(status.message ?? '')).toHaveLength(1024);
  expect(virtualMachineStatus.safeParse(status).success).toBe(true);
});

describe('an object that cannot be deleted', () => {
  const metadata = { deletionTimestamp: '2026-03-01T12:00:00Z', name: 'web', namespace: 'team-a' };
  const deleting = (status: object = {}) =>
    aVirtualMachine({ metadata, status: { vmid: vmid(101), ...status } });
  const problems = [
    { ok: false, reason: 'ProviderUnreachable', message: 'Provider "pve" does not answer.', silentSince: 7 },
    { ok: false, reason: 'ProviderNotReady', message: 'Secret team-a/pve not found.' },
    { ok: false, reason: 'ProviderNotFound', message: 'Provider team-a/pve not found.' },
  ] as const;

  test.each(problems)('says why ($reason), the way out and its price', (problem) => {
    const { status, outcome, events } = unresolved(deleting(), problem);
    expect(status.phase).toBe('Deleting');
    expect(status.message).toBe(
      `${problem.message} The deletion goes on by itself once that is right again. To end it now: ` +
        'kubectl annotate vm web -n team-a virtrigaud.io/force-delete=true. ' +
        'VM 101 then stays in Proxmox VE as it is, running and with its disks, and has to be removed there by hand.',
    );
    const { message } = status;
    expect(outcome).toMatchObject({ kind: 'waiting', reason: problem.reason, message });
    expect(events).toMatchObject([{ type: 'Warning', reason: problem.reason, message }]);
    const conditions = [{ ...ready(problem.reason), type: 'Reconciling', status: 'True' } as const];
    expect(unresolved(deleting({ conditions }), problem).events).toEqual([]);
  });

  test('says the way out however long the cause is', () => {
    const message = 'ü'.repeat(2000);
    const { status } = unresolved(deleting(), { ok: false, reason: 'ProviderNotReady', message });
    expect(status.message).toContain('virtrigaud.io/force-delete=true');
    expect(Buffer.byteLength(status.message ?? '')).toBeLessThanOrEqual(1024);
  });
});
