/**
 * `node hack/measure/placement.ts [VMS]`: what it costs to judge the nodes for one VM that waits, by the size of its
 * namespace. It prints microseconds per judgement, as the median of many.
 */
import { NO_NAMESPACES } from '../../controllers/shared/grants/namespaces.ts';
import { performance } from 'node:perf_hooks';
import type { Provider, VirtualMachine, VMPlacementPolicy } from '../../src/api/index.ts';
import { nodeName, vmid } from '../../src/lib/units.ts';
import type { Connection } from '../../controllers/shared/cluster/connections.ts';
import { createLedger } from '../../controllers/shared/cluster/ledger.ts';
import { createPolicyLimits } from '../../controllers/virtualmachine/placement/policy.ts';
import { aProvider, aVirtualMachine, readerOf } from '../../test/builders/objects.ts';
import { aNode, aRow, aView } from '../../test/builders/views.ts';

const VMS = Number(process.argv[2] ?? 10_000);
const NODES = Array.from({ length: 16 }, (_, n) => nodeName(`pve-${n}`));
const RUNS = 50;

const policy: VMPlacementPolicy = {
  apiVersion: 'infra.virtrigaud.io/v1beta1',
  kind: 'VMPlacementPolicy',
  metadata: { ...aVirtualMachine().metadata, name: 'policy', uid: 'policy' },
  spec: {
    antiAffinity: [{ key: 'app', operator: 'In', values: ['db'] }],
    topologySpread: [
      {
        topologyKey: 'node',
        maxSkew: 5,
        whenUnsatisfiable: 'DoNotSchedule',
        labelSelector: { matchLabels: { tier: 'back' } },
      },
    ],
    constraints: { maxVMsPerNode: 10_000 },
  },
};
const nodeOf = (n: number) => NODES[n % NODES.length] ?? nodeName('pve-0');
const made = (n: number): VirtualMachine =>
  aVirtualMachine({
    metadata: { name: `db-${n}`, uid: `db-${n}`, labels: { app: 'db', tier: 'back', name: `db-${n}` } },
    spec: { placementRef: { name: 'policy' } },
    status: { vmid: vmid(1000 + n), node: nodeOf(n), createdAt: '2026-03-01T08:00:00Z' },
  });
const vms = new Map(Array.from({ length: VMS }, (_, n) => [`db-${n}`, made(n)]));
const viewNow = () =>
  aView({
    nodes: NODES.map((name) => aNode(name)),
    guests: [...vms.values()].map(({ status }) =>
      aRow({ vmid: vmid(status?.vmid ?? 0), node: status?.node ?? nodeName('pve-0') }),
    ),
  });
let view = viewNow();
const connection = {
  inventory: { view: () => view },
  ledger: createLedger(() => 0),
  nodeSelector: [],
} as unknown as Connection;
const changed: string[] = [];
const ports = {
  connections: { get: () => connection, isPending: () => false },
  providers: readerOf<Provider>(aProvider()),
  policies: readerOf(policy),
  vmsIn: () => [...vms.values()],
  namespaces: NO_NAMESPACES,
  vmsInCreation: () => [],
  vmNamed: (_namespace: string, name: string) => vms.get(name),
  changes: {
    rules: () => 0,
    position: () => changed.length,
    since: (_namespace: string, position: number) => new Set(changed.slice(position)),
    namespaces: () => ['default'],
  },
};
const policyLimits = createPolicyLimits(ports);
const waiting = aVirtualMachine({
  metadata: { name: 'new', uid: 'new', labels: { app: 'db', tier: 'back' } },
  spec: { placementRef: { name: 'policy' } },
});

function judge(): void {
  const limits = policyLimits(waiting, connection);
  for (const node of NODES) {
    limits?.rejected(node);
    limits?.vmsOn(node);
  }
}

function median(before: (run: number) => void): number {
  const times = Array.from({ length: RUNS }, (_, run) => {
    before(run);
    const from = performance.now();
    judge();
    return performance.now() - from;
  });
  return Math.round((times.toSorted((a, b) => a - b)[RUNS / 2] ?? 0) * 1000);
}

for (let warm = 0; warm < 20; warm += 1) judge();
console.log(`${VMS} VMs in the namespace, one judgement in microseconds:`);
console.log(`  nothing has changed: ${median(() => undefined)}`);
console.log(
  `  another VM has changed: ${median((run) => {
    vms.set(`db-${run}`, made(run));
    changed.push(`db-${run}`);
  })}`,
);
console.log(
  `  the list of guests was read again: ${median(() => {
    view = viewNow();
  })}`,
);
