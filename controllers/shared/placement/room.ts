/** Free memory and space of nodes and storages, without what was promised to other VMs. Pure. */
import type { StorageView, View } from '../../../src/pve/index.ts';
import { GiB, MiB } from '../../../src/lib/units.ts';
import { spaceKey, type Promised } from '../cluster/ledger.ts';

export interface Room {
  /** Bytes of memory; `Infinity` if PVE does not report them. */
  memoryOf(node: View['nodes'][number]): number;
  /** Bytes of space; `Infinity` if PVE does not report them. */
  spaceOf(storage: StorageView): number;
}

/** Of a guest that is paused, asleep or halted by an error PVE lists that state, and QEMU keeps its memory. */
const WITHOUT_MEMORY = new Set(['stopped', 'unknown']);

/**
 * Used memory is the larger of the memory in use and the configured memory of running guests, because a guest that has
 * just booted uses little. Templates and stopped guests count as zero.
 */
export function roomIn(view: View, { memory, space }: Promised): Room {
  const configured = new Map<string, number>();
  for (const { node, status, maxmem = 0 } of view.guests.values())
    if (!WITHOUT_MEMORY.has(status)) configured.set(node, (configured.get(node) ?? 0) + maxmem);
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

/** Prints a free amount, rounded down: `3 GiB`. */
export const printFree = (amount: number): string => inUnits(Math.max(amount, 0), Math.floor);
/** Prints a required amount, rounded up. */
export const printNeeded = (amount: number): string => inUnits(amount, Math.ceil);

const AMOUNT = /[\d.]+ [MG]iB/g;

export const withoutAmounts = (text: string): string => text.replace(AMOUNT, '#');
