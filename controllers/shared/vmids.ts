/**
 * Gives out VMIDs of one PVE cluster. PVE reserves nothing: two clients that ask for the next free number get the
 * same one. So every number passes here, one request at a time, and stays taken until a status carries it.
 */
import type { Pve, View } from '../../src/pve/index.ts';
import { minutes, vmid, type Vmid } from '../../src/lib/units.ts';

export interface VmidRange {
  readonly start: number;
  /** Inclusive. */
  readonly end: number;
}

export interface VmidAllocator {
  /** A number that is free now. `undefined`: the range has none left. */
  reserve(pve: Pve, view: View, range?: VmidRange): Promise<Vmid | undefined>;
  /** The number is ours no longer. It is not given out again for ten minutes: others may still mean the old guest. */
  release(number: Vmid): void;
}

const COOL_DOWN = minutes(10);
const HIGHEST = 999_999_999;

/** @param claimed the numbers that stand in the status of any VirtualMachine */
export function createVmidAllocator(claimed: () => ReadonlySet<Vmid>, now: () => number): VmidAllocator {
  const heldUntil = new Map<Vmid, number>();
  let last: Promise<unknown> = Promise.resolve();

  const taken = (view: View, number: Vmid): boolean =>
    view.guests.has(number) || claimed().has(number) || (heldUntil.get(number) ?? 0) > now();

  async function find(pve: Pve, view: View, range: VmidRange | undefined): Promise<Vmid | undefined> {
    const lowest = range ? vmid(range.start) : await lowestFree(pve);
    if (lowest === undefined) return undefined;
    for (let n: number = lowest; n <= (range?.end ?? HIGHEST); n += 1) {
      const number = vmid(n);
      if (taken(view, number)) continue;
      // PVE itself sees guests that our credentials may not see.
      if ((await pve.cluster.nextid(number)).free) return number;
      heldUntil.set(number, now() + COOL_DOWN);
    }
    return undefined;
  }

  return {
    reserve(pve, view, range) {
      const next = last.then(async () => {
        for (const [number, until] of heldUntil) if (until <= now()) heldUntil.delete(number);
        const number = await find(pve, view, range);
        if (number !== undefined) heldUntil.set(number, now() + COOL_DOWN);
        return number;
      });
      last = next.catch(() => undefined);
      return next;
    },
    release(number) {
      heldUntil.set(number, now() + COOL_DOWN);
    },
  };
}

async function lowestFree(pve: Pve): Promise<Vmid | undefined> {
  const next = await pve.cluster.nextid();
  return next.free ? next.vmid : undefined;
}
