/** The endpoints below `/nodes/{node}/qemu/{vmid}`: parameters, responses and required privileges. */
import { z } from 'zod';
import { type Feature, type Need, endpoint } from './endpoint.ts';
import { OPTION_LIFETIMES } from './option-versions.ts';
import { SnapshotName } from './snapshots.ts';
import {
  Flag,
  Int,
  MaybeUpid,
  NodeParam,
  Nothing,
  Num,
  Sentence,
  Size,
  State,
  Text,
  UpidText,
  VmidParam,
  Word,
  maybe,
  rows,
} from './wire.ts';

const At = z.object({ node: NodeParam, vmid: VmidParam });

/** The name of an option, such as `scsi0`. */
const OPTION = /^[\w-]{1,40}$/;

const Config = z.looseObject({ digest: Word }).transform((all) => {
  const values = Object.entries(all).flatMap(([key, value]) => {
    const text = Text.safeParse(value);
    return text.success && key !== 'digest' && OPTION.test(key) ? [[key, text.data] as const] : [];
  });
  return { digest: all.digest, values: Object.fromEntries(values) };
});

/** A guest's configuration. */
export interface QemuConfig {
  /** Changes with every write to the configuration. */
  readonly digest: string;
  /** The options that are set, as strings (`memory` is `"2048"`, in MiB). */
  readonly values: Readonly<Record<string, string>>;
}

const PendingRow = z
  .object({ key: z.string().regex(OPTION), value: maybe(Text), pending: maybe(Text), delete: maybe(Int) })
  .transform((row) => ({
    key: row.key,
    value: row.value,
    pending: row.pending,
    delete: (row.delete ?? 0) > 0,
  }));

/** An option: its current value, and its value after the next cold start if that differs. */
export type PendingOption = z.output<typeof PendingRow>;

const DIGEST_ROW = 'digest';

/** Every option has a row, and so has the digest (qemu-server, API2/Qemu.pm, vm_pending). */
const Pending = rows(PendingRow).transform((all, context) => {
  const digest = all.find(({ key }) => key === DIGEST_ROW)?.value;
  if (digest === undefined) {
    context.addIssue({ code: 'custom', message: 'there is no digest' });
    return z.NEVER;
  }
  const options = all.filter(({ key }) => key !== DIGEST_ROW);
  const values = options.flatMap(({ key, value, pending = value, delete: deleted }) =>
    pending === undefined || deleted ? [] : [[key, pending] as const],
  );
  return { digest, values: Object.fromEntries(values), options };
});

/** The configuration after the next cold start, and each option of it as the running guest has it. */
export interface PendingConfig extends QemuConfig {
  readonly options: readonly PendingOption[];
}

const Ha = z.object({ managed: Flag, state: maybe(State) });

const Status = z.object({
  status: State,
  /** QEMU's run state: paused, io-error, prelaunch, suspended … */
  qmpstatus: maybe(State),
  name: maybe(Word),
  lock: maybe(State),
  template: Flag,
  /** Whether the guest agent is enabled in the running guest. */
  agent: Flag,
  pid: maybe(Int),
  /** Seconds. */
  uptime: maybe(Int),
  cpus: maybe(Num),
  maxmem: maybe(Size),
  ha: maybe(Ha).transform((ha) => ({ managed: ha?.managed ?? false, state: ha?.state })),
});

export type QemuStatus = z.output<typeof Status>;

const HaCause = z.object({ sid: Word, cause: maybe(Sentence) });

const NotAllowed = z.object({
  unavailable_storages: maybe(z.array(Word)),
  'unavailable-resources': maybe(z.array(Word)),
  'blocking-ha-resources': maybe(z.array(HaCause)),
});

