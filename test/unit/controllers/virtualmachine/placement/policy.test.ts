/** What placement policies say of nodes for a VM that is to be made, from the objects and the cluster as they are. */
import { describe, expect, test } from '@jest/globals';
import type { Provider, VirtualMachine, VMPlacementPolicy } from '../../../../../src/api/index.ts';
import { nodeName, vmid, type NodeName } from '../../../../../src/lib/units.ts';
import type { Readable } from '../../../../../src/runtime/controller.ts';
import type { Connection } from '../../../../../controllers/shared/cluster/connections.ts';
import { createLedger } from '../../../../../controllers/shared/cluster/ledger.ts';
import { createPolicyLimits } from '../../../../../controllers/virtualmachine/placement/policy.ts';
import { aProvider, aVirtualMachine, readerNow, readerOf } from '../../../../builders/objects.ts';
import { NO_NAMESPACES } from '../../../../../controllers/shared/grants/namespaces.ts';
import { UNKNOWN_CHANGES } from '../../../../builders/placement-changes.ts';
import { aNode, aView } from '../../../../builders/views.ts';

const NODES = ['pve-1', 'pve-2', 'pve-3'].map((name) => nodeName(name));

const aPolicy = (spec: VMPlacementPolicy['spec']): VMPlacementPolicy => ({
  apiVersion: 'infra.virtrigaud.io/v1beta1',
  kind: 'VMPlacementPolicy',
  metadata: { ...aVirtualMachine().metadata, name: 'policy', uid: 'policy' },
  spec,
});

const own = (change: Partial<VirtualMachine['spec']> = {}): VirtualMachine =>
  aVirtualMachine({ spec: { placementRef: { name: 'policy' }, ...change } });

/** It has a VMID and a node, and no guest yet. */
const inCreation = (name: string, node: string, spec: Partial<VirtualMachine['spec']> = {}): VirtualMachine =>
  aVirtualMachine({
    metadata: { name, uid: name, labels: { app: 'db' } },
    spec,
    status: { vmid: vmid(200), placement: { node: nodeName(node) } },
  });

class Scene {
  policy: VMPlacementPolicy | undefined;
  vms: readonly VirtualMachine[] | 'not to be asked' = [];

  constructor(spec?: VMPlacementPolicy['spec']) {
    this.policy = spec && aPolicy(spec);
  }

  /** The nodes that are left for a VM. */
  allowed(vm: VirtualMachine = own()): readonly NodeName[] {
    const view = aView({ nodes: NODES.map((name) => aNode(name)) });
    const connection = {
      inventory: { view: () => view },
      ledger: createLedger(() => 0),
      nodeSelector: [],
    } as unknown as Connection;
    const policyLimits = createPolicyLimits({
      connections: { get: () => connection, isPending: () => false },
      providers: readerOf<Provider>(aProvider({}, { name: 'pve' })),
      policies: readerNow<VMPlacementPolicy>(() => (this.policy ? [this.policy] : [])),
      vmsIn: () => this.#vms(),
      vmsInCreation: () => this.#vms(),
      vmNamed: () => undefined,
      changes: UNKNOWN_CHANGES,
      namespaces: NO_NAMESPACES,
    });
    const limits = policyLimits(vm, connection);
    return NODES.filter((node) => limits?.rejected(node) === undefined);
  }

  #vms(): readonly Readable<VirtualMachine>[] {
    if (this.vms === 'not to be asked') throw new Error('other VMs do not matter here');
    return this.vms;
  }
}

describe('a VM that is to be made', () => {
  test('is made nowhere once its policy is gone, which it may be from one moment to the next', () => {
    const scene = new Scene({ nodeSelector: [NODES[0]!] });
    expect(scene.allowed()).toEqual([NODES[0]]);
    scene.policy = undefined;
    expect(scene.allowed()).toEqual([]);
  });

  test('follows an edit of its policy at once', () => {
    const scene = new Scene({ nodeSelector: [NODES[0]!] });
    scene.policy = aPolicy({ nodeSelector: [NODES[1]!] });
    expect(scene.allowed()).toEqual([NODES[1]]);
  });

  test('is kept apart by tags from VMs that are being made', () => {
    const scene = new Scene({ antiAffinity: [{ pveTags: ['Primary'] }] });
    scene.vms = [inCreation('db-1', 'pve-1', { tags: ['PRIMARY'] })];
    expect(scene.allowed()).toEqual([NODES[1], NODES[2]]);
  });

  test('is kept away by its own tags, however they are written', () => {
    const scene = new Scene({ antiAffinity: [{ pveTags: ['primary'] }] });
    scene.vms = [inCreation('db-1', 'pve-1', { placementRef: { name: 'policy' } })];
    expect(scene.allowed(aVirtualMachine({ spec: { tags: ['PRIMARY'] } }))).toEqual([NODES[1], NODES[2]]);
    expect(scene.allowed(aVirtualMachine())).toEqual(NODES);
  });

  test('is kept apart from one that is made on one node and is to move to another at once', () => {
    const scene = new Scene({ antiAffinity: [{ key: 'app', operator: 'Exists' }] });
    scene.vms = [inCreation('db-1', 'pve-1', { placement: { host: NODES[1]! } })];
    expect(scene.allowed()).toEqual([NODES[2]]);
  });

  test('does not look at the other VMs of its namespace if no rule is about them', () => {
    const scene = new Scene({ nodeSelector: [NODES[2]!] });
    scene.vms = 'not to be asked';
    expect(scene.allowed()).toEqual([NODES[2]]);
  });

  test('may be anywhere without a policy', () => {
    expect(new Scene().allowed(aVirtualMachine())).toEqual(NODES);
  });
});
