/**
 * Fifty VMs of which no two may be on one node, on too few nodes, while two operators are killed and stopped for longer
 * than the Lease lasts: what Proxmox VE has is looked at all the time.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Server } from '../../../hack/control-plane/processes.ts';
import { shippedCluster } from '../../fakepve/cluster-file.ts';
import { Random } from '../../fakepve/random.ts';
import {
  OPERATOR_NAMESPACE,
  operatorProcesses,
  startOperatorPlane,
  type OperatorPlane,
  type OperatorProcesses,
} from '../harness/operator.ts';
import { changes, orphans, ownGuests, tasksDone, type FakePve } from '../harness/pve.ts';
import { soon } from '../harness/soon.ts';
import { condition, manifest, tenant, vm } from './tenant.ts';

const VMS = 50;
const NODES = 46;
const BATCH = 10;
/** VIRTRIGAUD_SEED=any: at other moments. */
const SEED = process.env['VIRTRIGAUD_SEED'] ?? 'anti-affinity';
/** An operator that was killed leaves its Lease, which lasts 15 s. */
const LEASE_MS = 15_000;
const LIMIT_MS = 900_000;

const NAMES = ['first', 'second'] as const;
type Name = (typeof NAMES)[number];

let plane: OperatorPlane;
let operators: OperatorProcesses;
const running = new Map<Name, Server>();
const random = new Random(SEED);

beforeAll(async () => {
  plane = await startOperatorPlane();
  operators = await operatorProcesses(plane);
});
afterAll(async () => {
  for (const { pid, running: isRunning } of running.values()) if (isRunning()) process.kill(pid, 'SIGCONT');
  await operators.endAll();
  await plane.stop();
});

const start = (name: Name): void => void running.set(name, operators.spawn(name));

async function leader(): Promise<Name> {
  return soon(async () => {
    const holder = await plane.succeed([
      ...['get', 'lease', '-n', OPERATOR_NAMESPACE, '-o', 'jsonpath={.items[*].spec.holderIdentity}'],
    ]);
    const name = NAMES.find((each) => holder.startsWith(each));
    if (name === undefined) throw new Error('nobody leads');
    return name;
  });
}

const cluster = () => {
  const demo = shippedCluster('document');
  const [node] = demo.nodes;
  if (!node) throw new Error('the demo cluster has no node');
  const nodes = Array.from({ length: NODES }, (_, n) => ({ ...node, name: `pve-${n + 1}` }));
  return { ...demo, name: 'anti-affinity', nodes };
};

/** Guests that were made, marked or not yet, by node. One that is being cloned is on the node of its template until then. */
const madeOn = (pve: FakePve, others: ReadonlySet<number>): ReadonlyMap<string, readonly number[]> => {
  const made = [...pve.state.guests.values()].filter(
    (guest) => !others.has(guest.vmid) && guest.get('lock') !== 'clone',
  );
  const byNode = Map.groupBy(made, ({ node }) => node);
  return new Map([...byNode].map(([node, guests]) => [node, guests.map(({ vmid }) => vmid)]));
};

/** Looks at Proxmox VE until the test ends, and remembers nodes that had two of them. */
function watch(pve: FakePve): { readonly broken: ReadonlySet<string>; readonly end: () => void } {
  const others = new Set([...pve.state.guests.keys()]);
  const broken = new Set<string>();
  const timer = setInterval(() => {
    for (const [node, vmids] of madeOn(pve, others))
      if (vmids.length > 1) broken.add(`${node}: ${vmids.join(', ')}`);
  }, 20).unref();
  return { broken, end: () => clearInterval(timer) };
}

/** Until so many more changes were sent to Proxmox VE, and a moment more. */
async function someChanges(pve: FakePve): Promise<void> {
  const wanted = changes(pve).length + random.integer(1, 12);
  const deadline = performance.now() + LEASE_MS + 10_000;
  while (changes(pve).length < wanted && performance.now() < deadline) await sleep(2);
  await sleep(random.integer(0, 60));
}

async function kill(): Promise<void> {
  const name = await leader();
  await running.get(name)?.end('SIGKILL');
  start(name);
}

/** It stands still until the other leads and makes VMs, and goes on in the middle of that. */
async function standStill(pve: FakePve): Promise<void> {
  const name = await leader();
  const stopped = running.get(name);
  if (!stopped) throw new Error(`${name} does not run`);
  process.kill(stopped.pid, 'SIGSTOP');
  await soon(async () => expect(await leader()).not.toBe(name));
  await someChanges(pve);
  process.kill(stopped.pid, 'SIGCONT');
  await soon(() => expect(stopped.running()).toBe(false));
  start(name);
}

const labels = { app: 'quorum' };
const apart = manifest('VMPlacementPolicy', 'apart', {
  antiAffinity: [{ key: 'app', operator: 'In', values: [labels.app] }],
});

test(
  'never has two of them on one node, and makes one guest for each that has a node',
  async () => {
    const t = await tenant(plane, { cluster: cluster(), latency: { scale: 0.1, request: 100 } });
    const { pve } = t;
    const { broken, end } = watch(pve);
    await t.apply(apart);
    NAMES.forEach(start);
    const names = Array.from({ length: VMS }, (_, n) => `vm-${n}`);
    const incidents = [kill, () => standStill(pve), kill, () => standStill(pve), kill];
    for (const [at, incident] of incidents.entries()) {
      const batch = names.slice(at * BATCH, (at + 1) * BATCH);
      await t.apply(
        ...batch.map((name) =>
          manifest('VirtualMachine', name, vm(name, { placementRef: { name: 'apart' } }).spec, { labels }),
        ),
      );
      await someChanges(pve);
      await incident();
    }
    const isDone = async () => {
      const all = await t.list('virtualmachines');
      const reasons = all.map((each) => condition(each).is);
      expect(reasons.filter((is) => is.startsWith('Ready=True'))).toHaveLength(NODES);
      expect(reasons.filter((is) => is === 'Ready=False NoEligibleNode')).toHaveLength(VMS - NODES);
    };
    await soon(isDone);
    end();
    expect([...broken]).toEqual([]);
    const placed = (await t.list('virtualmachines')).filter(({ status }) => status.vmid !== undefined);
    expect(
      ownGuests(pve)
        .map((guest) => [guest.get('name'), guest.vmid, guest.node])
        .toSorted(),
    ).toEqual(placed.map(({ metadata, status }) => [metadata.name, status.vmid, status.node]).toSorted());
    expect(new Set(ownGuests(pve).map(({ node }) => node)).size).toBe(NODES);
    expect(ownGuests(pve)).toHaveLength(NODES);
    expect(tasksDone(pve, 'qmclone')).toBe(NODES);
    expect(orphans(pve)).toEqual([]);
    const [waiting] = (await t.list('virtualmachines')).filter((each) =>
      condition(each).is.endsWith('NoEligibleNode'),
    );
    expect(condition(waiting).message).toMatch(/which anti/);
  },
  LIMIT_MS,
);
