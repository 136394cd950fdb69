/**
 * What was promised to VMs that are being created and that Proxmox VE's figures do not show yet. One for each PVE
 * cluster, so that decisions made at the same time see each other.
 */
import type { View } from '../../../src/pve/index.ts';
import { minutes, seconds, type NodeName, type Vmid } from '../../../src/lib/units.ts';

/** Bytes of memory by node, and of space by storage as `spaceKey` names it. */
export interface Promised {
  readonly memory: ReadonlyMap<string, number>;
  readonly space: ReadonlyMap<string, number>;
}

export interface Reservation {
  /** Absent until a VMID is reserved. */
  readonly vmid: Vmid | undefined;
  readonly node: NodeName;
  readonly memory: number;
  readonly space: ReadonlyMap<string, number>;
}

export interface Entry extends Reservation {
  /** Epoch ms: when it was promised. */
  readonly at: number;
  /** Epoch ms: since when the guest is seen complete. */
  shownSince?: number;
  settled?: true;
}

export interface Ledger {
  /** What others than this VM were promised. */
  besides(uid: string, view: View): Promised;
  /** In place of what this VM was promised before. */
  promise(uid: string, reservation: Reservation): void;
  /** The guest is as desired: it needs no more memory than it shows. */
  settle(uid: string): void;
  release(uid: string): void;
  /** Where VMs are to be that are not known to be there yet, by uid. */
  destinations(view: View): ReadonlyMap<string, Pick<Reservation, 'node' | 'vmid'>>;
  /** Counts what is promised there here too. */
  absorb(other: Ledger): void;
  entries(): Iterable<readonly [uid: string, Entry]>;
}

/** Proxmox VE collects the figures of its storages every ten seconds. */
const FIGURES_LAG = seconds(20);
/** A VM that is not being created no longer counts when nothing was decided about it for this time. */
const FORGOTTEN_AFTER = minutes(10);

/** A storage that several nodes share has its space once. */
export const spaceKey = (storage: {
  readonly node: string;
  readonly storage: string;
  readonly shared: boolean;
}): string => (storage.shared ? storage.storage : `${storage.node}/${storage.storage}`);

export function createLedger(now: () => number): Ledger {
  const entries = new Map<string, Entry>();

  /** Whether its memory and its space are still to be counted. */
  function outstanding(entry: Entry, view: View): { readonly memory: boolean; readonly space: boolean } {
    const row = entry.vmid === undefined ? undefined : view.guests.get(entry.vmid);
    // One that is being moved shows where it was until it arrives.
    const isThere = row?.node === entry.node;
    if ((isThere && row.lock === undefined) || entry.settled) entry.shownSince ??= now();
    const memory = entry.settled === undefined && !(isThere && row.status === 'running');
    const space = entry.shownSince === undefined || now() - entry.shownSince < FIGURES_LAG;
    return row || now() - entry.at < FORGOTTEN_AFTER ? { memory, space } : { memory: false, space: false };
  }

  return {
    besides(uid, view) {
      const memory = new Map<string, number>();
      const space = new Map<string, number>();
      const add = (sums: Map<string, number>, key: string, amount: number): void =>
        void sums.set(key, (sums.get(key) ?? 0) + amount);
      for (const [other, entry] of entries) {
        const counts = outstanding(entry, view);
        if (!counts.memory && !counts.space) entries.delete(other);
        if (other === uid) continue;
        if (counts.memory) add(memory, entry.node, entry.memory);
        if (counts.space) for (const [key, amount] of entry.space) add(space, key, amount);
      }
      return { memory, space };
    },
    promise: (uid, reservation) => void entries.set(uid, { ...reservation, at: now() }),
    settle(uid) {
      const entry = entries.get(uid);
      if (entry) entry.settled = true;
    },
    release: (uid) => void entries.delete(uid),
    destinations(view) {
      // A guest that is as desired may be moved by others afterwards.
      const isOnItsWay = (entry: Entry): boolean => {
        if (entry.settled === true) return false;
        const { memory, space } = outstanding(entry, view);
        return memory || space;
      };
      return new Map([...entries].filter(([, entry]) => isOnItsWay(entry)));
    },
    absorb(other) {
      for (const [uid, entry] of other.entries()) if (!entries.has(uid)) entries.set(uid, entry);
    },
    entries: () => entries,
  };
}
