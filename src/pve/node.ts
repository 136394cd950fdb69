/** `/nodes/{node}`: one node, and what is reached through it. */
import { z } from 'zod';
import type { NodeName, Upid, Vmid } from '../lib/units.ts';
import type { ListedTask } from './cluster.ts';
import { endpoint, type CallOptions, type Send } from './endpoint.ts';
import { qemu, type Qemu } from './qemu.ts';
import { storage, type Storage } from './storage.ts';
import { activeTasks, task, type Task } from './tasks.ts';
import { Flag, Int, maybe, NodeParam, Num, rows, Size, Text, Words } from './wire.ts';

const Memory = z.object({ total: Size, used: Size });

const NodeStatus = z
  .object({
    uptime: maybe(Int),
    cpu: maybe(Num),
    cpuinfo: maybe(z.object({ cpus: Int })),
    memory: maybe(Memory),
    pveversion: maybe(Text),
  })
  .transform(({ uptime, cpu, cpuinfo, memory, pveversion }) => ({
    /** Seconds. */
    uptime,
    /** Share of all CPUs that is busy, from 0 to 1. */
    load: cpu,
    cpus: cpuinfo?.cpus,
    memory: memory && { total: memory.total, used: memory.used },
    pveversion,
  }));
export type NodeStatus = z.output<typeof NodeStatus>;

const NetworkInterface = z.object({
  iface: z.string(),
  type: maybe(Text),
  active: Flag,
  cidr: maybe(Text),
});
export type NetworkInterface = z.output<typeof NetworkInterface>;

const NodeStorage = z.object({
  storage: z.string(),
  /** Of the storage itself: dir, lvmthin, zfspool, rbd … */
  type: maybe(Text),
  content: maybe(Words).transform((list) => list ?? []),
  active: Flag,
  enabled: Flag,
  shared: Flag,
  total: maybe(Size),
  used: maybe(Size),
  avail: maybe(Size),
});
export type NodeStorage = z.output<typeof NodeStorage>;

const At = z.object({ node: NodeParam });

export const NODE = {
  status: endpoint({
    method: 'GET',
    path: '/nodes/{node}/status',
    params: At,
    reply: NodeStatus,
    needs: [{ path: '/nodes/{node}', anyOf: ['Sys.Audit'] }],
  }),
  network: endpoint({
    method: 'GET',
    path: '/nodes/{node}/network',
    params: At.extend({ type: z.literal('any_bridge').optional() }),
    reply: rows(NetworkInterface),
    needs: [],
  }),
  storages: endpoint({
    method: 'GET',
    path: '/nodes/{node}/storage',
    params: At.extend({ content: z.string().optional() }),
    reply: rows(NodeStorage),
    needs: [{ path: '/storage/{storage}', anyOf: ['Datastore.Audit', 'Datastore.AllocateSpace'] }],
  }),
} as const;

export interface Node {
  status(options?: CallOptions): Promise<NodeStatus>;
  /** The node's own interfaces; with `any_bridge` what a guest may be plugged into, vnets among it, as far as the credentials may use it. */
  network(options?: CallOptions & { readonly type?: 'any_bridge' }): Promise<readonly NetworkInterface[]>;
  /** The storages this node can reach, or those for one content type such as `images`. */
  storages(
    options?: CallOptions & { readonly content?: string | undefined },
  ): Promise<readonly NodeStorage[]>;
  /** A task's UPID names its node: `parseUpid(upid).node`. */
  task(upid: Upid): Task;
  activeTasks(vmid?: Vmid, options?: CallOptions): Promise<readonly ListedTask[]>;
  storage(id: string): Storage;
  qemu(vmid: Vmid): Qemu;
}

export const node = (send: Send, name: NodeName): Node => ({
  status: (options) => send(NODE.status, { node: name }, options),
  network: ({ type, ...options } = {}) => send(NODE.network, { node: name, type }, options),
  storages: ({ content, ...options } = {}) => send(NODE.storages, { node: name, content }, options),
  task: (upid) => task(send, { node: name, upid }),
  activeTasks: (vmid, options) => activeTasks(send, { node: name, vmid }, options),
  storage: (id) => storage(send, { node: name, storage: id }),
  qemu: (vmid) => qemu(send, { node: name, vmid }),
});
