/** `/nodes/{node}/qemu/{vmid}`: one guest. Whoever holds the handle can reach this guest and no other. */
import { z } from 'zod';
import type { Bytes, Millis, NodeName, Upid, Vmid } from '../lib/units.ts';
import { agent, type Agent } from './agent.ts';
import { endpoint, type CallOptions, type Feature, type Need, type Send } from './endpoint.ts';
import {
  Flag,
  Int,
  maybe,
  MaybeUpid,
  NodeParam,
  Nothing,
  Num,
  printSize,
  rows,
  Size,
  Text,
  UpidText,
  VmidParam,
} from './wire.ts';

const At = z.object({ node: NodeParam, vmid: VmidParam });

const Config = z.looseObject({ digest: Text }).transform((all) => {
  const values = Object.entries(all).flatMap(([key, value]) => {
    const text = Text.safeParse(value);
    return text.success && key !== 'digest' ? [[key, text.data] as const] : [];
  });
  return { digest: all.digest, values: Object.fromEntries(values) };
});

/** A guest's configuration. */
export interface QemuConfig {
  /** Changes with every write, by whomever. */
  readonly digest: string;
  /** Each option that is set, as text (`memory` is `"2048"`, in MiB). What is not set is absent. */
  readonly values: Readonly<Record<string, string>>;
}

const PendingRow = z
  .object({ key: z.string(), value: maybe(Text), pending: maybe(Text), delete: maybe(Int) })
  .transform((row) => ({
    key: row.key,
    value: row.value,
    pending: row.pending,
    delete: (row.delete ?? 0) > 0,
  }));

/** An option as it is in force, and as it will be after the next cold start, if that differs. */
export type PendingOption = z.output<typeof PendingRow>;

const Ha = z.object({ managed: Flag, state: maybe(Text) });

const Status = z.object({
  status: Text,
  /** Finer: paused, io-error, prelaunch, suspended … */
  qmpstatus: maybe(Text),
  name: maybe(Text),
  lock: maybe(Text),
  template: Flag,
  /** Whether the guest agent is enabled in what is running. */
  agent: Flag,
  pid: maybe(Int),
  /** Seconds. */
  uptime: maybe(Int),
  cpus: maybe(Num),
  maxmem: maybe(Size),
  ha: maybe(Ha).transform((ha) => ({ managed: ha?.managed ?? false, state: ha?.state })),
});
export type QemuStatus = z.output<typeof Status>;

const HaCause = z.object({ sid: Text, cause: maybe(Text) });
const NotAllowed = z.object({
  unavailable_storages: maybe(z.array(Text)),
  'unavailable-resources': maybe(z.array(Text)),
  'blocking-ha-resources': maybe(z.array(HaCause)),
});
const Movability = z
  .object({
    local_disks: maybe(z.array(z.object({ volid: Text, cdrom: Flag }))),
    local_resources: maybe(z.array(Text)),
    not_allowed_nodes: maybe(z.record(z.string(), NotAllowed)),
  })
  .transform((all) => ({
    localDisks: all.local_disks ?? [],
    localResources: all.local_resources ?? [],
    notAllowed: Object.fromEntries(
      Object.entries(all.not_allowed_nodes ?? {}).map(([node, why]) => [
        node,
        {
          storages: why.unavailable_storages ?? [],
          resources: why['unavailable-resources'] ?? [],
          ha: why['blocking-ha-resources'] ?? [],
        },
      ]),
    ),
  }));
/** What binds a guest to its node. */
export type Movability = z.output<typeof Movability>;

const onGuest = (privilege: string, feature?: Feature): Need => ({
  path: '/vms/{vmid}',
  anyOf: [privilege],
  ...(feature && { feature }),
});
const storageSpace: Need = { path: '/storage/{storage}', anyOf: ['Datastore.AllocateSpace'] };
const bridgeUse: Need = { path: '/sdn/zones/{zone}', anyOf: ['SDN.Use'], since: 8, feature: 'bridges' };
const poolUse: Need = { path: '/pool/{pool}', anyOf: ['VM.Allocate'], feature: 'pools' };
const power = [onGuest('VM.PowerMgmt')] as const;

const path = '/nodes/{node}/qemu/{vmid}';

const CONFIG_NEEDS = [
  onGuest('VM.Config.CPU'),
  onGuest('VM.Config.Memory'),
  onGuest('VM.Config.Disk'),
  onGuest('VM.Config.Network'),
  onGuest('VM.Config.Options'),
  onGuest('VM.Config.HWType'),
  onGuest('VM.Config.CDROM', 'isoUpload'),
  onGuest('VM.Config.Cloudinit', 'cloudInit'),
  bridgeUse,
];

