import { describe, expect, test } from '@jest/globals';
import { usersOfProvider } from '../../../../../controllers/provider/users.ts';
import { inUse, withInUseProtection } from '../../../../../controllers/shared/objects/in-use.ts';
import { ALLOW_FROM, type VirtualMachine, type VMClass } from '../../../../../src/api/index.ts';
import type { Controller, Pass } from '../../../../../src/runtime/controller.ts';
import { vmid } from '../../../../../src/lib/units.ts';
import { settled } from '../../../../../src/runtime/outcome.ts';
import {
  aClass,
  aProvider,
  aVirtualMachine,
  type VirtualMachineChange,
} from '../../../../builders/objects.ts';
import { NO_NAMESPACES } from '../../../../../controllers/shared/grants/namespaces.ts';

const vmIn = (namespace: string, change: VirtualMachineChange = {}): VirtualMachine =>
  aVirtualMachine({
    ...change,
    metadata: { namespace, ...change.metadata },
    spec: {
      providerRef: { name: 'pve', namespace: 'default' },
      classRef: { name: 'small', namespace: 'default' },
    },
  });
const messageOf = (outcome: object): string => ('message' in outcome ? String(outcome.message) : '');

const plain: Controller<VMClass, object> = {
  name: 'vmclass',
  reconcile: () => Promise.resolve({ outcome: settled(), status: {} }),
};
/** What becomes of a class that is deleted. */
async function deleted(vmClass: VMClass, users: readonly VirtualMachine[]): Promise<string> {
  const controller = withInUseProtection('VMClass', plain, () => users);
  const { outcome } = await controller.reconcile(vmClass, { deleting: true } as Pass<VMClass>);
  expect(controller.needsFinalizer?.(vmClass)).toBe(outcome.kind !== 'released');
  return outcome.kind === 'released' ? 'released' : messageOf(outcome);
}

describe('a class that is deleted', () => {
  test('waits for VMs of its own namespace, and of those that it allows', async () => {
    expect(await deleted(aClass(), [vmIn('default')])).toContain('In use by: default/web.');
    expect(
      await deleted(aClass({}, { annotations: { [ALLOW_FROM]: 'team-a' } }), [vmIn('team-a')]),
    ).toContain('In use by');
  });

  test.each<[string, VirtualMachine]>([
    ['names it', vmIn('team-b')],
    ['names it and has a VMID of another Provider', vmIn('team-b', { status: { vmid: vmid(100) } })],
  ])('does not wait for a VM of a namespace that it does not allow, and which %s', async (_what, vm) => {
    expect(await deleted(aClass({}, { annotations: { [ALLOW_FROM]: 'team-a' } }), [vm])).toBe('released');
  });

  test('does not wait for VMs that are being deleted', async () => {
    const leaving = vmIn('default', { metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' } });
    expect(await deleted(aClass(), [leaving])).toBe('released');
  });
});

describe('a Provider that is deleted', () => {
  const provider = aProvider({}, { annotations: { [ALLOW_FROM]: 'team-a' } });

  const usersOf = (all: readonly VirtualMachine[]) =>
    usersOfProvider({ namespace: 'default', provider }, all, NO_NAMESPACES);

  test('waits for VMs of namespaces that it allows', () => {
    const users = [vmIn('default'), vmIn('team-a')];
    expect(usersOf(users)).toEqual(users);
  });

  test('does not wait for a VM that merely names it', () => {
    expect(usersOf([vmIn('team-b')])).toEqual([]);
  });

  test('waits for the guests of a namespace that it no longer allows', () => {
    const users = [vmIn('team-b', { status: { vmid: vmid(100) } })];
    expect(usersOf(users)).toEqual(users);
  });
});

describe('what an object waits for', () => {
  test('is named in its own namespace, and counted in others', () => {
    const users = [
      vmIn('team-a'),
      vmIn('default'),
      vmIn('team-b'),
      vmIn('default', { metadata: { name: 'db' } }),
    ];
    const message = messageOf(inUse('Provider', aProvider(), users));
    expect(message).toContain('In use by: default/web, default/db and 2 in other namespaces.');
    expect(message).not.toMatch(/team-/);
    expect(messageOf(inUse('Provider', aProvider(), [vmIn('team-a')]))).toContain(
      'In use by: 1 in another namespace.',
    );
  });

  test('is a list of at most five', () => {
    const users = ['a', 'b', 'c', 'd', 'e', 'f', 'g'].map((name) => vmIn('default', { metadata: { name } }));
    expect(messageOf(inUse('Provider', aProvider(), users))).toContain(
      'default/a, default/b, default/c, default/d, default/e and 2 more.',
    );
  });
});
