/**
 * One VM, its VMSnapshots and the guest in the fake Proxmox VE: passes follow each other as the queue would have them,
 * the process may die at any call, and others use Proxmox VE as well.
 */
import { setImmediate } from 'node:timers/promises';
import { VMSnapshot, type VirtualMachine } from '../../src/api/index.ts';
import { pve as pveOver } from '../../src/pve/index.ts';
import { nodeName, vmid } from '../../src/lib/units.ts';
import type { Resource } from '../../src/runtime/controller.ts';
import type { Next } from '../../src/runtime/engine.ts';
import type { ObjectStore } from '../../src/runtime/object-store.ts';
import type { ClusterInput } from '../fakepve/cluster-file.ts';
import type { LatencyInput } from '../fakepve/latency.ts';
import { inProcessPve, unanswered } from './fake-send.ts';
import { NOW } from './guests.ts';
import { inMemoryObject, type InMemoryObject } from './in-memory-object.ts';
import { inMemoryVm, type VmStore } from './in-memory-vm.ts';
import type { VirtualMachineChange } from './objects.ts';
import { sharedGuestProcess, type SharedGuestProcess } from './shared-guest-process.ts';

/** What happens to a call of the process to the outside. */
export type CallFault = 'dies before' | 'dies after' | 'loses the answer' | 'is lost';

class Died extends Error {}

const VM = 'vm';
/** Seldom enough for thousands of lives. */
const SCAN_MS = 10_000;
/** Nothing has changed for so long: whatever waits for a minute has had its turn. */
const REST_MS = 100_000;
const MAX_MS = 4 * 3_600_000;

/** @param type of the storage with the disks: chains roll back to the newest only */
export const clusterWith = (type: string): ClusterInput => ({
  nodes: [{ name: 'pve-1' }, { name: 'pve-2' }],
  storages: [
    { id: 'disks', type, content: ['images'], shared: type === 'rbd' },
    { id: 'more', type: 'lvmthin', content: ['images'] },
    { id: 'local', type: 'dir', content: ['iso', 'import', 'snippets'] },
  ],
  guests: [
    {
      vmid: 9000,
      node: 'pve-1',
      template: true,
      config: { name: 'ubuntu', scsi0: 'disks:8', net0: 'virtio,bridge=vmbr0', agent: '1', vmgenid: '1' },
    },
  ],
  tokens: [
    { id: 'root@pam!operator', privsep: false },
    { id: 'root@pam!others', privsep: false },
  ],
});

export interface SharedGuestOptions {
  readonly storage?: string;
  readonly latency?: LatencyInput;
  readonly vm?: VirtualMachineChange;
  /** By the number of the call, from 1. */
  readonly faultAt?: (call: number, what: string) => CallFault | undefined;
}

export class SharedGuestLife {
  readonly pve;
  readonly vm: VmStore;
  readonly snapshots = new Map<string, InMemoryObject<VMSnapshot>>();
  /** Every call to the outside, of all processes. */
  readonly called: string[] = [];
  readonly #options: SharedGuestOptions;
  readonly #due = new Map<string, number>();
  #process: SharedGuestProcess;
  #alive = { is: true };
  #scannedAt = 0;
  #made = 0;

  constructor(options: SharedGuestOptions = {}) {
    this.#options = options;
    this.pve = inProcessPve(clusterWith(options.storage ?? 'rbd'), NOW, options.latency);
    this.vm = inMemoryVm(options.vm);
    this.#process = this.#start();
  }

  get now(): number {
    return this.pve.clock.now();
  }

  /** The guest of the VM. */
  get guest() {
    return this.pve.world.guests.get(this.vm.live()?.object?.status?.vmid ?? 0);
  }

  #vmid = '';

  /** As tasks name it; also after the guest is gone. */
  get vmid(): string {
    const number = this.vm.live()?.object?.status?.vmid;
    if (number !== undefined) this.#vmid = String(number);
    return this.#vmid;
  }

  guestsOfVm(): readonly number[] {
    return [...this.pve.world.guests.keys()].filter((number) => number !== 9000);
  }

  get vmObject(): VirtualMachine | undefined {
    return this.vm.live()?.object;
  }

