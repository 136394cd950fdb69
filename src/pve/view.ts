/** What a whole PVE cluster looks like at one moment: plain data, and how two moments differ. */
import { bytes, type Bytes, type NodeName, type Upid, type Vmid } from '../lib/units.ts';
import { addressIn } from './cluster.ts';
import type { ClusterStatus, GuestRow, ListedTask, NodeRow, ResourceRow, StorageRow } from './cluster.ts';

export interface NodeView {
  readonly name: NodeName;
  readonly online: boolean;
  /** Absent where we may not know. */
  readonly address?: string | undefined;
  readonly cpus: number;
  readonly memory: Bytes;
  readonly memoryUsed: Bytes;
}

export interface GuestView {
  readonly vmid: Vmid;
  readonly type: 'qemu' | 'lxc';
  readonly node: NodeName;
  /** Absent while the guest is being made. */
  readonly name: string | undefined;
  /** running, stopped, paused …; `unknown` when its node is offline. */
  readonly status: string;
  readonly template: boolean;
  /** What PVE is doing to it: clone, backup, migrate … */
  readonly lock: string | undefined;
  readonly tags: readonly string[];
  readonly maxcpu: number | undefined;
  readonly maxmem: Bytes | undefined;
  readonly maxdisk: Bytes | undefined;
  /** Seconds. */
  readonly uptime: number | undefined;
  readonly pool: string | undefined;
  readonly hastate: string | undefined;
}

export interface StorageView {
  readonly node: NodeName;
  readonly storage: string;
  /** available or unknown. */
  readonly status: string;
  /** dir, lvmthin, zfspool, rbd … */
  readonly type: string | undefined;
  readonly content: readonly string[];
  readonly shared: boolean;
  readonly total: Bytes | undefined;
  readonly used: Bytes | undefined;
}

export type ActiveTask = Pick<ListedTask, 'upid' | 'node' | 'type' | 'id' | 'user' | 'startedAt'>;

export interface View {
  /** When the read began, in milliseconds since the epoch: the view is at least as new as this. */
  readonly takenAt: number;
  /** Since when reading has failed; absent while it succeeds. */
  readonly staleSince: number | undefined;
  /** Absent on a node that belongs to no cluster, and where we may not know. */
  readonly clusterName: string | undefined;
  /** Of a node that belongs to no cluster, where known. */
  readonly address?: string | undefined;
  /** Whether the cluster has a majority and can be changed; `unknown` where we may not know. */
  readonly quorate: 'yes' | 'no' | 'unknown';
  readonly nodes: readonly NodeView[];
  readonly guests: ReadonlyMap<Vmid, GuestView>;
  readonly storages: readonly StorageView[];
  readonly activeTasks: readonly ActiveTask[];
}

const NO_BYTES = bytes(0);

const toNode = (row: NodeRow, address: string | undefined): NodeView => ({
  name: row.node,
  online: row.status === 'online',
  ...(address !== undefined && { address }),
  cpus: row.maxcpu ?? 0,
  memory: row.maxmem ?? NO_BYTES,
  memoryUsed: row.mem ?? NO_BYTES,
});

const toStorage = (row: StorageRow): StorageView => ({
  node: row.node,
  storage: row.storage,
  status: row.status,
  type: row.plugintype,
  content: row.content,
  shared: row.shared,
  total: row.maxdisk,
  used: row.disk,
});

const isGuest = (row: ResourceRow): row is GuestRow => row.type === 'qemu' || row.type === 'lxc';

/** Puts together what was read in one go. `status`: `undefined` where we may not know. */
export function toView(
  takenAt: number,
  resources: readonly ResourceRow[],
  tasks: readonly ListedTask[],
  status: ClusterStatus | undefined,
): View {
  const addresses = new Map(status?.nodes.map(({ name, ip }) => [name, ip]));
  return {
    takenAt,
    staleSince: undefined,
    clusterName: status?.cluster?.name,
    address: status && addressIn(status),
    quorate: quorumOf(status),
    nodes: resources.flatMap((row) => (row.type === 'node' ? [toNode(row, addresses.get(row.node))] : [])),
    guests: new Map(resources.filter(isGuest).map((guest) => [guest.vmid, guest])),
    storages: resources.flatMap((row) => (row.type === 'storage' ? [toStorage(row)] : [])),
    activeTasks: tasks.filter(({ ended }) => ended === undefined),
  };
}

/** A node that never joined a cluster has no cluster row and needs no majority. */
function quorumOf(status: ClusterStatus | undefined): View['quorate'] {
  if (!status) return 'unknown';
  return status.cluster?.quorate === false ? 'no' : 'yes';
}

/** What makes a guest worth looking at again. Counters such as uptime change all the time and are not in it. */
const fingerprint = (guest: GuestView): string =>
  JSON.stringify([
    guest.node,
    guest.name,
    guest.status,
    guest.lock,
    guest.template,
    guest.tags,
    guest.maxcpu,
    guest.maxmem,
    guest.pool,
    guest.hastate,
  ]);

export type GuestChange =
  /** New in the view. */
  | 'appeared'
  /** Differs in more than its counters. */
  | 'changed'
  /** No longer in the view, which alone does not prove that it was destroyed. */
  | 'gone';

/** Which guests differ between two views, by kind of difference. */
export function guestChanges(
  before: View | undefined,
  after: View,
): ReadonlyMap<GuestChange, ReadonlySet<Vmid>> {
  const old: View['guests'] = before?.guests ?? new Map<Vmid, GuestView>();
  const appeared = new Set<Vmid>();
  const changed = new Set<Vmid>();
  for (const [vmid, guest] of after.guests) {
    const known = old.get(vmid);
    if (!known) appeared.add(vmid);
    else if (fingerprint(known) !== fingerprint(guest)) changed.add(vmid);
  }
  const gone = new Set([...old.keys()].filter((vmid) => !after.guests.has(vmid)));
  return new Map([
    ['appeared', appeared],
    ['changed', changed],
    ['gone', gone],
  ]);
}

const clusterFingerprint = (view: View): string =>
  JSON.stringify([
    view.clusterName,
    view.quorate,
    view.staleSince !== undefined,
    view.nodes.map(({ name, online, cpus, memory }) => [name, online, cpus, memory]).toSorted(),
    view.storages.map(({ node, storage, status, total }) => [node, storage, status, total]).toSorted(),
  ]);

/** Whether nodes, storages, the majority or whether we can read them differ. */
export const clusterChanged = (before: View | undefined, after: View): boolean =>
  before === undefined || clusterFingerprint(before) !== clusterFingerprint(after);

/** Tasks as far as they were seen: which ran, and which had ended. */
export interface TasksSeen {
  readonly active: ReadonlySet<Upid>;
  readonly ended: ReadonlySet<Upid>;
}

export const tasksSeen = (tasks: readonly ListedTask[]): TasksSeen => ({
  active: new Set(tasks.filter(({ ended }) => ended === undefined).map(({ upid }) => upid)),
  ended: new Set(tasks.filter(({ ended }) => ended !== undefined).map(({ upid }) => upid)),
});

/**
 * Tasks that ended between two looks: those that stopped running, whether they are still listed or not (PVE lists
 * only the newest), and those that came and went unseen.
 */
export function endedBetween(before: TasksSeen, after: TasksSeen): ReadonlySet<Upid> {
  const stopped = [...before.active].filter((upid) => !after.active.has(upid));
  const unseen = [...after.ended].filter((upid) => !before.ended.has(upid));
  return new Set([...stopped, ...unseen]);
}
