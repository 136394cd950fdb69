/** What is free on nodes and storages, less what was promised a moment ago. Pure. */
import type { StorageView, View } from '../../../src/pve/index.ts';
import { GiB, MiB } from '../../../src/lib/units.ts';
import { spaceKey, type Promised } from '../../shared/cluster/ledger.ts';

export interface Room {
  /** Bytes of memory; `Infinity` where Proxmox VE does not tell. */
  memoryOf(node: View['nodes'][number]): number;
  /** Bytes of space; `Infinity` where Proxmox VE does not tell. */
  spaceOf(storage: StorageView): number;
}

/**
 * Memory: the larger of what is in use and what the guests that run may come to use; a guest that booted a moment ago
 * uses little yet. Templates and guests that are off take none.
 */
export function roomIn(view: View, { memory, space }: Promised): Room {
  const configured = new Map<string, number>();
  for (const { node, status, maxmem = 0 } of view.guests.values())
    if (status === 'running') configured.set(node, (configured.get(node) ?? 0) + maxmem);
  return {
    memoryOf: (node) =>
      node.memory === 0
        ? Infinity
        : node.memory -
          Math.max(node.memoryUsed, configured.get(node.name) ?? 0) -
          (memory.get(node.name) ?? 0),
    spaceOf: (storage) =>
      storage.total === undefined || storage.used === undefined
        ? Infinity
        : storage.total - storage.used - (space.get(spaceKey(storage)) ?? 0),
  };
}

const inUnits = (amount: number, round: (value: number) => number): string => {
  const [unit, name] = amount < GiB ? [MiB, 'MiB'] : [GiB, 'GiB'];
  const digits = amount / unit < 10 ? 10 : 1;
  return `${round((amount / unit) * digits) / digits} ${name}`;
};

/** What there is, rounded down: `3 GiB`. */
export const printFree = (amount: number): string => inUnits(Math.max(amount, 0), Math.floor);
/** What it takes, rounded up. */
export const printNeeded = (amount: number): string => inUnits(amount, Math.ceil);
