/**
 * The guest of a VM with its snapshots, read once for all VMSnapshots of the VM: while the lists of Proxmox VE say that
 * nothing has changed, their passes read nothing. Whatever is changed is read anew before.
 */
import type { CallOptions, SnapshotList } from '../../../src/pve/index.ts';
import { minutes, seconds, type Millis, type NodeName, type Vmid } from '../../../src/lib/units.ts';
import type { Connection } from '../../shared/cluster/connections.ts';
import { locate } from '../../shared/cluster/locate.ts';
import type { Presence } from '../../shared/guests/model.ts';

export interface Tree {
  readonly presence: Presence;
  /** Empty where the guest was not seen. */
  readonly list: SnapshotList;
}

export interface At {
  /** uid of the VirtualMachine. */
  readonly uid: string;
  readonly connection: Connection;
  readonly vmid: Vmid;
  readonly hint: NodeName | undefined;
}

export interface Trees {
  /** As it was read last, if nothing suggests that it has changed. */
  known(at: At): Tree | undefined;
  read(at: At, options: CallOptions): Promise<Tree>;
  forget(uid: string): void;
  /** Of each PVE cluster the VM whose tree was read longest ago, if that is long enough. It is forgotten. */
  takeOldest(): readonly string[];
}

interface Known {
  readonly tree: Tree;
  readonly version: string;
  readonly at: number;
  /** The same object for all connections to one PVE cluster. */
  readonly cluster: object;
}

const NO_SNAPSHOTS: SnapshotList = { snapshots: [], parent: undefined };

/** How often the scan comes: a guest takes three requests, or four. */
export const SNAPSHOT_SCAN_TICK: Millis = seconds(2);
/** No tree is read more often than this by the scan. */
const SCAN_INTERVAL = minutes(5);

/** @param now epoch ms */
export function createTrees(now: () => number): Trees {
  const trees = new Map<string, Known>();

  return {
    known(at) {
      const known = trees.get(at.uid);
      return known && known.version === versionOf(at) ? known.tree : undefined;
    },
    async read(at, options) {
      const version = versionOf(at);
      const tree = await readTree(at, options);
      if (version === undefined || !isAtRest(tree)) trees.delete(at.uid);
      else trees.set(at.uid, { tree, version, at: now(), cluster: at.connection.ledger });
      return tree;
    },
    forget: (uid) => void trees.delete(uid),
    takeOldest() {
      const oldest = new Map<object, readonly [uid: string, at: number]>();
      for (const [uid, { at, cluster }] of trees)
        if (at < (oldest.get(cluster)?.[1] ?? now() - SCAN_INTERVAL)) oldest.set(cluster, [uid, at]);
      const taken = [...oldest.values()].map(([uid]) => uid);
      for (const uid of taken) trees.delete(uid);
      return taken;
    },
  };
}

/** The end of a lock that the lists never showed would not show there either. */
const isAtRest = ({ presence }: Tree): boolean =>
  presence.kind === 'seen' && presence.guest.lock === undefined;

/** `undefined`: the lists do not have the guest, so they cannot show a change. */
function versionOf({ connection: { inventory }, vmid }: At): string | undefined {
  const view = inventory.view();
  const row = view?.guests.get(vmid);
  if (!view || !row) return undefined;
  const tasks = view.activeTasks.filter(({ id }) => id === String(vmid)).map(({ upid }) => upid);
  return JSON.stringify([vmid, row.node, row.snapshotTask, row.lock, row.template, tasks.toSorted()]);
}

async function readTree({ connection, vmid, hint }: Omit<At, 'uid'>, options: CallOptions): Promise<Tree> {
  const presence = await locate(connection, vmid, hint, options);
  if (presence.kind !== 'seen' || presence.guest.container) return { presence, list: NO_SNAPSHOTS };
  const { node } = presence.guest;
  return { presence, list: await connection.pve.node(node).qemu(vmid).snapshots.list(options) };
}
