/** The life of one VMSnapshot of a VM that exists, behind the engine: passes follow each other, and time passes between. */
import { pino } from 'pino';
import { setImmediate } from 'node:timers/promises';
import { outcomeOf } from '../../controllers/index.ts';
import type { Connection } from '../../controllers/shared/cluster/connections.ts';
import { createLedger } from '../../controllers/shared/cluster/ledger.ts';
import { createVmidAllocator } from '../../controllers/shared/cluster/vmids.ts';
import { createMarks } from '../../controllers/shared/guests/marks.ts';
import { NO_NAMESPACES } from '../../controllers/shared/grants/namespaces.ts';
import { describeGuest } from '../../controllers/shared/guests/owner-mark.ts';
import { createCloneSlots } from '../../controllers/shared/limits/clones.ts';
import { createMoveSlots } from '../../controllers/shared/limits/moves.ts';
import { vmSnapshotController } from '../../controllers/vmsnapshot/controller.ts';
import { createRequests } from '../../controllers/vmsnapshot/model/requests.ts';
import { createLinkedClones } from '../../controllers/shared/cluster/linked-clones.ts';
import { createTrees } from '../../controllers/vmsnapshot/observe/trees.ts';
import type { VirtualMachine, VMSnapshot, VMSnapshotStatus } from '../../src/api/index.ts';
import { millis, nodeName, vmid } from '../../src/lib/units.ts';
import { createInventory, pve } from '../../src/pve/index.ts';
import type { EventNote } from '../../src/runtime/controller.ts';
import { coalescing } from '../../src/runtime/coalescing.ts';
import type { Condition } from '../../src/runtime/conditions.ts';
import { runPass, type PassResult } from '../../src/runtime/engine.ts';
import { NOW } from './guests.ts';
import { inMemoryObject } from './in-memory-object.ts';
import { InMemoryPve, type ModelGuest } from './in-memory-pve.ts';
import { aProvider, aSnapshot, aVirtualMachine, readerOf, UID, type SnapshotChange } from './objects.ts';
import type { SabotagedPorts } from './saboteur.ts';

export const SNAPSHOT_VMID = 101;
const OWNER = { cluster: 'cluster-1', namespace: 'default', name: 'web', uid: UID };
const SCAN_MS = 5_000;
const MAX_PASSES = 300;

export interface SnapshotLifeOptions {
  readonly snapshot?: SnapshotChange;
  readonly between?: (ports: SabotagedPorts<VMSnapshot>, life: SnapshotLife) => SabotagedPorts<VMSnapshot>;
  readonly isDead?: () => boolean;
}

export class SnapshotLife {
  now = NOW;
  readonly pve = new InMemoryPve(() => this.now);
  readonly guest: ModelGuest;
  /** `undefined`: it was deleted. */
  vm: VirtualMachine | undefined = aVirtualMachine({
    status: {
      vmid: vmid(SNAPSHOT_VMID),
      node: nodeName('pve-1'),
      name: 'web',
      createdAt: new Date(NOW).toISOString(),
      internal: { uuid: UID },
    },
  });
  readonly store;
  readonly events: EventNote[] = [];
  readonly #options: SnapshotLifeOptions;
  #process;

  constructor(options: SnapshotLifeOptions = {}) {
    this.#options = options;
    this.store = inMemoryObject(aSnapshot(options.snapshot));
    this.guest = this.pve.add(
      SNAPSHOT_VMID,
      { name: 'web', description: describeGuest(OWNER), smbios1: `uuid=${UID}`, memory: '512' },
      { running: true },
    );
    this.#process = this.#start();
  }

  #start() {
    const direct: SabotagedPorts<VMSnapshot> = { send: this.pve.send, store: this.store };
    const { send, store } = this.#options.between?.(direct, this) ?? direct;
    const now = () => this.now;
    const client = pve(send);
    const inventory = createInventory({ pve: client, now });
    const connection: Connection = {
      origin: 'https://pve.example.com:8006',
      identity: { name: 'homelab', nodes: ['pve-1'] },
      pve: client,
      inventory,
      vmids: createVmidAllocator(() => new Set(), now),
      ledger: createLedger(now),
      cloneSlots: createCloneSlots(now, () => undefined),
      moveSlots: createMoveSlots(now, () => undefined),
      marks: createMarks({ pve: client, inventory }, () => new Set(), now),
      nodeSelector: [],
      defaults: {},
    };
    const controller = vmSnapshotController({
      clusterId: OWNER.cluster,
      providers: readerOf(aProvider()),
      vms: {
        get: () => this.vm,
        partial: () => this.vm,
        list: () => (this.vm ? [this.vm] : []),
      },
      namespaces: NO_NAMESPACES,
      snapshotsOf: () => [],
      connections: { get: () => (inventory.view() ? connection : undefined), isPending: () => false },
      finishing: { forDeletion: () => ({ kind: 'none' }) },
      snapshotTrees: createTrees(now),
      linkedClones: createLinkedClones(now),
      vmsIn: () => [],
      snapshotRequests: createRequests(),
      enqueueSnapshot: () => undefined,
      now,
    });
    const clock = {
      now: () => new Date(this.now),
      monotonic: () => millis(this.now),
      after: () => () => undefined,
    };
    const deps = {
      kind: 'VMSnapshot',
      store: coalescing(store, clock),
      events: { publish: (_about: unknown, note: EventNote) => void this.events.push(note) },
      log: pino({ enabled: false }),
      clock,
      signal: new AbortController().signal,
      outcomeOf,
      passId: () => 'p',
    };
    const work = { key: 'default/before-upgrade', reasons: new Set(['edit'] as const) };
    return { inventory, scannedAt: 0, pass: () => runPass(work, controller, deps) };
  }

  /** What the process kept in memory is lost. */
  restart(): void {
    this.#process = this.#start();
  }

  get status(): VMSnapshotStatus {
    return this.store.live()?.status ?? {};
  }

  /** `Ready=False VMBusy: …` */
  get ready(): string {
    const conditions = (this.status.conditions ?? []) as readonly Condition[];
    const found = conditions.find(({ type }) => type === 'Ready');
    return found ? `${found.status} ${found.reason}: ${found.message}` : '';
  }

  async pass(): Promise<PassResult | undefined> {
    this.pve.settle();
    if (this.now - this.#process.scannedAt >= SCAN_MS) {
      this.#process.scannedAt = this.now;
      await this.#process.inventory.refresh().catch(() => undefined);
    }
    const result = await this.#process.pass().catch(() => undefined);
    await setImmediate(); // everything that the pass left running ends
    if (this.#options.isDead?.() === true) {
      this.now += 3_000;
      this.#process = this.#start();
      return undefined;
    }
    this.now +=
      result?.next.when === 'after' ? result.next.delay : result?.next.when === 'change' ? SCAN_MS : 1_000;
    return result;
  }

  async until(isDone: () => boolean): Promise<void> {
    for (let passes = 0; passes < MAX_PASSES; passes += 1) {
      if (isDone()) return;
      await this.pass();
    }
    throw new Error(`After ${MAX_PASSES} passes there is no end to it: ${JSON.stringify(this.status)}`);
  }

  untilReady(): Promise<void> {
    return this.until(() => this.ready.startsWith('True'));
  }

  async delete(): Promise<void> {
    this.store.markDeleted();
    await this.until(() => this.store.live() === undefined);
  }

  /** Requests that are still on their way arrive, and what they began ends. */
  afterwards(): void {
    for (let round = 0; round < 2; round += 1) {
      this.now += 120_000;
      this.pve.settle();
    }
  }
}
