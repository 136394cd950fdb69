/** One life of the operator's process, as far as a VirtualMachine is concerned: what it keeps in memory dies with it. */
import { pino } from 'pino';
import {
  createProcessStates,
  createRestartSlots,
  outcomeOf,
  virtualMachineController,
} from '../../controllers/index.ts';
import type { Connection } from '../../controllers/shared/cluster/connections.ts';
import { createCloneSlots } from '../../controllers/shared/limits/clones.ts';
import { createMarks } from '../../controllers/shared/guests/marks.ts';
import { createMoveSlots } from '../../controllers/shared/limits/moves.ts';
import { createLedger } from '../../controllers/shared/cluster/ledger.ts';
import { createLinkedClones } from '../../controllers/shared/cluster/linked-clones.ts';
import { createVmidAllocator } from '../../controllers/shared/cluster/vmids.ts';
import { createAdmissions } from '../../controllers/virtualmachine/resolve/admissions.ts';
import type { ProcessStates } from '../../controllers/virtualmachine/model/process-state.ts';
import { createDocumentReader } from '../../src/cloudinit/index.ts';
import { createInventory, pve, type Inventory, type Send } from '../../src/pve/index.ts';
import { millis, vmid } from '../../src/lib/units.ts';
import type { Provider, VirtualMachine, VMClass, VMImage, VMSnapshot } from '../../src/api/index.ts';
import type { EventNote } from '../../src/runtime/controller.ts';
import { runPass, type PassResult } from '../../src/runtime/engine.ts';
import type { ObjectStore } from '../../src/runtime/object-store.ts';
import { coalescing } from '../../src/runtime/coalescing.ts';
import { aDigest } from './guests.ts';
import { UNKNOWN_CHANGES } from './placement-changes.ts';
import { aClass, anImage, aProvider, readerNow, readerOf, type aVirtualMachine } from './objects.ts';
import { VM_KEY, type VmStore } from './in-memory-vm.ts';
import { NO_NAMESPACES } from '../../controllers/shared/grants/namespaces.ts';

export interface World {
  readonly store: VmStore;
  readonly now: () => number;
  readonly vmClass?: () => VMClass;
  readonly images?: () => readonly VMImage[];
  /** VMs with an address. */
  readonly addressed?: (value: string) => readonly VirtualMachine[];
  readonly provider?: () => Provider;
  /** The PVE cluster that the Provider is connected to. */
  readonly identity?: () => Connection['identity'];
  readonly secrets?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly defaults?: Connection['defaults'];
  /** The VMSnapshots of the VM. */
  readonly snapshots?: () => readonly VMSnapshot[];
  /** Other VMs, which it may be cloned from. */
  readonly others?: () => readonly VirtualMachine[];
}

/** What the process reaches the world through; a test may stand in between. */
export interface Ports {
  readonly send: Send;
  readonly store: ObjectStore<ReturnType<typeof aVirtualMachine>>;
}

export interface OperatorProcess {
  readonly inventory: Inventory;
  readonly ledger: Connection['ledger'];
  readonly processStates: ProcessStates;
  readonly events: EventNote[];
  pass(): Promise<PassResult>;
}

export const CLUSTER_ID = 'cluster-1';

export function operatorProcess(world: World, { send, store }: Ports): OperatorProcess {
  const { now, secrets = {}, defaults = {} } = world;
  const client = pve(send);
  const inventory = createInventory({ pve: client, now });
  const claimed = () => {
    const number = world.store.live()?.object?.status?.vmid;
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
    defaults,
  };
  const processStates = createProcessStates();
  const events: EventNote[] = [];
  const vmClass = () => world.vmClass?.() ?? aClass();
  const provider = () => world.provider?.() ?? aProvider();
  const controller = virtualMachineController({
    policies: readerOf(),
    vmsIn: () => world.others?.() ?? [],
    vmNamed: () => undefined,
    changes: UNKNOWN_CHANGES,
    vmsInCreation: () => [],
    clusterId: CLUSTER_ID,
    providers: { get: provider, partial: provider, list: () => [provider()] },
    classes: {
      get: vmClass,
      partial: vmClass,
      list: () => [],
    },
    images: readerNow(() => world.images?.() ?? [anImage()]),
    vms: readerNow(() => world.others?.() ?? []),
    snapshots: readerNow(() => world.snapshots?.() ?? []),
    connections: {
      get: () => inventory.view() && { ...connection, identity: world.identity?.() ?? connection.identity },
      isPending: () => false,
    },
    forceDeleted: { add: () => 0 },
    linkedClones: createLinkedClones(world.now),
    deletionLog: { allow: () => undefined, recent: () => [] },
    finishing: { forDeletion: () => ({ kind: 'none' }) },
    readSecret: (_namespace, name) => {
      const values = secrets[name];
      return Promise.resolve(values && { values });
    },
    readAgain: () => Promise.resolve(),
    readDocuments: createDocumentReader({ now: () => 0 }),
    addressed: world.addressed ?? (() => []),
    snapshotsOf: () => world.snapshots?.() ?? [],
    digest: aDigest,
    vmsOfClass: () => [],
    vmsOfProvider: () => [store.cached(VM_KEY)?.partial ?? []].flat(),
    admissions: createAdmissions(() => 0),
    namespaces: NO_NAMESPACES,
    restartSlots: createRestartSlots({ wake: () => undefined }),
    processStates,
    enqueue: () => undefined,
    now,
  });
  const clock = {
    now: () => new Date(now()),
    monotonic: () => millis(now()),
    after: () => () => undefined,
  };
  const deps = {
    kind: 'VirtualMachine',
    store: coalescing(store, clock),
    events: { publish: (_about: unknown, note: EventNote) => void events.push(note) },
    log: pino({ enabled: false }),
    clock,
    signal: new AbortController().signal,
    outcomeOf,
    passId: () => 'p',
  };
  const work = { key: VM_KEY, reasons: new Set(['edit'] as const) };
  const { ledger } = connection;
  return { inventory, ledger, processStates, events, pass: () => runPass(work, controller, deps) };
}
