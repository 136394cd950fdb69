/** `/nodes/{node}/qemu/{vmid}`: a handle for one guest. */
import type { Bytes, Millis, NodeName, Upid, Vmid } from '../lib/units.ts';
import { type Agent, agent } from './agent.ts';
import type { CallOptions, Send } from './endpoint.ts';
import {
  type MigrationPreconditions,
  type PendingConfig,
  QEMU,
  type QemuConfig,
  type QemuStatus,
} from './qemu-endpoints.ts';
import { snapshots, type Snapshots } from './snapshots.ts';
import { printSize } from './wire.ts';

export interface CloneRequest {
  readonly newid: Vmid;
  readonly name: string;
  readonly description: string;
  /** `false`: a linked clone, for which PVE rejects `storage` and `format`. */
  readonly full: boolean;
  /** A node other than the template's. PVE accepts it only if all disks are on shared storage. */
  readonly target?: NodeName | undefined;
  readonly storage?: string | undefined;
  readonly pool?: string | undefined;
  readonly format?: 'raw' | 'qcow2' | 'vmdk' | undefined;
  /** Clones what this snapshot has of the disks. Absent: their present state. */
  readonly snapname?: string | undefined;
}

export interface CreateRequest {
  readonly settings: Readonly<Record<string, string | number>>;
  readonly pool?: string | undefined;
}

export interface MigrateRequest {
  readonly target: NodeName;
  /** Required to move a running guest. */
  readonly online?: boolean | undefined;
  /** Required to move a running guest with disks on local storage; a stopped guest always takes them along. */
  readonly withLocalDisks?: boolean | undefined;
  /** Target of disks on local storage: one storage for all, or pairs such as `local-lvm:fast`. Absent: the storage of the same ID. */
  readonly targetStorage?: string | undefined;
}

export interface Qemu {
  readonly node: NodeName;
  readonly vmid: Vmid;
  /** The configuration after the next cold start; with `current`, that of the running guest. */
  /** @param options - `snapshot`: the configuration that the snapshot of this name has kept */
  config(
    options?: CallOptions & { readonly current?: boolean; readonly snapshot?: string | undefined },
  ): Promise<QemuConfig>;
  /** Rejected as `stale` if the configuration has another digest. `undefined`: done without a task. */
  setConfig(
    patch: Readonly<Record<string, string | number>>,
    change: { readonly digest: string; readonly delete?: readonly string[] },
    options?: CallOptions,
  ): Promise<Upid | undefined>;
  /** The same, done when PVE answers. Only for options that need neither hot-plugging nor storage. */
  setConfigNow(
    patch: Readonly<Record<string, string | number>>,
    change: { readonly digest: string; readonly delete?: readonly string[] },
    options?: CallOptions,
  ): Promise<void>;
  /** Discards pending changes: the guest keeps the values that it runs with. */
  revertPending(
    keys: readonly string[],
    change: { readonly digest: string },
    options?: CallOptions,
  ): Promise<void>;
  /** The configuration as `config` gives it, and what of it is not in effect yet. */
  pending(options?: CallOptions): Promise<PendingConfig>;
  status(options?: CallOptions): Promise<QemuStatus>;
  /** Makes the guest, with new disks. */
  create(request: CreateRequest, options?: CallOptions): Promise<Upid>;
  clone(request: CloneRequest, options?: CallOptions): Promise<Upid>;
  /** @param target - absent: of a move to any node */
  migrationPreconditions(
    target: NodeName | undefined,
    options?: CallOptions,
  ): Promise<MigrationPreconditions>;
  /** Moves the guest to another node. For an HA resource the task only requests the move from the HA manager. */
  migrate(request: MigrateRequest, options?: CallOptions): Promise<Upid>;
  start(options?: CallOptions): Promise<Upid>;
  /** Stops the guest immediately, like a power cut. */
  stop(options?: CallOptions): Promise<Upid>;
  /** Asks the guest to shut down. After `timeout` (rounded up to seconds) the task fails, or with `forceStop` stops the guest. */
  shutdown(
    request: { readonly timeout: Millis; readonly forceStop: boolean },
    options?: CallOptions,
  ): Promise<Upid>;
  /** Grows the disk to this size; PVE cannot shrink it. `undefined`: done without a task (PVE 7). */
  resize(
    to: { readonly disk: string; readonly size: Bytes; readonly digest?: string | undefined },
    options?: CallOptions,
  ): Promise<Upid | undefined>;
  /** Moves the disk to another storage, also while the guest runs, and deletes the original. */
  moveDisk(
    to: { readonly disk: string; readonly storage: string; readonly digest: string },
    options?: CallOptions,
  ): Promise<Upid>;
  /** Turns the guest into a template, which cannot be undone. `undefined`: done without a task. */
  convertToTemplate(options?: CallOptions): Promise<Upid | undefined>;
  /** The guest must be stopped. `purge` also removes it from backup jobs, replication and HA. */
  destroy(request: { readonly purge: boolean }, options?: CallOptions): Promise<Upid>;
  /** The network configuration that PVE would write into a cloud-init drive, with its options and the node's resolver. */
  cloudInitNetwork(options?: CallOptions): Promise<string>;
  readonly agent: Agent;
  readonly snapshots: Snapshots;
}

