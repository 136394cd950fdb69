/** A snapshot of a whole PVE cluster as plain data, and how two snapshots differ. */
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
  /** Mode of the node in the HA manager; absent where HA is not in use. */
  readonly hastate?: string | undefined;
}

export interface GuestView {
  readonly vmid: Vmid;
  readonly type: 'qemu' | 'lxc';
  readonly node: NodeName;
  /** Absent while the guest is being created. */
  readonly name: string | undefined;
  /** running, stopped, paused …; `unknown` when its node is offline. */
  readonly status: string;
  readonly template: boolean;
  /** Operation that locks the guest: clone, backup, migrate … */
  readonly lock: string | undefined;
  readonly tags: readonly string[];
  readonly maxcpu: number | undefined;
  readonly maxmem: Bytes | undefined;
  readonly maxdisk: Bytes | undefined;
  /** Seconds. */
  readonly uptime: number | undefined;
  /** How often it was started again between two reads that both list it as running. Absent: never. */
  readonly restarts?: number;
  /** Its node is offline. PVE lists its guests for some minutes as they were (pvestatd). */
  readonly nodeOffline?: true;
  readonly pool: string | undefined;
  readonly hastate: string | undefined;
  /** The task on snapshots of the guest that was seen to end last: the list of guests does not show snapshots. */
  readonly snapshotTask?: Upid | undefined;
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
  /** Start of the read in milliseconds since the epoch: the view is at least as new as this. */
  readonly takenAt: number;
  /** Time of the first failed read; absent while reading succeeds. */
  readonly staleSince: number | undefined;
  /** Absent on a standalone node, and if the credentials may not read it. */
  readonly clusterName: string | undefined;
  /** Address of a standalone node, if known. */
  readonly address?: string | undefined;
  /** Whether the cluster has quorum and accepts changes; `unknown` if the credentials may not read it. */
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
  ...(row.hastate !== undefined && { hastate: row.hastate }),
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

export interface Answers {
  readonly resources: readonly ResourceRow[];
  readonly tasks: readonly ListedTask[];
  /** Absent: the credentials may not read it. */
  readonly status: ClusterStatus | undefined;
}

const SNAPSHOT_TASKS: ReadonlySet<string> = new Set(['qmsnapshot', 'qmdelsnapshot', 'qmrollback']);

/** By VMID the one that ended last. */
const endedSnapshotTasks = (tasks: readonly ListedTask[]): ReadonlyMap<string, Upid> =>
  new Map(
    tasks
      .filter(({ type, ended }) => ended !== undefined && SNAPSHOT_TASKS.has(type))
      .toSorted((a, b) => (a.ended?.at ?? 0) - (b.ended?.at ?? 0) || (a.upid < b.upid ? -1 : 1))
      .map(({ id, upid }) => [id, upid]),
  );

/**
 * Builds a view from the answers of one read. It yields where the work may be interrupted.
 * @param before - what was read before: PVE lists ended tasks only for a while
 */
export function* toView(
  takenAt: number,
  { resources, tasks, status }: Answers,
  before?: View,
): Generator<void, View> {
  const ended = endedSnapshotTasks(tasks);
  const addresses = new Map(status?.nodes.map(({ name, ip }) => [name, ip]));
  const nodes = resources.flatMap((row) =>
    row.type === 'node' ? [toNode(row, addresses.get(row.node))] : [],
  );
  const offline = new Set(nodes.filter(({ online }) => !online).map(({ name }) => name));
  const guests = new Map<Vmid, GuestView>();
  for (const guest of resources) {
    if (!isGuest(guest)) continue;
    const known = before?.guests.get(guest.vmid);
    const snapshotTask = ended.get(String(guest.vmid)) ?? known?.snapshotTask;
    guests.set(guest.vmid, {
      ...withRestarts(guest, known),
      ...(offline.has(guest.node) && { ...nameOf(guest, known), nodeOffline: true }),
      ...(snapshotTask !== undefined && { snapshotTask }),
    });
    yield;
  }
  return {
    takenAt,
    staleSince: undefined,
    clusterName: status?.cluster?.name,
    address: status && addressIn(status),
    quorate: quorumOf(status),
    nodes,
    guests,
    storages: resources.flatMap((row) => (row.type === 'storage' ? [toStorage(row)] : [])),
    activeTasks: tasks.filter(({ ended: end }) => end === undefined),
  };
}

/** After some minutes PVE no longer says what the guests of a node that is offline are (pve-manager, extract_vm_stats). */
const nameOf = ({ name }: GuestRow, before: GuestView | undefined): Partial<GuestView> =>
  name === undefined && before ? { name: before.name, template: before.template } : {};

/** A stop and a start between two reads show only in an uptime that begins again. */
function withRestarts(guest: GuestRow, before: GuestView | undefined): GuestView {
  const isAgain =
    before?.status === 'running' && guest.status === 'running' && (guest.uptime ?? 0) < (before.uptime ?? 0);
  const restarts = (before?.restarts ?? 0) + (isAgain ? 1 : 0);
  return restarts === 0 ? guest : { ...guest, restarts };
}

/** A standalone node has no cluster row and needs no quorum. */
function quorumOf(status: ClusterStatus | undefined): View['quorate'] {
  if (!status) return 'unknown';
  return status.cluster?.quorate === false ? 'no' : 'yes';
}

/** The fields whose change is reported. Counters such as uptime change all the time and are left out. */
const guestFingerprint = (guest: GuestView): string =>
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
    guest.snapshotTask,
    guest.restarts,
    guest.nodeOffline,
  ]);

