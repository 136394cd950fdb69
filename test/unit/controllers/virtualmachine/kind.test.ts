import { describe, expect, test } from '@jest/globals';
import type { Lookup } from '../../../../controllers/shared/objects/kind-module.ts';
import { cloneSources } from '../../../../controllers/virtualmachine/resolve/clone-from.ts';
import { virtualMachineKind } from '../../../../controllers/virtualmachine/kind.ts';
import { aSnapshot, aVirtualMachine } from '../../../builders/objects.ts';

test('VMs share workers by who brings the server, by the server, and then by their own namespace', () => {
  const groups = (namespace: string, providerRef: { name: string; namespace?: string }) =>
    virtualMachineKind.groups?.(aVirtualMachine({ metadata: { namespace }, spec: { providerRef } }));
  expect(groups('team-a', { name: 'pve' })).toEqual(['team-a', 'pve', 'team-a']);
  expect(groups('team-a', { name: 'pve', namespace: 'infra' })).toEqual(['infra', 'pve', 'team-a']);
});

describe('a VM that is to be a copy', () => {
  const copy = aVirtualMachine({ spec: { imageRef: undefined, cloneFrom: { vmRef: { name: 'db' } } } });
  const lookup: Lookup = {
    keys: () => [],
    addressed: () => [],
    snapshotsOf: () => [],
    vmClonesOf: () => [],
    clonesOf: (source) => (cloneSources(copy).includes(source) ? ['default/web'] : []),
  };

  test('gets a pass when its source changes, until it exists', () => {
    const { follows } = virtualMachineKind;
    const change = { key: 'default/db', object: aVirtualMachine({ metadata: { name: 'db' } }) };
    expect(follows?.VirtualMachine?.(change, lookup)).toEqual(['default/web']);
    expect(follows?.VirtualMachine?.({ ...change, key: 'default/other' }, lookup)).toEqual([]);
    expect(cloneSources({ ...copy, status: { name: 'web' } })).toEqual([]);
  });

  test('of a snapshot gets one when that changes', () => {
    const { spec } = aVirtualMachine({
      spec: { cloneFrom: { snapshotRef: { name: 'before-upgrade', namespace: 'prod' } } },
    });
    expect(cloneSources({ ...copy, spec })).toEqual(['VMSnapshot prod/before-upgrade']);
    const change = { key: 'prod/before-upgrade', object: aSnapshot({ metadata: { namespace: 'prod' } }) };
    const clonesOf = (source: string) => (source === 'VMSnapshot prod/before-upgrade' ? ['default/web'] : []);
    expect(virtualMachineKind.follows?.VMSnapshot?.(change, { ...lookup, clonesOf })).toEqual([
      'prod/web',
      'default/web',
    ]);
  });
});