  /** Proxmox VE as others use it. */
  get elsewhere() {
    return pveOver(this.pve.others)
      .node(nodeName(this.guest?.node ?? 'pve-1'))
      .qemu(vmid(this.guest?.vmid ?? 0));
  }

  wake = (): void => {
    this.#due.set(VM, this.now);
    for (const name of this.snapshots.keys()) this.#due.set(name, this.now);
  };

  /** `kubectl create` */
  create(name: string, spec: Partial<VMSnapshot['spec']> = {}): void {
    this.#made += 1;
    const uid = `00000000-0000-4000-8000-${String(this.#made).padStart(12, '0')}`;
    const meta = { name, namespace: 'default', uid, resourceVersion: '1', generation: 1 };
    this.snapshots.set(
      name,
      inMemoryObject<VMSnapshot>({
        apiVersion: 'infra.virtrigaud.io/v1beta1',
        kind: 'VMSnapshot',
        metadata: {
          ...meta,
          finalizers: [],
          labels: {},
          annotations: {},
          creationTimestamp: new Date(this.now).toISOString(),
        },
        spec: { vmRef: { name: 'web' }, ...spec },
      }),
    );
    this.wake();
  }

  /** `kubectl delete` */
  delete(name: string): void {
    this.snapshots.get(name)?.markDeleted();
    this.#forgetGone();
    this.wake();
  }

  /** How many reverts were asked for. */
  reverts = 0;

  revert(name: string): void {
    this.reverts += 1;
    this.snapshots.get(name)?.editSpec({ revert: { requestedAt: new Date(this.now).toISOString() } });
    this.wake();
  }

  /** What the process kept in memory is lost. */
  restart(): void {
    this.#alive.is = false;
    this.#process = this.#start();
    this.#scannedAt = 0;
    this.wake();
  }

  /** Something that others do, while time passes. */
  async act<T>(work: Promise<T>): Promise<T | undefined> {
    const done = await this.#driven(work.catch(() => undefined));
    this.wake();
    return done;
  }

  /** The pass that is due next, or time until then. */
  async step(): Promise<void> {
    if (this.now - this.#scannedAt >= SCAN_MS) await this.#scan();
    const key = [...this.#due].find(([, at]) => at <= this.now)?.[0];
    if (key !== undefined) await this.#pass(key);
    else await this.#sleep();
  }

  async steps(count: number): Promise<void> {
    for (let n = 0; n < count; n += 1) await this.step();
  }

  async until(isDone: () => boolean): Promise<void> {
    const end = this.now + MAX_MS;
    while (!isDone()) {
      if (this.now > end) throw new Error(`There is no end to it: ${this.picture()}`);
      await this.step();
    }
  }

  untilReady(): Promise<void> {
    return this.until(() => this.isTrue(this.vmObject, 'Ready'));
  }

  /** Until nothing has changed for so long. */
  async rest(quietMs = REST_MS): Promise<void> {
    let last = '';
    let since = this.now;
    await this.until(() => {
      const seen = this.picture();
      if (seen !== last) [last, since] = [seen, this.now];
      return this.now - since >= quietMs;
    });
  }

  isTrue(object: { readonly status?: Resource['status'] } | undefined, type: string): boolean {
    return this.conditionOf(object, type)?.status === 'True';
  }

  conditionOf(object: { readonly status?: unknown } | undefined, type: string) {
    const { conditions = [] } = (object?.status ?? {}) as {
      conditions?: readonly {
        readonly type: string;
        readonly status: string;
        readonly reason: string;
        readonly message: string;
      }[];
    };
    return conditions.find((each) => each.type === type);
  }

  /** Everything that a change would show in. */
  picture(): string {
    return JSON.stringify([
      this.vmObject?.status,
      [...this.snapshots].map(([name, store]) => [name, store.live()?.status]),
      this.guest?.digest,
      this.guest?.running !== undefined,
      this.pve.world.tasks.active().map(({ upid }) => upid),
    ]);
  }

  #forgetGone(): void {
    for (const [name, store] of this.snapshots)
      if (!store.live()) {
        this.snapshots.delete(name);
        this.#due.delete(name);
      }
  }

  async #pass(key: string): Promise<void> {
    this.#due.delete(key);
    const before = this.#versions();
    const run = key === VM ? this.#process.passVm() : this.#process.passSnapshot(key);
    const result = await this.#driven(run.catch(() => undefined));
    this.#forgetGone();
    if (!this.#alive.is) {
      await this.pve.clock.advance(3_000);
      this.restart();
      return;
    }
    if (this.#versions() !== before) this.wake();
    if (key === VM || this.snapshots.has(key)) this.#plan(key, result?.next ?? { when: 'backoff' });
  }

  #plan(key: string, next: Next): void {
    if (next.when === 'change') this.#due.delete(key);
    else this.#due.set(key, this.now + (next.when === 'after' ? next.delay : 1_000));
  }