const changeParams = ({
  digest,
  delete: removed = [],
}: {
  readonly digest: string;
  readonly delete?: readonly string[];
}): { readonly digest: string; readonly delete?: string } => ({
  digest,
  ...(removed.length > 0 && { delete: removed.join(',') }),
});

export const qemu = (send: Send, at: { readonly node: NodeName; readonly vmid: Vmid }): Qemu => ({
  ...at,
  config: ({ current, snapshot, ...options } = {}) =>
    send(QEMU.config, { ...at, current, snapshot }, options),
  setConfig: (patch, change, options) =>
    send(QEMU.setConfig, { ...patch, ...at, ...changeParams(change) }, options),
  setConfigNow: (patch, change, options) =>
    send(QEMU.setConfigNow, { ...patch, ...at, ...changeParams(change) }, options),
  revertPending: (keys, { digest }, options) =>
    send(QEMU.setConfigNow, { ...at, digest, revert: keys.join(',') }, options),
  pending: (options) => send(QEMU.pending, at, options),
  status: (options) => send(QEMU.status, at, options),
  create: ({ settings, pool }, options) =>
    send(QEMU.create, { ...settings, ...at, ...(pool !== undefined && { pool }) }, options),
  clone: (request, options) => send(QEMU.clone, { ...at, ...request }, options),
  migrationPreconditions: (target, options) => send(QEMU.migrationPreconditions, { ...at, target }, options),
  migrate: ({ target, online, withLocalDisks, targetStorage }, options) =>
    send(
      QEMU.migrate,
      { ...at, target, online, 'with-local-disks': withLocalDisks, targetstorage: targetStorage },
      options,
    ),
  start: (options) => send(QEMU.start, at, options),
  stop: (options) => send(QEMU.stop, at, options),
  shutdown: ({ timeout, forceStop }, options) =>
    send(QEMU.shutdown, { ...at, forceStop, timeout: Math.ceil(timeout / 1000) }, options),
  resize: ({ disk, size, digest }, options) =>
    send(QEMU.resize, { ...at, disk, digest, size: printSize(size) }, options),
  moveDisk: (to, options) => send(QEMU.moveDisk, { ...at, ...to, delete: true }, options),
  convertToTemplate: (options) => send(QEMU.template, at, options),
  destroy: ({ purge }, options) =>
    send(QEMU.destroy, { ...at, purge, 'destroy-unreferenced-disks': false }, options),
  cloudInitNetwork: (options) => send(QEMU.cloudInitDump, { ...at, type: 'network' }, options),
  agent: agent(send, at),
  snapshots: snapshots(send, at),
});
