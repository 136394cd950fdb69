import { expect, test } from '@jest/globals';
import { createForceDeleted } from '../../../../controllers/index.ts';
import { claimsOf, reservationsOf } from '../../../../src/cmd/operator/claims.ts';
import type { Provider, VirtualMachine } from '../../../../src/api/index.ts';
import type { ObjectReader, Resource } from '../../../../src/runtime/controller.ts';
import type { Watches } from '../../../../src/cmd/operator/watches.ts';
import { vmid } from '../../../../src/lib/units.ts';
import { aProvider, aVirtualMachine, readerOf } from '../../../builders/objects.ts';

const watched = <O extends Resource>(...objects: readonly O[]) =>
  ({ cache: readerOf(...objects) }) as { readonly cache: ObjectReader<O> };

const listing = (name: string, clusterID: string, number: number): Provider =>
  aProvider(
    {},
    { name },
    { clusterID, discovered: { count: 2, vms: [{ vmid: number, forceDeleted: true }, { vmid: 900 }] } },
  );

test('no VM gets a VMID that another has, or that one had which was deleted by force, in the same PVE cluster', () => {
  const watches = {
    Provider: watched<Provider>(listing('pve', 'homelab/a', 101), listing('other', 'elsewhere/x', 102)),
    VirtualMachine: watched<VirtualMachine>(aVirtualMachine({ status: { vmid: vmid(100) } })),
  } as unknown as Watches;
  const forceDeleted = createForceDeleted(() => 0);
  forceDeleted.add('default/pve', { vmid: vmid(103) });
  forceDeleted.add('default/other', { vmid: vmid(104) });
  const reserved = reservationsOf(watches, claimsOf(watches), forceDeleted);
  expect([...reserved({ name: 'homelab', nodes: ['a'] })]).toEqual([100, 101, 103]);
});
