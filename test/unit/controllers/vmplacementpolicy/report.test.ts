/** What a placement policy reports of the VMs that it applies to. */
import { describe, expect, test } from '@jest/globals';
import {
  MAX_VIOLATION_MESSAGE,
  type Provider,
  type VirtualMachine,
  type VMPlacementPolicy,
} from '../../../../src/api/index.ts';
import { nodeName, vmid } from '../../../../src/lib/units.ts';
import type { View } from '../../../../src/pve/index.ts';
import type { Pass, Readable } from '../../../../src/runtime/controller.ts';
import { createLedger } from '../../../../controllers/shared/cluster/ledger.ts';
import type { Connection, Connections } from '../../../../controllers/shared/cluster/connections.ts';
import { NO_NAMESPACES } from '../../../../controllers/shared/grants/namespaces.ts';
import { UNKNOWN_CHANGES } from '../../../builders/placement-changes.ts';
import { vmPlacementPolicyController } from '../../../../controllers/vmplacementpolicy/controller.ts';
import { vmPlacementPolicyKind } from '../../../../controllers/vmplacementpolicy/kind.ts';
import { aProvider, aVirtualMachine, readerNow, readerOf } from '../../../builders/objects.ts';
import { aNode, aRow, aView } from '../../../builders/views.ts';

const DB = { 'vm.type': 'database' };
const aPolicy = (
  spec: VMPlacementPolicy['spec'],
  more: Partial<VMPlacementPolicy> = {},
): VMPlacementPolicy => {
  const { metadata } = aVirtualMachine();
  return {
    apiVersion: 'infra.virtrigaud.io/v1beta1',
    kind: 'VMPlacementPolicy',
    metadata: { ...metadata, name: 'apart', uid: 'policy' },
    spec,
    ...more,
  };
};
const APART = aPolicy({ antiAffinity: [{ key: 'vm.type', operator: 'In', values: ['database'] }] });

const FAR = aPolicy({
  antiAffinity: [
    {
      key: 'vm.type',
      operator: 'In',
      values: ['database'],
      namespaceSelector: { matchLabels: { database: 'yes' } },
    },
  ],
});

const db = (number: number, node: string, namespace = 'default'): VirtualMachine =>
  aVirtualMachine({
    metadata: { name: `db-${number}`, uid: `db-${number}`, namespace, labels: DB },
    spec: { providerRef: { name: 'pve', namespace: 'default' }, placementRef: { name: 'apart' } },
    status: { vmid: vmid(100 + number), node: nodeName(node), createdAt: '2026-03-01T08:00:00Z' },
  });

const PASS = { deleting: false } as Pass<VMPlacementPolicy>;

class Scene {
  vms: readonly VirtualMachine[] = [];
  nodes: Readonly<Record<number, string>> = {};
  state: 'connected' | 'pending' | 'unreachable' = 'connected';
  providers: readonly Provider[] = [aProvider({}, { name: 'pve' })];
  policy: VMPlacementPolicy;
  now = 0;
  readonly #ledger = createLedger(() => this.now);
  readonly #controller: ReturnType<typeof vmPlacementPolicyController>;

  constructor(policy: VMPlacementPolicy = APART, mayReadNamespaces = true) {
    this.policy = policy;
    this.#controller = vmPlacementPolicyController({
      policies: readerNow(() => [this.policy]),
      providers: readerNow(() => this.providers),
      connections: this.#connections,
      vmsIn: (namespace) => this.#readable().filter(({ metadata }) => metadata.namespace === namespace),
      policyUsers: () => this.#readable(),
      namespaces: { labelsOf: () => ({}), mayBeRead: mayReadNamespaces },
      changes: UNKNOWN_CHANGES,
      now: () => this.now,
    });
  }

  readonly #readable = () => this.vms as readonly Readable<VirtualMachine>[];

  get #connections(): Connections {
    const view = (): View =>
      aView({
        nodes: ['pve-1', 'pve-2'].map((name) => aNode(name)),
        guests: Object.entries(this.nodes).map(([number, node]) =>
          aRow({ vmid: vmid(100 + Number(number)), node: nodeName(node) }),
        ),
      });
    const connection = { inventory: { view }, ledger: this.#ledger, nodeSelector: [] };
    return {
      get: () => (this.state === 'connected' ? (connection as unknown as Connection) : undefined),
      isPending: () => this.state === 'pending',
    };
  }

  /** The next look, some time later. */
  async look() {
    this.now += 60_000;
    const { metadata } = this.policy;
    const result = await this.#controller.reconcile(this.policy, PASS);
    if (result.outcome.kind !== 'unchanged')
      this.policy = {
        ...this.policy,
        status: { ...result.status, observedGeneration: metadata.generation },
      };
    return { ...result, events: (result.events ?? []).map(({ reason }) => reason) };
  }
}

