/** One life of the operator's process over one VM and its snapshots: what it keeps in memory dies with it. */
import { pino } from 'pino';
import {
  createProcessStates,
  createRestartSlots,
  createLinkedClones,
  createSnapshotRequests,
  createSnapshotTrees,
  outcomeOf,
  virtualMachineController,
} from '../../controllers/index.ts';
import type { Connection } from '../../controllers/shared/cluster/connections.ts';
import { createLedger } from '../../controllers/shared/cluster/ledger.ts';
import { createVmidAllocator } from '../../controllers/shared/cluster/vmids.ts';
import { createMarks } from '../../controllers/shared/guests/marks.ts';
import { createCloneSlots } from '../../controllers/shared/limits/clones.ts';
import { createMoveSlots } from '../../controllers/shared/limits/moves.ts';
import { NO_NAMESPACES } from '../../controllers/shared/grants/namespaces.ts';
import { createAdmissions } from '../../controllers/virtualmachine/resolve/admissions.ts';
import { vmSnapshotController } from '../../controllers/vmsnapshot/controller.ts';
import { createDocumentReader } from '../../src/cloudinit/index.ts';
import { createInventory, pve, type Inventory, type Send } from '../../src/pve/index.ts';
import { millis, vmid } from '../../src/lib/units.ts';
import type { VirtualMachine, VMSnapshot } from '../../src/api/index.ts';
import { coalescing, type CoalescingStore } from '../../src/runtime/coalescing.ts';
import type { Clock } from '../../src/runtime/clock.ts';
import type { Controller, Resource } from '../../src/runtime/controller.ts';
import { runPass, type PassResult } from '../../src/runtime/engine.ts';
import type { ObjectStore } from '../../src/runtime/object-store.ts';
import { aDigest } from './guests.ts';
import { CLUSTER_ID } from './operator-process.ts';
import { UNKNOWN_CHANGES } from './placement-changes.ts';
import { aClass, anImage, aProvider, readerNow, readerOf } from './objects.ts';

/** What of the world the process can see and reach. */
export interface SharedGuestPorts {
  readonly send: Send;
  readonly vmStore: ObjectStore<VirtualMachine>;
  readonly storeOf: (name: string) => ObjectStore<VMSnapshot> | undefined;
  readonly vm: () => VirtualMachine | undefined;
  readonly snapshots: () => readonly VMSnapshot[];
  readonly now: () => number;
  readonly after: Clock['after'];
  /** Asks for passes. */
  readonly wake: () => void;
}

export interface SharedGuestProcess {
  readonly inventory: Inventory;
  readonly passVm: () => Promise<PassResult | undefined>;
  readonly passSnapshot: (name: string) => Promise<PassResult | undefined>;
}

const SILENT = pino({ enabled: false }, { write: () => undefined });

export function sharedGuestProcess(ports: SharedGuestPorts): SharedGuestProcess {
  const { send, now, wake } = ports;
  const client = pve(send);
  const inventory = createInventory({ pve: client, now });
  const claimed = () => {
    const number = ports.vm()?.status?.vmid;
    return new Set(number === undefined ? [] : [vmid(number)]);
  };
  const connection: Connection = {
    origin: 'https://pve.example.com:8006',
    identity: { name: 'homelab', nodes: ['pve-1'] },
    pve: client,
    inventory,
    vmids: createVmidAllocator(claimed, now),
    ledger: createLedger(now),
    cloneSlots: createCloneSlots(now, () => undefined),
    moveSlots: createMoveSlots(now, () => undefined),
    marks: createMarks({ pve: client, inventory }, claimed, now),
    nodeSelector: [],
    defaults: {},
  };
  const shared = {
    clusterId: CLUSTER_ID,
    providers: readerOf(aProvider()),
    connections: { get: () => (inventory.view() ? connection : undefined), isPending: () => false },
    finishing: { forDeletion: () => ({ kind: 'none' }) as const },
    namespaces: NO_NAMESPACES,
    now,
  };
  const snapshots = readerNow(ports.snapshots);
  const linkedClones = createLinkedClones(now);
  const vmController = virtualMachineController({
    policies: readerOf(),
    vmsIn: () => [],
    vmNamed: () => undefined,
    changes: UNKNOWN_CHANGES,
    vmsInCreation: () => [],
    ...shared,
    linkedClones,
    classes: readerOf(aClass()),
    images: readerOf(anImage()),
    vms: readerNow(() => [ports.vm()].flatMap((vm) => vm ?? [])),
    snapshots,
    forceDeleted: { add: () => 0 },
    deletionLog: { allow: () => undefined, recent: () => [] },
    readSecret: () => Promise.resolve(undefined),
    readDocuments: createDocumentReader({ now: () => 0 }),
    readAgain: () => Promise.resolve(),
    addressed: () => [],
    digest: aDigest,
    vmsOfClass: () => [],
    vmsOfProvider: () => [],
    admissions: createAdmissions(() => 0),
    restartSlots: createRestartSlots({ wake: () => undefined }),
    processStates: createProcessStates(),
    enqueue: wake,
    snapshotsOf: () => snapshots.list(),
  });
  const snapshotController = vmSnapshotController({
    ...shared,
    linkedClones,
    vms: readerNow(() => [ports.vm()].flatMap((vm) => vm ?? [])),
    snapshotsOf: () => snapshots.list(),
    snapshotTrees: createSnapshotTrees(now),
    snapshotRequests: createSnapshotRequests(),
    vmsIn: () => [],
    enqueueSnapshot: wake,
  });
  const clock = {
    now: () => new Date(now()),
    monotonic: () => millis(now()),
    after: ports.after,
  };
  // A report that waits to be written is kept from pass to pass.
  const kept = new WeakMap<object, unknown>();
  const coalesced = <O extends Resource>(store: ObjectStore<O>): CoalescingStore<O> => {
    const known = kept.get(store) as CoalescingStore<O> | undefined;
    const made = known ?? coalescing(store, clock);
    kept.set(store, made);
    return made;
  };
  const pass = <O extends Resource, Status extends object>(
    kind: string,
    store: ObjectStore<O> | undefined,
    controller: Controller<O, Status>,
  ): Promise<PassResult | undefined> => {
    const [key] = store?.keys() ?? [];
    if (!store || key === undefined) return Promise.resolve(undefined);
    const deps = {
      kind,
      store: coalesced(store),
      events: { publish: () => undefined },
      log: SILENT,
      clock,
      signal: new AbortController().signal,
      outcomeOf,
      passId: () => 'p',
    };
    return runPass({ key, reasons: new Set(['edit'] as const) }, controller, deps);
  };
  return {
    inventory,
    passVm: () => pass('VirtualMachine', ports.vmStore, vmController),
    passSnapshot: (name) => pass('VMSnapshot', ports.storeOf(name), snapshotController),
  };
}
