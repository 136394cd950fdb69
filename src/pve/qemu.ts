/** `/nodes/{node}/qemu/{vmid}`: one guest. Whoever holds the handle can reach this guest and no other. */
import type { Bytes, Millis, NodeName, Upid, Vmid } from '../lib/units.ts';
import { type Agent, agent } from './agent.ts';
import type { CallOptions, Send } from './endpoint.ts';
import {
  type Movability,
  type PendingOption,
  QEMU,
  type QemuConfig,
  type QemuStatus,
} from './qemu-endpoints.ts';
import { printSize } from './wire.ts';

export interface CloneRequest {
  readonly newid: Vmid;
  readonly name: string;
  readonly description: string;
  /** `false`: linked to the template's disks; PVE refuses `storage` and `format` then. */
  readonly full: boolean;
  /** Another node than the template's: only where all disks are on shared storage. */
  readonly target?: NodeName | undefined;
  readonly storage?: string | undefined;
  readonly pool?: string | undefined;
  readonly format?: 'raw' | 'qcow2' | 'vmdk' | undefined;
}

export interface MigrateRequest {
  readonly target: NodeName;
  /** Without it PVE refuses to move a guest that runs. */
  readonly online?: boolean | undefined;
  /** A guest that runs takes disks on local storage along only with this; one that is off always does. */
  readonly withLocalDisks?: boolean | undefined;
  /** Where disks on local storage go: one storage for all, or pairs such as `local-lvm:fast`. Absent: the same ID. */
  readonly targetStorage?: string | undefined;
}

export interface Qemu {
  readonly node: NodeName;
  readonly vmid: Vmid;
  /** As it will be after a cold start; with `current`, as it runs. */
  config(options?: CallOptions & { readonly current?: boolean }): Promise<QemuConfig>;
  /** Refused as `stale` if the digest is no longer the configuration's. `undefined`: done at once. */
  setConfig(
    patch: Readonly<Record<string, string | number>>,
    change: { readonly digest: string; readonly delete?: readonly string[] },
    options?: CallOptions,
  ): Promise<Upid | undefined>;
  /** The same, done when it answers. Only for options that need no hot-plugging and no storage. */
  setConfigNow(
    patch: Readonly<Record<string, string | number>>,
    change: { readonly digest: string; readonly delete?: readonly string[] },
    options?: CallOptions,
  ): Promise<void>;
  pending(options?: CallOptions): Promise<readonly PendingOption[]>;
  status(options?: CallOptions): Promise<QemuStatus>;
  clone(request: CloneRequest, options?: CallOptions): Promise<Upid>;
  movability(target: NodeName, options?: CallOptions): Promise<Movability>;
  /** To another node. A guest that HA manages is only asked to move, as soon as the HA manager comes to it. */
  migrate(request: MigrateRequest, options?: CallOptions): Promise<Upid>;
  start(options?: CallOptions): Promise<Upid>;
  /** Pulls the plug. */
  stop(options?: CallOptions): Promise<Upid>;
  /** Asks the guest. After `timeout` (rounded up to seconds) the task fails, or with `forceStop` pulls the plug. */
  shutdown(
    how: { readonly timeout: Millis; readonly forceStop: boolean },
    options?: CallOptions,
  ): Promise<Upid>;
  /** Shuts down and starts again, which puts pending options into force. */
  reboot(options?: CallOptions): Promise<Upid>;
  /** To this size; PVE cannot shrink. `undefined`: done at once (PVE 7). */
  resize(
    to: { readonly disk: string; readonly size: Bytes; readonly digest?: string | undefined },
    options?: CallOptions,
  ): Promise<Upid | undefined>;
  /** Copies the disk to another storage, also while the guest runs, and deletes it where it was. */
  moveDisk(
    to: { readonly disk: string; readonly storage: string; readonly digest: string },
    options?: CallOptions,
  ): Promise<Upid>;
  /** The guest must be off. `purge`: also out of backup jobs, replication and HA. */
  destroy(how: { readonly purge: boolean }, options?: CallOptions): Promise<Upid>;
  /** Writes the cloud-init drive anew from the configuration. */
  regenerateCloudInit(options?: CallOptions): Promise<void>;
  readonly agent: Agent;
}

const DIGEST_ROW = 'digest';

const written = ({
  digest,
  delete: gone = [],
}: {
  readonly digest: string;
  readonly delete?: readonly string[];
}): { readonly digest: string; readonly delete?: string } => ({
  digest,
  ...(gone.length > 0 && { delete: gone.join(',') }),
});

export const qemu = (send: Send, at: { readonly node: NodeName; readonly vmid: Vmid }): Qemu => ({
  ...at,
  config: ({ current, ...options } = {}) => send(QEMU.config, { ...at, current }, options),
  setConfig: (patch, change, options) =>
    send(QEMU.setConfig, { ...patch, ...at, ...written(change) }, options),
  setConfigNow: (patch, change, options) =>
    send(QEMU.setConfigNow, { ...patch, ...at, ...written(change) }, options),
  async pending(options) {
    const options_ = await send(QEMU.pending, at, options);
    return options_.filter(({ key }) => key !== DIGEST_ROW);
  },
  status: (options) => send(QEMU.status, at, options),
  clone: (request, options) => send(QEMU.clone, { ...at, ...request }, options),
  movability: (target, options) => send(QEMU.movability, { ...at, target }, options),
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
  reboot: (options) => send(QEMU.reboot, at, options),
  resize: ({ disk, size, digest }, options) =>
    send(QEMU.resize, { ...at, disk, digest, size: printSize(size) }, options),
  moveDisk: (to, options) => send(QEMU.moveDisk, { ...at, ...to, delete: true }, options),
  destroy: ({ purge }, options) =>
    send(QEMU.destroy, { ...at, purge, 'destroy-unreferenced-disks': false }, options),
  regenerateCloudInit: (options) => send(QEMU.regenerateCloudInit, at, options),
  agent: agent(send, at),
});