const together = (): Scene => {
  const scene = new Scene();
  scene.vms = [db(1, 'pve-1'), db(2, 'pve-1'), db(3, 'pve-2')];
  scene.nodes = { 1: 'pve-1', 2: 'pve-1', 3: 'pve-2' };
  return scene;
};

describe('a placement policy', () => {
  test('counts its users, lists those that are where it would not place them, and moves none', async () => {
    const { status, events, outcome } = await together().look();
    expect(outcome.kind).toBe('settled');
    expect(status).toEqual({
      users: 3,
      violationCount: 2,
      violations: [
        {
          vm: 'default/db-1',
          node: 'pve-1',
          message: 'VirtualMachine db-2 is on it, which antiAffinity excludes (vm.type In database)',
        },
        {
          vm: 'default/db-2',
          node: 'pve-1',
          message: 'VirtualMachine db-1 is on it, which antiAffinity excludes (vm.type In database)',
        },
      ],
    });
    expect(events).toEqual(['PolicyViolated']);
  });

  test('shortens what is said of a VM to what its status may hold', async () => {
    const others = Array.from({ length: 16 }, (_, n) => `${'a'.repeat(60)}-${n}`);
    const term = { key: 'vm.type', operator: 'In' as const, values: ['database', ...others] };
    const scene = new Scene(aPolicy({ antiAffinity: [term] }));
    scene.vms = [db(1, 'pve-1'), db(2, 'pve-1')];
    scene.nodes = { 1: 'pve-1', 2: 'pve-1' };
    const { violations = [] } = (await scene.look()).status;
    expect(violations.map(({ message }) => message.length <= MAX_VIOLATION_MESSAGE)).toEqual([true, true]);
  });

  test('says once that violations begin, also where others end, and that the last one has ended', async () => {
    const scene = together();
    await scene.look();
    expect((await scene.look()).events).toEqual([]);
    scene.nodes = { 1: 'pve-2', 2: 'pve-1', 3: 'pve-2' };
    expect((await scene.look()).events).toEqual(['PolicyViolated']);
    scene.vms = [db(1, 'pve-2'), db(2, 'pve-1')];
    expect((await scene.look()).events).toEqual(['PolicyKept']);
  });

  test('keeps what was seen while Proxmox VE does not answer, and does not announce it again', async () => {
    const scene = together();
    await scene.look();
    scene.state = 'unreachable';
    const { status, outcome } = await scene.look();
    expect(outcome).toMatchObject({ kind: 'waiting', reason: 'ProviderNotReady' });
    expect(status).toMatchObject({ users: 3, violationCount: 2 });
    scene.state = 'connected';
    expect((await scene.look()).events).toEqual([]);
  });

  test('keeps its report after a start until the Provider has tried to connect', async () => {
    const scene = together();
    await scene.look();
    scene.state = 'pending';
    expect((await scene.look()).outcome.kind).toBe('unchanged');
  });

  test('says that a node does not exist, also before a VM uses it, but not where a cluster is not known', async () => {
    const scene = new Scene(aPolicy({ nodeSelector: [nodeName('pve-1'), nodeName('pve-9')] }));
    const { outcome } = await scene.look();
    expect(outcome).toMatchObject({ kind: 'stalled', reason: 'NodeNotFound' });
    expect('message' in outcome && outcome.message).toContain('names pve-9, which no cluster');
    scene.state = 'unreachable';
    expect((await scene.look()).outcome.kind).toBe('settled');
  });

  test('does not name VMs of other namespaces', async () => {
    const scene = new Scene(aPolicy({ constraints: { maxVMsPerNode: 1 } }));
    scene.vms = [db(1, 'pve-1', 'team-a'), db(2, 'pve-1', 'team-a')];
    scene.nodes = { 1: 'pve-1', 2: 'pve-1' };
    const { status } = await scene.look();
    expect(status.violations).toEqual([
      { vm: 'team-a', node: 'pve-1', message: 'it has 2 VMs, and maxVMsPerNode is 1' },
      { vm: 'team-a', node: 'pve-1', message: 'it has 2 VMs, and maxVMsPerNode is 1' },
    ]);
  });

  test('judges how evenly VMs are spread among the nodes that their namespace is granted', async () => {
    const even = {
      topologySpread: [
        {
          topologyKey: 'node' as const,
          maxSkew: 1,
          whenUnsatisfiable: 'DoNotSchedule' as const,
          labelSelector: { matchLabels: DB },
        },
      ],
    };
    const policy = aPolicy(even);
    const scene = new Scene({ ...policy, metadata: { ...policy.metadata, namespace: 'team-a' } });
    const grants = (nodes: readonly string[]) =>
      aProvider(
        { grants: [{ namespaces: { names: ['team-a'] }, nodes: nodes.map((name) => nodeName(name)) }] },
        { name: 'pve' },
      );
    scene.vms = [db(1, 'pve-1', 'team-a'), db(2, 'pve-1', 'team-a')];
    scene.nodes = { 1: 'pve-1', 2: 'pve-1' };
    scene.providers = [grants(['pve-1', 'pve-2'])];
    expect((await scene.look()).status).toMatchObject({ violationCount: 2 });
    scene.providers = [grants(['pve-1'])];
    expect((await scene.look()).status).toMatchObject({ violationCount: 0 });
  });

  test('says so where its terms may not mean VMs of other namespaces, and ends it once they may', async () => {
    const scene = new Scene(FAR);
    scene.vms = [db(1, 'pve-1')];
    scene.nodes = { 1: 'pve-1' };
    const granting = (placementAcrossNamespaces: boolean) => [
      aProvider(
        { grants: [{ namespaces: { names: ['default'] }, placementAcrossNamespaces }] },
        { name: 'pve', namespace: 'infra' },
      ),
    ];
    scene.vms = scene.vms.map((vm) => ({
      ...vm,
      spec: { ...vm.spec, providerRef: { name: 'pve', namespace: 'infra' } },
    }));
    scene.providers = granting(false);
    expect(await scene.look()).toMatchObject({
      outcome: {
        kind: 'stalled',
        reason: 'NotGranted',
        message: expect.stringContaining('spec.grants[].placementAcrossNamespaces'),
      },
      status: { users: 1 },
    });
    scene.providers = granting(true);
    expect((await scene.look()).outcome.kind).toBe('settled');
  });

  test('says so where Namespaces may not be read, also before a VM uses it', async () => {
    const { outcome } = await new Scene(FAR, false).look();
    expect(outcome).toMatchObject({ kind: 'stalled', reason: 'NamespaceNotWatched' });
  });

  test('does not judge VMs that are being made', async () => {
    const scene = together();
    scene.vms = scene.vms.map(({ status, ...vm }) => ({
      ...vm,
      status: { ...status, createdAt: undefined },
    }));
    expect((await scene.look()).status).toMatchObject({ violationCount: 0 });
  });
});