export const MigrationPreconditions = z
  .object({
    local_disks: maybe(z.array(z.object({ volid: Text, cdrom: Flag }))),
    local_resources: maybe(z.array(Word)),
    'mapped-resources': maybe(z.array(Word)),
    not_allowed_nodes: maybe(z.record(z.string(), NotAllowed)),
  })
  .transform((all) => ({
    localDisks: all.local_disks ?? [],
    localResources: all.local_resources ?? [],
    /** Those of them that other nodes may have as well. */
    mappedResources: all['mapped-resources'] ?? [],
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

/** What `qm migrate` checks: local disks and devices, and the nodes that cannot take the guest. */
export type MigrationPreconditions = z.output<typeof MigrationPreconditions>;

const onGuest = (privilege: string, feature?: Feature): Need => ({
  path: '/vms/{vmid}',
  anyOf: [privilege],
  ...(feature && { feature }),
});

const storageSpace: Need = { path: '/storage/{storage}', anyOf: ['Datastore.AllocateSpace'] };
const bridgeUse: Need = { path: '/sdn/zones/{zone}', anyOf: ['SDN.Use'], since: 8, feature: 'bridges' };
const poolUse: Need = { path: '/pool/{pool}', anyOf: ['VM.Allocate'], feature: 'pools' };
const power = [onGuest('VM.PowerMgmt')] as const;
const mappingUse = (kind: 'pci' | 'usb'): Need => ({
  path: `/mapping/${kind}/{mapping}`,
  anyOf: ['Mapping.Use'],
  since: 8,
  feature: 'devices',
});
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
  mappingUse('pci'),
  mappingUse('usb'),
];

export const QEMU = {
  create: endpoint({
    method: 'POST',
    path: '/nodes/{node}/qemu',
    params: At.extend({ pool: z.string().optional() }).catchall(z.union([z.string(), z.number()])),
    reply: UpidText,
    needs: [onGuest('VM.Allocate'), ...CONFIG_NEEDS, storageSpace, poolUse],
    lifetimes: { ...OPTION_LIFETIMES, 'ha-managed': { since: '9.2' } },
  }),
  config: endpoint({
    method: 'GET',
    path: `${path}/config`,
    params: At.extend({ current: z.boolean().optional(), snapshot: SnapshotName.optional() }),
    reply: Config,
    needs: [onGuest('VM.Audit')],
  }),
  // POST works in the background. PUT would answer only after hot-plugging and allocating, and the proxy between nodes times out after 30 s.
  setConfig: endpoint({
    method: 'POST',
    path: `${path}/config`,
    params: At.extend({ digest: z.string().min(1), delete: z.string().optional() }).catchall(
      z.union([z.string(), z.number()]),
    ),
    reply: MaybeUpid,
    needs: [...CONFIG_NEEDS, storageSpace],
    lifetimes: OPTION_LIFETIMES,
  }),
  // For a stopped guest, for options that take effect immediately, and to empty a CD drive: PUT reports an error in its response, POST in a failed task.
  setConfigNow: endpoint({
    method: 'PUT',
    path: `${path}/config`,
    params: At.extend({ digest: z.string().min(1), delete: z.string().optional() }).catchall(
      z.union([z.string(), z.number()]),
    ),
    reply: Nothing,
    needs: CONFIG_NEEDS,
    lifetimes: OPTION_LIFETIMES,
  }),
  cloudInitDump: endpoint({
    method: 'GET',
    path: `${path}/cloudinit/dump`,
    params: At.extend({ type: z.literal('network') }),
    reply: Text,
    needs: [onGuest('VM.Audit')],
  }),
  pending: endpoint({
    method: 'GET',
    path: `${path}/pending`,
    params: At,
    reply: Pending,
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
      snapname: SnapshotName.optional(),
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
    lifetimes: { 'disk=tpmstate0': { since: '7.2' } },
  }),
  migrationPreconditions: endpoint({
    method: 'GET',
    path: `${path}/migrate`,
    params: At.extend({ target: NodeParam.optional() }),
    reply: MigrationPreconditions,
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
  stop: endpoint({
    method: 'POST',
    path: `${path}/status/stop`,
    params: At,
    reply: UpidText,
    needs: power,
    irreversible: true,
  }),
  shutdown: endpoint({
    method: 'POST',
    path: `${path}/status/shutdown`,
    params: At.extend({ timeout: z.int().min(0), forceStop: z.boolean() }),
    reply: UpidText,
    needs: power,
    irreversible: true,
  }),
  resize: endpoint({
    method: 'PUT',
    path: `${path}/resize`,
    params: At.extend({ disk: z.string(), size: z.string(), digest: z.string().optional() }),
    reply: MaybeUpid,
    needs: [onGuest('VM.Config.Disk'), storageSpace],
  }),
  // Older versions do it without a task.
  template: endpoint({
    method: 'POST',
    path: `${path}/template`,
    params: At,
    reply: MaybeUpid,
    needs: [onGuest('VM.Allocate')],
    irreversible: true,
  }),
  destroy: endpoint({
    method: 'DELETE',
    path,
    // Without `destroy-unreferenced-disks=0` some versions search all storages for disks with the guest's VMID.
    params: At.extend({ purge: z.boolean(), 'destroy-unreferenced-disks': z.literal(false) }),
    reply: UpidText,
    needs: [onGuest('VM.Allocate')],
    irreversible: true,
  }),
} as const;
