import { expect, test } from '@jest/globals';
import { unresolved } from '../../../../../controllers/virtualmachine/report/unresolved.ts';
import { virtualMachineStatus } from '../../../../../src/api/virtualmachine-status.ts';
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