describe('the kind', () => {
  const kindWith = (vms: readonly VirtualMachine[], provider: Provider) =>
    vmPlacementPolicyKind.controller({
      policies: readerOf(APART),
      providers: readerOf(provider),
      connections: { get: () => undefined, isPending: () => false },
      vmsIn: () => [],
      now: () => 0,
      clusterId: 'cluster',
      namespaces: NO_NAMESPACES,
      changes: UNKNOWN_CHANGES,
      usersOfKind: (kind) => () => (kind === 'Provider' ? vms : vms.filter(({ spec }) => spec.placementRef)),
    });
  const usual = aProvider({ defaults: { placementRef: { name: 'apart' } } }, { name: 'pve' });
  const unnamed = ({ spec: { placementRef: _ref, ...spec }, ...vm }: VirtualMachine): VirtualMachine => ({
    ...vm,
    spec,
  });

  test.each([
    { who: 'a VM that names it', vm: db(1, 'pve-1'), provider: aProvider({}, { name: 'pve' }), kept: true },
    {
      who: 'a VM of another namespace whose Provider names it',
      vm: unnamed(db(1, 'pve-1', 'team-a')),
      provider: usual,
      kept: true,
    },
    {
      who: 'a VM whose Provider names none either',
      vm: unnamed(db(1, 'pve-1')),
      provider: aProvider(),
      kept: false,
    },
  ])('is kept by $who: $kept', ({ vm, provider, kept }) => {
    expect(kindWith([vm], provider).needsFinalizer?.(APART)).toBe(kept);
  });
});