  #versions(): string {
    const stores = [...this.snapshots.values()].map((store) => store.live()?.metadata.resourceVersion);
    return JSON.stringify([this.vm.live()?.metadata.resourceVersion, stores]);
  }

  async #scan(): Promise<void> {
    this.#scannedAt = this.now;
    await this.#driven(this.#process.inventory.refresh().catch(() => undefined));
    if (!this.#alive.is) this.restart();
  }

  async #sleep(): Promise<void> {
    const next = Math.min(this.#scannedAt + SCAN_MS, ...this.#due.values());
    await this.pve.clock.advance(Math.max(100, next - this.now));
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

  #after(alive: { readonly is: boolean }, delay: number, run: () => void): () => void {
    const cancelled = new AbortController();
    const fire = (): void => {
      if (alive.is) run();
    };
    void this.pve.clock.sleep(delay, cancelled.signal).then(fire, () => undefined);
    return () => cancelled.abort();
  }

  #start(): SharedGuestProcess {
    const alive = { is: true };
    const isAlive = (): boolean => alive.is;
    this.#alive = alive;
    const call = async <T>(what: string, run: () => Promise<T>, lost: () => Error): Promise<T> => {
      const die = (): never => {
        alive.is = false;
        throw new Died();
      };
      if (!isAlive()) throw new Died();
      this.called.push(what);
      const fault = this.#options.faultAt?.(this.called.length, what);
      if (fault === 'dies before') die();
      if (fault === 'is lost') throw lost();
      const answer = await run();
      if (!isAlive() || fault === 'dies after') die();
      if (fault === 'loses the answer') throw lost();
      return answer;
    };
    const guarded = <O extends Resource>(store: ObjectStore<O>): ObjectStore<O> => {
      const lost = (): Error => new Error('the API server does not answer');
      return {
        ...store,
        fetch: (key, signal) => call('fetch', () => store.fetch(key, signal), lost),
        writeFinalizers: (entry, names) =>
          call('write finalizers', () => store.writeFinalizers(entry, names), lost),
        writeStatus: (entry, status) => call('write status', () => store.writeStatus(entry, status), lost),
      };
    };
    const stores = new Map<InMemoryObject<VMSnapshot>, ObjectStore<VMSnapshot>>();
    const process = sharedGuestProcess({
      send: (endpoint, params, options) =>
        call(
          `${endpoint.method} ${endpoint.path}`,
          () => this.pve.send(endpoint, params, options),
          () => unanswered(endpoint.method, endpoint.path),
        ),
      vmStore: guarded(this.vm),
      storeOf: (name) => {
        const store = this.snapshots.get(name);
        if (!store) return undefined;
        const known = stores.get(store) ?? guarded(checked(store));
        stores.set(store, known);
        return known;
      },
      vm: () => this.vmObject,
      snapshots: () => [...this.snapshots.values()].flatMap((store) => store.live() ?? []),
      now: () => this.now,
      after: (delay, run) => this.#after(alive, delay, run),
      wake: () => alive.is && this.wake(),
    });
    process.inventory.onChange(() => this.wake());
    return process;
  }
}

/** The API server refuses a status that the schema does not allow. */
function checked(store: InMemoryObject<VMSnapshot>): ObjectStore<VMSnapshot> {
  return {
    ...store,
    writeStatus: (entry, status) => {
      VMSnapshot.status.parse(status);
      return store.writeStatus(entry, status);
    },
  };
}
