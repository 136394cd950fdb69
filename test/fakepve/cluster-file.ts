import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { z } from 'zod';
import { versions } from './schema/versions.ts';
import { parseSize } from './size.ts';

const size = z.union([z.number().int().nonnegative(), z.string()]).transform((value, context) => {
  const bytes = typeof value === 'number' ? value : parseSize(value.replace(/i?B?$/, ''));
  if (bytes === undefined) context.addIssue(`"${value}" is not a size: write for example 64G`);
  return bytes ?? 0;
});

const scalar = z.union([z.string(), z.number()]).transform(String);
const names = z.array(z.string());

const nodeSchema = z.strictObject({
  name: z.string(),
  cpus: z.number().int().positive().default(8),
  memory: size.default(32 * 1024 ** 3),
  /** In addition to those of the whole cluster. */
  bridges: names.default([]),
  /** As reported by /cluster/status; absent: an address of 192.0.2.0/24. */
  ip: z.string().optional(),
  /** The version of PVE on it; absent: that of the cluster. */
  pve: z.enum(versions).optional(),
});

const storageSchema = z.strictObject({
  id: z.string(),
  type: z.string().default('dir'),
  content: names,
  shared: z.boolean().default(false),
  nodes: names.optional(),
  size: size.default(1024 ** 4),
  /** For directories: where PVE would store the files. */
  path: z.string().optional(),
  /** Snapshots are a chain of qcow2 volumes (lvm, and directories; since PVE 9.0). */
  snapshotsAsVolumeChain: z.boolean().default(false),
});

const guestSchema = z.strictObject({
  vmid: z.number().int(),
  node: z.string(),
  /** Options as a client would send them to create it: `scsi0: nvme-storage:20` creates the volume. */
  config: z.record(z.string(), scalar).default({}),
  template: z.boolean().default(false),
  running: z.boolean().default(false),
  /** Interfaces that the guest agent reports in addition to those of the configuration. */
  extraInterfaces: z
    .array(z.strictObject({ name: z.string(), mac: z.string(), ipv4: z.string() }))
    .default([]),
});

const fileSchema = z.strictObject({
  /** `local:iso/debian.iso`, on each node that has the storage. */
  volume: z.string(),
  size,
});

const poolSchema = z.strictObject({
  id: z.string(),
  comment: z.string().optional(),
  vms: z.array(z.number().int()).default([]),
  storages: names.default([]),
});

const userSchema = z.strictObject({
  id: z.string(),
  password: z.string().optional(),
  groups: names.default([]),
});

const tokenSchema = z.strictObject({
  /** `user@realm!name` */
  id: z.string(),
  secret: z.string().optional(),
  privsep: z.boolean().default(false),
});

const aclSchema = z.strictObject({
  path: z.string(),
  role: z.string(),
  user: z.string().optional(),
  token: z.string().optional(),
  group: z.string().optional(),
  propagate: z.boolean().default(true),
});

export const clusterSchema = z.strictObject({
  /** Absent: a stand-alone node. */
  name: z.string().optional(),
  nodes: z.array(nodeSchema).min(1),
  bridges: names.default(['vmbr0']),
  /** SDN vnets, each with its zone; they exist on every node. */
  vnets: z.record(z.string(), z.string()).default({}),
  storages: z.array(storageSchema).default([]),
  /** Resource mappings, each with the nodes that have a device for it. */
  mappings: z.record(z.string(), names).default({}),
  files: z.array(fileSchema).default([]),
  guests: z.array(guestSchema).default([]),
  pools: z.array(poolSchema).default([]),
  roles: z.record(z.string(), names).default({}),
  users: z.array(userSchema).default([]),
  /** The first one is the token that the fake prints. */
  tokens: z.array(tokenSchema).default([{ id: 'root@pam!operator', privsep: false }]),
  acls: z.array(aclSchema).default([]),
  options: z.record(z.string(), scalar).default({}),
});

export type Cluster = z.output<typeof clusterSchema>;
export type ClusterInput = z.input<typeof clusterSchema>;
export type ClusterGuest = Cluster['guests'][number];

const recordedCluster = z
  .looseObject({
    nodes: z.array(z.string()).min(1),
    nodeCpus: z.number().int().positive().optional(),
    bridges: names.default(['vmbr0']),
    storages: z.array(
      z.looseObject({
        storage: z.string(),
        type: z.string(),
        path: z.string().optional(),
        content: names,
        shared: z.union([z.number(), z.boolean()]).default(0),
        nodes: names.nullish(),
      }),
    ),
  })
  .transform(({ nodes, nodeCpus, bridges, storages }): ClusterInput => ({
    nodes: nodes.map((name) => ({ name, ...(nodeCpus === undefined ? {} : { cpus: nodeCpus }) })),
    bridges,
    storages: storages.map(({ storage, type, path, content, shared, nodes: only }) => ({
      id: storage,
      type,
      content,
      shared: Boolean(shared),
      ...(path === undefined ? {} : { path }),
      ...(only ? { nodes: only } : {}),
    })),
  }));

const wrapped = z
  .looseObject({ cluster: z.unknown(), steps: z.unknown() })
  .transform(({ cluster }) => cluster);

/** Recordings of a real server describe it in a shorter form, which is accepted as well. */
function plain(input: unknown): unknown {
  const inner = wrapped.safeParse(input);
  const given = inner.success && inner.data !== undefined ? inner.data : input;
  const short = recordedCluster.safeParse(given);
  return short.success ? short.data : given;
}

/** Parses a cluster description; an error names the position of each problem. */
export function parseCluster(input: unknown, source = 'cluster description'): Cluster {
  const result = clusterSchema.safeParse(plain(input));
  if (result.success) return result.data;
  throw new Error(`${source} is invalid:\n${z.prettifyError(result.error)}`);
}

export const readClusterFile = (path: string | URL): Cluster =>
  parseCluster(parse(readFileSync(path, 'utf8')), String(path));

/** The descriptions that come with the fake, by file name without `.yaml`. */
const SHIPPED = ['document', 'recordings', 'two-nodes'] as const;
export type ShippedCluster = (typeof SHIPPED)[number];

export const isShipped = (name: unknown): name is ShippedCluster =>
  SHIPPED.some((shipped) => shipped === name);

/** As they were read first: parsing one takes longer than starting a fake with it. */
const read = new Map<ShippedCluster, Cluster>();

/** The caller may change it. */
export function shippedCluster(name: ShippedCluster): Cluster {
  const known = read.get(name) ?? readClusterFile(new URL(`./clusters/${name}.yaml`, import.meta.url));
  read.set(name, known);
  return structuredClone(known);
}