export const QEMU = {
  config: endpoint({
    method: 'GET',
    path: `${path}/config`,
    params: At.extend({ current: z.boolean().optional() }),
    reply: Config,
    needs: [onGuest('VM.Audit')],
  }),
  // POST works in the background. PUT would hold the call until hot-plugging or allocating is done, and a proxy between the nodes gives up after 30 s.
  setConfig: endpoint({
    method: 'POST',
    path: `${path}/config`,
    params: At.extend({ digest: z.string().min(1), delete: z.string().optional() }).catchall(
      z.union([z.string(), z.number()]),
    ),
    reply: MaybeUpid,
    needs: [...CONFIG_NEEDS, storageSpace],
  }),
  // For a guest that is off, options that take effect at once, and to empty a CD drive: a refusal comes with the answer, where POST would end in a task that failed.
  setConfigNow: endpoint({
    method: 'PUT',
    path: `${path}/config`,
    params: At.extend({ digest: z.string().min(1), delete: z.string().optional() }).catchall(
      z.union([z.string(), z.number()]),
    ),
    reply: Nothing,
    needs: CONFIG_NEEDS,
  }),
  pending: endpoint({
    method: 'GET',
    path: `${path}/pending`,
    params: At,
    reply: rows(PendingRow),
    needs: [onGuest('VM.Audit')],
  }),
  status: endpoint({
    method: 'GET',
    path: `${path}/status/current`,
    params: At,
    reply: Status,
    needs: [onGuest('VM.Audit')],
  }),
  clone: endpoint({
    method: 'POST',
    path: `${path}/clone`,
    params: At.extend({
      newid: VmidParam,
      name: z.string(),
      description: z.string(),
      full: z.boolean(),
      target: NodeParam.optional(),
      storage: z.string().optional(),
      pool: z.string().optional(),
      format: z.enum(['raw', 'qcow2', 'vmdk']).optional(),
    }),
    reply: UpidText,
    needs: [onGuest('VM.Clone'), onGuest('VM.Allocate'), storageSpace, bridgeUse, poolUse],
  }),
  moveDisk: endpoint({
    method: 'POST',
    path: `${path}/move_disk`,
    params: At.extend({
      disk: z.string(),
      storage: z.string(),
      delete: z.literal(true),
      digest: z.string().min(1),
    }),
    reply: UpidText,
    needs: [onGuest('VM.Config.Disk'), storageSpace],
  }),
  movability: endpoint({
    method: 'GET',
    path: `${path}/migrate`,
    params: At.extend({ target: NodeParam.optional() }),
    reply: Movability,
    needs: [onGuest('VM.Migrate', 'migration')],
  }),
  migrate: endpoint({
    method: 'POST',
    path: `${path}/migrate`,
    params: At.extend({
      target: NodeParam,
      online: z.boolean().optional(),
      'with-local-disks': z.boolean().optional(),
      targetstorage: z.string().optional(),
    }),
    reply: UpidText,
    needs: [onGuest('VM.Migrate', 'migration')],
  }),
  start: endpoint({
    method: 'POST',
    path: `${path}/status/start`,
    params: At,
    reply: UpidText,
    needs: power,
  }),
  stop: endpoint({ method: 'POST', path: `${path}/status/stop`, params: At, reply: UpidText, needs: power }),
  shutdown: endpoint({
    method: 'POST',
    path: `${path}/status/shutdown`,
    params: At.extend({ timeout: z.int().min(0), forceStop: z.boolean() }),
    reply: UpidText,
    needs: power,
  }),
  reboot: endpoint({
    method: 'POST',
    path: `${path}/status/reboot`,
    params: At,
    reply: UpidText,
    needs: power,
  }),
  resize: endpoint({
    method: 'PUT',
    path: `${path}/resize`,
    params: At.extend({ disk: z.string(), size: z.string(), digest: z.string().optional() }),
    reply: MaybeUpid,
    needs: [onGuest('VM.Config.Disk'), storageSpace],
  }),
  destroy: endpoint({
    method: 'DELETE',
    path,
    // Without the second one some versions search all storages for disks that look like the guest's.
    params: At.extend({ purge: z.boolean(), 'destroy-unreferenced-disks': z.literal(false) }),
    reply: UpidText,
    needs: [onGuest('VM.Allocate')],
  }),
  regenerateCloudInit: endpoint({
    method: 'PUT',
    path: `${path}/cloudinit`,
    params: At,
    reply: Nothing,
    needs: [onGuest('VM.Config.Cloudinit', 'cloudInit')],
  }),
} as const;

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
