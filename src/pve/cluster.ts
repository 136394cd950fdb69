/** `/cluster`: the state of the whole cluster, as the answering node sees it. */
import { z } from 'zod';
import type { NodeName, Upid, Vmid } from '../lib/units.ts';
import type { ClusterIdentity } from './cluster-identity.ts';
import { endpoint, type CallOptions, type Send } from './endpoint.ts';
import { PveError } from './errors.ts';
import { createKnownTexts } from './known-texts.ts';
import {
  epochSeconds,
  Flag,
  Int,
  maybe,
  NodeText,
  Num,
  rows,
  Sentence,
  Size,
  State,
  StorageText,
  UpidText,
  VmidParam,
  VmidText,
  TextList,
  Word,
} from './wire.ts';

const textList = maybe(TextList).transform((list) => list ?? []);

const GuestRow = z.object({
  type: z.enum(['qemu', 'lxc']),
  vmid: VmidText,
  node: NodeText,
  /** Absent while a clone or create task runs. */
  name: maybe(Word),
  status: maybe(State).transform((status) => status ?? 'unknown'),
  template: Flag,
  lock: maybe(State),
  tags: textList,
  maxcpu: maybe(Num),
  maxmem: maybe(Size),
  maxdisk: maybe(Size),
  uptime: maybe(Int),
  pool: maybe(Word),
  hastate: maybe(State),
});
export type GuestRow = z.output<typeof GuestRow>;

const NodeRow = z.object({
  type: z.literal('node'),
  node: NodeText,
  status: maybe(State).transform((status) => status ?? 'unknown'),
  maxcpu: maybe(Num),
  maxmem: maybe(Size),
  mem: maybe(Size),
  /** Mode in the HA manager: online, maintenance, fence … Absent where HA was never in use, and in old versions. */
  hastate: maybe(State),
});
export type NodeRow = z.output<typeof NodeRow>;

const StorageRow = z.object({
  type: z.literal('storage'),
  node: NodeText,
  storage: StorageText,
  status: maybe(State).transform((status) => status ?? 'unknown'),
  plugintype: maybe(State),
  content: textList,
  shared: Flag,
  disk: maybe(Size),
  maxdisk: maybe(Size),
});
export type StorageRow = z.output<typeof StorageRow>;

const ResourceRow = z.discriminatedUnion('type', [GuestRow, NodeRow, StorageRow]);
export type ResourceRow = z.output<typeof ResourceRow>;

const StatusRow = z.object({
  type: z.enum(['cluster', 'node']),
  name: Word.pipe(z.string().max(128)),
  quorate: Flag,
  online: Flag,
  local: Flag,
  ip: maybe(Word),
});

export interface ClusterStatus {
  /** Absent on a standalone node. */
  readonly cluster: { readonly name: string; readonly quorate: boolean } | undefined;
  /** `local`: the node that answered. */
  readonly nodes: readonly {
    readonly name: string;
    readonly online: boolean;
    readonly local: boolean;
    readonly ip?: string | undefined;
  }[];
}

const Status = rows(StatusRow).transform((list): ClusterStatus => {
  const cluster = list.find(({ type }) => type === 'cluster');
  return {
    cluster: cluster && { name: cluster.name, quorate: cluster.quorate },
    nodes: list
      .filter(({ type }) => type === 'node')
      .map(({ name, online, local, ip }) => ({ name, online, local, ip })),
  };
});

export const identityIn = ({ cluster, nodes }: ClusterStatus): ClusterIdentity => ({
  name: cluster?.name,
  nodes: nodes.map(({ name }) => name),
  address: addressIn({ cluster, nodes }),
});

/** The address of a standalone node; `undefined` for a cluster. */
export const addressIn = ({ cluster, nodes }: ClusterStatus): string | undefined =>
  cluster === undefined && nodes.length === 1 ? nodes[0]?.ip : undefined;

export interface ListedTask {
  readonly upid: Upid;
  readonly node: NodeName;
  readonly type: string;
  /** Usually a VMID. */
  readonly id: string;
  readonly user: string;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  /** Absent while the task runs. */
  readonly ended: { readonly at: number; readonly exitStatus: string } | undefined;
}

const TaskRow = z
  .object({
    upid: UpidText,
    node: NodeText,
    type: Word,
    id: maybe(Word),
    user: maybe(Word),
    starttime: epochSeconds,
    endtime: maybe(epochSeconds),
    status: maybe(Sentence),
  })
  .transform(({ upid, node, type, id, user, starttime, endtime, status }): ListedTask => ({
    upid,
    node,
    type,
    id: id ?? '',
    user: user ?? '',
    startedAt: starttime,
    ended: endtime === undefined ? undefined : { at: endtime, exitStatus: status ?? '' },
  }));

/** Also the schema of a node's task list. */
export const TaskList = rows(TaskRow, createKnownTexts());

export const CLUSTER = {
  status: endpoint({
    method: 'GET',
    path: '/cluster/status',
    params: z.object({}),
    reply: Status,
    needs: [{ path: '/', anyOf: ['Sys.Audit'], feature: 'quorum' }],
    lane: 'checks',
  }),
  resources: endpoint({
    method: 'GET',
    path: '/cluster/resources',
    params: z.object({ type: z.enum(['vm', 'storage', 'node']).optional() }),
    reply: rows(ResourceRow, createKnownTexts()),
    // Without these privileges the call succeeds, but omits guests, storages and figures.
    needs: [
      { path: '/vms/{vmid}', anyOf: ['VM.Audit'] },
      { path: '/storage/{storage}', anyOf: ['Datastore.Audit'] },
      { path: '/nodes/{node}', anyOf: ['Sys.Audit'] },
    ],
    lane: 'checks',
  }),
  tasks: endpoint({
    method: 'GET',
    path: '/cluster/tasks',
    params: z.object({}),
    reply: TaskList,
    // Required to see the tasks of other users.
    needs: [{ path: '/nodes/{node}', anyOf: ['Sys.Audit'] }],
    lane: 'checks',
  }),
  nextid: endpoint({
    method: 'GET',
    path: '/cluster/nextid',
    params: z.object({ vmid: VmidParam.optional() }),
    reply: VmidText,
    needs: [],
  }),
} as const;

export type FreeVmid = { readonly free: true; readonly vmid: Vmid } | { readonly free: false };

export interface Cluster {
  /** @throws PveError `forbidden` without Sys.Audit on `/`. */
  status(options?: CallOptions): Promise<ClusterStatus>;
  /** Figures are up to 20 s old. Guests that the credentials may not see are omitted. */
  resources(type?: 'vm' | 'storage' | 'node', options?: CallOptions): Promise<readonly ResourceRow[]>;
  /** The running tasks and the most recently ended ones. */
  tasks(options?: CallOptions): Promise<readonly ListedTask[]>;
  /** Whether this VMID is free, or the lowest free one. Includes guests that the credentials may not see; reserves nothing. */
  nextid(vmid?: Vmid, options?: CallOptions): Promise<FreeVmid>;
}

const isTaken = (error: unknown): boolean =>
  error instanceof PveError && (error.refusal === 'exists' || /any free VMID/i.test(error.pveMessage));

export const cluster = (send: Send): Cluster => ({
  status: (options) => send(CLUSTER.status, {}, options),
  resources: (type, options) => send(CLUSTER.resources, { type }, options),
  tasks: (options) => send(CLUSTER.tasks, {}, options),
  async nextid(vmid, options) {
    try {
      return { free: true, vmid: await send(CLUSTER.nextid, { vmid }, options) };
    } catch (error) {
      if (isTaken(error)) return { free: false };
      throw error;
    }
  },
});
