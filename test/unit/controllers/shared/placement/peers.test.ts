/** Where the VMs of a namespace count for placement policies, and with which tags. */
import { describe, expect, test } from '@jest/globals';
import type { Provider, VirtualMachine, VMPlacementPolicy } from '../../../../../src/api/index.ts';
import { nodeName, vmid } from '../../../../../src/lib/units.ts';
import type { GuestView } from '../../../../../src/pve/index.ts';
import type { Readable } from '../../../../../src/runtime/controller.ts';
import type { Connection, Connections } from '../../../../../controllers/shared/cluster/connections.ts';
import { createLedger } from '../../../../../controllers/shared/cluster/ledger.ts';
import { nodesOf, peersIn } from '../../../../../controllers/shared/placement/peers.ts';
import { siteOf, type Site } from '../../../../../controllers/shared/placement/site.ts';
import { aProvider, aVirtualMachine, readerOf } from '../../../../builders/objects.ts';
import { aRow, aView } from '../../../../builders/views.ts';

const ONE = nodeName('pve-1');
const TWO = nodeName('pve-2');
const THREE = nodeName('pve-3');
const MADE = { vmid: vmid(101), node: ONE, createdAt: '2026-03-01T08:00:00Z' };
const GONE = {
  type: 'Ready',
  status: 'False' as const,
  reason: 'GuestMissing' as const,
  message: 'gone',
  lastTransitionTime: '2026-03-01T08:00:00Z',
};

interface World {
  readonly guests?: readonly GuestView[];
  readonly isConnected?: boolean;
}

function site({ guests = [], isConnected = true }: World = {}): Site {
  const ledger = createLedger(() => 0);
  const connections: Connections = {
    get: () => (isConnected ? ({ ledger } as unknown as Connection) : undefined),
    isPending: () => false,
  };
  return siteOf({ ledger }, aView({ guests }), {
    connections,
    providers: readerOf<Provider>(aProvider({}, { name: 'pve' })),
    policies: readerOf<VMPlacementPolicy>(),
  });
}

const vm = (change: Parameters<typeof aVirtualMachine>[0] = {}): Readable<VirtualMachine> =>
  aVirtualMachine(change);

describe('a VM counts', () => {
  test('where its guest is, whatever was recorded', () => {
    const guests = [aRow({ vmid: vmid(101), node: TWO })];
    expect(nodesOf(vm({ status: MADE }), site({ guests }))).toEqual([TWO]);
  });

  test('where it was last seen, while its Provider is not connected or its guest is not shown', () => {
    expect(nodesOf(vm({ status: MADE }), site({ isConnected: false }))).toEqual([ONE]);
    expect(nodesOf(vm({ status: MADE }), site())).toEqual([ONE]);
  });

  test('nowhere once its guest is known to be gone', () => {
    const status = { ...MADE, conditions: [GONE] };
    expect(nodesOf(vm({ status }), site())).toEqual([]);
  });

  test('where it was last seen, if its guest is gone for a Provider that is not connected', () => {
    const status = { ...MADE, conditions: [GONE] };
    expect(nodesOf(vm({ status }), site({ isConnected: false }))).toEqual([ONE]);
  });

  test('while it is made: where that was decided, where its guest is, and where its spec wants it since', () => {
    const status = { vmid: vmid(101), placement: { node: ONE } };
    const spec = { placement: { host: THREE } };
    const guests = [aRow({ vmid: vmid(101), node: TWO })];
    expect(nodesOf(vm({ spec, status }), site({ guests }))).toEqual([ONE, THREE, TWO]);
  });

  test('nowhere before anything was decided about it', () => {
    expect(nodesOf(vm({ spec: { placement: { host: THREE } } }), site())).toEqual([]);
  });
});

describe('its tags', () => {
  const tagsOf = (vms: Readable<VirtualMachine>, world?: World): readonly string[] =>
    peersIn([vms], 'default', site(world)).flatMap(({ tags }) => tags);

  test('are those of its spec from the beginning, before Proxmox VE has any', () => {
    const status = { vmid: vmid(101), placement: { node: ONE } };
    expect(tagsOf(vm({ spec: { tags: ['db'] }, status }))).toEqual(['db']);
  });

  test('are those of its guest as well, in lower case', () => {
    const guests = [aRow({ vmid: vmid(101), tags: ['By-Hand'] })];
    expect(tagsOf(vm({ spec: { tags: ['DB'] }, status: MADE }), { guests })).toEqual(['by-hand', 'db']);
  });
});