export type GuestChange =
  /** New in the view. */
  | 'appeared'
  /** Differs in more than counters. */
  | 'changed'
  /** No longer in the view. This alone does not prove that the guest was destroyed. */
  | 'gone';

/** Guests that differ between two views, by kind of difference. It yields where the work may be interrupted. */
export function* guestChanges(
  before: View | undefined,
  after: View,
): Generator<void, ReadonlyMap<GuestChange, ReadonlySet<Vmid>>> {
  const old: View['guests'] = before?.guests ?? new Map<Vmid, GuestView>();
  const appeared = new Set<Vmid>();
  const changed = new Set<Vmid>();
  for (const [vmid, guest] of after.guests) {
    const known = old.get(vmid);
    if (!known) appeared.add(vmid);
    else if (guestFingerprint(known) !== guestFingerprint(guest)) changed.add(vmid);
    yield;
  }
  const gone = new Set([...old.keys()].filter((vmid) => !after.guests.has(vmid)));
  return new Map([
    ['appeared', appeared],
    ['changed', changed],
    ['gone', gone],
  ]);
}

/** Sorted as texts: comparing lists would print each of them again and again. */
const sorted = (rows: readonly unknown[]): readonly string[] =>
  rows.map((row) => JSON.stringify(row)).toSorted();

const clusterFingerprint = (view: View): string =>
  JSON.stringify([
    view.clusterName,
    view.quorate,
    view.staleSince !== undefined,
    sorted(
      view.nodes.map(({ name, online, cpus, memory, hastate }) => [name, online, cpus, memory, hastate]),
    ),
    sorted(view.storages.map(({ node, storage, status, total }) => [node, storage, status, total])),
  ]);

/** Whether nodes, storages, the majority or whether we can read them differ. */
export const clusterChanged = (before: View | undefined, after: View): boolean =>
  before === undefined || clusterFingerprint(before) !== clusterFingerprint(after);

/** Roughly what an object with its members takes in memory. */
const OBJECT_BYTES = 512;

const lengthOf = ({ name = '', status, pool = '', tags }: GuestView): number =>
  name.length + status.length + pool.length + tags.join().length;

/** Roughly the bytes that a view takes in memory. It yields where the work may be interrupted. */
export function* weightOf({ guests, storages, nodes, activeTasks }: View): Generator<void, number> {
  let weight = (storages.length + nodes.length + activeTasks.length) * OBJECT_BYTES;
  for (const guest of guests.values()) {
    weight += OBJECT_BYTES + 2 * lengthOf(guest);
    yield;
  }
  return weight;
}
