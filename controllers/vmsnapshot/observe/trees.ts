/**
 * The guest of a VM with its snapshots, read once for all VMSnapshots of the VM: while the lists of Proxmox VE say that
 * nothing has changed, their passes read nothing. Whatever is changed is read again before.
 */
import { unlessAborted } from '../../../src/lib/abort.ts';
import type { CallOptions, GuestView, SnapshotList } from '../../../src/pve/index.ts';
import { minutes, seconds, type Millis, type NodeName, type Vmid } from '../../../src/lib/units.ts';
import type { Connection } from '../../shared/cluster/connections.ts';
import { locate } from '../../shared/cluster/locate.ts';
import type { Guest, Presence } from '../../shared/guests/model.ts';

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
  /** Whether the guest is proven to be that of the VM. The lists do not show when it gets its mark. */
  readonly isProven: (guest: Guest) => boolean;
  /** Whether the VM was complete once. A guest that was read before may have got its mark since. */
  readonly isMade: boolean;
}

export interface Trees {
  /**
   * As it was read last, if nothing suggests that it has changed. Otherwise it is read, once for all who ask meanwhile;
   * they see the same failure.
   */
  look(at: At, options: CallOptions): Promise<Tree>;
  /** As it is now: with a read of its own, that began after the call. */
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

/** A read in flight that others may wait for. */
interface Reading {
  readonly tree: Promise<Tree>;
  readonly version: string;
  readonly connection: Connection;
}

const NO_SNAPSHOTS: SnapshotList = { snapshots: [], parent: undefined };

/** How often the scan comes: a guest takes three requests, or four. */
export const SNAPSHOT_SCAN_TICK: Millis = seconds(2);
/** No tree is read more often than this by the scan. */
const SCAN_INTERVAL = minutes(5);
/** A guest that is not proven to be ours is read again: it may have been read while it was being made. */
const UNPROVEN_FOR = seconds(2);
/** Lists that do not have the guest show only that it is there again. */
const ABSENT_FOR = seconds(30);

/** @param now epoch ms */
export function createTrees(now: () => number): Trees {
  const trees = new Map<string, Known>();
  /** Of each VM the newest. */
  const readings = new Map<string, Reading>();

  function known(at: At): Tree | undefined {
    const { connection, uid } = at;
    const found = trees.get(uid);
    if (found?.version !== listedAs(at).version) return undefined;
    const age = now() - found.at;
    if (isAbsent(found.tree))
      return age >= ABSENT_FOR || found.cluster !== connection.ledger ? undefined : found.tree;
    return age >= UNPROVEN_FOR && isUnproven(found.tree, at) ? undefined : found.tree;
  }

  function keep({ uid, vmid, connection }: At, listed: Listed, tree: Tree): void {
    // What is still being read may have begun earlier.
    readings.delete(uid);
    const version = versionToKeep(tree, listed, vmid);
    if (version === undefined) trees.delete(uid);
    else trees.set(uid, { tree, version, at: now(), cluster: connection.ledger });
  }

  /** Without the signal of a pass, since other passes wait for it too; each of its requests has a deadline. */
  function readForAll(at: At): Promise<Tree> {
    const { uid, connection } = at;
    const listed = listedAs(at);
    const inFlight = readings.get(uid);
    if (inFlight?.version === listed.version && inFlight.connection === connection) return inFlight.tree;
    const reading: Reading = { tree: readTree(at, {}), version: listed.version, connection };
    readings.set(uid, reading);
    const isNewest = (): boolean => readings.get(uid) === reading;
    reading.tree.then(
      (tree) => isNewest() && keep(at, listed, tree),
      () => isNewest() && readings.delete(uid),
    );
    return reading.tree;
  }

  return {
    look: async (at, { signal }) => known(at) ?? unlessAborted(readForAll(at), signal),
    async read(at, options) {
      const listed = listedAs(at);
      const tree = await readTree(at, options);
      keep(at, listed, tree);
      return tree;
    },
    forget(uid) {
      trees.delete(uid);
      readings.delete(uid);
    },
    takeOldest() {
      const oldest = new Map<object, readonly [uid: string, at: number]>();
      for (const [uid, { tree, at, cluster }] of trees)
        if (!isAbsent(tree) && at < (oldest.get(cluster)?.[1] ?? now() - SCAN_INTERVAL))
          oldest.set(cluster, [uid, at]);
      const taken = [...oldest.values()].map(([uid]) => uid);
      for (const uid of taken) trees.delete(uid);
      return taken;
    },
  };
}

const isUnproven = ({ presence }: Tree, { isProven }: At): boolean =>
  presence.kind === 'seen' && !isProven(presence.guest);

const isAbsent = ({ presence }: Tree): boolean => presence.kind === 'absent';

/** How the lists have the guest. */
interface Listed {
  readonly version: string;
  /** `undefined`: they do not have it. */
  readonly row: GuestView | undefined;
}

/** `undefined`: the lists would not show that it has changed. */
function versionToKeep({ presence }: Tree, { version, row }: Listed, vmid: Vmid): string | undefined {
  if (presence.kind === 'absent') return unlisted(vmid);
  if (presence.kind !== 'seen' || !row) return undefined;
  // The end of a lock that the lists never showed would not show there either.
  const { lock } = presence.guest;
  return lock === undefined || lock === row.lock ? version : undefined;
}

const unlisted = (vmid: Vmid): string => JSON.stringify([vmid]);

function listedAs({ connection: { inventory }, vmid, isMade }: At): Listed {
  const view = inventory.view();
  const row = view?.guests.get(vmid);
  if (!view || !row) return { version: unlisted(vmid), row: undefined };
  const tasks = view.activeTasks.filter(({ id }) => id === String(vmid)).map(({ upid }) => upid);
  const version = [vmid, row.node, row.snapshotTask, row.lock, row.template, tasks.toSorted(), isMade];
  return { version: JSON.stringify(version), row };
}

async function readTree({ connection, vmid, hint }: Omit<At, 'uid'>, options: CallOptions): Promise<Tree> {
  const presence = await locate(connection, vmid, hint, options);
  if (presence.kind !== 'seen' || presence.guest.container) return { presence, list: NO_SNAPSHOTS };
  const { node } = presence.guest;
  return { presence, list: await connection.pve.node(node).qemu(vmid).snapshots.list(options) };
}
