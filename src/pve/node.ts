/** `/nodes/{node}`: one node, and the handles below it. */
import { z } from 'zod';
import { seconds, type NodeName, type Upid, type Vmid } from '../lib/units.ts';
import { Version } from './access.ts';
import type { ListedTask } from './cluster.ts';
import { endpoint, type CallOptions, type Send } from './endpoint.ts';
import { qemu, type Qemu } from './qemu.ts';
import { storage, type Storage } from './storage.ts';
import { activeTasks, task, type Task } from './tasks.ts';
import { Flag, maybe, NodeParam, rows, Word } from './wire.ts';

const NetworkInterface = z.object({
  iface: Word,
  type: maybe(Word),
  active: Flag,
  cidr: maybe(Word),
});
export type NetworkInterface = z.output<typeof NetworkInterface>;

const At = z.object({ node: NodeParam });

export const NODE = {
  version: endpoint({
    method: 'GET',
    path: '/nodes/{node}/version',
    params: At,
    reply: Version,
    needs: [],
    lane: 'checks',
  }),
  network: endpoint({
    method: 'GET',
    path: '/nodes/{node}/network',
    params: At.extend({ type: z.literal('any_bridge').optional() }),
    reply: rows(NetworkInterface),
    needs: [],
  }),
} as const;

export interface Node {
  /** Of PVE on this node. */
  version(options?: CallOptions): Promise<Version>;
  /** The node's interfaces; with `any_bridge` the bridges and vnets that a guest may use and the credentials may see. */
  network(options?: CallOptions & { readonly type?: 'any_bridge' }): Promise<readonly NetworkInterface[]>;
  /** The UPID of a task contains its node: `parseUpid(upid).node`. */
  task(upid: Upid): Task;
  activeTasks(vmid?: Vmid, options?: CallOptions): Promise<readonly ListedTask[]>;
  storage(id: string): Storage;
  qemu(vmid: Vmid): Qemu;
}

/** A Provider waits for it. */
const VERSION_DEADLINE = seconds(5);

export const node = (send: Send, name: NodeName): Node => ({
  version: (options) => send(NODE.version, { node: name }, { ...options, deadline: VERSION_DEADLINE }),
  network: ({ type, ...options } = {}) => send(NODE.network, { node: name, type }, options),
  task: (upid) => task(send, { node: name, upid }),
  activeTasks: (vmid, options) => activeTasks(send, { node: name, vmid }, options),
  storage: (id) => storage(send, { node: name, storage: id }),
  qemu: (vmid) => qemu(send, { node: name, vmid }),
});
