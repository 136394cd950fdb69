/** What the VMSnapshots of one VM ask of Proxmox VE together, with an in-memory one. */
import { expect, test } from '@jest/globals';
import { pino } from 'pino';
import type { Connection } from '../../../../controllers/shared/cluster/connections.ts';
import { NO_NAMESPACES } from '../../../../controllers/shared/grants/namespaces.ts';
import { describeGuest } from '../../../../controllers/shared/guests/owner-mark.ts';
import { describeSnapshot, printIdentity } from '../../../../controllers/shared/guests/snapshot-identity.ts';
import { vmSnapshotController } from '../../../../controllers/vmsnapshot/controller.ts';
import { createRequests } from '../../../../controllers/vmsnapshot/model/requests.ts';
import { createLinkedClones } from '../../../../controllers/shared/cluster/linked-clones.ts';
import { createTrees } from '../../../../controllers/vmsnapshot/observe/trees.ts';
import type { VMSnapshot } from '../../../../src/api/index.ts';
import { nodeName, vmid } from '../../../../src/lib/units.ts';
import { createInventory, pve } from '../../../../src/pve/index.ts';
import { NOW } from '../../../builders/guests.ts';
import { InMemoryPve } from '../../../builders/in-memory-pve.ts';
import { aProvider, aSnapshot, aVirtualMachine, readerOf, UID } from '../../../builders/objects.ts';

const VMID = 101;
const CLUSTER = 'cluster-1';
const OWNER = { cluster: CLUSTER, namespace: 'default', name: 'web', uid: UID };
const GUEST = { name: 'web', description: describeGuest(OWNER), smbios1: `uuid=${UID}`, memory: '512' };

interface Counts {
  readonly settled: number;
  readonly waiting: number;
}

/** A VM with so many VMSnapshots that were taken, and so many that are to be taken. */
class Site {
  now = NOW;
  readonly pve = new InMemoryPve(() => this.now);
  readonly guest = this.pve.add(VMID, GUEST, { running: true });
  readonly #inventory = createInventory({ pve: pve(this.pve.send), now: () => this.now });
  readonly #trees = createTrees(() => this.now);
  readonly #snapshots: readonly VMSnapshot[];
  readonly #controller;

  constructor({ settled, waiting }: Counts) {
    const all = Array.from({ length: settled + waiting }, (_none, index) => `snap-${index}`);
    for (const name of all.slice(0, settled)) {
      const line = printIdentity({ cluster: CLUSTER, namespace: 'default', name, uid: `uid-of-${name}` });
      const description = describeSnapshot(undefined, line);
      this.guest.snapshots.set(name, { description, memory: false, takenAt: NOW, parent: undefined });
    }
    this.#snapshots = all.map((name, index) =>
      aSnapshot({
        metadata: { name, uid: `uid-of-${name}` },
        ...(index < settled && {
          status: {
            snapshotName: name,
            readyToUse: true,
            creationTime: new Date(NOW).toISOString(),
            observedGeneration: 1,
            internal: { vmUID: UID, vmid: vmid(VMID) },
          },
        }),
      }),
    );
    const status = {
      vmid: vmid(VMID),
      node: nodeName('pve-1'),
      name: 'web',
      createdAt: new Date(NOW).toISOString(),
      internal: { uuid: UID },
    };
    const connection = {
      identity: { name: 'homelab', nodes: ['pve-1'] },
      pve: pve(this.pve.send),
      inventory: this.#inventory,
      ledger: {},
    } as unknown as Connection;
    this.#controller = vmSnapshotController({
      clusterId: CLUSTER,
      providers: readerOf(aProvider()),
      vms: readerOf(aVirtualMachine({ status })),
      namespaces: NO_NAMESPACES,
      snapshotsOf: () => this.#snapshots,
      connections: { get: () => connection, isPending: () => false },
      finishing: { forDeletion: () => ({ kind: 'none' }) },
      snapshotTrees: this.#trees,
      linkedClones: createLinkedClones(() => this.now),
      vmsIn: () => [],
      snapshotRequests: createRequests(),
      enqueueSnapshot: () => undefined,
      now: () => this.now,
    });
  }

  /** The lists are read again, which is not counted here: it costs the same whatever there is. */
  list = (): Promise<unknown> => this.#inventory.refresh();

  scan = (): readonly string[] => this.#trees.takeOldest();

  /** What a pass over each VMSnapshot asks for: by four workers, so that some follow others. */
  async asked(): Promise<readonly string[]> {
    const before = this.pve.requests.length;
    const left = [...this.#snapshots];
    const worker = async (): Promise<void> => {
      for (let next = left.shift(); next; next = left.shift()) await this.#pass(next);
    };
    await Promise.all([worker(), worker(), worker(), worker()]);
    return this.pve.requests.slice(before).toSorted();
  }

  #pass(snapshot: VMSnapshot) {
    return this.#controller.reconcile(snapshot, {
      now: new Date(this.now),
      signal: new AbortController().signal,
      log: pino({ enabled: false }),
      deleting: false,
      reasons: new Set(['edit'] as const),
      reread: () => Promise.resolve(snapshot),
    });
  }
}

const READ = [
  'GET /nodes/{node}/qemu/{vmid}/pending',
  'GET /nodes/{node}/qemu/{vmid}/snapshot',
  'GET /nodes/{node}/qemu/{vmid}/status/current',
];

test.each([1, 20])(
  '%d snapshots of one VM cost one read of the guest when the scan comes to it',
  async (settled) => {
    const site = new Site({ settled, waiting: 0 });
    await site.list();
    expect(await site.asked()).toEqual(READ); // after a start of the process
    expect(await site.asked()).toEqual([]);
    site.now += 301_000;
    await site.list();
    expect(site.scan()).toEqual([UID]);
    expect(await site.asked()).toEqual(READ);
    expect(await site.asked()).toEqual([]);
  },
);

test.each([1, 20])(
  '%d snapshots of one VM cost one read when a backup begins, and one when it ends',
  async (settled) => {
    const site = new Site({ settled, waiting: 0 });
    await site.list();
    await site.asked();
    site.guest.config = { ...GUEST, lock: 'backup' };
    await site.list();
    expect(await site.asked()).toEqual(READ);
    expect(await site.asked()).toEqual([]);
    site.guest.config = GUEST;
    await site.list();
    expect(await site.asked()).toEqual(READ);
    expect(await site.asked()).toEqual([]);
  },
);

test('snapshots that are to be taken cost one read of a guest that is locked, however often they are looked at', async () => {
  const site = new Site({ settled: 10, waiting: 10 });
  site.guest.config = { ...GUEST, lock: 'backup' };
  await site.list();
  expect(await site.asked()).toEqual(READ);
  for (let pass = 0; pass < 5; pass += 1) {
    site.now += 2_000;
    await site.list();
    expect(await site.asked()).toEqual([]);
  }
});

test.each([1, 20])('%d snapshots of a VM that is gone search for it once', async (settled) => {
  const site = new Site({ settled, waiting: 0 });
  site.pve.guests.delete(VMID);
  await site.list();
  expect(await site.asked()).toEqual([
    'GET /cluster/nextid',
    'GET /cluster/resources',
    'GET /cluster/status',
    'GET /cluster/tasks',
    'GET /nodes/{node}/qemu/{vmid}/pending',
    'GET /nodes/{node}/qemu/{vmid}/status/current',
  ]);
});
