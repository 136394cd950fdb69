import { expect, test } from '@jest/globals';
import { virtualMachineKind } from '../../../../controllers/virtualmachine/kind.ts';
import { aVirtualMachine } from '../../../builders/objects.ts';

test('VMs share workers by who brings the server, by the server, and then by their own namespace', () => {
  const groups = (namespace: string, providerRef: { name: string; namespace?: string }) =>
    virtualMachineKind.groups?.(aVirtualMachine({ metadata: { namespace }, spec: { providerRef } }));
  expect(groups('team-a', { name: 'pve' })).toEqual(['team-a', 'pve', 'team-a']);
  expect(groups('team-a', { name: 'pve', namespace: 'infra' })).toEqual(['infra', 'pve', 'team-a']);
});
