/** A VM that is cloned from another, in the fake Proxmox VE: passes follow each other, and time passes between. */
import { setImmediate } from 'node:timers/promises';
import type { VirtualMachine, VMSnapshot } from '../../src/api/index.ts';
import { nodeName, vmid } from '../../src/lib/units.ts';
import { pve as pveOver } from '../../src/pve/index.ts';
import type { ClusterInput } from '../fakepve/cluster-file.ts';
import {
  aSource,
  aSourceSnapshot,
  SNAPNAME,
  SNAPSHOT_DESCRIPTION,
  SOURCE_CONFIG,
  SOURCE_VMID,
} from './clone-sources.ts';
import { inProcessPve } from './fake-send.ts';
import { NOW } from './guests.ts';
import { inMemoryVm } from './in-memory-vm.ts';
import type { VirtualMachineChange } from './objects.ts';
import { operatorProcess } from './operator-process.ts';

const SCAN_MS = 5_000;
const MAX_PASSES = 300;

export interface CopyOptions {
  /** Type of the storage with the disks of the source. */
  readonly storage?: string;
  readonly running?: boolean;
  readonly template?: boolean;
  /** A snapshot of the source is taken first, as the VMSnapshot controller would. */
  readonly snapshot?: boolean;
  readonly config?: Readonly<Record<string, string>>;
  /** Resource mappings, each with the nodes that have a device for it. */
  readonly mappings?: ClusterInput['mappings'];
  readonly vm?: VirtualMachineChange;
  readonly source?: () => VirtualMachine;
  readonly snapshots?: () => readonly VMSnapshot[];
}

const clusterWith = ({
  storage = 'lvmthin',
  running,
  template,
  config,
  mappings = {},
}: CopyOptions): ClusterInput => ({
  mappings,
  nodes: [{ name: 'pve-1' }, { name: 'pve-2' }],
  storages: [
    { id: 'disks', type: storage, content: ['images'], shared: storage === 'rbd' },
    { id: 'local', type: 'dir', content: ['iso', 'snippets'] },
  ],
  guests: [
    {
      vmid: SOURCE_VMID,
      node: 'pve-1',
      running: running ?? false,
      template: template ?? false,
      config: sourceConfig(storage, config),
    },
  ],
  tokens: [
    { id: 'root@pam!operator', privsep: false },
    { id: 'root@pam!others', privsep: false },
  ],
});

function sourceConfig(storage: string, config: CopyOptions['config'] = {}): Record<string, string> {
  const { ide2: _ide2, hookscript: _hookscript, cicustom: _cicustom, ...own } = SOURCE_CONFIG;
  const format = storage === 'dir' ? ',format=qcow2' : '';
  return { ...own, scsi0: `disks:10${format}`, scsi1: `disks:5,serial=data${format}`, ...config };
}

export class CopyLife {
  readonly pve;
  readonly vm;
  readonly process;
  #scannedAt = 0;

  constructor(options: CopyOptions = {}) {
    this.pve = inProcessPve(clusterWith(options), NOW);
    const { spec, ...change } = options.vm ?? {};
    this.vm = inMemoryVm({ ...change, spec: { imageRef: undefined, ...spec } });
    this.process = operatorProcess(
      {
        store: this.vm,
        now: () => this.pve.clock.now(),
        others: () => [options.source?.() ?? aSource()],
        snapshots: options.snapshots ?? (() => (options.snapshot ? [aSourceSnapshot()] : [])),
      },
      { send: this.pve.send, store: this.vm },
    );
  }

  get status() {
    return this.vm.live()?.object?.status ?? {};
  }

  get ready() {
    return this.status.conditions?.find(({ type }) => type === 'Ready');
  }

  get source() {
    return this.pve.world.guests.get(SOURCE_VMID);
  }

  /** The guest of the VM. */
  get guest() {
    return this.pve.world.guests.get(this.status.vmid ?? 0);
  }

  get clones(): number {
    return this.pve.requests.filter((request) => request.endsWith('/clone')).length;
  }

  /** @returns why Proxmox VE does not take it; `undefined`: it is there */
  async takeSnapshot(): Promise<string | undefined> {
    const { snapshots } = pveOver(this.pve.others).node(nodeName('pve-1')).qemu(vmid(SOURCE_VMID));
    if (!(await this.#driven(snapshots.areSupported()))) return 'no snapshots there';
    const request = { name: SNAPNAME, description: SNAPSHOT_DESCRIPTION, memory: false };
    await this.#driven(snapshots.create(request));
    await this.pve.clock.advance(60_000);
    return undefined;
  }

  async pass(): Promise<void> {
    if (this.pve.clock.now() - this.#scannedAt >= SCAN_MS) {
      this.#scannedAt = this.pve.clock.now();
      await this.#driven(this.process.inventory.refresh());
    }
    const { next } = await this.#driven(this.process.pass());
    this.vm.sync();
    await this.pve.clock.advance(
      next.when === 'after' ? Math.max(100, next.delay) : next.when === 'change' ? SCAN_MS : 1_000,
    );
  }

  async passes(count: number): Promise<void> {
    for (let n = 0; n < count; n += 1) await this.pass();
  }

  async until(isDone: () => boolean): Promise<void> {
    for (let passes = 0; passes < MAX_PASSES; passes += 1) {
      if (isDone()) return;
      await this.pass();
    }
    throw new Error(`There is no end to it: ${JSON.stringify(this.status)}`);
  }

  untilReady(): Promise<void> {
    return this.until(() => this.ready?.status === 'True');
  }

  /** A request may wait for a lock: time passes until it is answered. */
  async #driven<T>(work: Promise<T>): Promise<T> {
    const state = { ended: false };
    const done = work.finally(() => (state.ended = true));
    done.catch(() => undefined);
    for (let turns = 0; !state.ended; turns += 1) {
      await setImmediate();
      if (turns > 200) await this.pve.clock.advance(100);
    }
    return done;
  }
}
